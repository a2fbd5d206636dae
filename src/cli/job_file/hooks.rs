//! The hooks of a job: commands or URLs that are told what became of its days.
//!
//! A job's own beat those of `[defaults]`, each by itself. They are run by `jobs`.

use super::{Entries, UsageError, wrong};
use crate::cli::value::duration;
use std::time::Duration;

/// How long a hook may take unless the file says otherwise.
const DEFAULT_HOOK_TIMEOUT: Duration = Duration::from_secs(60);

/// Commands or URLs that get the summary of a day as JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Hooks {
    /// Told when `done` of a day was accepted.
    pub on_success: Option<String>,
    /// Told when a day ended with a status that a person should look at.
    pub on_failure: Option<String>,
    /// Told when rows of a day were rejected.
    pub on_reject: Option<String>,
    /// How long each may take.
    pub timeout: Duration,
}

impl Hooks {
    pub(super) fn read(place: &str, own: &Entries, defaults: &Entries) -> Result<Self, UsageError> {
        let one = |key: &str| {
            let value = own.list(key).into_iter().next();
            value.or_else(|| defaults.list(key).into_iter().next())
        };
        let timeout = match one("hook_timeout") {
            None => DEFAULT_HOOK_TIMEOUT,
            Some(text) => duration(&text)
                .map_err(|error| wrong(place, &format!("'hook_timeout': {error}")))?,
        };
        let word = |key: &str| one(key).filter(|text| !text.trim().is_empty());
        Ok(Self {
            on_success: word("on_success"),
            on_failure: word("on_failure"),
            on_reject: word("on_reject"),
            timeout,
        })
    }
}
