//! A little room on the disk that is kept for the moment when there is none.
//!
//! A full disk stops an upload; what was answered by then has to be written all the same. The file
//! holds nothing. It is made again by the next run that finds room.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Name of the file in the state directory.
const RESERVE_FILE: &str = "reserve";

/// Bytes of the reserve: a commit of a few pages in the ledger's log, several times over.
const RESERVE_BYTES: usize = 64 << 10;

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
            .and_then(|mut file| file.write_all(&vec![0; RESERVE_BYTES]));
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
