//! Inputs that a date waits for and that are not there any more.

use crate::ledger::Unmet;
use std::path::Path;

/// Most of them that are named.
const MAX_NAMED: usize = 3;

/// Which of the inputs that are missing for `done` vanished, in words; `None` when all are there. Only
/// names of files are paths from the root.
pub fn vanished(missing: &[Unmet]) -> Option<String> {
    let mut gone = missing.iter().filter_map(|one| match one {
        Unmet::InputUnfinished { name, holder } if holder.is_empty() => {
            let path = Path::new(name);
            (path.is_absolute() && !path.exists()).then_some(name.as_str())
        }
        _ => None,
    });
    let named: Vec<&str> = gone.by_ref().take(MAX_NAMED).collect();
    let more = match gone.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let what = match named.len() {
        0 => return None,
        1 => "is not there any more: put it back",
        _ => "are not there any more: put them back",
    };
    Some(format!(
        "{}{more} {what}, or 'ledger drop-input' gives up what was not sent",
        named.join(", ")
    ))
}
