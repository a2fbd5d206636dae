//! One start of the program: the arguments, with environment and profile behind them.
//!
//! The profile's values become the defaults of a second parse, so one set of readers serves flags,
//! variables and profiles, and precedence is clap's own: flag, environment, profile, default.

mod other_day;
mod refused_argument;
mod refused_value;

use super::args::{
    Cli, GlobalOption, SAFEGUARDS, command, environment_name, global_options, is_global,
};
use super::environment::Environment;
use super::error::UsageError;
use super::profile::{self, Profile, ProfileChoice};
use crate::upload::shell_word;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, FromArgMatches};
pub use refused_argument::in_words;
use refused_value::{error_in_environment, error_in_profile, error_not_typed};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::LazyLock;

/// Where a value came from; a later one beats an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A profile of the config file.
    Profile {
        /// Its name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// An environment variable, named here.
    Environment(String),
    /// Typed.
    Flag,
}

impl Origin {
    /// Whether this beats, or is beaten by, values of another origin of the same kind.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::Profile { .. } => 1,
            Self::Environment(_) => 2,
            Self::Flag => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Profile { name, file } => {
                write!(f, "profile '{name}' in {}", file.display())
            }
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// Why the arguments could not be taken.
#[derive(Debug)]
pub enum ParseError {
    /// Help, version, or what clap has to say; it prints itself.
    Arguments(clap::Error),
    /// The config file, or a value from the environment.
    Setting(UsageError),
}

/// A start of the program.
#[derive(Debug)]
pub struct Invocation {
    /// The arguments, typed.
    pub cli: Cli,
    /// The environment.
    pub environment: Environment,
    /// The profile in force.
    pub profile: Option<Profile>,
    /// The config file that was or would be read.
    pub config_file: Option<PathBuf>,
    /// The command line as one could type it again; no secret can stand in it.
    pub command_line: String,
    typed_globals: Vec<OsString>,
    origins: BTreeMap<String, Origin>,
    values: BTreeMap<String, String>,
}

impl Invocation {
    /// Takes the arguments, the program's name first.
    pub fn parse(arguments: &[OsString], environment: Environment) -> Result<Self, ParseError> {
        let first =
            command().try_get_matches_from(arguments).map_err(|error| {
                match error_not_typed(&error, arguments) {
                    Some(usage) => ParseError::Setting(usage),
                    None => ParseError::Arguments(error),
                }
            })?;
        let choice = choose_profile(leaf(&first), &environment);
        let profile = if writes_config(&first) {
            None
        } else {
            profile::load(&choice, &known_keys()).map_err(ParseError::Setting)?
        };
        let matches = match &profile {
            None => first,
            Some(profile) => with_profile(command(), profile, false)
                .try_get_matches_from(arguments)
                .map_err(|error| ParseError::Setting(error_in_profile(profile, &error)))?,
        };
        let cli = Cli::from_arg_matches(&matches).map_err(ParseError::Arguments)?;
        let of_sandbox = matches.subcommand_name() == Some("sandbox");
        Ok(Self {
            cli,
            environment,
            origins: origins(leaf(&matches), profile.as_ref(), of_sandbox),
            values: values(leaf(&matches)),
            typed_globals: typed_globals(leaf(&matches)),
            profile,
            config_file: choice.file,
            command_line: command_line(arguments),
        })
    }

    /// The invocation that other words behind the same global options would be.
    pub fn with_words(&self, words: &[OsString]) -> Result<Self, ParseError> {
        let program = std::iter::once(OsString::from("byteair-sync"));
        let globals = self.typed_globals.iter().cloned();
        let arguments: Vec<OsString> = program
            .chain(globals)
            .chain(words.iter().cloned())
            .collect();
        Self::parse(&arguments, self.environment.clone())
    }

    /// The keys of the global options that were typed.
    pub fn typed_global_keys(&self) -> Vec<String> {
        let typed = |(key, origin): (&String, &Origin)| {
            (*origin == Origin::Flag && is_global(key)).then(|| key.clone())
        };
        self.origins.iter().filter_map(typed).collect()
    }

    /// Where the value of an option came from; the option as its long name with underscores.
    pub fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// Whether anybody said anything about an option.
    pub fn is_given(&self, key: &str) -> bool {
        self.origin(key) != Origin::Default
    }

    /// Each option of a command as it would be without flags of that command: name, value (`None`
    /// when unset) and origin. Global options are those of this invocation.
    pub fn describe(
        &self,
        name: &str,
    ) -> Result<Vec<(String, Option<String>, Origin)>, UsageError> {
        let words = ["byteair-sync", name];
        command()
            .try_get_matches_from(words)
            .map_err(|error| error_in_environment(&error))?;
        let command = match &self.profile {
            Some(profile) => with_profile(command(), profile, false),
            None => command(),
        };
        // Without the profile the same was fine, so the profile is at fault.
        let matches = command
            .clone()
            .try_get_matches_from(words)
            .map_err(|error| match &self.profile {
                Some(profile) => error_in_profile(profile, &error),
                None => error_in_environment(&error),
            })?;
        let matches = leaf(&matches);
        let of_command = origins(matches, self.profile.as_ref(), name == "sandbox");
        let values_of_command = values(matches);
        let mut rows = Vec::new();
        let sub = command.find_subcommand(name);
        let options = sub.into_iter().chain([&command]);
        for arg in options.flat_map(clap::Command::get_arguments) {
            let Some(long) = arg.get_long() else { continue };
            let key = key_of(long);
            // A global option may have been typed here.
            let (values, origins) = if self.is_given(&key) {
                (&self.values, &self.origins)
            } else {
                (&values_of_command, &of_command)
            };
            let origin = origins.get(&key).cloned().unwrap_or(Origin::Default);
            rows.push((key.clone(), values.get(&key).cloned(), origin));
        }
        Ok(rows)
    }
}

/// The global options that were typed, as words that mean the same.
fn typed_globals(matches: &ArgMatches) -> Vec<OsString> {
    let mut words = Vec::new();
    for GlobalOption { key, long, is_flag } in global_options() {
        if matches.value_source(key) != Some(ValueSource::CommandLine) {
            continue;
        }
        if *is_flag {
            words.push(format!("--{long}").into());
            continue;
        }
        for value in matches.get_raw(key).into_iter().flatten() {
            let mut word = OsString::from(format!("--{long}="));
            word.push(value);
            words.push(word);
        }
    }
    words
}

/// The matches of the innermost subcommand, where global options are present as well.
fn leaf(matches: &ArgMatches) -> &ArgMatches {
    let mut matches = matches;
    while let Some((_, inner)) = matches.subcommand() {
        matches = inner;
    }
    matches
}

/// `config init` names a file that is not there yet.
fn writes_config(matches: &ArgMatches) -> bool {
    matches
        .subcommand_matches("config")
        .is_some_and(|config| config.subcommand_name() == Some("init"))
}

fn choose_profile(matches: &ArgMatches, environment: &Environment) -> ProfileChoice {
    let named = matches.get_one::<PathBuf>("config").cloned();
    ProfileChoice {
        file_was_named: named.is_some(),
        file: named.or_else(|| {
            environment
                .base_directory("XDG_CONFIG_HOME", ".config")
                .map(|base| base.join("byteair-sync").join("config.toml"))
        }),
        name: matches.get_one::<String>("profile").cloned(),
    }
}

fn key_of(long: &str) -> String {
    long.replace('-', "_")
}

/// The key of an option in a profile: its variable without the prefix, in lower case. Safeguards
/// have none, and a profile cannot choose another profile.
fn profile_key(long: &str, of_sandbox: bool) -> Option<String> {
    if ["config", "profile"].contains(&long) {
        return None;
    }
    let name = environment_name(long, of_sandbox)?;
    name.strip_prefix("BYTEAIR_").map(str::to_ascii_lowercase)
}

/// The keys that a profile may have.
pub fn known_keys() -> Vec<String> {
    fn visit(command: &clap::Command, keys: &mut Vec<String>) {
        let of_sandbox = command.get_name() == "sandbox";
        let longs = command.get_arguments().filter_map(clap::Arg::get_long);
        keys.extend(longs.filter_map(|long| profile_key(long, of_sandbox)));
        for sub in command.get_subcommands() {
            visit(sub, keys);
        }
    }
    static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut keys = Vec::new();
        visit(&command(), &mut keys);
        keys.sort_unstable();
        keys.dedup();
        keys
    });
    KEYS.clone()
}

fn with_profile(command: clap::Command, profile: &Profile, of_sandbox: bool) -> clap::Command {
    command
        .mut_args(|arg| {
            let key = arg
                .get_long()
                .and_then(|long| profile_key(long, of_sandbox));
            let Some(values) = key.and_then(|key| profile.values(&key)) else {
                return arg;
            };
            // Of several values for a single one clap would take the last; the join is refused.
            if matches!(arg.get_action(), ArgAction::Append) {
                arg.default_values(values.to_vec())
            } else {
                arg.default_value(values.join(","))
            }
        })
        .mut_subcommands(|sub| {
            let of_sandbox = sub.get_name() == "sandbox";
            with_profile(sub, profile, of_sandbox)
        })
}

fn origins(
    matches: &ArgMatches,
    profile: Option<&Profile>,
    of_sandbox: bool,
) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    for id in matches.ids() {
        let key = id.as_str();
        let Some(source) = matches.value_source(key) else {
            continue;
        };
        let long = key.replace('_', "-");
        let of_sandbox = of_sandbox && !is_global(key);
        let origin = match source {
            ValueSource::CommandLine => Origin::Flag,
            ValueSource::EnvVariable => Origin::Environment(
                environment_name(&long, of_sandbox).unwrap_or_else(|| long.clone()),
            ),
            _ => profile
                .filter(|profile| {
                    profile_key(&long, of_sandbox).is_some_and(|key| profile.values(&key).is_some())
                })
                .map_or(Origin::Default, |profile| Origin::Profile {
                    name: profile.name.clone(),
                    file: profile.file.clone(),
                }),
        };
        origins.insert(key.to_owned(), origin);
    }
    origins
}

/// The values as they were given, several with commas between; passwords in URLs are hidden.
fn values(matches: &ArgMatches) -> BTreeMap<String, String> {
    let text = |id: &str| {
        if let Ok(Some(flag)) = matches.try_get_one::<bool>(id) {
            return Some(flag.to_string());
        }
        let values = matches.get_raw(id)?;
        let texts: Vec<_> = values.map(|value| value.to_string_lossy()).collect();
        Some(mask_password(&texts.join(",")))
    };
    matches
        .ids()
        .filter_map(|id| Some((id.as_str().to_owned(), text(id.as_str())?)))
        .collect()
}

/// Words as a POSIX shell would need them.
fn command_line(arguments: &[OsString]) -> String {
    let words = arguments
        .iter()
        .skip(1)
        .map(|argument| shell_word(&mask_password(&argument.to_string_lossy())));
    std::iter::once("byteair-sync".to_owned())
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ")
}

/// A proxy's URL may hold a password; everything before its `@` is hidden.
pub fn mask_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(authority_end);
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}"),
        None => text.to_owned(),
    }
}

/// Whether an option can only be typed.
pub fn is_safeguard(key: &str) -> bool {
    SAFEGUARDS.iter().any(|long| key_of(long) == key)
}

#[cfg(test)]
mod tests;
