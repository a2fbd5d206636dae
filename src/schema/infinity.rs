//! Numbers that no double holds, found in JSON that is known to be valid.

use memchr::memchr2;

/// Whether a number with an exponent of valid JSON is infinite as a double.
pub fn has_infinity(json: &[u8]) -> bool {
    let mut found = false;
    let mut number_end = 0_usize;
    outside_strings(json, |byte, rest| {
        let here = json.len().saturating_sub(rest.len());
        if here < number_end || !matches!(byte, b'-' | b'0'..=b'9') {
            return;
        }
        let digits = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().take_while(digits).count();
        number_end = here.saturating_add(length);
        let number = rest.get(..length).unwrap_or_default();
        if memchr2(b'e', b'E', number).is_some() {
            let text = std::str::from_utf8(number).unwrap_or_default();
            found |= text.parse().is_ok_and(f64::is_infinite);
        }
    });
    found
}

/// Calls `see` with each byte of valid JSON outside its strings, and with that byte's rest.
pub fn outside_strings<'j>(json: &'j [u8], mut see: impl FnMut(u8, &'j [u8])) {
    let mut rest = json;
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'"' {
            rest = after_string(after);
        } else {
            see(byte, rest);
            rest = after;
        }
    }
}

/// What follows the closing quote of a string whose opening quote was just passed.
fn after_string(mut rest: &[u8]) -> &[u8] {
    while let Some(at) = memchr2(b'"', b'\\', rest) {
        let escaped = rest.get(at) == Some(&b'\\');
        let skipped = at.saturating_add(if escaped { 2 } else { 1 });
        rest = rest.get(skipped..).unwrap_or_default();
        if !escaped {
            return rest;
        }
    }
    &[]
}
