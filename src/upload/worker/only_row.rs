//! A batch of one row, which cannot be taken apart any further.

use super::{Outcome, Step, Worker};
use crate::domain::Judged;
use crate::ledger::Settlement;
use crate::upload::explain;
use crate::upload::outcome::WorkerError;
use crate::upload::parcel::PackError;
use crate::upload::stop_date::stop_date;
use crate::upload::unpack::PackedRows;

/// A row that every server takes: their limits are megabytes.
const SMALL_ROW_BYTES: usize = 64 << 10;

impl Worker<'_> {
    /// A 413 for a row alone. As long as nothing was accepted, one for a small row says nothing of it:
    /// something on the way lets no request through.
    pub(super) async fn only_row_too_large(
        &mut self,
        judged: &Judged,
    ) -> Result<Step, WorkerError> {
        let bytes = self.only_row()?.len();
        if bytes <= SMALL_ROW_BYTES && !self.date.has_accepted() {
            let reason = explain::nothing_fits(self.date.partition(), judged, bytes);
            stop_date(self.context, self.date, reason, false).await?;
            return Ok(Step::Leave(Outcome::DateStopped));
        }
        let why = "the server takes no request with this row alone (HTTP 413)";
        self.refuse_only_row("too_large", why).await?;
        Ok(Step::Leave(Outcome::Settled))
    }

    /// Settles a batch of one row as refused.
    pub(in crate::upload) async fn refuse_only_row(
        &mut self,
        code: &str,
        message: &str,
    ) -> Result<(), WorkerError> {
        let row = self.only_row()?;
        let text = String::from_utf8_lossy(&row);
        let (piece, position) = self
            .parcel
            .places
            .iter()
            .next()
            .ok_or(PackError::Unreadable)?;
        let letter = self
            .parcel
            .dead_letter(
                piece,
                position,
                text.into_owned(),
                (code, message.to_owned()),
            )
            .ok_or(PackError::Unreadable)?;
        self.context
            .tell_refused(self.date.partition(), std::slice::from_ref(&letter));
        let request_id = self.parcel.sent_as.unwrap_or_else(|| self.request_id());
        self.settle(Settlement::Refused { letter, request_id })
            .await
    }

    fn only_row(&self) -> Result<Vec<u8>, PackError> {
        let mut rows = PackedRows::of(&self.parcel.body);
        let row = rows.next()?.ok_or(PackError::Unreadable)?;
        Ok(row.to_vec())
    }
}
