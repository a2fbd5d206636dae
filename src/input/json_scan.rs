//! Where a JSON value ends, found without knowing whether it is valid: brackets are counted and
//! strings are passed over. The bytes may come in pieces.
//!
//! A string with a raw line break is no JSON, and where it ends is anyone's guess; it is reported
//! instead of taking the rows behind it for its text.

use memchr::memchr3;

/// What the bytes so far say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Scan {
    /// The value goes on.
    More,
    /// The value ends behind so many of the bytes.
    End(usize),
    /// A line break in a string.
    BrokenString,
}

/// The scan of one value, from its first byte on.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// Whether bytes of a number or a word were seen.
    in_word: bool,
}

impl Scanner {
    /// Whether nothing but the end of a number or of a word is missing.
    pub(super) const fn may_end(&self) -> bool {
        self.in_word && self.depth == 0
    }

    /// Goes on with the next bytes. A word may be empty, when a comma or bracket stands in its place.
    pub(super) fn scan(&mut self, bytes: &[u8]) -> Scan {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            if self.in_string {
                let rest = bytes.get(at..).unwrap_or_default();
                match self.pass_string(rest) {
                    Ok(passed) => at = at.saturating_add(passed),
                    Err(()) => return Scan::BrokenString,
                }
                if !self.in_string && self.depth == 0 {
                    return Scan::End(at);
                }
                continue;
            }
            let is_end = matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'}' | b']');
            if self.depth == 0 && is_end {
                return Scan::End(at);
            }
            if self.may_end() && matches!(byte, b'{' | b'[' | b'"') {
                return Scan::End(at);
            }
            at = at.saturating_add(1);
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth = self.depth.saturating_add(1),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Scan::End(at);
                    }
                }
                _ => self.in_word = self.depth == 0,
            }
        }
        Scan::More
    }

    /// Passes over what belongs to the string.
    fn pass_string(&mut self, bytes: &[u8]) -> Result<usize, ()> {
        if std::mem::take(&mut self.escaped) {
            return Ok(1);
        }
        let Some(at) = memchr3(b'"', b'\\', b'\n', bytes) else {
            return Ok(bytes.len());
        };
        match bytes.get(at) {
            Some(b'\n') => return Err(()),
            Some(b'\\') => self.escaped = true,
            _ => self.in_string = false,
        }
        Ok(at.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_its_brackets_close_however_its_bytes_come() {
        for (text, value) in [
            (r#"{"a":[1,{"b":"]}"}]},"#, r#"{"a":[1,{"b":"]}"}]}"#),
            (r#""a\"b\\"]"#, r#""a\"b\\""#),
            ("12.5,", "12.5"),
            ("null]", "null"),
            ("nu{}", "nu"),
            ("{NaN:x} ", "{NaN:x}"),
            (",", ""),
            ("}", ""),
            (r#"{"a\\":1}"#, r#"{"a\\":1}"#),
        ] {
            for step in 1..=text.len() {
                let mut scanner = Scanner::default();
                let mut from = 0;
                let end = loop {
                    let to = text.len().min(from + step);
                    match scanner.scan(&text.as_bytes()[from..to]) {
                        Scan::End(at) => break from + at,
                        Scan::More => from = to,
                        Scan::BrokenString => panic!("{text}"),
                    }
                };
                assert_eq!(&text[..end], value, "{text} by {step}");
            }
        }
    }

    #[test]
    fn a_line_break_in_a_string_is_noticed_and_open_values_go_on() {
        assert_eq!(Scanner::default().scan(b"{\"a\n\":1}"), Scan::BrokenString);
        let mut scanner = Scanner::default();
        assert_eq!(scanner.scan(b"{\"a\":1"), Scan::More);
        assert!(!scanner.may_end());
        let mut word = Scanner::default();
        assert_eq!(word.scan(b"12"), Scan::More);
        assert!(word.may_end());
    }
}
