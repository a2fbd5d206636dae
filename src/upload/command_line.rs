//! Command lines as text: what was typed, changed by an option, so that it can be typed again.
//!
//! The lines are of our own making (`Invocation::command_line`): words with blanks between, quoted
//! where a POSIX shell needs it. Secrets cannot stand in them. Nothing is run from here.

/// Global options that a composed command needs again, with a value.
const CARRIED: [&str; 13] = [
    "--application-id",
    "--auth",
    "--ca-cert",
    "--config",
    "--host",
    "--profile",
    "--proxy",
    "--region",
    "--scheme",
    "--sign-region",
    "--state-dir",
    "--tenant-id",
    "--timezone",
];

/// The same without a value.
const CARRIED_FLAGS: [&str; 2] = ["--allow-plain-http", "--allow-zone-mismatch"];

/// What a command that reads the same inputs again needs, because it changes rows.
const OF_READING: [&str; 16] = [
    "--columns",
    "--compression",
    "--delimiter",
    "--empty",
    "--encoding",
    "--escape",
    "--format",
    "--industry",
    "--map",
    "--max-row-bytes",
    "--null-strings",
    "--quote",
    "--schema",
    "--timestamps",
    "--types",
    "--unknown-fields",
];

/// What a command about the same stream needs again.
const OF_STREAMS: [&str; 7] = [
    "--ca-cert",
    "--config",
    "--endpoint",
    "--huawei-region",
    "--profile",
    "--project-id",
    "--proxy",
];

/// Options that say who is told what: typed by hand a command has other readers than cron's, and it
/// must not write over the report and the metrics of cron's.
const OF_OUTPUT: [&str; 5] = [
    "--log-format",
    "--metrics-push",
    "--metrics-textfile",
    "--progress",
    "--report",
];

/// The same without a value.
const OF_OUTPUT_FLAGS: [&str; 3] = ["--json", "--quiet", "-q"];

/// A command as a person types it who wants to see what it does. Where several machines upload, the
/// report is what the others go by, and stays.
pub fn without_output_options(command: &str) -> String {
    let of_several = has_option(command, "--rate-share");
    let mut kept = Vec::new();
    let mut words = split_words(command).into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            kept.push(word);
            kept.extend(words);
            break;
        }
        let name = word.split('=').next().unwrap_or(word);
        let is_needed = name == "--report" && of_several;
        if OF_OUTPUT.contains(&name) && !is_needed {
            if name == word {
                words.next();
            }
        } else if !OF_OUTPUT_FLAGS.contains(&word) {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// The global options of a command line, as they were typed.
pub fn carried_options(command: &str) -> String {
    carried(command, &CARRIED, &CARRIED_FLAGS)
}

/// The options of a command line that say how inputs are read.
pub(super) fn reading_options(command: &str) -> String {
    carried(command, &OF_READING, &[])
}

/// The options of a command line that say where a stream is.
pub(super) fn stream_options(command: &str) -> String {
    carried(command, &OF_STREAMS, &[])
}

fn carried(command: &str, valued: &[&str], flags: &[&str]) -> String {
    let mut carried = String::new();
    let mut words = split_words(command).into_iter();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, _)) => (name, true),
            None => (word, false),
        };
        if !valued.contains(&name) && !flags.contains(&name) {
            continue;
        }
        carried.push(' ');
        carried.push_str(word);
        if let Some(value) = (valued.contains(&name) && !value)
            .then(|| words.next())
            .flatten()
        {
            carried.push(' ');
            carried.push_str(value);
        }
    }
    carried
}

/// The value of an option, as it was typed last; quoted if it was.
pub(super) fn value_of<'a>(command: &'a str, long: &str, short: &str) -> Option<&'a str> {
    let letter = short.trim_start_matches('-');
    let mut found = None;
    let mut words = words(command);
    while let Some(word) = words.next() {
        if let Some(value) = word
            .strip_prefix(long)
            .and_then(|rest| rest.strip_prefix('='))
        {
            found = Some(value);
        } else if word == long || (is_short(word) && word.ends_with(letter)) {
            found = words.next();
        } else if let Some(value) = word.strip_prefix(short).filter(|_| is_short(word)) {
            found = Some(value);
        }
    }
    found
}

fn is_short(word: &str) -> bool {
    word.starts_with('-') && !word.starts_with("--")
}

/// Whether a command names a file, perhaps from its own directory.
pub(super) fn names_file(command: &str, file: &str) -> bool {
    words(command).any(|word| file == word || file.ends_with(&format!("/{word}")))
}

/// Whether a long option was typed.
pub(super) fn has_option(command: &str, name: &str) -> bool {
    split_words(command)
        .iter()
        .any(|word| word.split('=').next() == Some(name))
}

/// A command with one more option, which takes the place of the same one with another value.
pub fn with_option(command: &str, option: &str) -> String {
    let (name, value) = option.split_once(' ').unwrap_or((option, ""));
    let mut kept: Vec<&str> = Vec::new();
    let mut words = split_words(command).into_iter();
    while let Some(word) = words.next() {
        if name.is_empty() || word.split('=').next() != Some(name) {
            kept.push(word);
        } else if !value.is_empty() && word == name {
            words.next();
        }
    }
    if !option.is_empty() {
        // Whatever follows the two dashes is a path.
        let end = kept.iter().position(|word| *word == "--");
        kept.insert(end.unwrap_or(kept.len()), option);
    }
    kept.join(" ")
}

/// A command without one of its options that take no value.
pub(super) fn without_flag(command: &str, flag: &str) -> String {
    let words = split_words(command).into_iter();
    let mut is_path = false;
    let kept = words.filter(|word| {
        is_path |= *word == "--";
        is_path || *word != flag
    });
    kept.collect::<Vec<&str>>().join(" ")
}

/// A command whose relative days are absolute ones: typed tomorrow, "yesterday" is another day.
pub fn with_absolute_days(command: &str, days: &str) -> String {
    let is_relative = |text: &str| text.contains("today") || text.contains("yesterday");
    let mut names_days = false;
    let words = split_words(command).into_iter().map(|word| {
        let value = if names_days {
            Some(("", word))
        } else if let Some(value) = word.strip_prefix("--date=") {
            Some(("--date=", value))
        } else {
            word.strip_prefix("-d").map(|value| ("-d", value))
        };
        let short = is_short(word) && word.ends_with('d');
        names_days = !names_days && (word == "--date" || short);
        match value {
            Some((name, value)) if is_relative(value) => format!("{name}{days}"),
            _ => word.to_owned(),
        }
    });
    words.collect::<Vec<String>>().join(" ")
}

/// The words of a command line, quoted where they have to be.
pub(super) fn words(line: &str) -> impl Iterator<Item = &str> {
    split_words(line).into_iter()
}

/// The words of a command line of our own making, with their quotes.
fn split_words(line: &str) -> Vec<&str> {
    let mut quoted = false;
    line.split(|c: char| {
        quoted ^= c == '\'';
        c == ' ' && !quoted
    })
    .filter(|word| !word.is_empty())
    .collect()
}

/// A word as a POSIX shell needs it.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,%@+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_takes_the_place_of_its_former_value() {
        let line = "byteair-sync write --max-errors 1 'a --max-errors b'";
        assert_eq!(
            with_option(line, "--max-errors 3"),
            "byteair-sync write 'a --max-errors b' --max-errors 3"
        );
        assert_eq!(with_option("w --restart x", "--restart"), "w x --restart");
        assert_eq!(
            with_option("w --format=jsonl x", "--format csv"),
            "w x --format csv"
        );
        assert_eq!(with_option("w -- -x", "--restart"), "w --restart -- -x");
        assert_eq!(with_option("w x", ""), "w x");
        assert!(has_option(line, "--max-errors") && !has_option("w '--format'", "--format"));
    }

    #[test]
    fn global_options_are_carried_over_with_their_values() {
        let line = "byteair-sync --state-dir 'a b' write --host=h -t item --allow-plain-http x";
        assert_eq!(
            carried_options(line),
            " --state-dir 'a b' --host=h --allow-plain-http"
        );
    }

    #[test]
    fn the_value_of_an_option_is_found_however_it_was_typed() {
        for line in [
            "w --date x a",
            "w --date=x a",
            "w -d x a",
            "w -dx a",
            "w -qd x a",
        ] {
            assert_eq!(value_of(line, "--date", "-d"), Some("x"), "{line}");
        }
        assert_eq!(value_of("w --date-from-field x a", "--date", "-d"), None);
    }

    #[test]
    fn what_says_who_is_told_is_left_out() {
        let line = "byteair-sync -q --report r.json write --progress=none -t item --json 'a -q' \
                    -- --report";
        assert_eq!(
            without_output_options(line),
            "byteair-sync write -t item 'a -q' -- --report"
        );
        let line = "byteair-sync write --report r.json --rate-share 1/2 a";
        assert_eq!(without_output_options(line), line);
    }

    #[test]
    fn relative_days_become_absolute_where_they_are_days() {
        for (typed, absolute) in [
            ("w -q -d yesterday today", "w -q -d 2022-01-01 today"),
            ("w --date today,2022-01-01 x", "w --date 2022-01-01 x"),
            ("w --date=yesterday x", "w --date=2022-01-01 x"),
            ("w -dtoday -qd yesterday", "w -d2022-01-01 -qd 2022-01-01"),
            ("w -d 2021-12-31 yesterday", "w -d 2021-12-31 yesterday"),
        ] {
            assert_eq!(with_absolute_days(typed, "2022-01-01"), absolute);
        }
    }

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        for (word, quoted) in [("a/b.c", "a/b.c"), ("", "''"), ("it's", "'it'\\''s'")] {
            assert_eq!(shell_word(word), quoted);
        }
    }
}
