//! Rounds in the engine: recorded as one, then sent batch by batch like all others.

use super::{Engine, Task};
use crate::ledger::RegisteredPartition;
use crate::upload::cut::Round;
use crate::upload::deliver::{Delivery, deliver};
use crate::upload::event::Gauges;
use crate::upload::packed_round::{PackedRound, pack_round};
use crate::upload::parcel::PackError;
use crate::upload::queue::{Recorded, Slot};
use crate::upload::{explain, failure};
use std::sync::Arc;
use tokio::sync::oneshot;

impl Engine {
    pub(super) fn start_packing_round(&mut self, round: Round) {
        let packer = self.packer.clone();
        let packing = move || pack_round(round, &packer).map(Box::new);
        let handle = tokio::task::spawn_blocking(packing);
        self.packing.push_back(Slot::Round(handle));
    }

    /// Hands a round to the ledger; its batches are next in the queue. Also those of a date that
    /// failed are recorded, since the stretch is: the next run sends them.
    pub(super) fn round_packed(&mut self, packed: Result<Box<PackedRound>, PackError>) {
        let mut round = match packed {
            Ok(round) => round,
            Err(error) => {
                let (status, why) = (failure::pack_status(&error), explain::with_causes(&error));
                for date in 0..self.dates.len() {
                    self.fail_date(date, status, why.clone());
                }
                return;
            }
        };
        if round.is_redo {
            for (date, parcel) in round.parcels.into_iter().rev() {
                let part = Recorded { parcel, id: None };
                self.packing
                    .push_front(Slot::Part(date, Some(Box::new(part))));
            }
            return;
        }
        let runs: Vec<_> = self
            .dates
            .iter()
            .map(|date| Arc::clone(&date.run))
            .collect();
        let rows: Vec<&RegisteredPartition> = runs.iter().map(|run| &run.row).collect();
        let letters = round.tell_rejects(&self.context, &rows);
        let gauges = Arc::clone(&self.context.services.gauges);
        Gauges::add(&gauges.rows_rejected, letters);
        let intentions = round.intentions(&rows);
        let pending = self.context.services.ledger.intend_together(intentions);
        let mut waiting = Vec::new();
        for (date, parcel) in round.parcels.into_iter().rev() {
            let (told, id) = oneshot::channel();
            waiting.push(told);
            let id = Some(id);
            let part = Recorded { parcel, id };
            self.packing
                .push_front(Slot::Part(date, Some(Box::new(part))));
        }
        if let Some(date) = self.dates.first_mut() {
            date.outstanding += 1;
        }
        let source_bytes = round.source_bytes;
        self.tasks.spawn(async move {
            let recorded = pending.committed().await;
            let recorded = recorded.map(|ids| {
                for (told, id) in waiting.into_iter().rev().zip(ids.into_iter().flatten()) {
                    // Nobody listens when the run stops; the batch is on record.
                    let _stopped = told.send(id);
                }
                Gauges::add(&gauges.bytes_settled, source_bytes);
            });
            (0, Task::Recorded(recorded))
        });
    }

    /// Sends a batch of a round.
    pub(super) fn start_part(&mut self, index: usize, part: Option<Box<Recorded>>) {
        let (Some(date), Some(part)) = (self.dates.get_mut(index), part) else {
            return;
        };
        // It stays on record as intended.
        if date.failed.is_some() || date.run.stopped().is_some() {
            return;
        }
        let Recorded { mut parcel, id } = *part;
        let run = Arc::clone(&date.run);
        date.outstanding += 1;
        self.in_flight += 1;
        if id.is_some() {
            Gauges::add(&self.context.services.gauges.batches_unsettled, 1);
        }
        parcel.place = self.place.take();
        let probe = run.probe.take();
        let context = self.context.clone();
        self.tasks.spawn(async move {
            if let Some(id) = id {
                let Ok(id) = id.await else {
                    // Why it is not on record is told by the task that recorded.
                    return (index, Task::Delivered(Ok(Delivery::Interrupted)));
                };
                parcel.id = id;
            }
            let delivered = deliver(&context, &run, parcel, probe).await;
            (index, Task::Delivered(delivered))
        });
    }
}
