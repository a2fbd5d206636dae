//! A second reader of JSON (RFC 8259), written for comparison: recursive, slow, and sharing nothing
//! with the program or its libraries. It tells what a text is and what is remarkable about it.

use std::collections::HashSet;

/// Nesting at which the oracle gives up; corpus files cannot be nested more deeply.
const MAX_NESTING: usize = 5_000;

/// What is known of a text that is one JSON value.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) is_object: bool,
    /// Deepest nesting of arrays and objects.
    pub(crate) depth: usize,
    /// An object has a key twice.
    pub(crate) duplicate_key: bool,
    /// An escape of half a surrogate pair without the other half.
    pub(crate) lone_surrogate: bool,
    /// A number that is infinite as a double.
    pub(crate) infinite: bool,
}

/// Reads a text that is UTF-8; `None` when it is not exactly one JSON value.
pub(crate) fn facts(text: &[u8]) -> Option<Facts> {
    let mut reader = Reader {
        rest: text,
        facts: Facts::default(),
    };
    reader.space();
    reader.facts.is_object = reader.rest.first() == Some(&b'{');
    reader.value(0)?;
    reader.space();
    reader.rest.is_empty().then_some(reader.facts)
}

struct Reader<'a> {
    rest: &'a [u8],
    facts: Facts,
}

impl Reader<'_> {
    fn space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, wanted: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }

    fn value(&mut self, above: usize) -> Option<()> {
        match self.rest.first()? {
            b'{' => self.members(above.checked_add(1)?),
            b'[' => self.elements(above.checked_add(1)?),
            b'"' => self.string().map(|_| ()),
            b't' => self.take(b"true"),
            b'f' => self.take(b"false"),
            b'n' => self.take(b"null"),
            _ => self.number(),
        }
    }

    fn enter(&mut self, depth: usize) {
        assert!(
            depth <= MAX_NESTING,
            "a text that is too deep for the oracle"
        );
        self.facts.depth = self.facts.depth.max(depth);
        self.rest = &self.rest[1..];
        self.space();
    }

    fn members(&mut self, depth: usize) -> Option<()> {
        self.enter(depth);
        if self.take(b"}").is_some() {
            return Some(());
        }
        let mut keys = HashSet::new();
        loop {
            let key = self.string()?;
            if !keys.insert(key) {
                self.facts.duplicate_key = true;
            }
            self.space();
            self.take(b":")?;
            self.space();
            self.value(depth)?;
            self.space();
            if self.take(b"}").is_some() {
                return Some(());
            }
            self.take(b",")?;
            self.space();
        }
    }

    fn elements(&mut self, depth: usize) -> Option<()> {
        self.enter(depth);
        if self.take(b"]").is_some() {
            return Some(());
        }
        loop {
            self.value(depth)?;
            self.space();
            if self.take(b"]").is_some() {
                return Some(());
            }
            self.take(b",")?;
            self.space();
        }
    }

    /// The units (UTF-16) of a string.
    fn string(&mut self) -> Option<Vec<u16>> {
        self.take(b"\"")?;
        let (mut units, mut plain) = (Vec::new(), Vec::new());
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            if matches!(byte, b'"' | b'\\') {
                let text = String::from_utf8(std::mem::take(&mut plain)).unwrap();
                units.extend(text.encode_utf16());
            }
            match byte {
                b'"' => break,
                0..0x20 => return None,
                b'\\' => units.push(self.escape()?),
                _ => plain.push(byte),
            }
        }
        let mut decoded = char::decode_utf16(units.iter().copied());
        self.facts.lone_surrogate |= decoded.any(|unit| unit.is_err());
        Some(units)
    }

    fn escape(&mut self) -> Option<u16> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        let letter = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 8,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'u' => {
                let (digits, rest) = self.rest.split_at_checked(4)?;
                self.rest = rest;
                let mut digits = digits.iter().map(|digit| char::from(*digit).to_digit(16));
                let code = digits.try_fold(0, |code, digit| Some(code * 16 + digit?))?;
                return u16::try_from(code).ok();
            }
            _ => return None,
        };
        Some(u16::from(letter))
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit());
        let count = count.count();
        self.rest = &self.rest[count..];
        (count > 0).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        let begin = self.rest;
        let _ = self.take(b"-");
        if self.take(b"0").is_none() {
            self.digits()?;
        }
        if self.take(b".").is_some() {
            self.digits()?;
        }
        if self.take(b"e").or_else(|| self.take(b"E")).is_some() {
            let _ = self.take(b"+").or_else(|| self.take(b"-"));
            self.digits()?;
        }
        let text = &begin[..begin.len() - self.rest.len()];
        let text = std::str::from_utf8(text).unwrap();
        // The program looks for exponents only; hundreds of digits are infinite, too, but rare.
        let exponent = text.split(['e', 'E']).nth(1).unwrap_or_default();
        self.facts.infinite |= exponent.len() > 2 && text.parse().is_ok_and(f64::is_infinite);
        Some(())
    }
}
