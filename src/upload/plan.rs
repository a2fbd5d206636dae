//! Inputs and ledger together say what is left to send. Reads both, changes neither.
//!
//! Each date is planned by itself: one that cannot be uploaded does not keep the others back.

use super::finding::{self, Failure};
use super::planner::Planner;
use super::readings::SharedInput;
use super::report::Status;
use super::settings::{Settings, Sources};
use super::shared_plan;
use super::stage_rules::{self, StageAdvice};
use super::stdin::StdinInput;
use crate::domain::{DataDate, InputIdentity, Partition, RawRange, Stage, Target};
use crate::input::{Discovered, Location, Start};
use crate::ledger::{
    InputId, InputIntent, InputKind, KnownTarget, LedgerError, LedgerReader, PartitionIntent,
    Registration, TornEnd,
};

/// What a command is going to do.
pub(super) struct Plan {
    /// The target as the ledger spells it.
    pub(super) target: Target,
    /// The dates in order.
    pub(super) dates: Vec<PlannedDate>,
    /// Inputs with rows of several of these dates, when rows say their own.
    pub(super) shared: Option<Vec<SharedInput>>,
    /// Why the command cannot be carried out, where that is no matter of single dates.
    pub(super) problems: Vec<(Status, String)>,
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
    /// Why its inputs cannot be uploaded although nothing stops its `done`, which is under way:
    /// told once that got through.
    pub(super) late: Option<(Status, String)>,
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

impl Action {
    /// The inputs, if something is to be uploaded.
    pub(super) fn upload(self) -> Option<Vec<PlannedInput>> {
        match self {
            Self::Upload(inputs) => Some(inputs),
            Self::AlreadyDone { .. } | Self::Fail(..) => None,
        }
    }
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
    /// Its last row was half written when it was read, and is read again.
    pub(super) torn_end: Option<TornEnd>,
}

impl PlannedInput {
    /// An input of which nothing was read.
    pub(super) const fn new(name: String, place: PlannedPlace) -> Self {
        Self {
            name,
            place,
            known: None,
            resume: Start::BEGINNING,
            read_to_end: false,
            finished: false,
            unverified: Vec::new(),
            torn_end: None,
        }
    }

    /// Byte up to which the ledger has it as read.
    fn read_up_to(&self) -> Option<u64> {
        let is_known = self.known.is_some() && matches!(self.place, PlannedPlace::Stored(..));
        // Half a row is taken back, if it is still there.
        let as_recorded = is_known && !self.finished && self.torn_end.is_none();
        as_recorded.then_some(self.resume.offset)
    }
}

/// Where a planned input is.
pub(super) enum PlannedPlace {
    /// A file or object, which can be read again.
    Stored(Location, InputIdentity),
    /// Standard input.
    Stdin(StdinInput),
    /// Standard input of an earlier run: nothing of it can be read, its batches lie in the spool.
    Spool,
}

/// Makes the plan.
pub(super) fn plan(
    settings: &Settings,
    ledger: Option<&LedgerReader>,
    stdin: Option<StdinInput>,
) -> Result<Plan, LedgerError> {
    // Asked first: whatever is registered from now on is found by the registration.
    let newest_known = match ledger {
        Some(reader) => reader.newest_input()?,
        None => 0,
    };
    let known_target = match ledger {
        Some(reader) => {
            reader.find_target(&settings.target, &settings.hosts, settings.same_target)?
        }
        None => None,
    };
    let target = known_target
        .as_ref()
        .map_or_else(|| settings.target.clone(), |known| known.target.clone());
    let mut plan = Plan {
        target: target.clone(),
        dates: Vec::new(),
        shared: None,
        problems: Vec::new(),
        notes: Vec::new(),
        newest_known,
    };
    let known_dates = match (ledger, &known_target) {
        (Some(reader), Some(known)) => reader.partitions(known)?,
        _ => Vec::new(),
    };
    let mut used = Vec::new();
    for known in &known_dates {
        let stage = known.partition.stage.kind();
        if !used.contains(&stage)
            && let Some(reader) = ledger
            && reader.has_stored_rows(known)?
        {
            used.push(stage);
        }
    }
    match stage_rules::advice(settings, &used) {
        None => {}
        Some(StageAdvice::Warning(text)) => plan.notes.push(text),
        Some(StageAdvice::Refusal(text)) => {
            plan.problems.push((Status::Usage, text));
            return Ok(plan);
        }
    }
    let all = Dates {
        settings,
        ledger,
        known_target: known_target.as_ref(),
    };
    let planned = if settings.input.date_field.is_some() {
        shared_plan::plan(&all, &mut plan, stdin)
    } else {
        all.plan_one_by_one(&mut plan, stdin)
    };
    match planned {
        Ok(()) => {}
        Err(Failure::Ledger(error)) => return Err(error),
        Err(Failure::Date(status, problem)) => plan.problems.push((status, problem)),
    }
    Ok(plan)
}

/// A day, and its files where paths say the day.
type DayOfFiles = (Option<DataDate>, Option<Discovered>);

/// What every date of a command is planned with.
pub(super) struct Dates<'a> {
    pub(super) settings: &'a Settings,
    pub(super) ledger: Option<&'a LedgerReader>,
    pub(super) known_target: Option<&'a KnownTarget>,
}

impl<'a> Dates<'a> {
    fn plan_one_by_one(
        &self,
        plan: &mut Plan,
        mut stdin: Option<StdinInput>,
    ) -> Result<(), Failure> {
        for (day, found) in self.days(&mut plan.notes)? {
            let Some(partition) = self.partition(&plan.target, day) else {
                continue;
            };
            let planner = self.planner(partition.to_string());
            let (action, late) =
                planner.plan_date(&partition, found, &mut plan.notes, &mut stdin)?;
            plan.dates.push(PlannedDate {
                partition,
                action,
                late,
            });
        }
        Ok(())
    }

    /// The days, each with its files where paths say the day.
    fn days(&self, notes: &mut Vec<String>) -> Result<Vec<DayOfFiles>, Failure> {
        let settings = self.settings;
        let (Some(pattern), Sources::Paths(paths)) = (&settings.date_from_path, &settings.sources)
        else {
            let named = settings.dates.iter().map(|day| (Some(*day), None));
            return Ok(if settings.stage.is_offline() {
                named.collect()
            } else {
                vec![(None, None)]
            });
        };
        let found = finding::search_paths(paths, None, &settings.input.stores)?;
        let nothing: Vec<String> = found
            .missing
            .iter()
            .map(|it| found.why_missing(it))
            .collect();
        let mut days = finding::by_day(found, pattern)?;
        if settings.dates.is_empty() && days.is_empty() {
            let problem = format!("{}; nothing was sent", nothing.join(", "));
            return Err(Failure::Date(Status::NotReady, problem));
        }
        if !settings.dates.is_empty() {
            let (wanted, note) = finding::of_named_days(days, &settings.dates, pattern);
            days = wanted;
            notes.extend(note);
        }
        Ok(days
            .into_iter()
            .map(|(day, found)| (Some(day), Some(found)))
            .collect())
    }

    /// The date of a day; `None` where a stage has no days, and settings are resolved so that it has
    /// none.
    pub(super) fn partition(&self, target: &Target, day: Option<DataDate>) -> Option<Partition> {
        let stage = Stage::new(self.settings.stage, day).ok()?;
        Some(Partition {
            target: target.clone(),
            topic: self.settings.topic.clone(),
            stage,
        })
    }

    pub(super) const fn planner(&self, name: String) -> Planner<'a> {
        Planner {
            settings: self.settings,
            ledger: self.ledger,
            known_target: self.known_target,
            name,
        }
    }
}

impl Plan {
    /// Leaves an input to another run.
    pub(super) fn leave_out(&mut self, name: &str) {
        for date in &mut self.dates {
            if let Action::Upload(inputs) = &mut date.action {
                inputs.retain(|input| input.name != name);
            }
        }
        if let Some(shared) = &mut self.shared {
            shared.retain(|shared| shared.input.name != name);
        }
    }

    /// Whether there is an input of this name, and another one that has something left to do.
    pub(super) fn has_other_inputs(&self, name: &str) -> bool {
        let of_dates = self.dates.iter().filter_map(|date| match &date.action {
            Action::Upload(inputs) => Some(inputs),
            _ => None,
        });
        let shared = self.shared.iter().flatten().map(|shared| &shared.input);
        let (same, others): (Vec<_>, Vec<_>) = of_dates
            .flatten()
            .chain(shared)
            .partition(|input| input.name == name);
        !same.is_empty() && others.iter().any(|input| !input.finished)
    }

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
        let mut days = Vec::new();
        for date in &self.dates {
            let Action::Upload(inputs) = &date.action else {
                continue;
            };
            let index = registration.partitions.len();
            days.push(date.partition.date());
            registration.partitions.push(PartitionIntent {
                partition: date.partition.clone(),
                guards: settings.gate.guards.clone(),
                hold: settings.gate.hold,
                seed: settings.run.seed.map(|seed| seed.epoch),
                restart: settings.run.restart,
            });
            let intents = inputs
                .iter()
                .map(|input| intent(settings, input, None, vec![index]));
            registration.inputs.extend(intents);
        }
        for shared in self.shared.iter().flatten() {
            let is_of = |day: &Option<DataDate>| day.is_some_and(|day| shared.open.contains(&day));
            let scope = days.iter().enumerate().filter(|(_, day)| is_of(day));
            let scope = scope.map(|(index, _)| index).collect();
            let dates = shared.date_options(settings.input.date_field.as_ref());
            registration
                .inputs
                .push(intent(settings, &shared.input, dates, scope));
        }
        registration
    }
}

fn intent(
    settings: &Settings,
    input: &PlannedInput,
    date_options: Option<u128>,
    scope: Vec<usize>,
) -> InputIntent {
    let (kind, identity) = match &input.place {
        PlannedPlace::Stored(location, identity) => {
            let kind = match location {
                Location::File(_) => InputKind::File,
                Location::Object(_) => InputKind::Object,
            };
            (kind, Some(identity.clone()))
        }
        PlannedPlace::Stdin(_) | PlannedPlace::Spool => (InputKind::Stdin, None),
    };
    InputIntent {
        known: input.known,
        kind,
        name: input.name.clone(),
        identity,
        row_options: settings.input.row_options_digest(),
        date_options,
        read_options: settings.input.read_options(),
        scope,
        verified: input.unverified.is_empty(),
        unfinished: !input.finished,
        stays_read: input.read_to_end,
        torn_end: input.torn_end,
        read_up_to: input.read_up_to(),
    }
}
