//! Who says the day of the rows: the command, the folders of a file, or each row.

use crate::cli::args::DateSourceArgs;
use crate::cli::error::UsageError;
use crate::domain::{DataDate, StageKind};
use crate::input::{DayPattern, PathPattern};
use crate::upload::Sources;

/// Who says the day of the rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum DateFrom<'a> {
    /// `--date`, perhaps with `{date}` in the paths.
    Option,
    /// `--date-from-path`.
    Path(&'a DayPattern),
    /// `--date-from-field`.
    Field(&'a str),
}

impl<'a> DateFrom<'a> {
    /// What the options say. A profile serves all stages, so the streaming one has nothing of it.
    pub(super) fn of(args: &'a DateSourceArgs, stage: StageKind) -> Self {
        if stage.is_offline() {
            Self::named(args)
        } else {
            Self::Option
        }
    }

    /// What the options say, whatever the stage.
    pub(super) fn named(args: &'a DateSourceArgs) -> Self {
        match (&args.date_from_path, &args.date_from_field) {
            (Some(pattern), _) => Self::Path(pattern),
            (None, Some(field)) => Self::Field(field),
            (None, None) => Self::Option,
        }
    }

    /// Whether places go together with it, if it is not `--date` that says the day.
    pub(super) fn check_places(self, sources: &Sources) -> Result<(), UsageError> {
        match (self, sources) {
            (Self::Option, _) => Ok(()),
            (_, Sources::Paths(patterns)) if patterns.iter().any(PathPattern::has_date) => {
                Err(UsageError::new(
                    "{date} in a PATH and --date-from-path or --date-from-field both say the day; \
                     use one of them",
                ))
            }
            (Self::Path(_), Sources::Stdin { .. }) => Err(UsageError::new(
                "standard input has no path that could say the day; name it with --date",
            )),
            _ => Ok(()),
        }
    }

    /// Whether what is to be uploaded goes together with it.
    pub(super) fn check(
        self,
        sources: &Sources,
        dates: &[DataDate],
        restart: bool,
    ) -> Result<(), UsageError> {
        self.check_places(sources)?;
        match (self, sources) {
            (Self::Option, sources) => check_placeholders(sources, dates),
            (Self::Field(_), Sources::Stdin { .. }) if dates.is_empty() => Err(UsageError::new(
                "standard input can be read only once, so its days are not known before; name them \
                 with --date",
            )),
            _ if restart && dates.is_empty() => Err(UsageError::new(
                "--restart needs the days that are to be started over; name them with --date",
            )),
            _ => Ok(()),
        }
    }
}

/// Without `{date}` every day would be given the same rows.
pub(super) fn check_placeholders(sources: &Sources, dates: &[DataDate]) -> Result<(), UsageError> {
    match sources {
        Sources::Stdin { .. } if dates.len() > 1 => Err(UsageError::new(
            "standard input can hold the rows of one day only; name one with --date",
        )),
        Sources::Paths(patterns) if dates.len() > 1 => {
            match patterns.iter().find(|pattern| !pattern.has_date()) {
                Some(pattern) => Err(UsageError::new(format!(
                    "{} days are asked for, but '{pattern}' has no {{date}} in it, so all of them \
                     would get the same rows; put {{date}} into every PATH or name one day",
                    dates.len()
                ))),
                None => Ok(()),
            }
        }
        Sources::Paths(patterns) if dates.is_empty() => {
            match patterns.iter().find(|pattern| pattern.has_date()) {
                Some(pattern) => Err(UsageError::new(format!(
                    "'{pattern}' has {{date}} in it, but the streaming stage has no date"
                ))),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}
