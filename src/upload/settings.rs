//! What an upload was asked to do, resolved and checked. No field needs a second interpretation.

use crate::domain::{
    BatchSize, DataDate, Epoch, GuardChanges, Partition, StageKind, Target, Topic, Zone,
};
use crate::input::{DayPattern, InputSettings, PathPattern, RecordStream};
use crate::ledger::ReplayIntent;
use crate::protocol::DoneFormat;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Everything that `write` needs besides the connection, the limiter and the ledger.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose data it is.
    pub target: Target,
    /// `host[:port]` of every host that serves the target.
    pub hosts: Vec<String>,
    /// Accept hosts that share nothing with those the ledger knows for the target.
    pub same_target: bool,
    /// Which table.
    pub topic: Topic,
    /// Which stage.
    pub stage: StageKind,
    /// The days that were named, in order and without repeats; empty when streaming, or when the
    /// inputs say their days and none was named.
    pub dates: Vec<DataDate>,
    /// The folders that say the day of a file. Rows that say their own day are among the settings
    /// of the input.
    pub date_from_path: Option<DayPattern>,
    /// The zone in which a day ends.
    pub zone: Zone,
    /// What to read.
    pub sources: Sources,
    /// How to read it.
    pub input: InputSettings,
    /// How to cut it.
    pub batch: BatchSettings,
    /// How long to try.
    pub retry: RetrySettings,
    /// What has to hold before `done`.
    pub gate: GateSettings,
    /// How the run itself behaves.
    pub run: RunSettings,
    /// Dead letters that the rows of the only input replace (`rejects replay`).
    pub replay: Option<ReplayIntent>,
}

impl Settings {
    /// Whether a date gets its `done` when nothing is missing. Where inputs say their dates, only what
    /// was named does.
    pub const fn asks_for_done(&self) -> bool {
        !self.dates.is_empty() || !self.stage.is_offline()
    }

    /// Whether this date does. An input that an earlier command has begun may bring others with it.
    pub fn asks_for_done_of(&self, date: &Partition) -> bool {
        let is_named = date.date().is_none_or(|day| self.dates.contains(&day));
        self.asks_for_done() && is_named
    }
}

/// Where the rows come from.
#[derive(Debug, Clone)]
pub enum Sources {
    /// Files, directories and globs, perhaps with `{date}` in them.
    Paths(Vec<PathPattern>),
    /// Single files that are read while they grow, whatever file is under the path.
    Followed(Vec<PathPattern>),
    /// Standard input, with the name given by `--input-id`.
    Stdin {
        /// Name under which the ledger knows this stream; without one its first 64 KiB do.
        input_id: Option<String>,
    },
    /// A stream of a service.
    Stream(StreamSource),
}

/// A stream that is read.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// The stream, as one of its consumers.
    pub stream: Arc<dyn RecordStream>,
    /// Where a partition begins that this ledger has not read yet.
    pub from: StreamFrom,
    /// What to do when records that come next are not kept any more.
    pub out_of_range: OutOfRange,
    /// End when there is nothing more, instead of waiting for it.
    pub until_end: bool,
    /// Whether checkpoints are committed: not when the rows go to a server that forgets them.
    pub commits: bool,
    /// Set when the checkpoints were compared with those that this ledger has committed. None is committed
    /// before.
    pub is_compared: Arc<AtomicBool>,
}

/// Where reading begins (`--from`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFrom {
    /// Behind the checkpoint; without one, at the oldest record.
    Checkpoint,
    /// At the oldest record.
    Oldest,
    /// At what is written from now on.
    Latest,
    /// At what was written then or later, milliseconds since 1970.
    Time(i64),
}

/// What records that are gone mean (`--out-of-range`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutOfRange {
    /// The run ends.
    Fail,
    /// It goes on with the oldest record.
    Oldest,
    /// It goes on with what is written from now on.
    Latest,
}

/// How rows become batches.
#[derive(Debug, Clone, Copy)]
pub struct BatchSettings {
    /// Most rows in a batch.
    pub rows: BatchSize,
    /// Most bytes of uncompressed JSON in a batch; a single larger row is a batch of its own.
    pub bytes: usize,
    /// Level of gzip, 1 (fastest) to 12 (smallest). A batch is told by its rows, so another run may
    /// send it compressed otherwise.
    pub gzip_level: i32,
    /// Bytes of all buffers together.
    pub memory_bytes: usize,
    /// Most requests at one time; `None` grows by itself.
    pub max_in_flight: Option<usize>,
    /// How long a row waits for others of its batch, where rows come as they are made; `None` where an
    /// input is read as fast as it can be.
    pub linger: Option<Duration>,
}

/// How failures are met.
#[derive(Debug, Clone, Copy)]
pub struct RetrySettings {
    /// Budget of time of one batch, from its first attempt of this run.
    pub retry_for: Duration,
    /// Longest single wait between two attempts.
    pub max_delay: Duration,
}

/// What has to hold before `done` is sent; stored with the date.
#[derive(Debug, Clone)]
pub struct GateSettings {
    /// Hold `done` back (`--no-done`).
    pub hold: bool,
    /// Other machines have rows of the same dates (`--rate-share`); `done` is held back for them.
    pub several_machines: Option<String>,
    /// Guards that the command names.
    pub guards: GuardChanges,
    /// Rejected rows after which a run stops reading.
    pub stop_after_errors: u64,
    /// Form of the `done` request.
    pub done_format: DoneFormat,
}

/// How a run behaves.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Plan only; open nothing for writing, send nothing.
    pub dry_run: bool,
    /// Everything again under a new epoch.
    pub restart: bool,
    /// Re-read what the ledger holds as read even when the file looks untouched.
    pub verify: bool,
    /// Stop, resumable, after this long.
    pub max_duration: Option<Duration>,
    /// How long requests in flight may take after the first stop signal.
    pub grace: Duration,
    /// `--yes-i-mean` given with this word.
    pub confirmed: Option<String>,
    /// Directory of the ledger, the spool, the rejects and the run logs.
    pub state_dir: PathBuf,
    /// The command line for the ledger's `run` row and for "next command" hints, without secrets.
    pub command: String,
    /// Which upload of how many this is, for people, in a run of several.
    pub place: Option<String>,
    /// Where the ids of a part of a larger upload come from; `None` for everyone else.
    pub seed: Option<Seed>,
}

/// Makes Request-Ids that another ledger makes again from the same rows (`--request-id-seed`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed {
    /// Takes the place of a random epoch.
    pub epoch: Epoch,
    /// An upload with this seed was begun before, with a ledger that this one knows nothing of.
    pub used_before: bool,
}
