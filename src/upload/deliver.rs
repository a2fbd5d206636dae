//! One batch to its end, taken apart where the platform asks for it.
//!
//! A 413 halves the batch, and so does a rate that has fallen too far for it. A 400 that is in no
//! list is bisected down to the row at fault, but only once another batch of the date, or a part of
//! this one, was accepted: otherwise a wrong setting would turn a whole file into dead letters.
//! What comes next is decided by [`Parts`].

use super::context::{Context, DateRun, MAX_BISECT_REQUESTS};
use super::event::Gauges;
use super::explain;
use super::outcome::{Outcome, WorkerError};
use super::parcel::Parcel;
use super::parts::{Part, Parts};
use super::report::Status;
use super::stop_date::{stop_date, stop_with_the_others};
use super::worker::Worker;
use crate::domain::Judged;
use tokio::sync::OwnedSemaphorePermit;

/// How a batch left the engine's hands.
#[derive(Debug)]
pub(super) enum Delivery {
    /// Settled, whole or in parts.
    Settled,
    /// Answered in a way that blocks `done` until a person acts.
    Blocked(String),
    /// The date was stopped by an answer to this batch or to another one.
    DateStopped,
    /// The answer concerns every date: credentials or clock.
    RunStopped(Status, String),
    /// `--retry-for` is used up.
    Exhausted(String),
    /// The run stops; the batch stays as the ledger has it.
    Interrupted,
}

/// Requests that taking a batch in two costs.
const REQUESTS_PER_SPLIT: u32 = 2;

/// Brings one batch to its end.
pub(super) async fn deliver(
    context: &Context,
    date: &DateRun,
    mut whole: Parcel,
    probe: bool,
) -> Result<Delivery, WorkerError> {
    let first = probe && context.probe.take();
    let others_answered = async {
        if !first {
            context.probe.ended().await;
        }
        if !probe {
            date.probe.ended().await;
        }
    };
    tokio::select! {
        () = others_answered => {}
        () = context.services.stop.draining() => return Ok(Delivery::Interrupted),
    }
    if stop_with_the_others(context, date).await? {
        return Ok(Delivery::DateStopped);
    }
    // Held until everything that comes of the batch is settled.
    let _share = whole.share.take();
    let mut dissection = Dissection {
        context,
        date,
        parts: Parts::new(whole),
        exploring: None,
    };
    let delivery = dissection.run().await?;
    if probe {
        date.probe.end();
    }
    if first {
        context.probe.end();
    }
    if matches!(delivery, Delivery::Settled) {
        Gauges::sub(&context.services.gauges.batches_unsettled, 1);
    }
    Ok(delivery)
}

struct Dissection<'a> {
    context: &'a Context,
    date: &'a DateRun,
    parts: Parts,
    /// Held while nothing of the date was accepted and this batch finds out why.
    exploring: Option<OwnedSemaphorePermit>,
}

impl Dissection<'_> {
    async fn run(&mut self) -> Result<Delivery, WorkerError> {
        loop {
            let may_bisect = || self.date.may_bisect(REQUESTS_PER_SPLIT);
            let parcel = match self.parts.next(self.date.has_accepted(), may_bisect) {
                Part::Settled => return Ok(Delivery::Settled),
                Part::Send(parcel) => parcel,
                Part::Split(parcel, first) => {
                    self.split(parcel, first).await?;
                    continue;
                }
                Part::RefuseRow(parcel, judged) => {
                    let id = parcel.id;
                    let refused = Worker::new(self.context, self.date, parcel)
                        .refuse_only_row("refused_by_platform", &judged.message)
                        .await;
                    if refused.is_err() {
                        self.context.remember_refusal(id).await;
                    }
                    refused?;
                    continue;
                }
                Part::Stop(judged) => {
                    let (status, why) = explain::stopping(self.date.partition(), &judged);
                    return self.stop(status, why).await;
                }
                Part::StopAtOnlyRow(judged) => {
                    let date = self.date.partition();
                    let (status, why) = explain::only_row_refused(date, &judged);
                    return self.stop(status, why).await;
                }
                Part::GiveUp(judged) => return self.give_up(&judged).await,
            };
            match Worker::new(self.context, self.date, parcel).run().await? {
                Outcome::Settled => {}
                Outcome::TooLarge(parcel) => {
                    let half = parcel.rows.div_ceil(2);
                    self.split(*parcel, half).await?;
                }
                Outcome::Suspect(parcel, judged) => {
                    let accepted = self.date.has_accepted();
                    self.parts.suspect(*parcel, judged, accepted);
                    if let Some(left) = self.wait_for_exploration().await {
                        return Ok(left);
                    }
                }
                Outcome::Blocked(why) => return Ok(Delivery::Blocked(why)),
                Outcome::DateStopped => return Ok(Delivery::DateStopped),
                Outcome::RunStopped(status, why) => return Ok(Delivery::RunStopped(status, why)),
                Outcome::Exhausted(why) => return Ok(Delivery::Exhausted(why)),
                Outcome::Interrupted => return Ok(Delivery::Interrupted),
            }
        }
    }

    /// Lets the first one of many refused batches find out whether it is the rows.
    async fn wait_for_exploration(&mut self) -> Option<Delivery> {
        if self.date.has_accepted() {
            self.exploring = None;
        } else if self.exploring.is_none() {
            self.exploring = tokio::select! {
                permit = self.date.may_explore() => permit,
                () = self.context.services.stop.draining() => return Some(Delivery::Interrupted),
            };
        }
        self.date.stopped().map(|_| Delivery::DateStopped)
    }

    async fn give_up(&self, judged: &Judged) -> Result<Delivery, WorkerError> {
        let requests = MAX_BISECT_REQUESTS;
        let why = explain::too_many_at_fault(self.date.partition(), judged, requests);
        self.stop(Status::Refused, why).await
    }

    async fn stop(&self, status: Status, why: String) -> Result<Delivery, WorkerError> {
        stop_date(self.context, self.date, (status, why), false).await?;
        Ok(Delivery::DateStopped)
    }

    async fn split(&mut self, parcel: Parcel, first_rows: u32) -> Result<(), WorkerError> {
        let (id, was_sent) = (parcel.id, parcel.sent_as.is_some());
        let split = self.record_split(parcel, first_rows).await;
        if split.is_err() && was_sent {
            self.context.remember_refusal(id).await;
        }
        split
    }

    async fn record_split(
        &mut self,
        mut parcel: Parcel,
        first_rows: u32,
    ) -> Result<(), WorkerError> {
        let halves = parcel.split_after(first_rows, self.context.gzip_level)?;
        if parcel.spooled {
            for half in &halves {
                half.save(&self.context.spool_dir)
                    .map_err(super::parcel::PackError::from)?;
            }
        }
        let [first_id, second_id] = self
            .context
            .services
            .ledger
            .split(
                parcel.id,
                self.date.row.id,
                [halves[0].as_new_batch(), halves[1].as_new_batch()],
            )
            .committed()
            .await?;
        let [first, second] = halves;
        let mut first = first.into_parcel(first_id, parcel.spooled);
        // Taken apart before it was ever sent: its place is free once the first part goes.
        first.place = parcel.place.take();
        self.parts
            .split([first, second.into_parcel(second_id, parcel.spooled)]);
        Ok(())
    }
}
