//! What a row should look like: fields, types and checks, and how a row is made to be so.
//!
//! Floor 1, pure: text in, schema or row or violations out. The types and what the platform does
//! with them are in document 69195; checks follow the vendor's validator. Nothing here reads files.

mod builtin;
mod canonical;
mod cast;
mod categories;
mod check;
mod datetime;
mod doubts;
mod explain;
mod field_type;
mod infinity;
mod members;
mod number;
mod read;
mod shape;
mod table;
mod value;
mod violation;

pub use builtin::{INDUSTRIES, template, template_text, topics};
pub use check::{Check, Range, Rule, When};
pub use datetime::{Datetime, Epoch, fits, is_layout};
pub use field_type::FieldType;
pub use infinity::{has_infinity, outside_strings};
pub use members::{Elements, Member, Members, has_control_character, special_byte, text_of};
pub use read::{SchemaError, SchemaFile};
pub use shape::{RowRules, Shaped, Shaper, UnknownFields};
pub use table::{Field, Level, Schema};
pub use violation::{MAX_QUOTED_CHARS, Violation, ViolationKind};
