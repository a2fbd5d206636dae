//! A DIS stream as something that rows are read from.
//!
//! Its partitions and its checkpoints are here; looking into a partition is `look`. Whoever asks takes a
//! copy of the service, so that looks go on beside each other.

use super::checkpoint::{CommitFault, Wish, commit, create_app, get, lock_name};
use super::fault::Fault;
use super::service::Service;
use crate::domain::Verdict;
use crate::input::{
    CheckpointState, Fetched, Listing, RecordForm, RecordStream, StreamAnswer, StreamFault,
    StreamHold, StreamPartition, StreamPlace, StreamTrouble,
};
use crate::ledger::{LedgerError, checkpoint_lock};
use crate::protocol::huawei::{
    AppName, Consumer, HuaweiCall, ListedPartition, ListedPartitions, PartitionId, ProjectId,
    RefusalKind, SequenceNumber, StreamName, decode_partitions,
};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a lock that another process holds is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// Who reads which stream.
#[derive(Debug, Clone)]
pub struct DisConsumer {
    /// Whose stream it is.
    pub project: ProjectId,
    /// The stream.
    pub stream: StreamName,
    /// The consumer's name.
    pub app: AppName,
    /// Whether the app is created when there is none.
    pub create_app: bool,
}

/// A stream, read as an app.
#[derive(Debug)]
pub struct DisStream {
    pub(super) consumer: DisConsumer,
    name: String,
    /// Whoever asks takes a copy, and gives it back with what it learned of clock and credentials.
    service: Mutex<Service>,
    /// Where each partition is read next, with the cursor for it.
    pub(super) cursors: Mutex<HashMap<PartitionId, (StreamPlace, String)>>,
    /// Where processes of this machine lock what they commit.
    shared: PathBuf,
}

impl DisStream {
    /// A stream of a service. Locks of checkpoints lie in `shared`, which all processes of this machine
    /// use.
    pub fn new(service: Service, consumer: DisConsumer, shared: PathBuf) -> Self {
        Self {
            name: format!("dis://{}/{}", consumer.stream, consumer.app),
            consumer,
            service: Mutex::new(service),
            cursors: Mutex::default(),
            shared,
        }
    }

    fn service(&self) -> Service {
        locked(&self.service).clone()
    }

    fn give_back(&self, service: Service) {
        *locked(&self.service) = service;
    }

    fn consumer_of(&self, partition: PartitionId) -> Consumer {
        Consumer {
            project: self.consumer.project.clone(),
            stream: self.consumer.stream.clone(),
            app: self.consumer.app.clone(),
            partition,
        }
    }

    /// All partitions, the form of their records, and when that was by the clock of the service.
    pub(super) async fn listed(
        &self,
        service: &mut Service,
    ) -> Result<(Vec<ListedPartition>, RecordForm, Option<DateTime<Utc>>), StreamFault> {
        let (mut partitions, mut behind, mut at) = (Vec::new(), None, None);
        loop {
            let DisConsumer {
                project, stream, ..
            } = &self.consumer;
            let call = HuaweiCall::describe_stream(project, stream, behind);
            let (page, dated) = page(service, &call).await?;
            at = at.or(dated);
            let form = form_of(&page);
            let last = page.partitions.last().map(|it| it.partition);
            partitions.extend(page.partitions);
            if !page.has_more || last.is_none() || last == behind {
                return Ok((partitions, form, at));
            }
            behind = last;
        }
    }

    async fn list(&self, service: &mut Service) -> Result<Listing, StreamFault> {
        let (listed, form, at) = self.listed(service).await?;
        let readable = listed.into_iter().filter(|it| it.is_readable);
        let partitions = readable.map(|it| StreamPartition {
            name: it.partition.to_string(),
            parents: it.parents.iter().map(ToString::to_string).collect(),
            range: it.range,
        });
        Ok(Listing {
            partitions: partitions.collect(),
            at: at.unwrap_or_else(Utc::now).timestamp_millis(),
            form,
        })
    }

    async fn reached(
        &self,
        service: &mut Service,
        partition: PartitionId,
    ) -> Result<Option<u64>, StreamFault> {
        let consumer = self.consumer_of(partition);
        let found = match get(service, &consumer).await {
            Err(fault) if fault.refusal() == Some(RefusalKind::NoApp) => {
                if !self.consumer.create_app {
                    return Err(StreamFault::Other(
                        StreamTrouble::Refused,
                        format!(
                            "{} has no app {}; check --dis-app, or give --create-app to create it",
                            fault.host, consumer.app
                        ),
                    ));
                }
                let mut attempts = service.attempts();
                loop {
                    attempts.begin();
                    let Err(fault) = create_app(service, &consumer).await else {
                        break;
                    };
                    let waited = attempts.wait_after(fault).await;
                    waited.map_err(|fault| explained(&fault))?;
                }
                None
            }
            found => found.map_err(|fault| explained(&fault))?,
        };
        Ok(found.map(|checkpoint| checkpoint.sequence.number()))
    }

    async fn commit_one(
        &self,
        service: &mut Service,
        partition: PartitionId,
        sequence: SequenceNumber,
    ) -> Result<CheckpointState, StreamFault> {
        let consumer = self.consumer_of(partition);
        let name = lock_name(service.host(), &consumer);
        let _held = loop {
            let tried = checkpoint_lock(&self.shared, &name).map_err(|error| not_locked(&error))?;
            match tried {
                Some(held) => break held,
                None => tokio::time::sleep(LOCK_INTERVAL).await,
            }
        };
        let wish = Wish {
            consumer,
            sequence,
            metadata: None,
            allow_rewind: false,
            create_app: self.consumer.create_app,
        };
        match commit(service, &wish).await {
            Ok(_) => Ok(CheckpointState::Committed),
            Err(CommitFault::Rewind { there, .. }) => Ok(CheckpointState::Further(there.number())),
            Err(CommitFault::Service { fault, .. }) => Err(match fault.refusal() {
                Some(RefusalKind::PartitionExpired | RefusalKind::Partition) => StreamFault::Gone,
                Some(RefusalKind::OutOfRange) => StreamFault::OutOfRange { oldest: None },
                _ => explained(&fault),
            }),
        }
    }
}

impl RecordStream for DisStream {
    fn name(&self) -> &str {
        &self.name
    }

    fn trouble(&self) -> Option<String> {
        locked(&self.service).trouble()
    }

    fn hold(&self) -> Result<Option<StreamHold>, StreamFault> {
        let consumer = &self.consumer;
        let name = format!(
            "reading {} {} {} {}",
            locked(&self.service).host(),
            consumer.project,
            consumer.stream,
            consumer.app
        );
        let held = checkpoint_lock(&self.shared, &name).map_err(|error| not_locked(&error))?;
        Ok(held.map(|held| -> StreamHold { Box::new(held) }))
    }

    fn partitions(self: Arc<Self>) -> StreamAnswer<Listing> {
        Box::pin(async move {
            let mut service = self.service();
            let listed = self.list(&mut service).await;
            self.give_back(service);
            listed
        })
    }

    fn checkpoint(self: Arc<Self>, partition: String) -> StreamAnswer<Option<u64>> {
        Box::pin(async move {
            let mut service = self.service();
            let found = self.reached(&mut service, known(&partition)?).await;
            self.give_back(service);
            found
        })
    }

    fn fetch(
        self: Arc<Self>,
        partition: String,
        place: StreamPlace,
        bytes: usize,
    ) -> StreamAnswer<Fetched> {
        Box::pin(async move {
            let mut service = self.service();
            let partition = known(&partition)?;
            let fetched = self.look(&mut service, partition, place, bytes).await;
            self.give_back(service);
            fetched
        })
    }

    fn commit(self: Arc<Self>, partition: String, number: u64) -> StreamAnswer<CheckpointState> {
        Box::pin(async move {
            let mut service = self.service();
            let partition = known(&partition)?;
            let Some(sequence) = SequenceNumber::new(number) else {
                let text = format!("{number} is no sequence number");
                return Err(StreamFault::Other(StreamTrouble::Refused, text));
            };
            let committed = self.commit_one(&mut service, partition, sequence).await;
            self.give_back(service);
            committed
        })
    }
}

pub(super) fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_locked(error: &LedgerError) -> StreamFault {
    StreamFault::Other(StreamTrouble::Temporary, error.to_string())
}

/// What a page of the list says of the records.
fn form_of(page: &ListedPartitions) -> RecordForm {
    let data_type = page.data_type.as_deref().unwrap_or_default();
    RecordForm {
        is_csv: data_type.eq_ignore_ascii_case("csv"),
        delimiter: page.delimiter.clone(),
        compression: page.compression.as_ref().map(|it| it.to_ascii_lowercase()),
    }
}

/// A partition by its name.
fn known(name: &str) -> Result<PartitionId, StreamFault> {
    name.parse()
        .map_err(|error: crate::protocol::huawei::InvalidName| {
            StreamFault::Other(StreamTrouble::Refused, error.to_string())
        })
}

/// Asks for a part of the list, for as long as that can help.
async fn page(
    service: &mut Service,
    call: &HuaweiCall,
) -> Result<(ListedPartitions, Option<DateTime<Utc>>), StreamFault> {
    let mut attempts = service.attempts();
    loop {
        attempts.begin();
        let fault = match service.ask_dated(call).await {
            Ok((body, dated)) => match decode_partitions(&body) {
                Ok(page) => return Ok((page, dated)),
                Err(_) => service.unreadable("not with a list of partitions"),
            },
            Err(fault) => fault,
        };
        let waited = attempts.wait_after(fault).await;
        waited.map_err(|fault| explained(&fault))?;
    }
}

/// A fault for whoever reads the stream.
pub(super) fn explained(fault: &Fault) -> StreamFault {
    let trouble = match (fault.refusal(), fault.verdict()) {
        (Some(RefusalKind::BlackListed | RefusalKind::AppBusy), _)
        | (_, Verdict::Throttled | Verdict::ServerError | Verdict::Unknown | Verdict::NotSent) => {
            StreamTrouble::Temporary
        }
        (_, Verdict::Unauthorized) => StreamTrouble::Unauthorized,
        _ => StreamTrouble::Refused,
    };
    StreamFault::Other(trouble, fault.to_string())
}
