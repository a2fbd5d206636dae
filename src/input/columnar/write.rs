//! Rows as JSON lines, written from the columns straight into a buffer.
//!
//! The tree of the schema is walked once a row; each column is a cursor that stands where the walk is.
//! Null fields of rows and structs have no key; null elements of lists and maps stay, because their
//! place or key is data.

use super::cursor::{Cursor, damaged};
use super::faults::RowFault;
use super::schema::{Field, Kind, Levels, Node};
use super::value::push_value;
use crate::input::{MAX_REJECT_RAW_BYTES, RejectCode};
use parquet::errors::Result;
use std::sync::Arc;

/// Writes one row.
pub(super) struct RowWriter<'a> {
    pub(super) cursors: &'a mut [Cursor],
    pub(super) out: &'a mut Vec<u8>,
    /// Where the row begins in `out`.
    pub(super) begin: usize,
    pub(super) max_row_bytes: usize,
    /// Bytes of the row that are not kept, because it is too long anyway.
    pub(super) dropped: usize,
    pub(super) fault: Option<RowFault>,
}

impl RowWriter<'_> {
    /// Appends the line of a row; why it cannot be sent, when it cannot.
    pub(super) fn row(mut self, fields: &[Field]) -> Result<Option<RowFault>> {
        self.out.push(b'{');
        self.members(fields)?;
        self.out.push(b'}');
        let length = self.length();
        if self.dropped > 0 {
            let kept = MAX_REJECT_RAW_BYTES.min(self.max_row_bytes).max(1);
            self.out.truncate(self.begin.saturating_add(kept));
            self.fault = Some(RowFault {
                code: RejectCode::TooLong,
                column: None,
                message: format!(
                    "{length} bytes as JSON; --max-row-bytes allows {}",
                    self.max_row_bytes
                ),
                length: u64::try_from(length).ok(),
            });
        }
        self.out.push(b'\n');
        Ok(self.fault)
    }

    fn length(&self) -> usize {
        self.out
            .len()
            .saturating_sub(self.begin)
            .saturating_add(self.dropped)
    }

    fn members(&mut self, fields: &[Field]) -> Result<()> {
        let mut first = true;
        for field in fields {
            if self.is_null(&field.node)? {
                self.pass(&field.node)?;
                continue;
            }
            if !first {
                self.out.push(b',');
            }
            first = false;
            self.out.extend_from_slice(&field.key);
            if field.dropped && self.fault.is_none() {
                self.unsent_value(field)?;
            } else {
                self.value(&field.node, &field.name)?;
            }
        }
        Ok(())
    }

    /// Appends a value that is not sent, so that it is no fault of the row whatever it is.
    fn unsent_value(&mut self, field: &Field) -> Result<()> {
        let before = self.out.len();
        self.value(&field.node, &field.name)?;
        if self.fault.take().is_some() {
            self.out.truncate(before);
            self.out.extend_from_slice(b"null");
        }
        Ok(())
    }

    fn definition(&self, node: &Node) -> Result<i16> {
        let cursor = self.cursors.get(node.columns.0);
        cursor.ok_or_else(no_column)?.definition()
    }

    fn is_null(&self, node: &Node) -> Result<bool> {
        Ok(self.definition(node)? < node.present)
    }

    /// Passes over a node that has no value here.
    fn pass(&mut self, node: &Node) -> Result<()> {
        let (first, end) = node.columns;
        let cursors = self.cursors.get_mut(first..end).ok_or_else(no_column)?;
        cursors.iter_mut().try_for_each(Cursor::pass)
    }

    /// Appends a value or `null`.
    fn value_or_null(&mut self, node: &Node, name: &Arc<str>) -> Result<()> {
        if self.is_null(node)? {
            self.out.extend_from_slice(b"null");
            return self.pass(node);
        }
        self.value(node, name)
    }

    fn value(&mut self, node: &Node, name: &Arc<str>) -> Result<()> {
        match &node.kind {
            Kind::Value(scalar) => {
                let cursor = self.cursors.get_mut(node.columns.0).ok_or_else(no_column)?;
                let problem = push_value(self.out, *scalar, &cursor.take()?)?;
                self.note(problem, name);
                self.drop_excess();
            }
            Kind::Struct(fields) => {
                self.out.push(b'{');
                self.members(fields)?;
                self.out.push(b'}');
            }
            Kind::List(list) => {
                self.out.push(b'[');
                self.repeat(node, list.levels, |it| {
                    it.value_or_null(&list.element, name)
                })?;
                self.out.push(b']');
            }
            Kind::Map {
                key,
                value,
                repeated,
            } => {
                self.out.push(b'{');
                self.repeat(node, *repeated, |it| {
                    it.key(key)?;
                    if let Some(value) = value {
                        return it.value_or_null(&value.node, &value.name);
                    }
                    it.out.extend_from_slice(b"null");
                    Ok(())
                })?;
                self.out.push(b'}');
            }
        }
        Ok(())
    }

    /// Appends what repeats, with commas.
    fn repeat(
        &mut self,
        node: &Node,
        levels: Levels,
        mut each: impl FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if self.definition(node)? < levels.filled {
            return self.pass(node);
        }
        loop {
            each(self)?;
            let cursor = self.cursors.get(node.columns.0).ok_or_else(no_column)?;
            if !cursor.repeats(levels.repetition) {
                return Ok(());
            }
            self.out.push(b',');
        }
    }

    /// Appends the key of a map entry, a text whatever it is.
    fn key(&mut self, key: &Field) -> Result<()> {
        let before = self.out.len();
        if self.is_null(&key.node)? {
            self.pass(&key.node)?;
            self.note(Some("a null as key of a map"), &key.name);
            self.out.extend_from_slice(b"null:");
            return Ok(());
        }
        let Kind::Value(scalar) = key.node.kind else {
            return Err(damaged("the key of a map is no simple value"));
        };
        let cursor = self
            .cursors
            .get_mut(key.node.columns.0)
            .ok_or_else(no_column)?;
        let problem = push_value(self.out, scalar, &cursor.take()?)?;
        self.note(problem, &key.name);
        if self.out.get(before) != Some(&b'"') {
            self.out.insert(before, b'"');
            self.out.push(b'"');
        }
        self.out.push(b':');
        Ok(())
    }

    fn note(&mut self, problem: Option<&str>, name: &Arc<str>) {
        if let (Some(problem), None) = (problem, &self.fault) {
            self.fault = Some(RowFault {
                code: RejectCode::NoJsonValue,
                column: Some(Arc::clone(name)),
                message: problem.to_owned(),
                length: None,
            });
        }
    }

    /// Keeps only the beginning of a row that is too long to be sent.
    fn drop_excess(&mut self) {
        let kept = self.out.len().saturating_sub(self.begin);
        if kept > self.max_row_bytes.saturating_add(MAX_REJECT_RAW_BYTES) {
            let excess = kept.saturating_sub(MAX_REJECT_RAW_BYTES);
            self.dropped = self.dropped.saturating_add(excess);
            self.out
                .truncate(self.begin.saturating_add(MAX_REJECT_RAW_BYTES));
        }
    }
}

fn no_column() -> parquet::errors::ParquetError {
    damaged("a column of the schema is missing")
}
