//! The config file: tables `[profile.NAME]` whose keys are the long options with underscores.
//!
//! Values are kept as text and read by the same readers as flags. An unknown key is an error, for
//! a misspelt setting that is silently ignored is worse than none. Secrets may not stand in the
//! file; it can name the files that hold them.

use super::error::UsageError;
use super::value::nearest;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::Value;

/// Name of the profile that is used when none is named.
pub const DEFAULT_PROFILE: &str = "default";

/// Keys that are no options: a name for the platform, and files with secrets.
pub const EXTRA_KEYS: [&str; 9] = [
    "ak_file",
    "huawei_ak_file",
    "huawei_security_token_file",
    "huawei_sk_file",
    "huawei_token_file",
    "platform",
    "session_token_file",
    "sk_file",
    "token_file",
];

/// Names under which people may try to put a secret, with what to write instead.
const SECRET_KEYS: [(&str, &str); 8] = [
    ("ak", "ak_file"),
    ("access_key", "ak_file"),
    ("sk", "sk_file"),
    ("secret_key", "sk_file"),
    ("secret", "sk_file"),
    ("token", "token_file"),
    ("session_token", "session_token_file"),
    ("password", "sk_file or token_file"),
];

/// Largest config file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// One profile, its values as text.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    /// The file it stands in.
    pub file: PathBuf,
    values: BTreeMap<String, Vec<String>>,
}

impl Profile {
    /// The values of a key, in order.
    pub fn values(&self, key: &str) -> Option<&[String]> {
        self.values.get(key).map(Vec::as_slice)
    }

    /// The single value of a key that is no option.
    pub fn extra(&self, key: &str) -> Option<&str> {
        self.values(key)
            .and_then(<[String]>::first)
            .map(String::as_str)
    }
}

/// Which profile of which file.
#[derive(Debug, Clone)]
pub struct ProfileChoice {
    /// The file; `None` when there is neither `--config` nor a home.
    pub file: Option<PathBuf>,
    /// Whether somebody named the file, so that it must be there.
    pub file_was_named: bool,
    /// `--profile`.
    pub name: Option<String>,
}

/// Reads the profile that was chosen; `None` when there is none and none was asked for. `known`
/// are the keys of all options.
pub fn load(choice: &ProfileChoice, known: &[String]) -> Result<Option<Profile>, UsageError> {
    let text = match &choice.file {
        // A profile that was named without a file needs one, and says so below.
        Some(file) => read(file, choice.file_was_named)?,
        None => None,
    };
    match (&choice.file, text, &choice.name) {
        (Some(file), Some(text), name) => parse(file, &text, name.as_deref(), known),
        (_, _, None) => Ok(None),
        (Some(file), None, Some(name)) => Err(UsageError::new(format!(
            "there is no config file {} to take --profile {name} from; make it with 'byteair-sync \
             config init', or name another with --config",
            file.display()
        ))),
        (None, _, Some(name)) => Err(UsageError::new(format!(
            "there is no config file to take profile '{name}' from; name one with --config"
        ))),
    }
}

fn read(file: &Path, required: bool) -> Result<Option<String>, UsageError> {
    let failed = |error: std::io::Error| {
        UsageError::new(format!(
            "cannot read config file {}; check --config",
            file.display()
        ))
        .because(error)
    };
    match std::fs::metadata(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => Ok(None),
        Err(error) => Err(failed(error)),
        Ok(metadata) if metadata.len() > MAX_FILE_BYTES => Err(UsageError::new(format!(
            "config file {} is larger than 1 MiB, so it is none; check --config",
            file.display()
        ))),
        Ok(_) => std::fs::read_to_string(file).map(Some).map_err(failed),
    }
}

fn parse(
    file: &Path,
    text: &str,
    name: Option<&str>,
    known: &[String],
) -> Result<Option<Profile>, UsageError> {
    let place = file.display();
    let mut root: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // Its full text shows the line, which may hold a secret.
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count().saturating_add(1));
        UsageError::new(format!("config file {place}, line {line}, is not TOML"))
            .because(error.message())
    })?;
    let profiles = match root.remove("profile") {
        None => toml::Table::new(),
        Some(Value::Table(table)) => table,
        Some(_) => {
            return Err(UsageError::new(format!(
                "config file {place}: 'profile' must be tables such as [profile.{DEFAULT_PROFILE}]"
            )));
        }
    };
    if let Some(key) = root.keys().next() {
        return Err(UsageError::new(format!(
            "config file {place}: unknown key '{key}'; settings stand in a table such as \
             [profile.{DEFAULT_PROFILE}]"
        )));
    }
    // A mistake in another profile shows today, not on the day it is needed.
    let mut found = BTreeMap::new();
    for (profile, table) in profiles {
        let values = profile_values(file, &profile, table, known)?;
        found.insert(profile, values);
    }
    let wanted = name.unwrap_or(DEFAULT_PROFILE);
    match found.remove(wanted) {
        Some(values) => Ok(Some(Profile {
            name: wanted.to_owned(),
            file: file.to_owned(),
            values,
        })),
        None if name.is_none() => Ok(None),
        None => {
            let names: Vec<&str> = found.keys().map(String::as_str).collect();
            Err(UsageError::new(format!(
                "config file {place} has no profile '{wanted}'; it has: {}",
                names.join(", ")
            )))
        }
    }
}

fn profile_values(
    file: &Path,
    profile: &str,
    table: Value,
    known: &[String],
) -> Result<BTreeMap<String, Vec<String>>, UsageError> {
    let place = format!("config file {}, profile '{profile}'", file.display());
    let Value::Table(table) = table else {
        return Err(UsageError::new(format!("{place}: it must be a table")));
    };
    let mut values = BTreeMap::new();
    for (key, value) in table {
        check_key(&place, &key, known)?;
        let texts = match value {
            Value::Array(items) => items.into_iter().map(scalar).collect(),
            single => scalar(single).map(|text| vec![text]),
        };
        let texts = texts.ok_or_else(|| {
            UsageError::new(format!(
                "{place}: '{key}' must be a text, a number, true or false, or a list of them"
            ))
        })?;
        values.insert(key, texts);
    }
    Ok(values)
}

/// What to write instead of a secret; `None` for a key under which none is expected.
pub(super) fn secret_instead(key: &str) -> Option<&'static str> {
    let found = SECRET_KEYS.iter().find(|(secret, _)| *secret == key);
    found.map(|(_, instead)| *instead)
}

fn check_key(place: &str, key: &str, known: &[String]) -> Result<(), UsageError> {
    if let Some(instead) = secret_instead(key) {
        return Err(UsageError::new(format!(
            "{place}: '{key}' is a secret and may not stand in the file; put it into a file of its \
             own and name that with {instead}, or use the environment"
        )));
    }
    if EXTRA_KEYS.contains(&key) || known.iter().any(|known| known == key) {
        return Ok(());
    }
    let all = known.iter().map(String::as_str).chain(EXTRA_KEYS);
    let hint = nearest(key, all).map_or_else(
        || "keys are the long options with underscores".to_owned(),
        |near| format!("did you mean '{near}'?"),
    );
    Err(UsageError::new(format!(
        "{place}: unknown key '{key}'; {hint}"
    )))
}

/// A single value as one would type it; `None` for lists and tables.
pub(super) fn scalar(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Datetime(date) => Some(date.to_string()),
        Value::Array(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests;
