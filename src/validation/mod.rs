//! Everything that is wrong with rows, found without sending any: what `validate` reports and what
//! `schema infer` proposes from.
//!
//! [`validate`] reads inputs to their end, through the same readers and the same shaper as an upload,
//! so a row that passes here passes there. Counts are exact; places, examples and different values are
//! kept up to bounds that are named where they are defined, so memory does not grow with the input.

mod account;
mod distinct;
mod duplicates;
mod folders;
mod infer;
mod key_runs;
mod profile;
mod reading;
mod remarks;
mod report;
mod values;

pub use infer::{Proposal, propose};
pub use profile::{FieldProfile, Kind, MAX_FIELDS, Numbers, Profile};
pub use reading::{Places, Request, validate};
pub use report::{BadRow, Failure, Group, KeyCheck, Place, Report};
pub use values::{MAX_VALUES, Values};
