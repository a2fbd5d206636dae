//! Bodies of batches whose source cannot be read twice, kept until they are settled.
//!
//! A file holds the places of the rows and the compressed body; it is on disk, with its name,
//! before the batch is intended. A file that no unsettled batch refers to is litter of a crash and
//! is removed.

use super::places::RowPlaces;
use crate::ledger::{InputId, IntendedBatch, Piece};
use crate::protocol;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// First bytes of a spool file, with its version.
const MAGIC: &[u8; 8] = b"BASpool1";

/// Largest uncompressed body that a spool file may hold, as a guard against damage.
const MAX_BODY_BYTES: usize = 1 << 30;

/// A body read back.
pub(super) struct Spooled {
    /// The uncompressed JSON array.
    pub(super) body: Vec<u8>,
    /// Where its rows came from.
    pub(super) places: RowPlaces,
}

/// Why a body could not be written or read back.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} the spool file {path}")]
pub(super) struct SpoolError {
    doing: &'static str,
    path: PathBuf,
    #[source]
    source: io::Error,
}

fn file_of(dir: &Path, piece: &Piece) -> PathBuf {
    dir.join(piece.input.0.to_string())
        .join(format!("{}-{}", piece.first_record, piece.last_record))
}

/// Writes a compressed body and brings it to disk.
pub(super) fn save(
    dir: &Path,
    piece: &Piece,
    places: &RowPlaces,
    compressed: &[u8],
) -> Result<(), SpoolError> {
    let path = file_of(dir, piece);
    let failed = |source| SpoolError {
        doing: "write",
        path: path.clone(),
        source,
    };
    let folder = path.parent().unwrap_or(dir);
    let mut file = create(&path, folder).map_err(failed)?;
    let places = places.as_bytes();
    let length = u64::try_from(places.len()).unwrap_or(u64::MAX);
    file.write_all(MAGIC)
        .and_then(|()| file.write_all(&length.to_le_bytes()))
        .and_then(|()| file.write_all(places))
        .and_then(|()| file.write_all(compressed))
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(folder).and_then(|folder| folder.sync_all()))
        .map_err(failed)
}

/// Makes a file in a folder that goes, at any moment, with its last file.
fn create(path: &Path, folder: &Path) -> io::Result<File> {
    loop {
        fs::create_dir_all(folder)?;
        match File::create(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            created => return created,
        }
    }
}

/// Reads a body back.
pub(super) fn load(dir: &Path, piece: &Piece) -> Result<Spooled, SpoolError> {
    let path = file_of(dir, piece);
    let failed = |source| SpoolError {
        doing: "read",
        path: path.clone(),
        source,
    };
    let bytes = fs::read(&path).map_err(failed)?;
    let damaged = || failed(io::Error::new(io::ErrorKind::InvalidData, "it is damaged"));
    let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or_else(damaged)?;
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| damaged())?;
    let (places, compressed) = rest.split_at_checked(length).ok_or_else(damaged)?;
    let body = protocol::inflate(Some("gzip"), compressed, MAX_BODY_BYTES)
        .map_err(|_| damaged())?
        .into_owned();
    Ok(Spooled {
        body,
        places: RowPlaces::from_bytes(places.to_vec()),
    })
}

/// Removes the bodies of an input that no unsettled batch refers to: litter of a crash. Nobody else is
/// at work on the input. What cannot be removed stays litter.
pub(super) fn sweep(dir: &Path, input: InputId, unsettled: &[IntendedBatch]) {
    let first = unsettled.iter().filter_map(|batch| batch.pieces.first());
    let kept: Vec<PathBuf> = first.map(|piece| file_of(dir, piece)).collect();
    let folder = dir.join(input.0.to_string());
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if !kept.contains(&path) {
            let _litter = fs::remove_file(path);
        }
    }
    let _not_empty = fs::remove_dir(folder);
}

/// Removes the body of a settled batch. A file that stays behind is only litter.
pub(super) fn remove(dir: &Path, piece: &Piece) {
    let path = file_of(dir, piece);
    if let Err(error) = fs::remove_file(&path) {
        tracing::debug!("cannot remove {}: {error}", path.display());
    }
    // Goes with its last file, and stays while there are others.
    if let Some(folder) = path.parent() {
        let _not_empty_yet = fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_written_while_the_folder_of_the_last_one_goes_away() {
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for worker in 0..4_u64 {
                let dir = dir.path();
                scope.spawn(move || {
                    for nth in 0..200 {
                        let record = worker * 1_000 + nth;
                        let piece = Piece {
                            input: InputId(1),
                            first_record: record,
                            last_record: record,
                            rows: 1,
                        };
                        save(dir, &piece, &RowPlaces::default(), b"").unwrap();
                        remove(dir, &piece);
                    }
                });
            }
        });
    }
}
