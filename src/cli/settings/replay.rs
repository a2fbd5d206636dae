//! Everything that `rejects replay` needs: it is a `write` of one file for one date, with the guards
//! that the date remembers.

use super::{Context, WriteOptions};
use crate::cli::args::{
    DateSourceArgs, DisArgs, ErrorArgs, GuardArgs, InputArgs, PartArgs, ReplayArgs, RunArgs,
    UnconfirmedName, WriteArgs,
};
use crate::cli::error::UsageError;
use crate::domain::ErrorBudget;
use std::num::NonZeroU64;
use std::time::Duration;

/// How long requests in flight may take after the first stop signal; the default of `write`.
const GRACE: Duration = Duration::from_secs(30);

impl WriteOptions {
    /// Resolves and checks the options of `rejects replay`, all but the dead letters.
    pub fn of_replay(context: Context<'_>, args: &ReplayArgs) -> Result<Self, UsageError> {
        let file = args.file.to_string_lossy().into_owned();
        if file == "-" {
            return Err(UsageError::new(
                "rejects replay needs a file, whose rows can be counted before anything is sent",
            ));
        }
        let options = Self::resolve(context, &as_write(args, file), None)?;
        if options.upload.dates.len() > 1 {
            return Err(UsageError::new(
                "rejects replay is about one date; give one with --date",
            ));
        }
        Ok(options)
    }
}

fn as_write(args: &ReplayArgs, file: String) -> WriteArgs {
    WriteArgs {
        target: args.target.clone(),
        dates: DateSourceArgs::default(),
        input: InputArgs {
            paths: vec![file],
            files_from: None,
            input_id: None,
            reading: args.reading.clone(),
        },
        batch: args.batch.clone(),
        rate: args.rate.clone(),
        retry: args.retry.clone(),
        // Nobody can give these here, so the date keeps what it has.
        errors: ErrorArgs {
            max_errors: ErrorBudget::Rows(0),
            stop_after_errors: NonZeroU64::MAX,
            unconfirmed: UnconfirmedName::Accept,
        },
        guards: GuardArgs {
            no_done: false,
            done_format: args.done_format,
            min_rows: None,
            expect_files: None,
            max_drop: None,
            require_marker: None,
            allow_empty: false,
            no_allow_empty: false,
        },
        run: RunArgs {
            dry_run: false,
            restart: false,
            verify: false,
            follow: false,
            max_duration: None,
            grace: GRACE,
            yes_i_mean: None,
            sandbox: false,
        },
        dis: DisArgs::none(),
        part: PartArgs::default(),
    }
}
