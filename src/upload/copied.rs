//! Notes about files that have the content of another one.
//!
//! Such a file is the same input, in the first command as in any later one. Somebody who means its
//! rows to be uploaded once more has to say so by a name of its own.

use super::recognise::Recognised;
use crate::input::{
    FoundFile, HEAD_BYTES, InputError, InputSettings, Location, content_digest, copies, has_rows,
    named_format, packing, prefix_digests, unpacked_name,
};
use crate::ledger::InputId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

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
    for (copy, of) in packed_copies(&new, &names, settings)? {
        if let Some((copy, of)) = name(copy).zip(name(of)) {
            found.entry(copy).or_insert(of);
        }
    }
    Ok(found)
}

/// Which files hold, differently compressed, what an earlier one does. Asked only where names say that
/// some are compressed; objects of a store are looked into only if they are called alike, since each may
/// take long.
fn packed_copies(
    files: &[&FoundFile],
    names: &[String],
    settings: &InputSettings,
) -> Result<Vec<(usize, usize)>, InputError> {
    let mut of_stem: HashMap<&str, usize> = HashMap::new();
    let mut any_packed = false;
    for name in names {
        *of_stem.entry(unpacked_name(name)).or_default() += 1;
        any_packed |= !packing(name).is_empty();
    }
    let mut pairs = Vec::new();
    if !any_packed {
        return Ok(pairs);
    }
    let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
    for (index, (file, name)) in files.iter().zip(names).enumerate() {
        let has_twin = of_stem.get(unpacked_name(name)).is_some_and(|it| *it > 1);
        if has_twin || matches!(file.location, Location::File(_)) {
            let head = prefix_digests(&file.location, settings, [HEAD_BYTES]).pop();
            if let Some(head) = head.filter(|(length, _)| *length > 0) {
                let key = (head, named_format(name, settings));
                alike.entry(key).or_default().push(index);
            }
        }
    }
    for group in alike.into_values().filter(|group| group.len() > 1) {
        let mut of_content: HashMap<u128, usize> = HashMap::new();
        for index in group {
            let Some(file) = files.get(index) else {
                continue;
            };
            match of_content.entry(content_digest(&file.location, settings)?) {
                Entry::Occupied(first) => pairs.push((index, *first.get())),
                Entry::Vacant(none) if has_rows(file, settings) => _ = none.insert(index),
                Entry::Vacant(_) => {}
            }
        }
    }
    Ok(pairs)
}
