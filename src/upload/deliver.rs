//! One batch to its end, taken apart where the platform asks for it.
//!
//! A 413 halves the batch, and so does a rate that has fallen too far for it. A 400 that is in no list is bisected down to the row at fault, but only
//! once another batch of the date, or one half of this one, was accepted: otherwise a wrong setting
//! would turn a whole file into dead letters.

use super::context::{Context, DateRun};
use super::event::{Event, Gauges};
use super::explain;
use super::outcome::{Outcome, WorkerError};
use super::parcel::Parcel;
use super::report::Status;
use super::worker::Worker;
use crate::domain::Judged;

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
    if !probe {
        tokio::select! {
            () = date.probe.over() => {}
            () = context.services.stop.draining() => return Ok(Delivery::Interrupted),
        }
    }
    // Held until everything that comes of the batch is settled.
    let _share = whole.share.take();
    let source_bytes = whole.source_bytes;
    let mut dissection = Dissection {
        context,
        date,
        open: vec![whole],
        suspects: Vec::new(),
        explored: false,
    };
    let delivery = dissection.run().await?;
    if probe {
        date.probe.end();
    }
    if matches!(delivery, Delivery::Settled) {
        Gauges::add(&context.services.gauges.bytes_settled, source_bytes);
    }
    Ok(delivery)
}

struct Dissection<'a> {
    context: &'a Context,
    date: &'a DateRun,
    /// Parts still to be sent, the next one last.
    open: Vec<Parcel>,
    /// Parts that were answered with a 400 in no list before anything of the date was accepted.
    suspects: Vec<(Parcel, Judged)>,
    /// Whether the batch was halved just to see whether one half is accepted.
    explored: bool,
}

impl Dissection<'_> {
    async fn run(&mut self) -> Result<Delivery, WorkerError> {
        loop {
            let Some(parcel) = self.open.pop() else {
                match self.resolve_suspects().await? {
                    Some(delivery) => return Ok(delivery),
                    None => continue,
                }
            };
            match Worker::new(self.context, self.date, parcel).run().await? {
                Outcome::Settled => {}
                Outcome::TooLarge(parcel) => self.split(*parcel).await?,
                Outcome::Suspect(parcel, judged) if self.date.has_accepted() => {
                    if let Some(stopped) = self.dissect(*parcel, &judged).await? {
                        return Ok(stopped);
                    }
                }
                Outcome::Suspect(parcel, judged) => self.suspects.push((*parcel, judged)),
                Outcome::Blocked(why) => return Ok(Delivery::Blocked(why)),
                Outcome::DateStopped => return Ok(Delivery::DateStopped),
                Outcome::RunStopped(status, why) => return Ok(Delivery::RunStopped(status, why)),
                Outcome::Exhausted(why) => return Ok(Delivery::Exhausted(why)),
                Outcome::Interrupted => return Ok(Delivery::Interrupted),
            }
        }
    }

    /// Everything open is answered: settled, or suspect with nothing accepted at that time.
    async fn resolve_suspects(&mut self) -> Result<Option<Delivery>, WorkerError> {
        let mut suspects = std::mem::take(&mut self.suspects);
        let Some((parcel, judged)) = suspects.pop() else {
            return Ok(Some(Delivery::Settled));
        };
        if self.date.has_accepted() {
            self.suspects = suspects;
            return self.dissect(parcel, &judged).await;
        }
        if !self.explored && parcel.rows > 1 {
            self.explored = true;
            self.suspects = suspects;
            self.split(parcel).await?;
            return Ok(None);
        }
        let (status, why) = explain::stopping(self.date.partition(), &judged);
        Ok(Some(self.stop(status, why)))
    }

    /// Halves a refused batch; a single row is the one at fault.
    async fn dissect(
        &mut self,
        parcel: Parcel,
        judged: &Judged,
    ) -> Result<Option<Delivery>, WorkerError> {
        if parcel.rows == 1 {
            Worker::new(self.context, self.date, parcel)
                .refuse_only_row("refused_by_platform", &judged.message)
                .await?;
            return Ok(None);
        }
        if !self.date.may_bisect(REQUESTS_PER_SPLIT) {
            let why = format!(
                "{}: too many batches are refused as a whole ({}); looking for the rows at fault was given up, nothing of them was counted as stored. Check the rows against the table definition, then run the same command again",
                self.date.partition(),
                explain::answer(judged)
            );
            return Ok(Some(self.stop(Status::Refused, why)));
        }
        self.split(parcel).await?;
        Ok(None)
    }

    fn stop(&self, status: Status, why: String) -> Delivery {
        if self.date.stop(status, why.clone()) {
            self.context.tell(&Event::PartitionStopped {
                partition: self.date.partition().clone(),
                why,
            });
        }
        Delivery::DateStopped
    }

    async fn split(&mut self, mut parcel: Parcel) -> Result<(), WorkerError> {
        let halves = parcel.halves()?;
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
        self.open
            .push(second.into_parcel(second_id, parcel.spooled));
        let mut first = first.into_parcel(first_id, parcel.spooled);
        // Taken apart before it was ever sent: its place is free once the first part goes.
        first.place = parcel.place.take();
        self.open.push(first);
        Ok(())
    }
}
