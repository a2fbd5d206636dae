//! Is this file one that the ledger knows, and is it still the same?
//!
//! A file is known by its content and place, never by its name alone. Equal device, inode, size and
//! times are trusted at once; otherwise head and tail are compared now and the rest beside the
//! upload, and nothing is sealed before that has finished.

mod beginnings;
mod likeness;

use super::row_end::{RowEnd, row_end};
use crate::domain::RawRange;
use crate::input::{FoundFile, InputError, InputSettings, Verifier, packing};
use crate::ledger::{InputId, KnownInput, LedgerError, LedgerReader, TornEnd};
use beginnings::Beginnings;
pub use likeness::stands_for;
use std::collections::HashMap;

/// What is known of a file.
#[derive(Debug)]
pub(super) enum Recognised {
    /// Nothing.
    New,
    /// It is this input.
    Known {
        /// The ledger's row.
        input: KnownInput,
        /// Rows were appended after it had been read to its end.
        appended: bool,
        /// Its last row was half written when it was read.
        torn_end: Option<Box<TornEnd>>,
        /// Recorded stretches that are still to be compared.
        unverified: Vec<RawRange>,
    },
    /// It was this input and is no longer what was recorded.
    Changed {
        /// The ledger's row.
        input: KnownInput,
        /// What is different.
        what: &'static str,
    },
}

/// What a file is to the ledger.
pub(super) enum Sight {
    /// An input of its own, new or known.
    Input(Box<Recognised>),
    /// A copy of this input, whose own file is still where it was.
    Copy(Box<KnownCopy>),
}

impl Sight {
    pub(super) fn new(recognised: Recognised) -> Self {
        Self::Input(Box::new(recognised))
    }
}

/// A file with the content of an input whose own file is still where it was.
pub(super) struct KnownCopy {
    /// The ledger's row.
    pub(super) input: KnownInput,
    /// What is to be read in place of the copy, and what is known of that. Nothing if it is a file of
    /// the command anyway, or if the input is finished and its own file was changed since: nobody named
    /// that one.
    pub(super) original: Option<(FoundFile, Recognised)>,
}

/// Why a file could not be recognised.
#[derive(Debug, thiserror::Error)]
pub enum RecogniseError {
    /// The file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Whether an input was read with the options that it would be read with now.
pub(super) fn is_read_alike(input: &KnownInput, settings: &InputSettings) -> bool {
    input.row_options == settings.row_options_digest()
        && input.date_options == settings.date_field.as_ref().map(|field| field.digest())
}

/// Whether what is at the place of an input is its own file, changed or not.
fn is_its_own(now: &FoundFile, input: &KnownInput) -> bool {
    input.identity.as_ref().is_some_and(|it| match it.place() {
        Some(place) => now.identity.place() == Some(place),
        None => it.is_same(&now.identity),
    })
}

/// How files are compared.
pub(super) struct Recogniser<'a> {
    pub(super) ledger: &'a LedgerReader,
    pub(super) settings: &'a InputSettings,
    /// Re-read even what looks untouched.
    pub(super) verify: bool,
    /// The file holds corrected rows. What has the same content by chance is another input.
    pub(super) replay: bool,
    /// All files of the command, which are looked up. Of an input whose own file is among them under
    /// another name, a new file under the old name is no change: the file was rotated.
    pub(super) named: &'a [FoundFile],
}

impl Recogniser<'_> {
    /// Looks the files of the command up among the inputs of their date.
    ///
    /// Those that are an input by their place or name come first: what has the same content as one
    /// of them is its copy, and does not stand for it. Adds things to notice.
    pub(super) fn recognise(
        &self,
        known: &[KnownInput],
        notes: &mut Vec<String>,
    ) -> Result<Vec<Sight>, RecogniseError> {
        let (mut found, mut taken) = (Vec::new(), HashMap::new());
        for file in self.named {
            let recognised = self.by_place_or_name(file, known)?;
            if let Some(Recognised::Known { input, .. } | Recognised::Changed { input, .. }) =
                &recognised
            {
                taken.insert(input.id, file);
            }
            found.push((file, recognised));
        }
        let mut beginnings = None;
        let mut sights = Vec::new();
        for (file, recognised) in found {
            let sight = match recognised {
                Some(recognised) => Sight::new(recognised),
                None if known.is_empty() || file.identity.size() == 0 => {
                    Sight::new(Recognised::New)
                }
                None => {
                    let beginnings = match &mut beginnings {
                        Some(beginnings) => beginnings,
                        none => none.insert(Beginnings::of(self, known, &taken)?),
                    };
                    let (candidates, alike) = beginnings.candidates(file, self.settings);
                    let sight = self.by_content(file, candidates, &mut taken)?;
                    if let (Sight::Input(it), Some(input)) = (&sight, alike)
                        && matches!(**it, Recognised::New)
                    {
                        notes.push(format!(
                            "{} begins like {}, but is not the same: it is taken for another file, and rows that are in both are sent twice",
                            file.location, input.name
                        ));
                    }
                    sight
                }
            };
            sights.push(sight);
        }
        Ok(sights)
    }

    /// The input that a file is by its place, or else by its name.
    fn by_place_or_name(
        &self,
        file: &FoundFile,
        known: &[KnownInput],
    ) -> Result<Option<Recognised>, RecogniseError> {
        let name = file.location.to_string();
        let place = file.identity.place();
        let same_place = |input: &KnownInput| {
            place.is_some()
                && input
                    .identity
                    .as_ref()
                    .is_some_and(|it| it.place() == place)
        };
        if let Some(input) = self.choose(file, known, same_place)
            && !self.has_only_its_inode(file, input)?
        {
            let compared = self.compare(file, input)?;
            // Another file may have got the inode of one that is gone.
            let reused = matches!(compared, Recognised::Changed { .. })
                && input.name != name
                && input.read_to_end;
            if !reused {
                return self.once_more(compared).map(Some);
            }
        }
        let same_name = |input: &KnownInput| input.name == name && !self.has_moved(input, &name);
        let Some(input) = self.choose(file, known, same_name) else {
            return Ok(None);
        };
        let compared = self.compare(file, input)?;
        self.once_more(compared).map(Some)
    }

    /// What a file is by its content. `taken` are the inputs that files of the command are.
    fn by_content<'f>(
        &self,
        file: &'f FoundFile,
        candidates: Vec<&KnownInput>,
        taken: &mut HashMap<InputId, &'f FoundFile>,
    ) -> Result<Sight, RecogniseError> {
        for input in candidates {
            if !self.may_be_a_copy(input)? {
                continue;
            }
            let named = taken.get(&input.id).copied();
            let original = match named {
                Some(named) => Some(named.clone()),
                None => self.in_its_place(input)?,
            };
            if !self.is_the_same(file, input, original.as_ref())? {
                continue;
            }
            let (input, original) = match (named, original) {
                (Some(_), _) => (input.clone(), None),
                (None, Some(original)) => {
                    let copy = self.copy_of(original, input)?;
                    return Ok(Sight::Copy(Box::new(copy)));
                }
                (None, None) => {
                    taken.insert(input.id, file);
                    return self.compare(file, input).map(Sight::new);
                }
            };
            return Ok(Sight::Copy(Box::new(KnownCopy { input, original })));
        }
        Ok(Sight::new(Recognised::New))
    }

    /// Rows that were rejected may have been replaced by rows in the same file: that is two inputs.
    /// The later one is its replay, which an upload only goes on with.
    fn choose<'k>(
        &self,
        file: &FoundFile,
        known: &'k [KnownInput],
        is_it: impl Fn(&KnownInput) -> bool,
    ) -> Option<&'k KnownInput> {
        let same: Vec<&KnownInput> = known.iter().filter(|input| is_it(input)).collect();
        if self.replay {
            return same.last().copied();
        }
        let is_untouched = |input: &KnownInput| {
            let before = input.identity.as_ref();
            before.is_some_and(|before| before.is_same(&file.identity))
        };
        let first = same.first().copied();
        let unfinished = same.iter().find(|input| !input.is_finished());
        let untouched = same.iter().find(|input| is_untouched(input));
        unfinished.or(untouched).copied().or(first)
    }

    /// A file of which the platform took nothing may replace its own rows, changed or not. One that
    /// replaced rows before may hold others by now, of a later export.
    fn once_more(&self, recognised: Recognised) -> Result<Recognised, RecogniseError> {
        let input = match &recognised {
            Recognised::Known {
                input,
                appended: false,
                ..
            }
            | Recognised::Changed { input, .. }
                if self.replay =>
            {
                input
            }
            _ => return Ok(recognised),
        };
        let holds_others = matches!(recognised, Recognised::Changed { .. })
            && input.is_finished()
            && self.ledger.replaces_rejects(input.id)?;
        if holds_others || self.ledger.is_all_rejected(input.id)? {
            return Ok(Recognised::New);
        }
        Ok(recognised)
    }

    /// Whether the same content under another name would be the same input. Of corrected rows only
    /// those that are under way are.
    fn may_be_a_copy(&self, input: &KnownInput) -> Result<bool, LedgerError> {
        Ok(!self.replay || (!input.is_finished() && self.ledger.replaces_rejects(input.id)?))
    }

    /// A copy is no rename: if the ledger took its place for that of the input, the input's own file
    /// would be unknown from then on, and all of it be uploaded again.
    fn copy_of(
        &self,
        original: FoundFile,
        input: &KnownInput,
    ) -> Result<KnownCopy, RecogniseError> {
        let compared = self.compare(&original, input)?;
        let as_it_was = matches!(
            compared,
            Recognised::Known {
                appended: false,
                ..
            }
        );
        let to_read = as_it_was || !input.is_finished();
        Ok(KnownCopy {
            input: input.clone(),
            original: to_read.then_some((original, compared)),
        })
    }

    /// Compares a file with what the ledger recorded of an input.
    pub(super) fn compare(
        &self,
        file: &FoundFile,
        input: &KnownInput,
    ) -> Result<Recognised, RecogniseError> {
        let changed = |what| {
            Ok(Recognised::Changed {
                input: input.clone(),
                what,
            })
        };
        let is_begun = self.ledger.last_chunk(input.id)?.is_some();
        if is_begun && !self.is_called_alike(file, input) {
            return changed("its name says another format than it was read in");
        }
        if is_begun && !is_read_alike(input, self.settings) {
            return changed(if input.row_options == self.settings.row_options_digest() {
                "its rows get their dates in another way, or others are named (the dates and options of the command that began it go on with it)"
            } else {
                "it is read with other options that change rows"
            });
        }
        let renamed = input.name != file.location.to_string();
        let as_known = |appended, unverified| {
            Ok(Recognised::Known {
                input: input.clone(),
                appended,
                torn_end: None,
                unverified,
            })
        };
        let before = input.identity.as_ref();
        // Another object may have the tag that this one has.
        let in_place = file.identity.place().is_some() || !renamed;
        let untouched =
            in_place && before.is_some_and(|it| it.is_same(&file.identity)) && input.verified;
        if untouched && !self.verify {
            return as_known(false, Vec::new());
        }
        // How much two files hold that are differently compressed does not show in their sizes.
        let shorter = packing(&file.location.to_string()) == packing(&input.name)
            && before.is_some_and(|before| file.identity.size() < before.size());
        let chunks = self.ledger.chunks(input.id)?;
        let Some(last) = chunks.last().copied() else {
            return as_known(input.read_to_end && file.identity.size() > 0, Vec::new());
        };
        if shorter && !input.read_to_end {
            // What was not read yet cannot be compared, and some of it is gone.
            return changed("it is shorter than it was; it was truncated or replaced");
        }
        let first = chunks.first().copied().filter(|_| last.offset > 0);
        let ends = first.into_iter().chain([last]);
        if let Some(what) = self.difference(file, ends, shorter)? {
            return changed(what);
        }
        let appended = input.read_to_end && self.goes_on_after(&file.location, last)?;
        let mut torn_end = None;
        if appended || !input.read_to_end {
            let end = (input.id, &last);
            match row_end(self.ledger, end, &file.location, self.settings)? {
                RowEnd::Whole => {}
                // What was read to its end there is an array that was closed, or a value of which
                // more may come.
                RowEnd::NoLines if !appended => {}
                RowEnd::NoLines | RowEnd::Continued => {
                    return changed("its last row was continued");
                }
                RowEnd::Torn(torn) => torn_end = Some(Box::new(torn)),
            }
        }
        let inner = chunks.len().saturating_sub(1);
        let unverified = chunks.into_iter().take(inner).skip(1).collect();
        Ok(Recognised::Known {
            input: input.clone(),
            appended,
            torn_end,
            unverified,
        })
    }

    /// What is different in these recorded stretches.
    fn difference(
        &self,
        file: &FoundFile,
        recorded: impl IntoIterator<Item = RawRange>,
        shorter: bool,
    ) -> Result<Option<&'static str>, InputError> {
        match Verifier::verify(&file.location, self.settings, recorded) {
            Err(error) if error.is_truncated() => {
                Ok(Some("it was truncated: its compressed stream ends early"))
            }
            Err(error) => Err(error),
            Ok(None) => Ok(None),
            Ok(Some(_)) if shorter => Ok(Some("it was truncated or replaced")),
            Ok(Some(_)) => Ok(Some("its content was edited or replaced")),
        }
    }
}
