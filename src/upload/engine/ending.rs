//! The end of each date, and of the run.

use super::{Engine, Task, UploadOutcome};
use crate::text::grouped;
use crate::upload::cut::Message;
use crate::upload::date_state::DateState;
use crate::upload::done::DoneReport;
use crate::upload::event::{Event, Gauges};
use crate::upload::finish::{ask_again, finish_date, look_at};
use crate::upload::report::Status;
use crate::upload::stop::StopCause;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Dates that are finished at one time: each looks into the ledger by itself.
const MAX_FINISHING: usize = 16;

/// Longer than any run.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// How long rows of a pipe that wait for others may take to be spooled when the grace is over. Nobody
/// is asked for that; only a pipe that gives half a row and no more keeps who reads from doing it.
const HANDING_OVER: Duration = Duration::from_secs(2);

impl Engine {
    /// Nothing new is sent any more. Whether batches are still taken from who reads: those of a pipe
    /// are recorded and spooled, so that the next run sends them.
    pub(super) fn drain(&mut self, incoming: &mut mpsc::Receiver<Message>) -> bool {
        let stop = &self.context.services.stop;
        if stop.cause() != Some(StopCause::Failure) {
            let grace = self.settings.run.grace;
            self.context.tell(&Event::Stopping { grace });
            if self.reads_a_pipe {
                return true;
            }
        }
        incoming.close();
        self.packing.clear();
        false
    }

    /// What was in flight is given up. Rows that a pipe gave are still recorded; returns until when.
    pub(super) fn after_grace(
        &mut self,
        incoming: &mut mpsc::Receiver<Message>,
        more: bool,
    ) -> Instant {
        if more && self.hands_over()() && !self.waits_for_pipe {
            self.waits_for_pipe = true;
            return Instant::now() + HANDING_OVER;
        }
        incoming.close();
        Instant::now() + NEVER
    }

    /// Rows of a pipe that are not on record, so that no run sends them unless they are piped in again.
    fn tell_lost_rows(&mut self) {
        let gauges = &self.context.services.gauges;
        let lost = Gauges::get(&gauges.rows_piped).saturating_sub(Gauges::get(&gauges.rows_kept));
        if !self.reads_a_pipe || lost == 0 {
            return;
        }
        let cause = self.context.services.stop.cause();
        let status = match cause.filter(|cause| *cause != StopCause::Failure) {
            Some(cause) => cause.status(),
            None => self
                .problems
                .iter()
                .map(|(status, _)| *status)
                .min()
                .unwrap_or(Status::Temporary),
        };
        self.problems.push((
            status,
            format!(
                "at least {} row(s) were taken from standard input and neither sent nor kept, and are not counted: whoever writes it has to repeat them; the same stream, piped in again from its beginning, goes on where it was",
                grouped(lost)
            ),
        ));
    }

    /// For who reads: whether it is time to hand over what a pipe has given.
    pub(super) fn hands_over(&self) -> Arc<dyn Fn() -> bool + Send + Sync> {
        let (stop, reads_a_pipe) = (self.context.services.stop.clone(), self.reads_a_pipe);
        Arc::new(move || {
            reads_a_pipe
                && stop
                    .cause()
                    .is_some_and(|cause| cause != StopCause::Failure)
        })
    }

    /// A date cannot be read to its end. What a stream gave before cannot be read again, so that is
    /// sent first.
    pub(super) fn cannot_read(&mut self, date: usize, status: Status, why: String) {
        match self.dates.get_mut(date) {
            Some(state) if !self.settings.stage.is_offline() && state.outstanding > 0 => {
                state.failing = Some((status, why));
            }
            _ => self.fail_date(date, status, why),
        }
    }

    fn fail_settled_dates(&mut self, draining: bool) {
        for index in 0..self.dates.len() {
            let state = self.dates.get_mut(index);
            let is_settled = |state: &&mut DateState| draining || state.outstanding == 0;
            let failing = state.filter(is_settled).and_then(|it| it.failing.take());
            if let Some((status, why)) = failing {
                self.fail_date(index, status, why);
            }
        }
    }

    pub(super) fn finish_ready_dates(&mut self, draining: bool) {
        self.fail_settled_dates(draining);
        let is_at_work = |date: &&DateState| date.finishing && date.done.is_none();
        let mut at_work = self.dates.iter().filter(is_at_work).count();
        for (index, date) in self.dates.iter_mut().enumerate() {
            let ready = date.read && date.outstanding == 0 && date.failed.is_none();
            if draining || !ready || date.finishing || at_work >= MAX_FINISHING {
                continue;
            }
            date.finishing = true;
            at_work += 1;
            let (finisher, row) = (self.finisher.clone(), date.run.row.clone());
            let (zone, state_dir) = (self.settings.zone, self.settings.run.state_dir.clone());
            let (is_asked, late) = (
                self.settings.asks_for_done_of(date.run.partition()),
                date.late,
            );
            self.tasks.spawn(async move {
                let report = if late {
                    ask_again(&finisher, &row).await
                } else if is_asked {
                    finish_date(&finisher, &row, zone, state_dir).await
                } else {
                    look_at(&finisher, row.partition, state_dir).await
                };
                (index, Task::Finished(report))
            });
        }
    }

    pub(super) fn outcome(mut self) -> UploadOutcome {
        self.tell_started();
        self.tell_lost_rows();
        let dates = self
            .dates
            .into_iter()
            .map(|date| {
                let partition = date.run.partition().clone();
                let report = date.done.unwrap_or_else(|| {
                    let (status, why) = date.failed.unwrap_or_else(|| {
                        let why = "the upload is not complete".to_owned();
                        (Status::Success, why)
                    });
                    DoneReport::withheld(&partition, status, why)
                });
                (partition, report)
            })
            .collect();
        UploadOutcome {
            problems: self.problems,
            dates,
        }
    }
}
