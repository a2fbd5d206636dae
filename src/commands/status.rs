//! `status`: the ledger by day, what is owed next and the command for it. Reads only, also while
//! uploads run.

use super::ledger::nothing;
use super::running::ledger_failure;
use super::status_day::Judge;
use super::unknown_topic::unknown_topic;
use super::{Failure, Outcome, Session, reporting, status_html};
use crate::cli::args::StatusArgs;
use crate::cli::calendar::{Day, DayRows, DayState, Series, text};
use crate::cli::dates::in_a_row;
use crate::cli::json_line::JsonLine;
use crate::cli::settings::{Selection, selection, state_dir, zone};
use crate::cli::summary::of_success;
use crate::domain::{DataDate, DateRange, Partition, Stage, StageKind, Target, Zone};
use crate::ledger::{KnownPartition, LedgerReader};
use crate::upload::event::DoneOutcome;
use crate::upload::report::{PartitionReport, Status, Summary};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most days and commands that are named in the summary.
const MAX_NAMED: usize = 3;

/// Runs `status`.
pub(super) fn run(session: &Session, args: &StatusArgs) -> Outcome {
    let place = state_dir(session.context())?;
    let wanted = selection(session.context(), &args.selection)?;
    if let Some(file) = &args.html {
        status_html::check(file)?;
    }
    let reader = LedgerReader::open(&place).map_err(ledger_failure)?;
    let look = Look {
        reader: reader.as_ref(),
        judge: Judge::new(session, reader.as_ref())?,
        zone: zone(session.context())?,
        now: session.context().now,
        wanted,
    };
    let (dates, several_targets) = look.known()?;
    let all = look.everything(&dates, several_targets)?;
    if all.is_empty() {
        return Err(look.unknown(&place)?);
    }
    if let Some(file) = &args.html {
        let wanted = dates.iter().filter(|date| look.is_wanted(date));
        let wanted: Vec<KnownPartition> = wanted.cloned().collect();
        let rejects = status_html::rejects_by_reason(look.reader, &wanted)?;
        status_html::write(session, file, &all, &rejects, &place)?;
    }
    let mut summary = Look::summary(&all, args.gaps);
    reporting::end(session, &mut summary);
    for series in &all {
        for (day, what) in series.all() {
            session
                .printer
                .json_line(&JsonLine::new("day", machine_day(series, day, what)));
        }
    }
    if session.printer.style().json {
        session.printer.summary(&summary, 0);
    } else if !session.printer.style().quiet || summary.status != Status::Success {
        session.printer.result(text(&all).trim_end());
    }
    if summary.status != Status::Success {
        for problem in &summary.problems {
            session
                .printer
                .message(crate::cli::printer::Level::Error, problem);
        }
    }
    Ok(summary.status)
}

fn machine_day(series: &Series, day: Option<DataDate>, what: &Day) -> serde_json::Value {
    let mut object = serde_json::json!({
        "topic": series.topic.as_str(),
        "stage": series.stage.as_str(),
        "date": day.map(|day| day.to_string()),
        "state": what.state.as_str(),
        "why": what.why,
        "next_command": what.next.as_ref().map(|step| &step.command),
        "next_purpose": what.next.as_ref().map(|step| &step.purpose),
    });
    let rows = serde_json::to_value(what.rows).unwrap_or_default();
    if let (Some(object), serde_json::Value::Object(rows)) = (object.as_object_mut(), rows) {
        object.extend(rows);
    }
    object
}

struct Look<'a> {
    reader: Option<&'a LedgerReader>,
    judge: Judge<'a>,
    zone: Zone,
    now: chrono::DateTime<chrono::Utc>,
    wanted: Selection,
}

type ByName<'a> =
    BTreeMap<(&'a Target, &'a crate::domain::Topic, StageKind), Vec<&'a KnownPartition>>;

impl Look<'_> {
    /// Why there is nothing to show.
    fn unknown(&self, place: &Path) -> Result<Failure, Failure> {
        let mut known = Vec::new();
        if let Some(reader) = self.reader {
            for target in reader.targets().map_err(ledger_failure)? {
                known.extend(reader.partitions(&target).map_err(ledger_failure)?);
            }
        }
        let unknown = unknown_topic(place, &self.wanted.topics, &known);
        Ok(unknown.unwrap_or_else(|| nothing(place)))
    }

    /// Every date of the topics and stages that were asked for, and whether the ledger knows several
    /// targets.
    fn known(&self) -> Result<(Vec<KnownPartition>, bool), Failure> {
        let Some(reader) = self.reader else {
            return Ok((Vec::new(), false));
        };
        let targets = reader.targets().map_err(ledger_failure)?;
        let mut known = Vec::new();
        for target in &targets {
            known.extend(reader.partitions(target).map_err(ledger_failure)?);
        }
        // Those of other days tell which topics and stages are expected at all.
        let any_day = Selection {
            dates: Vec::new(),
            ..self.wanted.clone()
        };
        known.retain(|date| any_day.matches(&date.partition));
        Ok((known, targets.len() > 1))
    }

    /// Every topic and stage that was asked for.
    fn everything(
        &self,
        dates: &[KnownPartition],
        names_target: bool,
    ) -> Result<Vec<Series>, Failure> {
        let mut known: ByName<'_> = BTreeMap::new();
        for date in dates {
            let partition = &date.partition;
            let name = (&partition.target, &partition.topic, partition.stage.kind());
            known.entry(name).or_default().push(date);
        }
        let mut all = Vec::new();
        for ((target, topic, stage), dates) in known {
            let mut series = Series {
                target: if names_target {
                    target.to_string()
                } else {
                    String::new()
                },
                topic: topic.clone(),
                stage,
                days: BTreeMap::new(),
                streaming: None,
            };
            let expected = self.expected(stage, &dates);
            for date in dates {
                if !self.is_wanted(date) {
                    continue;
                }
                let day = self.judge.day(date)?;
                match date.partition.date() {
                    Some(date) => {
                        series.days.insert(date, day);
                    }
                    None => series.streaming = Some(day),
                }
            }
            self.add_missing(&mut series, expected);
            if !series.days.is_empty() || series.streaming.is_some() {
                all.push(series);
            }
        }
        self.add_unknown(&mut all);
        Ok(all)
    }

    /// Adds those of the days of which nothing is known; days in a row share a command.
    fn add_missing(&self, series: &mut Series, expected: Vec<DataDate>) {
        let is_missing = |day: &DataDate| !series.days.contains_key(day);
        let missing: BTreeSet<DataDate> = expected.into_iter().filter(is_missing).collect();
        for stretch in in_a_row(&missing) {
            let missing = self.judge.missing(&stretch);
            let days = stretch.into_iter().map(|day| (day, missing.clone()));
            series.days.extend(days);
        }
    }

    fn is_wanted(&self, known: &KnownPartition) -> bool {
        self.wanted.matches(&known.partition)
    }

    /// The days that should be there: those that were asked for, as far as the topic and stage have
    /// begun and not ended; else all from the first to the last, for daily data to yesterday.
    fn expected(&self, stage: StageKind, dates: &[&KnownPartition]) -> Vec<DataDate> {
        let known = dates.iter().filter_map(|date| date.partition.date());
        let (Some(first), Some(last)) = (known.clone().min(), known.max()) else {
            return Vec::new();
        };
        let is_daily = stage == StageKind::IncrementalSyncDaily;
        if self.wanted.dates.is_empty() {
            // The zone is that of the latest day.
            let latest = dates.iter().max_by_key(|date| date.partition.date());
            let zone = latest.map_or(self.zone, |date| date.guards.zone_or(self.zone));
            let yesterday = zone.day_of(self.now).previous();
            let last = yesterday
                .filter(|_| is_daily)
                .map_or(last, |day| last.max(day));
            return DateRange::new(first, last).map_or_else(Vec::new, |days| days.days().collect());
        }
        // Who names the stage, or a day of it, means the others as well.
        let is_meant = !self.wanted.stages.is_empty() || dates.iter().any(|it| self.is_wanted(it));
        let is_due = |day: &&DataDate| is_meant || (**day >= first && (is_daily || **day <= last));
        self.wanted.dates.iter().filter(is_due).copied().collect()
    }

    /// Topics and stages that were named and of which nothing is known.
    fn add_unknown(&self, all: &mut Vec<Series>) {
        if self.wanted.dates.is_empty() {
            return;
        }
        for topic in &self.wanted.topics {
            for stage in self.wanted.stages.iter().filter(|stage| stage.is_offline()) {
                let known = all
                    .iter()
                    .any(|it| it.topic == *topic && it.stage == *stage);
                if !known {
                    let mut series = Series {
                        target: String::new(),
                        topic: topic.clone(),
                        stage: *stage,
                        days: BTreeMap::new(),
                        streaming: None,
                    };
                    self.add_missing(&mut series, self.wanted.dates.clone());
                    all.push(series);
                }
            }
        }
    }

    fn summary(all: &[Series], gaps: bool) -> Summary {
        let mut summary = of_success();
        let mut open = Vec::new();
        // A summary does not show whose data it is.
        let target = Target::new("any", "any", "any").ok();
        for series in all {
            for (day, what) in series.all() {
                add(&mut summary, what.rows);
                if day.is_some() && what.state != DayState::Done {
                    let day = day.map_or_else(String::new, |day| day.to_string());
                    open.push(format!(
                        "{} {} {day} is {}",
                        series.topic,
                        series.stage,
                        what.state.as_str()
                    ));
                }
                if let (Some(target), Ok(stage)) = (&target, Stage::new(series.stage, day)) {
                    summary.partitions.push(report(series, stage, target, what));
                }
                if let Some(next) = &what.next
                    && summary.next.len() < MAX_NAMED
                {
                    summary.next.push(next.clone());
                }
            }
        }
        if gaps && !open.is_empty() {
            summary.status = Status::Unfinished;
            let more = open.len().saturating_sub(MAX_NAMED);
            open.truncate(MAX_NAMED);
            let more = if more > 0 {
                format!(", and {more} more")
            } else {
                String::new()
            };
            summary
                .problems
                .push(format!("not every day is done: {}{more}", open.join(", ")));
        }
        summary
    }
}

fn add(summary: &mut Summary, rows: DayRows) {
    let totals = &mut summary.totals;
    for (sum, number) in [
        (&mut totals.rows_read, rows.read),
        (&mut totals.rows_accepted, rows.accepted),
        (&mut totals.rows_unconfirmed, rows.unconfirmed),
        (&mut totals.rows_rejected, rows.rejected),
        (&mut totals.rows_pending, rows.pending),
    ] {
        *sum = sum.saturating_add(number);
    }
}

fn report(series: &Series, stage: Stage, target: &Target, what: &Day) -> PartitionReport {
    PartitionReport {
        job: None,
        partition: Partition {
            target: target.clone(),
            topic: series.topic.clone(),
            stage,
        },
        rows_accepted: what.rows.accepted,
        rows_unconfirmed: what.rows.unconfirmed,
        rows_rejected: what.rows.rejected,
        rows_pending: what.rows.pending,
        done: match (what.state, stage.date()) {
            (DayState::Done, _) => DoneOutcome::Already,
            (_, None) => DoneOutcome::NotApplicable,
            _ => DoneOutcome::Withheld,
        },
        why: what.why.clone(),
    }
}
