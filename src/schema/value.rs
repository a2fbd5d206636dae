//! A value of a row as checks look at it: what it was found to be, and the bytes that are sent.

use super::members::text_of;
use std::borrow::Cow;

/// What a value is; the bytes that it stands for are kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    /// `null`, which leaves the stored value of the platform unchanged.
    Null,
    /// An exact integer.
    Integer(i64),
    /// Another number, as JSON writes it.
    Number,
    /// A string.
    Text,
    /// True or false, where the type is not declared.
    Bool,
    /// An array or object, where the type is not declared.
    Nested,
}

impl Shape {
    /// What a value without a declared type is.
    pub(super) const fn of(raw: &[u8]) -> Self {
        match raw.first() {
            Some(b'"') => Self::Text,
            Some(b'n') => Self::Null,
            Some(b't' | b'f') => Self::Bool,
            Some(b'{' | b'[') => Self::Nested,
            _ => Self::Number,
        }
    }
}

/// A value with its bytes as they are sent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Value<'r> {
    pub(super) shape: Shape,
    pub(super) sent: &'r [u8],
}

impl<'r> Value<'r> {
    /// The text of a string.
    pub(super) fn text(self) -> Option<Cow<'r, str>> {
        match self.shape {
            Shape::Text => text_of(self.sent),
            _ => None,
        }
    }

    /// The digits of a number.
    pub(super) fn digits(self) -> Option<&'r str> {
        match self.shape {
            Shape::Integer(_) | Shape::Number => std::str::from_utf8(self.sent).ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
pub(super) fn as_it_is(raw: &[u8]) -> Value<'_> {
    Value {
        shape: Shape::of(raw),
        sent: raw,
    }
}
