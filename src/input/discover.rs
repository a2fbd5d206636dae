//! Finding the files that path patterns name.
//!
//! Files come sorted by path and each once, however often it is named or linked. Nothing is opened
//! here. Names that start with `.` or `_` are left out when a directory is listed or a glob is
//! expanded: hidden files, and the markers and unfinished attempts of Hadoop and Spark
//! (`_SUCCESS`, `_temporary`). A glob that spells such a beginning out finds them.

use super::FileIdentity;
use super::pattern::{PathPattern, ResolvedPattern, glob, has_glob};
use crate::domain::DataDate;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

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
    /// The patterns that gave no file, with the day filled in.
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
/// extensions of the files in them. A path that exists is taken as it is, even if it looks like a
/// glob. Symbolic links are followed.
pub fn discover(
    patterns: &[PathPattern],
    date: Option<DataDate>,
) -> Result<Discovered, DiscoverError> {
    let mut found = Found::default();
    let mut missing = Vec::new();
    for pattern in patterns {
        let resolved = pattern.for_date(date);
        if !found.add_pattern(&resolved)? {
            missing.push(resolved.to_string());
        }
    }
    let mut seen = HashSet::new();
    let files = found.files.into_iter().filter_map(|(path, identity)| {
        let first = seen.insert((identity.device, identity.inode));
        first.then_some(FoundFile { path, identity })
    });
    Ok(Discovered {
        files: files.collect(),
        folders: found.folders.into_iter().collect(),
        missing,
    })
}

#[derive(Default)]
struct Found {
    files: BTreeMap<PathBuf, FileIdentity>,
    folders: BTreeSet<PathBuf>,
}

impl Found {
    /// Adds what a pattern names; false when that is no file.
    fn add_pattern(&mut self, pattern: &ResolvedPattern) -> Result<bool, DiscoverError> {
        let path = Path::new(&pattern.0);
        match fs::metadata(path) {
            Ok(metadata) => self.add_path(path, &metadata),
            Err(error) if is_absent(&error) && has_glob(&pattern.0) => self.add_glob(&pattern.0),
            Err(error) if is_absent(&error) => Ok(false),
            Err(source) => Err(io_error(path, source)),
        }
    }

    fn add_path(&mut self, path: &Path, metadata: &Metadata) -> Result<bool, DiscoverError> {
        if metadata.is_dir() {
            self.folders.insert(path.to_owned());
            self.add_directory(path)
        } else if metadata.is_file() {
            self.folders.insert(parent(path));
            let identity = FileIdentity::of(metadata);
            self.files.insert(path.to_owned(), identity);
            Ok(true)
        } else {
            let path = path.to_owned();
            Err(DiscoverError::NotAFile { path })
        }
    }

    fn add_directory(&mut self, directory: &Path) -> Result<bool, DiscoverError> {
        let mut any = false;
        let entries = WalkDir::new(directory)
            .follow_links(true)
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || !is_left_out(entry.file_name()));
        for entry in entries {
            let entry = entry.map_err(|error| walk_error(directory, error))?;
            if entry.file_type().is_file() {
                let metadata = entry.metadata().map_err(|e| walk_error(directory, e))?;
                let identity = FileIdentity::of(&metadata);
                self.files.insert(entry.into_path(), identity);
                any = true;
            }
        }
        Ok(any)
    }

    fn add_glob(&mut self, pattern: &str) -> Result<bool, DiscoverError> {
        let Some(matcher) = glob(pattern) else {
            return Ok(false);
        };
        let (base, depth) = base_of(pattern);
        match fs::metadata(&base) {
            Ok(metadata) if metadata.is_dir() => {}
            Err(error) if !is_absent(&error) => return Err(io_error(&base, error)),
            _ => return Ok(false),
        }
        let spelt = |name: &OsStr| {
            let first = name.as_encoded_bytes().first().copied().map(char::from);
            first.is_some_and(|c| pattern.starts_with(c) || pattern.contains(&format!("/{c}")))
        };
        let entries = WalkDir::new(&base)
            .max_depth(depth)
            .follow_links(true)
            .into_iter()
            .filter_entry(|entry| {
                let name = entry.file_name();
                entry.depth() == 0 || !is_left_out(name) || spelt(name)
            });
        let mut any = false;
        for entry in entries {
            let entry = entry.map_err(|error| walk_error(&base, error))?;
            // `*.jsonl` walks `.`, but means `a.jsonl` and not `./a.jsonl`.
            let path = entry.path();
            let path = path.strip_prefix("./").unwrap_or(path);
            if entry.depth() > 0 && matcher.is_match(path) && !entry.file_type().is_symlink() {
                let metadata = entry.metadata().map_err(|e| walk_error(&base, e))?;
                if metadata.is_dir() || metadata.is_file() {
                    any |= self.add_path(path, &metadata)?;
                }
            }
        }
        Ok(any)
    }
}

/// The folder in which a glob is looked for, and how deep below it.
fn base_of(pattern: &str) -> (PathBuf, usize) {
    let literal = pattern.split('/').take_while(|part| !has_glob(part));
    let literal = literal.collect::<Vec<_>>().join("/");
    let rest = pattern.get(literal.len()..).unwrap_or_default();
    let depth = if rest.contains("**") || rest.contains('{') {
        // Braces may hold slashes.
        usize::MAX
    } else {
        rest.trim_start_matches('/').split('/').count()
    };
    let base = match literal.as_str() {
        "" if pattern.starts_with('/') => "/",
        "" => ".",
        literal => literal,
    };
    (PathBuf::from(base), depth)
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn is_left_out(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_'))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn io_error(path: &Path, source: io::Error) -> DiscoverError {
    let path = path.to_owned();
    DiscoverError::Io { path, source }
}

fn walk_error(within: &Path, error: walkdir::Error) -> DiscoverError {
    let path = error.path().unwrap_or(within).to_owned();
    let source = error.into_io_error();
    // A loop of links is the only failure without one.
    let source = source.unwrap_or_else(|| io::Error::other("a loop of symbolic links"));
    DiscoverError::Io { path, source }
}

#[cfg(test)]
mod tests;
