//! Notes about files that have the content of another one.
//!
//! Such a file is the same input, in the first command as in any later one. Somebody who means its
//! rows to be uploaded once more has to say so by a name of its own.

use super::recognise::Recognised;
use crate::input::{FoundFile, InputError, InputSettings, content_digest, copies, is_repacked};
use crate::ledger::InputId;
use std::collections::HashMap;

/// Most copies that are named one by one.
const MAX_NAMED: usize = 3;

/// Copies that are not uploaded.
#[derive(Debug, Default)]
pub(super) struct Copied {
    names: HashMap<InputId, String>,
    pairs: Vec<(String, String)>,
}

impl Copied {
    /// Lists an input; false when a file that is the same input is listed already.
    pub(super) fn list(&mut self, id: InputId, name: &str) -> bool {
        if let Some(first) = self.names.get(&id) {
            self.pairs.push((name.to_owned(), first.clone()));
            return false;
        }
        self.names.insert(id, name.to_owned());
        true
    }

    /// Notes a copy of a file that the ledger does not know either.
    pub(super) fn note(&mut self, copy: String, of: String) {
        self.pairs.push((copy, of));
    }

    /// What a person has to know of them.
    pub(super) fn in_words(self) -> Vec<String> {
        let mut notes: Vec<String> = self
            .pairs
            .iter()
            .take(MAX_NAMED)
            .map(|(copy, of)| {
                format!(
                    "{copy} has the same content as {of}: it is the same input and is not uploaded twice. If its rows are wanted twice, pipe it in under a name of its own before done is sent (--input-id NAME - < FILE)"
                )
            })
            .collect();
        let more = self.pairs.len().saturating_sub(MAX_NAMED);
        if more > 0 {
            notes.push(format!(
                "{more} more file(s) have the same content as others and are not uploaded twice"
            ));
        }
        notes
    }
}

/// Files with the content of another one, neither of which the ledger knows: copy and original.
pub(super) fn copies_among_new(
    files: &[(&FoundFile, Recognised)],
    settings: &InputSettings,
) -> Result<HashMap<String, String>, InputError> {
    let new: Vec<&FoundFile> = files
        .iter()
        .filter(|(_, recognised)| matches!(recognised, Recognised::New))
        .map(|(file, _)| *file)
        .collect();
    let names: Vec<String> = new.iter().map(|file| file.location.to_string()).collect();
    let name = |index: usize| names.get(index).cloned();
    let mut found: HashMap<String, String> = copies(&new, settings)?
        .into_iter()
        .filter_map(|(copy, of)| name(copy).zip(name(of)))
        .collect();
    let mut sorted: Vec<(&String, &&FoundFile)> = names.iter().zip(&new).collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    // What a file is called when it is compressed follows its own name.
    for pair in sorted.windows(2) {
        let [(of, original), (copy, packed)] = pair else {
            continue;
        };
        if is_repacked(of, copy)
            && !found.contains_key(*copy)
            && content_digest(&original.location, settings)?
                == content_digest(&packed.location, settings)?
        {
            found.insert((*copy).clone(), (*of).clone());
        }
    }
    Ok(found)
}
