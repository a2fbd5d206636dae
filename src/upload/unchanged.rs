//! Are the inputs of a date still what was uploaded? Asked right before it is sealed.

use super::recognise::RecogniseError;
use super::report::Status;
use super::row_end::{RowEnd, row_end};
use super::{explain, failure};
use crate::input::{InputSettings, Location, Stores, Verifier};
use crate::ledger::{KnownInput, LedgerError, LedgerReader, PartitionId};

/// What is wrong with the inputs of a date; empty when nothing is. An input that vanished after it
/// was read to its end is fine. Blocks on files and stores.
pub(super) fn changed_inputs(
    ledger: &LedgerReader,
    partition: PartitionId,
    stores: &Stores,
) -> Result<Vec<(Status, String)>, LedgerError> {
    let mut changed = Vec::new();
    let inputs = ledger.inputs(partition)?;
    for (index, input) in inputs.iter().enumerate() {
        let later = inputs.iter().skip(index.saturating_add(1));
        if input.kind.is_stored() && input.read_to_end && !is_replaced(input, later) {
            changed.extend(changed_input(ledger, input, stores)?);
        }
    }
    Ok(changed)
}

/// Whether what lies in the place of an input is a later one: rows that replace rejected ones of it.
fn is_replaced<'a>(input: &KnownInput, mut later: impl Iterator<Item = &'a KnownInput>) -> bool {
    later.any(|other| other.name == input.name)
}

fn changed_input(
    ledger: &LedgerReader,
    input: &KnownInput,
    stores: &Stores,
) -> Result<Option<(Status, String)>, LedgerError> {
    let Some(before) = &input.identity else {
        return Ok(None);
    };
    let location = Location::of_name(&input.name);
    let now = match location.identity(stores) {
        Ok(Some(now)) => now,
        Ok(None) => return Ok(None),
        Err(error) => {
            return Ok(Some((
                failure::input_status(&error, Status::BadInput),
                format!(
                    "it cannot be seen before done whether an input was changed: {}",
                    explain::with_causes(&error)
                ),
            )));
        }
    };
    if now.is_same(before) {
        return Ok(None);
    }
    let settings = InputSettings {
        stores: stores.clone(),
        ..InputSettings::of_read_options(input.read_options.as_deref())
    };
    let recorded = ledger.chunks(input.id)?;
    let compared = || Verifier::verify(&location, &settings, recorded.iter().copied());
    // What is longer may as well be something else.
    if now.size() > before.size() && !matches!(compared(), Ok(Some(_))) {
        return Ok(Some((
            Status::NotReady,
            format!(
                "{} is still growing ({} bytes when it was read, {} {}. {}",
                input.name,
                before.size(),
                now.size(),
                explain::GREW_AFTERWARDS,
                when_complete(ledger, input, &location, &settings)?
            ),
        )));
    }
    if now.size() == before.size() && matches!(compared(), Ok(None)) {
        return Ok(None);
    }
    let replaces = ledger.replaces_rejects(input.id)?;
    Ok(Some((
        Status::InputChanged,
        format!(
            "{} was changed after it was read; done was not sent. {}",
            input.name,
            explain::ways_out(&input.name, replaces)
        ),
    )))
}

/// What to do with an input once it has stopped growing.
fn when_complete(
    ledger: &LedgerReader,
    input: &KnownInput,
    location: &Location,
    settings: &InputSettings,
) -> Result<String, LedgerError> {
    if let Some(last) = ledger.last_chunk(input.id)? {
        match row_end(ledger, (input.id, &last), location, settings) {
            Ok(RowEnd::Whole | RowEnd::Torn(_)) | Err(RecogniseError::Input(_)) => {}
            Ok(RowEnd::Continued | RowEnd::NoLines) => {
                return Ok(format!(
                    "Its last row (line {}) was not complete when it was read, and was uploaded as it stood: when it is complete, 'byteair-sync ledger drop-input {}' (what was accepted stays on the platform), or 'write --restart' (everything again; behavior rows would be stored twice)",
                    last.line.saturating_add(last.lines),
                    input.name
                ));
            }
            Err(RecogniseError::Ledger(error)) => return Err(error),
        }
    }
    Ok("When it is complete, run 'write' again: the rest is sent".to_owned())
}
