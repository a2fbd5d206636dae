//! The complete clap command: declared arguments plus their environment variables.
//!
//! One rule makes the variables (`cli.md` section 2): every long option is `BYTEAIR_<OPTION>`, the
//! sandbox's own are `BYTEAIR_SANDBOX_<OPTION>`, and an option that overrides a safeguard has none,
//! so that a forgotten export in a shell profile cannot switch it on for ever.

use super::Cli;
use clap::builder::BoolishValueParser;
use clap::{ArgAction, CommandFactory};

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

/// Prefix of all variables.
const PREFIX: &str = "BYTEAIR_";
/// Prefix of the variables of `sandbox`.
const SANDBOX_PREFIX: &str = "BYTEAIR_SANDBOX_";

/// The command with its environment variables, ready to parse or to document.
pub fn command() -> clap::Command {
    with_environment(Cli::command(), PREFIX)
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

fn bind(arg: clap::Arg, prefix: &str) -> clap::Arg {
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

    #[test]
    fn values_from_the_environment_are_not_shown_in_help() {
        each_long_option(&command(), &mut |_, arg| {
            assert!(arg.get_env().is_none() || arg.is_hide_env_values_set());
        });
    }
}
