//! Rows in, rows as they are to be sent out: renamed, cast, checked.
//!
//! A [`Shaper`] is made once from what was asked for and works through the rows one by one. A row
//! that needs no change keeps its bytes; nothing is allocated for a row that is fine and unchanged.
//! Rows are valid JSON objects when they come here; the readers have seen to that.

mod plan;

use super::FieldType;
use super::cast::{Value, as_it_is, cast};
use super::members::Members;
use super::table::Schema;
use super::violation::{Violation, ViolationKind};
use plan::{Plan, Target};
use std::ops::Range;
use std::sync::Arc;

/// What happens to fields that the schema does not name (`--unknown-fields`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum UnknownFields {
    /// They are sent as they are.
    #[default]
    Keep,
    /// They are left out.
    Drop,
    /// The row is rejected.
    Error,
}

/// What is asked of rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowRules {
    /// Fields with types and checks; may be empty.
    pub schema: Schema,
    /// Types asked for by name, which go before those of the schema.
    pub types: Vec<(String, FieldType)>,
    /// Fields to be renamed, from and to.
    pub renames: Vec<(String, String)>,
    /// What happens to fields that are in neither of them.
    pub unknown: UnknownFields,
}

impl RowRules {
    /// Whether rows pass unseen.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What becomes of a row.
#[derive(Debug, PartialEq, Eq)]
pub enum Shaped<'s> {
    /// It is sent with the bytes that it has.
    AsItIs,
    /// It is sent like this.
    Rewritten(&'s [u8]),
    /// It is not sent; at most one fault for each field, never empty.
    Refused(&'s [Violation]),
}

/// Shapes rows; keeps its buffers from row to row.
#[derive(Debug)]
pub struct Shaper {
    plan: Plan,
    members: Vec<Found>,
    fields: Vec<Seen>,
    /// New bytes of cast values.
    scratch: Vec<u8>,
    row: Vec<u8>,
    violations: Vec<Violation>,
}

/// A member of the row at hand.
#[derive(Debug)]
struct Found {
    key: Range<usize>,
    value: Range<usize>,
    target: Target,
    /// Where in the scratch buffer its new value is.
    rewritten: Option<Range<usize>>,
}

/// What was seen of a field in the row at hand.
#[derive(Debug, Clone, Default)]
struct Seen {
    /// Where its value is in the row.
    value: Option<Range<usize>>,
    faulty: bool,
}

impl Shaper {
    /// Gets ready for rows.
    pub fn new(rules: &RowRules) -> Self {
        let plan = Plan::new(rules);
        Self {
            fields: vec![Seen::default(); plan.fields.len()],
            plan,
            members: Vec::new(),
            scratch: Vec::new(),
            row: Vec::new(),
            violations: Vec::new(),
        }
    }

    /// Shapes one row, a valid JSON object.
    pub fn shape(&mut self, row: &[u8]) -> Shaped<'_> {
        self.members.clear();
        self.scratch.clear();
        self.violations.clear();
        self.fields.fill(Seen::default());
        let mut changed = false;
        for (index, member) in Members::of(row).enumerate() {
            let target = self.plan.target(index, member.key);
            changed |= target.changes_row();
            self.take(
                row,
                Found {
                    key: place(row, member.key),
                    value: place(row, member.value),
                    target,
                    rewritten: None,
                },
            );
        }
        changed |= !self.scratch.is_empty();
        self.refuse_duplicates(row);
        self.check(row);
        if !self.violations.is_empty() {
            return Shaped::Refused(&self.violations);
        }
        if !changed {
            return Shaped::AsItIs;
        }
        self.write(row);
        Shaped::Rewritten(&self.row)
    }

    fn take(&mut self, row: &[u8], mut found: Found) {
        let raw = row.get(found.value.clone()).unwrap_or_default();
        match found.target {
            Target::Refused => {
                let key = row.get(found.key.clone()).unwrap_or_default();
                self.violations.push(Violation {
                    field: Arc::from(String::from_utf8_lossy(key)),
                    kind: ViolationKind::UnknownField,
                    message: "is not in the schema (--unknown-fields error)".to_owned(),
                });
            }
            Target::Field { field, .. } => {
                self.cast(field, raw, &mut found);
                if let Some(seen) = self.fields.get_mut(field) {
                    seen.value = Some(found.value.clone());
                }
            }
            Target::Kept | Target::Dropped | Target::Renamed(_) => {}
        }
        self.members.push(found);
    }

    fn cast(&mut self, field: usize, raw: &[u8], found: &mut Found) {
        let Some(known) = self.plan.fields.get(field) else {
            return;
        };
        let Some((to, explicit)) = known.cast else {
            return;
        };
        let from = self.scratch.len();
        match cast(raw, to, explicit, &mut self.scratch) {
            Ok(cast) if cast.rewritten => found.rewritten = Some(from..self.scratch.len()),
            Ok(_) => {}
            Err(refusal) => {
                self.scratch.truncate(from);
                let faulty = self.fields.get_mut(field).map(|seen| &mut seen.faulty);
                if faulty.is_some_and(|faulty| !std::mem::replace(faulty, true)) {
                    self.violations.push(Violation {
                        field: Arc::clone(&known.name),
                        kind: refusal.kind,
                        message: refusal.message,
                    });
                }
            }
        }
    }

    /// Two fields that renaming would give one name.
    fn refuse_duplicates(&mut self, row: &[u8]) {
        if !self.plan.renames() {
            return;
        }
        for (index, found) in self.members.iter().enumerate() {
            let Some(name) = self.plan.new_name(found.target) else {
                continue;
            };
            let others = self
                .members
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index);
            let taken = others
                .filter(|(_, other)| other.target != Target::Dropped)
                .any(|(other, it)| {
                    match self.plan.new_name(it.target) {
                        // Of two that are renamed, the later one is at fault.
                        Some(same) => other < index && same == name,
                        None => row.get(it.key.clone()) == Some(name.as_bytes()),
                    }
                });
            if taken {
                self.violations.push(Violation {
                    field: Arc::from(name),
                    kind: ViolationKind::DuplicateField,
                    message: "is there twice, since --map renames another field to it".to_owned(),
                });
            }
        }
    }

    fn check(&mut self, row: &[u8]) {
        for index in &self.plan.checked {
            let (Some(field), Some(seen)) = (self.plan.fields.get(*index), self.fields.get(*index))
            else {
                continue;
            };
            if seen.faulty {
                continue;
            }
            let from = self.scratch.len();
            let value = value_of(field.cast, seen, row, &mut self.scratch);
            let fault = field.checks.iter().find_map(|(check, other)| {
                let applies = check.when.as_ref().is_none_or(|when| {
                    let other = other
                        .and_then(|at| Some((self.plan.fields.get(at)?, self.fields.get(at)?)));
                    let other = other.and_then(|(field, seen)| {
                        value_of(field.cast, seen, row, &mut self.scratch)
                    });
                    when.holds(other.as_ref())
                });
                let (kind, mut message) = applies
                    .then(|| check.rule.fault(value.as_ref()))
                    .flatten()?;
                if let Some(when) = &check.when {
                    let values = when.values.join(" or ");
                    message = format!("{message} (when {} is {values})", when.field);
                }
                Some((kind, message))
            });
            self.scratch.truncate(from);
            if let Some((kind, message)) = fault {
                self.violations.push(Violation {
                    field: Arc::clone(&field.name),
                    kind,
                    message,
                });
            }
        }
    }

    fn write(&mut self, row: &[u8]) {
        self.row.clear();
        self.row.push(b'{');
        for found in &self.members {
            if found.target == Target::Dropped {
                continue;
            }
            if self.row.len() > 1 {
                self.row.push(b',');
            }
            if let Some(key) = self.plan.new_key(found.target) {
                self.row.extend_from_slice(key);
            } else {
                self.row.push(b'"');
                self.row
                    .extend_from_slice(row.get(found.key.clone()).unwrap_or_default());
                self.row.push(b'"');
            }
            self.row.push(b':');
            let value = match &found.rewritten {
                Some(range) => self.scratch.get(range.clone()),
                None => row.get(found.value.clone()),
            };
            self.row.extend_from_slice(value.unwrap_or_default());
        }
        self.row.push(b'}');
    }
}

/// The value of a field as checks see it.
fn value_of<'r>(
    to: Option<(FieldType, bool)>,
    seen: &Seen,
    row: &'r [u8],
    scratch: &mut Vec<u8>,
) -> Option<Value<'r>> {
    let raw = row.get(seen.value.clone()?)?;
    match to {
        Some((to, explicit)) => cast(raw, to, explicit, scratch).ok().map(|cast| cast.value),
        None => Some(as_it_is(raw)),
    }
}

/// Where a part of a row is in it.
fn place(row: &[u8], part: &[u8]) -> Range<usize> {
    let from = part.as_ptr().addr().saturating_sub(row.as_ptr().addr());
    from..from.saturating_add(part.len())
}

#[cfg(test)]
mod tests;
