//! A service that does not answer, told to whoever watches: soon, and then rarely.

use crate::input::RecordStream;
use std::time::{Duration, Instant};

/// How long an answer is waited for without a word.
const TOLD_AFTER: Duration = Duration::from_secs(5);
/// How often it is told again.
const TOLD_EVERY: Duration = Duration::from_secs(600);

/// What was told of a wait.
#[derive(Debug, Default)]
pub(super) struct Silence {
    told: Option<Instant>,
}

impl Silence {
    /// What is to be told of a wait that began then, if it is time; nothing of one that is over.
    pub(super) fn of(
        &mut self,
        stream: &dyn RecordStream,
        since: Option<Instant>,
    ) -> Option<String> {
        let waited = since.map(|since| since.elapsed())?;
        let was_told = self.told.is_some_and(|told| told.elapsed() < TOLD_EVERY);
        if waited < TOLD_AFTER || was_told {
            return None;
        }
        self.told = Some(Instant::now());
        let why = stream.trouble();
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        Some(format!(
            "{}: no answer for {} s{why}; it is asked again, and nothing is lost",
            stream.name(),
            waited.as_secs()
        ))
    }
}
