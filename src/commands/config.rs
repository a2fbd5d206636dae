//! `config show`, `config init` and `config schema`: where each setting comes from, a file to start
//! from, and the form of what programs read.

use super::{Failure, Outcome, Session};
use crate::cli::args::ConfigCommand;
use crate::cli::atomic_file::{self, Existing, Readers};
use crate::cli::error::{UsageError, chain};
use crate::cli::json_line::{JsonLine, SCHEMA};
use crate::cli::settings::{describe_credentials, state_dir, zone};
use crate::cli::summary::{for_machines, of_success};
use crate::upload::report::Status;
use anyhow::Context;
use serde_json::json;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;

/// The file that `config init` writes; every setting in it is commented out.
const TEMPLATE: &str = include_str!("config_template.toml");
/// Widest column of values: a path that is longer does not move the origins of all others off a screen.
const MAX_VALUE_WIDTH: usize = 24;

/// Runs one of them.
pub(super) fn run(session: &Session, command: &ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Show => show(session),
        ConfigCommand::Init => init(session),
        ConfigCommand::Schema => {
            session.printer.result(SCHEMA.trim_end());
            Ok(Status::Success)
        }
    }
}

/// A setting as people see it.
pub(super) struct Setting {
    /// Its key.
    pub(super) name: String,
    value: String,
    origin: String,
}

fn show(session: &Session) -> Outcome {
    print(session, &settings(session, "write")?);
    session.printer.json_line(&for_machines(&of_success()));
    Ok(Status::Success)
}

/// Prints settings with their values and origins.
pub(super) fn print(session: &Session, settings: &[Setting]) {
    let printer = &session.printer;
    for setting in settings {
        let fields = json!({
            "name": setting.name, "value": setting.value, "origin": setting.origin,
        });
        printer.json_line(&JsonLine::new("setting", fields));
    }
    if printer.style().json {
        return;
    }
    let width = |of: fn(&Setting) -> &str| {
        settings
            .iter()
            .map(|setting| of(setting).chars().count())
            .max()
            .unwrap_or(0)
    };
    let names = width(|s| &s.name);
    let values = width(|s| &s.value).min(MAX_VALUE_WIDTH);
    for Setting {
        name,
        value,
        origin,
    } in settings
    {
        printer.result(&format!("{name:names$}  {value:values$}  {origin}"));
    }
}

/// The settings of a command, each with where it comes from; secrets are masked.
pub(super) fn settings(session: &Session, command: &str) -> Result<Vec<Setting>, UsageError> {
    let invocation = &session.invocation;
    let context = session.context();
    let mut settings: Vec<Setting> = invocation
        .describe(command)?
        .into_iter()
        .map(|(name, value, origin)| Setting {
            value: value.unwrap_or_else(|| derived(session, &name)),
            origin: origin.to_string(),
            name,
        })
        .collect();
    // These two have defaults that depend on other settings.
    for (name, resolved) in [
        ("timezone", zone(context).map(|zone| zone.to_string())),
        (
            "state_dir",
            state_dir(context).map(|dir| dir.display().to_string()),
        ),
    ] {
        if let Some(setting) = settings.iter_mut().find(|setting| setting.name == name) {
            setting.value = resolved.unwrap_or_else(|error| format!("(none: {})", chain(&error)));
        }
    }
    for (name, place) in describe_credentials(invocation)? {
        settings.push(Setting {
            name: name.to_owned(),
            value: if place.is_some() { "***" } else { "-" }.to_owned(),
            origin: place.unwrap_or_else(|| "not set".to_owned()),
        });
    }
    Ok(settings)
}

/// The value of an option that nobody set and that has no fixed default.
fn derived(session: &Session, name: &str) -> String {
    let file = || session.invocation.config_file.as_ref();
    match name {
        "config" => file().map_or_else(|| "-".to_owned(), |file| file.display().to_string()),
        _ => "-".to_owned(),
    }
}

fn init(session: &Session) -> Outcome {
    let usage = |error: anyhow::Error| Failure::new(Status::Usage, error);
    let Some(file) = &session.invocation.config_file else {
        return Err(UsageError::new(
            "there is no place for a config file, because neither XDG_CONFIG_HOME nor HOME is set; \
             give --config",
        )
        .into());
    };
    let shown = file.display();
    if let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make directory {}", folder.display()))
            .map_err(usage)?;
    }
    match atomic_file::write(file, TEMPLATE.as_bytes(), Readers::Owner, Existing::Keep) {
        Ok(()) => {
            let text =
                format!("wrote {shown}; edit it, then look at it with `byteair-sync config show`");
            session.printer.result(&text);
            Ok(Status::Success)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(UsageError::new(
            format!("{shown} is there already and stays as it is; name another file with --config"),
        )
        .into()),
        Err(error) => Err(usage(
            anyhow::Error::new(error).context(format!("cannot write {shown}")),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::environment::Environment;
    use crate::cli::invocation::Invocation;

    #[test]
    fn every_setting_of_the_template_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let uncommented: String = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(setting) if setting.contains(" = ") || setting.starts_with('[') => {
                    format!("{setting}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        assert!(uncommented.matches(" = ").count() > 10);
        std::fs::write(&file, uncommented).unwrap();
        for profile in ["default", "staging"] {
            let words = ["byteair-sync", "--profile", profile, "--config"];
            let mut words: Vec<std::ffi::OsString> = words.into_iter().map(Into::into).collect();
            words.extend([file.clone().into(), "write".into(), "x".into()]);
            Invocation::parse(&words, Environment::default()).unwrap();
        }
    }
}
