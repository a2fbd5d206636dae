//! Why rows of a columnar file cannot be sent, kept until the reader of their lines asks.

use crate::input::RejectCode;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// More than the lines that a reader holds; who only compares bytes never asks.
const MAX_KEPT: usize = 16 << 10;

/// Why a row cannot be sent.
#[derive(Debug, Clone)]
pub(super) struct RowFault {
    pub(super) code: RejectCode,
    /// The column at fault; `None` when it is the row as a whole.
    pub(super) column: Option<Arc<str>>,
    pub(super) message: String,
    /// Bytes of the row, where its line has only the first of them.
    pub(super) length: Option<u64>,
}

/// The faults of the rows that were decoded last.
#[derive(Debug, Clone, Default)]
pub(in crate::input) struct Faults(Arc<Mutex<VecDeque<(u64, RowFault)>>>);

impl Faults {
    /// Keeps why a row cannot be sent; rows come in order.
    #[cfg_attr(
        not(feature = "parquet"),
        allow(dead_code, reason = "nothing is decoded")
    )]
    pub(super) fn note(&self, row: u64, fault: RowFault) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() == MAX_KEPT {
            faults.pop_front();
        }
        faults.push_back((row, fault));
    }

    /// Forgets all, because other rows come now.
    #[cfg_attr(
        not(feature = "parquet"),
        allow(dead_code, reason = "nothing is decoded")
    )]
    pub(super) fn clear(&self) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.clear();
    }

    /// Why a row cannot be sent; rows before it are forgotten.
    pub(super) fn of_row(&self, row: u64) -> Option<RowFault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while faults.front().is_some_and(|(at, _)| *at < row) {
            faults.pop_front();
        }
        if faults.front().is_some_and(|(at, _)| *at == row) {
            return faults.pop_front().map(|(_, fault)| fault);
        }
        None
    }
}
