//! What clap says of arguments that it cannot take, with advice that fits this program.
//!
//! Its own tip for an unknown option is to pass it as a value, which here would make it a PATH.

use super::command;
use clap::error::{ContextKind, ErrorKind};
use std::ffi::OsString;

/// The text of an error, without its `error: `.
pub fn in_words(error: &clap::Error, arguments: &[OsString]) -> String {
    let text = without_password(error);
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return format!("no command was given\n\n{text}");
    }
    let unknown = match error.kind() {
        ErrorKind::UnknownArgument => error.get(ContextKind::InvalidArg).map(ToString::to_string),
        _ => None,
    };
    let Some(unknown) = unknown else {
        return text.to_owned();
    };
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let tip = |line: &String| line.trim_start().starts_with("tip: to pass ");
    let place = lines.iter().position(tip);
    lines.retain(|line| !tip(line));
    if let Some(advice) = advice(&unknown, arguments) {
        lines.insert(
            place.unwrap_or(1).min(lines.len()),
            format!("  tip: {advice}"),
        );
    }
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    lines.join("\n")
}

/// What clap says, with what stands before the `@` of a refused value hidden: it may be a password.
fn without_password(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let value = error
        .get(ContextKind::InvalidValue)
        .map(ToString::to_string);
    match value
        .as_deref()
        .and_then(|value| value.rsplit_once('@').map(|it| (value, it)))
    {
        Some((value, (before, host))) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            let slashes = if scheme.is_empty() { "" } else { "://" };
            text.replace(value, &format!("{scheme}{slashes}***@{host}"))
        }
        None => text,
    }
}

/// Where an option belongs that this command has not.
fn advice(unknown: &str, arguments: &[OsString]) -> Option<String> {
    let name = unknown.split(['=', ' ']).next().unwrap_or(unknown);
    if name.len() > 1 && name.starts_with('-') && name.chars().skip(1).all(|c| c.is_ascii_digit()) {
        return Some("no option takes a number below zero".to_owned());
    }
    let long = name.strip_prefix("--")?;
    let mut owners = Vec::new();
    collect(&command(), "", long, &mut owners);
    if owners.is_empty() {
        return None;
    }
    let runs = arguments.iter().any(|argument| argument == "run");
    let in_file = if runs && owners.iter().any(|owner| owner == "write") {
        format!(
            "; for run it is the key '{}' of the job file",
            super::key_of(long)
        )
    } else {
        String::new()
    };
    Some(format!(
        "'{name}' is an option of {}{in_file}",
        owners.join(", ")
    ))
}

fn collect(command: &clap::Command, path: &str, long: &str, owners: &mut Vec<String>) {
    for sub in command.get_subcommands() {
        let path = format!("{path} {}", sub.get_name());
        if sub.get_arguments().any(|arg| arg.get_long() == Some(long)) {
            owners.push(path.trim_start().to_owned());
        }
        collect(sub, &path, long, owners);
    }
}
