//! An answer that ends a date for this run.
//!
//! The dates of a run share topic, stage, tenant and application, so the answer that one of these is
//! wrong ends all of them: the others learn of it before their next request. A date of which the
//! platform has nothing then owes nothing.

use super::context::{Context, DateRun};
use super::event::Event;
use super::report::Status;
use crate::ledger::LedgerError;

/// Stops a date; the first reason stays.
pub(super) async fn stop_date(
    context: &Context,
    date: &DateRun,
    (status, why): (Status, String),
    wrong_setup: bool,
) -> Result<(), LedgerError> {
    if wrong_setup {
        // The first such answer is as good as any other.
        let _known = context.wrong_setup.set(why.clone());
    }
    if !date.stop(status, why.clone()) {
        return Ok(());
    }
    if wrong_setup {
        let marking = context
            .services
            .ledger
            .mark_refused(date.row.id, context.run, why.clone());
        marking.committed().await?;
    } else if status == Status::Refused {
        let ledger = &context.services.ledger;
        let noting = ledger.note_stopped(date.row.id, context.run, why.clone());
        noting.committed().await?;
    }
    context.tell(&Event::PartitionStopped {
        partition: date.partition().clone(),
        why,
    });
    Ok(())
}

/// Stops a date that has asked for nothing yet, when another one learnt that the set-up is wrong;
/// tells whether it did.
pub(super) async fn stop_with_the_others(
    context: &Context,
    date: &DateRun,
) -> Result<bool, LedgerError> {
    let Some(why) = context.wrong_setup.get() else {
        return Ok(false);
    };
    let why = format!(
        "{}: nothing was sent, as the platform refuses what all dates of this run share: {why}",
        date.partition()
    );
    stop_date(context, date, (Status::Refused, why), true).await?;
    Ok(true)
}
