//! The model platform: stores rows by Request-Id, remembers ids, knows when a date is acked.
//!
//! It decides by content and memory only; faults on the way there and back are decided elsewhere.
//! Its record, not the client's books, is what the promises are checked against.

use super::fault::Answer;
use super::rows::{Row, Taste};
use crate::domain::RequestId;
use crate::protocol::messages::DataError;
use std::collections::{HashMap, HashSet};

/// What a 1001 says of the refused rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ErrorList {
    /// Each of them, word for word.
    All,
    /// Each of them, written in another way.
    Reworded,
    /// One of them.
    Sample,
    /// None; and then nothing of the batch was stored.
    Empty,
    /// A row that nobody sent; and then nothing of the batch was stored.
    Astray,
}

/// What came to the platform's knowledge.
pub(super) struct Platform {
    /// How often each row was stored.
    pub(super) stored: HashMap<String, u32>,
    /// Rows that it refused by name, or alone.
    pub(super) refused: HashSet<String>,
    /// The ids of accepted `done`.
    pub(super) dones: Vec<RequestId>,
    known: HashSet<RequestId>,
    most_rows: usize,
    errors: ErrorList,
}

impl Platform {
    /// A platform that has nothing yet.
    pub(super) fn new(most_rows: usize, errors: ErrorList) -> Self {
        Self {
            stored: HashMap::new(),
            refused: HashSet::new(),
            dones: Vec::new(),
            known: HashSet::new(),
            most_rows,
            errors,
        }
    }

    /// Remembers an id although nothing was stored under it.
    pub(super) fn remember(&mut self, id: RequestId) {
        self.known.insert(id);
    }

    /// Whether nothing more is owed for a row.
    pub(super) fn has(&self, row: &str) -> bool {
        self.stored.contains_key(row) || self.refused.contains(row)
    }

    /// A batch arrives.
    pub(super) fn write(&mut self, id: RequestId, rows: &[Row]) -> Answer {
        if self.known.contains(&id) {
            return Answer::of(409, format!("Duplicate submission with request-id: {id}."));
        }
        if !self.dones.is_empty() {
            return Answer::of(400, "Syncing is not allowed when acked.");
        }
        if rows.len() > self.most_rows {
            return Answer::of(413, "The count of write items max.");
        }
        if rows.iter().any(|row| row.taste == Taste::Poison) {
            self.refuse_alone(rows);
            return Answer::of(400, "invalid json");
        }
        let bad: Vec<&Row> = rows.iter().filter(|row| row.taste == Taste::Bad).collect();
        let is_told = !matches!(self.errors, ErrorList::Empty | ErrorList::Astray);
        if !bad.is_empty() && !is_told {
            return Answer::part_refused(self.list(&bad));
        }
        self.known.insert(id);
        for row in rows {
            if row.taste == Taste::Good {
                *self.stored.entry(row.row.clone()).or_default() += 1;
            } else {
                self.refused.insert(row.row.clone());
            }
        }
        if bad.is_empty() {
            Answer::of(0, "OK")
        } else {
            Answer::part_refused(self.list(&bad))
        }
    }

    /// A `done` arrives.
    pub(super) fn done(&mut self, id: RequestId) -> Answer {
        if self.known.contains(&id) {
            return Answer::of(409, format!("Duplicate submission with request-id: {id}."));
        }
        if !self.dones.is_empty() {
            return Answer::of(400, "Syncing or ack is not allowed when done.");
        }
        self.known.insert(id);
        self.dones.push(id);
        Answer::of(0, "OK")
    }

    fn refuse_alone(&mut self, rows: &[Row]) {
        if let [only] = rows {
            self.refused.insert(only.row.clone());
        }
    }

    fn list(&self, bad: &[&Row]) -> Vec<DataError> {
        let error = |data: String| DataError {
            message: "wrong type".to_owned(),
            data,
        };
        let text = |row: &Row| serde_json::to_string(row).unwrap();
        match self.errors {
            ErrorList::All => bad.iter().map(|row| error(text(row))).collect(),
            ErrorList::Reworded => bad
                .iter()
                .map(|row| serde_json::to_value(row).unwrap().to_string())
                .map(|data| error(data.replace(':', " : ")))
                .collect(),
            ErrorList::Sample => bad.iter().take(1).map(|row| error(text(row))).collect(),
            ErrorList::Empty => Vec::new(),
            ErrorList::Astray => vec![error(r#"{"row":"nobody's"}"#.to_owned())],
        }
    }
}
