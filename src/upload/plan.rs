//! Inputs and ledger together say what is left to send. Reads both, changes neither.
//!
//! Each date is planned by itself: one that cannot be uploaded does not keep the others back.

use super::planner::Planner;
use super::report::Status;
use super::settings::Settings;
use super::stage_rules;
use super::stdin::StdinInput;
use crate::domain::{DataDate, InputIdentity, Partition, RawRange, Stage, Target};
use crate::input::{Location, Start};
use crate::ledger::{
    InputId, InputIntent, InputKind, LedgerError, LedgerReader, PartitionIntent, Registration,
};

/// What a command is going to do.
pub(super) struct Plan {
    /// The target as the ledger spells it.
    pub(super) target: Target,
    /// The dates in order.
    pub(super) dates: Vec<PlannedDate>,
    /// Things to notice.
    pub(super) notes: Vec<String>,
    /// The newest input that the ledger had when it was looked at.
    pub(super) newest_known: i64,
}

/// One date of a plan.
pub(super) struct PlannedDate {
    /// Which.
    pub(super) partition: Partition,
    /// What will be done.
    pub(super) action: Action,
}

/// What will be done for a date.
pub(super) enum Action {
    /// Read what is left of these inputs, send what is left, seal.
    Upload(Vec<PlannedInput>),
    /// It is done and nothing is left.
    AlreadyDone {
        /// Only the effect of `done` is known, not its reply.
        unconfirmed: bool,
    },
    /// It cannot be uploaded now.
    Fail(Status, String),
}

/// One input of a date.
pub(super) struct PlannedInput {
    /// Path, or the name of a stream.
    pub(super) name: String,
    /// Where it is.
    pub(super) place: PlannedPlace,
    /// The ledger's row.
    pub(super) known: Option<InputId>,
    /// Where reading goes on.
    pub(super) resume: Start,
    /// Whether nothing new is to be read.
    pub(super) read_to_end: bool,
    /// Whether anything at all is left to do.
    pub(super) finished: bool,
    /// Recorded stretches that are compared beside the upload.
    pub(super) unverified: Vec<RawRange>,
}

/// Where a planned input is.
pub(super) enum PlannedPlace {
    /// A file or object, which can be read again.
    Stored(Location, InputIdentity),
    /// Standard input.
    Stdin(StdinInput),
}

/// Makes the plan.
pub(super) fn plan(
    settings: &Settings,
    ledger: Option<&LedgerReader>,
    mut stdin: Option<StdinInput>,
) -> Result<Plan, LedgerError> {
    let known_target = match ledger {
        Some(reader) => {
            reader.find_target(&settings.target, &settings.hosts, settings.same_target)?
        }
        None => None,
    };
    let target = known_target
        .as_ref()
        .map_or_else(|| settings.target.clone(), |known| known.target.clone());
    let days: Vec<Option<DataDate>> = if settings.stage.is_offline() {
        settings.dates.iter().copied().map(Some).collect()
    } else {
        vec![None]
    };
    let mut plan = Plan {
        target: target.clone(),
        dates: Vec::new(),
        notes: Vec::new(),
        newest_known: match ledger {
            Some(reader) => reader.newest_input()?,
            None => 0,
        },
    };
    let known_dates = match (ledger, &known_target) {
        (Some(reader), Some(known)) => reader.partitions(known)?,
        _ => Vec::new(),
    };
    plan.notes
        .extend(stage_rules::warning(settings, &known_dates));
    for day in days {
        let Ok(stage) = Stage::new(settings.stage, day) else {
            // Settings are resolved with a date exactly for the stages that have one.
            continue;
        };
        let planner = Planner {
            settings,
            ledger,
            known_target: known_target.as_ref(),
            partition: Partition {
                target: target.clone(),
                topic: settings.topic.clone(),
                stage,
            },
        };
        let action = planner.plan_date(&mut plan.notes, &mut stdin)?;
        plan.dates.push(PlannedDate {
            partition: planner.partition,
            action,
        });
    }
    Ok(plan)
}

impl Plan {
    /// What has to be in the ledger before the first request; the indices of `partitions` are those
    /// of the dates that will be uploaded, in order.
    pub(super) fn registration(&self, settings: &Settings) -> Registration {
        let mut registration = Registration {
            target: self.target.clone(),
            hosts: settings.hosts.clone(),
            same_target: settings.same_target,
            partitions: Vec::new(),
            inputs: Vec::new(),
            newest_known: self.newest_known,
            replay: settings.replay.clone(),
        };
        for date in &self.dates {
            let Action::Upload(inputs) = &date.action else {
                continue;
            };
            let index = registration.partitions.len();
            registration.partitions.push(PartitionIntent {
                partition: date.partition.clone(),
                guards: settings.gate.guards.clone(),
                hold: settings.gate.hold,
                seed: settings.run.epoch,
                restart: settings.run.restart,
            });
            for input in inputs {
                let (kind, identity) = match &input.place {
                    PlannedPlace::Stored(location, identity) => {
                        let kind = match location {
                            Location::File(_) => InputKind::File,
                            Location::Object(_) => InputKind::Object,
                        };
                        (kind, Some(identity.clone()))
                    }
                    PlannedPlace::Stdin(_) => (InputKind::Stdin, None),
                };
                registration.inputs.push(InputIntent {
                    known: input.known,
                    kind,
                    name: input.name.clone(),
                    identity,
                    row_options: settings.input.row_options_digest(),
                    scope: vec![index],
                    verified: input.unverified.is_empty(),
                    unfinished: !input.finished,
                });
            }
        }
        registration
    }
}
