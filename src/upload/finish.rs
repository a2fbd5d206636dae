//! The end of a date: inputs unchanged, nothing missing, `done`. Used by `write` for the dates that
//! it uploaded and by the command `done` for those that the ledger knows.

use super::context::Services;
use super::done::{DoneReport, Finisher};
use super::event::DoneOutcome;
use super::looks::Looks;
use super::marked::without_marker;
use super::outcome::WorkerError;
use super::report::Status;
use super::settings::RetrySettings;
use super::unchanged::changed_inputs;
use super::{explain, failure, machines};
use crate::domain::{Partition, Zone};
use crate::input::Stores;
use crate::ledger::{
    Gate, KnownPartition, LedgerError, LedgerReader, PartitionId, RegisteredPartition, RunId,
    SealRequest, Unmet, Waiver, unmet,
};
use crate::protocol::DoneFormat;
use std::path::PathBuf;

/// What the command `done` asks for.
#[derive(Debug, Clone)]
pub struct FinishRequest {
    /// The dates, as the ledger knows them.
    pub dates: Vec<KnownPartition>,
    /// Lift holds of these dates.
    pub release_hold: bool,
    /// Open the gate by hand; recorded.
    pub force: bool,
    /// Accept the loss of open dead letters; recorded.
    pub accept_rejects: bool,
    /// The zone in which a day ends that was not uploaded with one of its own.
    pub zone: Zone,
    /// Whether it was typed, and so is meant for all days.
    pub zone_is_named: bool,
    /// Dates whose `done` another machine has sent, as its report says.
    pub done_elsewhere: Vec<Partition>,
    /// How long to try.
    pub retry: RetrySettings,
    /// Form of the request.
    pub format: DoneFormat,
    /// Where the ledger is.
    pub state_dir: PathBuf,
    /// By which inputs in remote stores are looked at.
    pub stores: Stores,
}

impl FinishRequest {
    /// The zone in which a date ends.
    fn zone_of(&self, date: &KnownPartition) -> Zone {
        if self.zone_is_named {
            self.zone
        } else {
            date.guards.zone_or(self.zone)
        }
    }

    /// The zone that is told.
    pub(super) fn zone_for_people(&self) -> Zone {
        self.dates
            .first()
            .map_or(self.zone, |date| self.zone_of(date))
    }
}

impl DoneReport {
    /// `done` was not sent, for a reason outside the gate.
    pub(super) fn withheld(partition: &Partition, status: Status, why: String) -> Self {
        Self {
            outcome: if partition.stage.kind().is_offline() {
                DoneOutcome::Withheld
            } else {
                DoneOutcome::NotApplicable
            },
            status,
            why,
            missing: Vec::new(),
        }
    }
}

/// Finishes a date of which everything was read and settled in this run.
pub(super) async fn finish_date(
    finisher: &Finisher,
    row: &RegisteredPartition,
    zone: Zone,
    state_dir: PathBuf,
) -> Result<DoneReport, WorkerError> {
    if let Some(replay) = finisher.replay {
        let settling = finisher.services.ledger.settle_replay(finisher.run, replay);
        settling.committed().await?;
    }
    settle_begun_replays(finisher, row.id).await?;
    let request = request_of_write(finisher, row);
    let place = (row.guards.zone_or(zone), state_dir);
    finish_unchanged(finisher, &row.partition, request, place).await
}

/// What `write` asks for: it releases no hold and forces nothing.
const fn request_of_write(finisher: &Finisher, row: &RegisteredPartition) -> SealRequest {
    SealRequest {
        partition: row.id,
        run: finisher.run,
        day_over: true,
        release_hold: false,
        force: false,
        compared: false,
    }
}

/// Asks again for the `done` of a date that was sealed when it was planned and takes no rows. Were it
/// open again by now, it would lack what was not taken: then it is not sealed.
pub(super) async fn ask_again(
    finisher: &Finisher,
    row: &RegisteredPartition,
) -> Result<DoneReport, WorkerError> {
    let request = request_of_write(finisher, row);
    finisher.finish(&row.partition, request).await
}

/// What a date lacks that was uploaded without being named: it gets no `done` by itself, and whether
/// its day is over is nobody's question yet.
pub(super) async fn look_at(
    finisher: &Finisher,
    partition: Partition,
    state_dir: PathBuf,
) -> Result<DoneReport, WorkerError> {
    let looking = shortcomings(finisher, partition, state_dir);
    let mut missing = looking.await?;
    missing.retain(|one| !matches!(one, Unmet::HeldBack));
    missing.push(Unmet::NotNamed);
    Ok(super::done::withheld(missing))
}

/// What an upload lacks that has no date: rows that the platform has not, and for which there is no
/// `done` that would wait for them.
async fn look_at_stream(
    finisher: &Finisher,
    partition: Partition,
    state_dir: PathBuf,
) -> Result<DoneReport, WorkerError> {
    let mut missing = shortcomings(finisher, partition, state_dir).await?;
    missing.retain(|one| {
        matches!(
            one,
            Unmet::TooManyRejects { .. } | Unmet::ForeignBatches(_) | Unmet::UndeterminedBatches(_)
        )
    });
    Ok(DoneReport {
        outcome: DoneOutcome::NotApplicable,
        ..super::done::withheld(missing)
    })
}

async fn shortcomings(
    finisher: &Finisher,
    partition: Partition,
    state_dir: PathBuf,
) -> Result<Vec<Unmet>, LedgerError> {
    let looking = finisher.looks.look(move || {
        let Some(reader) = LedgerReader::open(&state_dir)? else {
            return Err(LedgerError::Closed);
        };
        let hosts = [partition.target.platform().to_owned()];
        let known = match reader.find_target(&partition.target, &hosts, true)? {
            Some(target) => reader.partition(&target, &partition)?,
            None => None,
        };
        let facts = known
            .map(|known| reader.gate_outline(&known, true))
            .transpose()?;
        Ok(facts.map_or_else(Vec::new, |facts| unmet(&facts)))
    });
    looking.await.unwrap_or(Err(LedgerError::Closed))
}

/// A replay that was interrupted may have been completed by an upload that names its file.
async fn settle_begun_replays(finisher: &Finisher, date: PartitionId) -> Result<(), LedgerError> {
    let ledger = &finisher.services.ledger;
    let settling = ledger.settle_begun_replays(finisher.run, date);
    settling.committed().await.map(drop)
}

async fn finish_unchanged(
    finisher: &Finisher,
    partition: &Partition,
    request: SealRequest,
    (zone, state_dir): (Zone, PathBuf),
) -> Result<DoneReport, WorkerError> {
    let Some(date) = partition.date() else {
        return look_at_stream(finisher, partition.clone(), state_dir).await;
    };
    let mut compared = request.compared;
    if !compared
        && let Some(changed) = compare_inputs(finisher, state_dir, request.partition).await?
    {
        compared = true;
        if !changed.is_empty() {
            let status = changed
                .iter()
                .fold(Status::Success, |worst, (status, _)| worst.worst(*status));
            let why = explain::in_words(changed.into_iter().map(|(_, why)| why));
            return Ok(DoneReport::withheld(partition, status, why));
        }
    }
    let day_over = zone.is_over(date, chrono::Utc::now());
    finisher
        .finish(
            partition,
            SealRequest {
                day_over,
                compared,
                ..request
            },
        )
        .await
}

/// What has changed since it was uploaded. A date that is sealed or done is past caring: all that was
/// sealed is settled, and its `done` may have got through, so it has to be asked again whatever became
/// of the files.
async fn compare_inputs(
    finisher: &Finisher,
    state_dir: PathBuf,
    id: PartitionId,
) -> Result<Option<Vec<(Status, String)>>, LedgerError> {
    let stores = finisher.services.stop.ending(&finisher.stores);
    let comparing = finisher.looks.look(move || {
        let Some(reader) = LedgerReader::open(&state_dir)? else {
            return Ok(None);
        };
        let gate = reader.gate(id)?;
        if gate.is_done() || gate == Gate::Sealed {
            return Ok(None);
        }
        changed_inputs(&reader, id, &stores).map(Some)
    });
    comparing.await.unwrap_or(Err(LedgerError::Closed))
}

/// The command `done`: one date after the other.
pub(super) async fn finish_dates(
    services: &Services,
    run: RunId,
    request: &FinishRequest,
) -> Vec<(Partition, DoneReport)> {
    let finisher = Finisher {
        services: services.clone(),
        run,
        retry: request.retry,
        format: request.format,
        done_elsewhere: request.done_elsewhere.clone(),
        replay: None,
        stores: request.stores.clone(),
        looks: Looks::default(),
    };
    let mut reports = Vec::new();
    for known in &request.dates {
        let report = match finish_known(&finisher, known, request).await {
            Ok(report) => report,
            Err(error) => DoneReport::withheld(
                &known.partition,
                failure::worker_status(&error),
                explain::with_causes(&error),
            ),
        };
        reports.push((known.partition.clone(), report));
    }
    reports
}

/// What a marker that is gone means for a date that is still open and is not forced.
async fn without_marker_now(
    finisher: &Finisher,
    known: &KnownPartition,
    request: &FinishRequest,
) -> Result<Option<DoneReport>, LedgerError> {
    if request.force || known.gate != Gate::Open {
        return Ok(None);
    }
    let stores = finisher.services.stop.ending(&finisher.stores);
    let (date, state_dir) = (known.clone(), request.state_dir.clone());
    let looking = finisher
        .looks
        .look(move || without_marker(&date, &state_dir, &stores));
    looking.await.unwrap_or(Err(LedgerError::Closed))
}

/// Why a date is held back, when that is for other machines.
fn hold_for_others(
    known: &KnownPartition,
    request: &FinishRequest,
) -> Result<Option<String>, LedgerError> {
    let reader = LedgerReader::open(&request.state_dir)?;
    reader.map_or(Ok(None), |reader| {
        machines::why_held_for_others(&reader, known)
    })
}

async fn finish_known(
    finisher: &Finisher,
    known: &KnownPartition,
    request: &FinishRequest,
) -> Result<DoneReport, WorkerError> {
    if request.accept_rejects {
        let why = "done --accept-rejects".to_owned();
        let waiving = finisher.services.ledger.waive_rejects(Waiver {
            partition: known.id,
            run: Some(finisher.run),
            ids: Vec::new(),
            why,
        });
        waiving.committed().await?;
    }
    settle_begun_replays(finisher, known.id).await?;
    let for_others = hold_for_others(known, request)?;
    if request.release_hold && known.held_back {
        // Also when the date cannot be sealed yet: whoever completes it sends `done` then.
        let releasing = finisher
            .services
            .ledger
            .release_hold(known.id, finisher.run);
        releasing.committed().await?;
    }
    let seal = SealRequest {
        partition: known.id,
        run: finisher.run,
        day_over: true,
        release_hold: request.release_hold,
        force: request.force,
        compared: request.force,
    };
    if let Some(report) = without_marker_now(finisher, known, request).await? {
        return Ok(report);
    }
    let place = (request.zone_of(known), request.state_dir.clone());
    let mut report = finish_unchanged(finisher, &known.partition, seal, place).await?;
    if let Some(why) = for_others.filter(|_| report.status == Status::Refused) {
        // As long as nobody says that another machine has sent it, it waits for that word.
        let holding = finisher
            .services
            .ledger
            .hold_back(known.id, finisher.run, why);
        holding.committed().await?;
    }
    let at_work: Vec<Unmet> = report
        .missing
        .iter()
        .filter(|missing| missing.is_held_by_a_run())
        .cloned()
        .collect();
    if !at_work.is_empty() {
        // Whatever else is missing is in the hands of that run.
        report = super::done::withheld(at_work);
        report.status = Status::Busy;
    }
    Ok(report)
}
