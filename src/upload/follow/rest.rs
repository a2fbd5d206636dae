//! Is this file the one that was read, and where is the rest of one that is not under its name any
//! more?
//!
//! A file is known by device and inode; that its bytes are still those that were read is seen from
//! the last recorded stretch. A file that was copied away and truncated is found again by that
//! stretch, among the files beside it whose names begin with its own.

use super::tail::{Growing, Tail};
use super::{Follower, unreadable};
use crate::domain::{FileIdentity, InputIdentity, RawRange};
use crate::input::{
    Compression, Format, GrowingFile, InputFault, InputSettings, Next, RowReader, Start, Verifier,
    is_stored_as_read, open_file, open_growing,
};
use crate::ledger::{InputKind, KnownInput};
use crate::upload::batcher::{Halt, halt};
use crate::upload::report::Status;
use std::io;
use std::path::{Path, PathBuf};

/// Inputs with which a file is compared that may be a copy: a copy is made of a file that was read lately.
const MOST_COMPARED: usize = 8;

/// Largest compressed file that is looked into.
const MOST_UNPACKED_BYTES: u64 = 64 << 20;

/// A file that is open, and what it was when it was opened.
pub(super) struct Opened {
    pub(super) file: GrowingFile,
    pub(super) identity: FileIdentity,
}

impl Opened {
    /// Device and inode.
    pub(super) const fn place(&self) -> (u64, u64) {
        (self.identity.device, self.identity.inode)
    }
}

impl Growing for Opened {
    fn has_news(&self, name: &str) -> Result<bool, Halt> {
        self.file.has_news().map_err(unreadable(name))
    }

    fn open(
        &self,
        name: &str,
        settings: &InputSettings,
        last: Option<&RawRange>,
    ) -> Result<Option<Box<dyn RowReader>>, Halt> {
        let is_ready = self.file.has_whole_line().map_err(unreadable(name))?;
        if !is_ready && !self.file.is_complete() {
            return Ok(None);
        }
        let start = last.map_or(Start::BEGINNING, Start::after);
        match open_growing(&self.file, name, settings, start) {
            Ok(reader) => Ok(Some(reader)),
            // It was truncated since it was recognised.
            Err(error) if matches!(error.fault, InputFault::Shorter { .. }) => {
                self.file.note_replaced();
                Ok(None)
            }
            Err(error) => Err(halt(&error)),
        }
    }

    fn complete(&self) {
        self.file.complete();
    }
}

/// Opens what is at a path; nothing when there is no file.
pub(super) fn open(path: &Path) -> io::Result<Option<Opened>> {
    if identity_of(path)?.is_none() {
        return Ok(None);
    }
    let file = match GrowingFile::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let identity = file.identity()?;
    Ok(Some(Opened { file, identity }))
}

/// What is at a path; nothing when there is no file. Pipes and devices cannot be read twice.
pub(super) fn identity_of(path: &Path) -> io::Result<Option<FileIdentity>> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(FileIdentity::of(&found))),
        Ok(_) => Err(io::Error::other("it is no file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Device and inode of an input's file.
fn place_of(input: &KnownInput) -> Option<(u64, u64)> {
    input.identity.as_ref().and_then(InputIdentity::place)
}

/// Whether a file still has a stretch that was read.
fn holds(path: &Path, last: &RawRange) -> bool {
    let settings = InputSettings {
        format: Format::Jsonl,
        compression: Compression::None,
        ..InputSettings::default()
    };
    matches!(Verifier::verify(path, &settings, [*last]), Ok(None))
}

impl Follower<'_> {
    /// The input that a file at a path is, with what was recorded of it last.
    pub(super) fn recognise(
        &self,
        path: &Path,
        identity: &FileIdentity,
    ) -> Result<Option<(KnownInput, Option<RawRange>)>, Halt> {
        let place = (identity.device, identity.inode);
        let of_place = |input: &KnownInput| {
            matches!(input.kind, InputKind::Followed | InputKind::File)
                && place_of(input) == Some(place)
        };
        let Some(input) = self.all_known()?.into_iter().rfind(of_place) else {
            return Ok(None);
        };
        let last = self.last_of(&input)?;
        if last.is_some_and(|last| !holds(path, &last)) {
            return Ok(None);
        }
        if input.kind == InputKind::File && input.unsettled {
            return Err(Halt::Partition(
                Status::Unfinished,
                format!(
                    "{} was partly uploaded without --follow and has batches left; run the same command once without --follow, then with it",
                    path.display()
                ),
            ));
        }
        Ok(Some((input, last)))
    }

    /// Whether a file is an input that is known. One that was truncated is known by its inode, and what
    /// is in it since is not.
    fn was_read(&self, path: &Path, place: (u64, u64), known: &[KnownInput]) -> Result<bool, Halt> {
        for input in known.iter().filter(|it| place_of(it) == Some(place)) {
            if self.last_of(input)?.is_none_or(|last| holds(path, &last)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Files that came and went under a path while nobody followed it, the oldest first: they are named
    /// after it, were written later than anything that was read, and nothing of them was.
    pub(super) fn missed(
        &self,
        path: &Path,
        known: &[KnownInput],
        tails: &[Tail<'_, Opened>],
    ) -> Result<Vec<Opened>, Halt> {
        let file = |input: &KnownInput| match input.identity {
            Some(InputIdentity::File(file)) => Some(file),
            _ => None,
        };
        let Some(since) = known.iter().filter_map(file).map(|it| it.mtime_ns).max() else {
            return Ok(Vec::new());
        };
        let mut lasts = Vec::new();
        for input in known.iter().rev().take(MOST_COMPARED) {
            lasts.extend(self.last_of(input)?);
        }
        let name = path.display().to_string();
        let mut missed = Vec::new();
        for candidate in beside(path).map_err(unreadable(&name))? {
            let Ok(Some(opened)) = open(&candidate) else {
                continue;
            };
            let Opened { file, identity } = &opened;
            if identity.mtime_ns <= since || !is_named_after(&candidate, path) {
                continue;
            }
            let place = opened.place();
            let is_followed = tails.iter().map(|tail| &tail.source).any(|it| {
                let is_it = it.place() == place && !it.file.is_replaced();
                is_it || matches!(file.begins_like(&it.file), Ok(true))
            });
            if is_followed
                || self.was_read(&candidate, place, known)?
                || lasts.iter().any(|last| holds(&candidate, last))
            {
                continue;
            }
            if is_stored_as_read(&candidate.display().to_string()) {
                missed.push(opened);
            } else if let Some(warning) = not_uploaded(&candidate, identity, tails, &lasts) {
                let candidate = candidate.display();
                self.warn(format!(
                    "{candidate} was written and compressed while nobody followed {name}; {warning}"
                ))?;
            }
        }
        missed.sort_by_key(|opened| opened.identity.mtime_ns);
        Ok(missed)
    }
}

/// What is said of a compressed file; nothing when its rows were read, or are being read from the file
/// that it was made of.
fn not_uploaded(
    packed: &Path,
    identity: &FileIdentity,
    tails: &[Tail<'_, Opened>],
    lasts: &[RawRange],
) -> Option<String> {
    let settings = InputSettings {
        format: Format::Jsonl,
        ..InputSettings::default()
    };
    let holds = |last: &RawRange| {
        identity.size <= MOST_UNPACKED_BYTES
            && matches!(Verifier::verify(packed, &settings, [*last]), Ok(None))
    };
    if tails.iter().filter_map(Tail::last).any(|last| holds(&last)) {
        return None;
    }
    let Some(last) = lasts.iter().find(|last| holds(last)) else {
        return Some("if its rows are to be uploaded, do it without --follow".to_owned());
    };
    let rest = open_file(packed, &settings, Start::after(last));
    let is_read = rest.is_ok_and(|mut rest| matches!(rest.next(&mut Vec::new()), Ok(Next::End)));
    (!is_read).then(|| {
        let line = last.line.saturating_add(last.lines);
        format!(
            "its rows before line {line} were uploaded: if those from there on are to be, write them to a file of their own (tail -n +{line}) and upload that without --follow"
        )
    })
}

/// The file with the rows of an input that were not read yet: itself under another name, or a
/// copy of it.
pub(super) fn find_rest(
    path: &Path,
    place: Option<(u64, u64)>,
    last: Option<RawRange>,
) -> Result<Option<Opened>, Halt> {
    let name = path.display().to_string();
    let failed = unreadable(&name);
    let mut copy = None;
    for candidate in beside(path).map_err(&failed)? {
        let Ok(Some(opened)) = open(&candidate) else {
            // Gone meanwhile, or somebody else's.
            continue;
        };
        let is_itself = place == Some(opened.place());
        if !is_itself && !is_named_after(&candidate, path) {
            continue;
        }
        let has_rows = match &last {
            Some(last) => opened.identity.size >= last.end() && holds(&candidate, last),
            None => is_itself,
        };
        if has_rows && is_itself {
            return Ok(Some(opened));
        }
        if has_rows {
            copy = Some(opened);
        }
    }
    Ok(copy)
}

/// The files in the folder of a path, in the order of their names.
fn beside(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Whether a name is one that rotation gives: `app.log.1`, `app.log-20260101` of `app.log`.
fn is_named_after(candidate: &Path, path: &Path) -> bool {
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.as_encoded_bytes().to_vec())
    };
    match (name(candidate), name(path)) {
        (Some(candidate), Some(path)) => {
            candidate.len() > path.len() && candidate.starts_with(&path)
        }
        _ => false,
    }
}
