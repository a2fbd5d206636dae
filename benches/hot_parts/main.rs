//! What the hot parts cost, one by one: each benchmark prints how many bytes or rows go through it
//! in a second on one core.
//!
//! `cargo bench --bench hot_parts` runs all of them, a word behind `--` those whose name has it.
//! Each file measures one part of the way from a line to an answer.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has to stop"
)]

mod packing;
mod quota;
mod reading;
mod rows;
mod shaping;
mod wire;

use rows::Shape;

/// What is measured by shape is measured with all of them.
pub(crate) const SHAPES: [Shape; 5] = [
    Shape::Item,
    Shape::Narrow,
    Shape::Wide,
    Shape::Fields,
    Shape::Random,
];

fn main() {
    divan::main();
}
