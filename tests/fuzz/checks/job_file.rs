//! Job files: one that is taken, written anew from the `write` commands that its jobs are, is taken
//! again with the same jobs in the same order.

use byteair_sync::cli::job_file::{Job, JobFile, JobKey, KeyForm, job_keys};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use toml::{Table, Value};

static KEYS: LazyLock<Vec<JobKey>> = LazyLock::new(job_keys);

/// The bytes are a job file.
pub(crate) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let Ok(file) = JobFile::parse("a", &text, &KEYS) else {
        return;
    };
    let names: Vec<String> = file.jobs.iter().map(|job| job.name.clone()).collect();
    for (index, job) in file.jobs.iter().enumerate() {
        let placed = &names[..index];
        assert!(
            job.after.iter().all(|name| placed.contains(name)),
            "{names:?}"
        );
    }
    let again = toml::to_string(&written(&file)).unwrap();
    let again =
        JobFile::parse("b", &again, &KEYS).unwrap_or_else(|error| panic!("{error}\n{again}"));
    assert_eq!(again.jobs.len(), file.jobs.len());
    for (first, second) in file.jobs.iter().zip(&again.jobs) {
        assert_eq!((&first.name, &first.after), (&second.name, &second.after));
        assert_eq!(first.hooks, second.hooks);
        assert_eq!(options(first), options(second));
        assert_eq!(paths(first), paths(second));
    }
    assert_eq!(file.select(&names).unwrap().len(), names.len());
}

/// The options of a job by their keys; a flag is present when it is on.
fn options(job: &Job) -> BTreeMap<String, Vec<String>> {
    let mut options: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for word in words(job).iter().skip(1).take_while(|word| *word != "--") {
        let word = word.strip_prefix("--").unwrap();
        let (key, value) = word.split_once('=').unwrap_or((word, "true"));
        let values = options.entry(key.replace('-', "_")).or_default();
        values.push(value.to_owned());
    }
    options
}

fn paths(job: &Job) -> Vec<String> {
    let words = words(job);
    let end = words.iter().position(|word| word == "--").unwrap();
    words[end + 1..].to_vec()
}

fn words(job: &Job) -> Vec<String> {
    let words = job.words(None, &[]);
    words
        .into_iter()
        .map(|word| word.into_string().unwrap())
        .collect()
}

fn written(file: &JobFile) -> Table {
    let (mut defaults, mut jobs) = (Table::new(), Vec::new());
    for job in &file.jobs {
        let mut table = Table::new();
        for (key, values) in options(job) {
            let known = KEYS.iter().find(|known| known.name == key).unwrap();
            let value = match known.form {
                KeyForm::Flag => Value::Boolean(true),
                KeyForm::One | KeyForm::Many => list(&values),
            };
            let place = if known.is_shared {
                &mut defaults
            } else {
                &mut table
            };
            place.insert(key, value);
        }
        table.insert("name".to_owned(), job.name.clone().into());
        table.insert("paths".to_owned(), list(&paths(job)));
        table.insert("after".to_owned(), list(&job.after));
        let hooks = &job.hooks;
        for (key, hook) in [
            ("on_success", &hooks.on_success),
            ("on_failure", &hooks.on_failure),
            ("on_reject", &hooks.on_reject),
        ] {
            table.extend(hook.clone().map(|hook| (key.to_owned(), hook.into())));
        }
        let timeout = format!("{}ms", hooks.timeout.as_millis());
        table.insert("hook_timeout".to_owned(), timeout.into());
        jobs.push(Value::Table(table));
    }
    Table::from_iter([
        ("defaults".to_owned(), Value::Table(defaults)),
        ("job".to_owned(), Value::Array(jobs)),
    ])
}

fn list(values: &[String]) -> Value {
    Value::Array(values.iter().cloned().map(Value::String).collect())
}
