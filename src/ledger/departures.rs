//! Which requests may have left: a small file beside the ledger, written right before each one does.
//!
//! What is intended is committed long before it is sent: it waits for the quota, or for the end of a
//! back-off. After a kill the ledger alone cannot tell what was under way from what only waited, and
//! would have to take all of it for sent; a refusal would then have to be repeated under the same id, which
//! a server that remembers the ids of refused requests takes for a repeat of something stored. This file
//! tells them apart. It lives in the memory of the kernel, which a kill does not touch; nothing of it is
//! believed after a reboot, nor where it is missing or cut off: then everything may have left.
//!
//! A place in it is used again when its request is settled, so that it does not grow with time.

use super::boot::{BOOT_BYTES, boot};
use super::error::{LedgerError, in_file};
use super::id::{BatchId, PartitionId, RunId};
use crate::domain::Generation;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const DIRECTORY: &str = "departures";
const HEADER_BYTES: usize = BOOT_BYTES;
const RECORD_BYTES: usize = 16;

/// The requests of a run.
#[derive(Debug)]
pub struct Departures {
    path: PathBuf,
    places: Mutex<Places>,
}

#[derive(Debug)]
struct Places {
    /// Nothing when it could not be made or written: then it is not there, and everything may have left.
    file: Option<File>,
    free: Vec<Place>,
    next: u64,
}

/// Where a request is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(u64);

impl Departures {
    /// Begins the file of a run.
    pub(super) fn begin(state_dir: &Path, run: RunId) -> Self {
        let path = path_of(state_dir, &name_of_run(run));
        let file = create(&path).ok();
        if file.is_none() {
            // Whatever lies there says nothing of this run.
            let _there_is_none = std::fs::remove_file(&path);
        }
        Self {
            path,
            places: Mutex::new(Places {
                file,
                free: Vec::new(),
                next: 0,
            }),
        }
    }

    /// Notes that a batch may leave now, in the place that it has or in a new one. Fails only when it can
    /// be neither noted nor said that nothing is noted; then it must not leave.
    pub fn note(
        &self,
        place: Option<Place>,
        batch: BatchId,
        generation: Generation,
    ) -> Result<Place, LedgerError> {
        let mut places = self.places();
        let place = place.or_else(|| places.free.pop()).unwrap_or_else(|| {
            let place = Place(places.next);
            places.next = places.next.saturating_add(1);
            place
        });
        if let Some(file) = &places.file {
            let record = record(batch.0, generation);
            let offset = place.0.saturating_mul(16).saturating_add(16);
            if file.write_all_at(&record, offset).is_err() {
                forget(file, &self.path).map_err(in_file("write", &self.path))?;
                places.file = None;
            }
        }
        Ok(place)
    }

    /// The request of a place is settled.
    pub fn settled(&self, place: Place) {
        self.places().free.push(place);
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may have left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Departed(HashSet<[u8; RECORD_BYTES]>);

impl Departed {
    /// What may have left of a run; `None` when all of it may have.
    pub(super) fn of_run(state_dir: &Path, run: RunId) -> Option<Self> {
        read(&path_of(state_dir, &name_of_run(run)))
    }

    /// The `done` of a date that may have left; `None` when any may have.
    pub(super) fn of_done(state_dir: &Path, date: PartitionId) -> Option<Self> {
        read(&path_of(state_dir, &name_of_done(date)))
    }

    /// Whether a batch may have left, or the `done` of a date.
    pub(super) fn has(&self, id: i64, generation: Generation) -> bool {
        self.0.contains(&record(id, generation))
    }
}

/// Notes that the `done` of a date may leave now.
pub(super) fn note_done(
    state_dir: &Path,
    date: PartitionId,
    generation: Generation,
) -> Result<(), LedgerError> {
    let path = path_of(state_dir, &name_of_done(date));
    let noted = create(&path).and_then(|file| {
        let offset = u64::try_from(HEADER_BYTES).unwrap_or_default();
        file.write_all_at(&record(date.0, generation), offset)
    });
    if noted.is_ok() {
        return Ok(());
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(in_file("write", &path)(error))
        }
        _ => Ok(()),
    }
}

/// Removes the file of a run that has ended: the ledger knows of all its batches what became of them.
pub(super) fn end(state_dir: &Path, run: RunId) {
    // One that stays is never looked at.
    let _may_stay = std::fs::remove_file(path_of(state_dir, &name_of_run(run)));
}

fn name_of_run(run: RunId) -> String {
    format!("run-{}", run.0)
}

fn name_of_done(date: PartitionId) -> String {
    format!("done-{}", date.0)
}

fn path_of(state_dir: &Path, name: &str) -> PathBuf {
    state_dir.join(DIRECTORY).join(name)
}

fn record(id: i64, generation: Generation) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    let (first, second) = record.split_at_mut(8);
    first.copy_from_slice(&id.to_le_bytes());
    second.copy_from_slice(&u64::from(generation.0).to_le_bytes());
    record
}

/// A file with nothing in it but the boot of the machine.
fn create(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true).mode(0o600);
    let file = options.open(path)?;
    let boot = boot().ok_or_else(|| io::Error::other("the system does not name its boots"))?;
    file.write_all_at(&boot, 0)?;
    Ok(file)
}

fn forget(file: &File, path: &Path) -> io::Result<()> {
    std::fs::remove_file(path).or_else(|_| file.set_len(0))
}

fn read(path: &Path) -> Option<Departed> {
    let content = std::fs::read(path).ok()?;
    let (header, records) = content.split_at_checked(HEADER_BYTES)?;
    if header != boot()? {
        return None;
    }
    let (records, rest) = records.as_chunks::<RECORD_BYTES>();
    rest.is_empty()
        .then(|| Departed(records.iter().copied().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId(7);

    fn has(folder: &Path, batch: i64, generation: u32) -> Option<bool> {
        let departed = Departed::of_run(folder, RUN)?;
        Some(departed.has(batch, Generation(generation)))
    }

    #[test]
    fn what_was_noted_may_have_left_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(has(folder.path(), 1, 0), None);
        let departures = Departures::begin(folder.path(), RUN);
        assert_eq!(has(folder.path(), 1, 0), Some(false));
        let place = departures.note(None, BatchId(1), Generation(0)).unwrap();
        departures.note(None, BatchId(2), Generation(0)).unwrap();
        assert_eq!(has(folder.path(), 1, 0), Some(true));
        assert_eq!(has(folder.path(), 2, 0), Some(true));
        assert_eq!(has(folder.path(), 3, 0), Some(false));
        // Refused, and under its new id not sent yet.
        assert_eq!(has(folder.path(), 1, 1), Some(false));
        departures
            .note(Some(place), BatchId(1), Generation(1))
            .unwrap();
        assert_eq!(has(folder.path(), 1, 1), Some(true));
        // A place is used again.
        departures.settled(place);
        let other = departures.note(None, BatchId(9), Generation(0)).unwrap();
        assert_eq!(other, place);
        assert_eq!(has(folder.path(), 2, 0), Some(true));
        end(folder.path(), RUN);
        assert_eq!(has(folder.path(), 2, 0), None);
    }

    #[test]
    fn nothing_is_believed_that_is_of_another_boot_or_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let departures = Departures::begin(folder.path(), RUN);
        departures.note(None, BatchId(1), Generation(0)).unwrap();
        let path = folder.path().join("departures/run-7");
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 8, 15, 20, 31] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(has(folder.path(), 2, 0), None, "{length}");
        }
        let mut other = whole.clone();
        other[0] ^= 1;
        std::fs::write(&path, other).unwrap();
        assert_eq!(has(folder.path(), 2, 0), None);
    }

    #[test]
    fn a_run_that_cannot_note_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("departures"), "in the way").unwrap();
        let departures = Departures::begin(folder.path(), RUN);
        departures.note(None, BatchId(1), Generation(0)).unwrap();
        assert_eq!(has(folder.path(), 1, 0), None);
        note_done(folder.path(), PartitionId(1), Generation(0)).unwrap_err();
    }
}
