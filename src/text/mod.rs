//! Text from outside made fit to be shown: on a line of a terminal or a log, and on a page.
//!
//! File names, rows and replies may hold anything. Whoever shows them goes through here, so there is one
//! place that decides what is harmful. Pure; prints nothing and writes no file.

mod number;
mod page;

pub use number::{counted, grouped};
pub use page::{Column, Page, Scripts, per_mille};

use std::borrow::Cow;

/// What comes from outside (file names, rows, replies) on one line: whatever could move the cursor,
/// change colours, reorder text or break the line is written out as an escape such as `\u{1b}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    escaped(text, is_harmful)
}

/// The same for text of several lines: line ends and tabs stay.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_harmful(c) && c != '\n' && c != '\t')
}

fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escaped(text: &str, is_harmful: fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return text.into();
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_harmful(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe.into()
}
