//! Kernel file locks: one per input, one per partition, one for opening the ledger. All of them die
//! with their process.
//!
//! A lock file stays where it is when the lock is let go; removing it would let two processes lock
//! two files of the same name.

use super::error::{LedgerError, in_file};
use super::id::{InputId, PartitionId};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A lock that is held until this value is dropped or its process ends.
#[derive(Debug)]
pub struct HeldLock {
    file: File,
}

impl HeldLock {
    /// Writes into the lock file who holds it, for whoever does not get it. Saying so is a courtesy:
    /// when it fails, the lock is held all the same.
    pub(super) fn sign(&self, holder: &str) {
        let signed = self
            .file
            .set_len(0)
            .and_then(|()| self.file.write_all_at(holder.as_bytes(), 0));
        if let Err(error) = signed {
            tracing::debug!("a lock file is not signed: {error}");
        }
    }
}

/// Tries to take the lock under which one machine commits the checkpoint of a consumer, named so that no
/// other has the name, in a directory that all processes share. `None` when another process holds it.
pub fn checkpoint_lock(shared: &Path, consumer: &str) -> Result<Option<HeldLock>, LedgerError> {
    let digest = xxhash_rust::xxh3::xxh3_128(consumer.as_bytes());
    try_lock(shared, &format!("checkpoint-{digest:032x}"))
}

/// Tries to take the lock of a delivery (`delivery.rs`), in a state directory that is there. `None` when
/// another process holds it.
pub fn delivery_lock(
    state_dir: &Path,
    kind: &str,
    key: &str,
) -> Result<Option<HeldLock>, LedgerError> {
    let digest = xxhash_rust::xxh3::xxh3_128(key.as_bytes());
    try_lock(state_dir, &format!("{kind}-{digest:032x}"))
}

/// Who signed the lock of a name last; empty when nobody did.
pub(super) fn signature(state_dir: &Path, name: &str) -> String {
    let path = state_dir.join("locks").join(name);
    let mut text = std::fs::read_to_string(path).unwrap_or_default();
    text.retain(|c| !c.is_control());
    text
}

/// Name of the lock of an input.
pub(super) fn of_input(input: InputId) -> String {
    format!("input-{}", input.0)
}

/// Name of the lock of a partition.
pub(super) fn of_partition(partition: PartitionId) -> String {
    format!("partition-{}", partition.0)
}

/// Name of the lock of a path that is followed for a partition.
pub(super) fn of_path(partition: PartitionId, path: &str) -> String {
    let digest = xxhash_rust::xxh3::xxh3_128(path.as_bytes());
    format!("follow-{}-{digest:032x}", partition.0)
}

/// Tries to take the lock of a name; `None` when another process (or another handle) holds it.
pub(super) fn try_lock(state_dir: &Path, name: &str) -> Result<Option<HeldLock>, LedgerError> {
    let (file, path) = open(state_dir, name)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(HeldLock { file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(in_file("lock", &path)(source)),
    }
}

/// Waits for the lock of a name. Only for what is held for moments.
pub(super) fn wait_for_lock(state_dir: &Path, name: &str) -> Result<HeldLock, LedgerError> {
    let (file, path) = open(state_dir, name)?;
    file.lock().map_err(in_file("lock", &path))?;
    Ok(HeldLock { file })
}

fn open(state_dir: &Path, name: &str) -> Result<(File, PathBuf), LedgerError> {
    let dir = state_dir.join("locks");
    std::fs::create_dir_all(&dir).map_err(in_file("create", &dir))?;
    let path = dir.join(name);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(in_file("open the lock file", &path))?;
    Ok((file, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_free_again_when_its_holder_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let held = try_lock(dir.path(), "input-1").unwrap();
        assert!(held.is_some());
        assert!(try_lock(dir.path(), "input-1").unwrap().is_none());
        assert!(try_lock(dir.path(), "input-2").unwrap().is_some());
        drop(held);
        assert!(try_lock(dir.path(), "input-1").unwrap().is_some());
    }
}
