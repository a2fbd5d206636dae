//! Recorded stretches of an input, compared beside the upload.
//!
//! A file that was touched since its rows were recorded must still begin with them. Reading it again
//! takes as long as the file is large, so nothing waits for it but the gate.

use super::report::Status;
use super::{explain, failure};
use crate::domain::RawRange;
use crate::input::{InputSettings, Location, Verifier};
use crate::ledger::{InputId, Ledger};

/// An input whose recorded stretches are still to be compared.
pub(super) struct Comparison {
    /// Indices of its dates in the run.
    pub(super) dates: Vec<usize>,
    /// Its number.
    pub(super) input: InputId,
    /// Where it is.
    pub(super) location: Location,
    /// What the ledger recorded of it, in order.
    pub(super) ranges: Vec<RawRange>,
}

impl Comparison {
    /// Reads the stretches again and marks the input verified when they are the same. Blocks.
    pub(super) fn compare(
        self,
        settings: &InputSettings,
        ledger: &Ledger,
    ) -> Result<(), (Status, String)> {
        match Verifier::verify(&self.location, settings, self.ranges) {
            Ok(None) => ledger
                .mark_verified(self.input)
                .committed_blocking()
                .map_err(|error| (failure::ledger_status(&error), explain::with_causes(&error))),
            Ok(Some(range)) => Err((
                Status::InputChanged,
                format!(
                    "{} differs from what was uploaded of it, from line {} on; put it back, or 'byteair-sync ledger drop-input', or 'write --restart'",
                    self.location, range.line
                ),
            )),
            Err(error) => Err((
                failure::input_status(&error, Status::BadInput),
                explain::with_causes(&error),
            )),
        }
    }
}
