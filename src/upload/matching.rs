//! Which rows of a batch does a reply with code 1001 speak of?
//!
//! The platform repeats the refused rows as JSON text and gives no index. They are found by content:
//! by the exact text first, else by equal JSON values. Equal rows cannot be told apart, so as many
//! of them are refused as the reply says, and the reason names all their lines.

use super::parcel::{PackError, Parcel};
use crate::domain::{Position, RowError};
use crate::ledger::DeadLetter;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// The code of dead letters that the platform refused.
const CODE: &str = "refused_by_platform";

/// Most equal rows that a reason lists.
const MAX_NAMED_ROWS: usize = 20;

/// The refused rows; `None` when the list is empty or an entry of it matches no row.
pub(super) fn refused_rows(
    parcel: &Parcel,
    errors: &[RowError],
) -> Result<Option<Vec<DeadLetter>>, PackError> {
    if errors.is_empty() {
        return Ok(None);
    }
    let body = parcel.inflate()?;
    let rows: Vec<&RawValue> = serde_json::from_slice(&body).map_err(|_| PackError::Unreadable)?;
    let places: Vec<(u32, Position)> = parcel.places.iter().collect();
    if rows.len() != places.len() {
        return Err(PackError::Unreadable);
    }
    let Some(groups) = group_by_content(&rows, errors) else {
        return Ok(None);
    };
    let mut letters = Vec::new();
    for group in groups {
        let refused = group.messages.len().min(group.rows.len());
        let equal = equal_rows(&group.rows, &places);
        for (nth, index) in group.rows.iter().take(refused).enumerate() {
            let (Some(row), Some((piece, position))) = (rows.get(*index), places.get(*index))
            else {
                return Err(PackError::Unreadable);
            };
            let message = group.messages.get(nth).copied().unwrap_or_default();
            let reason = (CODE, format!("{message}{equal}"));
            letters.extend(parcel.dead_letter(*piece, *position, row.get(), reason));
        }
    }
    letters.sort_by_key(|letter| (letter.input, letter.position));
    Ok(Some(letters))
}

/// How much longer than the longest row a repeated row may be: every character escaped, and room for
/// white space. What is longer is no row of the batch, and is not parsed.
const MAX_GROWTH: usize = 8;

/// The same, for the smallest rows.
const MIN_LONGEST_BYTES: usize = 4096;

/// Rows with the same content, and what was said of them.
struct Group<'a> {
    rows: Vec<usize>,
    messages: Vec<&'a str>,
}

fn group_by_content<'a>(rows: &[&RawValue], errors: &'a [RowError]) -> Option<Vec<Group<'a>>> {
    let mut by_text: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        by_text.entry(row.get()).or_default().push(index);
    }
    let longest = rows.iter().map(|row| row.get().len()).max()?;
    let longest = longest.saturating_mul(MAX_GROWTH).max(MIN_LONGEST_BYTES);
    // Canonical forms cost a parse of every row, so they are made only when a text differs.
    let mut by_value: Option<HashMap<String, Vec<usize>>> = None;
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut group_of_row: HashMap<usize, usize> = HashMap::new();
    for error in errors {
        let data = error.data.trim();
        let matched = if let Some(found) = by_text.get(data) {
            found
        } else {
            if data.len() > longest {
                return None;
            }
            let values = by_value.get_or_insert_with(|| rows_by_value(rows));
            values.get(&canonical(data)?)?
        };
        let first = *matched.first()?;
        let group = *group_of_row.entry(first).or_insert_with(|| {
            groups.push(Group {
                rows: matched.clone(),
                messages: Vec::new(),
            });
            groups.len().saturating_sub(1)
        });
        if let Some(group) = groups.get_mut(group) {
            group.messages.push(&error.message);
        }
    }
    Some(groups)
}

fn rows_by_value(rows: &[&RawValue]) -> HashMap<String, Vec<usize>> {
    let mut values: HashMap<String, Vec<usize>> = HashMap::new();
    for (index, row) in rows.iter().enumerate() {
        if let Some(text) = canonical(row.get()) {
            values.entry(text).or_default().push(index);
        }
    }
    values
}

/// Keys sorted, white space and escapes normalised; numbers as `serde_json` reads them.
fn canonical(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(value.to_string())
}

fn equal_rows(rows: &[usize], places: &[(u32, Position)]) -> String {
    if rows.len() < 2 {
        return String::new();
    }
    let lines: Vec<String> = rows
        .iter()
        .take(MAX_NAMED_ROWS)
        .filter_map(|index| places.get(*index))
        .map(|(_, position)| position.line.to_string())
        .collect();
    let more = if rows.len() > MAX_NAMED_ROWS {
        ", …"
    } else {
        ""
    };
    format!(
        " (one of {} equal rows, lines {}{more})",
        rows.len(),
        lines.join(", ")
    )
}
