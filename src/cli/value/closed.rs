//! A value of a closed list whose refusal is told in our words: what is near, or what another product
//! calls it. Completions and the schema of job files learn the list from here.

use clap::builder::{PossibleValue, TypedValueParser};
use std::ffi::OsStr;

/// Reads one of some words.
#[derive(Debug, Clone)]
pub struct Closed<T> {
    /// Reads a word, or says what is wrong with it.
    pub read: fn(&str) -> Result<T, String>,
    /// All of them.
    pub words: &'static [&'static str],
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Closed<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let read = self.read;
        (move |text: &str| read(text)).parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().map(PossibleValue::new)))
    }
}
