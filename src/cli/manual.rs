//! The manual pages, one for each command, with the sections that readers of manual pages look for.
//!
//! `clap_mangen` renders what is declared. What a command's `--help` ends with is text: it becomes
//! EXIT STATUS, a part of DESCRIPTION, and EXAMPLES, line by line, as joined lines cannot be typed.

use super::args::{EXIT_STATUSES, VARIABLES, command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use std::io;

/// A page and the name of its file.
pub struct Page {
    /// Such as `byteair-sync-write.1`.
    pub file: String,
    /// For troff.
    pub text: String,
}

const PROGRAM: &str = "byteair-sync";

/// A date that is left out, not the next argument in its place.
const NO_DATE: &str = "\"\"";

/// EXIT STATUS of a command whose `--help` has no list.
const STATUSES_ELSEWHERE: &str = "0 when all that was asked is true now, 2 when the command or the \
configuration is wrong and nothing was done; byteair-sync(1) lists the others.";

/// Files that are read or written unless an option names others (`cli.md` section 5).
const FILES: [(&str, &str); 6] = [
    (
        "$XDG_CONFIG_HOME/byteair-sync/config.toml",
        "Profiles of settings; ~/.config without the variable. `config init` writes a first one.",
    ),
    (
        "$XDG_STATE_HOME/byteair-sync/",
        "The state directory; ~/.local/state without the variable. --state-dir names another.",
    ),
    (
        "ledger.db",
        "In it: the record of what was uploaded, an SQLite database.",
    ),
    ("rejects/", "In it: rejected rows, as `rejects` shows them."),
    (
        "spool/",
        "In it: batches of pipes whose outcome is not known yet.",
    ),
    ("runs/", "In it: summary.json and run.log of each run."),
];

/// The pages of the program and of all its commands.
pub fn pages() -> io::Result<Vec<Page>> {
    let mut program = command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    add(&program, &[], &mut pages)?;
    Ok(pages)
}

/// Adds the page of a command and those below it; `others` are the commands beside it.
fn add(command: &clap::Command, others: &[String], pages: &mut Vec<Page>) -> io::Result<()> {
    let below: Vec<String> = command.get_subcommands().map(page_name).collect();
    let mut named: Vec<String> = others.iter().chain(&below).cloned().collect();
    named.retain(|name| *name != page_name(command));
    pages.push(Page {
        file: format!("{}.1", page_name(command)),
        text: render(command, &named)?,
    });
    let mut family = vec![page_name(command)];
    family.extend(below);
    for sub in command.get_subcommands() {
        let mut others = family.clone();
        if page_name(command) != PROGRAM {
            others.insert(0, PROGRAM.to_owned());
        }
        add(sub, &others, pages)?;
    }
    Ok(())
}

fn page_name(command: &clap::Command) -> String {
    let name = command.get_display_name();
    name.unwrap_or_else(|| command.get_name()).to_owned()
}

fn render(command: &clap::Command, others: &[String]) -> io::Result<String> {
    let man = Man::new(with_usage(command))
        .date(NO_DATE)
        .source(format!("{PROGRAM} {}", env!("CARGO_PKG_VERSION")))
        .manual(PROGRAM);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    // Names of options and files that are broken at a hyphen cannot be copied.
    page.extend_from_slice(b".nh\n.ad l\n");
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    let ending = command.get_after_long_help().map(ToString::to_string);
    let tail = Tail::of(ending.as_deref().unwrap_or_default());
    prose(tail.notes).to_writer(&mut page)?;
    if command.has_subcommands() {
        let mut commands = Vec::new();
        man.render_subcommands_section(&mut commands)?;
        page.extend(
            text(&commands)
                .replace(".SH SUBCOMMANDS", ".SH COMMANDS")
                .into_bytes(),
        );
    }
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    page.extend(in_one_section(text(&options), command).into_bytes());
    exit_statuses(tail.has_statuses).to_writer(&mut page)?;
    if let Some(lines) = tail.examples {
        examples(lines).to_writer(&mut page)?;
    }
    surroundings().to_writer(&mut page)?;
    see_also(others).to_writer(&mut page)?;
    Ok(portable(&text(&page)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A synopsis as people write it; the derived one lists every option without its value.
fn with_usage(command: &clap::Command) -> clap::Command {
    let usage = command.clone().render_usage().to_string();
    let words: Vec<&str> = usage.split_whitespace().skip(1).collect();
    command.clone().override_usage(words.join(" "))
}

/// The headings of options become parts of OPTIONS.
fn in_one_section(options: String, command: &clap::Command) -> String {
    let headings = command
        .get_arguments()
        .filter_map(clap::Arg::get_help_heading);
    headings.fold(options, |options, heading| {
        let upper = heading.to_uppercase();
        let (bare, quoted) = (format!(".SH {upper}\n"), format!(".SH \"{upper}\"\n"));
        let part = format!(".SS \"{heading}\"\n");
        options.replace(&bare, &part).replace(&quoted, &part)
    })
}

/// What stands behind the options in `--help`, in its parts.
struct Tail<'a> {
    has_statuses: bool,
    notes: &'a str,
    examples: Option<&'a str>,
}

impl<'a> Tail<'a> {
    fn of(whole: &'a str) -> Self {
        let without = whole.strip_prefix(EXIT_STATUSES);
        let text = without.unwrap_or(whole).trim_start();
        let text = text.strip_prefix(VARIABLES).unwrap_or(text).trim_start();
        let begin = text.find("Example").filter(|at| {
            let before = text.get(..*at).unwrap_or_default();
            before.is_empty() || before.ends_with("\n\n")
        });
        let (notes, examples) = text.split_at(begin.unwrap_or(text.len()));
        Self {
            has_statuses: without.is_some(),
            notes: notes.trim_end(),
            // The heading is the section's.
            examples: examples.split_once('\n').map(|(_, lines)| lines),
        }
    }
}

/// Text in paragraphs; lines that are set in stay lines of their own.
fn prose(text: &str) -> Roff {
    let mut roff = Roff::new();
    if text.is_empty() {
        return roff;
    }
    roff.control("PP", []);
    let mut kept = false;
    for line in text.lines() {
        let keep = line.starts_with(' ');
        if keep != kept {
            roff.control(if keep { "nf" } else { "fi" }, []);
            kept = keep;
        }
        match line {
            "" => roff.control("PP", []),
            line => roff.text([roman(line)]),
        };
    }
    if kept {
        roff.control("fi", []);
    }
    roff
}

/// What can be typed, each line as it is, below what it is for.
fn examples(lines: &str) -> Roff {
    let mut roff = section("EXAMPLES");
    let mut margin = None;
    for line in lines.lines() {
        if line.ends_with(':') {
            if margin.take().is_some() {
                roff.control("fi", []).control("RE", []);
            }
            roff.control("PP", []).text([roman(line.trim_start())]);
            continue;
        }
        let indent = line.len().saturating_sub(line.trim_start().len());
        if margin.is_none() {
            roff.control("RS", ["2"]).control("nf", []);
        }
        let margin = *margin.get_or_insert(indent);
        roff.text([roman(line.get(margin..).unwrap_or_default())]);
    }
    if margin.is_some() {
        roff.control("fi", []).control("RE", []);
    }
    roff
}

fn section(name: &str) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [name]);
    roff
}

/// One term and what it means.
fn item(roff: &mut Roff, term: &str, meaning: &str) {
    roff.control("TP", [])
        .text([bold(term)])
        .text([roman(meaning)]);
}

fn exit_statuses(has_list: bool) -> Roff {
    let mut roff = section("EXIT STATUS");
    if !has_list {
        roff.text([roman(STATUSES_ELSEWHERE)]);
        return roff;
    }
    // The first line is the heading; one without a number goes on with the line before it.
    for line in EXIT_STATUSES.lines().skip(1) {
        match line.trim_start().split_once("  ") {
            Some((status, meaning)) => item(&mut roff, status, meaning),
            None if line.starts_with(' ') => {
                roff.text([roman(line.trim_start())]);
            }
            None => {
                roff.control("PP", []).text([roman(line)]);
            }
        }
    }
    roff
}

/// ENVIRONMENT and FILES.
fn surroundings() -> Roff {
    let mut roff = section("ENVIRONMENT");
    for line in VARIABLES.lines() {
        roff.text([roman(line)]);
    }
    roff.control("SH", ["FILES"]);
    for (file, meaning) in FILES {
        item(&mut roff, file, meaning);
    }
    roff
}

fn see_also(others: &[String]) -> Roff {
    let mut roff = section("SEE ALSO");
    for (at, name) in others.iter().enumerate() {
        let comma = if at + 1 < others.len() { "," } else { "" };
        roff.text([bold(name), roman(format!("(1){comma}"))]);
    }
    roff
}

/// One preamble for the page, and characters that troff would set as typographic ones.
fn portable(page: &str) -> String {
    let preamble = Roff::new().render();
    let body = page.replace(&preamble, "");
    let body = body
        .replace('`', r"\(ga")
        .replace('~', r"\(ti")
        .replace('^', r"\(ha");
    preamble + &body
}
