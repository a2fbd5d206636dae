//! Which inputs a file begins like, so that each is compared with few of them.

use super::{RecogniseError, Recogniser};
use crate::input::{FoundFile, HEAD_BYTES, InputSettings, prefix_digests, unpacked_name};
use crate::ledger::{InputId, InputKind, KnownInput};
use std::collections::{BTreeMap, HashMap};

/// How the inputs of a date begin: as recorded, or, as long as nothing of them was read, as their own
/// files do.
pub(super) struct Beginnings<'k> {
    /// Inputs by what they are called before they are compressed.
    by_name: HashMap<&'k str, Vec<&'k KnownInput>>,
    /// Inputs by the length and the digest of their beginning, decompressed.
    by_length: BTreeMap<u64, HashMap<u128, Vec<&'k KnownInput>>>,
    /// Objects of which nothing was read. Looking into each may take long.
    unread_objects: Vec<&'k KnownInput>,
}

impl<'k> Beginnings<'k> {
    /// `taken` are the inputs that files of the command are.
    pub(super) fn of(
        recogniser: &Recogniser<'_>,
        known: &'k [KnownInput],
        taken: &HashMap<InputId, &FoundFile>,
    ) -> Result<Self, RecogniseError> {
        let mut by_length: BTreeMap<u64, HashMap<u128, Vec<&KnownInput>>> = BTreeMap::new();
        let mut by_name: HashMap<&str, Vec<&KnownInput>> = HashMap::new();
        let mut unread_objects = Vec::new();
        for input in known {
            let name = unpacked_name(&input.name);
            by_name.entry(name).or_default().push(input);
        }
        for input in known.iter().filter(|input| input.kind.is_stored()) {
            let beginning = match recogniser.ledger.first_chunk(input.id)? {
                // A header alone tells nothing.
                Some(first) => (first.records > 0).then_some((first.end(), first.digest)),
                None if input.kind == InputKind::Object => {
                    unread_objects.push(input);
                    None
                }
                None => {
                    let original = match taken.get(&input.id) {
                        Some(named) => Some((*named).clone()),
                        None => recogniser.in_its_place(input)?,
                    };
                    original.and_then(|original| {
                        prefix_digests(&original.location, recogniser.settings, [HEAD_BYTES]).pop()
                    })
                }
            };
            if let Some((length, digest)) = beginning.filter(|(length, _)| *length > 0) {
                let of_length = by_length.entry(length).or_default();
                of_length.entry(digest).or_default().push(input);
            }
        }
        Ok(Self {
            by_name,
            by_length,
            unread_objects,
        })
    }

    /// The inputs that a file may be the same as, and one of them that it does begin like.
    pub(super) fn candidates(
        &self,
        file: &FoundFile,
        settings: &InputSettings,
    ) -> (Vec<&'k KnownInput>, Option<&'k KnownInput>) {
        let name = file.location.to_string();
        let same_size = |input: &&&KnownInput| {
            let before = input.identity.as_ref();
            before.is_some_and(|it| it.size() == file.identity.size())
        };
        let mut candidates: Vec<&KnownInput> = self
            .unread_objects
            .iter()
            .filter(same_size)
            .copied()
            .collect();
        let called_alike = self.by_name.get(unpacked_name(&name));
        candidates.extend(called_alike.into_iter().flatten());
        let others = candidates.len();
        let lengths = self.by_length.keys().copied();
        for (length, digest) in prefix_digests(&file.location, settings, lengths) {
            let alike = self.by_length.get(&length).and_then(|it| it.get(&digest));
            candidates.extend(alike.into_iter().flatten());
        }
        let alike = candidates.get(others).copied();
        candidates.sort_by_key(|input| input.id);
        candidates.dedup_by_key(|input| input.id);
        (candidates, alike)
    }
}
