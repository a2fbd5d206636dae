//! The complete clap command: declared arguments plus their environment variables.
//!
//! One rule makes the variables (`cli.md` section 2): every long option is `BYTEAIR_<OPTION>`, the
//! sandbox's own are `BYTEAIR_SANDBOX_<OPTION>`, and an option that overrides a safeguard has none,
//! so that a forgotten export in a shell profile cannot switch it on for ever.

use super::{Cli, EXIT_STATUSES};
use clap::builder::{BoolishValueParser, ValueParser};
use clap::{ArgAction, CommandFactory, ValueHint};
use std::path::PathBuf;

/// Options that override a safeguard; they can only be typed.
pub const SAFEGUARDS: [&str; 11] = [
    "accept-rejects",
    "allow-empty",
    "allow-plain-http",
    "allow-rewind",
    "allow-zone-mismatch",
    "force",
    "no-done",
    "no-rate-limit",
    "restart",
    "same-target",
    "yes-i-mean",
];

/// Options that `-h` shows, in whichever command they occur, so that it fits a screen; the others are
/// in `--help`.
const BRIEF: [&str; 33] = [
    "accept-rejects",
    "backfill",
    "catch-up",
    "data-dir",
    "date",
    "dry-run",
    "expect-topics",
    "fault",
    "fault-on",
    "format",
    "gaps",
    "help",
    "html",
    "id",
    "json",
    "key",
    "latency",
    "limit",
    "listen",
    "max-errors",
    "no-done",
    "older-than",
    "output",
    "pending",
    "port-file",
    "print-schema",
    "quiet",
    "sample",
    "sandbox",
    "stage",
    "tls",
    "topic",
    "version",
];

/// Commands whose `--help` lists the exit statuses: those that scripts wait for.
const WITH_STATUSES: [&str; 8] = [
    "byteair-sync",
    "doctor",
    "done",
    "replay",
    "run",
    "status",
    "validate",
    "write",
];

/// What `-h` ends with.
const AFTER_BRIEF: &str =
    "--help explains every option with its default, and shows examples and more.";

/// Prefix of all variables.
const PREFIX: &str = "BYTEAIR_";
/// Prefix of the variables of `sandbox`.
const SANDBOX_PREFIX: &str = "BYTEAIR_SANDBOX_";

/// The command with its environment variables, ready to parse or to document.
pub fn command() -> clap::Command {
    with_help(with_environment(Cli::command(), PREFIX))
}

/// Makes `-h` brief and `--help` complete.
fn with_help(command: clap::Command) -> clap::Command {
    let name = command.get_name().to_owned();
    let mut command = command
        .after_help(AFTER_BRIEF)
        .mut_args(in_brief_and_in_full)
        .mut_subcommands(with_help);
    if WITH_STATUSES.contains(&name.as_str()) {
        let own = command.get_after_long_help().map(ToString::to_string);
        let both = [EXIT_STATUSES, own.as_deref().unwrap_or_default()];
        command = command.after_long_help(both.join("\n\n"));
    }
    command
}

/// The variable, and that there is no default, are told by `--help` alone.
fn in_brief_and_in_full(arg: clap::Arg) -> clap::Arg {
    let brief = arg.get_long().is_none_or(|long| BRIEF.contains(&long));
    let arg = arg.hide_short_help(!brief);
    let Some(help) = arg.get_help().map(ToString::to_string) else {
        return arg;
    };
    let mut full = arg
        .get_long_help()
        .map_or_else(|| help.clone(), ToString::to_string);
    if let Some(variable) = arg
        .get_env()
        .map(|name| name.to_string_lossy().into_owned())
    {
        full = format!("{full} [env: {variable}]");
    }
    let short = help.split(" [default: none").next().unwrap_or_default();
    arg.help(short.to_owned()).long_help(full).hide_env(true)
}

/// The variable of a long option, `None` for one that overrides a safeguard.
pub fn environment_name(long: &str, of_sandbox: bool) -> Option<String> {
    let prefix = if of_sandbox { SANDBOX_PREFIX } else { PREFIX };
    (!SAFEGUARDS.contains(&long)).then(|| variable(prefix, long))
}

fn variable(prefix: &str, long: &str) -> String {
    format!("{prefix}{}", long.to_ascii_uppercase().replace('-', "_"))
}

fn with_environment(command: clap::Command, prefix: &'static str) -> clap::Command {
    command
        .mut_args(|arg| bind(arg, prefix))
        .mut_subcommands(|sub| {
            let prefix = if sub.get_name() == "sandbox" {
                SANDBOX_PREFIX
            } else {
                prefix
            };
            with_environment(sub, prefix)
        })
}

/// Completions offer files only where a value is one.
fn with_hint(arg: clap::Arg) -> clap::Arg {
    let of_files: ValueParser = clap::value_parser!(PathBuf);
    let is_file = arg.get_value_parser().type_id() == of_files.type_id();
    if arg.get_long().is_none() || !arg.get_action().takes_values() || is_file {
        return arg;
    }
    arg.value_hint(ValueHint::Other)
}

fn bind(arg: clap::Arg, prefix: &str) -> clap::Arg {
    let arg = with_hint(arg);
    let Some(long) = arg.get_long() else {
        return arg;
    };
    if SAFEGUARDS.contains(&long) {
        return arg;
    }
    let name = variable(prefix, long);
    let arg = if matches!(arg.get_action(), ArgAction::SetTrue) {
        arg.value_parser(BoolishValueParser::new())
    } else {
        arg
    };
    // Container tools set variables to the empty text when they mean "not set".
    if std::env::var_os(&name).is_some_and(|value| value.is_empty()) {
        return arg;
    }
    arg.env(name).hide_env_values(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declared_arguments_are_consistent() {
        command().debug_assert();
    }

    fn each_long_option(command: &clap::Command, visit: &mut impl FnMut(&str, &clap::Arg)) {
        for arg in command.get_arguments() {
            visit(command.get_name(), arg);
        }
        for sub in command.get_subcommands() {
            each_long_option(sub, visit);
        }
    }

    #[test]
    fn every_option_has_its_variable_and_no_safeguard_has_one() {
        let mut seen = 0;
        each_long_option(&command(), &mut |owner, arg| {
            let Some(long) = arg.get_long() else { return };
            if ["help", "version"].contains(&long) {
                return;
            }
            seen += 1;
            let variable = arg
                .get_env()
                .map(|name| name.to_string_lossy().into_owned());
            assert_eq!(
                variable,
                environment_name(long, owner == "sandbox"),
                "--{long} of {owner}"
            );
            assert!(arg.get_help().is_some(), "--{long} of {owner} has no help");
        });
        assert!(seen > 60, "{seen}");
    }

    fn each_command(
        command: &clap::Command,
        path: &str,
        visit: &mut impl FnMut(&str, clap::Command),
    ) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            if sub.has_subcommands() {
                each_command(sub, &path, visit);
            } else {
                visit(path.trim(), sub.clone());
            }
        }
    }

    #[test]
    fn every_command_has_an_example_and_every_example_can_be_typed() {
        let mut examples = 0;
        each_command(&command(), "", &mut |path, sub| {
            let help = sub.get_after_long_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.contains(&format!("byteair-sync {path}")), "{path}");
            let whole_lines = help.replace("\\\n", " ");
            let typed = whole_lines.lines().filter_map(|line| {
                let line = line.split(" > ").next()?;
                line.split_once("byteair-sync ")
                    .map(|(_, words)| words.replace('\'', ""))
            });
            for words in
                typed.filter(|words| words.contains(char::is_whitespace) || words == "done")
            {
                let words = std::iter::once("byteair-sync").chain(words.split_whitespace());
                if let Err(error) = command().try_get_matches_from(words) {
                    panic!("{path}: {error}");
                }
                examples += 1;
            }
        });
        assert!(examples > 25, "{examples}");
    }

    #[test]
    fn help_says_the_default_of_every_option() {
        each_long_option(&command(), &mut |owner, arg| {
            let Some(long) = arg.get_long() else { return };
            if !arg.get_action().takes_values() || arg.is_required_set() {
                return;
            }
            let help = arg.get_long_help();
            let says = help.is_some_and(|help| help.to_string().contains("[default: "));
            let has = !arg.get_default_values().is_empty();
            assert!(says != has, "--{long} of {owner}");
        });
    }

    #[test]
    fn values_from_the_environment_are_not_shown_in_help() {
        each_long_option(&command(), &mut |_, arg| {
            assert!(arg.get_env().is_none() || arg.is_hide_env_values_set());
        });
    }
}
