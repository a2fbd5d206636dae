//! The table of results: one line for each figure, with what was asked for.
//!
//! It is printed as the Markdown that the README shows. Medians are taken here as well, so that
//! every scenario treats its runs alike.

use std::fmt;

/// One figure.
pub(crate) struct Line {
    /// What was measured.
    pub(crate) what: String,
    /// What came out.
    pub(crate) figure: String,
    /// What it should be; empty when it only informs.
    pub(crate) wanted: &'static str,
}

impl Line {
    /// A figure.
    pub(crate) fn new(
        what: impl Into<String>,
        figure: impl Into<String>,
        wanted: &'static str,
    ) -> Self {
        Self {
            what: what.into(),
            figure: figure.into(),
            wanted,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<52} {}", self.what, self.figure)?;
        if !self.wanted.is_empty() {
            write!(f, "  (wanted: {})", self.wanted)?;
        }
        Ok(())
    }
}

/// All figures as a table.
pub(crate) fn markdown(lines: &[Line]) -> String {
    let mut text = String::from("| what | measured | wanted |\n|---|---|---|\n");
    for line in lines {
        let row = format!("| {} | {} | {} |\n", line.what, line.figure, line.wanted);
        text.push_str(&row);
    }
    text
}

/// The middle one of some figures, or the mean of the two in the middle.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = ((sorted.len() - 1) / 2, sorted.len() / 2);
    f64::midpoint(sorted[low], sorted[high])
}

/// A number for calculating with; exact up to 2^53, which no figure here reaches.
pub(crate) fn real(number: impl TryInto<u64>) -> f64 {
    let number = number.try_into().unwrap_or_default();
    let halves = (number >> 32, number & u64::from(u32::MAX));
    let (high, low) = (u32::try_from(halves.0), u32::try_from(halves.1));
    f64::from(high.unwrap()).mul_add(4_294_967_296.0, f64::from(low.unwrap()))
}

/// A number of bytes in MB (10^6).
pub(crate) fn megabytes(bytes: u64) -> f64 {
    real(bytes) / 1e6
}

/// A number of bytes in MiB (2^20).
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    real(bytes) / f64::from(1 << 20)
}
