//! For which days an input was read that has rows of several, and of which others it has rows too.

use super::id::InputId;
use super::query::failed;
use super::{LedgerError, LedgerReader};
use crate::domain::DataDate;
use rusqlite::Params;
use std::collections::BTreeSet;

impl LedgerReader {
    /// The days for whose rows an input was registered. Their gates wait for it.
    pub fn days_of(&self, input: InputId) -> Result<BTreeSet<DataDate>, LedgerError> {
        let dates = self.texts(
            "SELECT p.date FROM scope s JOIN partition p ON p.id = s.partition WHERE s.input = ?1",
            [input.0],
        )?;
        Ok(dates.iter().filter_map(|date| date.parse().ok()).collect())
    }

    /// The days of the rows of an input that were left out because nobody had named these days;
    /// `None` when that cannot be told.
    pub fn days_left_out(&self, input: InputId) -> Result<Option<BTreeSet<DataDate>>, LedgerError> {
        let messages = self.texts(
            "SELECT DISTINCT message FROM reject WHERE input = ?1 AND code = 'date_outside'",
            [input.0],
        )?;
        Ok(messages.iter().map(|message| day_in(message)).collect())
    }

    fn texts(&self, query: &str, values: impl Params) -> Result<Vec<String>, LedgerError> {
        self.db
            .prepare_cached(query)
            .and_then(|mut statement| {
                let texts = statement.query_map(values, |row| row.get(0))?;
                texts.collect()
            })
            .map_err(failed("look up the dates of an input"))
    }
}

/// The day that a message names.
fn day_in(message: &str) -> Option<DataDate> {
    let mut words = message.split([' ', ',']);
    words.find_map(|word| word.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_a_row_that_was_left_out_is_in_its_message() {
        let day = "2022-01-02".parse().ok();
        let message = "the row is of 2022-01-02, which --date does not name";
        assert_eq!(day_in(message), day);
        assert_eq!(day_in("the row is of another day"), None);
    }
}
