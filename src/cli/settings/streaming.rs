//! What reading rows as they are made asks for: `--follow` and `--linger`.

use super::Context;
use super::dis::is_stream;
use crate::cli::args::{CompressionName, FormatName, WriteArgs};
use crate::cli::error::UsageError;
use crate::domain::StageKind;
use crate::input::{Location, PathPattern};
use crate::upload::Sources;
use std::path::Path;
use std::time::Duration;

/// As good as for ever; an instant so far away can still be reckoned with.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The sources as they are read: followed, if that was asked for and can be done.
pub(super) fn followed(
    args: &WriteArgs,
    stage: StageKind,
    sources: Sources,
) -> Result<Sources, UsageError> {
    if !args.run.follow {
        return Ok(sources);
    }
    let refused = |why: String| Err(UsageError::new(format!("--follow {why}")));
    if stage.is_offline() {
        return refused(format!(
            "is for the stage incremental_sync_streaming; a day of {stage} ends, so upload its files when they are complete"
        ));
    }
    if args.run.dry_run {
        return refused(
            "has no end that --dry-run could come to; leave one of them out".to_owned(),
        );
    }
    let reading = &args.input.reading;
    let is_text = matches!(reading.format, FormatName::Auto | FormatName::Jsonl)
        && matches!(
            reading.compression,
            CompressionName::Auto | CompressionName::None
        );
    if !is_text {
        return refused(
            "reads JSON lines as they are written; leave --format and --compression out".to_owned(),
        );
    }
    let Sources::Paths(patterns) = sources else {
        return refused(
            "needs files; what comes from standard input is sent as it comes in any case"
                .to_owned(),
        );
    };
    match patterns.iter().find(|pattern| !is_plain(pattern)) {
        Some(pattern) => refused(format!(
            "needs the paths of single files, which need not exist yet; '{pattern}' is none"
        )),
        None => Ok(Sources::Followed(patterns)),
    }
}

fn is_plain(pattern: &PathPattern) -> bool {
    let name = pattern.to_string();
    let is_file = matches!(Location::of_name(&name), Location::File(_));
    is_file && !pattern.is_glob() && !Path::new(&name).is_dir()
}

/// How long a row waits for others of its batch; nothing where an input has all its rows already. A
/// part of a larger upload is cut by its rows alone, so that it can be cut again.
pub(super) fn linger(
    context: Context<'_>,
    args: &WriteArgs,
    (stage, sources): (StageKind, &Sources),
) -> Result<Option<Duration>, UsageError> {
    if stage.is_offline() {
        // A profile serves all stages; what was typed or exported was meant for this run.
        if context.invocation.origin("linger").rank() >= 2 {
            return Err(UsageError::new(format!(
                "--linger is for the stage incremental_sync_streaming, not for {stage}; leave it out"
            )));
        }
        return Ok(None);
    }
    let is_part = args.part.end_mark || args.part.request_id_seed.is_some();
    Ok(match sources {
        Sources::Followed(_) | Sources::Stream(_) => Some(args.batch.linger),
        Sources::Stdin { .. } if !is_part => Some(args.batch.linger),
        Sources::Stdin { .. } | Sources::Paths(_) => None,
    })
}

/// How long one batch is tried: following gives nothing up unless it is told to.
pub(super) fn retry_for(context: Context<'_>, args: &WriteArgs) -> Duration {
    let is_endless = args.run.follow || args.input.paths.iter().any(|path| is_stream(path));
    if is_endless && !context.invocation.is_given("retry_for") {
        return FOR_EVER;
    }
    args.retry.retry_for
}
