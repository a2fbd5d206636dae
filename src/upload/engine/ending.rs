//! The end of each date, and of the run.

use super::{Engine, Task, UploadOutcome};
use crate::upload::date_state::DateState;
use crate::upload::done::DoneReport;
use crate::upload::finish::{ask_again, finish_date, look_at};
use crate::upload::report::Status;

/// Dates that are finished at one time: each looks into the ledger by itself.
const MAX_FINISHING: usize = 16;

impl Engine {
    pub(super) fn finish_ready_dates(&mut self, draining: bool) {
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
            let (is_asked, late) = (self.settings.asks_for_done(), date.late);
            self.tasks.spawn(async move {
                let report = if late {
                    ask_again(&finisher, &row).await
                } else if is_asked {
                    finish_date(&finisher, &row, zone, state_dir).await
                } else {
                    look_at(row.partition, state_dir).await
                };
                (index, Task::Finished(report))
            });
        }
    }

    pub(super) fn outcome(self) -> UploadOutcome {
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
