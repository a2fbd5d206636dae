//! Readers of guards that a date remembers, each of which can be taken back by name.

use super::percent;
use crate::domain::GuardChange;

/// The word that takes a guard back.
const NONE: &str = "none";

/// Reads the fewest rows; none at least is no guard.
pub fn fewest_rows(text: &str) -> Result<GuardChange<u64>, String> {
    let change = or_none(text, || {
        let wanted = "write a number of rows such as 100; 0 or none takes it back";
        text.parse::<u64>().map_err(|_| wanted.to_owned())
    })?;
    Ok(match change {
        GuardChange::Set(0) => GuardChange::Remove,
        other => other,
    })
}

/// Reads a number of files. Zero is one too: what counted files must not take the guard back by it.
pub fn files_or_none(text: &str) -> Result<GuardChange<u64>, String> {
    or_none(text, || {
        let wanted = "write a number of files such as 12; none takes it back";
        text.parse::<u64>().map_err(|_| wanted.to_owned())
    })
}

/// Reads a share. 0% allows for no fall at all.
pub fn percent_or_none(text: &str) -> Result<GuardChange<f64>, String> {
    or_none(text, || {
        percent(text).map_err(|wanted| format!("{wanted}; none takes it back"))
    })
}

/// Reads the name of a file.
pub fn marker_or_none(text: &str) -> Result<GuardChange<String>, String> {
    or_none(text, || {
        if text.is_empty() {
            return Err(
                "an empty name marks nothing (is a shell variable unset?); write the name of a \
                 file such as _SUCCESS; none takes it back"
                    .to_owned(),
            );
        }
        Ok(text.to_owned())
    })
}

fn or_none<T>(
    text: &str,
    read: impl FnOnce() -> Result<T, String>,
) -> Result<GuardChange<T>, String> {
    if text == NONE {
        Ok(GuardChange::Remove)
    } else {
        read().map(GuardChange::Set)
    }
}
