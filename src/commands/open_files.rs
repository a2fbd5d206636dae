//! How many files the process may have open, asked before anything is opened.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Fewest open files with which an upload comes to its end: the ledger and its readers, locks, an
/// input, and some connections.
const MIN_OPEN_FILES: u64 = 64;

/// Raises the limit as far as the system allows it.
///
/// # Errors
/// Fails when that is not enough, with what to do.
pub fn assure_open_files() -> Result<(), String> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // What the system does not allow shows in the limit that is left.
    let _refused = setrlimit(Resource::Nofile, raised);
    match getrlimit(Resource::Nofile).current {
        Some(files) if files < MIN_OPEN_FILES => Err(format!(
            "this process may have {files} files open and needs {MIN_OPEN_FILES}; raise the limit (ulimit -n, or LimitNOFILE= of systemd). Nothing was sent"
        )),
        _ => Ok(()),
    }
}
