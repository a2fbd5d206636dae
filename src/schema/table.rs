//! A schema: the fields of a topic, their types and what they have to satisfy.

use super::FieldType;
use super::check::{Check, Rule};

/// The fields of a topic, as somebody declared them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    /// Whose table it is, for people.
    pub industry: String,
    /// The topic that it was made for, if it says so.
    pub topic: Option<String>,
    /// Fields by which rows are the same thing; empty where rows are events.
    pub key: Vec<String>,
    /// Whether it knows every field; of an incomplete one, unknown fields are fine.
    pub complete: bool,
    /// Where it comes from, for people.
    pub source: String,
    /// The fields, in their order.
    pub fields: Vec<Field>,
}

/// One field of a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Its name in the row that is sent.
    pub name: String,
    /// Its type; `None` where it is not known, and nothing is cast or checked.
    pub field_type: Option<FieldType>,
    /// How much the platform wants it.
    pub level: Level,
    /// For people.
    pub description: String,
    /// What its values have to satisfy, in this order; the first fault counts.
    pub checks: Vec<Check>,
}

/// How much the platform wants a field (必选, 强烈建议, 建议).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Level {
    /// A row without it is refused.
    Required,
    /// Some rows without it are refused.
    ConditionallyRequired,
    /// Better with it.
    StronglyRecommended,
    /// Good to have.
    Recommended,
    /// Nothing is said.
    #[default]
    Optional,
}

impl Level {
    const ALL: [Self; 5] = [
        Self::Required,
        Self::ConditionallyRequired,
        Self::StronglyRecommended,
        Self::Recommended,
        Self::Optional,
    ];

    /// The word in schemas.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::ConditionallyRequired => "conditionally_required",
            Self::StronglyRecommended => "strongly_recommended",
            Self::Recommended => "recommended",
            Self::Optional => "optional",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

impl Field {
    /// A field about which nothing is known but its name.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            field_type: None,
            level: Level::Optional,
            description: String::new(),
            checks: Vec::new(),
        }
    }

    /// Whether every row has to have it.
    pub fn is_required(&self) -> bool {
        let unconditional = |check: &Check| check.rule == Rule::Required && check.when.is_none();
        self.checks.iter().any(unconditional)
    }
}

impl Schema {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Sees to it that there is a field of that name; a new one has neither type nor checks.
    pub fn ensure_field(&mut self, name: &str) {
        self.field_mut(name);
    }

    /// The field of that name, which is added when there is none.
    pub(super) fn field_mut(&mut self, name: &str) -> &mut Field {
        let at = self.fields.iter().position(|field| field.name == name);
        let at = at.unwrap_or_else(|| {
            self.fields.push(Field::named(name));
            self.fields.len().saturating_sub(1)
        });
        #[expect(clippy::indexing_slicing, reason = "it was found or pushed just now")]
        &mut self.fields[at]
    }
}
