//! What a row says, however it is spelt: the order of its keys, white space, escapes and the
//! spelling of its numbers make no difference.
//!
//! Numbers are compared digit by digit and never through floating point, so that identifiers which
//! differ in their last digit stay different. What a server makes of them that keeps doubles is a
//! value of its own.

use serde_json::Value;
use serde_json::value::RawValue;

/// Significant digits that always survive a double.
const SAFE_DIGITS: usize = 15;

/// What stands in front of a number that became a string.
const NUMBER: char = 'n';

/// What stands in front of a string, so that it is no number.
const STRING: char = 's';

/// A JSON value in one spelling; equal for all spellings of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct RowValue(String);

impl RowValue {
    /// What a JSON text says; `None` when it is none, is nested too deeply, or has a number beyond
    /// all measure.
    pub(super) fn of(text: &str) -> Option<Self> {
        let _valid: &RawValue = serde_json::from_str(text).ok()?;
        // The parser keeps keys sorted and undoes escapes; numbers it would round.
        let value: Value = serde_json::from_str(&with_numbers_as_strings(text)?).ok()?;
        Some(Self(value.to_string()))
    }

    /// The same with each number as the double nearest to it.
    pub(super) fn with_doubles(&self) -> Self {
        self.with_numbers(|number| number.parse().map_or(f64::NAN, |it: f64| it).to_string())
    }

    /// Whether each number is one that a server writes which keeps doubles: in the fewest digits, or
    /// a whole one in all its digits.
    pub(super) fn may_come_from_doubles(&self) -> bool {
        let mut all = true;
        self.with_numbers(|number| {
            let double = number.parse().unwrap_or(f64::NAN);
            all &= [format!("{double:e}"), format!("{double:.0}")]
                .iter()
                .any(|written| decimal(written).as_deref() == Some(number));
            String::new()
        });
        all
    }

    fn with_numbers(&self, mut change: impl FnMut(&str) -> String) -> Self {
        fn walk(value: &mut Value, change: &mut impl FnMut(&str) -> String) {
            match value {
                Value::String(text) => {
                    if let Some(number) = text.strip_prefix(NUMBER) {
                        *text = format!("{NUMBER}{}", change(number));
                    }
                }
                Value::Array(items) => items.iter_mut().for_each(|item| walk(item, change)),
                Value::Object(members) => members.values_mut().for_each(|it| walk(it, change)),
                Value::Null | Value::Bool(_) | Value::Number(_) => {}
            }
        }
        let mut value = serde_json::from_str(&self.0).unwrap_or_default();
        walk(&mut value, &mut change);
        Self(value.to_string())
    }
}

/// Whether there may be a number in it that a double does not keep. Also true for such digits in a
/// string.
pub(super) fn has_long_number(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_digit() && c != '.')
        .any(|run| run.len() > SAFE_DIGITS)
}

/// A valid JSON text whose strings are marked, and whose numbers are marked strings.
fn with_numbers_as_strings(text: &str) -> Option<String> {
    let mut marked = String::with_capacity(text.len().saturating_mul(2));
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let length = match next {
            '"' => string_length(rest)?,
            '-' | '0'..='9' => rest
                .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
                .unwrap_or(rest.len()),
            other => other.len_utf8(),
        };
        let (token, behind) = rest.split_at_checked(length)?;
        rest = behind;
        match next {
            '"' => {
                marked.extend(['"', STRING]);
                marked.push_str(token.strip_prefix('"')?);
            }
            '-' | '0'..='9' => {
                marked.extend(['"', NUMBER]);
                marked.push_str(&decimal(token)?);
                marked.push('"');
            }
            _ => marked.push_str(token),
        }
    }
    Some(marked)
}

/// Bytes of the JSON string that a text begins with, quotes included.
fn string_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    let behind_quote = text.bytes().enumerate().skip(1);
    for (at, byte) in behind_quote {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.checked_add(1),
            _ => {}
        }
    }
    None
}

/// A number in one spelling: its digits without zeros at either end, times a power of ten.
fn decimal(number: &str) -> Option<String> {
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse().ok()?),
        None => (number, 0_i64),
    };
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = format!("{whole}{fraction}");
    let digits = all.trim_end_matches('0');
    let dropped = i64::try_from(all.len().checked_sub(digits.len())?).ok()?;
    let exponent = exponent
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(dropped)?;
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() {
        "0".to_owned()
    } else {
        format!("{sign}{digits}e{exponent}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_same(one: &str, other: &str) -> bool {
        RowValue::of(one).unwrap() == RowValue::of(other).unwrap()
    }

    #[test]
    fn a_value_is_the_same_in_every_spelling() {
        for (one, other) in [
            ("1", "1.0"),
            ("1000", "1e3"),
            ("-0", "0.0"),
            ("0.1", "1E-1"),
            ("120e-1", "12"),
            ("12345678901234567890", "1.234567890123456789e+19"),
            (
                r#"{"a":1,"b":"x/<"}"#,
                r#" { "b":"x\/\u003c" , "a":1.00 } "#,
            ),
            (r#"["\"1",2]"#, r#"["\u00221",2e0]"#),
        ] {
            assert!(is_same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.1000000000000000055"),
            ("1", "-1"),
            ("1", "\"1\""),
            ("1", "\"n1e0\""),
            ("null", "\"null\""),
            ("[1]", "[1,1]"),
        ] {
            assert!(!is_same(one, other), "{one} {other}");
        }
        for none in [
            "",
            "{",
            "01",
            "{1:2}",
            "1e99999999999999999999",
            "\"a",
            "1 2",
        ] {
            assert_eq!(RowValue::of(none), None, "{none}");
        }
    }

    #[test]
    fn a_number_with_digits_that_no_double_has_comes_from_none() {
        let may = |text| RowValue::of(text).unwrap().may_come_from_doubles();
        assert!(may("[9007199254740992,0.1,1e300,12,\"9007199254740993\"]"));
        assert!(may("12345678901234567000") && may("12345678901234567168"));
        assert!(!may("[1,9007199254740993]") && !may("0.1000000000000000055"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[ \\[\\]{}\",:.0-9eE+\\-a\\\\]{0,40}") {
            let _any = RowValue::of(&text).map(|it| (it.with_doubles(), it.may_come_from_doubles()));
        }

        #[test]
        fn what_a_double_writes_is_the_same_value_and_comes_from_doubles(number in any::<f64>()) {
            prop_assume!(number.is_finite());
            let plain = format!("[{number}]");
            let scientific = format!("[{number:e}]");
            prop_assert!(is_same(&plain, &scientific));
            let value = RowValue::of(&plain).unwrap();
            prop_assert!(value.may_come_from_doubles());
            prop_assert_eq!(value.with_doubles(), RowValue::of(&scientific).unwrap().with_doubles());
        }

        #[test]
        fn different_short_numbers_are_different_doubles(
            one in -999_999_999_999_999_i64..=999_999_999_999_999,
            other in -999_999_999_999_999_i64..=999_999_999_999_999,
            places in 0_u32..20,
        ) {
            let [one, other] = [one, other].map(|it| RowValue::of(&format!("{it}e-{places}")).unwrap());
            prop_assert_eq!(one == other, one.with_doubles() == other.with_doubles());
        }
    }
}
