//! The README is true: its commands run, its options exist, its promises name tests.
//!
//! Every line of its `sh` blocks is run in order, as a reader would, against a sandbox on a free port;
//! the few that cannot be run here are listed below by name. What a block of output shows has to be
//! printed.

#![allow(
    clippy::unwrap_used,
    reason = "a test helper that cannot go on has to fail the test"
)]

use byteair_sync::cli::args::command;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_byteair-sync");

/// Lines that are not run here: this test is part of the first, the second would install, the third
/// names somebody's credentials, and the last serves until it is stopped.
const NOT_RUN: [&str; 4] = [
    "cargo test",
    "cargo install ",
    "export ",
    "byteair-sync sandbox",
];

/// Variables that are no options.
const SECRETS: [&str; 6] = [
    "BYTEAIR_AK",
    "BYTEAIR_SK",
    "BYTEAIR_TOKEN",
    "BYTEAIR_SESSION_TOKEN",
    "BYTEAIR_QUOTA_TOKEN",
    "BYTEAIR_SYNC_BINARY",
];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(package().join("README.md")).unwrap()
}

/// A fenced block: its language and its lines.
struct Block {
    language: String,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match line.strip_prefix("```") {
            Some(language) if !inside => {
                inside = true;
                blocks.push(Block {
                    language: language.to_owned(),
                    lines: Vec::new(),
                });
            }
            Some(_) => inside = false,
            None if inside => blocks.last_mut().unwrap().lines.push(line.to_owned()),
            None => {}
        }
    }
    assert!(!inside, "a block of the README is not closed");
    blocks
}

/// The words of a text that could be names of options or variables.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')
}

/// A sandbox process, a home, and the files that the commands of the README name.
struct Place {
    folder: tempfile::TempDir,
    sandbox: Child,
    variables: Vec<(String, String)>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut sandbox = Command::new(PROGRAM)
            .args(["sandbox", "--listen", "127.0.0.1:0"])
            .env_clear()
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The line of variables that it prints is what the README tells readers to paste.
        let announced = BufReader::new(sandbox.stdout.take().unwrap()).lines();
        let exported = announced
            .map(Result::unwrap)
            .find_map(|line| line.trim().strip_prefix("export ").map(str::to_owned))
            .unwrap();
        let variables = exported
            .split_whitespace()
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let place = Self {
            folder,
            sandbox,
            variables,
        };
        place.lay_out_files();
        place
    }

    fn lay_out_files(&self) {
        let here = self.folder.path();
        std::os::unix::fs::symlink(package().join("fixtures"), here.join("fixtures")).unwrap();
        std::fs::create_dir(here.join("bin")).unwrap();
        std::os::unix::fs::symlink(PROGRAM, here.join("bin/byteair-sync")).unwrap();
        let put = |topic: &str, day: &str, from: &str, name: &str| {
            let folder = here.join("export").join(topic).join(day);
            std::fs::create_dir_all(&folder).unwrap();
            // The day stands in it, because equal contents would be the same input.
            let text =
                std::fs::read_to_string(package().join("fixtures/input").join(from)).unwrap();
            std::fs::write(folder.join(name), text).unwrap();
            std::fs::write(folder.join("_SUCCESS"), "").unwrap();
        };
        for day in ["2022-01-02", "2022-01-03", "2022-01-04"] {
            put("user", day, "user.csv", "part-0.csv");
        }
        for day in ["2022-01-05", "2022-01-06"] {
            let folder = here.join(format!("export/hive/dt={day}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(
                folder.join("part-0.jsonl"),
                format!("{{\"id\":\"{day}\"}}\n"),
            )
            .unwrap();
        }
        // Two candidates, in case that midnight falls into the test.
        let today = chrono::Utc::now().with_timezone(&chrono_tz::Asia::Shanghai);
        for back in [0, 1] {
            let day = today.date_naive() - chrono::Days::new(back);
            put("item", &day.to_string(), "item.jsonl", "part-0.jsonl");
        }
    }

    /// Runs a line of the README by a shell; what it printed, and its exit status.
    fn run(&self, line: &str) -> (String, Option<i32>) {
        let here = self.folder.path();
        let line = line
            .replace("cargo run -- ", "byteair-sync ")
            .replace("/data/export", "export");
        let search = format!("{}/bin:/usr/local/bin:/usr/bin:/bin", here.display());
        let output = Command::new("sh")
            .args(["-c", &line])
            .env_clear()
            .env("HOME", here)
            .env("XDG_RUNTIME_DIR", here)
            .env("PATH", search)
            .envs(self.variables.clone())
            .current_dir(here)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let printed = [output.stderr, output.stdout].concat();
        (String::from_utf8(printed).unwrap(), output.status.code())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.sandbox.kill().unwrap();
        self.sandbox.wait().unwrap();
    }
}

/// A line of output without what differs from run to run: times, and what follows from them.
fn without_times(line: &str) -> &str {
    line.split(" in ").next().unwrap_or(line)
}

#[test]
fn every_command_runs_and_prints_what_is_shown() {
    let place = Place::new();
    let (mut run, mut compared, mut printed) = (0, 0, String::new());
    for block in blocks(&readme()) {
        match block.language.as_str() {
            "sh" => {
                for line in &block.lines {
                    if NOT_RUN.iter().any(|start| line.starts_with(start)) {
                        continue;
                    }
                    let (output, status) = place.run(line);
                    assert_eq!(status, Some(0), "{line}\n{output}");
                    printed = output;
                    run += 1;
                }
            }
            "text" => {
                let lines: BTreeSet<&str> = printed.lines().map(without_times).collect();
                for line in &block.lines {
                    let shown = lines.contains(without_times(line));
                    assert!(shown, "'{line}' was not printed:\n{printed}");
                    compared += 1;
                }
            }
            "cron" => {
                for line in &block.lines {
                    let words: Vec<&str> = line.splitn(6, ' ').collect();
                    let (output, status) = place.run(words[5]);
                    assert_eq!((output.as_str(), status), ("", Some(0)), "{line}");
                    run += 1;
                }
            }
            _ => {}
        }
    }
    assert!(run > 10 && compared > 5, "{run} commands, {compared} lines");
}

/// The README of most users has the commands of this one, which are run above.
#[test]
fn both_languages_have_the_same_blocks() {
    let chinese = std::fs::read_to_string(package().join("README.zh-CN.md")).unwrap();
    let of = |text: &str| -> Vec<(String, Vec<String>)> {
        let blocks = blocks(text).into_iter();
        blocks.map(|block| (block.language, block.lines)).collect()
    };
    assert_eq!(of(&chinese), of(&readme()));
}

#[test]
fn a_command_that_fails_is_noticed() {
    let place = Place::new();
    let (output, status) = place.run("byteair-sync write --topic item --no-such-option");
    assert_eq!(status, Some(2), "{output}");
    let (_, status) =
        place.run("byteair-sync write -t item -s pre_sync -d 2022-01-01 missing.jsonl");
    assert_eq!(status, Some(10));
}

fn visit(command: &clap::Command, each: &mut impl FnMut(&clap::Arg)) {
    command.get_arguments().for_each(&mut *each);
    for sub in command.get_subcommands() {
        visit(sub, each);
    }
}

#[test]
fn every_option_and_variable_exists() {
    let mut options = BTreeSet::from(["--help".to_owned()]);
    let mut variables: BTreeSet<String> = SECRETS
        .iter()
        .flat_map(|name| [(*name).to_owned(), format!("{name}_FILE")])
        .collect();
    visit(&command(), &mut |arg| {
        options.extend(arg.get_long().map(|long| format!("--{long}")));
        let variable = arg
            .get_env()
            .map(|name| name.to_string_lossy().into_owned());
        variables.extend(variable);
    });
    let mut text = readme();
    for name in [
        "README.zh-CN.md",
        "packaging/Containerfile",
        "packaging/recipes/airflow.py",
        "packaging/recipes/kubernetes.yaml",
        "packaging/systemd/byteair-sync@.service",
    ] {
        text.push_str(&std::fs::read_to_string(package().join(name)).unwrap());
    }
    // The options of other programs are not ours.
    let of_others = [
        "cargo install ",
        "cargo test ",
        "`cargo bench ",
        "spark-submit ",
        "docker ",
        "apt-get ",
        "COPY ",
    ];
    let ours = text
        .lines()
        .filter(|line| !of_others.iter().any(|command| line.contains(command)));
    let mut seen = 0;
    for word in ours.flat_map(words) {
        if word.len() > 2 && word.starts_with("--") && !word.starts_with("---") {
            assert!(options.contains(word), "{word} is no option");
            seen += 1;
        }
        if word.starts_with("BYTEAIR_") {
            assert!(variables.contains(word), "{word} is no variable");
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn every_command_of_the_program_is_in_the_readme() {
    let text = readme();
    for sub in command().get_subcommands() {
        let name = sub.get_name();
        assert!(
            text.contains(&format!("`{name}")),
            "{name} is not explained"
        );
    }
}

fn all_sources() -> String {
    let mut text = String::new();
    for folder in ["src", "tests"] {
        for entry in walkdir::WalkDir::new(package().join(folder)) {
            let path = entry.unwrap().into_path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

#[test]
fn every_promise_names_tests_that_exist() {
    let text = readme();
    let (_, promises) = text.split_once("## What is promised").unwrap();
    let (promises, _) = promises.split_once("\n## ").unwrap();
    let sources = all_sources();
    let mut promised = 0;
    for number in 1..=6 {
        let start = promises.find(&format!("\n{number}. ")).unwrap();
        let end = promises.find(&format!("\n{}. ", number + 1));
        let promise = &promises[start..end.unwrap_or(promises.len())];
        let (_, held_by) = promise.split_once("Held by").unwrap();
        // Every other piece between backquotes is in them.
        for name in held_by.split('`').skip(1).step_by(2) {
            let declared = format!("fn {name}(");
            assert!(sources.contains(&declared), "promise {number}: no {name}");
            promised += 1;
        }
    }
    assert!(promised >= 12, "{promised}");
}

#[test]
fn the_checks_of_ci_include_the_command_for_all_tests() {
    let checks = std::fs::read_to_string(package().join(".ci/run")).unwrap();
    assert!(readme().contains("```sh\ncargo test --features full\n```"));
    assert!(
        checks
            .lines()
            .any(|line| line == "step cargo test --features full")
    );
}
