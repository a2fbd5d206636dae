//! Files that are named on the command line. Others wait for them or read them at any moment, so a
//! file appears whole or not at all.
//!
//! A link stays and what it leads to is replaced. What is no file (a device, a pipe) cannot be
//! replaced: the bytes go through it as they come. That is also so for what standard output or
//! standard error lead to (`/dev/stdout`), which lines of this program go to as well.

use rustix::fs::{Access, OFlags};
use rustix::io::Errno;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Links that may lead to one another, as for the kernel.
const MAX_LINKS: usize = 40;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Its owner.
    Owner,
    /// Everybody.
    Everybody,
}

/// What happens when the file is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced in one step.
    Replace,
    /// It stays, and the call fails with [`io::ErrorKind::AlreadyExists`].
    Keep,
}

/// Whether a file can be written there, found out without leaving anything.
pub fn check(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    match stream_at(path) {
        Some(there) if there.file_type().is_socket() => Err(Errno::NXIO.into()),
        // Opening it would be noticed at the other end of a pipe.
        Some(_) => Ok(rustix::fs::access(path, Access::WRITE_OK)?),
        None => tempfile::NamedTempFile::new_in(folder_of(&behind_links(path)?)).map(drop),
    }
}

/// Whether bytes go through it, so that what was written cannot be replaced.
pub fn is_stream(path: &Path) -> bool {
    stream_at(path).is_some()
}

/// Writes a file beside its place, brings it to the disk, and moves it there.
pub fn write(path: &Path, content: &[u8], readers: Readers, existing: Existing) -> io::Result<()> {
    write_with(path, readers, existing, |file| file.write_all(content))
}

/// Writes a file whose content is made piece by piece, beside its place, and moves it there when it
/// is whole and on the disk.
pub fn write_with<T, E: From<io::Error>>(
    path: &Path,
    readers: Readers,
    existing: Existing,
    fill: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    if let Some(there) = stream_at(path) {
        return buffered(&mut open_stream(path, &there)?, fill);
    }
    let path = behind_links(path)?;
    let mut file = tempfile::NamedTempFile::new_in(folder_of(&path))?;
    let filled = buffered(&mut file, fill)?;
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everybody => 0o644,
    };
    file.as_file()
        .set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    match existing {
        Existing::Replace => file.persist(&path),
        Existing::Keep => file.persist_noclobber(&path),
    }
    .map_err(|error| error.error)?;
    // Without this a power cut may bring the former file back.
    File::open(folder_of(&path))?.sync_all()?;
    Ok(filled)
}

/// Removes a file that was written; a link to it and what is no file stay.
pub fn remove(path: &Path) -> io::Result<()> {
    match stream_at(path) {
        Some(_) => Ok(()),
        None => std::fs::remove_file(behind_links(path)?),
    }
}

fn buffered<T, E: From<io::Error>>(
    sink: &mut dyn Write,
    fill: impl FnOnce(&mut dyn Write) -> Result<T, E>,
) -> Result<T, E> {
    let mut buffered = io::BufWriter::new(sink);
    let filled = fill(&mut buffered)?;
    buffered.flush()?;
    Ok(filled)
}

/// What is there, if bytes have to go through it.
fn stream_at(path: &Path) -> Option<Metadata> {
    let there = std::fs::metadata(path).ok()?;
    let own = is_open_as(&there, io::stdout().as_fd()) || is_open_as(&there, io::stderr().as_fd());
    let replaceable = there.is_file() && !own;
    (!replaceable && !there.is_dir()).then_some(there)
}

fn is_open_as(there: &Metadata, open: BorrowedFd<'_>) -> bool {
    rustix::fs::fstat(open)
        .is_ok_and(|open| (open.st_dev, open.st_ino) == (there.dev(), there.ino()))
}

fn open_stream(path: &Path, there: &Metadata) -> io::Result<File> {
    // A second opening of the same file would write over what goes through the first.
    for own in [io::stdout().as_fd(), io::stderr().as_fd()] {
        if is_open_as(there, own) {
            return own.try_clone_to_owned().map(File::from);
        }
    }
    // A pipe that nobody reads is an error, not a wait without end.
    let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let stream = OpenOptions::new()
        .write(true)
        .custom_flags(nonblocking)
        .open(path)?;
    rustix::fs::fcntl_setfl(&stream, OFlags::empty())?;
    Ok(stream)
}

/// Where a file lies, or will lie, that is reached through links.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..MAX_LINKS {
        match std::fs::read_link(&place) {
            Ok(target) => place = folder_of(&place).join(target),
            // No link, or nothing there.
            Err(_) => return Ok(place),
        }
    }
    Err(Errno::LOOP.into())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_file_is_kept_or_replaced_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"one", Readers::Owner, Existing::Keep).unwrap();
        let refused = write(&path, b"two", Readers::Owner, Existing::Keep).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write(&path, b"two", Readers::Everybody, Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_only_the_owner_may_read_has_mode_0600() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write(&path, b"", Readers::Owner, Existing::Keep).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let (deep, link) = (folder.path().join("deep"), folder.path().join("link"));
        std::fs::create_dir(&deep).unwrap();
        std::os::unix::fs::symlink("deep/second", &link).unwrap();
        std::os::unix::fs::symlink("file", deep.join("second")).unwrap();
        for (content, existing) in [(b"one", Existing::Keep), (b"two", Existing::Replace)] {
            check(&link).unwrap();
            write(&link, content, Readers::Owner, existing).unwrap();
            assert_eq!(std::fs::read(deep.join("file")).unwrap(), content);
        }
        let refused = write(&link, b"three", Readers::Owner, Existing::Keep).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        remove(&link).unwrap();
        assert!(link.is_symlink() && !deep.join("file").exists());
    }

    #[test]
    fn links_that_go_round_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("link", &link).unwrap();
        check(&link).unwrap_err();
        write(&link, b"", Readers::Owner, Existing::Replace).unwrap_err();
    }
}
