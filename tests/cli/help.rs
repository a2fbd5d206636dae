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
fn help_of_what_reads_inputs_names_remote_stores_and_where_their_credentials_come_from() {
    let mut place = Place::new();
    place.end("man pages").expect(0);
    for path in ["write", "validate", "schema infer"] {
        let full = help(&mut place, &format!("{path} --help")).output;
        let name = format!("pages/byteair-sync-{}.1", path.replace(' ', "-"));
        let page = std::fs::read_to_string(place.path(&name)).unwrap();
        let page = page.replace("\\-", "-");
        for text in [full, page] {
            for named in [
                "s3://",
                "AWS_ACCESS_KEY_ID",
                "tos://",
                "TOS_ACCESS_KEY",
                "obs://",
                "OBS_ENDPOINT",
                "oss://",
                "OSS_REGION",
                "hdfs://",
                "webhdfs://",
                "HADOOP_CONF_DIR",
                "https://",
            ] {
                let is_named = text.contains(named);
                assert_eq!(is_named, cfg!(feature = "remote"), "{path}: {named}");
            }
        }
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

/// A page as a reader sees it on 80 columns, without bold type; `None` where there is no groff.
fn read_page(file: &std::path::Path) -> Option<String> {
    let ran = Command::new("groff")
        .args(["-man", "-Tutf8", "-P-cbou", "-rLL=78n", "-ww"])
        .arg(file)
        .output()
        .ok()?;
    let complaints = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert_eq!(complaints, "", "{}", file.display());
    Some(String::from_utf8(ran.stdout).unwrap())
}

#[test]
fn every_command_has_a_manual_page_with_the_sections_that_manual_pages_have() {
    let place = Place::new();
    place.end("man pages").expect(0);
    for path in commands() {
        let name = format!("byteair-sync {path}").trim().replace(' ', "-");
        let file = place.path(&format!("pages/{name}.1"));
        let page = std::fs::read_to_string(&file).unwrap();
        let mut sections = page.lines().filter_map(|line| line.strip_prefix(".SH "));
        let has_commands = page.contains(".SH COMMANDS");
        for wanted in [
            "NAME",
            "SYNOPSIS",
            "DESCRIPTION",
            "COMMANDS",
            "OPTIONS",
            "\"EXIT STATUS\"",
            "EXAMPLES",
            "ENVIRONMENT",
            "FILES",
            "\"SEE ALSO\"",
        ] {
            let skipped = match wanted {
                "COMMANDS" => !has_commands,
                "EXAMPLES" => has_commands && !path.is_empty(),
                _ => false,
            };
            if !skipped {
                assert_eq!(sections.next(), Some(wanted), "{name}");
            }
        }
        assert_eq!(sections.next(), None, "{name}");
        if !path.is_empty() {
            assert!(page.contains("\\fBbyteair\\-sync\\fR(1)"), "{name}");
        }
        if let Some(read) = read_page(&file) {
            let footer = read.trim_end().lines().last().unwrap();
            let version = format!("byteair-sync {}", env!("CARGO_PKG_VERSION"));
            assert!(footer.starts_with(&version), "{name}: {footer}");
        }
    }
}

#[test]
fn lines_of_manual_pages_that_are_typed_or_listed_are_not_joined() {
    let place = Place::new();
    place.end("man pages").expect(0);
    for (page, lines) in [
        (
            "byteair-sync-run",
            &[
                "         byteair-sync run jobs.toml --dry-run",
                "       130, 143",
                "              interrupted; state saved: run it again",
                "       Treat an unknown status as a failure.",
            ][..],
        ),
        (
            "byteair-sync-write",
            &[
                "         byteair-sync write -t behavior -s incremental_sync_daily \\",
                "           -d yesterday 'export/{date}/*.csv.gz'",
            ],
        ),
        (
            "byteair-sync-sandbox",
            &[
                "         slow             answer late",
                "       While it runs:",
                "         POST /sandbox/reset      starts over, with its first limits",
            ],
        ),
    ] {
        let Some(read) = read_page(&place.path(&format!("pages/{page}.1"))) else {
            println!("skipped: there is no groff");
            return;
        };
        for line in lines {
            assert!(read.lines().any(|it| it == *line), "{line}\n{read}");
        }
    }
}

#[test]
fn a_command_of_an_example_is_typed_in_lines_that_80_columns_hold() {
    let mut place = Place::new();
    for path in commands() {
        let full = help(&mut place, &format!("{path} --help")).output;
        let at = full.rfind("\nExample").unwrap_or(full.len());
        for line in full[at..].lines() {
            assert!(line.chars().count() <= 80, "{path}: {line}");
            // A line that clap had to break would be none that can be typed.
            let words = line.trim_start();
            let goes_on = words.starts_with('-') || words.starts_with('\'');
            assert!(!goes_on || line.starts_with("      "), "{path}: {line}");
        }
    }
}
