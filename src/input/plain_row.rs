//! Whether a row is plain enough to be accepted at a glance.
//!
//! Most rows of most inputs are objects with the same keys in the same order, strings and numbers of
//! usual forms, and now and then a small list or object. Such a row is accepted here, several times
//! faster than a JSON parser could. The answer is "yes" or "look closer", never "no": whatever is not
//! plain goes to the parser, so nothing is rejected here, and a property test holds that nothing wrong
//! or remarkable is accepted.

use crate::schema::special_byte;

/// Deepest nesting of the members of a plain row.
const MAX_PLAIN_DEPTH: usize = 8;
/// Most keys of a plain object inside of a row: each is compared with all before it.
const MAX_INNER_KEYS: usize = 16;

/// Whether a row is an object of plain members whose keys come in the order of `keys`, some of them
/// left out, with at most one space behind a colon or comma. A key is given as it stands in front of
/// its value, with quotes and colon. Plain rows are valid, hardly nested, free of lone surrogates and of
/// large exponents, and have no key twice if `keys` has none.
pub(super) fn is_plain(row: &[u8], keys: &[Box<[u8]>]) -> bool {
    has_only_plain_members(row, keys).is_some()
}

fn has_only_plain_members(row: &[u8], keys: &[Box<[u8]>]) -> Option<()> {
    let mut rest = row.strip_prefix(b"{")?;
    let mut keys = keys.iter();
    loop {
        rest = keys.find_map(|key| rest.strip_prefix(&**key))?;
        rest = after_value(after_space(rest), MAX_PLAIN_DEPTH)?;
        match rest.split_first()? {
            (b',', after) => rest = after_space(after),
            (b'}', []) => return Some(()),
            _ => return None,
        }
    }
}

#[inline]
fn after_space(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b" ").unwrap_or(rest)
}

/// What follows a plain value that is nested no deeper than this.
#[inline]
fn after_value(rest: &[u8], depth: usize) -> Option<&[u8]> {
    match rest.first()? {
        b'"' => after_string(rest.get(1..)?),
        b'-' | b'0'..=b'9' => after_number(rest),
        b't' => rest.strip_prefix(b"true"),
        b'f' => rest.strip_prefix(b"false"),
        b'n' => rest.strip_prefix(b"null"),
        b'[' => after_array(rest.get(1..)?, depth.checked_sub(1)?),
        b'{' => after_object(rest.get(1..)?, depth.checked_sub(1)?),
        _ => None,
    }
}

/// What follows the closing bracket of an array of plain values.
fn after_array(mut rest: &[u8], depth: usize) -> Option<&[u8]> {
    if let Some(after) = rest.strip_prefix(b"]") {
        return Some(after);
    }
    loop {
        rest = after_value(rest, depth)?;
        match rest.split_first()? {
            (b',', after) => rest = after_space(after),
            (b']', after) => return Some(after),
            _ => return None,
        }
    }
}

/// What follows the closing bracket of a small object of plain values, which has no key twice.
fn after_object(mut rest: &[u8], depth: usize) -> Option<&[u8]> {
    if let Some(after) = rest.strip_prefix(b"}") {
        return Some(after);
    }
    let mut keys: [&[u8]; MAX_INNER_KEYS] = [b""; MAX_INNER_KEYS];
    let mut count = 0;
    loop {
        let content = rest.strip_prefix(b"\"")?;
        // A key with an escape may be another one in disguise.
        let (key, after) = content.split_at_checked(special_byte(content)?)?;
        if keys.get(..count)?.contains(&key) {
            return None;
        }
        *keys.get_mut(count)? = key;
        count += 1;
        rest = after_value(after_space(after.strip_prefix(b"\":")?), depth)?;
        match rest.split_first()? {
            (b',', after) => rest = after_space(after),
            (b'}', after) => return Some(after),
            _ => return None,
        }
    }
}

/// What follows the closing quote of a string without control characters and lone surrogates.
#[inline]
fn after_string(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        match rest.get(special_byte(rest)?..)?.split_first()? {
            (b'"', after) => return Some(after),
            (b'\\', after) => rest = after_escape(after)?,
            _ => return None,
        }
    }
}

/// What follows an escape, of which the backslash is gone.
fn after_escape(rest: &[u8]) -> Option<&[u8]> {
    match rest.split_first()? {
        (b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after) => Some(after),
        (b'u', after) => match after.split_first_chunk::<4>()? {
            (
                [
                    b'd' | b'D',
                    b'8'..=b'9' | b'a'..=b'b' | b'A'..=b'B',
                    third,
                    fourth,
                ],
                after,
            ) if [third, fourth].into_iter().all(u8::is_ascii_hexdigit) => {
                after_low_surrogate(after)
            }
            ([b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', ..], _) => None,
            (digits, after) => digits.iter().all(u8::is_ascii_hexdigit).then_some(after),
        },
        _ => None,
    }
}

/// What follows the second half of a character that is written as two escapes.
fn after_low_surrogate(rest: &[u8]) -> Option<&[u8]> {
    let digits = rest.strip_prefix(b"\\u")?;
    match digits.split_first_chunk::<4>()? {
        ([b'd' | b'D', b'c'..=b'f' | b'C'..=b'F', third, fourth], after) => [third, fourth]
            .into_iter()
            .all(u8::is_ascii_hexdigit)
            .then_some(after),
        _ => None,
    }
}

/// What follows a number whose exponent, if there is one, has no more than two digits.
#[inline]
fn after_number(rest: &[u8]) -> Option<&[u8]> {
    let unsigned = rest.strip_prefix(b"-").unwrap_or(rest);
    let (whole, rest) = split_digits(unsigned)?;
    if whole.len() > 1 && whole.first() == Some(&b'0') {
        return None;
    }
    let rest = match rest.strip_prefix(b".") {
        Some(fraction) => split_digits(fraction)?.1,
        None => rest,
    };
    match rest.split_first() {
        Some((b'e' | b'E', exponent)) => after_exponent(exponent),
        _ => Some(rest),
    }
}

fn after_exponent(rest: &[u8]) -> Option<&[u8]> {
    let signs = |byte: &u8| matches!(byte, b'+' | b'-');
    let unsigned = rest.get(usize::from(rest.first().is_some_and(signs))..)?;
    let (digits, rest) = split_digits(unsigned)?;
    (digits.len() <= 2).then_some(rest)
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
    use crate::input::json::JsonCheck;
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
            r#"{"id":[],"n":{}}"#,
            r#"{"id":["a", 1,[true]],"n":{"id":{"id":1}, "n":"b"}}"#,
            r#"{"id":"a\"b\\c\/d\u4e2d\ud83d\uDE00\n","n":1e3}"#,
            r#"{"id":1.5E+30,"n":-0e-9}"#,
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
            "{\"id\":\"a\tb\"}",
            "{\"id\":\"12345678\u{1f}\"}",
            r#"{"id":"a\x"}"#,
            r#"{"id":"a\u004"}"#,
            r#"{"id":"a\u00g0"}"#,
            r#"{"id":"a\ud83d"}"#,
            r#"{"id":"a\ud83dde00"}"#,
            r#"{"id":"a\ude00"}"#,
            r#"{"id":"a\ud83d\u0041"}"#,
            r#"{"id":[1,]}"#,
            r#"{"id":[1 ]}"#,
            r#"{"id":[1}"#,
            r#"{"id":[[[[[[[[[1]]]]]]]]]}"#,
            r#"{"id":{"a":1,"a":2}}"#,
            r#"{"id":{"a\u0062":1}}"#,
            r#"{"id":{"a":1,}}"#,
            r#"{"id":{"a"}}"#,
            r#"{"id":{1:1}}"#,
            r#"{"id":1e}"#,
            r#"{"id":1e+}"#,
            r#"{"id":1e100}"#,
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
        fn nothing_is_plain_that_a_parser_refuses_or_that_is_remarkable(
            row in r#"\{("(a|b|c)": ?("([ab\\"\x01 -~é]|\\(n|u00[0-9a-g]{2}|u[dD][89cC][0-9]{2})){0,8}"|-?[0-9]{0,3}(\.[0-9]{0,2})?([eE][+-]?[0-9]{0,3})?|true|nul|null|\[(1|"",|, |\{\}){0,3}\]|\{("(a|b|\\u0061)": ?(1|\[\]|\{"a":1(,"a":1)?\}),? ?){0,3}\}),? ?){0,4}\}?"#
        ) {
            if is_plain(row.as_bytes(), &keys(&["a", "b", "c"])) {
                let mut check = JsonCheck::new();
                let suspicions = check.suspect(row.as_bytes());
                let remarks = check.check(row.as_bytes(), suspicions);
                prop_assert!(matches!(remarks, Ok([None, None, None])), "{}: {:?}", row, remarks);
                prop_assert!(serde_json::from_str::<IgnoredAny>(&row).is_ok(), "{}", row);
            }
        }

        #[test]
        fn any_string_ends_where_a_parser_says(text: String, tail in "[ -~]{0,9}") {
            let written = format!("{}{tail}", serde_json::to_string(&text).unwrap());
            prop_assert_eq!(after_string(&written.as_bytes()[1..]), Some(tail.as_bytes()));
            let raw = format!("{text}\"{tail}");
            let is_special = |c: char| c == '"' || c == '\\' || c < ' ';
            if !text.contains(is_special) {
                prop_assert_eq!(after_string(raw.as_bytes()), Some(tail.as_bytes()));
            }
            if text.contains(|c: char| c < ' ') && !text.contains(['"', '\\']) {
                prop_assert_eq!(after_string(raw.as_bytes()), None);
            }
        }
    }
}
