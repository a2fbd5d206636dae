//! A file that others still write to: its end is no end, and what was read may be written over.
//!
//! One file as it was opened, whatever becomes of its name. At its end it says that there is nothing
//! *yet*, until somebody who knows says that it is complete. Before anything new is handed out, the
//! bytes in front of it are compared with those that were read: a file that was truncated, even if it
//! is longer again by now, is told from one that was appended to.

use crate::domain::FileIdentity;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes in front of the place that was reached by which a truncated file is recognised.
const REMEMBERED_BYTES: usize = 256;

/// Bytes by which a copy is recognised.
const COMPARED_BYTES: usize = 4 << 10;

/// Bytes in which the first line has to end before anything is read.
const FIRST_LINE_BYTES: usize = 64 << 10;

/// A file that grows; clones are the same file at the same place.
#[derive(Debug, Clone)]
pub struct GrowingFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: File,
    reached: Mutex<Reached>,
}

#[derive(Debug, Default)]
struct Reached {
    position: u64,
    /// The last bytes in front of it.
    before: Vec<u8>,
    is_complete: bool,
    is_replaced: bool,
}

impl GrowingFile {
    /// Opens what is at a path now.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Inner {
            file: File::open(path)?,
            reached: Mutex::default(),
        })))
    }

    /// What the file system says of it.
    pub fn identity(&self) -> io::Result<FileIdentity> {
        Ok(FileIdentity::of(&self.0.file.metadata()?))
    }

    /// Whether there is something that was not read.
    pub fn has_news(&self) -> io::Result<bool> {
        Ok(self.0.file.metadata()?.len() != self.reached().position)
    }

    /// Whether its first line is whole, or too long to wait for, so that its format can be told.
    pub fn has_whole_line(&self) -> io::Result<bool> {
        let mut head = vec![0; FIRST_LINE_BYTES];
        let read = self.0.file.read_at(&mut head, 0)?;
        Ok(read == head.len() || head.get(..read).is_some_and(|head| head.contains(&b'\n')))
    }

    /// Whether it begins as another file does, as far as both go: one of them is a copy. An empty file
    /// is a copy of none.
    pub fn begins_like(&self, other: &Self) -> io::Result<bool> {
        let (mut mine, mut theirs) = (vec![0; COMPARED_BYTES], vec![0; COMPARED_BYTES]);
        let read = self.0.file.read_at(&mut mine, 0)?;
        let length = read.min(other.0.file.read_at(&mut theirs, 0)?);
        Ok(length > 0 && mine.get(..length) == theirs.get(..length))
    }

    /// Whether what was read of it is not there any more: it was truncated and perhaps written anew.
    pub fn is_replaced(&self) -> bool {
        self.reached().is_replaced
    }

    /// What was read of it is not there any more: it ends before that.
    pub fn note_replaced(&self) {
        self.reached().is_replaced = true;
    }

    /// Whether nothing more is going to be appended.
    pub fn is_complete(&self) -> bool {
        self.reached().is_complete
    }

    /// Nothing more is going to be appended: its end is the end, also that of its last row.
    pub fn complete(&self) {
        self.reached().is_complete = true;
    }

    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.0.file.metadata()?.len())
    }

    /// Goes to a place whose surroundings are trusted.
    pub(super) fn go_to(&self, offset: u64) -> io::Result<()> {
        let wanted = u64::try_from(REMEMBERED_BYTES)
            .unwrap_or(u64::MAX)
            .min(offset);
        let mut before = vec![0; usize::try_from(wanted).unwrap_or(0)];
        self.0
            .file
            .read_exact_at(&mut before, offset.saturating_sub(wanted))?;
        let mut reached = self.reached();
        (reached.position, reached.before) = (offset, before);
        Ok(())
    }

    /// Reads on. `WouldBlock` means that there is nothing yet.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut reached = self.reached();
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut read = 0;
        if !reached.is_replaced {
            read = self.0.file.read_at(buffer, reached.position)?;
            // Looked at afterwards, so that what was read still belongs to what was read before.
            reached.is_replaced = !self.is_as_read(&reached)?;
        }
        match buffer.get(..read) {
            Some(bytes) if read > 0 && !reached.is_replaced => {
                reached.advance(bytes);
                Ok(read)
            }
            _ if reached.is_complete => Ok(0),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn is_as_read(&self, reached: &Reached) -> io::Result<bool> {
        let mut now = vec![0; reached.before.len()];
        let length = u64::try_from(now.len()).unwrap_or(u64::MAX);
        let from = reached.position.saturating_sub(length);
        match self.0.file.read_exact_at(&mut now, from) {
            Ok(()) => Ok(now == reached.before),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn reached(&self) -> MutexGuard<'_, Reached> {
        self.0
            .reached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reached {
    fn advance(&mut self, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.position = self.position.saturating_add(length);
        let kept = bytes.len().saturating_sub(REMEMBERED_BYTES);
        self.before
            .extend_from_slice(bytes.get(kept..).unwrap_or_default());
        let surplus = self.before.len().saturating_sub(REMEMBERED_BYTES);
        self.before.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// What is there to be read now; `None` when there is nothing yet.
    fn news(growing: &GrowingFile) -> Option<String> {
        let mut buffer = [0; 64];
        match growing.read(&mut buffer) {
            Ok(read) => Some(String::from_utf8(buffer[..read].to_vec()).unwrap()),
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                None
            }
        }
    }

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf, GrowingFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, text).unwrap();
        let growing = GrowingFile::open(&path).unwrap();
        (folder, path, growing)
    }

    fn append(path: &Path, text: &str) {
        let mut file = File::options().append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn what_is_appended_is_read_and_the_end_is_none_until_it_is_complete() {
        let (_folder, path, growing) = file("a\n");
        assert_eq!(news(&growing).as_deref(), Some("a\n"));
        assert_eq!(news(&growing), None);
        assert!(!growing.has_news().unwrap());
        append(&path, "b");
        assert!(growing.has_news().unwrap());
        std::fs::remove_file(&path).unwrap();
        growing.complete();
        assert_eq!(news(&growing).as_deref(), Some("b"));
        assert_eq!(news(&growing).as_deref(), Some(""));
        assert!(!growing.is_replaced());
    }

    #[test]
    fn a_truncated_file_is_recognised_whatever_its_size_is_by_now() {
        for anew in ["", "x", "x2\n", "x2\nyyyyyyyyyyyyyyyy\n"] {
            let (_folder, path, growing) = file("a1\n");
            assert_eq!(news(&growing).as_deref(), Some("a1\n"));
            std::fs::write(&path, anew).unwrap();
            assert_eq!(news(&growing), None, "{anew:?}");
            assert!(growing.is_replaced(), "{anew:?}");
            growing.complete();
            assert_eq!(news(&growing).as_deref(), Some(""), "{anew:?}");
        }
    }

    #[test]
    fn reading_goes_on_from_any_place() {
        let long = "0123456789".repeat(50) + "\n";
        let (_folder, path, growing) = file(&long);
        growing.go_to(501).unwrap();
        assert_eq!(news(&growing), None);
        append(&path, "b\n");
        assert_eq!(news(&growing).as_deref(), Some("b\n"));
        assert!(growing.go_to(600).is_err());
    }
}
