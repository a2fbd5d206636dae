//! Which keys a job file may have: the long options of `write`, read off the declared arguments, so
//! that none can be forgotten.

use super::super::args::command;
use super::super::error::UsageError;
use super::super::profile::secret_instead;
use super::super::value::nearest;
use super::{OWN_KEYS, wrong};
use crate::domain::Topic;
use clap::builder::ValueParser;
use clap::{Arg, ArgAction};
use std::path::PathBuf;

/// A key of a job that is an option of `write`.
#[derive(Debug, Clone, PartialEq)]
pub struct JobKey {
    /// The long option with underscores.
    pub name: String,
    /// What it takes.
    pub form: KeyForm,
    /// Its value is the path of a file.
    pub is_path: bool,
    /// It concerns the connection or the quota, which all jobs of a run share.
    pub is_shared: bool,
    /// What a single value looks like in the file.
    pub scalar: Scalar,
    /// What it is for, in one line.
    pub help: String,
    /// The words that it takes, when they are few.
    pub choices: Vec<String>,
}

/// What an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyForm {
    /// `true` or `false`.
    Flag,
    /// One value.
    One,
    /// One value or a list.
    Many,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// A whole number.
    Whole,
    /// A text.
    Text,
    /// A text, or a number that stands for one.
    Either,
}

/// The tables of a job file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `[defaults]`.
    Defaults,
    /// `[[job]]`.
    Job,
}

/// Why options of `dis://` are not for files.
const ABOUT_STREAMS: &str = "it is about a stream, which never ends; type it behind `write`";

/// Options that are not for files, with the reason.
const ONLY_TYPED: [(&str, &str); 34] = [
    ("color", "it belongs to the command line of `run`"),
    ("config", "it belongs to the command line of `run`"),
    ("create_app", ABOUT_STREAMS),
    ("dis_app", ABOUT_STREAMS),
    ("dry_run", "type --dry-run behind `run`"),
    ("end_mark", "it is about standard input, which no job reads"),
    ("endpoint", ABOUT_STREAMS),
    ("follow", "it never ends; type it behind `write`"),
    ("from", ABOUT_STREAMS),
    ("help", "it belongs to the command line"),
    ("huawei_region", ABOUT_STREAMS),
    ("input_id", "it names standard input, which no job reads"),
    ("json", "it belongs to the command line of `run`"),
    (
        "linger",
        "it is about rows as they come, which no job reads",
    ),
    ("log_format", "it belongs to the command line of `run`"),
    ("max_duration", "type --max-duration behind `run`"),
    ("metrics_push", "it belongs to the command line of `run`"),
    (
        "metrics_textfile",
        "it belongs to the command line of `run`",
    ),
    ("out_of_range", ABOUT_STREAMS),
    ("profile", "it belongs to the command line of `run`"),
    ("progress", "it belongs to the command line of `run`"),
    ("project_id", ABOUT_STREAMS),
    ("quota_service", "it belongs to one part of a larger upload"),
    (
        "request_id_seed",
        "it belongs to one part of a larger upload",
    ),
    ("seed_used", "it belongs to one part of a larger upload"),
    ("quiet", "it belongs to the command line of `run`"),
    ("report", "it belongs to the command line of `run`"),
    (
        "report_to_platform",
        "it belongs to the command line of `run`",
    ),
    (
        "restart",
        "it sends everything again at every run; type it behind `write`",
    ),
    ("sandbox", "it belongs to `write`"),
    (
        "same_target",
        "it overrides a safeguard; type it behind `write`",
    ),
    ("until_end", ABOUT_STREAMS),
    ("verbose", "it belongs to the command line of `run`"),
    (
        "yes_i_mean",
        "it overrides a safeguard; type it behind `write`",
    ),
];

/// Options of `write` that all jobs of a run share because there is one limiter.
pub(super) const OF_THE_QUOTA: [&str; 5] = [
    "no_rate_limit",
    "qps",
    "rate_guard",
    "rate_share",
    "rows_per_second",
];

/// The keys of a job.
pub fn job_keys() -> Vec<JobKey> {
    let command = command();
    let write = command.find_subcommand("write");
    let shared = command.get_arguments().map(|arg| (arg, true));
    let own = write.into_iter().flat_map(clap::Command::get_arguments);
    let mut keys: Vec<JobKey> = own
        .map(|arg| (arg, false))
        .chain(shared)
        .filter_map(|(arg, shared)| key_of(arg, shared))
        .filter(|key| !ONLY_TYPED.iter().any(|(name, _)| *name == key.name))
        .collect();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    keys.dedup_by(|a, b| a.name == b.name);
    keys
}

fn scalar_of(arg: &Arg) -> Scalar {
    let is = |parser: ValueParser| arg.get_value_parser().type_id() == parser.type_id();
    if is(clap::value_parser!(u32).into()) || is(clap::value_parser!(u64).into()) {
        Scalar::Whole
    } else if is(clap::value_parser!(PathBuf)) || is(clap::value_parser!(Topic).into()) {
        Scalar::Text
    } else {
        Scalar::Either
    }
}

fn key_of(arg: &Arg, of_all_commands: bool) -> Option<JobKey> {
    let name = arg.get_long()?.replace('-', "_");
    let form = match arg.get_action() {
        ArgAction::SetTrue => KeyForm::Flag,
        ArgAction::Append => KeyForm::Many,
        ArgAction::Set => KeyForm::One,
        _ => return None,
    };
    let path_reader: ValueParser = clap::value_parser!(PathBuf);
    let choices = arg.get_possible_values();
    Some(JobKey {
        is_shared: of_all_commands || OF_THE_QUOTA.contains(&name.as_str()),
        form,
        scalar: scalar_of(arg),
        is_path: arg.get_value_parser().type_id() == path_reader.type_id(),
        help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
        choices: if form == KeyForm::Flag {
            Vec::new()
        } else {
            choices
                .iter()
                .map(|choice| choice.get_name().to_owned())
                .collect()
        },
        name,
    })
}

/// The option that a key means; `None` for the keys that are the file's own.
pub(super) fn check_key(
    place: &str,
    of: Place,
    key: &str,
    known: &[JobKey],
) -> Result<Option<JobKey>, UsageError> {
    if OWN_KEYS.contains(&key) {
        let only_of_jobs = ["name", "paths", "after"].contains(&key);
        if of == Place::Defaults && only_of_jobs {
            return Err(wrong(place, &format!("'{key}' belongs to a [[job]]")));
        }
        return Ok(None);
    }
    if let Some(instead) = secret_instead(key) {
        return Err(wrong(
            place,
            &format!(
                "'{key}' is a secret and may not stand in the file; use the environment, or \
                 {instead} in a profile of the config file"
            ),
        ));
    }
    if let Some((_, why)) = ONLY_TYPED.iter().find(|(name, _)| *name == key) {
        return Err(wrong(
            place,
            &format!("'{key}' is not for job files: {why}"),
        ));
    }
    let Some(option) = known.iter().find(|option| option.name == key) else {
        let names = known
            .iter()
            .map(|option| option.name.as_str())
            .chain(OWN_KEYS);
        let hint = nearest(key, names).map_or_else(
            || "keys are the long options of `write` with underscores".to_owned(),
            |near| format!("did you mean '{near}'?"),
        );
        return Err(wrong(place, &format!("unknown key '{key}'; {hint}")));
    };
    if of == Place::Job && option.is_shared {
        return Err(wrong(
            place,
            &format!("'{key}' holds for all jobs of a run, so it belongs to [defaults]"),
        ));
    }
    Ok(Some(option.clone()))
}
