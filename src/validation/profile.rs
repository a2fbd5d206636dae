//! What the fields of rows hold: how often they are there, null or empty, which types, which values.
//!
//! Made only when it is asked for, because it costs as much as everything else. Counts are exact but
//! where they say that they are not; memory has a bound for each field and for the number of fields.

use super::values::Values;
use crate::schema::{Member, text_of};
use std::borrow::Cow;

/// Fields that are looked at; those that come later are only counted.
pub const MAX_FIELDS: usize = 500;
/// Numbers of a field that are kept to draw their distribution.
const MAX_SAMPLE: usize = 512;

/// What a value is written as, and what text might stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A number without point and exponent that fits into 32 bits.
    Int32,
    /// The same, into 64 bits.
    Int64,
    /// Another number.
    Decimal,
    /// True or false.
    Bool,
    /// An array.
    Array,
    /// An object.
    Object,
    /// Text that is an integer without leading zeros and fits into 32 bits.
    TextInt32,
    /// The same, into 64 bits.
    TextInt64,
    /// Text that is another decimal number.
    TextDecimal,
    /// Text that says true or false.
    TextBool,
    /// Text that begins as a JSON array or object and is one.
    TextJson,
    /// Any other text.
    Text,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Int32,
        Self::Int64,
        Self::Decimal,
        Self::Bool,
        Self::Array,
        Self::Object,
        Self::TextInt32,
        Self::TextInt64,
        Self::TextDecimal,
        Self::TextBool,
        Self::TextJson,
        Self::Text,
    ];

    /// As it is called in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Decimal => "decimal",
            Self::Bool => "bool",
            Self::Array => "array",
            Self::Object => "object",
            Self::TextInt32 => "text_int32",
            Self::TextInt64 => "text_int64",
            Self::TextDecimal => "text_decimal",
            Self::TextBool => "text_bool",
            Self::TextJson => "text_json",
            Self::Text => "text",
        }
    }

    /// Whether it is a number, or text that is one.
    pub(super) const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int32
                | Self::Int64
                | Self::Decimal
                | Self::TextInt32
                | Self::TextInt64
                | Self::TextDecimal
        )
    }

    /// The kind of a valid JSON value that is not null.
    fn of(value: &[u8]) -> Self {
        match value.first() {
            Some(b'"') => text_of(value).map_or(Self::Text, |text| Self::of_text(&text)),
            Some(b't' | b'f') => Self::Bool,
            Some(b'[') => Self::Array,
            Some(b'{') => Self::Object,
            _ => Self::of_number(value).0,
        }
    }

    fn of_number(number: &[u8]) -> (Self, Option<&str>) {
        let text = std::str::from_utf8(number).ok();
        let kind = match text.map(str::parse::<i64>) {
            Some(Ok(whole)) if i32::try_from(whole).is_ok() => Self::Int32,
            Some(Ok(_)) => Self::Int64,
            _ => Self::Decimal,
        };
        (kind, text)
    }

    fn of_text(text: &str) -> Self {
        let first = text.as_bytes().first();
        match first {
            Some(b'[' | b'{') if serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok() => {
                Self::TextJson
            }
            Some(b'-' | b'0'..=b'9') if is_json_number(text) => {
                match Self::of_number(text.as_bytes()).0 {
                    Self::Int32 => Self::TextInt32,
                    Self::Int64 => Self::TextInt64,
                    _ => Self::TextDecimal,
                }
            }
            _ if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") => {
                Self::TextBool
            }
            _ => Self::Text,
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Int32 => 0,
            Self::Int64 => 1,
            Self::Decimal => 2,
            Self::Bool => 3,
            Self::Array => 4,
            Self::Object => 5,
            Self::TextInt32 => 6,
            Self::TextInt64 => 7,
            Self::TextDecimal => 8,
            Self::TextBool => 9,
            Self::TextJson => 10,
            Self::Text => 11,
        }
    }
}

/// A number as JSON writes it; leading zeros belong to identifiers.
fn is_json_number(text: &str) -> bool {
    text.len() <= 40 && serde_json::from_str::<serde_json::Number>(text).is_ok()
}

/// The numbers of a field, those in text included.
#[derive(Debug, Clone)]
pub struct Numbers {
    /// Least of them, as it is written.
    pub least: (f64, String),
    /// Greatest of them, as it is written.
    pub greatest: (f64, String),
    /// All of them, or evenly chosen ones.
    pub sample: Vec<f64>,
    seen: u64,
    random: u64,
}

/// A field.
#[derive(Debug, Clone)]
pub struct FieldProfile {
    /// Its name, as it is sent.
    pub name: String,
    /// Rows that have it, null or not.
    pub present: u64,
    /// Rows in which it is null.
    pub nulls: u64,
    /// Rows in which it is `""`.
    pub empty: u64,
    /// Its numbers, if it has any.
    pub numbers: Option<Numbers>,
    /// Least and most characters of its texts.
    pub lengths: Option<(usize, usize)>,
    /// Its values that are neither null nor empty.
    pub values: Values,
    kinds: [u64; Kind::ALL.len()],
}

/// What all fields hold.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// Rows that were looked at: those that are JSON objects, right or wrong.
    pub rows: u64,
    /// The fields, in the order in which they were first seen.
    pub fields: Vec<FieldProfile>,
    /// Times that a field was there for which there was no room any more.
    pub untold: u64,
    /// The field that was last at each place of a row.
    places: Vec<usize>,
}

impl Profile {
    /// Takes the members of a row.
    pub(super) fn add<'m>(&mut self, members: impl Iterator<Item = Member<'m>>) {
        self.rows = self.rows.saturating_add(1);
        for (place, member) in members.enumerate() {
            match self.field(place, member.key) {
                Some(field) => field.add(member.value),
                None => self.untold = self.untold.saturating_add(1),
            }
        }
    }

    /// Takes the columns of an input, of which some may have no value in any row.
    pub(super) fn add_columns(&mut self, names: &[String]) {
        for name in names {
            let is_known = self.fields.iter().any(|field| field.name == *name);
            if !is_known && self.fields.len() < MAX_FIELDS {
                self.fields.push(FieldProfile::new(name.clone()));
            }
        }
    }

    fn field(&mut self, place: usize, key: &[u8]) -> Option<&mut FieldProfile> {
        let is_it = |fields: &[FieldProfile], at: usize, name: &[u8]| {
            fields
                .get(at)
                .is_some_and(|field| field.name.as_bytes() == name)
        };
        if let Some(at) = self.places.get(place).copied()
            && is_it(&self.fields, at, key)
        {
            return self.fields.get_mut(at);
        }
        let name = name_of(key);
        let known = self.fields.iter().position(|field| field.name == name);
        let at = match known {
            Some(at) => at,
            None if self.fields.len() < MAX_FIELDS => {
                self.fields.push(FieldProfile::new(name.into_owned()));
                self.fields.len().saturating_sub(1)
            }
            None => return None,
        };
        if let Some(here) = self.places.get_mut(place) {
            *here = at;
        } else if self.places.len() == place && place < MAX_FIELDS {
            self.places.push(at);
        }
        self.fields.get_mut(at)
    }
}

/// A key as text; one with a lone surrogate stays as it is written.
fn name_of(key: &[u8]) -> Cow<'_, str> {
    if key.contains(&b'\\') {
        let quoted = [b"\"", key, b"\""].concat();
        if let Some(text) = text_of(&quoted) {
            return Cow::Owned(text.into_owned());
        }
    }
    String::from_utf8_lossy(key)
}

impl FieldProfile {
    fn new(name: String) -> Self {
        Self {
            name,
            present: 0,
            nulls: 0,
            empty: 0,
            numbers: None,
            lengths: None,
            values: Values::default(),
            kinds: [0; Kind::ALL.len()],
        }
    }

    fn add(&mut self, value: &[u8]) {
        self.present = self.present.saturating_add(1);
        match value {
            b"null" => self.nulls = self.nulls.saturating_add(1),
            b"\"\"" => self.empty = self.empty.saturating_add(1),
            value => {
                let kind = Kind::of(value);
                if let Some(count) = self.kinds.get_mut(kind.index()) {
                    *count = count.saturating_add(1);
                }
                self.values.add(value);
                self.measure(kind, value);
            }
        }
    }

    fn measure(&mut self, kind: Kind, value: &[u8]) {
        let text = if value.first() == Some(&b'"') {
            text_of(value)
        } else {
            None
        };
        if let Some(text) = &text {
            let length = text.chars().count();
            self.lengths = Some(match self.lengths {
                None => (length, length),
                Some((least, most)) => (least.min(length), most.max(length)),
            });
        }
        if kind.is_number() {
            let text = text.unwrap_or_else(|| String::from_utf8_lossy(value));
            if let Some(number) = text.parse().ok().filter(|number: &f64| number.is_finite()) {
                match &mut self.numbers {
                    Some(numbers) => numbers.add(number, &text),
                    None => self.numbers = Some(Numbers::first(number, &text)),
                }
            }
        }
    }

    /// How many values are of a kind.
    pub fn of_kind(&self, kind: Kind) -> u64 {
        self.kinds.get(kind.index()).copied().unwrap_or_default()
    }

    /// The kinds that occur, most frequent first.
    pub fn kinds(&self) -> Vec<(Kind, u64)> {
        let mut kinds: Vec<(Kind, u64)> = Kind::ALL
            .into_iter()
            .map(|kind| (kind, self.of_kind(kind)))
            .filter(|(_, count)| *count > 0)
            .collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        kinds
    }
}

/// Whether a number is less than another one. Whole numbers that are one double are told apart by
/// their digits.
fn is_less(one: (f64, &str), other: (f64, &str)) -> bool {
    let whole = |text: &str| text.parse::<i128>().ok();
    match (whole(one.1), whole(other.1)) {
        (Some(one), Some(other)) => one < other,
        _ => one.0 < other.0,
    }
}

impl Numbers {
    fn first(number: f64, text: &str) -> Self {
        Self {
            least: (number, text.to_owned()),
            greatest: (number, text.to_owned()),
            sample: vec![number],
            seen: 1,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    fn add(&mut self, number: f64, text: &str) {
        if is_less((number, text), (self.least.0, &self.least.1)) {
            self.least = (number, text.to_owned());
        }
        if is_less((self.greatest.0, &self.greatest.1), (number, text)) {
            self.greatest = (number, text.to_owned());
        }
        self.seen = self.seen.saturating_add(1);
        if self.sample.len() < MAX_SAMPLE {
            self.sample.push(number);
            return;
        }
        // Every number has the same chance to be in the sample; the same input, the same sample.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let at = usize::try_from(self.random.checked_rem(self.seen).unwrap_or(0));
        if let Some(place) = at.ok().and_then(|at| self.sample.get_mut(at)) {
            *place = number;
        }
    }

    /// How many numbers there are.
    pub const fn count(&self) -> u64 {
        self.seen
    }
}
