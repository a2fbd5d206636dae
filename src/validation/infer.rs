//! A schema proposed from what fields were seen to hold, with the evidence for each type.
//!
//! Nothing is applied: somebody has to read it, and to give it back with `--schema`. A type is only
//! proposed when every value that was seen keeps it; where values disagree, none is, and the evidence
//! says what they are. Text of JSON stays text, since somebody put it in quotes; cells of CSV have no
//! types of their own, so there the text decides, but identifiers stay text.

use super::profile::{FieldProfile, Kind, Profile};
use crate::schema::FieldType;
use crate::text::grouped;

/// Different values up to which all of them are listed.
const MAX_LISTED: u64 = 12;
/// Examples in the evidence.
const MAX_EXAMPLES: usize = 3;
/// Epochs in seconds, 2001 to 2100, and in milliseconds.
const EPOCHS: [(f64, f64); 2] = [(1e9, 4.2e9), (1e12, 4.2e12)];

/// What is proposed for a field.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Its name.
    pub name: String,
    /// Its type; none where the values have none in common.
    pub field_type: Option<FieldType>,
    /// Whether it holds points in time, as seconds or milliseconds.
    pub is_epoch: bool,
    /// Its values, if they are few.
    pub known_values: Vec<String>,
    /// Why, in a sentence or two.
    pub evidence: String,
}

/// Proposes a field for each one that was seen. With `cells`, values come from CSV.
pub fn propose(profile: &Profile, cells: bool) -> Vec<Proposal> {
    let propose = |field| propose_field(field, profile.rows, cells);
    profile.fields.iter().map(propose).collect()
}

fn propose_field(field: &FieldProfile, rows: u64, cells: bool) -> Proposal {
    let (field_type, reason) = field_type(field, cells);
    let is_number = matches!(field_type, Some(FieldType::Int32 | FieldType::Int64));
    let (different, exact) = field.values.different();
    let few = exact && different <= MAX_LISTED && different > 0 && field.present > different;
    let limit = usize::try_from(MAX_LISTED).unwrap_or(usize::MAX);
    let known_values = if few {
        let values = field.values.most_frequent(limit);
        values
            .into_iter()
            .map(|(value, _)| unquoted(&value))
            .collect()
    } else {
        Vec::new()
    };
    Proposal {
        name: field.name.clone(),
        field_type,
        is_epoch: is_number && is_epoch(field),
        known_values,
        evidence: evidence(field, rows, reason),
    }
}

/// The type that all values keep, and what is remarkable about it.
fn field_type(field: &FieldProfile, cells: bool) -> (Option<FieldType>, &'static str) {
    let kinds: Vec<Kind> = field.kinds().into_iter().map(|(kind, _)| kind).collect();
    let all = |allowed: &[Kind]| kinds.iter().all(|kind| allowed.contains(kind));
    if kinds.is_empty() {
        return (None, "no value was seen, so no type is proposed");
    }
    let looks_like_id = is_identifier(&field.name);
    let found = if all(&[Kind::TextJson]) {
        FieldType::JsonString
    } else if all(&[Kind::TextInt32, Kind::TextInt64]) && cells && looks_like_id {
        FieldType::String
    } else if all(&[Kind::Int32]) || (cells && all(&[Kind::TextInt32])) {
        FieldType::Int32
    } else if all(&[Kind::Int32, Kind::Int64])
        || (cells && all(&[Kind::TextInt32, Kind::TextInt64]))
    {
        FieldType::Int64
    } else if all(&[Kind::Int32, Kind::Int64, Kind::Decimal])
        || (cells && all(&[Kind::TextInt32, Kind::TextInt64, Kind::TextDecimal]))
    {
        FieldType::Double
    } else if all(&[Kind::Bool]) || (cells && all(&[Kind::TextBool])) {
        FieldType::Bool
    } else if all(&[Kind::Array]) {
        FieldType::Array
    } else if all(&[Kind::Object]) {
        FieldType::Object
    } else if kinds.iter().all(|kind| is_text(*kind)) {
        FieldType::String
    } else {
        return (
            None,
            "the values are of several types, so none is proposed; --types FIELD=string sends numbers as text",
        );
    };
    let is_number = matches!(
        found,
        FieldType::Int32 | FieldType::Int64 | FieldType::Double
    );
    if field.empty > 0 && found != FieldType::String {
        return (
            None,
            "some are \"\", which only a string may be, so no type is proposed",
        );
    }
    if found == FieldType::Double && has_whole_number_beyond_doubles(field) {
        let proposed = cells.then_some(FieldType::String);
        return (
            proposed,
            "some are whole numbers that no double holds exactly",
        );
    }
    if is_number && !all_are_finite(field) {
        return (
            None,
            "some numbers are infinite as a double, so no type is proposed",
        );
    }
    let reason = match found {
        FieldType::String if cells && looks_like_id && !kinds.contains(&Kind::Text) => {
            "all are numbers, but by its name it is an identifier, which the platform takes as text"
        }
        FieldType::String if !kinds.contains(&Kind::Text) && !cells => {
            "all are numbers or words of other types, in quotes"
        }
        _ => "",
    };
    (Some(found), reason)
}

/// Doubles hold every whole number up to this one.
const MOST_EXACT: i64 = 1 << 53;

/// Whether one of the outermost numbers is an identifier rather than an amount.
fn has_whole_number_beyond_doubles(field: &FieldProfile) -> bool {
    let is_beyond = |text: &str| {
        let digits = text.trim_start_matches('-');
        let is_whole = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        let is_exact = |number: i64| number.unsigned_abs() <= MOST_EXACT.unsigned_abs();
        is_whole && !text.parse().is_ok_and(is_exact)
    };
    field
        .numbers
        .as_ref()
        .is_some_and(|it| is_beyond(&it.least.1) || is_beyond(&it.greatest.1))
}

const fn is_text(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::TextInt32
            | Kind::TextInt64
            | Kind::TextDecimal
            | Kind::TextBool
            | Kind::TextJson
            | Kind::Text
    )
}

fn all_are_finite(field: &FieldProfile) -> bool {
    let numbers: u64 = Kind::ALL
        .into_iter()
        .filter(|kind| kind.is_number())
        .map(|kind| field.of_kind(kind))
        .sum();
    field
        .numbers
        .as_ref()
        .is_some_and(|found| found.count() == numbers)
}

fn is_identifier(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name == "id" || name.ends_with("_id") || name.ends_with("code")
}

fn is_epoch(field: &FieldProfile) -> bool {
    let name = field.name.to_ascii_lowercase();
    let says_so = ["time", "date", "_at", "_ts"]
        .iter()
        .any(|word| name.contains(word));
    let within = |(first, last): &(f64, f64)| {
        let numbers = field.numbers.as_ref();
        numbers.is_some_and(|it| it.least.0 >= *first && it.greatest.0 <= *last)
    };
    says_so && EPOCHS.iter().any(within)
}

fn evidence(field: &FieldProfile, rows: u64, reason: &str) -> String {
    let mut parts = vec![if field.present == rows {
        format!("in all {} rows", grouped(rows))
    } else {
        format!("in {} of {} rows", grouped(field.present), grouped(rows))
    }];
    if field.nulls > 0 {
        parts.push(format!("{} null", field.nulls));
    }
    if field.empty > 0 {
        parts.push(format!("{} empty", field.empty));
    }
    let kinds = field.kinds();
    let kind = |(kind, count): &(Kind, u64)| format!("{} {count}", kind.as_str());
    if !kinds.is_empty() {
        parts.push(kinds.iter().map(kind).collect::<Vec<_>>().join(" + "));
    }
    if let Some(numbers) = &field.numbers {
        parts.push(format!(
            "from {} to {}",
            numbers.least.1, numbers.greatest.1
        ));
    } else if let Some((least, most)) = field.lengths {
        parts.push(format!("{least} to {most} characters"));
    }
    let (different, exact) = field.values.different();
    if different > 0 {
        let about = if exact { "" } else { "about " };
        let examples = field.values.most_frequent(MAX_EXAMPLES);
        let examples: Vec<String> = examples.into_iter().map(|(value, _)| value).collect();
        let such_as = examples.join(", ");
        parts.push(format!("{about}{different} different, such as {such_as}"));
    }
    let mut text = parts.join("; ");
    if !reason.is_empty() {
        text.push_str(". ");
        text.push_str(reason);
    }
    text
}

/// A value as a list of values in a schema has it.
fn unquoted(value: &str) -> String {
    serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Members;

    fn proposed(rows: &[&str], cells: bool) -> Vec<(String, Option<&'static str>, bool)> {
        let mut profile = Profile::default();
        for row in rows {
            profile.add(Members::of(row.as_bytes()));
        }
        let one = |it: Proposal| (it.name, it.field_type.map(FieldType::as_str), it.is_epoch);
        propose(&profile, cells).into_iter().map(one).collect()
    }

    fn of(value: &[&str], cells: bool) -> Option<&'static str> {
        let rows: Vec<String> = value.iter().map(|it| format!("{{\"f\":{it}}}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        proposed(&rows, cells)[0].1
    }

    #[test]
    fn a_type_is_proposed_only_when_every_value_keeps_it() {
        for (values, wanted) in [
            (&["1", "null", "-5"][..], Some("int32")),
            (&["1", "3000000000"], Some("int64")),
            (&["1", "9223372036854775808"], None),
            (&["1", "2.5"], Some("double")),
            (&["9007199254740992", "2.5"], Some("double")),
            (&["9007199254740993", "2.5"], None),
            (&["9223372036854775807", "9223372036854775809"], None),
            (&["1", "1e400"], None),
            (&["true", "false"], Some("bool")),
            (&["true", "1"], None),
            (&["[1]", "[]"], Some("array")),
            (&["{}"], Some("object")),
            (&["\"[1]\"", "\"{}\""], Some("json_string")),
            (&["\"[1]\"", "\"[1\""], Some("string")),
            (&["\"1\""], Some("string")),
            (&["\"1\"", "1"], None),
            (&["\"\"", "\"a\""], Some("string")),
            (&["null"], None),
        ] {
            assert_eq!(of(values, false), wanted, "{values:?}");
        }
    }

    #[test]
    fn in_cells_the_text_decides_and_leading_zeros_stay() {
        for (values, wanted) in [
            (&["\"1\"", "\"20\""][..], Some("int32")),
            (&["\"1\"", "\"2.50\""], Some("double")),
            (&["\"1\"", "\"9223372036854775808\""], Some("string")),
            (
                &["\"9223372036854775807\"", "\"9223372036854775809\""],
                Some("string"),
            ),
            (&["\"1\"", "\"007\""], Some("string")),
            (&["\"true\"", "\"FALSE\""], Some("bool")),
            (&["\"1\"", "\"\""], None),
            (&["\"1\"", "\"x\""], Some("string")),
        ] {
            assert_eq!(of(values, true), wanted, "{values:?}");
        }
        let rows = ["8", "9", "900"].map(|end| format!("{{\"f\":\"922337203685477580{end}\"}}"));
        let mut profile = Profile::default();
        for row in &rows {
            profile.add(Members::of(row.as_bytes()));
        }
        let evidence = &propose(&profile, true)[0].evidence;
        let range = "from 9223372036854775808 to 922337203685477580900";
        assert!(evidence.contains(range), "{evidence}");
        let row = r#"{"goods_id":"5","pub_time":"1640995200","n":"1640995200"}"#;
        let wanted = [
            ("goods_id", "string", false),
            ("pub_time", "int32", true),
            ("n", "int32", false),
        ];
        let found = proposed(&[row], true);
        for ((name, of, epoch), (found, found_of, found_epoch)) in wanted.iter().zip(&found) {
            assert_eq!(
                (*name, Some(*of), *epoch),
                (found.as_str(), *found_of, *found_epoch)
            );
        }
    }
}
