//! What the columns of a Parquet file are in JSON: a tree of fields, lists, maps and values.
//!
//! Follows the rules of the Parquet format for lists and maps (`LogicalTypes.md`), with those of older
//! writers. What has no form in JSON is refused with the name of the column.

use super::value::{NO_ZONE, Scalar, scalar};
use crate::input::{InputFault, settings::Timestamps};
use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::{SchemaDescriptor, Type};
use std::collections::HashSet;
use std::sync::Arc;

/// Deepest nesting of groups; the row itself is the first. JSON rows end there too.
const MAX_DEPTH: usize = 127;

/// A field of a row or of a struct in it.
pub(super) struct Field {
    /// For messages: `tags`, `address.city`.
    pub(super) name: Arc<str>,
    /// As a JSON key with its colon.
    pub(super) key: Vec<u8>,
    /// Whether it is left out of what is sent, with all that is in it.
    pub(super) dropped: bool,
    pub(super) node: Node,
}

/// Something with a value in each row, or several.
pub(super) struct Node {
    /// From this definition level on it is there; below, it is null.
    pub(super) present: i16,
    /// The columns below it, from the first up to but without the last.
    pub(super) columns: (usize, usize),
    pub(super) kind: Kind,
}

/// What a node is.
pub(super) enum Kind {
    Value(Scalar),
    Struct(Vec<Field>),
    List(Box<Repeated>),
    Map {
        key: Box<Field>,
        value: Option<Box<Field>>,
        repeated: Levels,
    },
}

/// Elements that repeat.
pub(super) struct Repeated {
    pub(super) levels: Levels,
    pub(super) element: Node,
}

/// The levels of something that repeats.
#[derive(Clone, Copy)]
pub(super) struct Levels {
    /// Definition level from which on there is an element.
    pub(super) filled: i16,
    /// Repetition level of a further element.
    pub(super) repetition: i16,
}

/// Builds the tree of a file of which some fields of rows are dropped.
pub(super) fn fields_of(
    schema: &SchemaDescriptor,
    timestamps: Timestamps,
    drops: &dyn Fn(&str) -> bool,
) -> Result<Vec<Field>, InputFault> {
    let mut builder = Builder {
        column: 0,
        timestamps,
        drops,
        dropping: false,
    };
    let top = Place {
        definition: 0,
        repetition: 0,
        depth: 1,
    };
    builder.fields(schema.root_schema(), "", top)
}

struct Builder<'d> {
    /// The next column.
    column: usize,
    timestamps: Timestamps,
    /// Whether a field of rows is dropped, by its name.
    drops: &'d dyn Fn(&str) -> bool,
    /// Whether this is in such a field.
    dropping: bool,
}

#[derive(Clone, Copy)]
struct Place {
    definition: i16,
    repetition: i16,
    depth: usize,
}

impl Builder<'_> {
    fn fields(&mut self, group: &Type, path: &str, place: Place) -> Result<Vec<Field>, InputFault> {
        let mut names = HashSet::new();
        let mut fields = Vec::new();
        for child in group.get_fields() {
            if !names.insert(child.name()) {
                return Err(refused(&joined(path, child.name()), "occurs twice"));
            }
            let field = self.field(child, path, place)?;
            if child.name().is_empty() && !field.dropped {
                return Err(refused(&joined(path, ""), "has no name; give it one"));
            }
            fields.push(field);
        }
        Ok(fields)
    }

    fn field(&mut self, child: &Type, path: &str, place: Place) -> Result<Field, InputFault> {
        let name = joined(path, child.name());
        let mut key = serde_json::to_vec(child.name()).unwrap_or_default();
        key.push(b':');
        if path.is_empty() {
            self.dropping = (self.drops)(&name);
        }
        Ok(Field {
            node: self.node(child, &name, place)?,
            name: name.into(),
            key,
            dropped: self.dropping,
        })
    }

    /// A child with its repetition; one that repeats outside of a list is a list of itself.
    fn node(&mut self, child: &Type, path: &str, place: Place) -> Result<Node, InputFault> {
        let place = deeper(path, place)?;
        match child.get_basic_info().repetition() {
            Repetition::REQUIRED => self.content(child, path, place),
            Repetition::OPTIONAL => self.content(
                child,
                path,
                Place {
                    definition: place.definition.saturating_add(1),
                    ..place
                },
            ),
            Repetition::REPEATED => {
                let first = self.column;
                let (levels, inner) = repeat(place);
                let element = self.content(child, path, inner)?;
                Ok(self.closed(
                    first,
                    place,
                    Kind::List(Box::new(Repeated { levels, element })),
                ))
            }
        }
    }

    /// A node whose own repetition is in `place` already.
    fn content(&mut self, child: &Type, path: &str, place: Place) -> Result<Node, InputFault> {
        let first = self.column;
        let kind = if child.is_primitive() {
            self.column = first.saturating_add(1);
            Kind::Value(match scalar(child, self.timestamps) {
                Err(_) if self.dropping => Scalar::Unseen,
                other => other.map_err(|why| refused(path, why))?,
            })
        } else {
            match repeated_child(child) {
                Some((repeated, Nested::List)) => self.list(child, repeated, path, place)?,
                Some((repeated, Nested::Map)) => self.map(repeated, path, place)?,
                None => Kind::Struct(self.fields(child, path, deeper(path, place)?)?),
            }
        };
        if self.column == first {
            return Err(refused(path, "is a group without any column"));
        }
        Ok(self.closed(first, place, kind))
    }

    fn list(
        &mut self,
        list: &Type,
        repeated: &Type,
        path: &str,
        place: Place,
    ) -> Result<Kind, InputFault> {
        let (levels, inner) = repeat(deeper(path, place)?);
        let own = is_element(list, repeated);
        let element = match repeated.get_fields_if_group() {
            Some([only]) if !own => self.node(only, path, inner)?,
            _ => self.content(repeated, path, inner)?,
        };
        Ok(Kind::List(Box::new(Repeated { levels, element })))
    }

    fn map(&mut self, repeated: &Type, path: &str, place: Place) -> Result<Kind, InputFault> {
        let (levels, inner) = repeat(deeper(path, place)?);
        let fields = repeated.get_fields();
        let Some(key) = fields.first().filter(|key| key.is_primitive()) else {
            return Err(refused(
                path,
                "is a map whose keys are no simple values, which JSON does not have",
            ));
        };
        let key = Box::new(self.field(key, path, inner)?);
        let value = match fields.get(1) {
            Some(value) => Some(Box::new(self.field(value, path, inner)?)),
            None => None,
        };
        Ok(Kind::Map {
            key,
            value,
            repeated: levels,
        })
    }

    const fn closed(&self, first: usize, place: Place, kind: Kind) -> Node {
        Node {
            present: place.definition,
            columns: (first, self.column),
            kind,
        }
    }
}

enum Nested {
    List,
    Map,
}

/// The repeated child of a group that is a list or a map.
fn repeated_child(group: &Type) -> Option<(&Type, Nested)> {
    let info = group.get_basic_info();
    let nested = match (info.logical_type_ref(), info.converted_type()) {
        (Some(LogicalType::List), _) | (None, ConvertedType::LIST) => Nested::List,
        (Some(LogicalType::Map), _) | (None, ConvertedType::MAP | ConvertedType::MAP_KEY_VALUE) => {
            Nested::Map
        }
        _ => return None,
    };
    let [child] = group.get_fields() else {
        return None;
    };
    let repeats = child.get_basic_info().has_repetition()
        && child.get_basic_info().repetition() == Repetition::REPEATED;
    let fits = match nested {
        Nested::List => true,
        Nested::Map => child.is_group() && matches!(child.get_fields().len(), 1 | 2),
    };
    (repeats && fits).then_some((child, nested))
}

/// Whether what repeats in a list is the element itself and not a wrapper of it
/// (`LogicalTypes.md`, backward-compatibility rules of lists).
fn is_element(list: &Type, repeated: &Type) -> bool {
    let Some([only]) = repeated.get_fields_if_group() else {
        return true;
    };
    let name = repeated.name();
    only.get_basic_info().repetition() == Repetition::REPEATED
        || name == "array"
        || name.strip_suffix("_tuple") == Some(list.name())
}

trait Fields {
    fn get_fields_if_group(&self) -> Option<&[Arc<Type>]>;
}

impl Fields for Type {
    fn get_fields_if_group(&self) -> Option<&[Arc<Type>]> {
        self.is_group().then(|| self.get_fields())
    }
}

const fn repeat(place: Place) -> (Levels, Place) {
    let definition = place.definition.saturating_add(1);
    let repetition = place.repetition.saturating_add(1);
    let levels = Levels {
        filled: definition,
        repetition,
    };
    (
        levels,
        Place {
            definition,
            repetition,
            ..place
        },
    )
}

fn deeper(path: &str, place: Place) -> Result<Place, InputFault> {
    let depth = place.depth.saturating_add(1);
    if depth > 4 * MAX_DEPTH {
        return Err(refused(path, "is nested too deep"));
    }
    Ok(Place { depth, ..place })
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn refused(column: &str, why: &str) -> InputFault {
    let name: String = column.chars().take(120).collect();
    let problem = format!("column '{name}' {why}");
    if why == NO_ZONE {
        InputFault::BadOption { problem }
    } else {
        InputFault::BadParquet { problem }
    }
}
