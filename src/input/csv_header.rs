//! The first record of a CSV: the names of the columns, and signs that it holds none.
//!
//! Every row goes out under these names, and nothing takes it back, so a header that makes no sense
//! stops the file.

use super::csv_record::{Record, Records, raw_record};
use super::window::Window;
use super::{InputError, InputFault};
use std::collections::HashSet;

/// The names in the first record; none when there is no record at all.
pub(super) fn read_header(
    window: &mut Window,
    records: &mut Records,
) -> Result<Vec<String>, InputError> {
    let line = Some(window.position().line);
    let bad = |window: &Window, problem: &str| {
        let problem = problem.to_owned();
        Err(window.error(line, InputFault::BadHeader { problem }))
    };
    match records.next(window)? {
        Record::End => return Ok(Vec::new()),
        Record::TooLong(_) => return bad(window, "it is longer than --max-row-bytes"),
        Record::Cells(_) => {}
    }
    let raw = raw_record(window, records);
    if records.broken_cell(raw).is_some() {
        let problem = if std::str::from_utf8(raw).is_ok_and(is_json) {
            JSON
        } else {
            "a name has text behind its closing quote; write quotes in a name twice"
        };
        return bad(window, problem);
    }
    let mut names = Vec::new();
    for (from, to) in records.bounds() {
        let name = records.text().get(from..to).unwrap_or_default();
        let Ok(name) = std::str::from_utf8(name) else {
            let problem = match window.encoding() {
                "UTF-8" => "it is not UTF-8; give the file's encoding: --encoding gbk if it is \
                            Chinese and comes from Excel"
                    .to_owned(),
                other => format!("it is not {other}; give the file's --encoding"),
            };
            return bad(window, &problem);
        };
        names.push(name.to_owned());
    }
    window.advance(records.length(), records.lines());
    Ok(names)
}

/// What makes no sense about the names of columns, if anything does.
pub(super) fn problem_with(names: &[String]) -> Option<String> {
    let mut seen = HashSet::new();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            let number = index.saturating_add(1);
            return Some(format!(
                "column {number} has no name; name it, or name all columns with --columns if the \
                 file has no header"
            ));
        }
        if let Some(problem) = implausible(name) {
            return Some(problem.to_owned());
        }
        if !seen.insert(name) {
            return Some(format!(
                "two columns are named '{name}'; rename one, or name all columns with --columns if \
                 the file has no header"
            ));
        }
    }
    None
}

/// What is said of JSON that is called CSV.
const JSON: &str = "this is JSON and not CSV; say --format jsonl, or --format json if rows go over \
                    several lines, and name the file .jsonl or .json";

/// Whether a text begins as JSON objects and arrays of them do. Names in brackets, as some databases
/// write them, do not.
fn is_json(text: &str) -> bool {
    let text = text.trim_ascii();
    let inside = |open: char| text.strip_prefix(open).map(str::trim_ascii_start);
    let begins = |inside: &str, marks: [char; 3]| inside.is_empty() || inside.starts_with(marks);
    inside('{').is_some_and(|it| begins(it, ['"', '}', '\'']))
        || inside('[').is_some_and(|it| begins(it, ['{', '[', '"']))
}

/// Why no column is called so. Rows would go out under such a name, and nothing takes them back.
fn implausible(name: &str) -> Option<&'static str> {
    let is_binary = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r');
    let lower = name.trim_start().to_ascii_lowercase();
    if name.starts_with('\u{feff}') {
        Some("a name begins with a second byte order mark; export the file again with one or none")
    } else if name.contains(is_binary) {
        Some("a name has control characters, so this is no text or --delimiter is another one")
    } else if is_json(name) {
        Some(JSON)
    } else if ["<?xml", "<!doctype", "<html", "%pdf-"]
        .iter()
        .any(|begin| lower.starts_with(begin))
    {
        Some("this is an XML, HTML or PDF document and not CSV; export the rows as CSV")
    } else {
        None
    }
}

/// Refuses a first record of numbers: it is a row, and would be lost as names.
pub(super) fn check_no_row(window: &Window, names: &[String]) -> Result<(), InputError> {
    let is_number = |name: &String| {
        name.contains(|c: char| c.is_ascii_digit())
            && name
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
    };
    if names.is_empty() || !names.iter().all(is_number) {
        return Ok(());
    }
    let problem =
        "all names are numbers, so the file seems to have no header; name its columns with \
                   --columns"
            .to_owned();
    Err(window.error(Some(1), InputFault::BadHeader { problem }))
}

/// Refuses a file that is evidently divided by something else than was assumed.
pub(super) fn check_delimiter(
    window: &Window,
    names: &[String],
    delimiter: &str,
) -> Result<(), InputError> {
    let [only] = names else {
        return Ok(());
    };
    if only.contains(delimiter) {
        let problem = "one single column with the delimiter in its name: each line seems to be in \
                       quotes as a whole; export the file again, or say --quote none if the quotes \
                       belong to the cells"
            .to_owned();
        return Err(window.error(Some(1), InputFault::BadHeader { problem }));
    }
    let others = [
        (';', ";"),
        ('\t', "\\t"),
        ('|', "|"),
        (',', ","),
        ('，', "，"),
    ];
    for (other, spelling) in others {
        if !delimiter.contains(other) && only.contains(other) {
            let problem = format!(
                "one single column with '{spelling}' in its name; give the delimiter, perhaps \
                 --delimiter '{spelling}'"
            );
            return Err(window.error(Some(1), InputFault::BadHeader { problem }));
        }
    }
    Ok(())
}
