//! What the program says of itself: help, completions, manual pages.

use crate::start::{Place, Ran};
use byteair_sync::cli::args::command;
use std::process::Command;

/// A screen: lines and columns of `-h`.
const SCREEN: (usize, usize) = (40, 80);

/// The words of every command that does something, and of those that only have commands.
fn commands() -> Vec<String> {
    fn visit(command: &clap::Command, path: &str, found: &mut Vec<String>) {
        found.push(path.to_owned());
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            visit(sub, path.trim(), found);
        }
    }
    let mut found = Vec::new();
    visit(&command(), "", &mut found);
    assert!(found.len() > 20, "{found:?}");
    found
}

fn help(place: &mut Place, words: &str) -> Ran {
    place.set("COLUMNS", "80");
    place.end(words).expect(0)
}

#[test]
fn brief_help_of_every_command_fits_a_screen_and_points_to_the_rest() {
    let mut place = Place::new();
    for path in commands() {
        let brief = help(&mut place, &format!("{path} -h"));
        let lines: Vec<&str> = brief.output.lines().collect();
        let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
        assert!(
            lines.len() <= SCREEN.0 && widest <= SCREEN.1,
            "{path}: {} lines, {widest} columns\n{}",
            lines.len(),
            brief.output
        );
        assert!(brief.output.contains("--help"), "{path}");
    }
}

#[test]
fn full_help_of_what_scripts_wait_for_lists_the_exit_statuses_and_ends_with_examples() {
    let mut place = Place::new();
    for path in [
        "",
        "write",
        "done",
        "run",
        "status",
        "validate",
        "rejects replay",
    ] {
        let full = help(&mut place, &format!("{path} --help")).output;
        let statuses = full.find("130, 143  interrupted").expect(path);
        let examples = full.rfind("Example").expect(path);
        assert!(statuses < examples, "{path}");
    }
}

#[test]
fn shells_take_the_completions_and_bash_completes_with_them() {
    let place = Place::new();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = place.end(&format!("completions {shell}")).expect(0).output;
        place.file(shell, &script);
        match Command::new(shell)
            .arg(check)
            .arg(place.path(shell))
            .status()
        {
            Ok(status) => assert!(status.success(), "{shell}"),
            Err(_) => println!("skipped: there is no {shell}"),
        }
    }
    for (typed, beginning, wanted) in [
        ("", "stat", "status"),
        ("status", "--ht", "--html"),
        ("rejects list", "--li", "--limit"),
        ("ledger drop-input", "--to", "--topic"),
    ] {
        let words = format!("byteair-sync {typed}");
        let words = words.trim();
        let before = words.split(' ').count();
        let ask = format!(
            "source ./bash; COMP_WORDS=({words} {beginning}); COMP_CWORD={before}; \
             _byteair__sync byteair-sync {beginning} x; echo \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash")
            .args(["-c", &ask])
            .current_dir(place.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said.trim(), wanted, "{words}");
    }
}

#[test]
fn completions_know_the_stages_and_offer_no_files_for_words() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = place.end(&format!("completions {shell}")).expect(0).output;
        let all = ["pre_sync", "history_sync", "incremental_sync_daily"];
        assert!(all.iter().all(|stage| script.contains(stage)), "{shell}");
    }
    let bash = place.end("completions bash").expect(0).output;
    let mut lines = bash.lines();
    while lines.find(|line| line.trim() == "--topic)").is_some() {
        let offered = lines.next().unwrap();
        assert!(!offered.contains("compgen -f"), "{offered}");
    }
}

#[test]
fn every_command_has_a_manual_page_that_says_its_options() {
    let place = Place::new();
    place.end("man pages").expect(0);
    for path in commands() {
        let name = format!("byteair-sync {path}").trim().replace(' ', "-");
        let page = std::fs::read_to_string(place.path(&format!("pages/{name}.1"))).unwrap();
        assert!(page.contains(".SH OPTIONS"), "{name}");
        let checked = Command::new("groff")
            .args(["-man", "-Tutf8", "-ww", "-z"])
            .arg(place.path(&format!("pages/{name}.1")))
            .output();
        if let Ok(checked) = checked {
            let complaints = String::from_utf8_lossy(&checked.stderr).into_owned();
            assert_eq!(complaints, "", "{name}");
        }
    }
}
