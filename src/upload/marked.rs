//! Does the marker of a date still lie where its inputs do? Asked by `done`, which reads nothing: a
//! marker that was taken away since says that the export is being written anew.

use super::done::DoneReport;
use super::report::Status;
use super::{explain, failure};
use crate::input::{InputError, Location, Stores};
use crate::ledger::{KnownPartition, LedgerError, LedgerReader};
use std::collections::BTreeSet;
use std::path::Path;

/// Most folders that are named.
const MAX_NAMED: usize = 3;

/// Why a date that remembers `--require-marker` gets no `done`; nothing if it may. Blocks on files and
/// stores.
pub(super) fn without_marker(
    date: &KnownPartition,
    state_dir: &Path,
    stores: &Stores,
) -> Result<Option<DoneReport>, LedgerError> {
    let (Some(marker), Some(reader)) = (
        date.guards.require_marker.as_deref(),
        LedgerReader::open(state_dir)?,
    ) else {
        return Ok(None);
    };
    let mut locations = Vec::new();
    for input in reader.inputs(date.id)? {
        // Corrected rows lie wherever somebody corrected them.
        if input.kind.is_stored() && !reader.replaces_rejects(input.id)? {
            locations.push(Location::of_name(&input.name));
        }
    }
    let (status, why) = match folders_without(&locations, marker, stores) {
        Ok(without) if without.is_empty() => return Ok(None),
        Ok(without) => {
            let folders: Vec<&str> = without.iter().map(String::as_str).collect();
            let more = if folders.len() > MAX_NAMED {
                ", …"
            } else {
                ""
            };
            let why = format!(
                "no {marker} in {}{more} any more, which this date remembers (--require-marker); done was not sent. When the export is complete again, run 'write' again; if the marker is not needed, 'write --require-marker none'",
                folders.get(..MAX_NAMED).unwrap_or(&folders).join(", ")
            );
            (Status::NotReady, why)
        }
        Err(error) => {
            let status = failure::input_status(&error, Status::NotReady);
            (status, explain::with_causes(&error))
        }
    };
    Ok(Some(DoneReport::withheld(&date.partition, status, why)))
}

/// The folders of inputs that are still there, if neither they nor those above hold the marker: it may
/// lie in a directory that was named, and files in others below.
fn folders_without(
    locations: &[Location],
    marker: &str,
    stores: &Stores,
) -> Result<BTreeSet<String>, InputError> {
    let (mut seen, mut without) = (BTreeSet::new(), BTreeSet::new());
    for location in locations {
        let folders = location.folders();
        let Some(folder) = folders.first().map(ToString::to_string) else {
            continue;
        };
        // What vanished after it was finished is fine, and its folder may be gone with it.
        if seen.contains(&folder) || location.identity(stores)?.is_none() {
            continue;
        }
        seen.insert(folder.clone());
        let mut is_marked = false;
        for folder in &folders {
            is_marked = is_marked || folder.holds(marker, stores)?;
        }
        if !is_marked {
            without.insert(folder);
        }
    }
    Ok(without)
}
