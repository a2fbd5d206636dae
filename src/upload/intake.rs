//! What was consumed of the inputs to make a batch, or several batches of different dates.
//!
//! It travels with them, so that the ledger records all of it in one transaction or nothing.

use super::event::Gauges;
use crate::domain::RawRange;
use crate::input::{LocalReject, RowReader};
use crate::ledger::{Blocks, DeadLetter, InputId};

/// Dead letters that end a batch early, so that they stay bounded like everything else.
const MAX_REJECTS: usize = 1_000;

/// Bytes of dead letters that do the same.
const MAX_REJECT_BYTES: usize = 1 << 20;

/// Bytes of dead letters that end a batch even before its input has been judged.
const MAX_UNJUDGED_REJECT_BYTES: usize = 8 << 20;

/// Stretches of inputs, with what became of them besides rows that are sent.
#[derive(Default)]
pub(super) struct Intake {
    /// Stretches, with the invalid records in each.
    pub(super) chunks: Vec<(InputId, RawRange, u64)>,
    /// Rows that are not sent.
    pub(super) rejects: Vec<DeadLetter>,
    /// Inputs that end here.
    pub(super) finished: Vec<InputId>,
    /// Bytes of the sources (as stored) consumed.
    pub(super) source_bytes: u64,
}

/// The input that is being read, and what was taken of it since the last batch.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) input: InputId,
    /// It cannot be read twice.
    pub(super) spooled: bool,
    invalid: u64,
    consumed: u64,
    reject_bytes: usize,
    /// The last stretch that was cut.
    last: Option<RawRange>,
    intake: Intake,
}

impl Reading {
    pub(super) const fn begin(&mut self, input: InputId, spooled: bool, consumed: u64) {
        self.input = input;
        self.spooled = spooled;
        self.invalid = 0;
        self.consumed = consumed;
    }

    /// Notes a bad row.
    pub(super) fn reject(&mut self, reject: LocalReject, blocks: Blocks) {
        self.invalid = self.invalid.saturating_add(1);
        self.reject_bytes = self.reject_bytes.saturating_add(reject.raw.len());
        self.intake.rejects.push(DeadLetter {
            input: self.input,
            position: reject.position,
            column: reject.column,
            code: reject.code.as_str().to_owned(),
            message: reject.message,
            raw: reject.raw,
            blocks,
        });
    }

    /// Whether bad rows alone are a reason to end the batch: not before the input has shown a good
    /// one or enough bad ones to judge it.
    pub(super) const fn has_many_rejects(&self, judged: bool) -> bool {
        let many =
            self.intake.rejects.len() >= MAX_REJECTS || self.reject_bytes >= MAX_REJECT_BYTES;
        many && (judged || self.reject_bytes >= MAX_UNJUDGED_REJECT_BYTES)
    }

    /// Takes what was consumed of the current input.
    pub(super) fn cut(&mut self, reader: &mut dyn RowReader, gauges: &Gauges) {
        let range = reader.cut();
        if range.length > 0 {
            self.intake.chunks.push((self.input, range, self.invalid));
            self.last = Some(range);
        }
        self.invalid = 0;
        let consumed = reader.consumed_bytes();
        let fresh = consumed.saturating_sub(self.consumed);
        self.intake.source_bytes = self.intake.source_bytes.saturating_add(fresh);
        self.consumed = consumed;
        Gauges::add(&gauges.bytes_read, fresh);
        Gauges::add(&gauges.rows_read, range.records);
    }

    /// The last stretch that was cut.
    pub(super) const fn last(&self) -> Option<RawRange> {
        self.last
    }

    /// Whether there is a bad row that was not handed over.
    pub(super) const fn has_rejects(&self) -> bool {
        !self.intake.rejects.is_empty()
    }

    /// The input is read to its end, and cut there.
    pub(super) fn end(&mut self) {
        self.intake.finished.push(self.input);
    }

    /// Whether nothing was taken since the last batch.
    pub(super) const fn is_empty(&self) -> bool {
        self.intake.chunks.is_empty() && self.intake.finished.is_empty()
    }

    /// Hands over all that was taken.
    pub(super) fn take(&mut self) -> Intake {
        self.reject_bytes = 0;
        std::mem::take(&mut self.intake)
    }
}
