//! `run`, telling a catalog: `[on_done] metadata = …` of a job, once `done` of a day is settled.
//!
//! Whether it is settled is asked of the ledger, never of what this run has seen: so a day that was done
//! by an earlier run is told too, if the catalog has not heard of it. What becomes of it leaves `done` as it is.

use super::Session;
use super::huawei_status::{service, status_of};
use super::run_plan::Work;
use crate::cli::args::{Command, MetadataCommand};
use crate::cli::error::{UsageError, chain};
use crate::cli::invocation::Invocation;
use crate::cli::job_file::Notice;
use crate::cli::settings::{Context, HuaweiConnection, HuaweiService};
use crate::domain::Partition;
use crate::huawei::{AnnounceFault, Announced, Announcer, CompleteDate};
use crate::ledger::{KnownPartition, LedgerError, LedgerReader};
use crate::protocol::huawei::EventSource;
use crate::upload::report::{Status, Summary};
use crate::upload::{Services, ledger_status};
use std::path::Path;

/// A catalog that a job tells of its days.
#[derive(Clone)]
pub(super) struct Catalog {
    notice: Notice,
    connection: HuaweiConnection,
    source: EventSource,
}

impl Catalog {
    /// Resolves what a job file says, by the words that it would be as a `metadata sync`.
    pub(super) fn resolve(
        notice: &Notice,
        invocation: &Invocation,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Self, UsageError> {
        let Command::Metadata(MetadataCommand::Sync(args)) = &invocation.cli.command else {
            return Err(UsageError::new("on_done is no metadata sync"));
        };
        let context = Context { invocation, now };
        let connection =
            HuaweiConnection::resolve(context, args.huawei.parts(), HuaweiService::DataArts)?;
        let source = EventSource::new(
            args.engine,
            args.engine_version.clone(),
            args.instance_id.clone(),
            connection.project().clone(),
        )
        .map_err(|error| UsageError::new(error.to_string()))?;
        Ok(Self {
            notice: notice.clone(),
            connection,
            source,
        })
    }

    /// What it is to hear of a partition; `None` while `done` of it is not settled.
    fn complete(
        &self,
        state_dir: &Path,
        partition: &Partition,
    ) -> Result<Option<CompleteDate>, LedgerError> {
        let Some(known) = known(state_dir, partition)?.filter(|known| known.gate.is_done()) else {
            return Ok(None);
        };
        let message = self.notice.message(partition);
        Ok(message.zip(known.done_at).map(|(message, done_at)| {
            let target = &known.partition.target;
            CompleteDate {
                name: format!(
                    "{} {} {} {partition}",
                    target.tenant(),
                    target.application(),
                    target.platform()
                ),
                epoch: known.epoch,
                done_at,
                message,
            }
        }))
    }
}

/// Tells the catalog of a job of those days of a summary that are done.
pub(super) async fn announce(
    session: &Session,
    services: &Services,
    work: &Work,
    summary: &mut Summary,
) {
    let Some(catalog) = &work.catalog else { return };
    let mut announcer = match service(&catalog.connection) {
        Ok(service) => Announcer {
            service,
            project: catalog.connection.project().clone(),
            source: catalog.source.clone(),
            ledger: &services.ledger,
        },
        Err(failure) => {
            let why = format!("the catalog was not told: {:#}", failure.error);
            return owe(summary, failure.status, why);
        }
    };
    let partitions: Vec<Partition> = summary
        .partitions
        .iter()
        .map(|report| report.partition.clone())
        .collect();
    for partition in &partitions {
        let told = tell(&mut announcer, catalog, services, work, partition).await;
        match told {
            Ok(None) => {}
            Ok(Some(note)) => {
                session
                    .printer
                    .message(crate::cli::printer::Level::Info, &note);
                summary.notes.push(note);
            }
            Err(fault) => {
                let status = match &fault {
                    AnnounceFault::Service(fault) => status_of(fault),
                    AnnounceFault::Ledger(error) => ledger_status(error),
                };
                let what = match &fault {
                    AnnounceFault::Service(fault) if fault.is_unknown() => {
                        "it is unknown whether the catalog has heard of it"
                    }
                    _ => "the catalog has not heard of it",
                };
                let why = format!(
                    "{partition}: done is settled and stays so, but {what}: {}. The same command tells it",
                    chain(&fault)
                );
                owe(summary, status, why);
            }
        }
    }
}

async fn tell(
    announcer: &mut Announcer<'_>,
    catalog: &Catalog,
    services: &Services,
    work: &Work,
    partition: &Partition,
) -> Result<Option<String>, AnnounceFault> {
    let state_dir = &work.options.upload.run.state_dir;
    let Some(date) = catalog.complete(state_dir, partition)? else {
        return Ok(None);
    };
    let stop = std::pin::pin!(services.stop.draining());
    let announced = announcer.announce(&date, stop).await?;
    Ok(match announced {
        Announced::Before => None,
        Announced::Elsewhere => Some(format!(
            "{partition}: another run is telling the catalog of it"
        )),
        Announced::Now {
            event_type,
            is_repeated: false,
        } => Some(format!("{partition}: the catalog has taken {event_type}")),
        Announced::Now {
            event_type,
            is_repeated: true,
        } => Some(format!(
            "{partition}: the catalog has taken {event_type}, perhaps twice: the outcome of an earlier attempt \
             was unknown, and the service has no way to recognise a repetition"
        )),
    })
}

fn owe(summary: &mut Summary, status: Status, why: String) {
    summary.status = summary.status.worst(status);
    summary.retryable |= status == Status::Temporary;
    summary.problems.push(why);
}

/// What the ledger knows of a partition.
pub(super) fn known(
    state_dir: &Path,
    partition: &Partition,
) -> Result<Option<KnownPartition>, LedgerError> {
    let Some(reader) = LedgerReader::open(state_dir)? else {
        return Ok(None);
    };
    let hosts = [partition.target.platform().to_owned()];
    match reader.find_target(&partition.target, &hosts, true)? {
        Some(target) => reader.partition(&target, partition),
        None => Ok(None),
    }
}
