//! The members of a JSON object that is known to be valid, found without building anything.
//!
//! Whoever calls has checked the grammar (the readers do, byte by byte), so a member ends where its
//! brackets and quotes say. Values stay the bytes that they are, whatever their size. On text that
//! is not a valid object the iterator ends early; it never panics.

use memchr::{memchr, memchr3};

/// One member of an object, as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'r> {
    /// The key between its quotes, escapes not resolved.
    pub key: &'r [u8],
    /// The value without white space around it.
    pub value: &'r [u8],
}

/// Walks over the members of a valid JSON object.
#[derive(Debug, Clone)]
pub struct Members<'r> {
    rest: &'r [u8],
}

impl<'r> Members<'r> {
    /// The members of `object`, which begins with `{`.
    pub fn of(object: &'r [u8]) -> Self {
        Self {
            rest: object.strip_prefix(b"{").unwrap_or_default(),
        }
    }

    /// The next member if it begins with `written`, its key with quotes and colon.
    #[inline]
    pub(super) fn next_if(&mut self, written: &[u8]) -> Option<Member<'r>> {
        let rest = self.rest.strip_prefix(b",").unwrap_or(self.rest);
        let rest = rest.strip_prefix(b" ").unwrap_or(rest);
        let after = skip_space(rest.strip_prefix(written)?);
        let (value, after) = after.split_at_checked(value_length(after)?)?;
        let key = rest.get(1..written.len().checked_sub(2)?)?;
        self.rest = after;
        Some(Member { key, value })
    }
}

impl<'r> Iterator for Members<'r> {
    type Item = Member<'r>;

    fn next(&mut self) -> Option<Member<'r>> {
        let mut rest = skip_space(self.rest);
        if let Some(after) = rest.strip_prefix(b",") {
            rest = skip_space(after);
        }
        let rest = rest.strip_prefix(b"\"")?;
        let (key, rest) = split_string(rest)?;
        let rest = skip_space(skip_space(rest).strip_prefix(b":")?);
        let length = value_length(rest)?;
        let (value, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(Member { key, value })
    }
}

/// The elements of a valid JSON array.
#[derive(Debug, Clone)]
pub struct Elements<'r> {
    rest: &'r [u8],
}

impl<'r> Elements<'r> {
    /// The elements of `array`, which begins with `[`.
    pub fn of(array: &'r [u8]) -> Self {
        Self {
            rest: array.strip_prefix(b"[").unwrap_or_default(),
        }
    }
}

impl<'r> Iterator for Elements<'r> {
    type Item = &'r [u8];

    fn next(&mut self) -> Option<&'r [u8]> {
        let mut rest = skip_space(self.rest);
        if let Some(after) = rest.strip_prefix(b",") {
            rest = skip_space(after);
        }
        if rest.first() == Some(&b']') {
            return None;
        }
        let (value, rest) = rest.split_at_checked(value_length(rest)?)?;
        self.rest = rest;
        Some(value)
    }
}

/// What a JSON string says, its quotes included; borrowed when it has no escapes.
pub fn text_of(string: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    let inner = string.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr(b'\\', inner).is_none() {
        return std::str::from_utf8(inner).ok().map(Into::into);
    }
    // A lone surrogate has no text.
    serde_json::from_slice::<String>(string)
        .ok()
        .map(Into::into)
}

/// Whether a valid JSON string has the escape of a control character (U+0000 to U+001F).
pub fn has_control_character(string: &[u8]) -> bool {
    let mut rest = string;
    while let Some((_, after)) = memchr(b'\\', rest).and_then(|at| rest.split_at_checked(at)) {
        match after {
            [_, b'b' | b'f' | b'n' | b'r' | b't', ..]
            | [_, b'u', b'0', b'0', b'0' | b'1', _, ..] => return true,
            _ => rest = after.get(2..).unwrap_or_default(),
        }
    }
    false
}

#[inline]
fn skip_space(text: &[u8]) -> &[u8] {
    match text.first() {
        Some(b' ' | b'\t' | b'\r' | b'\n') => text.trim_ascii_start(),
        _ => text,
    }
}

/// The content of a string whose opening quote was passed, and what follows its closing one.
#[inline]
fn split_string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0_usize;
    loop {
        let at = from.checked_add(special_byte(text.get(from..)?)?)?;
        match text.get(at)? {
            b'"' => return Some((text.get(..at)?, text.get(at.checked_add(1)?..)?)),
            b'\\' => from = at.checked_add(2)?,
            _ => from = at.checked_add(1)?,
        }
    }
}

/// Repeats a byte in every byte of a word.
const EACH: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = EACH << 7;

/// Where the first quote, backslash or control character of a text is. Strings of rows are short, so
/// eight bytes at a time are faster than a vector search, which has to be set up.
#[inline]
pub fn special_byte(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    let mut passed = 0_usize;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let found = ends_or_escapes(u64::from_le_bytes(*eight));
        if found != 0 {
            let at = usize::try_from(found.trailing_zeros() / 8).ok()?;
            return passed.checked_add(at);
        }
        rest = after;
        passed = passed.checked_add(8)?;
    }
    let at = rest
        .iter()
        .position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
    passed.checked_add(at)
}

/// The high bit of the first byte that is a quote, a backslash or a control character, in the order
/// of little-endian bytes; bits above it may be set wrongly.
const fn ends_or_escapes(word: u64) -> u64 {
    let control = word.wrapping_sub(EACH * 0x20) & !word;
    (control | zero_bytes(word ^ (EACH * 0x22)) | zero_bytes(word ^ (EACH * 0x5c))) & HIGH_BITS
}

const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(EACH) & !word
}

/// Bytes of the value that a text begins with.
#[inline]
fn value_length(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => {
            let (content, _) = split_string(text.get(1..)?)?;
            content.len().checked_add(2)
        }
        b'{' | b'[' => nested_length(text),
        _ => {
            let ends =
                |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n');
            let length = text.iter().position(ends).unwrap_or(text.len());
            (length > 0).then_some(length)
        }
    }
}

/// Bytes of the array or object that a text begins with.
fn nested_length(text: &[u8]) -> Option<usize> {
    let (open, close) = match text.first()? {
        b'{' => (b'{', b'}'),
        _ => (b'[', b']'),
    };
    let (mut depth, mut at) = (0_usize, 0_usize);
    loop {
        at = at.checked_add(memchr3(open, close, b'"', text.get(at..)?)?)?;
        let byte = *text.get(at)?;
        at = at.checked_add(1)?;
        if byte == b'"' {
            let (content, _) = split_string(text.get(at..)?)?;
            at = at.checked_add(content.len())?.checked_add(1)?;
        } else if byte == open {
            depth = depth.checked_add(1)?;
        } else {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn members(object: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Members::of(object.as_bytes())
            .map(|member| (text(member.key), text(member.value)))
            .collect()
    }

    fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn members_are_found_as_they_are_written() {
        let row = r#"{ "a" : 1.50 ,"b\"{":"x,}\\" , "c":{"d":[1,{"e":"]}"}]}, "f":[ ] ,"g":null}"#;
        let wanted = [
            ("a", "1.50"),
            (r#"b\"{"#, r#""x,}\\""#),
            ("c", r#"{"d":[1,{"e":"]}"}]}"#),
            ("f", "[ ]"),
            ("g", "null"),
        ];
        assert_eq!(members(row), owned(&wanted));
        assert_eq!(members("{ }"), Vec::new());
    }

    #[test]
    fn elements_are_found_as_they_are_written() {
        let found: Vec<&[u8]> = Elements::of(br#"[1, "a]", [2,3] ,{"b":[]}]"#).collect();
        assert_eq!(found, [&b"1"[..], br#""a]""#, b"[2,3]", br#"{"b":[]}"#]);
        assert_eq!(Elements::of(b"[ ]").count(), 0);
    }

    #[test]
    fn texts_lose_their_escapes_and_nothing_else() {
        assert_eq!(text_of(br#""a\u4e2d\n""#).unwrap(), "a中\n");
        assert_eq!(text_of("\"中\"".as_bytes()).unwrap(), "中");
        assert_eq!(text_of(br#""\ud800""#), None);
        assert_eq!(text_of(b"1"), None);
    }

    #[test]
    fn only_escapes_of_control_characters_are_some() {
        for (string, wanted) in [
            (r#""a\tb""#, true),
            (r#""\u0000""#, true),
            (r#""\u001F""#, true),
            (r#""\u0020\"\\n\/""#, false),
            (r#""中""#, false),
            ("\"\\", false),
        ] {
            assert_eq!(has_control_character(string.as_bytes()), wanted, "{string}");
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|members| members
                    .into_iter()
                    .collect::<serde_json::Map<_, _>>()
                    .into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_object_is_taken_apart_as_serde_reads_it(
            members in prop::collection::vec((any::<String>(), json()), 0..6), pretty: bool
        ) {
            let object: serde_json::Map<_, _> = members.into_iter().collect();
            let text = if pretty {
                serde_json::to_string_pretty(&object)
            } else {
                serde_json::to_string(&object)
            }.unwrap();
            let found: serde_json::Map<_, _> = Members::of(text.as_bytes())
                .map(|member| {
                    let quoted = [b"\"", member.key, b"\""].concat();
                    let key = text_of(&quoted).unwrap().into_owned();
                    (key, serde_json::from_slice(member.value).unwrap())
                })
                .collect();
            prop_assert_eq!(found, object);
        }

        #[test]
        fn bytes_that_are_no_object_only_end_early(text: Vec<u8>, more in "[{}\\[\\]\",:a1 ]{0,40}") {
            prop_assert!(Members::of(&text).count() <= text.len());
            prop_assert!(Members::of(more.as_bytes()).count() <= more.len());
            prop_assert!(Elements::of(more.as_bytes()).count() <= more.len());
        }
    }
}
