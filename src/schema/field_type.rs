//! The types that a field can be declared with, and their names.
//!
//! The console of the platform offers int32, int64, float, double, string and array; `json_string`
//! is the vendor's validator's name for an array or object inside a string; bool, array and object
//! say what the file has, and are sent as the platform wants them (document 69195).

use std::fmt;

/// What a field is declared to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FieldType {
    /// Integer of 32 bits.
    Int32,
    /// Integer of 64 bits.
    Int64,
    /// Number within the range of 32-bit floating point; its digits are sent as they are.
    Float,
    /// Number within the range of 64-bit floating point; its digits are sent as they are.
    Double,
    /// Text.
    String,
    /// A string that holds a JSON array or object.
    JsonString,
    /// True or false, sent as 1 or 0.
    Bool,
    /// An array, sent as a JSON string.
    Array,
    /// An object, sent as a JSON string.
    Object,
}

impl FieldType {
    /// All of them, in the order in which help lists them.
    pub const ALL: [Self; 9] = [
        Self::Int32,
        Self::Int64,
        Self::Float,
        Self::Double,
        Self::String,
        Self::JsonString,
        Self::Bool,
        Self::Array,
        Self::Object,
    ];

    /// The name in schemas and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float => "float",
            Self::Double => "double",
            Self::String => "string",
            Self::JsonString => "json_string",
            Self::Bool => "bool",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// Whether values are sent as numbers.
    pub const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int32 | Self::Int64 | Self::Float | Self::Double | Self::Bool
        )
    }

    /// Reads a name, whatever its case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// All names, for messages.
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_whatever_its_case() {
        for known in FieldType::ALL {
            assert_eq!(FieldType::parse(known.as_str()), Some(known));
            assert_eq!(
                FieldType::parse(&known.as_str().to_uppercase()),
                Some(known)
            );
        }
        assert_eq!(FieldType::parse("integer"), None);
    }
}
