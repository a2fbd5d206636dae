//! What `validate` and `schema infer` are to read, from their options.

use super::connection::stores;
use super::date_from::{DateFrom, check_placeholders};
use super::reading::input_settings_of;
use super::rules::warnings_about;
use super::write::sources;
use super::{Context, zone};
use crate::cli::args::{DateSourceArgs, InferArgs, InputArgs, ValidateArgs};
use crate::cli::dates::{DateSpec, resolve_dates};
use crate::cli::error::UsageError;
use crate::domain::{DataDate, Topic};
use crate::input::{DateField, DayPattern, InputSettings};
use crate::upload::Sources;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for one answer of a remote store.
const STORE_TIMEOUT: Duration = Duration::from_secs(30);

/// Rows to be looked at.
#[derive(Debug, Clone)]
pub struct ReadingOptions {
    /// Where they come from.
    pub sources: Sources,
    /// The days that `{date}` stands for, or that are to be looked at; none where no path has it, or
    /// where all are.
    pub dates: Vec<DataDate>,
    /// How paths say the day, if they do.
    pub date_from_path: Option<DayPattern>,
    /// How to read them, and what they are to be.
    pub input: InputSettings,
    /// Fields by which rows of a day are the same thing.
    pub key: Vec<String>,
    /// Things to notice before it begins.
    pub warnings: Vec<String>,
}

impl ReadingOptions {
    /// Resolves the options of `validate`.
    pub fn of_validate(context: Context<'_>, args: &ValidateArgs) -> Result<Self, UsageError> {
        let mut options = resolve(
            context,
            &args.input,
            (&args.date, &args.dates),
            args.topic.as_ref(),
        )?;
        options.key = if args.key.is_empty() {
            options.input.rules.schema.key.clone()
        } else {
            args.key.clone()
        };
        let renamed = |key: &&String| {
            let mut renames = options.input.rules.renames.iter();
            renames.any(|(from, _)| from == *key)
        };
        match args.key.iter().find(renamed) {
            Some(key) => Err(UsageError::new(format!(
                "--key names '{key}', which --map sends under another name; name that one"
            ))),
            None => Ok(options),
        }
    }

    /// Resolves the options of `schema infer`.
    pub fn of_infer(context: Context<'_>, args: &InferArgs) -> Result<Self, UsageError> {
        let dates = (&args.date[..], &DateSourceArgs::default());
        resolve(context, &args.input, dates, args.topic.as_ref())
    }
}

fn resolve(
    context: Context<'_>,
    args: &InputArgs,
    (dates, date_source): (&[DateSpec], &DateSourceArgs),
    topic: Option<&Topic>,
) -> Result<ReadingOptions, UsageError> {
    let mut input = input_settings_of(&args.reading, topic)?;
    input.stores = stores(&context.invocation.cli.global, STORE_TIMEOUT);
    let sources = sources(context.invocation, args)?;
    let mut dates = resolve_dates(dates, zone(context)?, context.now)
        .map_err(|error| UsageError::new(error.of("--date")))?;
    let date_from = DateFrom::named(date_source);
    date_from.check_places(&sources)?;
    match date_from {
        DateFrom::Option => check_days(&sources, &dates)?,
        DateFrom::Path(_) => {}
        DateFrom::Field(name) => {
            input.date_field = Some(Arc::new(DateField {
                name: name.to_owned(),
                format: date_source.date_format.clone(),
                zone: zone(context)?,
                wanted: (!dates.is_empty()).then(|| dates.clone()),
            }));
            // The rows say it: every file is read once for all days.
            dates.clear();
        }
    }
    Ok(ReadingOptions {
        warnings: warnings_about(&input.rules),
        sources,
        dates,
        date_from_path: date_source.date_from_path.clone(),
        input,
        key: Vec::new(),
    })
}

/// Whether `{date}` in paths has the days that it needs.
fn check_days(sources: &Sources, dates: &[DataDate]) -> Result<(), UsageError> {
    if let Sources::Paths(patterns) = sources
        && let Some(pattern) = patterns.iter().find(|pattern| pattern.has_date())
        && dates.is_empty()
    {
        return Err(UsageError::new(format!(
            "'{pattern}' has {{date}} in it; give the days with --date"
        )));
    }
    check_placeholders(sources, dates)
}
