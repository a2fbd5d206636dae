//! Rows in, rows as they are to be sent out: renamed, cast, checked.
//!
//! A [`Shaper`] is made once from what was asked for and works through the rows one by one. A row
//! that needs no change keeps its bytes; nothing is allocated for a row that is fine and unchanged.
//! Rows are valid JSON objects when they come here; the readers have seen to that.

mod plan;

use super::FieldType;
use super::cast::cast;
use super::members::{Member, Members};
use super::table::Schema;
use super::value::{Shape, Value};
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
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// What its value is, and which member it is.
    value: Option<(Shape, usize)>,
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

    /// The number of a field by which [`sent_value`](Self::sent_value) finds it; `None` for one that
    /// the rules do not name.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.plan.fields.iter().position(|it| *it.name == *name)
    }

    /// Whether a field is left out of rows.
    pub fn drops(&self, name: &str) -> bool {
        self.plan.drops(name)
    }

    /// The fields that `--types` and `--map` name and none of the rows so far had, each with the option:
    /// probably misspelt.
    pub fn unused(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.plan.unused()
    }

    /// What is sent for a field of the row that was shaped last, which is given again.
    pub fn sent_value<'s>(&'s self, row: &'s [u8], field: usize) -> Option<&'s [u8]> {
        let (_, member) = self.fields.get(field)?.value?;
        self.sent(row, self.members.get(member)?)
    }

    /// What is sent of the row that was shaped last, which is given again, were it not refused.
    pub fn sent_members<'s>(&'s self, row: &'s [u8]) -> impl Iterator<Item = Member<'s>> {
        let sent = |found: &&Found| !matches!(found.target, Target::Dropped | Target::Refused);
        self.members.iter().filter(sent).filter_map(move |found| {
            let key = match self.plan.new_name(found.target) {
                Some(name) => name.as_bytes(),
                None => row.get(found.key.clone())?,
            };
            let value = self.sent(row, found)?;
            Some(Member { key, value })
        })
    }

    fn sent<'s>(&'s self, row: &'s [u8], found: &Found) -> Option<&'s [u8]> {
        match &found.rewritten {
            Some(range) => self.scratch.get(range.clone()),
            None => row.get(found.value.clone()),
        }
    }

    /// Shapes one row, a valid JSON object.
    pub fn shape(&mut self, row: &[u8]) -> Shaped<'_> {
        self.members.clear();
        self.scratch.clear();
        self.violations.clear();
        self.fields.fill(Seen::default());
        let mut changed = false;
        let mut members = Members::of(row);
        while let Some((target, member)) = self.next_member(&mut members) {
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

    /// The next member and what becomes of it; of one that is where it was in the row before, the key
    /// is compared as a whole and not looked for.
    #[inline]
    fn next_member<'r>(&mut self, members: &mut Members<'r>) -> Option<(Target, Member<'r>)> {
        let index = self.members.len();
        if let Some((written, target)) = self.plan.expected(index)
            && let Some(member) = members.next_if(written)
        {
            return Some((target, member));
        }
        let member = members.next()?;
        Some((self.plan.target(index, member.key), member))
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
                let shape = self.cast(field, raw, &mut found);
                if let Some(seen) = self.fields.get_mut(field) {
                    seen.value = Some((shape, self.members.len()));
                }
            }
            Target::Kept | Target::Dropped | Target::Renamed(_) => {}
        }
        self.members.push(found);
    }

    fn cast(&mut self, field: usize, raw: &[u8], found: &mut Found) -> Shape {
        let known = self.plan.fields.get(field);
        let Some((known, (to, explicit))) = known.and_then(|known| Some((known, known.cast?)))
        else {
            return Shape::of(raw);
        };
        let from = self.scratch.len();
        match cast(raw, to, explicit, &mut self.scratch) {
            Ok(cast) => {
                found.rewritten = cast.rewritten.then_some(from..self.scratch.len());
                cast.shape
            }
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
                Shape::of(raw)
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
            let value = self.value(row, *index);
            let fault = field.checks.iter().find_map(|(check, other)| {
                let applies = check
                    .when
                    .as_ref()
                    .is_none_or(|when| when.holds(other.and_then(|other| self.value(row, other))));
                let (kind, mut message) = applies.then(|| check.rule.fault(value)).flatten()?;
                if let Some(when) = &check.when {
                    let values = when.values.join(" or ");
                    message = format!("{message} (when {} is {values})", when.field);
                }
                Some((kind, message))
            });
            if let Some((kind, message)) = fault {
                self.violations.push(Violation {
                    field: Arc::clone(&field.name),
                    kind,
                    message,
                });
            }
        }
    }

    /// The value of a field as checks see it; none of one that could not be cast.
    fn value<'s>(&'s self, row: &'s [u8], field: usize) -> Option<Value<'s>> {
        let seen = self.fields.get(field).filter(|seen| !seen.faulty)?;
        let (shape, member) = seen.value?;
        let sent = self.sent(row, self.members.get(member)?)?;
        Some(Value { shape, sent })
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

/// Where a part of a row is in it.
fn place(row: &[u8], part: &[u8]) -> Range<usize> {
    let from = part.as_ptr().addr().saturating_sub(row.as_ptr().addr());
    from..from.saturating_add(part.len())
}

#[cfg(test)]
mod tests;
