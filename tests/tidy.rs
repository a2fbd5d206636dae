//! The rules of the house, read off the sources.
//!
//! Modules stand on floors (the map is the crate's documentation): a file may use its own folder and
//! lower floors, never a higher floor and never a neighbour on its own. Besides: sizes, opening
//! comments, who may print. What clippy can check is left to clippy.

#![allow(
    clippy::unwrap_used,
    reason = "a test helper that cannot go on has to fail the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Longest file, with its tests.
const MAX_LINES: usize = 400;

/// The floor of each module of the crate.
const FLOORS: [(&str, u8); 15] = [
    ("domain", 0),
    ("protocol", 1),
    ("retry", 1),
    ("schema", 1),
    ("text", 1),
    ("input", 2),
    ("ledger", 2),
    ("limiter", 2),
    ("http", 2),
    ("upload", 3),
    ("sandbox", 3),
    ("validation", 3),
    ("cli", 4),
    ("jobs", 4),
    ("commands", 5),
];

/// The sandbox shares the pure code with the client and nothing else.
const HIGHEST_FLOOR_OF_THE_SANDBOX: u8 = 1;

/// The only file that may print.
const PRINTER: &str = "src/cli/printer.rs";

struct Source {
    /// Relative to the package, with `/`.
    name: String,
    text: String,
}

impl Source {
    /// Top-level module, such as `upload`; `None` for `main.rs` and `lib.rs`.
    fn module(&self) -> Option<&str> {
        let inside = self.name.strip_prefix("src/")?;
        let first = inside.split('/').next()?;
        match first {
            "main.rs" | "lib.rs" => None,
            _ => Some(first.strip_suffix(".rs").unwrap_or(first)),
        }
    }

    /// How many modules this one is below the crate: 1 for `retry.rs` and `upload/mod.rs`.
    fn depth(&self) -> usize {
        self.name.matches('/').count() - usize::from(self.name.ends_with("/mod.rs"))
    }

    fn is_test(&self) -> bool {
        self.name.starts_with("tests/")
            || self.name.contains("/tests/")
            || self.name.ends_with("tests.rs")
    }

    /// The text without comments, so that links in documentation are no imports.
    fn code(&self) -> String {
        let lines = self.text.lines();
        let code = lines.filter(|line| !line.trim_start().starts_with("//"));
        code.collect::<Vec<_>>().join("\n")
    }
}

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<Source> {
    let mut sources: Vec<Source> = walkdir::WalkDir::new(package().join(folder))
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source {
            name: relative(&path),
            text: std::fs::read_to_string(&path).unwrap(),
        })
        .collect();
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!sources.is_empty(), "{folder} has no Rust file");
    sources
}

fn relative(path: &Path) -> String {
    let inside = path.strip_prefix(package()).unwrap();
    inside.to_str().unwrap().replace('\\', "/")
}

fn floor(module: &str) -> Option<u8> {
    let found = FLOORS.iter().find(|(name, _)| *name == module);
    found.map(|(_, floor)| *floor)
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The first names of a path's rest: one, or those of a group in braces.
fn first_names(rest: &str) -> Vec<&str> {
    let Some(group) = rest.strip_prefix('{') else {
        return vec![identifier(rest)];
    };
    let (mut names, mut depth, mut begin) = (Vec::new(), 0_usize, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(identifier(group[begin..at].trim_start()));
                begin = at + 1;
                if character == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// Modules of the crate that a file names in paths from the crate's root, or by climbing to it.
fn modules_used(source: &Source) -> BTreeSet<String> {
    let code = source.code();
    let mut used = BTreeSet::new();
    let mut take = |rest: &str| {
        let names = first_names(rest).into_iter();
        used.extend(
            names
                .filter(|name| floor(name).is_some())
                .map(str::to_owned),
        );
    };
    for (at, marker) in code.match_indices("crate::") {
        let before = code[..at].chars().next_back();
        if !before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            take(&code[at + marker.len()..]);
        }
    }
    let climb = "super::".repeat(source.depth());
    for (at, _) in code.match_indices(&climb) {
        take(code[at..].trim_start_matches("super::"));
    }
    used
}

/// What is wrong with what a file uses.
fn floor_problems(source: &Source) -> Vec<String> {
    let Some(module) = source.module() else {
        return Vec::new();
    };
    let Some(own) = floor(module) else {
        return vec![format!("{}: {module} has no floor", source.name)];
    };
    let mut problems = Vec::new();
    for used in modules_used(source) {
        let Some(other) = floor(&used).filter(|_| used != module) else {
            continue;
        };
        if other >= own {
            problems.push(format!(
                "{} (floor {own}) uses {used} (floor {other})",
                source.name
            ));
        }
        if module == "sandbox" && other > HIGHEST_FLOOR_OF_THE_SANDBOX {
            problems.push(format!("{}: the sandbox uses {used}", source.name));
        }
    }
    problems
}

#[test]
fn no_import_climbs_a_floor_or_goes_to_a_neighbour() {
    let problems: Vec<String> = rust_files("src").iter().flat_map(floor_problems).collect();
    report(&problems);
}

#[test]
fn an_import_that_climbs_is_noticed_in_every_spelling() {
    let problems = |name: &str, text: &str| {
        floor_problems(&Source {
            name: name.to_owned(),
            text: text.to_owned(),
        })
        .len()
    };
    assert_eq!(problems("src/input/csv.rs", "use crate::upload::run;"), 1);
    assert_eq!(
        problems("src/input/csv.rs", "use crate::ledger::Ledger;"),
        1
    );
    assert_eq!(
        problems(
            "src/ledger/mod.rs",
            "use crate::{\n domain::{Topic, Stage},\n http,\n cli};"
        ),
        2
    );
    assert_eq!(problems("src/retry.rs", "use super::protocol::Call;"), 1);
    assert_eq!(
        problems("src/http/mod.rs", "fn f() { super::upload::run() }"),
        1
    );
    assert_eq!(
        problems("src/http/body.rs", "use super::super::cli::args;"),
        1
    );
    assert_eq!(problems("src/sandbox/rows.rs", "use crate::input::Row;"), 1);
    assert_eq!(problems("src/newcomer/mod.rs", ""), 1);
    for allowed in [
        "use crate::domain::Topic;",
        "use crate::upload::event::Event;",
        "use super::protocol::inner;",
        "/// See [`crate::commands`].",
        "use other_crate::commands::run;",
    ] {
        assert_eq!(problems("src/upload/plan.rs", allowed), 0, "{allowed}");
    }
}

#[test]
fn the_map_in_the_crate_documentation_shows_every_module_on_its_floor() {
    let map = std::fs::read_to_string(package().join("src/lib.rs")).unwrap();
    let mut shown = BTreeMap::new();
    for line in map.lines() {
        let mut cells = line.trim_start_matches("//!").split('|').map(str::trim);
        let floor = cells.nth(1).and_then(|cell| cell.parse::<u8>().ok());
        let (Some(floor), Some(modules)) = (floor, cells.next()) else {
            continue;
        };
        let names = modules.split("[`").skip(1);
        shown.extend(names.map(|name| (identifier(name).to_owned(), floor)));
    }
    let declared: BTreeSet<&str> = map
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
        .map(identifier)
        .collect();
    let expected: BTreeMap<String, u8> =
        FLOORS.map(|(name, floor)| (name.to_owned(), floor)).into();
    assert_eq!(shown, expected);
    assert_eq!(declared, FLOORS.map(|(name, _)| name).into());
}

#[test]
fn no_file_is_longer_than_400_lines() {
    let mut problems = Vec::new();
    for source in rust_files("src").iter().chain(&rust_files("tests")) {
        let lines = source.text.lines().count();
        if lines > MAX_LINES {
            problems.push(format!("{} has {lines} lines", source.name));
        }
    }
    report(&problems);
}

#[test]
fn every_file_opens_by_saying_what_it_is() {
    let mut problems = Vec::new();
    for source in rust_files("src").iter().chain(&rust_files("tests")) {
        if !source.text.starts_with("//! ") {
            problems.push(format!("{} does not open with //!", source.name));
        }
    }
    report(&problems);
}

#[test]
fn only_the_printer_prints_and_only_main_ends_the_process() {
    let prints = ["print!(", "println!(", "eprint!(", "eprintln!(", "dbg!("];
    let never = [
        "todo!(",
        "unimplemented!(",
        "process::exit(",
        "process::abort(",
    ];
    let mut problems = Vec::new();
    for source in rust_files("src").iter().filter(|it| !it.is_test()) {
        let code = source.code();
        let banned = prints
            .iter()
            .filter(|_| source.name != PRINTER)
            .chain(&never);
        for word in banned.filter(|word| code.contains(**word)) {
            problems.push(format!("{} has {word}", source.name));
        }
        if code.contains("use governor") && source.module() != Some("limiter") {
            problems.push(format!("{} uses governor", source.name));
        }
    }
    report(&problems);
}

#[test]
fn no_test_is_left_out_and_none_expects_a_panic() {
    // Spelt in two parts, so that this file does not find itself.
    let banned = [concat!("#[ign", "ore"), concat!("should_", "panic")];
    let mut problems = Vec::new();
    for source in rust_files("src").iter().chain(&rust_files("tests")) {
        for word in banned.iter().filter(|word| source.text.contains(**word)) {
            problems.push(format!("{} has {word}", source.name));
        }
    }
    report(&problems);
}

#[test]
fn no_path_of_a_machine_is_written_down() {
    let homes = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
    ];
    let mut texts: Vec<(String, String)> = rust_files("src")
        .into_iter()
        .chain(rust_files("tests"))
        .map(|source| (source.name, source.text))
        .collect();
    for name in [
        "README.md",
        "README.zh-CN.md",
        "packaging/README.md",
        "Cargo.toml",
        ".ci/run",
    ] {
        let text = std::fs::read_to_string(package().join(name)).unwrap();
        texts.push((name.to_owned(), text));
    }
    let mut problems = Vec::new();
    for (name, text) in &texts {
        for home in homes.iter().filter(|home| text.contains(**home)) {
            problems.push(format!("{name} names {home}"));
        }
    }
    report(&problems);
}
