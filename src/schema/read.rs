//! Schemas from JSON text: our own files, and the vendor's schema and checker files.
//!
//! A file of ours is an object with `fields`; a schema of the vendor's validator is an array of
//! `{name, type}`, its checkers an array of `{field_name, checker_name, checker_cfg}`
//! (`air_api_tool` `schema/`, `checker/`). A misspelt key or type is an error that names it, never
//! something to pass over: what is not checked here is lost on the platform.

mod own;
mod vendor;

use super::check::Check;
use super::table::Schema;
use std::fmt;

/// Why a text is no schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// One sentence, without the name of the file.
    pub problem: String,
}

impl SchemaError {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
        }
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

impl std::error::Error for SchemaError {}

/// What a schema file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum SchemaFile {
    /// Fields with types and checks.
    Schema(Schema),
    /// Checks alone, by field; to be put onto a schema.
    Checkers(Vec<(String, Check)>),
}

impl SchemaFile {
    /// Reads a file of either kind.
    pub fn read(text: &str) -> Result<Self, SchemaError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.trim_start().starts_with('[') {
            vendor::read(text)
        } else {
            own::read(text).map(Self::Schema)
        }
    }
}

impl Schema {
    /// Puts several files together: at most one schema, and any number of checkers for it.
    pub fn combine(files: impl IntoIterator<Item = SchemaFile>) -> Result<Self, SchemaError> {
        let (mut schema, mut checkers) = (None, Vec::new());
        for file in files {
            match file {
                SchemaFile::Schema(one) if schema.is_none() => schema = Some(one),
                SchemaFile::Schema(_) => {
                    return Err(SchemaError::new(
                        "two schemas are given; only checkers can be added to one",
                    ));
                }
                SchemaFile::Checkers(more) => checkers.extend(more),
            }
        }
        let mut schema = schema.unwrap_or_default();
        for (name, check) in checkers {
            schema.field_mut(&name).checks.push(check);
        }
        Ok(schema)
    }
}

fn not_json(error: &serde_json::Error) -> SchemaError {
    SchemaError::new(format!("not a schema: {error}"))
}

#[cfg(test)]
mod tests;
