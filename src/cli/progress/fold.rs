//! Lines that fit a terminal: broken between statements, and never cut inside a word.

/// Columns at the right edge that stay free, for the echo of a control key.
const MARGIN: usize = 4;
/// What stands before the rest of a broken line.
const INDENT: &str = "  ";
/// What stands for the words that did not fit.
const MORE: &str = "...";

/// Columns that a line may take.
pub(super) fn room(width: u16) -> usize {
    usize::from(width).saturating_sub(MARGIN).max(1)
}

/// Statements on as many lines as they take. Each brings its own comma.
pub(super) fn folded(parts: &[String], width: u16) -> Vec<String> {
    let room = room(width);
    let mut lines: Vec<String> = Vec::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(part) <= room => {
                line.push(' ');
                line.push_str(part);
            }
            Some(_) => lines.push(format!("{INDENT}{part}")),
            None => lines.push(part.clone()),
        }
    }
    lines
}

/// As many words of a line as fit before the margin.
pub(super) fn fitting(text: &str, width: u16) -> String {
    let room = room(width);
    if columns(text) <= room {
        return text.to_owned();
    }
    let start = beginning(text, room.saturating_sub(MORE.len()));
    let words = match start.rsplit_once(' ') {
        // Cut right behind a word.
        _ if text
            .get(start.len()..)
            .is_some_and(|rest| rest.starts_with(' ')) =>
        {
            start
        }
        Some((words, _)) if !words.trim().is_empty() => words,
        // One long word: a path, or a script without blanks.
        _ => start,
    };
    let words = words.trim_end_matches([' ', ',', ';', ':']);
    beginning(&format!("{words}{MORE}"), room).to_owned()
}

/// The characters of a text that so many columns hold.
fn beginning(text: &str, room: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += columns_of(*c);
        used > room
    });
    end.map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}

/// Columns that a text takes at most.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Columns that a character takes at most: scripts from Hangul on may be wide.
const fn columns_of(c: char) -> usize {
    if c < '\u{1100}' { 1 } else { 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_behind_a_word() {
        assert_eq!(fitting("one two", 11), "one two");
        assert_eq!(fitting("one two three", 14), "one two...");
        assert_eq!(fitting("one two, three", 15), "one two...");
        assert_eq!(fitting("one two three", 16), "one two...");
        assert_eq!(fitting("abcdefghijkl", 12), "abcde...");
        assert_eq!(fitting("耳机耳机耳机", 12), "耳机...");
        assert_eq!(fitting("abc", 1), ".");
    }

    #[test]
    fn statements_stay_whole() {
        let parts = ["rows: 1 read,".to_owned(), "22 accepted".to_owned()];
        assert_eq!(folded(&parts, 29), ["rows: 1 read, 22 accepted"]);
        assert_eq!(folded(&parts, 28), ["rows: 1 read,", "  22 accepted"]);
    }
}
