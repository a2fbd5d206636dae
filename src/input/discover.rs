//! Finding the files that path patterns name.
//!
//! Files come sorted by path and each once, however often it is named or linked, unless their paths
//! say the day of their rows: then a link is a file of its own. Nothing is opened here. Names that start with `.` or `_` are left out when a directory is listed or a glob is
//! expanded: hidden files, and the markers and unfinished attempts of Hadoop and Spark
//! (`_SUCCESS`, `_temporary`). A glob that spells such a beginning out finds them. What is left out
//! or does not match cannot fail either, whatever is wrong with it.

use super::glob::Glob;
use super::pattern::{PathPattern, ResolvedPattern, has_glob};
use super::remote::{Objects, RemoteObject};
use super::{InputError, InputFault, InvalidUrl, Location, ObjectUrl, StoreFault, Stores};
use crate::domain::{DataDate, FileIdentity, InputIdentity};
use rustix::io::Errno;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A file or object to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Under which it was found first.
    pub location: Location,
    /// By what it is known again.
    pub identity: InputIdentity,
}

/// What patterns named.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovered {
    /// The files, sorted by path; behind them the objects.
    pub files: Vec<FoundFile>,
    /// The folders in which markers are looked for, sorted: a directory that was named or matched,
    /// and the parent of each file that was.
    pub folders: Vec<Location>,
    /// The patterns that gave no file, with the day filled in.
    pub missing: Vec<String>,
    /// Those of `missing` that name a directory that is there but holds no file to read.
    pub empty: Vec<String>,
}

impl Discovered {
    /// Keeps each file of the device once, under the first of its paths.
    #[must_use]
    pub fn each_file_once(mut self) -> Self {
        let mut seen = HashSet::new();
        self.files.retain(|file| match &file.identity {
            InputIdentity::File(identity) => seen.insert((identity.device, identity.inode)),
            InputIdentity::Object(_) => true,
        });
        self
    }

    /// The folders in which a marker is not there (yet).
    pub fn folders_without(
        &self,
        marker: &str,
        stores: &Stores,
    ) -> Result<Vec<String>, DiscoverError> {
        let mut without = Vec::new();
        for folder in &self.folders {
            let is_there = folder.holds(marker, stores);
            if !is_there.map_err(DiscoverError::Store)? {
                without.push(folder.to_string());
            }
        }
        Ok(without)
    }

    /// Why one of the patterns in `missing` gave no file, to be said after "input".
    pub fn why_missing(&self, pattern: &str) -> String {
        if self.empty.iter().any(|empty| empty == pattern) {
            format!("{pattern} holds no file (names that begin with . or _ are skipped)")
        } else {
            format!("{pattern} is not there")
        }
    }
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
    /// A symbolic link that was matched or lies in a listed directory leads nowhere.
    #[error("'{}' is a broken symbolic link: its target does not exist; restore the target or remove the link", path.display())]
    BrokenLink {
        /// The link.
        path: PathBuf,
    },
    /// A symbolic link that was matched or lies in a listed directory leads back to itself or to a
    /// folder that it lies in.
    #[error("'{}' is a symbolic link that leads in a loop; remove it, or name the files with a glob that does not match it", path.display())]
    LinkLoop {
        /// The link.
        path: PathBuf,
    },
    /// What was named, was matched or lies in a listed directory cannot be read twice.
    #[error("'{}' is neither a file nor a directory; feed a pipe through standard input (-), or name the files with a glob that does not match it", path.display())]
    NotAFile {
        /// Which.
        path: PathBuf,
    },
    /// A remote store did not answer, or refused.
    #[error(transparent)]
    Store(InputError),
    /// A URL that a day made a bad one.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
}

impl DiscoverError {
    /// The link that is at fault, if one is.
    fn link(&self) -> Option<&Path> {
        match self {
            Self::BrokenLink { path } | Self::LinkLoop { path } => Some(path),
            Self::Io { .. } | Self::NotAFile { .. } | Self::Store(_) | Self::Url(_) => None,
        }
    }
}

/// Finds the files that patterns name for a day, directories recursively and whatever the
/// extensions of the files in them. A path that exists is taken as it is, even if it looks like a
/// glob. Symbolic links are followed; a file of the device comes once.
pub fn discover(
    patterns: &[PathPattern],
    date: Option<DataDate>,
    stores: &Stores,
) -> Result<Discovered, DiscoverError> {
    discover_paths(patterns, date, stores).map(Discovered::each_file_once)
}

/// As [`discover`], but a file comes under each of its paths: where paths say something about the
/// rows, a link is a file of its own.
pub fn discover_paths(
    patterns: &[PathPattern],
    date: Option<DataDate>,
    stores: &Stores,
) -> Result<Discovered, DiscoverError> {
    let mut found = Found::default();
    let (mut missing, mut empty) = (Vec::new(), Vec::new());
    for pattern in patterns {
        let resolved = pattern.for_date(date);
        let named = found.add_pattern(&resolved, stores)?;
        if named != Named::Files {
            missing.push(resolved.to_string());
        }
        if named == Named::NoFile {
            empty.push(resolved.to_string());
        }
    }
    let files = found.files.into_iter().map(|(path, identity)| FoundFile {
        location: Location::File(path),
        identity: InputIdentity::File(identity),
    });
    let objects = found.objects.found.into_iter().map(|(url, identity)| {
        let location = Location::Object(RemoteObject {
            url,
            identity: Some(identity.clone()),
        });
        FoundFile {
            location,
            identity: InputIdentity::Object(identity),
        }
    });
    let remote = found.objects.folders.into_iter().map(|url| {
        Location::Object(RemoteObject {
            url,
            identity: None,
        })
    });
    let local = found.folders.into_iter().map(Location::File);
    Ok(Discovered {
        files: files.chain(objects).collect(),
        folders: local.chain(remote).collect(),
        missing,
        empty,
    })
}

/// What is behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    /// Nothing.
    Nothing,
    /// A directory without a file in it.
    NoFile,
    /// At least one file.
    Files,
}

#[derive(Default)]
struct Found {
    files: BTreeMap<PathBuf, FileIdentity>,
    folders: BTreeSet<PathBuf>,
    objects: Objects,
}

impl Found {
    /// Adds what a pattern names.
    fn add_pattern(
        &mut self,
        pattern: &ResolvedPattern,
        stores: &Stores,
    ) -> Result<Named, DiscoverError> {
        if let Some(url) = ObjectUrl::parse(&pattern.0).transpose()? {
            let added = self.objects.add_pattern(&url, stores);
            return added.map_err(|fault| store_error(&url, fault));
        }
        let path = Path::new(&pattern.0);
        match fs::metadata(path) {
            Ok(metadata) => self.add_path(path, &metadata),
            Err(error) if is_absent(&error) && has_glob(&pattern.0) => self.add_glob(&pattern.0),
            // A link whose target is not there yet is as good as a file that is not.
            Err(error) if is_absent(&error) => Ok(Named::Nothing),
            Err(source) => Err(io_error(path, source)),
        }
    }

    fn add_path(&mut self, path: &Path, metadata: &Metadata) -> Result<Named, DiscoverError> {
        if metadata.is_dir() {
            self.folders.insert(path.to_owned());
            self.add_directory(path)
        } else if metadata.is_file() {
            self.folders.insert(parent(path));
            let identity = FileIdentity::of(metadata);
            self.files.insert(path.to_owned(), identity);
            Ok(Named::Files)
        } else {
            let path = path.to_owned();
            Err(DiscoverError::NotAFile { path })
        }
    }

    fn add_directory(&mut self, directory: &Path) -> Result<Named, DiscoverError> {
        let mut named = Named::NoFile;
        let entries = WalkDir::new(directory)
            .follow_links(true)
            .into_iter()
            .filter_entry(|entry| entry.depth() == 0 || !is_left_out(entry.file_name()));
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => match walk_error(directory, error) {
                    error if error.link().is_some_and(ends_left_out) => continue,
                    error => return Err(error),
                },
            };
            if entry.file_type().is_file() {
                let metadata = entry.metadata().map_err(|e| walk_error(directory, e))?;
                let identity = FileIdentity::of(&metadata);
                self.files.insert(entry.into_path(), identity);
                named = Named::Files;
            } else if !entry.file_type().is_dir() {
                let path = entry.into_path();
                return Err(DiscoverError::NotAFile { path });
            }
        }
        Ok(named)
    }

    fn add_glob(&mut self, pattern: &str) -> Result<Named, DiscoverError> {
        let Some(glob) = Glob::new(pattern) else {
            return Ok(Named::Nothing);
        };
        match fs::metadata(glob.base()) {
            Ok(metadata) if metadata.is_dir() => {}
            Err(error) if !is_absent(&error) => return Err(io_error(glob.base(), error)),
            _ => return Ok(Named::Nothing),
        }
        let is_left_out =
            |path: &Path| path.file_name().is_some_and(is_left_out) && !glob.spells_out(path);
        let entries = WalkDir::new(glob.base())
            .max_depth(glob.depth())
            .follow_links(true)
            .into_iter()
            .filter_entry(|entry| {
                let (path, depth) = (entry.path(), entry.depth());
                depth == 0 || (!is_left_out(path) && glob.leads_on(path, depth))
            });
        let mut named = Named::Nothing;
        for entry in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let depth = error.depth();
                    let error = walk_error(glob.base(), error);
                    match error.link() {
                        Some(link) if is_left_out(link) || !glob.needs_link(link, depth) => {
                            continue;
                        }
                        _ => return Err(error),
                    }
                }
            };
            let path = Glob::as_written(entry.path());
            if entry.depth() > 0 && glob.is_match(path) {
                let metadata = entry.metadata().map_err(|e| walk_error(glob.base(), e))?;
                named = named.max(self.add_path(path, &metadata)?);
            }
        }
        Ok(named)
    }
}

fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

pub(super) fn is_left_out(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_'))
}

fn ends_left_out(path: &Path) -> bool {
    path.file_name().is_some_and(is_left_out)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn store_error(url: &ObjectUrl, fault: StoreFault) -> DiscoverError {
    DiscoverError::Store(InputError {
        input: url.to_string(),
        line: None,
        fault: InputFault::Store(fault),
    })
}

fn io_error(path: &Path, source: io::Error) -> DiscoverError {
    let path = path.to_owned();
    if Errno::from_io_error(&source) == Some(Errno::LOOP) {
        return DiscoverError::LinkLoop { path };
    }
    let is_link = || fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink());
    if is_absent(&source) && is_link() {
        return DiscoverError::BrokenLink { path };
    }
    DiscoverError::Io { path, source }
}

fn walk_error(within: &Path, error: walkdir::Error) -> DiscoverError {
    let path = error.path().unwrap_or(within).to_owned();
    match error.into_io_error() {
        Some(source) => io_error(&path, source),
        // A link to a folder that it lies in is the only failure without one.
        None => DiscoverError::LinkLoop { path },
    }
}

#[cfg(test)]
mod tests;
