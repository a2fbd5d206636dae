//! Are the inputs of a date still what was uploaded? Asked right before it is sealed.

use super::report::Status;
use crate::domain::FileIdentity;
use crate::input::{InputSettings, Verifier};
use crate::ledger::{InputKind, KnownInput, LedgerError, LedgerReader, PartitionId};
use std::path::Path;

/// What is wrong with the inputs of a date; empty when nothing is. An input that vanished after it
/// was read to its end is fine. Blocks on files.
pub(super) fn changed_inputs(
    ledger: &LedgerReader,
    partition: PartitionId,
) -> Result<Vec<(Status, String)>, LedgerError> {
    let mut changed = Vec::new();
    for input in ledger.inputs(partition)? {
        if input.kind == InputKind::File && input.read_to_end {
            changed.extend(changed_file(ledger, &input)?);
        }
    }
    Ok(changed)
}

fn changed_file(
    ledger: &LedgerReader,
    input: &KnownInput,
) -> Result<Option<(Status, String)>, LedgerError> {
    let Some(before) = input.identity else {
        return Ok(None);
    };
    let path = Path::new(&input.name);
    let now = match std::fs::metadata(path) {
        Ok(metadata) => FileIdentity::of(&metadata),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Ok(Some((
                Status::BadInput,
                format!("{} cannot be looked at before done: {error}", input.name),
            )));
        }
    };
    if now == before {
        return Ok(None);
    }
    if now.size > before.size {
        return Ok(Some((
            Status::NotReady,
            format!(
                "{} is still growing ({} bytes when it was read, {} now); done was not sent. When it is complete, run 'write' again: the rest is sent",
                input.name, before.size, now.size
            ),
        )));
    }
    if now.size == before.size {
        let recorded = ledger.chunks(input.id)?;
        // Compression is told by magic bytes, and digests do not depend on the other options.
        let same = Verifier::verify(path, &InputSettings::default(), recorded);
        if matches!(same, Ok(None)) {
            return Ok(None);
        }
    }
    Ok(Some((
        Status::InputChanged,
        format!(
            "{} was changed after it was read; done was not sent. Put it back; or 'byteair-sync ledger drop-input {}' (what was accepted stays on the platform); or 'write --restart'",
            input.name, input.name
        ),
    )))
}
