//! Where an input that can be read again is: a file or an object of a remote store.

use super::growing::GrowingFile;
use super::remote::{ObjectReader, ObjectUrl, RemoteObject, Stores};
use super::{InputError, InputFault};
use crate::domain::{FileIdentity, InputIdentity};
use std::fmt;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where an input is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Location {
    /// A file of this machine.
    File(PathBuf),
    /// An object of a remote store.
    Object(RemoteObject),
}

impl Location {
    /// The place that a name in the ledger stands for.
    pub fn of_name(name: &str) -> Self {
        match ObjectUrl::parse(name) {
            Some(Ok(url)) => Self::Object(RemoteObject {
                url,
                identity: None,
            }),
            _ => Self::File(PathBuf::from(name)),
        }
    }

    /// The path of a file from the root on, without looking at the file system; everything else as
    /// it is.
    #[must_use]
    pub fn absolute(&self) -> Self {
        match self {
            Self::File(path) => {
                Self::File(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            }
            Self::Object(object) => Self::Object(object.clone()),
        }
    }

    /// What is there now; `None` when there is nothing.
    pub fn identity(&self, stores: &Stores) -> Result<Option<InputIdentity>, InputError> {
        let found = match self {
            Self::File(path) => match std::fs::metadata(path) {
                Ok(metadata) => Ok(Some(InputIdentity::File(FileIdentity::of(&metadata)))),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(InputFault::of_io("look at", error)),
            },
            Self::Object(object) => match stores.stat(&object.url) {
                Ok(found) => Ok(found.map(InputIdentity::Object)),
                Err(fault) => Err(InputFault::Store(fault)),
            },
        };
        found.map_err(|fault| InputError::of(self, fault))
    }

    /// The folders that it lies in, the nearest first.
    pub fn folders(&self) -> Vec<Self> {
        match self {
            Self::File(path) => {
                let folders = path.ancestors().skip(1);
                let named = folders.filter(|folder| !folder.as_os_str().is_empty());
                named.map(|folder| Self::File(folder.to_owned())).collect()
            }
            Self::Object(object) => {
                let urls = object.url.folders().into_iter();
                let folder = |url| RemoteObject {
                    url,
                    identity: None,
                };
                urls.map(|url| Self::Object(folder(url))).collect()
            }
        }
    }

    /// Whether there is a file or object of this name in it, which is a folder.
    pub fn holds(&self, name: &str, stores: &Stores) -> Result<bool, InputError> {
        match self {
            Self::File(folder) => Ok(folder.join(name).exists()),
            Self::Object(folder) => {
                let url = folder.url.join(name);
                let found = stores.stat(&url).map(|found| found.is_some());
                found.map_err(|fault| InputError {
                    input: url.to_string(),
                    line: None,
                    fault: InputFault::Store(fault),
                })
            }
        }
    }

    /// When a file was made, in nanoseconds since 1970; `None` where the file system does not keep that.
    pub fn made_ns(&self) -> Option<i64> {
        let Self::File(path) = self else { return None };
        let made = std::fs::metadata(path).ok()?.created().ok()?;
        let since = made.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok()
    }

    /// Opens it for reading.
    pub(super) fn open(&self, stores: &Stores) -> Result<Stored, InputFault> {
        match self {
            Self::File(path) => match File::open(path) {
                Ok(file) => Ok(Stored::File(file)),
                Err(error) => Err(InputFault::of_io("open", error)),
            },
            Self::Object(object) => match ObjectReader::open(stores, object) {
                Ok(reader) => Ok(Stored::Object(Box::new(reader))),
                Err(fault) => Err(InputFault::Store(fault)),
            },
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Object(object) => object.url.fmt(f),
        }
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&PathBuf> for Location {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

impl From<&Self> for Location {
    fn from(location: &Self) -> Self {
        location.clone()
    }
}

/// Bytes as stored, which can be read from anywhere.
pub(super) enum Stored {
    /// Of a file.
    File(File),
    /// Of a file that others still write to.
    Growing(GrowingFile),
    /// Of an object.
    Object(Box<ObjectReader>),
}

impl Stored {
    /// How many there are.
    pub(super) fn size(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Growing(file) => file.size(),
            Self::Object(object) => Ok(object.len()),
        }
    }

    /// Goes to a byte.
    pub(super) fn go_to(&mut self, offset: u64) -> io::Result<()> {
        match self {
            Self::File(file) => file.seek(SeekFrom::Start(offset)).map(|_| ()),
            Self::Growing(file) => file.go_to(offset),
            Self::Object(object) => {
                object.seek(offset);
                Ok(())
            }
        }
    }

    /// Goes to the first byte of a part, behind whose end nothing needs to be fetched.
    #[cfg_attr(
        not(feature = "parquet"),
        allow(dead_code, reason = "everything else is read on to its end")
    )]
    pub(super) fn go_to_part(&mut self, part: Range<u64>) -> io::Result<()> {
        self.go_to(part.start)?;
        if let Self::Object(object) = self {
            object.stop_at(part.end);
        }
        Ok(())
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Growing(file) => file.read(buffer),
            Self::Object(object) => object.read(buffer),
        }
    }
}
