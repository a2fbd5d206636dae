//! Cuts that are being compressed, in the order in which they were read.
//!
//! Compressing happens on several threads at once; batches leave this queue in their order all the
//! same, because the ledger records inputs from front to back.

use super::packed_round::PackedRound;
use super::parcel::{PackError, Packed, Parcel};
use super::report::Status;
use crate::ledger::BatchId;
use std::collections::VecDeque;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A batch of a round that is being recorded.
pub(super) struct Recorded {
    pub(super) parcel: Parcel,
    /// Its number, once it is on disk; never comes when that fails. `None` when it was before.
    pub(super) id: Option<oneshot::Receiver<BatchId>>,
}

/// Cuts being packed, with the marks between them, in order.
pub(super) enum Slot {
    Packing(usize, JoinHandle<Result<Box<Packed>, PackError>>),
    Round(JoinHandle<Result<Box<PackedRound>, PackError>>),
    /// A batch of a round, and word of its being on record.
    Part(usize, Option<Box<Recorded>>),
    Read(usize),
    Failed(usize, Status, String),
}

/// A slot whose turn has come.
pub(super) enum Ready {
    Packed(usize, Result<Box<Packed>, PackError>),
    Round(Result<Box<PackedRound>, PackError>),
    Part(usize, Option<Box<Recorded>>),
    Read(usize),
    Failed(usize, Status, String),
}

/// Waits for the first slot without taking it, so that nothing is lost when the wait is cancelled.
pub(super) async fn front(slots: &mut VecDeque<Slot>) -> Ready {
    match slots.front_mut() {
        Some(Slot::Packing(date, handle)) => {
            Ready::Packed(*date, handle.await.unwrap_or(Err(PackError::Unreadable)))
        }
        Some(Slot::Round(handle)) => {
            Ready::Round(handle.await.unwrap_or(Err(PackError::Unreadable)))
        }
        Some(Slot::Part(date, part)) => Ready::Part(*date, part.take()),
        Some(Slot::Read(date)) => Ready::Read(*date),
        Some(Slot::Failed(date, status, problem)) => Ready::Failed(*date, *status, problem.clone()),
        None => std::future::pending().await,
    }
}
