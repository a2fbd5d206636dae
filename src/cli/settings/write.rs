//! Everything that `write` needs, from its options.

use super::date_from::DateFrom;
use super::guards::{check_marker, gate_settings, own_zone};
use super::part::{QuotaAddress, quota_service, seed};
use super::rate::RateSettings;
use super::reading::input_settings;
use super::rules::warnings_about;
use super::streaming::{followed, linger, retry_for};
use super::{Connection, Context, SandboxEndpoint, dis};
use crate::cli::args::{DoneFormatName, InputArgs, WriteArgs};
use crate::cli::dates::{ranges, resolve_dates};
use crate::cli::error::UsageError;
use crate::cli::invocation::{Invocation, Origin};
use crate::cli::value::{InFlight, nearest};
use crate::domain::{BatchSize, DataDate, MAX_BATCH_ROWS, StageKind, Topic};
use crate::http::ConnectionSettings;
use crate::input::{DateField, InputSettings, InvalidPattern, PathPattern};
use crate::protocol::DoneFormat;
use crate::upload::{BatchSettings, RetrySettings, RunSettings, Settings, Sources};
use crate::upload::{STREAMING_ONLY, with_absolute_days};
use std::path::Path;
use std::sync::Arc;

/// Rows of a batch when streaming, by default: such rows are wanted soon.
const STREAMING_BATCH_ROWS: u32 = 1_000;
/// Memory beside the two bodies that are needed at least.
const BASE_MEMORY_BYTES: usize = 8 << 20;
/// The platform's own topics (D108564); others are possible.
const USUAL_TOPICS: [&str; 3] = ["item", "user", "behavior"];

/// Options that the streaming stage cannot have: they are about dates and `done`.
pub(in crate::cli) const ABOUT_DATES: [&str; 12] = [
    "date",
    "date_from_path",
    "date_from_field",
    "date_format",
    "no_done",
    "done_format",
    "min_rows",
    "expect_files",
    "max_drop",
    "require_marker",
    "allow_empty",
    "no_allow_empty",
];

/// What `write` was asked to do.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// For the engine.
    pub upload: Settings,
    /// For the client.
    pub connection: ConnectionSettings,
    /// For the limiter.
    pub rate: RateSettings,
    /// Where places in the quota are asked for, besides this machine's.
    pub quota_service: Option<QuotaAddress>,
    /// Standard input says when it is complete.
    pub end_mark: bool,
    /// Things to notice before it begins.
    pub warnings: Vec<String>,
}

impl WriteOptions {
    /// Resolves and checks the options of `write`.
    pub fn resolve(
        context: Context<'_>,
        args: &WriteArgs,
        sandbox: Option<&SandboxEndpoint>,
    ) -> Result<Self, UsageError> {
        let invocation = context.invocation;
        let (topic, stage) = topic_and_stage(args)?;
        let rate = RateSettings::resolve(&args.rate)?;
        let mut input = input_settings(&args.input.reading, &topic)?;
        let mut warnings = warnings(&topic, &rate);
        warnings.extend(warnings_about(&input.rules));
        let sources = all_sources(context, args, stage, &input)?;
        let batch = BatchSettings {
            linger: linger(context, args, (stage, &sources))?,
            ..batch_settings(args, stage, &rate)?
        };
        let connection = Connection::resolve(context, args.retry.timeout, sandbox)?;
        let dates = dates(context, args, stage, &connection)?;
        let date_from = DateFrom::of(&args.dates, stage);
        date_from.check(&sources, &dates, args.run.restart)?;
        if let DateFrom::Field(name) = date_from {
            input.date_field = Some(Arc::new(DateField {
                name: name.to_owned(),
                format: args.dates.date_format.clone(),
                zone: connection.zone,
                wanted: (!dates.is_empty()).then(|| dates.clone()),
            }));
        }
        input.stores = connection.stores;
        let zone = own_zone(invocation, connection.zone);
        let gate = gate_settings(invocation, args, (stage, zone), &rate);
        check_marker(&gate, &sources)?;
        Ok(Self {
            upload: Settings {
                target: connection.settings.target.clone(),
                hosts: connection.settings.hosts.clone(),
                same_target: args.target.same_target,
                topic: topic.clone(),
                stage,
                dates: dates.clone(),
                date_from_path: match date_from {
                    DateFrom::Path(pattern) => Some(pattern.clone()),
                    DateFrom::Option | DateFrom::Field(_) => None,
                },
                zone: connection.zone,
                sources,
                input,
                batch,
                retry: RetrySettings {
                    retry_for: retry_for(context, args),
                    max_delay: args.retry.retry_max_delay,
                },
                gate,
                run: RunSettings {
                    dry_run: args.run.dry_run,
                    place: None,
                    restart: args.run.restart,
                    verify: args.run.verify,
                    max_duration: args.run.max_duration,
                    grace: args.run.grace,
                    confirmed: confirmed(args, sandbox),
                    state_dir: connection.state_dir,
                    command: command_again(invocation, args, &dates),
                    seed: seed(&args.part, &args.input.paths)?,
                },
                replay: None,
            },
            connection: connection.settings,
            rate,
            quota_service: quota_service(invocation, &args.part)?,
            end_mark: args.part.end_mark,
            warnings,
        })
    }
}

/// What is meant for sure.
fn confirmed(args: &WriteArgs, sandbox: Option<&SandboxEndpoint>) -> Option<String> {
    // No project is behind the built-in server.
    match sandbox {
        Some(_) => Some(STREAMING_ONLY.to_owned()),
        None => args.run.yes_i_mean.clone(),
    }
}

/// What was typed, with its days as they are now.
fn command_again(invocation: &Invocation, args: &WriteArgs, dates: &[DataDate]) -> String {
    if !args.target.date.iter().any(|spec| spec.is_relative()) {
        return invocation.command_line.clone();
    }
    let days = ranges(&dates.iter().copied().collect());
    with_absolute_days(&invocation.command_line, &days)
}

fn topic_and_stage(args: &WriteArgs) -> Result<(Topic, StageKind), UsageError> {
    let topic = args.target.topic.clone().ok_or_else(|| {
        UsageError::new("--topic is missing; give --topic item, user, behavior or another one")
    })?;
    let stage = args.target.stage.ok_or_else(|| {
        UsageError::new(
            "--stage is missing; give --stage pre_sync, history_sync, incremental_sync_daily or \
             incremental_sync_streaming",
        )
    })?;
    Ok((topic, stage))
}

fn warnings(topic: &Topic, rate: &RateSettings) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(near) =
        nearest(topic.as_str(), USUAL_TOPICS).filter(|_| !USUAL_TOPICS.contains(&topic.as_str()))
    {
        warnings.push(format!(
            "topic '{topic}' is unusual; did you mean '{near}'?"
        ));
    }
    if rate.unlimited {
        warnings.push(
            "--no-rate-limit: the public platform answers 429 beyond 100 requests and 50,000 rows \
             a second"
                .to_owned(),
        );
    }
    if rate.shared_between_machines.is_some() {
        warnings.push(
            "--rate-share: done is held back, because this machine cannot know when the others \
             are finished; run `byteair-sync done --require-report REPORT...` when all are"
                .to_owned(),
        );
    }
    warnings
}

fn batch_settings(
    args: &WriteArgs,
    stage: StageKind,
    rate: &RateSettings,
) -> Result<BatchSettings, UsageError> {
    let usual = if stage.is_offline() {
        MAX_BATCH_ROWS
    } else {
        STREAMING_BATCH_ROWS
    };
    let wanted = args.batch.batch_rows.unwrap_or(usual);
    // A batch larger than what one second lets through could never be sent.
    let rows = if rate.unlimited {
        wanted
    } else {
        wanted.min(rate.rows_per_second.get())
    };
    let (batch_bytes, row_bytes) = (args.batch.batch_bytes, args.input.reading.max_row_bytes);
    let largest = batch_bytes.max(row_bytes);
    let needed = largest
        .0
        .saturating_mul(2)
        .saturating_add(BASE_MEMORY_BYTES);
    if args.batch.memory.0 < needed {
        return Err(UsageError::new(format!(
            "--memory {} is too little for --batch-bytes {batch_bytes} and --max-row-bytes \
             {row_bytes}: at least twice the larger one and 8MiB are needed, {}",
            args.batch.memory,
            crate::cli::value::ByteSize(needed)
        )));
    }
    Ok(BatchSettings {
        rows: BatchSize::new(rows).map_err(|error| UsageError::new(error.to_string()))?,
        bytes: batch_bytes.0,
        gzip_level: args.batch.compression_level,
        memory_bytes: args.batch.memory.0,
        max_in_flight: match args.batch.max_in_flight {
            InFlight::Auto => None,
            InFlight::AtMost(number) => Some(number),
        },
        linger: None,
    })
}

fn all_sources(
    context: Context<'_>,
    args: &WriteArgs,
    stage: StageKind,
    input: &InputSettings,
) -> Result<Sources, UsageError> {
    match dis::stream(context, args, stage, retry_for(context, args))? {
        Some(stream) => dis::check_form(args, input).map(|()| stream),
        None => followed(args, stage, sources(context.invocation, &args.input)?),
    }
}

pub(super) fn sources(invocation: &Invocation, args: &InputArgs) -> Result<Sources, UsageError> {
    let mut paths = args.paths.clone();
    if let Some(list) = &args.files_from {
        let text = std::fs::read_to_string(list).map_err(|error| {
            UsageError::new(format!("cannot read --files-from {}", list.display())).because(error)
        })?;
        paths.extend(
            text.lines()
                .filter(|line| !line.trim().is_empty())
                .map(str::to_owned),
        );
    }
    if paths.is_empty() {
        return Err(UsageError::new(
            "there is nothing to read; name files, directories, quoted globs, or - for standard \
             input",
        ));
    }
    if let Some(stream) = paths.iter().find(|path| dis::is_stream(path)) {
        return Err(UsageError::new(format!(
            "{stream} can only be read by write, as a PATH of its command line"
        )));
    }
    if paths.iter().any(|path| path == "-") {
        if paths.len() > 1 {
            return Err(UsageError::new(
                "- stands for standard input and must be the only PATH",
            ));
        }
        return Ok(Sources::Stdin {
            input_id: args.input_id.clone(),
        });
    }
    if args.input_id.is_some() && invocation.origin("input_id") == Origin::Flag {
        return Err(UsageError::new(
            "--input-id names standard input; it needs - as PATH",
        ));
    }
    let parsed: Result<Vec<PathPattern>, _> = paths.iter().map(|path| pattern(path)).collect();
    parsed
        .map(Sources::Paths)
        .map_err(|error| UsageError::new(error.to_string()))
}

/// A path as it was given. What is there is meant by its name, even one that is no valid glob.
fn pattern(path: &str) -> Result<PathPattern, InvalidPattern> {
    match PathPattern::parse(path) {
        Err(InvalidPattern::BadGlob(_) | InvalidPattern::UnknownPlaceholder { .. })
            if Path::new(path).exists() =>
        {
            Ok(PathPattern::literal(path))
        }
        parsed => parsed,
    }
}

fn dates(
    context: Context<'_>,
    args: &WriteArgs,
    stage: StageKind,
    connection: &Connection,
) -> Result<Vec<DataDate>, UsageError> {
    if !stage.is_offline() {
        // A profile serves all stages; what was typed or exported was meant for this run.
        let meant = |key: &&str| context.invocation.origin(key).rank() >= 2;
        if let Some(key) = ABOUT_DATES.iter().find(|key| meant(key)) {
            return Err(UsageError::new(format!(
                "stage {stage} has no date and no done, so --{} ({}) has no meaning; leave it out",
                key.replace('_', "-"),
                context.invocation.origin(key)
            )));
        }
        return Ok(Vec::new());
    }
    let said_by_inputs =
        args.dates.date_from_path.is_some() || args.dates.date_from_field.is_some();
    if args.target.date.is_empty() && said_by_inputs {
        return Ok(Vec::new());
    }
    if args.target.date.is_empty() {
        return Err(UsageError::new(format!(
            "stage {stage} needs the day of the rows; give --date 2022-01-01, yesterday, or A..B, or \
             say where inputs have it with --date-from-path or --date-from-field"
        )));
    }
    resolve_dates(&args.target.date, connection.zone, context.now)
        .map_err(|error| UsageError::new(error.of("--date")))
}

pub(super) const fn done_format(name: DoneFormatName) -> DoneFormat {
    match name {
        DoneFormatName::Protobuf => DoneFormat::Protobuf,
        DoneFormatName::Json => DoneFormat::Json,
    }
}
