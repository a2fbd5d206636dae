//! Cuts that are being compressed, in the order in which they were read.
//!
//! Compressing happens on several threads at once; batches leave this queue in their order all the
//! same, because the ledger records inputs from front to back.

use super::parcel::{PackError, Packed};
use super::report::Status;
use std::collections::VecDeque;
use tokio::task::JoinHandle;

/// Cuts being packed, with the marks between them, in order.
pub(super) enum Slot {
    Packing(usize, JoinHandle<Result<Box<Packed>, PackError>>),
    Read(usize),
    Failed(usize, Status, String),
}

/// A slot whose turn has come.
pub(super) enum Ready {
    Packed(usize, Result<Box<Packed>, PackError>),
    Read(usize),
    Failed(usize, Status, String),
}

/// Waits for the first slot without taking it, so that nothing is lost when the wait is cancelled.
pub(super) async fn front(slots: &mut VecDeque<Slot>) -> Ready {
    match slots.front_mut() {
        Some(Slot::Packing(date, handle)) => {
            Ready::Packed(*date, handle.await.unwrap_or(Err(PackError::Unreadable)))
        }
        Some(Slot::Read(date)) => Ready::Read(*date),
        Some(Slot::Failed(date, status, problem)) => Ready::Failed(*date, *status, problem.clone()),
        None => std::future::pending().await,
    }
}
