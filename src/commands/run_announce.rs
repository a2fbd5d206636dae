//! `run`, telling a catalog: `[on_done] metadata = …` of a job, once `done` of a day is settled.
//!
//! Whether it is settled is asked of the ledger, never of what this run has seen: so a day that was done
//! by an earlier run is told too, if the catalog has not heard of it. What becomes of it leaves `done` as it is.
//! That a catalog is to hear of a day is noted before the upload; what is owed of any day is told by the
//! next run of the job file, whatever days that is about.

use super::huawei_status::{service, status_of};
use super::run_plan::{Plan, Work};
use super::{Failure, Session};
use crate::cli::args::{Command, MetadataCommand};
use crate::cli::error::{UsageError, chain};
use crate::cli::invocation::Invocation;
use crate::cli::job_file::Notice;
use crate::cli::settings::{Context, HuaweiConnection, HuaweiService};
use crate::cli::summary::of_success;
use crate::domain::{Partition, Stage, StageKind, Topic};
use crate::huawei::{AnnounceFault, Announced, Announcer, CompleteDate, Expected};
use crate::ledger::{KnownPartition, LedgerError, LedgerReader};
use crate::protocol::huawei::EventSource;
use crate::upload::report::{Status, Summary};
use crate::upload::{Services, Settings, ledger_status, resolve_target};
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
        Ok(message
            .zip(known.done_at)
            .map(|(message, done_at)| CompleteDate {
                partition: known.partition.clone(),
                epoch: known.epoch,
                done_at,
                message,
            }))
    }
}

/// Notes that the catalog of a job, if there is one, is to hear of the days of an upload.
pub(super) async fn expect(services: &Services, work: &Work) {
    let upload = &work.options.upload;
    let Some(catalog) = &work.catalog else { return };
    // Whoever tells, or uploads, says better what is wrong with the service or the ledger.
    let Ok(announcer) = announcer(catalog, services) else {
        return;
    };
    let Ok(target) = resolve_target(upload) else {
        return;
    };
    for day in &upload.dates {
        let Ok(stage) = Stage::new(upload.stage, Some(*day)) else {
            return;
        };
        let partition = Partition {
            target: target.clone(),
            topic: upload.topic.clone(),
            stage,
        };
        if announcer.expect(&partition).await.is_err() {
            return;
        }
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
    let partitions: Vec<Partition> = summary
        .partitions
        .iter()
        .map(|report| report.partition.clone())
        .collect();
    let upload = &work.options.upload;
    let teller = Teller {
        session,
        services,
        state_dir: &upload.run.state_dir,
    };
    for partition in &partitions {
        // Whatever becomes of one day, the others are told.
        let _is_told = teller.tell_in(catalog, partition, summary).await;
    }
}

/// Tells the catalogs of a job file of the days that they should have heard of in earlier runs, up to the
/// first of which they do not take the event. `told` are those that this run has told of.
pub(super) async fn announce_owed(
    session: &Session,
    services: &Services,
    (plan, upload): (&Plan, &Settings),
    told: &[Partition],
) -> Summary {
    let mut summary = of_success();
    let owed = match owed(upload) {
        Ok(owed) => owed,
        Err(error) => {
            owe(&mut summary, ledger_status(&error), chain(&error));
            return summary;
        }
    };
    let teller = Teller {
        session,
        services,
        state_dir: &upload.run.state_dir,
    };
    for partition in &owed {
        let is_of = |topic: &Topic, stage: StageKind| {
            *topic == partition.topic && stage == partition.stage.kind()
        };
        let mut catalogs = plan.catalogs.iter();
        let Some((_, _, catalog)) = catalogs.find(|(topic, stage, _)| is_of(topic, *stage)) else {
            let mut jobs = plan.topics.iter();
            if jobs.any(|(_, topic, stage)| is_of(topic, *stage)) {
                summary.notes.push(tells_nobody(partition));
            }
            continue;
        };
        if !told.contains(partition) && !teller.tell_in(catalog, partition, &mut summary).await {
            break;
        }
    }
    summary
}

/// What is said of a day that is owed to the catalog of a job which had one.
fn tells_nobody(partition: &Partition) -> String {
    let day = partition
        .date()
        .map_or_else(String::new, |day| day.to_string());
    format!(
        "{partition}: its on_done event is owed, and its job has no [on_done] any more; put it back, or give the \
         event up: byteair-sync ledger drop-event --topic {} --stage {} --date {day}",
        partition.topic,
        partition.stage.kind()
    )
}

/// Days of a target of which a catalog should have heard.
fn owed(upload: &Settings) -> Result<Vec<Partition>, LedgerError> {
    let Some(reader) = LedgerReader::open(&upload.run.state_dir)? else {
        return Ok(Vec::new());
    };
    let Some(target) = reader.find_target(&upload.target, &upload.hosts, upload.same_target)?
    else {
        return Ok(Vec::new());
    };
    let expected = Expected::read(&reader)?;
    let known = reader.partitions(&target)?.into_iter();
    let owed = known.filter(|date| expected.owes(date));
    Ok(owed.map(|date| date.partition).collect())
}

fn announcer<'a>(catalog: &Catalog, services: &'a Services) -> Result<Announcer<'a>, Failure> {
    Ok(Announcer {
        service: service(&catalog.connection)?,
        project: catalog.connection.project().clone(),
        source: catalog.source.clone(),
        ledger: &services.ledger,
    })
}

/// Whoever tells of one day after the other.
struct Teller<'a> {
    session: &'a Session,
    services: &'a Services,
    state_dir: &'a Path,
}

impl Teller<'_> {
    /// Tells of a day and takes into the summary what became of it. False when it is owed.
    async fn tell_in(
        &self,
        catalog: &Catalog,
        partition: &Partition,
        summary: &mut Summary,
    ) -> bool {
        let mut announcer = match announcer(catalog, self.services) {
            Ok(announcer) => announcer,
            Err(failure) => {
                let why = format!("the catalog was not told: {:#}", failure.error);
                owe(summary, failure.status, why);
                return false;
            }
        };
        match self.tell(&mut announcer, catalog, partition).await {
            Ok(None) => true,
            Ok(Some(note)) => {
                let printer = &self.session.printer;
                printer.message(crate::cli::printer::Level::Info, &note);
                summary.notes.push(note);
                true
            }
            Err(fault) => {
                let (status, why) = not_told(partition, &fault);
                owe(summary, status, why);
                false
            }
        }
    }

    async fn tell(
        &self,
        announcer: &mut Announcer<'_>,
        catalog: &Catalog,
        partition: &Partition,
    ) -> Result<Option<String>, AnnounceFault> {
        let Some(date) = catalog.complete(self.state_dir, partition)? else {
            return Ok(None);
        };
        let stop = std::pin::pin!(self.services.stop.draining());
        let announced = announcer.announce(&date, stop).await?;
        Ok(in_words(partition, announced))
    }
}

/// Status and problem of a day of which the catalog may not have heard.
fn not_told(partition: &Partition, fault: &AnnounceFault) -> (Status, String) {
    let status = match fault {
        AnnounceFault::Service(fault) => status_of(fault),
        AnnounceFault::Ledger(error) => ledger_status(error),
    };
    let what = match fault {
        AnnounceFault::Service(fault) if fault.is_unknown() => {
            "it is unknown whether the catalog has heard of it"
        }
        _ => "the catalog has not heard of it",
    };
    let why = format!(
        "{partition}: done is settled and stays so, but {what}: {}. The next run of this job file tells it, \
         whatever dates it is for",
        chain(fault)
    );
    (status, why)
}

/// What became of an event; nothing when nothing was left to do.
fn in_words(partition: &Partition, announced: Announced) -> Option<String> {
    match announced {
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
    }
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
