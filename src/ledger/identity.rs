//! Who a ledger is: a random name in the state directory, made once.
//!
//! Reports carry it, so that `done --require-report` can tell the report of another machine from
//! one that was made with the same ledger. It is no secret and says nothing about the machine.

use super::error::{LedgerError, in_file};
use std::io::Write;
use std::path::Path;

/// Name of the file in the state directory.
const FILE: &str = "ledger.id";

/// The name of the ledger in a state directory; `None` when it has none yet.
pub(super) fn read(state_dir: &Path) -> Result<Option<String>, LedgerError> {
    let path = state_dir.join(FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(in_file("read the name of the ledger", &path)(error)),
    }
}

/// The name of the ledger in a state directory, made when it is missing. Only one process at a time
/// comes here.
pub(super) fn read_or_make(state_dir: &Path) -> Result<String, LedgerError> {
    if let Some(name) = read(state_dir)? {
        return Ok(name);
    }
    let name = format!("{:032x}", rand::random::<u128>());
    let path = state_dir.join(FILE);
    let doing = || in_file("write the name of the ledger", &path);
    let mut file = tempfile::NamedTempFile::new_in(state_dir).map_err(doing())?;
    writeln!(file, "{name}").map_err(doing())?;
    file.as_file().sync_all().map_err(doing())?;
    file.persist(&path).map_err(|error| doing()(error.error))?;
    Ok(name)
}
