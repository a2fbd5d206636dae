//! The frame of every machine-readable line (`cli.md` section 10): version and type come first.

use serde::Serialize;

/// The published form of all of them, as JSON Schema (draft 2020-12); `config schema` prints it.
pub const SCHEMA: &str = include_str!("lines.schema.json");

/// Version of all machine-readable lines.
const VERSION: u32 = 1;

/// One object of `--json` or `--report`.
#[derive(Debug, Clone, Serialize)]
pub struct JsonLine<T> {
    v: u32,
    r#type: &'static str,
    #[serde(flatten)]
    fields: T,
}

impl<T: Serialize> JsonLine<T> {
    /// A line of this type with the fields of an object.
    pub const fn new(kind: &'static str, fields: T) -> Self {
        Self {
            v: VERSION,
            r#type: kind,
            fields,
        }
    }
}
