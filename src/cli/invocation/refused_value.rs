//! A value that clap refused and that nobody typed: where it stands, so that it can be mended there.
//!
//! Clap speaks of the option alone, whether its value was typed, exported or read from a profile.

use super::{Profile, UsageError, environment_name, key_of};
use clap::error::ContextKind;
use std::error::Error;
use std::ffi::OsString;

/// The error of a value from the environment; `None` when the option was typed, or when the error
/// is about something else.
pub(super) fn error_not_typed(error: &clap::Error, arguments: &[OsString]) -> Option<UsageError> {
    let option = refused_option(error)?;
    let is_typed = arguments.iter().any(|argument| {
        let text = argument.to_string_lossy();
        text.split('=').next() == Some(option.as_str())
    });
    if is_typed {
        return None;
    }
    let variable = variable_with(&option, &refused_text(error))?;
    Some(refusal(&format!("environment {variable}"), &option, error))
}

/// The same of arguments that hold nothing but the name of a command.
pub(super) fn error_in_environment(error: &clap::Error) -> UsageError {
    error_not_typed(error, &[]).unwrap_or_else(|| {
        let text = error.to_string();
        UsageError::new(text.strip_prefix("error: ").unwrap_or(&text).trim_end())
    })
}

/// The same arguments parsed without the profile, so the profile is at fault.
pub(super) fn error_in_profile(profile: &Profile, error: &clap::Error) -> UsageError {
    let place = format!(
        "config file {}, profile '{}'",
        profile.file.display(),
        profile.name
    );
    let option = refused_option(error).unwrap_or_default();
    refusal(&place, &key_of(option.trim_start_matches("--")), error)
}

/// The option whose value was refused, with its dashes.
fn refused_option(error: &clap::Error) -> Option<String> {
    let shown = error.get(ContextKind::InvalidArg)?.to_string();
    let mut words = shown.split([' ', '=']);
    words.find(|word| word.starts_with("--")).map(str::to_owned)
}

fn refused_text(error: &clap::Error) -> String {
    error
        .get(ContextKind::InvalidValue)
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// The variable of an option when it holds this value, alone or among others.
fn variable_with(option: &str, value: &str) -> Option<String> {
    let long = option.trim_start_matches("--");
    let names = [false, true].map(|of_sandbox| environment_name(long, of_sandbox));
    names.into_iter().flatten().find(|name| {
        std::env::var(name)
            .is_ok_and(|text| text == value || text.split(',').any(|part| part == value))
    })
}

fn refusal(place: &str, name: &str, error: &clap::Error) -> UsageError {
    let value = refused_text(error);
    let usage = UsageError::new(format!("{place}: '{value}' is no value for {name}"));
    match (error.source(), error.get(ContextKind::ValidValue)) {
        (Some(reason), _) => usage.because(reason.to_string()),
        (None, Some(values)) => usage.because(format!("it can be {values}")),
        (None, None) => usage,
    }
}
