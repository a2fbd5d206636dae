//! A JSON value becomes what its field is declared to be, exactly or not at all.
//!
//! The rules are the platform's (a string sent for a number is cast, else the row is refused;
//! document 69195) and, where those are silent, the vendor's validator's. Integers never pass
//! through floating point, and a value that needs no change keeps its bytes.

use super::FieldType;
use super::infinity::has_infinity;
use super::members::text_of;
use super::number::{self, NumberFault};
use super::value::Shape;
use super::violation::{ViolationKind, quoted};
use std::borrow::Cow;

/// What a value is after its cast, and whether it stays as it is or has new bytes (appended to the
/// scratch buffer).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cast {
    pub(super) shape: Shape,
    pub(super) rewritten: bool,
}

/// Why a value cannot be cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) kind: ViolationKind,
    pub(super) message: String,
}

/// Integers of 32 bits.
const INT32: std::ops::RangeInclusive<i64> = -(1 << 31)..=(1 << 31) - 1;

/// Casts a valid JSON value. With `explicit`, the type was asked for by name (`--types`), so a
/// number becomes a string as well; a schema only says what there should be.
pub(super) fn cast(
    raw: &[u8],
    to: FieldType,
    explicit: bool,
    scratch: &mut Vec<u8>,
) -> Result<Cast, Refusal> {
    if raw == b"null" {
        return Ok(kept(Shape::Null));
    }
    match to {
        FieldType::Int32 => integer(raw, to, Some(&INT32), scratch),
        FieldType::Int64 => integer(raw, to, None, scratch),
        FieldType::Float | FieldType::Double => decimal(raw, to, scratch),
        FieldType::String => string(raw, explicit, scratch),
        FieldType::JsonString => json_string(raw),
        FieldType::Bool => boolean(raw, scratch),
        FieldType::Array | FieldType::Object => nested(raw, to, scratch),
    }
}

const fn kept(shape: Shape) -> Cast {
    Cast {
        shape,
        rewritten: false,
    }
}

const fn rewritten(shape: Shape) -> Cast {
    Cast {
        shape,
        rewritten: true,
    }
}

fn wrong(raw: &[u8], to: FieldType) -> Refusal {
    let hint = match (to, raw.first()) {
        (FieldType::String, Some(b'0'..=b'9' | b'-')) => {
            "; quote it, or have it cast with --types FIELD=string"
        }
        (FieldType::JsonString, Some(b'[')) => "; an array in the row itself is of type array",
        (FieldType::JsonString, Some(b'{')) => "; an object in the row itself is of type object",
        (FieldType::JsonString, _) => ": a string that holds a JSON array or object",
        _ => "",
    };
    Refusal {
        kind: ViolationKind::WrongType,
        message: format!("{} is no {to}{hint}", quoted(raw)),
    }
}

fn overflow(raw: &[u8], to: FieldType) -> Refusal {
    Refusal {
        kind: ViolationKind::Overflow,
        message: format!("{} is outside the range of {to}", quoted(raw)),
    }
}

fn fault(fault: NumberFault, raw: &[u8], to: FieldType) -> Refusal {
    match fault {
        NumberFault::NotOne => wrong(raw, to),
        NumberFault::Overflow => overflow(raw, to),
    }
}

/// The text of a number, written as a number or as a string.
fn number_text(raw: &[u8]) -> Option<Cow<'_, str>> {
    match raw.first()? {
        b'"' => text_of(raw),
        b'-' | b'0'..=b'9' => std::str::from_utf8(raw).ok().map(Cow::Borrowed),
        _ => None,
    }
}

fn integer(
    raw: &[u8],
    to: FieldType,
    range: Option<&std::ops::RangeInclusive<i64>>,
    scratch: &mut Vec<u8>,
) -> Result<Cast, Refusal> {
    let within = |value| range.is_none_or(|range| range.contains(&value));
    // What most values are; everything else takes the long way.
    if let Some(value) = number::plain_integer(raw) {
        return if within(value) {
            Ok(kept(Shape::Integer(value)))
        } else {
            Err(overflow(raw, to))
        };
    }
    let quoted = raw
        .strip_prefix(b"\"")
        .and_then(|it| it.strip_suffix(b"\""));
    if let Some((digits, value)) = quoted.and_then(|it| Some((it, number::plain_integer(it)?)))
        && within(value)
    {
        scratch.extend_from_slice(digits);
        return Ok(rewritten(Shape::Integer(value)));
    }
    let (value, as_written) = match raw {
        b"true" => (1, false),
        b"false" => (0, false),
        _ => {
            let text = number_text(raw).ok_or_else(|| wrong(raw, to))?;
            let value = number::integer(&text).map_err(|it| fault(it, raw, to))?;
            let plain = |byte: &u8| matches!(byte, b'-' | b'0'..=b'9');
            (value, raw.iter().all(plain))
        }
    };
    if !within(value) {
        return Err(overflow(raw, to));
    }
    if as_written {
        return Ok(kept(Shape::Integer(value)));
    }
    scratch.extend_from_slice(value.to_string().as_bytes());
    Ok(rewritten(Shape::Integer(value)))
}

fn decimal(raw: &[u8], to: FieldType, scratch: &mut Vec<u8>) -> Result<Cast, Refusal> {
    if raw == b"true" || raw == b"false" {
        scratch.push(if raw == b"true" { b'1' } else { b'0' });
        return Ok(rewritten(Shape::Integer(i64::from(raw == b"true"))));
    }
    let from = scratch.len();
    let is_string = raw.first() == Some(&b'"');
    let written = if is_string {
        let text = text_of(raw).ok_or_else(|| wrong(raw, to))?;
        number::push_decimal(&text, scratch).map_err(|it| fault(it, raw, to))?;
        scratch.get(from..).unwrap_or_default()
    } else if matches!(raw.first(), Some(b'-' | b'0'..=b'9')) {
        raw
    } else {
        return Err(wrong(raw, to));
    };
    if !number::is_finite(written, to == FieldType::Float) {
        scratch.truncate(from);
        return Err(overflow(raw, to));
    }
    Ok(Cast {
        shape: Shape::Number,
        rewritten: is_string,
    })
}

fn string(raw: &[u8], explicit: bool, scratch: &mut Vec<u8>) -> Result<Cast, Refusal> {
    match raw.first() {
        Some(b'"') => Ok(kept(Shape::Text)),
        Some(b'-' | b'0'..=b'9') if explicit => {
            scratch.push(b'"');
            scratch.extend_from_slice(raw);
            scratch.push(b'"');
            Ok(rewritten(Shape::Text))
        }
        _ => Err(wrong(raw, FieldType::String)),
    }
}

fn json_string(raw: &[u8]) -> Result<Cast, Refusal> {
    let refused = || wrong(raw, FieldType::JsonString);
    let text = text_of(raw).ok_or_else(refused)?;
    if !text.starts_with(['[', '{']) {
        return Err(refused());
    }
    if text.bytes().any(|byte| byte < b' ') {
        return Err(Refusal {
            kind: ViolationKind::ControlCharacter,
            message: format!(
                "{} has a control character (such as a tab or a line break), which the platform does not take in an array",
                quoted(raw)
            ),
        });
    }
    if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
        return Err(refused());
    }
    check_numbers(text.as_bytes(), raw)?;
    Ok(kept(Shape::Text))
}

/// The platform reads what a string holds; a number that no double holds spoils all of it there.
fn check_numbers(json: &[u8], raw: &[u8]) -> Result<(), Refusal> {
    if !has_infinity(json) {
        return Ok(());
    }
    Err(Refusal {
        kind: ViolationKind::Overflow,
        message: format!("{} has a number that is infinite as a double", quoted(raw)),
    })
}

fn boolean(raw: &[u8], scratch: &mut Vec<u8>) -> Result<Cast, Refusal> {
    let text = if raw.first() == Some(&b'"') {
        text_of(raw).ok_or_else(|| wrong(raw, FieldType::Bool))?
    } else {
        String::from_utf8_lossy(raw)
    };
    let truth = match &*text {
        "1" => true,
        "0" => false,
        text if text.eq_ignore_ascii_case("true") => true,
        text if text.eq_ignore_ascii_case("false") => false,
        _ => return Err(wrong(raw, FieldType::Bool)),
    };
    let value = Shape::Integer(i64::from(truth));
    if matches!(raw, b"0" | b"1") {
        return Ok(kept(value));
    }
    scratch.push(if truth { b'1' } else { b'0' });
    Ok(rewritten(value))
}

fn nested(raw: &[u8], to: FieldType, scratch: &mut Vec<u8>) -> Result<Cast, Refusal> {
    let open = if to == FieldType::Array { b'[' } else { b'{' };
    if raw.first() == Some(&b'"') {
        let holds_one = text_of(raw).is_some_and(|text| text.as_bytes().first() == Some(&open));
        return if holds_one {
            json_string(raw)
        } else {
            Err(wrong(raw, to))
        };
    }
    if raw.first() != Some(&open) {
        return Err(wrong(raw, to));
    }
    check_numbers(raw, raw)?;
    let compact = without_space(raw);
    serde_json::to_writer(&mut *scratch, &compact).map_err(|_| wrong(raw, to))?;
    Ok(rewritten(Shape::Text))
}

/// Valid JSON without the white space between its parts; every other byte stays.
fn without_space(json: &[u8]) -> String {
    let mut compact = Vec::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        compact.push(byte);
    }
    String::from_utf8_lossy(&compact).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(raw: &str, to: &str) -> Result<String, ViolationKind> {
        sent_as(raw, to, false)
    }

    fn sent_as(raw: &str, to: &str, explicit: bool) -> Result<String, ViolationKind> {
        let mut scratch = Vec::new();
        let to = FieldType::parse(to).unwrap();
        let cast = cast(raw.as_bytes(), to, explicit, &mut scratch).map_err(|it| it.kind)?;
        Ok(if cast.rewritten {
            String::from_utf8(scratch).unwrap()
        } else {
            raw.to_owned()
        })
    }

    const WRONG: Result<&str, ViolationKind> = Err(ViolationKind::WrongType);
    const OVERFLOW: Result<&str, ViolationKind> = Err(ViolationKind::Overflow);

    #[test]
    fn values_become_what_their_field_is_declared_to_be() {
        for (raw, to, wanted) in [
            ("5", "int32", Ok("5")),
            ("\"5\"", "int32", Ok("5")),
            ("1e3", "int32", Ok("1000")),
            ("\"1E3\"", "int64", Ok("1000")),
            ("true", "int32", Ok("1")),
            ("2147483648", "int32", OVERFLOW),
            ("9007199254740993", "int64", Ok("9007199254740993")),
            ("9223372036854775808", "int64", OVERFLOW),
            ("1.0", "int64", WRONG),
            ("\"\"", "int64", WRONG),
            ("\" 5\"", "int64", WRONG),
            ("[5]", "int64", WRONG),
            ("1.50", "double", Ok("1.50")),
            ("\"1.50\"", "double", Ok("1.50")),
            ("\".5\"", "float", Ok("0.5")),
            ("\"NaN\"", "double", WRONG),
            ("\"Infinity\"", "double", WRONG),
            ("1e400", "double", OVERFLOW),
            ("\"1e400\"", "double", OVERFLOW),
            ("1e39", "float", OVERFLOW),
            ("false", "double", Ok("0")),
            ("\"007\"", "string", Ok("\"007\"")),
            ("7", "string", WRONG),
            ("true", "string", WRONG),
            ("\"[1,2]\"", "json_string", Ok("\"[1,2]\"")),
            ("\"{}\"", "json_string", Ok("\"{}\"")),
            ("\" []\"", "json_string", WRONG),
            ("\"\"", "json_string", WRONG),
            ("\"[1,]\"", "json_string", WRONG),
            ("[1]", "json_string", WRONG),
            ("\"[1,-1e400]\"", "json_string", OVERFLOW),
            (r#""{\"a\":1E999}""#, "json_string", OVERFLOW),
            (r#""[\"1e400\"]""#, "json_string", Ok(r#""[\"1e400\"]""#)),
            ("[1e400]", "array", OVERFLOW),
            ("true", "bool", Ok("1")),
            ("\"FALSE\"", "bool", Ok("0")),
            ("1", "bool", Ok("1")),
            ("2", "bool", WRONG),
            ("[ \"a b\", 1.50 ]", "array", Ok(r#""[\"a b\",1.50]""#)),
            ("\"[1]\"", "array", Ok("\"[1]\"")),
            ("\"{}\"", "array", WRONG),
            (r#"{"k": "\" }"}"#, "object", Ok(r#""{\"k\":\"\\\" }\"}""#)),
            ("null", "int32", Ok("null")),
        ] {
            assert_eq!(sent(raw, to), wanted.map(str::to_owned), "{raw} as {to}");
        }
    }

    #[test]
    fn a_number_becomes_a_string_only_when_asked_for_by_name() {
        assert_eq!(sent_as("1.50", "string", true).unwrap(), "\"1.50\"");
        assert_eq!(
            sent_as("true", "string", true),
            Err(ViolationKind::WrongType)
        );
    }

    #[test]
    fn an_array_with_a_control_character_is_refused() {
        let control = Err(ViolationKind::ControlCharacter);
        assert_eq!(sent(r#""[\"a\tb\"]""#, "json_string"), control);
        assert_eq!(sent(r#""[1,\n2]""#, "array"), control);
        assert_eq!(sent("[1,\t2]", "array").unwrap(), "\"[1,2]\"");
    }
}
