//! The answer of a program that was built without Parquet.

use super::RowLines;
use crate::input::location::Stored;
use crate::input::{InputFault, InputSettings};

/// Says what is missing.
pub(in crate::input) fn row_lines(
    _stored: Stored,
    _settings: &InputSettings,
) -> Result<Box<dyn RowLines>, InputFault> {
    Err(InputFault::Unsupported {
        what: "a Parquet file",
        advice: "this program was built without Parquet; build it with: cargo install --features full",
    })
}
