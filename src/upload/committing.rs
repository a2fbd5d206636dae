//! Checkpoints of a stream follow what the platform has accepted.
//!
//! Beside the upload, and once more when it has ended, it is looked up in the ledger how far each
//! partition is settled, and that is committed. So a checkpoint is never further than what is settled on
//! disk, whatever happens to the process, and a run that goes on after a crash commits what the one
//! before had no time for. The ledger, not the checkpoint, is where the next run of this machine goes on.

use super::context::Services;
use super::event::Event;
use super::failure::{self, stream_status};
use super::report::Status;
use super::settings::{Settings, Sources};
use super::stop::{Stop, StopCause};
use super::stream_notes::Note;
use crate::input::{CheckpointState, RecordStream, StreamFault};
use crate::ledger::{InputKind, LedgerError, LedgerReader, RegisteredPartition};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often checkpoints are committed.
const EVERY: Duration = Duration::from_secs(1);

/// How long the last commits of a run that is to stop may take at least: without a grace there is time
/// to see that there is nothing to commit.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);

type Problems = Vec<(Status, String)>;

/// Checkpoints being committed beside an upload.
pub(super) struct Committing {
    end: watch::Sender<bool>,
    task: JoinHandle<Problems>,
    stop: Stop,
    /// How long the last commits may take once the run is to stop.
    patience: Duration,
}

/// Who commits.
struct Committer {
    stream: Arc<dyn RecordStream>,
    /// Whether anything may be committed.
    is_compared: Arc<AtomicBool>,
    services: Services,
    partition: RegisteredPartition,
    /// Numbers that are known to be committed, by partition of the stream.
    committed: HashMap<String, u64>,
}

impl Committing {
    /// Begins when a stream is read.
    pub(super) fn begin(
        settings: &Settings,
        services: &Services,
        partition: RegisteredPartition,
    ) -> Option<Self> {
        let Sources::Stream(source) = &settings.sources else {
            return None;
        };
        let (end, ending) = watch::channel(false);
        let committer = Committer {
            stream: Arc::clone(&source.stream),
            is_compared: Arc::clone(&source.is_compared),
            services: services.clone(),
            partition,
            committed: HashMap::new(),
        };
        Some(Self {
            end,
            task: tokio::spawn(committer.run(ending)),
            stop: services.stop.clone(),
            patience: settings.run.grace.max(LEAST_PATIENCE),
        })
    }

    /// Commits once more what is settled, and tells what went wrong.
    pub(super) async fn end(mut self) -> Problems {
        let _it_has_ended_already = self.end.send(true);
        let patience = async {
            self.stop.draining().await;
            tokio::time::sleep(self.patience).await;
        };
        let ended = tokio::select! {
            ended = &mut self.task => Some(ended),
            () = patience => None,
        };
        match ended {
            Some(Ok(problems)) => problems,
            Some(Err(error)) => {
                let problem = format!("committing checkpoints ended unexpectedly: {error}");
                vec![(Status::Unexpected, problem)]
            }
            None => {
                self.task.abort();
                let problem = "the last checkpoints could not be committed in the time of --grace; what was uploaded is recorded, and the next run commits them";
                vec![(Status::Temporary, problem.to_owned())]
            }
        }
    }
}

impl Committer {
    async fn run(mut self, mut ending: watch::Receiver<bool>) -> Problems {
        loop {
            let is_last = tokio::time::timeout(EVERY, ending.wait_for(|end| *end))
                .await
                .is_ok();
            if let Err(problem) = self.commit_all().await {
                self.services.stop.drain(StopCause::Failure);
                return vec![problem];
            }
            if is_last {
                return Vec::new();
            }
        }
    }

    async fn commit_all(&mut self) -> Result<(), (Status, String)> {
        if !self.is_compared.load(Ordering::Acquire) {
            return Ok(());
        }
        for (partition, number) in self.settled().await? {
            let before = match self.committed.get(&partition) {
                Some(before) => Some(*before),
                None => self.committed_earlier(&partition).await?,
            };
            if before.is_some_and(|before| before >= number) {
                continue;
            }
            let stream = Arc::clone(&self.stream);
            let reached = match stream.commit(partition.clone(), number).await {
                Ok(CheckpointState::Committed) => {
                    self.note(&partition, number);
                    number
                }
                Ok(CheckpointState::Further(there)) => {
                    self.tell_further(&partition, there, before);
                    there
                }
                Err(StreamFault::Gone) => number,
                Err(StreamFault::OutOfRange { .. }) => {
                    self.tell(format!(
                        "{}/{partition}: the checkpoint {number} cannot be committed, since the service has deleted that record by now; the next one follows when newer records were uploaded",
                        self.stream.name()
                    ));
                    number
                }
                Err(fault) => return Err(self.uncommitted(&partition, number, &fault)),
            };
            self.committed.insert(partition, reached);
        }
        Ok(())
    }

    /// What an earlier run has committed.
    async fn committed_earlier(&self, partition: &str) -> Result<Option<u64>, (Status, String)> {
        let (ledger, epoch) = (&self.services.ledger, self.partition.epoch);
        let name = format!("{}/{partition}", self.stream.name());
        let noted = Note::Committed.read(ledger, epoch, &name).committed().await;
        let noted = noted.map_err(|error| unreadable(&error))?;
        Ok(noted.map(|noted| noted.records))
    }

    /// Notes what was committed. Without the note, somebody who moves the checkpoint back is not noticed.
    fn note(&self, partition: &str, number: u64) {
        let (ledger, epoch) = (&self.services.ledger, self.partition.epoch);
        let name = format!("{}/{partition}", self.stream.name());
        let _nobody_waits = Note::Committed.write(ledger, epoch, &name, number);
    }

    /// How far each partition is settled.
    async fn settled(&self) -> Result<Vec<(String, u64)>, (Status, String)> {
        let state_dir = self.services.ledger.state_dir().to_owned();
        let (partition, stream) = (self.partition.id, format!("{}/", self.stream.name()));
        let looking = tokio::task::spawn_blocking(move || {
            let Some(reader) = LedgerReader::open(&state_dir)? else {
                return Ok(Vec::new());
            };
            let mut settled = Vec::new();
            for input in reader.inputs(partition)? {
                if let (InputKind::Dis, Some(name)) = (input.kind, input.name.strip_prefix(&stream))
                    && let Some(number) = reader.settled_number(partition, input.id)?
                {
                    settled.push((name.to_owned(), number));
                }
            }
            Ok(settled)
        });
        let looked = looking.await.unwrap_or(Err(LedgerError::Closed));
        looked.map_err(|error| unreadable(&error))
    }

    /// Only a checkpoint that moved while this run was committing it has another owner as well.
    fn tell_further(&self, partition: &str, there: u64, before: Option<u64>) {
        if before.is_some_and(|before| before < there) {
            self.tell(format!(
                "{}/{partition}: the checkpoint is at {there}, which this run has not committed: somebody else reads the stream as the same app; the checkpoint stays there",
                self.stream.name()
            ));
        }
    }

    fn tell(&self, warning: String) {
        self.services.observer.observe(&Event::Warning(warning));
    }

    fn uncommitted(&self, partition: &str, number: u64, fault: &StreamFault) -> (Status, String) {
        let problem = format!(
            "{}/{partition}: the checkpoint {number} was not committed: {fault}. What was uploaded is recorded, and the next run commits it",
            self.stream.name()
        );
        (stream_status(fault), problem)
    }
}

/// What a failure of the ledger means for committing.
fn unreadable(error: &LedgerError) -> (Status, String) {
    let status = failure::ledger_status(error);
    (status, super::explain::with_causes(error))
}
