//! Schemas from JSON text: our own files, and the vendor's schema and checker files.
//!
//! A file of ours is an object with `fields`; a schema of the vendor's validator is an array of
//! `{name, type}`, its checkers an array of `{field_name, checker_name, checker_cfg}`
//! (`air_api_tool` `schema/`, `checker/`). A misspelt key or type is an error that names it, never
//! something to pass over: what is not checked here is lost on the platform.

mod own;
mod vendor;

pub(super) use vendor::OF_VENDOR;

use super::check::Check;
use super::table::Schema;
use std::fmt;

/// Why a text is no schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaError {
    /// The line of the file, where the problem has one.
    pub line: Option<usize>,
    /// One sentence, without the name of the file.
    pub problem: String,
}

impl SchemaError {
    fn new(problem: impl Into<String>) -> Self {
        Self {
            line: None,
            problem: problem.into(),
        }
    }

    /// A problem with a part of a text.
    fn at(text: &str, part: &str, problem: impl Into<String>) -> Self {
        Self {
            line: Some(line_of(text, part)),
            problem: problem.into(),
        }
    }
}

/// The line of a text on which a part of it begins.
fn line_of(text: &str, part: &str) -> usize {
    let offset = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    memchr::memchr_iter(b'\n', before).count().saturating_add(1)
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.problem),
            None => f.write_str(&self.problem),
        }
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
    /// Reads a file of either kind; tells of the first problem.
    pub fn read(text: &str) -> Result<Self, SchemaError> {
        Self::check(text).map_err(|mut problems| {
            if problems.is_empty() {
                return SchemaError::new("not a schema");
            }
            problems.swap_remove(0)
        })
    }

    /// Reads a file of either kind; tells of the problems of all its fields.
    pub fn check(text: &str) -> Result<Self, Vec<SchemaError>> {
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
            // That tool looks at the row, whatever its schema has.
            if let Some(when) = &check.when {
                schema.ensure_field(&when.field);
            }
            schema.field_mut(&name).checks.push(check);
        }
        Ok(schema)
    }
}

/// Reads a part of a text, or says what is wrong with it and where.
fn parsed<'t, T: serde::Deserialize<'t>>(
    text: &'t str,
    part: &'t str,
    what: &str,
) -> Result<T, SchemaError> {
    serde_json::from_str(part).map_err(|error| {
        let told = error.to_string();
        // The place is the error's own, within the part.
        let problem = told.split(" at line ").next().unwrap_or_default();
        let line = line_of(text, part).saturating_add(error.line().saturating_sub(1));
        SchemaError {
            line: Some(line),
            problem: format!("{what}{problem}"),
        }
    })
}

/// The results, or all problems.
fn all<T>(
    results: impl Iterator<Item = Result<T, SchemaError>>,
) -> Result<Vec<T>, Vec<SchemaError>> {
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(one) => found.push(one),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests;
