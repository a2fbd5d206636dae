//! The job file of `run`: `[defaults]` and one `[[job]]` for each upload, in TOML.
//!
//! A job is a `write` in another form: its keys are the long options of `write` with underscores,
//! kept as text and read by the readers of the command line, so a value means the same in both. An
//! unknown key is an error. What must be decided by a person each time, such as `restart`, can only
//! be typed. Nothing is run here.

mod hooks;
mod keys;
mod on_done;
mod order;
mod place;
mod schema;

pub use hooks::Hooks;
pub use keys::{JobKey, KeyForm, Scalar, job_keys};
pub use on_done::Notice;
pub use schema::json_schema;

use super::error::UsageError;
use super::profile::scalar;
use super::value::nearest;
use keys::{Place, check_key};
use std::ffi::OsString;
use std::path::Path;
use toml::{Table, Value};

/// Largest job file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Keys of a job that are no options of `write`.
const OWN_KEYS: [&str; 7] = [
    "name",
    "paths",
    "after",
    "on_success",
    "on_failure",
    "on_reject",
    "hook_timeout",
];

/// The stage without days.
const STREAMING: &str = crate::domain::StageKind::IncrementalSyncStreaming.as_str();

/// The jobs of a file, each behind those that it comes after.
#[derive(Debug, Clone, PartialEq)]
pub struct JobFile {
    /// The jobs.
    pub jobs: Vec<Job>,
}

/// One job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its name, unique in the file.
    pub name: String,
    /// Jobs that must be complete for a day before this one begins it.
    pub after: Vec<String>,
    /// What is told of its days.
    pub hooks: Hooks,
    /// The catalog that is told of its days.
    pub notice: Option<Notice>,
    paths: Vec<String>,
    options: Vec<JobOption>,
}

/// One option with its values as text.
#[derive(Debug, Clone, PartialEq)]
struct JobOption {
    key: JobKey,
    values: Vec<String>,
}

impl JobFile {
    /// Reads a job file. Relative paths in it become relative to its directory, and `~/` becomes the
    /// home directory.
    pub fn load(path: &Path, known: &[JobKey], home: Option<&Path>) -> Result<Self, UsageError> {
        let failed = |error: std::io::Error| {
            UsageError::new(format!("cannot read job file {}", path.display())).because(error)
        };
        let length = std::fs::metadata(path).map_err(failed)?.len();
        if length > MAX_FILE_BYTES {
            return Err(UsageError::new(format!(
                "job file {} is larger than 1 MiB, so it is none",
                path.display()
            )));
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let place = format!("job file {}", path.display());
        let mut file = Self::parse(&place, &text, known)?;
        // What is named to be typed next is typed elsewhere.
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = whole.parent().unwrap_or(Path::new(""));
        for job in &mut file.jobs {
            job.place_in(folder, home)
                .map_err(|why| wrong(&format!("{place}, job '{}'", job.name), &why))?;
        }
        Ok(file)
    }

    /// Reads the text of a job file, named as `place` in messages.
    pub fn parse(place: &str, text: &str, known: &[JobKey]) -> Result<Self, UsageError> {
        let mut root: Table = text.parse().map_err(|error: toml::de::Error| {
            // Its full text shows the line, which may hold a secret.
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count().saturating_add(1));
            UsageError::new(format!("{place}, line {line}, is not TOML")).because(error.message())
        })?;
        let defaults = match root.remove("defaults") {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(_) => return Err(wrong(place, "'defaults' must be the table [defaults]")),
        };
        let notice = root
            .remove("on_done")
            .map(|value| Notice::read(place, value));
        let notice = notice.transpose()?;
        let jobs = match root.remove("job") {
            Some(Value::Array(jobs)) => jobs,
            Some(_) => return Err(wrong(place, "jobs must be tables such as [[job]]")),
            None => Vec::new(),
        };
        if let Some(key) = root.keys().next() {
            return Err(wrong(
                place,
                &format!(
                    "unknown key '{key}'; a file has [defaults], [on_done] and [[job]] tables"
                ),
            ));
        }
        if jobs.is_empty() {
            return Err(wrong(place, "it has no [[job]]"));
        }
        let defaults = read_table(
            &format!("{place}, [defaults]"),
            Place::Defaults,
            defaults,
            known,
        )?;
        let jobs: Result<Vec<Job>, UsageError> = jobs
            .into_iter()
            .enumerate()
            .map(|(index, job)| {
                let mut job = Job::read(place, index, job, &defaults, known)?;
                if job.notice.is_none() && !job.streams() {
                    job.notice.clone_from(&notice);
                }
                Ok(job)
            })
            .collect();
        let jobs = order::in_order(place, jobs?)?;
        Ok(Self { jobs })
    }

    /// The jobs with these names in the order of the file; all of them when no name is given.
    pub fn select(&self, names: &[String]) -> Result<Vec<&Job>, UsageError> {
        for name in names {
            if !self.jobs.iter().any(|job| job.name == *name) {
                let all: Vec<&str> = self.jobs.iter().map(|job| job.name.as_str()).collect();
                let hint = nearest(name, all.iter().copied())
                    .map_or_else(String::new, |near| format!(", did you mean '{near}'?"));
                return Err(UsageError::new(format!(
                    "there is no job '{name}'{hint}; the file has {}",
                    all.join(", ")
                )));
            }
        }
        let chosen = |job: &&Job| names.is_empty() || names.contains(&job.name);
        Ok(self.jobs.iter().filter(chosen).collect())
    }
}

impl Job {
    fn read(
        place: &str,
        index: usize,
        table: Value,
        defaults: &Entries,
        known: &[JobKey],
    ) -> Result<Self, UsageError> {
        let number = index.saturating_add(1);
        let Value::Table(mut table) = table else {
            return Err(wrong(place, &format!("job {number} must be a table")));
        };
        let named = match table.get("name") {
            Some(Value::String(name)) if is_name(name) => name.clone(),
            Some(_) => {
                return Err(wrong(
                    place,
                    &format!("job {number}: 'name' must be letters, digits, '-', '_' or '.'"),
                ));
            }
            None => return Err(wrong(place, &format!("job {number} has no 'name'"))),
        };
        let place = format!("{place}, job '{named}'");
        let notice = table
            .remove("on_done")
            .map(|value| Notice::read(&place, value));
        let own = read_table(&place, Place::Job, table, known)?;
        let job = Self {
            notice: notice.transpose()?,
            after: own.list("after"),
            paths: own.list("paths"),
            hooks: Hooks::read(&place, &own, defaults)?,
            options: own.over(defaults),
            name: named,
        };
        if job.paths.is_empty() {
            return Err(wrong(&place, "it has no 'paths'"));
        }
        if job.paths.iter().any(|path| path == "-") {
            return Err(wrong(
                &place,
                "'-' in 'paths': standard input belongs to `write`, not to a job",
            ));
        }
        if job.notice.is_some() && job.streams() {
            return Err(wrong(
                &place,
                "'on_done' is told of days, and this stage has none",
            ));
        }
        for needed in ["topic", "stage"] {
            if job.value(needed).is_none() {
                return Err(wrong(&place, &format!("it has no '{needed}'")));
            }
        }
        Ok(job)
    }

    fn streams(&self) -> bool {
        self.value("stage") == Some(STREAMING)
    }

    /// The first value of an option.
    pub fn value(&self, key: &str) -> Option<&str> {
        let option = self.options.iter().find(|option| option.key.name == key)?;
        option.values.first().map(String::as_str)
    }

    /// The words of a `write` that does the same, without the program's name. `days` take the place
    /// of the job's own; `skipped` are keys that were typed already.
    pub fn words(&self, days: Option<&str>, skipped: &[String]) -> Vec<OsString> {
        let own = self.options.iter().filter(|option| {
            let name = &option.key.name;
            !skipped.contains(name) && (name != "date" || days.is_none())
        });
        let mut words = vec![OsString::from("write")];
        words.extend(own.flat_map(JobOption::words));
        words.extend(days.map(|days| format!("--date={days}").into()));
        words.push("--".into());
        words.extend(self.paths.iter().map(OsString::from));
        words
    }

    /// Makes relative paths relative to a directory.
    fn place_in(&mut self, folder: &Path, home: Option<&Path>) -> Result<(), String> {
        let options = self.options.iter_mut().filter(|option| option.key.is_path);
        let values = options.flat_map(|option| &mut option.values);
        for path in self.paths.iter_mut().chain(values) {
            *path = place::placed(path, folder, home)?;
        }
        Ok(())
    }
}

impl JobOption {
    fn words(&self) -> Vec<OsString> {
        let long = self.key.name.replace('_', "-");
        match self.key.form {
            KeyForm::Flag if self.values.first().is_some_and(|value| value == "true") => {
                vec![format!("--{long}").into()]
            }
            KeyForm::Flag => Vec::new(),
            KeyForm::One | KeyForm::Many => {
                let word = |value| format!("--{long}={value}").into();
                self.values.iter().map(word).collect()
            }
        }
    }
}

/// The keys of one table with their values as text.
#[derive(Debug, Default)]
struct Entries(Vec<(String, Option<JobKey>, Vec<String>)>);

impl Entries {
    fn list(&self, key: &str) -> Vec<String> {
        let found = self.0.iter().find(|(known, ..)| known == key);
        found.map(|(.., values)| values.clone()).unwrap_or_default()
    }

    /// The options of a job: its own, then the defaults that it does not name. Defaults about days
    /// and `done` mean nothing to a job of the streaming stage.
    fn over(&self, defaults: &Self) -> Vec<JobOption> {
        let streams = [self, defaults]
            .iter()
            .find_map(|entries| entries.list("stage").into_iter().next())
            .is_some_and(|stage| stage == STREAMING);
        let inherited = defaults.0.iter().filter(|(key, ..)| {
            let own = self.0.iter().any(|(known, ..)| known == key);
            let about_days = super::settings::ABOUT_DATES.contains(&key.as_str());
            !own && (!streams || !about_days)
        });
        let all = self.0.iter().chain(inherited);
        all.filter_map(|(_, key, values)| {
            Some(JobOption {
                key: key.clone()?,
                values: values.clone(),
            })
        })
        .collect()
    }
}

fn read_table(
    place: &str,
    of: Place,
    table: Table,
    known: &[JobKey],
) -> Result<Entries, UsageError> {
    let mut entries = Entries::default();
    for (key, value) in table {
        let option = check_key(place, of, &key, known)?;
        let values = texts(value).ok_or_else(|| {
            wrong(
                place,
                &format!(
                    "'{key}' must be a text, a number, true or false, a list of them, or a table \
                     such as {{ price = \"double\" }}"
                ),
            )
        })?;
        let form = option.as_ref().map(|option| option.form);
        let fits = match form {
            Some(KeyForm::Flag) => {
                matches!(values.as_slice(), [one] if one == "true" || one == "false")
            }
            Some(KeyForm::One) => values.len() == 1,
            Some(KeyForm::Many) => true,
            None => values.len() == 1 || ["paths", "after"].contains(&key.as_str()),
        };
        if !fits {
            let wanted = if form == Some(KeyForm::Flag) {
                "true or false"
            } else {
                "one value"
            };
            return Err(wrong(place, &format!("'{key}' must be {wanted}")));
        }
        entries.0.push((key, option, values));
    }
    Ok(entries)
}

/// A value as the texts that one would type; `None` when nobody could type it.
fn texts(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.into_iter().map(scalar).collect(),
        Value::Table(table) => table
            .into_iter()
            .map(|(key, value)| Some(format!("{key}={}", scalar(value)?)))
            .collect(),
        single => scalar(single).map(|text| vec![text]),
    }
}

fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    !text.is_empty()
        && text.chars().count() <= 64
        && text.chars().all(plain)
        && !text.starts_with('-')
}

fn wrong(place: &str, what: &str) -> UsageError {
    UsageError::new(format!("{place}: {what}"))
}

#[cfg(test)]
mod tests;
