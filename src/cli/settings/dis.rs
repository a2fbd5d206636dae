//! A DIS stream as the source of `write`.

use super::{Context, HuaweiConnection, HuaweiService};
use crate::cli::args::{OutOfRangeName, WriteArgs};
use crate::cli::error::UsageError;
use crate::domain::StageKind;
use crate::http::HuaweiClient;
use crate::huawei::{DisConsumer, DisStream, Service};
use crate::input::{InputSettings, RecordForm};
use crate::limiter::shared_directory;
use crate::protocol::huawei::StreamName;
use crate::upload::{OutOfRange, Sources, StreamSource};
use std::sync::Arc;
use std::time::Duration;

/// What a stream is written with among the paths.
const SCHEME: &str = "dis://";

/// Options that are about a stream alone.
const ABOUT_STREAMS: [&str; 5] = ["dis_app", "from", "out_of_range", "create_app", "until_end"];

/// Whether a path is a stream.
pub(super) fn is_stream(path: &str) -> bool {
    path.starts_with(SCHEME)
}

/// The stream that the paths name, if they name one; nothing is asked of it yet. Requests to it are
/// tried for `retry_for`.
pub(super) fn stream(
    context: Context<'_>,
    args: &WriteArgs,
    stage: StageKind,
    retry_for: Duration,
) -> Result<Option<Sources>, UsageError> {
    let Some(name) = args.input.paths.iter().find(|path| is_stream(path)) else {
        let typed = |key: &&str| context.invocation.origin(key).rank() >= 3;
        return match ABOUT_STREAMS.iter().find(|key| typed(key)) {
            None => Ok(None),
            Some(key) => Err(UsageError::new(format!(
                "--{} is about a source dis://STREAM, and there is none; leave it out",
                key.replace('_', "-")
            ))),
        };
    };
    let stream: StreamName = name
        .trim_start_matches(SCHEME)
        .trim_end_matches('/')
        .parse()
        .map_err(|error| UsageError::new(format!("'{name}': {error}")))?;
    check(args, stage, name)?;
    let app = args.dis.dis_app.clone().ok_or_else(|| {
        UsageError::new(format!("{name} is read as an app; name it with --dis-app"))
    })?;
    let mut connection =
        HuaweiConnection::resolve(context, (&args.dis.place, &args.retry), HuaweiService::Dis)?;
    connection.backoff.budget = retry_for;
    let client = HuaweiClient::new(&connection.settings)
        .map_err(|error| UsageError::new(error.to_string()))?;
    let shared = shared_directory().map_err(|error| UsageError::new(error.to_string()))?;
    let consumer = DisConsumer {
        project: connection.project().clone(),
        stream,
        app,
        create_app: args.dis.create_app,
    };
    let service = Service::new(client, connection.backoff);
    Ok(Some(Sources::Stream(StreamSource {
        stream: Arc::new(DisStream::new(service, consumer, shared)),
        from: args.dis.from,
        out_of_range: match args.dis.out_of_range {
            OutOfRangeName::Fail => OutOfRange::Fail,
            OutOfRangeName::Oldest => OutOfRange::Oldest,
            OutOfRangeName::Latest => OutOfRange::Latest,
        },
        until_end: args.dis.until_end,
        commits: !args.run.sandbox,
        is_compared: Arc::default(),
    })))
}

/// What needs no word of the stream to be refused.
pub(super) fn check_form(args: &WriteArgs, input: &InputSettings) -> Result<(), UsageError> {
    let applied = RecordForm::default().apply(input);
    let name = args.input.paths.first().map_or(SCHEME, String::as_str);
    let refused = |why| UsageError::new(format!("{name}: {why}"));
    applied.map(drop).map_err(refused)
}

fn check(args: &WriteArgs, stage: StageKind, name: &str) -> Result<(), UsageError> {
    let refused = |why: &str| Err(UsageError::new(format!("{name} {why}")));
    if stage.is_offline() {
        return refused(
            "is for the stage incremental_sync_streaming; a stream has no day that ends",
        );
    }
    if args.input.paths.len() > 1 || args.input.files_from.is_some() {
        return refused("must be the only PATH; read each source with a command of its own");
    }
    if args.run.follow {
        return refused("is followed in any case; leave --follow out");
    }
    if args.run.dry_run {
        return refused(
            "cannot be counted by --dry-run; try it with --sandbox --until-end, which commits no checkpoint",
        );
    }
    if args.part.end_mark || args.part.request_id_seed.is_some() {
        return refused("is no part of a larger upload; leave --request-id-seed out");
    }
    Ok(())
}
