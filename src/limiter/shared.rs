//! The quota file: one log of the window for all processes of a user and a target.
//!
//! Every use is: lock, read all, decide, write what changed, unlock; tens of microseconds on a
//! memory file system, so it is done on the runtime's own thread. The lock is taken by trying, so
//! nothing blocks. A file that is damaged or from another boot is begun anew with one second of
//! silence. It does not survive a reboot and does not need to reach a disk.

use super::LimiterError;
use super::clock::Moment;
use super::layout::{self, BootId, FILE_BYTES};
use super::turns::Quota;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Between two tries to lock.
const LOCK_RETRY: Duration = Duration::from_millis(1);
/// A holder that keeps the lock so long was stopped in the middle of it.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// The open quota file.
#[derive(Debug)]
pub(super) struct QuotaFile {
    path: PathBuf,
    file: File,
    boot: BootId,
    occupied: Duration,
    /// The file was removed under us; others may not have entered what they sent.
    moved: bool,
}

impl QuotaFile {
    /// Opens or makes the file. `occupied` is how long a request of the past may still count.
    pub(super) fn open(path: &Path, occupied: Duration) -> Result<Self, LimiterError> {
        Self::open_in_boot(path, occupied, boot_id())
    }

    /// The same as in a given boot of the machine.
    pub(super) fn open_in_boot(
        path: &Path,
        occupied: Duration,
        boot: BootId,
    ) -> Result<Self, LimiterError> {
        let file = open_or_make(path, boot).map_err(|source| failure(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            boot,
            occupied,
            moved: false,
        })
    }

    /// Waits for the lock, which the next [`QuotaFile::update`] releases.
    pub(super) async fn lock(&mut self) -> Result<(), LimiterError> {
        let started = Moment::now();
        loop {
            match self.file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Moment::now().since(started) < LOCK_PATIENCE => {
                    tokio::time::sleep(LOCK_RETRY).await;
                    continue;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LimiterError::QuotaLocked(self.path.clone()));
                }
                Err(TryLockError::Error(source)) => return Err(failure(&self.path, source)),
            }
            // Somebody removed the file: the others will meet in a new one.
            let links = self.file.metadata().map(|data| data.nlink());
            if links.map_err(|source| failure(&self.path, source))? > 0 {
                return Ok(());
            }
            self.file = open_or_make(&self.path, self.boot)
                .map_err(|source| failure(&self.path, source))?;
            self.moved = true;
        }
    }

    /// Reads, changes and writes the quota under the lock taken before, and releases it.
    pub(super) fn update<T>(
        &mut self,
        change: impl FnOnce(&mut Quota, Moment) -> T,
    ) -> Result<T, LimiterError> {
        let result = self.update_locked(change);
        let unlocked = self.file.unlock();
        let value = result.map_err(|source| failure(&self.path, source))?;
        unlocked.map_err(|source| failure(&self.path, source))?;
        Ok(value)
    }

    fn update_locked<T>(&mut self, change: impl FnOnce(&mut Quota, Moment) -> T) -> io::Result<T> {
        let now = Moment::now();
        let known = self
            .read()?
            .filter(|quota| !quota.is_from_another_clock(now));
        let mut quota = match &known {
            Some(quota) => quota.clone(),
            None => Quota::of_unknown_past(now, self.occupied),
        };
        if std::mem::take(&mut self.moved) {
            quota.not_before = quota.not_before.max(now.after(self.occupied));
        }
        let value = change(&mut quota, now);
        if let Some(old) = known {
            for (offset, bytes) in layout::patches(&old, &quota, self.boot) {
                let offset = u64::try_from(offset).unwrap_or(u64::MAX);
                self.file.write_all_at(&bytes, offset)?;
            }
        } else {
            self.file.set_len(u64::try_from(FILE_BYTES).unwrap_or(0))?;
            self.file
                .write_all_at(&layout::encode(&quota, self.boot), 0)?;
        }
        Ok(value)
    }

    /// The quota in the file, `None` when it cannot be made sense of.
    fn read(&self) -> io::Result<Option<Quota>> {
        let mut bytes = vec![0; FILE_BYTES];
        if self.file.metadata()?.len() != u64::try_from(FILE_BYTES).unwrap_or(0) {
            return Ok(None);
        }
        match self.file.read_exact_at(&mut bytes, 0) {
            Ok(()) => Ok(layout::decode(&bytes, self.boot)),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Opens the file; when there is none, a complete one appears in one step, so that an empty or
/// short file is always a damaged one.
fn open_or_make(path: &Path, boot: BootId) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0))
            .open(path)
    };
    match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened,
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut made = tempfile::Builder::new()
        .prefix(".quota-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(directory)?;
    made.write_all(&layout::encode(&Quota::unused(), boot))?;
    match made.persist_noclobber(path) {
        Ok(file) => Ok(file),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => open(),
        Err(error) => Err(error.error),
    }
}

/// Identity of this boot. Where the system gives none, moments too far ahead still show a reboot.
fn boot_id() -> BootId {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let mut boot = BootId::default();
    if hex::decode_to_slice(digits, &mut boot).is_err() {
        boot = BootId::default();
    }
    boot
}

fn failure(path: &Path, source: io::Error) -> LimiterError {
    LimiterError::QuotaFile {
        path: path.to_owned(),
        source: Arc::new(source),
    }
}
