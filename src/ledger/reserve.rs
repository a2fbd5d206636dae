//! A little room on the disk that is kept for the moment when there is none.
//!
//! A full disk stops an upload; what was answered by then has to be written all the same. The file
//! holds noise, because some file systems give zeros no room. It is made again by the next run that
//! finds room.

use rand::RngCore;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Name of the file in the state directory.
const RESERVE_FILE: &str = "reserve";

/// Bytes of the reserve: the rejected rows of a whole batch; on a small disk so much that of every batch
/// in flight one page can go to the ledger's log.
const RESERVE_BYTES: [usize; 2] = [4 << 20, 512 << 10];

/// The reserve of a state directory.
pub(super) struct Reserve(PathBuf);

impl Reserve {
    /// Makes the file unless it is there. A disk that has no room for it is no reason to fail: the
    /// ledger itself says so as soon as that matters.
    pub(super) fn keep(state_dir: &Path) -> Self {
        let path = state_dir.join(RESERVE_FILE);
        for bytes in RESERVE_BYTES {
            match make(&path, bytes) {
                Ok(()) => break,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => break,
                Err(error) => {
                    tracing::debug!("no reserve of {bytes} bytes at {}: {error}", path.display());
                    // Half a reserve would never be completed.
                    let _gone = std::fs::remove_file(&path);
                }
            }
        }
        Self(path)
    }

    /// Gives the room back.
    pub(super) fn release(&self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!("no reserve at {}: {error}", self.0.display());
        }
    }
}

fn make(path: &Path, bytes: usize) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    let mut noise = vec![0; bytes];
    rand::rng().fill_bytes(&mut noise);
    file.write_all(&noise)
}
