//! `--dry-run`, the gate: what it would find missing once everything is uploaded as planned.
//!
//! The ledger's facts, with what was planned and read added to them, go through the gate's own rule. What
//! only the platform's answers tell is not foreseen.

use super::done::{DoneReport, withheld};
use super::explain::{self, Clock};
use super::plan::{Action, Plan, PlannedDate, PlannedInput};
use super::recorded;
use super::report::Status;
use super::settings::Settings;
use crate::domain::{Guards, Partition, Zone};
use crate::ledger::{
    Blocks, Gate, GateFacts, KnownPartition, LedgerError, LedgerReader, RowCounts, Unmet, unmet,
};
use std::collections::HashSet;

/// The gate of a date as it would be found after the upload.
pub(super) struct Outlook {
    facts: GateFacts,
    /// The zone in which the day ends.
    zone: Zone,
    /// Nobody named the date, so it gets no `done`.
    is_unnamed: bool,
    /// `--no-done`: a date that only waits for its release has all that was asked.
    is_held: bool,
}

impl Outlook {
    /// The gate of a planned date before anything is read; `None` where the upload would not come to it.
    /// `pending` are rows and batches in the ledger that would be sent again.
    pub(super) fn of(
        settings: &Settings,
        (plan, date): (&Plan, &PlannedDate),
        ledger: Option<&LedgerReader>,
        pending: (u64, u64),
    ) -> Result<Option<Self>, LedgerError> {
        let (Action::Upload(own), None, Some(day)) =
            (&date.action, &date.late, date.partition.date())
        else {
            return Ok(None);
        };
        let known = match ledger {
            Some(reader) => recorded::find(reader, &date.partition)?,
            None => None,
        };
        if known.as_ref().is_some_and(|known| known.gate != Gate::Open) {
            return Ok(None);
        }
        let before = known.as_ref().map(|it| it.guards.clone());
        let guards = before.unwrap_or_default().changed_by(&settings.gate.guards);
        let mut facts = match (ledger, &known) {
            (Some(reader), Some(known)) if !settings.run.restart => {
                reader.gate_outline(known, true)?
            }
            _ => facts_of_new(ledger, &date.partition)?,
        };
        let is_unnamed = !settings.asks_for_done();
        let zone = guards.zone_or(settings.zone);
        facts.day_over = is_unnamed || zone.is_over(day, chrono::Utc::now());
        let is_held_back = known.is_some_and(|known| known.held_back);
        facts.held_back = !is_unnamed && (settings.gate.hold || is_held_back);
        facts.guards = guards;
        let shared = plan.shared.iter().flatten();
        let shared = shared.filter(|shared| shared.open.contains(&day));
        let inputs: Vec<&PlannedInput> = own
            .iter()
            .chain(shared.map(|shared| &shared.input))
            .collect();
        upload(&mut facts, &inputs, pending);
        Ok(Some(Self {
            facts,
            zone,
            is_unnamed,
            is_held: settings.gate.hold,
        }))
    }

    /// Rows that would be sent.
    pub(super) fn add_rows(&mut self, rows: u64) {
        let counts = &mut self.facts.rows;
        counts.read = counts.read.saturating_add(rows);
        counts.accepted = counts.accepted.saturating_add(rows);
    }

    /// A rejected row that lies with this date.
    pub(super) fn add_reject(&mut self, blocks: Blocks) {
        let counts = &mut self.facts.rows;
        if blocks == Blocks::Date {
            counts.read = counts.read.saturating_add(1);
            counts.invalid = counts.invalid.saturating_add(1);
        }
        match blocks {
            Blocks::Nothing => {}
            Blocks::Date => self.facts.open_rejects = self.facts.open_rejects.saturating_add(1),
            Blocks::Scope => self.block(),
        }
    }

    /// A rejected row that says no date, and so counts for this one too.
    pub(super) fn block(&mut self) {
        self.facts.open_rejects = self.facts.open_rejects.saturating_add(1);
        self.facts.open_undated = self.facts.open_undated.saturating_add(1);
    }

    /// What would keep `done` back; `None` when nothing would.
    pub(super) fn withheld(&self, partition: &Partition) -> Option<DoneReport> {
        let mut missing = unmet(&self.facts);
        if self.is_unnamed {
            missing.push(Unmet::NotNamed);
        }
        if missing.is_empty() {
            return None;
        }
        let only_waits = |one: &Unmet| matches!(one, Unmet::HeldBack | Unmet::DayNotOver);
        let is_as_asked = self.is_held && missing.iter().all(only_waits);
        let mut report = withheld(missing);
        let clock = Clock {
            zone: self.zone,
            now: chrono::Utc::now(),
        };
        report.why = explain::withheld(&report.missing, partition.date(), clock);
        if is_as_asked {
            report.status = Status::Success;
        }
        Some(report)
    }
}

/// What is known of a date of which the ledger has nothing, or that begins anew.
fn facts_of_new(
    ledger: Option<&LedgerReader>,
    partition: &Partition,
) -> Result<GateFacts, LedgerError> {
    let hosts = [partition.target.platform().to_owned()];
    let dates = match ledger {
        Some(reader) => match reader.find_target(&partition.target, &hosts, true)? {
            Some(target) => reader.partitions(&target)?,
            None => Vec::new(),
        },
        None => Vec::new(),
    };
    let is_before = |known: &&KnownPartition| {
        known.partition.topic == partition.topic
            && known.partition.stage.kind() == partition.stage.kind()
            && known.partition.date() < partition.date()
            && known.gate.is_done()
    };
    let last = dates
        .iter()
        .filter(is_before)
        .max_by_key(|it| it.partition.date());
    let last_done = last.and_then(|known| {
        let rows = known.totals?.stored();
        Some((rows, known.partition.date()?.to_string()))
    });
    Ok(GateFacts {
        last_done,
        ..GateFacts::of_nothing(Guards::default())
    })
}

/// The facts once all that is planned is uploaded. What the command does not name stays as it is.
fn upload(facts: &mut GateFacts, inputs: &[&PlannedInput], (rows, batches): (u64, u64)) {
    let names: HashSet<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    facts
        .unfinished_inputs
        .retain(|(name, _)| !names.contains(name.as_str()));
    facts
        .unverified_inputs
        .retain(|name| !names.contains(name.as_str()));
    let new = inputs.iter().filter(|input| input.known.is_none()).count();
    let new = u64::try_from(new).unwrap_or(u64::MAX);
    facts.inputs = facts.inputs.saturating_add(new);
    facts.intended_batches = facts.intended_batches.saturating_sub(batches);
    let counts: &mut RowCounts = &mut facts.rows;
    counts.pending = counts.pending.saturating_sub(rows);
    counts.accepted = counts.accepted.saturating_add(rows);
}
