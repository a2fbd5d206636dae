//! Which rows of a batch does a reply with code 1001 speak of?
//!
//! The platform repeats the refused rows as JSON text and gives no index. They are found by content:
//! by the exact text first, then by equal JSON values, then by values whose numbers are equal as
//! doubles, since a server may write `1.0` as `1`. Equal rows cannot be told apart, so as many of
//! them are refused as the reply says, and the reason names all their lines; rows that only the last
//! step takes for equal are different, and are never guessed among. The rows are read out of the
//! compressed body one by one; only those that the reply speaks of are kept.

use super::parcel::{PackError, Parcel};
use super::unpack::PackedRows;
use crate::domain::{Position, RowError};
use crate::ledger::DeadLetter;
use serde_json::Value;
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
    let Some(groups) = matched_groups(&parcel.body, errors)? else {
        return Ok(None);
    };
    let mut refused: HashMap<usize, (&str, &Group<'_>)> = HashMap::new();
    for group in &groups {
        for (row, message) in group.rows.keys().zip(&group.messages) {
            refused.insert(*row, (message, group));
        }
    }
    let lines_of = lines(parcel, &groups);
    let mut letters = Vec::new();
    for (row, (piece, position)) in parcel.places.iter().enumerate() {
        let Some((message, group)) = refused.get(&row) else {
            continue;
        };
        let raw = group.rows.get(&row).ok_or(PackError::Unreadable)?;
        let reason = format!("{message}{}", equal_rows(group, &lines_of));
        letters.extend(parcel.dead_letter(piece, position, raw, (CODE, reason)));
    }
    if letters.len() != refused.len() {
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
    // Canonical forms cost a parse of every row, so they are made only when a text differs.
    if by_text.values().all(Group::is_clear) {
        return Ok(Some(by_text.into_values().collect()));
    }
    let Some(by_value) = match_by_value(body, by_text, longest)? else {
        return Ok(None);
    };
    if by_value.values().all(Group::is_clear) {
        return Ok(Some(by_value.into_values().collect()));
    }
    match_by_number(body, by_value)
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
) -> Result<Option<HashMap<String, Group<'a>>>, PackError> {
    let mut by_value: HashMap<String, Group<'a>> = HashMap::new();
    for (text, group) in by_text {
        let value = Some(text)
            .filter(|text| text.len() <= longest)
            .and_then(canonical);
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
        let value = canonical(row);
        if let Some(group) = value.and_then(|value| by_value.get_mut(&value)) {
            group.rows.insert(index, row.to_owned());
        }
    })?;
    Ok(Some(by_value))
}

/// The last step, for what is not clear yet: numbers as doubles. `None` when an entry still speaks of
/// no row, or of rows that are different.
fn match_by_number<'a>(
    body: &[u8],
    by_value: HashMap<String, Group<'a>>,
) -> Result<Option<Vec<Group<'a>>>, PackError> {
    let (mut groups, doubtful): (Vec<_>, Vec<_>) = by_value
        .into_iter()
        .partition(|(_, group)| group.is_clear());
    let mut by_number: HashMap<String, (Option<String>, Group<'a>)> = HashMap::new();
    for (value, mut group) in doubtful {
        let Some(number) = with_doubles(&value) else {
            return Ok(None);
        };
        let exact = (!group.rows.is_empty()).then_some(value);
        let (known, merged) = by_number.entry(number).or_default();
        if known.is_some() && exact.is_some() {
            return Ok(None);
        }
        *known = known.take().or(exact);
        merged.messages.append(&mut group.messages);
        merged.rows.append(&mut group.rows);
    }
    let mut is_different = false;
    for_each_row(body, |index, row| {
        let Some(value) = canonical(row) else { return };
        let Some((exact, group)) = with_doubles(&value).and_then(|it| by_number.get_mut(&it))
        else {
            return;
        };
        is_different |= exact.get_or_insert_with(|| value.clone()) != &value;
        group.rows.insert(index, row.to_owned());
    })?;
    groups.extend(
        by_number
            .into_iter()
            .map(|(number, (_, group))| (number, group)),
    );
    let all_matched = groups.iter().all(|(_, group)| !group.rows.is_empty());
    let clear = all_matched && !is_different;
    Ok(clear.then(|| groups.into_iter().map(|(_, group)| group).collect()))
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

/// Keys sorted, white space and escapes normalised; numbers as `serde_json` reads them.
fn canonical(text: &str) -> Option<String> {
    let value: Value = serde_json::from_str(text).ok()?;
    Some(value.to_string())
}

/// A canonical text whose numbers are written as the doubles nearest to them.
fn with_doubles(canonical: &str) -> Option<String> {
    fn change(value: &mut Value) {
        match value {
            Value::Number(number) => {
                // As text: a double that is whole must not become an integer again.
                let double = number.as_f64().unwrap_or(f64::NAN);
                *value = Value::String(format!("\u{0}{double:e}"));
            }
            Value::Array(items) => items.iter_mut().for_each(change),
            Value::Object(members) => members.values_mut().for_each(change),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    let mut value: Value = serde_json::from_str(canonical).ok()?;
    change(&mut value);
    Some(value.to_string())
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
