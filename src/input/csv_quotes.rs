//! Whether a CSV record has text behind a closing quote, as in `"x"y`.
//!
//! RFC 4180 knows no such cell and csv-core silently reads `xy`, which is a guess: the quote may not
//! have been doubled, or a delimiter may be missing. Quotes inside a cell that does not begin with
//! one are text that nobody changes, and no concern of this.

use memchr::memchr;

/// The 0-based number of the first cell with text behind its closing quote. The record has no line
/// end, and up to that cell it divides into cells as csv-core divides it.
pub(super) fn cell_with_text_behind_quote(
    record: &[u8],
    delimiter: u8,
    quote: u8,
) -> Option<usize> {
    memchr(quote, record)?;
    let mut rest = record;
    let mut cell = 0_usize;
    loop {
        if let Some(quoted) = rest.strip_prefix(&[quote]) {
            rest = behind_closing_quote(quoted, quote);
            if rest.first().is_some_and(|byte| *byte != delimiter) {
                return Some(cell);
            }
        }
        let at = memchr(delimiter, rest)?;
        rest = rest.get(at.saturating_add(1)..)?;
        cell = cell.saturating_add(1);
    }
}

/// What follows the quote that closes a cell whose opening quote was just passed.
fn behind_closing_quote(mut rest: &[u8], quote: u8) -> &[u8] {
    while let Some(at) = memchr(quote, rest) {
        rest = rest.get(at.saturating_add(1)..).unwrap_or_default();
        match rest.strip_prefix(&[quote]) {
            Some(doubled) => rest = doubled,
            None => return rest,
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_behind_a_closing_quote_is_found() {
        for (record, cell) in [
            (r#""x"y"#, Some(0)),
            (r#"a,"x" ,b"#, Some(1)),
            (r#"a,"say "hi", b",c"#, Some(1)),
            (r#""a,""b","",""x"#, Some(2)),
            ("\"a\nb\",\"c\"d", Some(1)),
            (r#""""x"#, None),
            (r#""a""b","","""""#, None),
            (r#"a"b"c,x"",y"#, None),
            (r#" "x"y"#, None),
            (r#""a,b""#, None),
            ("", None),
        ] {
            let found = cell_with_text_behind_quote(record.as_bytes(), b',', b'"');
            assert_eq!(found, cell, "{record}");
        }
    }
}
