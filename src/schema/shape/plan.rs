//! What a key of a row means, found out once for each key and remembered by its place.
//!
//! Rows of one input mostly have the same keys in the same order, so the key at a place is compared
//! with the one that was there in the row before, and looked up only when it is another.

use super::super::FieldType;
use super::super::check::Check;
use super::super::members::text_of;
use super::{RowRules, UnknownFields};
use std::collections::HashMap;
use std::sync::Arc;

/// What becomes of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// Sent as it is, unseen.
    Kept,
    /// Left out.
    Dropped,
    /// The row is refused for it.
    Refused,
    /// Sent under another name, unseen.
    Renamed(usize),
    /// A field that is known.
    Field {
        /// Which.
        field: usize,
        /// Under which new name, if it is renamed.
        renamed: Option<usize>,
    },
}

impl Target {
    /// Whether the row is written anew for it.
    pub(super) const fn changes_row(self) -> bool {
        match self {
            Self::Kept | Self::Refused => false,
            Self::Dropped | Self::Renamed(_) => true,
            Self::Field { renamed, .. } => renamed.is_some(),
        }
    }
}

/// A known field.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: Arc<str>,
    /// Its type, and whether that was asked for by name.
    pub(super) cast: Option<(FieldType, bool)>,
    /// Its checks, each with the index of the field that it depends on.
    pub(super) checks: Vec<(Check, Option<usize>)>,
}

/// Most places whose key is remembered.
const MAX_PLACES: usize = 512;

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) fields: Vec<Known>,
    /// Those with checks.
    pub(super) checked: Vec<usize>,
    /// New names, plain and as a JSON string.
    names: Vec<(String, Vec<u8>)>,
    targets: HashMap<Vec<u8>, Target>,
    unknown: Target,
    /// The key that was last at each place, with its quotes and its colon.
    places: Vec<(Vec<u8>, Target)>,
    unused: Vec<Unused>,
}

/// A field that an option names and no row has had yet.
#[derive(Debug)]
struct Unused {
    /// Its name as it was written with the option.
    name: String,
    /// Which new name it would get; `None` of one that has a type.
    renamed: Option<usize>,
}

impl Plan {
    pub(super) fn new(rules: &RowRules) -> Self {
        let mut schema = rules.schema.clone();
        for (name, field_type) in &rules.types {
            schema.field_mut(name).field_type = Some(*field_type);
        }
        let index_of = |name: &str| schema.fields.iter().position(|field| field.name == name);
        let explicit = |name: &str| rules.types.iter().any(|(typed, _)| typed == name);
        let fields: Vec<Known> = schema
            .fields
            .iter()
            .map(|field| Known {
                name: Arc::from(field.name.as_str()),
                cast: field.field_type.map(|it| (it, explicit(&field.name))),
                checks: field
                    .checks
                    .iter()
                    .map(|check| {
                        let other = check.when.as_ref().and_then(|when| index_of(&when.field));
                        (check.clone(), other)
                    })
                    .collect(),
            })
            .collect();
        let mut targets = HashMap::new();
        for (index, field) in fields.iter().enumerate() {
            let target = Target::Field {
                field: index,
                renamed: None,
            };
            targets.insert(field.name.as_bytes().to_vec(), target);
        }
        let mut names = Vec::new();
        let unknown = match rules.unknown {
            UnknownFields::Keep => Target::Kept,
            UnknownFields::Drop => Target::Dropped,
            UnknownFields::Error => Target::Refused,
        };
        for (from, to) in &rules.renames {
            let renamed = names.len();
            names.push((to.clone(), serde_json::to_vec(to).unwrap_or_default()));
            let target = match index_of(to) {
                Some(field) => Target::Field {
                    field,
                    renamed: Some(renamed),
                },
                None if unknown == Target::Kept => Target::Renamed(renamed),
                None => unknown,
            };
            targets.insert(from.as_bytes().to_vec(), target);
        }
        let has_checks =
            |(index, field): (usize, &Known)| (!field.checks.is_empty()).then_some(index);
        Self {
            checked: fields.iter().enumerate().filter_map(has_checks).collect(),
            fields,
            names,
            targets,
            unknown,
            places: Vec::new(),
            unused: asked_for(rules),
        }
    }

    /// The fields that `--types` and `--map` name and no row has had yet, as a person wrote them.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&str, &'static str)> {
        let option = |it: &Unused| {
            if it.renamed.is_some() {
                "--map"
            } else {
                "--types"
            }
        };
        self.unused
            .iter()
            .map(move |it| (it.name.as_str(), option(it)))
    }

    /// The key that was last at a place, with its quotes and its colon, and what became of it.
    #[inline]
    pub(super) fn expected(&self, index: usize) -> Option<(&[u8], Target)> {
        let (written, target) = self.places.get(index)?;
        Some((written, *target))
    }

    /// What becomes of the member with this key, which is the row's `index`-th.
    pub(super) fn target(&mut self, index: usize, key: &[u8]) -> Target {
        if let Some((written, target)) = self.places.get(index)
            && written.get(1..written.len().saturating_sub(2)) == Some(key)
        {
            return *target;
        }
        let target = self.look_up(key);
        self.note_used(target);
        if self.places.len() == index && index < MAX_PLACES {
            self.places.push((Vec::new(), target));
        }
        if let Some((written, meaning)) = self.places.get_mut(index) {
            written.clear();
            written.push(b'"');
            written.extend_from_slice(key);
            written.extend_from_slice(b"\":");
            *meaning = target;
        }
        target
    }

    /// Whether a field is left out of rows.
    pub(super) fn drops(&self, name: &str) -> bool {
        let target = self.targets.get(name.as_bytes()).unwrap_or(&self.unknown);
        *target == Target::Dropped
    }

    fn look_up(&self, key: &[u8]) -> Target {
        if !key.contains(&b'\\') {
            return self.targets.get(key).copied().unwrap_or(self.unknown);
        }
        let quoted = [b"\"", key, b"\""].concat();
        let plain = text_of(&quoted);
        let found = plain.and_then(|plain| self.targets.get(plain.as_bytes()).copied());
        found.unwrap_or(self.unknown)
    }

    /// Only keys at new places are looked up, so this costs nothing for rows that are alike.
    fn note_used(&mut self, target: Target) {
        let typed = match target {
            Target::Field { field, .. } => self.fields.get(field).map(|known| &*known.name),
            _ => None,
        };
        self.unused.retain(|it| match it.renamed {
            None => typed != Some(it.name.as_str()),
            name => renamed(target) != name,
        });
    }

    /// Whether any field is renamed.
    pub(super) fn renames(&self) -> bool {
        !self.names.is_empty()
    }

    /// The name that a member gets instead of its own.
    pub(super) fn new_name(&self, target: Target) -> Option<&str> {
        Some(self.names.get(renamed(target)?)?.0.as_str())
    }

    /// The same as a JSON string.
    pub(super) fn new_key(&self, target: Target) -> Option<&[u8]> {
        Some(self.names.get(renamed(target)?)?.1.as_slice())
    }
}

/// What is named by hand: types by the name that is sent, renamed fields by the one that rows have.
fn asked_for(rules: &RowRules) -> Vec<Unused> {
    let types = rules.types.iter().map(|(name, _)| (name, None));
    let renames = rules.renames.iter().enumerate();
    let renames = renames.map(|(index, (from, _))| (from, Some(index)));
    let unused = |(name, renamed): (&String, _)| Unused {
        name: name.clone(),
        renamed,
    };
    types.chain(renames).map(unused).collect()
}

const fn renamed(target: Target) -> Option<usize> {
    match target {
        Target::Renamed(name) => Some(name),
        Target::Field { renamed, .. } => renamed,
        Target::Kept | Target::Dropped | Target::Refused => None,
    }
}
