//! Path patterns: one that is taken can be resolved for any day and stays a valid glob; it covers
//! what it names; only placeholders change from day to day.

use super::tape::Tape;
use byteair_sync::domain::DataDate;
use byteair_sync::input::{PathPattern, covers};

/// Two days that differ in every part, the day of the week included.
const DAYS: [&str; 2] = ["1987-02-03", "2022-11-25"];

/// A pattern, and behind a zero byte the path of a file.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(Tape::new(bytes).rest());
    let (pattern, file) = text.split_once('\0').unwrap_or((&text, "a/b"));
    check_pattern(pattern);
    check_covering(pattern, file);
}

fn check_pattern(text: &str) {
    let Ok(pattern) = PathPattern::parse(text) else {
        return;
    };
    assert_eq!(pattern.to_string(), text);
    assert_eq!(
        PathPattern::parse(&pattern.to_string()).as_ref(),
        Ok(&pattern)
    );
    assert_eq!(pattern.for_date(None).to_string(), text);
    let days = DAYS.map(|day| day.parse::<DataDate>().unwrap());
    let [one, other] = days.map(|day| pattern.for_date(Some(day)).to_string());
    assert_eq!(
        pattern.has_date(),
        one != other,
        "{text:?} is {one:?} and {other:?}"
    );
    for resolved in [one, other] {
        assert!(covers(&resolved, &resolved), "{resolved:?} covers itself");
        if !pattern.has_date() {
            assert_eq!(resolved, text);
        }
        if resolved.contains(['*', '?', '[', '{']) {
            let glob = globset::GlobBuilder::new(&resolved)
                .literal_separator(true)
                .build();
            assert!(
                glob.is_ok(),
                "{text:?} becomes {resolved:?}, which is no glob"
            );
        }
    }
}

/// A folder covers what lies in it, and nothing whose name only begins alike.
fn check_covering(folder: &str, name: &str) {
    let plain =
        |text: &str| !text.is_empty() && !text.contains(['*', '?', '[', '{', '}', '\\', '/']);
    if plain(folder) && plain(name) {
        assert!(covers(folder, &format!("{folder}/{name}")));
        assert!(covers(&format!("{folder}/"), &format!("{folder}/{name}")));
        assert!(!covers(folder, &format!("{folder}{name}")));
        assert!(covers(&format!("{folder}/*"), &format!("{folder}/{name}")));
        assert!(!covers(
            &format!("{folder}/*.x"),
            &format!("{folder}/{name}/y.x")
        ));
    }
}
