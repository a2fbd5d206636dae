//! A batch whose answer does not say which of its rows are stored: no later run can find it out.

use super::{Step, Worker};
use crate::ledger::Settlement;
use crate::upload::outcome::{Outcome, WorkerError};

impl Worker<'_> {
    /// Settles the batch so, and keeps what was answered: whoever decides about the date needs it.
    pub(super) async fn blocked(
        &mut self,
        settlement: Settlement,
        what: &str,
    ) -> Result<Step, WorkerError> {
        self.settle(settlement).await?;
        let why = format!(
            "{}: batch {} {what}",
            self.date.partition(),
            self.parcel.id.0
        );
        let (ledger, date) = (&self.context.services.ledger, self.date.row.id);
        let noting = ledger.note_blocked(date, self.context.run, why.clone());
        noting.committed().await?;
        Ok(Step::Leave(Outcome::Blocked(why)))
    }
}
