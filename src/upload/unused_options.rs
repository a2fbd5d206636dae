//! Whether options name fields that no row has: a misspelt `--types` would send every value as a string,
//! and nothing can be corrected after `done`.

/// A field and the option that names it.
pub(super) type Named = (String, &'static str);

/// What no input of a run had.
#[derive(Debug, Default)]
pub(super) struct UnusedOptions(Option<Vec<Named>>);

impl UnusedOptions {
    /// Takes what an input did not have; `None` if not all of its rows were seen, which says nothing of
    /// the others and excuses every name.
    pub(super) fn note(&mut self, unused: Option<Vec<Named>>) {
        let unused = unused.unwrap_or_default();
        match &mut self.0 {
            None => self.0 = Some(unused),
            Some(common) => common.retain(|named| unused.contains(named)),
        }
    }

    /// What to say, if there is something.
    pub(super) fn warning(self) -> Option<String> {
        let unused = self.0.filter(|unused| !unused.is_empty())?;
        let names: Vec<String> = unused
            .iter()
            .map(|(name, option)| format!("{option} {name}"))
            .collect();
        let names = names.join(", ");
        Some(format!("no row has a field of this name: {names}"))
    }
}
