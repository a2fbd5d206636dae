//! Which rows of a batch does a reply with code 1001 speak of?
//!
//! The platform repeats the refused rows as JSON text and gives no index. They are found by content:
//! by the exact text first, then by equal JSON values ([`RowValue`]: `1.0` is `1`), then by values
//! whose numbers are equal as doubles, since a server may keep no more of them. Equal rows cannot be
//! told apart, so as many of them are refused as the reply says, and the reason names all their
//! lines; rows that only doubles take for equal are different, and are never guessed among. The rows
//! are read out of the compressed body one by one; only those that the reply speaks of are kept.

use super::parcel::{PackError, Parcel};
use super::row_value::{RowValue, has_long_number};
use super::unpack::PackedRows;
use crate::domain::{Position, RowError};
use crate::ledger::DeadLetter;
use std::collections::HashMap;

/// The code of dead letters that the platform refused.
const CODE: &str = "refused_by_platform";

/// Most equal rows that a reason lists.
const MAX_NAMED_ROWS: usize = 20;

/// How much longer than the longest row a repeated row may be: every character escaped, and room for
/// white space. What is longer is no row of the batch, and is not parsed.
const MAX_GROWTH: usize = 8;

/// The same, for the smallest rows.
const MIN_LONGEST_BYTES: usize = 4096;

/// The refused rows; `None` when the list is empty or an entry of it matches no row.
pub(super) fn refused_rows(
    parcel: &Parcel,
    errors: &[RowError],
) -> Result<Option<Vec<DeadLetter>>, PackError> {
    let Some(mut groups) = matched_groups(&parcel.body, errors)? else {
        return Ok(None);
    };
    let lines_of = lines(parcel, &groups);
    let mut refused: HashMap<usize, (String, String)> = HashMap::new();
    for group in &mut groups {
        let equal = equal_rows(group, &lines_of);
        // The rows go with the letters: there may be a megabyte of them.
        let rows = std::mem::take(&mut group.rows);
        for ((row, raw), message) in rows.into_iter().zip(&group.messages) {
            refused.insert(row, (format!("{message}{equal}"), raw));
        }
    }
    let count = refused.len();
    let mut letters = Vec::with_capacity(count);
    for (row, (piece, position)) in parcel.places.iter().enumerate() {
        let Some((reason, raw)) = refused.remove(&row) else {
            continue;
        };
        letters.extend(parcel.dead_letter(piece, position, raw, (CODE, reason)));
    }
    if letters.len() != count {
        return Err(PackError::Unreadable);
    }
    letters.sort_by_key(|letter| (letter.input, letter.position));
    Ok(Some(letters))
}

/// Rows with the same content, and what was said of them.
#[derive(Default)]
struct Group<'a> {
    /// Their texts by their places in the batch.
    rows: std::collections::BTreeMap<usize, String>,
    messages: Vec<&'a str>,
}

/// The rows that errors speak of; `None` when one speaks of no row.
fn matched_groups<'a>(
    body: &[u8],
    errors: &'a [RowError],
) -> Result<Option<Vec<Group<'a>>>, PackError> {
    if errors.is_empty() {
        return Ok(None);
    }
    let mut by_text: HashMap<&str, Group<'a>> = HashMap::new();
    for error in errors {
        let group = by_text.entry(error.data.trim()).or_default();
        group.messages.push(&error.message);
    }
    let mut longest = MIN_LONGEST_BYTES;
    for_each_row(body, |index, row| {
        longest = longest.max(row.len().saturating_mul(MAX_GROWTH));
        if let Some(group) = by_text.get_mut(row) {
            group.rows.insert(index, row.to_owned());
        }
    })?;
    // Values cost a parse of every row, so they are made only when a text differs.
    let groups: Vec<Group<'a>> = if by_text.values().all(Group::is_clear) {
        by_text.into_values().collect()
    } else {
        let Some(by_value) = match_by_value(body, by_text, longest)? else {
            return Ok(None);
        };
        if !by_value.values().all(Group::is_clear) {
            return match_by_number(body, by_value);
        }
        by_value.into_values().collect()
    };
    Ok((!may_mean_others(body, &groups)?).then_some(groups))
}

impl Group<'_> {
    /// Whether there is a row for each thing that was said.
    fn is_clear(&self) -> bool {
        self.rows.len() >= self.messages.len()
    }
}

fn match_by_value<'a>(
    body: &[u8],
    by_text: HashMap<&str, Group<'a>>,
    longest: usize,
) -> Result<Option<HashMap<RowValue, Group<'a>>>, PackError> {
    let mut by_value: HashMap<RowValue, Group<'a>> = HashMap::new();
    for (text, group) in by_text {
        let value = Some(text)
            .filter(|text| text.len() <= longest)
            .and_then(RowValue::of);
        let Some(value) = value else {
            return Ok(None);
        };
        by_value
            .entry(value)
            .or_default()
            .messages
            .extend(group.messages);
    }
    for_each_row(body, |index, row| {
        let group = RowValue::of(row).and_then(|value| by_value.get_mut(&value));
        if let Some(group) = group {
            group.rows.insert(index, row.to_owned());
        }
    })?;
    Ok(Some(by_value))
}

/// The last step, for what is not clear yet: numbers as doubles. `None` when an entry still speaks of
/// no row, or of rows that are different.
fn match_by_number<'a>(
    body: &[u8],
    by_value: HashMap<RowValue, Group<'a>>,
) -> Result<Option<Vec<Group<'a>>>, PackError> {
    let mut by_number: HashMap<RowValue, Group<'a>> = HashMap::new();
    for (value, group) in by_value {
        let merged = by_number.entry(value.with_doubles()).or_default();
        merged.messages.extend(group.messages);
    }
    let mut values: HashMap<RowValue, RowValue> = HashMap::new();
    let mut is_different = false;
    for_each_row(body, |index, row| {
        let Some(value) = RowValue::of(row) else {
            return;
        };
        let number = value.with_doubles();
        let Some(group) = by_number.get_mut(&number) else {
            return;
        };
        group.rows.insert(index, row.to_owned());
        is_different |= *values.entry(number).or_insert_with(|| value.clone()) != value;
    })?;
    let all_matched = by_number.values().all(|group| !group.rows.is_empty());
    Ok((all_matched && !is_different).then(|| by_number.into_values().collect()))
}

/// Whether a server that keeps numbers as doubles would say the same of rows that are in no group:
/// it could have meant those.
fn may_mean_others(body: &[u8], groups: &[Group<'_>]) -> Result<bool, PackError> {
    let mut as_doubles = HashMap::new();
    let mut is_long = false;
    for row in groups.iter().filter_map(|group| group.rows.values().next()) {
        let Some(value) = RowValue::of(row).filter(RowValue::may_come_from_doubles) else {
            continue;
        };
        is_long |= has_long_number(row);
        as_doubles.insert(value.with_doubles(), value);
    }
    let mut means_others = false;
    for_each_row(body, |_, row| {
        // Of two different numbers that are one double, at least one has more digits than a double.
        if means_others || !(is_long || has_long_number(row)) {
            return;
        }
        let Some(value) = RowValue::of(row) else {
            return;
        };
        means_others = as_doubles
            .get(&value.with_doubles())
            .is_some_and(|meant| *meant != value);
    })?;
    Ok(means_others)
}

fn for_each_row(body: &[u8], mut see: impl FnMut(usize, &str)) -> Result<(), PackError> {
    let mut rows = PackedRows::of(body);
    let mut index = 0_usize;
    while let Some(row) = rows.next()? {
        see(
            index,
            std::str::from_utf8(row).map_err(|_| PackError::Unreadable)?,
        );
        index = index.saturating_add(1);
    }
    Ok(())
}

/// The lines of the rows that reasons name.
fn lines(parcel: &Parcel, groups: &[Group<'_>]) -> HashMap<usize, u64> {
    let equal = groups.iter().filter(|group| group.rows.len() > 1);
    let mut named: HashMap<usize, u64> = equal
        .flat_map(|group| group.rows.keys().take(MAX_NAMED_ROWS))
        .map(|row| (*row, 0))
        .collect();
    if !named.is_empty() {
        for (row, (_, Position { line, .. })) in parcel.places.iter().enumerate() {
            named.entry(row).and_modify(|known| *known = line);
        }
    }
    named
}

fn equal_rows(group: &Group<'_>, lines_of: &HashMap<usize, u64>) -> String {
    if group.rows.len() < 2 {
        return String::new();
    }
    let named = group.rows.keys().filter_map(|row| lines_of.get(row));
    let lines: Vec<String> = named.map(u64::to_string).take(MAX_NAMED_ROWS).collect();
    let more = if group.rows.len() > MAX_NAMED_ROWS {
        ", …"
    } else {
        ""
    };
    format!(
        " (one of {} equal rows, lines {}{more})",
        group.rows.len(),
        lines.join(", ")
    )
}

#[cfg(test)]
mod tests;
