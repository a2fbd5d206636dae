//! Whether a row is plain enough to be accepted at a glance.
//!
//! Most rows of most inputs are flat objects with the same keys in the same order, strings without
//! escapes and short numbers. Such a row is accepted here, several times faster than a JSON parser
//! could. The answer is "yes" or "look closer", never "no": whatever is not plain goes to the
//! parser, so nothing is rejected here, and a property test holds that nothing wrong is accepted.

use crate::schema::special_byte;

/// Whether a row is an object of plain members whose keys come in the order of `keys`, some of them
/// left out, with at most one space behind a colon or comma. A key is given as it stands in front of
/// its value, with quotes and colon. Plain rows are valid, flat, free of escapes and of exponents, and
/// have no key twice if `keys` has none.
pub(super) fn is_plain(row: &[u8], keys: &[Box<[u8]>]) -> bool {
    has_only_plain_members(row, keys).is_some()
}

fn has_only_plain_members(row: &[u8], keys: &[Box<[u8]>]) -> Option<()> {
    let mut rest = row.strip_prefix(b"{")?;
    let mut keys = keys.iter();
    loop {
        rest = keys.find_map(|key| rest.strip_prefix(&**key))?;
        rest = rest.strip_prefix(b" ").unwrap_or(rest);
        rest = match rest.first()? {
            b'"' => after_string(rest.get(1..)?)?,
            b'-' | b'0'..=b'9' => after_number(rest)?,
            b't' => rest.strip_prefix(b"true")?,
            b'f' => rest.strip_prefix(b"false")?,
            b'n' => rest.strip_prefix(b"null")?,
            _ => return None,
        };
        match rest.split_first()? {
            (b',', after) => rest = after.strip_prefix(b" ").unwrap_or(after),
            (b'}', []) => return Some(()),
            _ => return None,
        }
    }
}

/// What follows the closing quote of a string without escapes and control characters.
#[inline]
fn after_string(rest: &[u8]) -> Option<&[u8]> {
    rest.get(special_byte(rest)?..)?.strip_prefix(b"\"")
}

/// What follows a number without an exponent.
#[inline]
fn after_number(rest: &[u8]) -> Option<&[u8]> {
    let unsigned = rest.strip_prefix(b"-").unwrap_or(rest);
    let (whole, rest) = split_digits(unsigned)?;
    if whole.len() > 1 && whole.first() == Some(&b'0') {
        return None;
    }
    match rest.strip_prefix(b".") {
        Some(fraction) => split_digits(fraction).map(|(_, rest)| rest),
        None => Some(rest),
    }
}

#[inline]
fn split_digits(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    text.split_at_checked(length)
        .filter(|(digits, _)| !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    fn keys(names: &[&str]) -> Vec<Box<[u8]>> {
        let stand = |name: &&str| format!("\"{name}\":").into_bytes().into_boxed_slice();
        names.iter().map(stand).collect()
    }

    #[test]
    fn flat_rows_with_known_keys_in_their_order_are_plain() {
        let keys = keys(&["id", "标题", "n"]);
        for row in [
            r#"{"id":"","标题":"长长长长长长长长的标题 with a tail","n":0}"#,
            r#"{"id":"1","n":-12.50}"#,
            r#"{"标题":null}"#,
            r#"{"id":true,"n":false}"#,
            r#"{"id": "1", "n": 5}"#,
        ] {
            assert!(is_plain(row.as_bytes(), &keys), "{row}");
        }
    }

    #[test]
    fn whatever_is_out_of_the_ordinary_is_looked_at_closer() {
        let keys = keys(&["id", "n"]);
        for row in [
            "{}",
            r#"{"n":1,"id":2}"#,
            r#"{"id":1,"id":2}"#,
            r#"{"x":1}"#,
            r#"{ "id":1}"#,
            r#"{"id":  1}"#,
            r#"{"id" :1}"#,
            r#"{"id":1 }"#,
            r#"{"id":1 ,"n":1}"#,
            r#"{"id":[1]}"#,
            r#"{"id":{}}"#,
            r#"{"id":"a\"b"}"#,
            r#"{"id":"a\u0041"}"#,
            "{\"id\":\"a\tb\"}",
            "{\"id\":\"12345678\u{1f}\"}",
            r#"{"id":1e3}"#,
            r#"{"id":01}"#,
            r#"{"id":1.}"#,
            r#"{"id":-}"#,
            r#"{"id":+1}"#,
            r#"{"id":tru}"#,
            r#"{"id":1}}"#,
            r#"{"id":1"#,
            r#"{"id":"a"#,
            r#"{"id":1,}"#,
            r#"{"id":1}{"id":1}"#,
            "",
        ] {
            assert!(!is_plain(row.as_bytes(), &keys), "{row}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn nothing_is_plain_that_a_parser_refuses(
            row in r#"\{("(a|b|c)": ?("[ab\\"\x01 -~é]{0,12}"|-?[0-9]{0,3}(\.[0-9]{0,2})?(e5)?|true|nul|null|\[\]),? ?){0,4}\}?"#
        ) {
            if is_plain(row.as_bytes(), &keys(&["a", "b", "c"])) {
                prop_assert!(serde_json::from_str::<IgnoredAny>(&row).is_ok(), "{}", row);
                let members = serde_json::from_str::<serde_json::Map<_, _>>(&row).unwrap();
                let of = |name| row.matches(&format!("\"{name}\":")).count();
                let written: usize = ["a", "b", "c"].map(of).iter().sum();
                prop_assert!(members.len() <= written, "{}", row);
            }
        }

        #[test]
        fn any_string_ends_where_a_parser_says(text: String, tail in "[ -~]{0,9}") {
            let written = format!("{text}\"{tail}");
            let special = |c: char| c == '"' || c == '\\' || c < ' ';
            let wanted = match text.find(special) {
                None => Some(tail.as_bytes()),
                Some(at) => written[at..].strip_prefix('"').map(str::as_bytes),
            };
            prop_assert_eq!(after_string(written.as_bytes()), wanted);
        }
    }
}
