//! Where the quota file lies: one place for all processes of a user and a target.
//!
//! It must not depend on the state directory, and cron jobs, which have no `$XDG_RUNTIME_DIR`,
//! must find what an interactive run uses. Another user must be able neither to fill the quota nor
//! to follow it, hence a directory of ours alone; a wrong one is reported, never repaired.

use super::layout::VERSION;
use super::{LimiterError, LimiterError::QuotaDirectory};
use crate::domain::Target;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// Path of the quota file of a target; its directory is made if there is none.
///
/// `$XDG_RUNTIME_DIR/byteair-sync/quota-<hash>.bin` (or `/run/user/<uid>` when the variable is not
/// set but the directory is there), otherwise `<temp dir>/byteair-sync-<uid>/quota-<hash>.bin`.
/// Fails when the directory cannot be made, is not ours or is open to others.
pub fn quota_file_path(target: &Target) -> Result<PathBuf, LimiterError> {
    let (runtime, temporary, user) = surroundings();
    file_below(&runtime, &temporary, user, target)
}

/// The directory that all processes of a user on this machine share, whatever their state directories;
/// it is made if there is none.
pub fn shared_directory() -> Result<PathBuf, LimiterError> {
    let (runtime, temporary, user) = surroundings();
    directory_below(&runtime, &temporary, user)
}

fn surroundings() -> (PathBuf, PathBuf, u32) {
    let user = rustix::process::geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map_or_else(|| format!("/run/user/{user}").into(), PathBuf::from);
    (runtime, std::env::temp_dir(), user)
}

/// The path of the quota file in these surroundings.
pub(super) fn file_below(
    runtime: &Path,
    temporary: &Path,
    user: u32,
    target: &Target,
) -> Result<PathBuf, LimiterError> {
    let directory = directory_below(runtime, temporary, user)?;
    // Parts of a target have no blanks, so they cannot run into each other.
    let name = format!(
        "{VERSION} {} {} {}",
        target.tenant(),
        target.application(),
        target.platform()
    );
    Ok(directory.join(format!("quota-{:032x}.bin", xxh3_128(name.as_bytes()))))
}

fn directory_below(runtime: &Path, temporary: &Path, user: u32) -> Result<PathBuf, LimiterError> {
    let usable = runtime.is_absolute()
        && std::fs::metadata(runtime).is_ok_and(|data| data.is_dir() && data.uid() == user);
    let directory = if usable {
        runtime.join("byteair-sync")
    } else {
        temporary.join(format!("byteair-sync-{user}"))
    };
    match DirBuilder::new().mode(0o700).create(&directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(unusable(&directory, error));
        }
        _ => {}
    }
    let data =
        std::fs::symlink_metadata(&directory).map_err(|error| unusable(&directory, error))?;
    if !data.is_dir() || data.uid() != user || data.mode() & 0o077 != 0 {
        let error = io::Error::new(
            io::ErrorKind::PermissionDenied,
            "not a directory that only this user can enter",
        );
        return Err(unusable(&directory, error));
    }
    Ok(directory)
}

fn unusable(directory: &Path, source: io::Error) -> LimiterError {
    QuotaDirectory {
        path: directory.to_owned(),
        source: Arc::new(source),
    }
}
