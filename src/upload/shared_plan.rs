//! The plan when rows say their own dates (`--date-from-field`).
//!
//! An input has a *scope* then: the dates that it may have rows of. All of them are registered with
//! it before the first request, and none of them is sealed before the input is read to its end. With
//! `--date` the scope is what was named; rows of other dates are dead letters. Without it the input
//! is read once beforehand, only to learn its dates. An input keeps the dates for which it was begun:
//! the same file for other dates is another upload, and half of one is never taken for the other.
//!
//! Reading cuts the input into *rounds*: a stretch, with one batch for each date in it. The ledger
//! records a round in one transaction, so that where reading goes on is one place for all dates.

use super::finding::{Failure, search};
use super::given_up::given_up;
use super::late_input::{closed_before_restart, is_closed, what_is_too_late};
use super::plan::{Action, Dates, Plan, PlannedDate, PlannedInput, PlannedPlace};
use super::planner::Planner;
use super::readings::SharedInput;
use super::report::Status;
use super::settings::Sources;
use super::stdin::StdinInput;
use super::summary::shorten;
use crate::domain::{DataDate, GuardChange, Partition};
use crate::input::{InputError, InputSettings, Location, Next, Start, open_file};
use crate::ledger::{Gate, InputId, KnownInput, KnownPartition};
use std::collections::{BTreeMap, BTreeSet};

/// Most dates of one command, ten years of them; more means that the field is no date.
const MAX_DAYS: usize = 3_653;

/// What the ledger has of the dates concerned.
struct Known {
    dates: Vec<KnownPartition>,
    /// Others, for which one of the inputs was begun.
    beside: Vec<KnownPartition>,
    /// Inputs that may hold rows of them.
    inputs: Vec<KnownInput>,
}

/// Plans all inputs and dates of the command.
pub(super) fn plan(
    all: &Dates<'_>,
    plan: &mut Plan,
    stdin: Option<StdinInput>,
) -> Result<(), Failure> {
    let settings = all.settings;
    let days: Vec<String> = settings.dates.iter().map(ToString::to_string).collect();
    let name = format!("{} {} {}", settings.topic, settings.stage, shorten(&days));
    let planner = all.planner(name.trim_end().to_owned());
    let known = known(all, &planner, plan)?;
    let scopes = Scopes {
        all,
        planner: &planner,
        known: &known,
    };
    match scopes.plan(plan, stdin) {
        Err(Failure::Date(status, problem)) => {
            plan.dates = scopes.not_uploaded(status, &problem)?;
            if plan.dates.is_empty() {
                return Err(Failure::Date(status, problem));
            }
            plan.shared = Some(Vec::new());
            let problem = scopes.of_all_closed(&plan.dates, problem);
            plan.problems.push((status, problem));
            Ok(())
        }
        planned => planned,
    }
}

/// The dates that were named; without names every date of the topic and stage.
fn known(all: &Dates<'_>, planner: &Planner<'_>, plan: &Plan) -> Result<Known, Failure> {
    let settings = all.settings;
    let mut dates = Vec::new();
    for day in &settings.dates {
        if let Some(partition) = all.partition(&plan.target, Some(*day)) {
            dates.extend(planner.known(&partition)?);
        }
    }
    if let (true, Some(reader), Some(target)) =
        (settings.dates.is_empty(), all.ledger, all.known_target)
    {
        let is_ours =
            |it: &Partition| it.topic == settings.topic && it.stage.kind() == settings.stage;
        let known = reader.partitions(target)?;
        dates.extend(known.into_iter().filter(|date| is_ours(&date.partition)));
    }
    let mut inputs = BTreeMap::new();
    // Dates that are started over have no past.
    if let (false, Some(reader)) = (settings.run.restart, all.ledger) {
        for date in &dates {
            let of_date = reader.inputs(date.id)?;
            inputs.extend(of_date.into_iter().map(|input| (input.id, input)));
        }
    }
    let mut inputs: Vec<KnownInput> = inputs.into_values().collect();
    // Corrected rows are of the date of those that they replace.
    if let (Some(reader), None) = (all.ledger, &settings.replay) {
        for input in &mut inputs {
            begun::find_days(input, &settings.input, reader)?;
        }
    }
    let days: BTreeSet<DataDate> = inputs
        .iter()
        .flat_map(|it| it.read_for.iter().flatten())
        .copied()
        .collect();
    let mut beside = Vec::new();
    for day in days.into_iter().filter(|day| !settings.dates.contains(day)) {
        if let Some(partition) = all.partition(&plan.target, Some(day)) {
            beside.extend(planner.known(&partition)?);
        }
    }
    Ok(Known {
        dates,
        beside,
        inputs,
    })
}

/// The marker that was named, or that one of the dates remembers.
fn marker(all: &Dates<'_>, known: &Known) -> Option<String> {
    let named = match &all.settings.gate.guards.require_marker {
        Some(GuardChange::Set(marker)) => Some(marker.clone()),
        Some(GuardChange::Remove) => return None,
        None => None,
    };
    let open = known.dates.iter().filter(|date| !date.gate.is_done());
    let remembered = open.map(|date| &date.guards.require_marker);
    let named_dates = !all.settings.dates.is_empty();
    named.or_else(|| remembered.filter(|_| named_dates).flatten().next().cloned())
}

/// Which dates each input may have rows of.
struct Scopes<'a> {
    all: &'a Dates<'a>,
    planner: &'a Planner<'a>,
    known: &'a Known,
}

impl Scopes<'_> {
    /// All inputs and dates of the command.
    fn plan(&self, plan: &mut Plan, stdin: Option<StdinInput>) -> Result<(), Failure> {
        let (all, settings) = (self.all, self.all.settings);
        let closed = self.known.dates.iter().find(|date| is_closed(date));
        if let (true, Some(date)) = (settings.run.restart, closed) {
            let problem = closed_before_restart(date);
            return Err(Failure::Date(Status::Refused, problem));
        }
        // Which dates an input concerns when none is named is seen only once it was looked at.
        let late = closed
            .filter(|_| !settings.dates.is_empty())
            .map(|date| &date.partition);
        let shared = match self.find(late, stdin, &mut plan.notes) {
            Ok(shared) => shared,
            Err(Failure::Date(status, problem)) if !self.under_way().is_empty() => {
                // What was sealed is settled, so `done` is asked again whatever became of the inputs.
                plan.dates = self.asked_again(status, &problem);
                plan.shared = Some(Vec::new());
                return Ok(());
            }
            Err(failure) => return Err(failure),
        };
        for day in self.days(&shared)? {
            let Some(partition) = all.partition(&plan.target, Some(day)) else {
                continue;
            };
            let known = self.known(day);
            let given_up = match (known, all.ledger) {
                (Some(date), Some(ledger)) => given_up(ledger, date, &ledger.inputs(date.id)?)?,
                _ => None,
            };
            let (action, late) = match (known, given_up) {
                (Some(date), Some(problem)) if self.planner.may_ask_again(date) => {
                    (Action::Upload(Vec::new()), Some((Status::Refused, problem)))
                }
                (_, Some(problem)) => (Action::Fail(Status::Refused, problem), None),
                (Some(date), None) if date.gate.is_done() => {
                    let unconfirmed = date.gate == Gate::DoneUnconfirmed;
                    (Action::AlreadyDone { unconfirmed }, None)
                }
                _ => (Action::Upload(Vec::new()), None),
            };
            plan.dates.push(PlannedDate {
                partition,
                action,
                late,
            });
        }
        plan.shared = Some(shared);
        Ok(())
    }

    fn known(&self, day: DataDate) -> Option<&KnownPartition> {
        let mut dates = self.known.dates.iter().chain(&self.known.beside);
        dates.find(|date| date.partition.date() == Some(day))
    }

    /// The inputs, if all of them can be uploaded. `late` is a date that takes no rows any more.
    fn find(
        &self,
        late: Option<&Partition>,
        stdin: Option<StdinInput>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<SharedInput>, Failure> {
        let (settings, known) = (self.all.settings, self.known);
        let planned = match (&settings.sources, stdin) {
            (Sources::Paths(patterns), _) => {
                let marker = marker(self.all, known);
                let found = search(patterns, None, &settings.input.stores)?;
                self.planner
                    .plan_found(found, marker, (&known.inputs, late), notes)?
            }
            (Sources::Stdin { .. }, Some(input)) => {
                // Batches of other dates may be left of a stream that is read to its end.
                let is_same = |it: &&KnownInput| it.name == input.name() && !it.is_finished();
                let begun = known.inputs.iter().any(|it| is_same(&it));
                self.planner
                    .plan_stdin(input, &known.inputs, late.filter(|_| !begun))?
            }
            (Sources::Stdin { .. } | Sources::Followed(_) | Sources::Stream(_), _) => Vec::new(),
        };
        self.of_inputs(planned, notes)
    }

    /// The dates whose `done` is under way.
    fn under_way(&self) -> Vec<&KnownPartition> {
        let dates = self.known.dates.iter();
        dates
            .filter(|date| self.planner.may_ask_again(date))
            .collect()
    }

    /// Only the dates whose `done` is under way, with why nothing can be uploaded.
    fn asked_again(&self, status: Status, problem: &str) -> Vec<PlannedDate> {
        let asked_again = |date: &KnownPartition| PlannedDate {
            partition: date.partition.clone(),
            action: Action::Upload(Vec::new()),
            late: Some((status, problem.to_owned())),
        };
        self.under_way().into_iter().map(asked_again).collect()
    }

    fn of_inputs(
        &self,
        planned: Vec<PlannedInput>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<SharedInput>, Failure> {
        let mut shared = Vec::new();
        let taken: Vec<InputId> = planned.iter().filter_map(|input| input.known).collect();
        for input in planned {
            for (input, named) in self.for_its_days(input, &taken)? {
                let it = self.of_input(input, named)?;
                if it.days.is_empty() && it.input.known.is_none() {
                    notes.push(format!("{} has no row, and so no date", it.input.name));
                    continue;
                }
                shared.push(it);
            }
        }
        shared.sort_by(|one, other| one.takes().cmp(&other.takes()));
        Ok(shared)
    }

    /// An input with its dates; those that are named for it, if these are known.
    fn of_input(
        &self,
        input: PlannedInput,
        named: Option<BTreeSet<DataDate>>,
    ) -> Result<SharedInput, Failure> {
        let of_command: BTreeSet<DataDate> = self.all.settings.dates.iter().copied().collect();
        let mut days = match &named {
            Some(days) => days.clone(),
            None => self.days_of(&input)?,
        };
        if input.finished && named.is_some() {
            days.retain(|day| of_command.contains(day));
        }
        let closed = |day: &DataDate| self.known(*day).filter(|date| is_closed(date));
        let (shut, open): (BTreeSet<_>, BTreeSet<_>) =
            days.iter().partition(|day| closed(day).is_some());
        // Rows of dates that are done, and that are not named now, are left out as others are.
        let mut asked = shut.iter();
        let closed = asked
            .find(|day| named.is_none() || of_command.contains(day))
            .and_then(closed);
        // Of what was read to its end only batches of dates that are open can be left.
        let is_read = input.read_to_end || matches!(input.place, PlannedPlace::Stdin(_));
        if let (false, Some(date)) = (is_read, closed) {
            return Err(comes_too_late(&date.partition, &input.name));
        }
        Ok(SharedInput {
            input,
            days,
            open,
            named: named.filter(|days| *days != of_command),
        })
    }

    fn days_of(&self, input: &PlannedInput) -> Result<BTreeSet<DataDate>, Failure> {
        let settings = self.all.settings;
        if !settings.dates.is_empty() {
            return Ok(settings.dates.iter().copied().collect());
        }
        let mut days = BTreeSet::new();
        if let (Some(id), Some(reader)) = (input.known, self.all.ledger) {
            let of_input = reader.dates_of(id)?;
            let dates = self
                .known
                .dates
                .iter()
                .filter(|it| of_input.contains(&it.id));
            days.extend(dates.filter_map(|date| date.partition.date()));
        }
        if let (false, PlannedPlace::Stored(location, _)) = (input.read_to_end, &input.place) {
            let seen = look_through(location, &settings.input, input.resume)
                .map_err(super::recognise::RecogniseError::from)?;
            days.extend(seen.days);
            if let (true, Some(problem)) = (days.is_empty(), seen.first_problem) {
                let problem = format!(
                    "{}: no row of it says a date that can be used; the first one, on line {}: {}. Check --date-from-field and --date-format; nothing was sent",
                    input.name, problem.0, problem.1
                );
                return Err(Failure::Date(Status::BadInput, problem));
            }
        }
        Ok(days)
    }

    /// All dates of the command.
    fn days(&self, shared: &[SharedInput]) -> Result<BTreeSet<DataDate>, Failure> {
        let mut days: BTreeSet<DataDate> = self.all.settings.dates.iter().copied().collect();
        days.extend(shared.iter().flat_map(|input| &input.days));
        if days.len() > MAX_DAYS {
            let problem = format!(
                "{}: the rows are of {} dates, and one command takes {MAX_DAYS}; check that --date-from-field is a date, or name some with --date. Nothing was sent",
                self.planner.name,
                days.len()
            );
            return Err(Failure::Date(Status::BadInput, problem));
        }
        if days.is_empty() {
            let problem = format!("{}: there is no row to send", self.planner.name);
            return Err(Failure::Date(Status::Nothing, problem));
        }
        Ok(days)
    }
}

fn comes_too_late(date: &Partition, name: &str) -> Failure {
    let why = what_is_too_late(date, name, "it has rows of that date, or may have");
    let why = format!(
        "{why}; or name the dates that are not done with --date, and the rows of others become dead letters"
    );
    Failure::Date(Status::Refused, why)
}

/// What a look at all rows came to.
struct Seen {
    days: BTreeSet<DataDate>,
    /// Line and reason of the first row without a date.
    first_problem: Option<(u64, String)>,
}

/// Reads an input from a place on, only to learn its dates.
fn look_through(
    location: &Location,
    settings: &InputSettings,
    from: Start,
) -> Result<Seen, InputError> {
    let mut reader = open_file(location, settings, from)?;
    let mut seen = Seen {
        days: BTreeSet::new(),
        first_problem: None,
    };
    let mut row = Vec::new();
    loop {
        row.clear();
        let day = match reader.next(&mut row)? {
            Next::Row { .. } => reader.day(),
            Next::Rejected(reject) => {
                if reject.day.is_none() && seen.first_problem.is_none() {
                    seen.first_problem = Some((reject.position.line, reject.message));
                }
                reject.day
            }
            Next::NothingYet | Next::End => return Ok(seen),
        };
        seen.days.extend(day);
        if seen.days.len() > MAX_DAYS {
            return Ok(seen);
        }
    }
}

mod begun;
mod not_uploaded;
