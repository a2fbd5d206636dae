//! `status`: the ledger by day, what is owed next and the command for it. Reads only, also while
//! uploads run.

use super::ledger::nothing;
use super::running::ledger_failure;
use super::{Failure, Outcome, Session, status_html};
use crate::cli::args::StatusArgs;
use crate::cli::calendar::{Day, DayRows, DayState, Series, text};
use crate::cli::json_line::JsonLine;
use crate::cli::settings::{Selection, selection, state_dir, zone};
use crate::cli::summary::of_success;
use crate::domain::{DataDate, DateRange, Partition, Stage, StageKind, Target, Zone};
use crate::ledger::{Gate, GateFacts, KnownPartition, LedgerReader, RowCounts, Unmet, unmet};
use crate::upload::event::DoneOutcome;
use crate::upload::report::{NextStep, PartitionReport, Status, Summary};
use crate::upload::{carried_options, shell_word};
use std::collections::BTreeMap;

/// Most inputs that a command names.
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
        session,
        reader: reader.as_ref(),
        zone: zone(session.context())?,
        now: session.context().now,
        wanted,
    };
    let (dates, several_targets) = look.known()?;
    let all = look.everything(&dates, several_targets)?;
    if all.is_empty() {
        return Err(nothing(&place));
    }
    if let Some(file) = &args.html {
        let rejects = status_html::rejects_by_reason(look.reader, &dates)?;
        status_html::write(session, file, &all, &rejects, &place)?;
    }
    let summary = Look::summary(&all, args.gaps);
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
        "next_command": what.next,
    });
    let rows = serde_json::to_value(what.rows).unwrap_or_default();
    if let (Some(object), serde_json::Value::Object(rows)) = (object.as_object_mut(), rows) {
        object.extend(rows);
    }
    object
}

struct Look<'a> {
    session: &'a Session,
    reader: Option<&'a LedgerReader>,
    zone: Zone,
    now: chrono::DateTime<chrono::Utc>,
    wanted: Selection,
}

type ByName<'a> =
    BTreeMap<(&'a Target, &'a crate::domain::Topic, StageKind), Vec<&'a KnownPartition>>;

impl Look<'_> {
    /// Every date of those that were asked for, and whether the ledger knows several targets.
    fn known(&self) -> Result<(Vec<KnownPartition>, bool), Failure> {
        let Some(reader) = self.reader else {
            return Ok((Vec::new(), false));
        };
        let targets = reader.targets().map_err(ledger_failure)?;
        let mut known = Vec::new();
        for target in &targets {
            known.extend(reader.partitions(target).map_err(ledger_failure)?);
        }
        known.retain(|date| {
            let partition = &date.partition;
            self.wanted.matches(&partition.topic, partition.stage)
        });
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
            for date in dates {
                let day = self.day(date)?;
                match date.partition.date() {
                    Some(date) => {
                        series.days.insert(date, day);
                    }
                    None => series.streaming = Some(day),
                }
            }
            self.add_missing(&mut series);
            all.push(series);
        }
        self.add_unknown(&mut all);
        Ok(all)
    }

    /// The days between that nobody uploaded.
    fn add_missing(&self, series: &mut Series) {
        if !series.stage.is_offline() {
            return;
        }
        let days: Vec<DataDate> = if self.wanted.dates.is_empty() {
            let (Some(first), Some(last)) = (
                series.days.keys().next().copied(),
                series.days.keys().next_back().copied(),
            ) else {
                return;
            };
            let yesterday = self.zone.day_of(self.now).previous();
            let last = match yesterday {
                Some(day) if series.stage == StageKind::IncrementalSyncDaily => last.max(day),
                _ => last,
            };
            DateRange::new(first, last).map_or_else(Vec::new, |range| range.days().collect())
        } else {
            self.wanted.dates.clone()
        };
        for day in days {
            series.days.entry(day).or_insert_with(missing_day);
        }
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
                    let days = self.wanted.dates.iter().map(|day| (*day, missing_day()));
                    all.push(Series {
                        target: String::new(),
                        topic: topic.clone(),
                        stage: *stage,
                        days: days.collect(),
                        streaming: None,
                    });
                }
            }
        }
    }

    fn day(&self, known: &KnownPartition) -> Result<Day, Failure> {
        let Some(reader) = self.reader else {
            return Ok(missing_day());
        };
        if known.gate.is_done() {
            let rows = reader.rows(known).map_err(ledger_failure)?;
            let why = if known.gate == Gate::DoneUnconfirmed {
                "the reply to done was lost; it got through as far as can be known"
            } else {
                ""
            };
            return Ok(day_of(DayState::Done, rows, why.to_owned(), None));
        }
        let over = known
            .partition
            .date()
            .is_none_or(|day| self.zone.is_over(day, self.now));
        let facts = reader.gate_outline(known, over).map_err(ledger_failure)?;
        let lacking = unmet(&facts);
        let state = state_of(known, &facts, &lacking);
        let why: Vec<String> = lacking
            .iter()
            .filter(|one| known.partition.date().is_some() || !matches!(one, Unmet::Empty))
            .take(MAX_NAMED)
            .map(ToString::to_string)
            .collect();
        let why = match known.gate {
            Gate::Refused => "the platform refused it".to_owned(),
            Gate::Sealed => "done was sent and its outcome is not known".to_owned(),
            _ => why.join("; "),
        };
        let next = self.next(known, state, &lacking)?;
        Ok(day_of(state, facts.rows, why, next))
    }

    /// The command for what is owed.
    fn next(
        &self,
        known: &KnownPartition,
        state: DayState,
        lacking: &[Unmet],
    ) -> Result<Option<String>, Failure> {
        let partition = &known.partition;
        let mut options = format!(
            "--topic {} --stage {}",
            shell_word(partition.topic.as_str()),
            partition.stage.kind()
        );
        if let Some(day) = partition.date() {
            options = format!("{options} --date {day}");
        }
        let carried = carried_options(&self.session.invocation.command_line);
        let rejects = lacking.iter().any(|one| {
            matches!(
                one,
                Unmet::TooManyRejects { .. } | Unmet::EverythingRejected
            )
        });
        Ok(match state {
            DayState::Done | DayState::Missing | DayState::Refused => None,
            DayState::Uploaded if lacking.contains(&Unmet::DayNotOver) => None,
            DayState::Uploaded if partition.date().is_none() => None,
            DayState::Uploaded => Some(format!("byteair-sync done {options}{carried}")),
            DayState::Rejected if rejects => {
                Some(format!("byteair-sync rejects list {options}{carried}"))
            }
            DayState::Rejected => Some(format!("byteair-sync ledger show {options}{carried}")),
            DayState::Partial => {
                let reader = self.reader;
                let last = match reader {
                    Some(reader) => reader.last_command(known.id).map_err(ledger_failure)?,
                    None => None,
                };
                Some(last.unwrap_or_else(|| {
                    format!("byteair-sync ledger show {options}{carried}  # lists its inputs; the same write command goes on")
                }))
            }
        })
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
                    summary.next.push(NextStep::new(next, ""));
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

fn state_of(known: &KnownPartition, facts: &GateFacts, lacking: &[Unmet]) -> DayState {
    if known.gate == Gate::Refused {
        return DayState::Refused;
    }
    let waits = |one: &Unmet| {
        matches!(
            one,
            Unmet::InputUnfinished { .. }
                | Unmet::InputUnverified(_)
                | Unmet::Imbalance(_)
                | Unmet::BatchesPending(_)
                | Unmet::ForeignBatches(_)
                | Unmet::UndeterminedBatches(_)
        )
    };
    let may_wait = |one: &Unmet| matches!(one, Unmet::DayNotOver | Unmet::HeldBack);
    if lacking.iter().any(waits) || facts.inputs == 0 {
        DayState::Partial
    } else if known.partition.date().is_none() || lacking.iter().all(may_wait) {
        DayState::Uploaded
    } else {
        DayState::Rejected
    }
}

fn day_of(state: DayState, rows: RowCounts, why: String, next: Option<String>) -> Day {
    Day {
        state,
        rows: rows.into(),
        why,
        next,
    }
}

fn missing_day() -> Day {
    let why = "nothing is known of it".to_owned();
    day_of(DayState::Missing, RowCounts::default(), why, None)
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
