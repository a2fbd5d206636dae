//! A little room on the disk that is kept for the moment when there is none.
//!
//! A full disk stops an upload; what was answered by then has to be written all the same. The file
//! holds noise, because some file systems give zeros no room. It is made again by the next run that
//! finds room.

use rand::RngCore;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Name of the file in the state directory.
const RESERVE_FILE: &str = "reserve";

/// Bytes of the reserve. Of every batch in flight one page goes to the ledger's log, unless some of
/// them are written together.
const RESERVE_BYTES: usize = 512 << 10;

/// The reserve of a state directory.
pub(super) struct Reserve(PathBuf);

impl Reserve {
    /// Makes the file unless it is there. A disk that has no room for it is no reason to fail: the
    /// ledger itself says so as soon as that matters.
    pub(super) fn keep(state_dir: &Path) -> Self {
        let path = state_dir.join(RESERVE_FILE);
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| {
                let mut noise = vec![0; RESERVE_BYTES];
                rand::rng().fill_bytes(&mut noise);
                file.write_all(&noise)
            });
        if let Err(error) = made
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            tracing::debug!("no reserve at {}: {error}", path.display());
            // Half a reserve would never be completed.
            let _gone = std::fs::remove_file(&path);
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
