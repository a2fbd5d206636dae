//! Verdicts and shortcomings in words for the person who reads them at 3 a.m.

use super::report::Status;
use crate::domain::{DataDate, DateState, Judged, Partition, SetupFault, Verdict, Zone};
use crate::http::Refresh;
use crate::ledger::Unmet;
use chrono::{DateTime, TimeDelta, Utc};
use std::fmt::Write;

/// An error with its causes, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(text, ": {inner}");
        cause = inner.source();
    }
    text
}

/// What an answer that stops a date means, and what to do about it.
pub(super) fn stopping(partition: &Partition, judged: &Judged) -> (Status, String) {
    let (status, advice) = match &judged.verdict {
        Verdict::Date(state) => date_state(*state),
        Verdict::Setup(fault) => (Status::Refused, setup_fault(*fault)),
        Verdict::ClientBug => (
            Status::Unexpected,
            "this is a bug of byteair-sync; please report it with the run's log",
        ),
        Verdict::Unauthorized => (
            Status::Unauthorized,
            "check the access key or token, the tenant and the clock; everything is resumable",
        ),
        Verdict::PoisonSuspected => (
            Status::Refused,
            "no part of the batch was accepted, so it is no single bad row; check topic, stage and application, and the table definition in the console. If these are right, run the same command again: it looks at smaller parts",
        ),
        _ => (
            Status::Refused,
            "the answer is in no documentation; check --host and any proxy between",
        ),
    };
    let text = format!("{partition}: {}. {advice}", answer(judged));
    (status, text)
}

/// What it means when a single row is all that there was, and it was refused for a reason in no list.
pub(super) fn only_row_refused(partition: &Partition, judged: &Judged) -> (Status, String) {
    let text = format!(
        "{partition}: {} to a single row, so it may be the row or the setting; check topic, stage and application, and the table definition in the console. If these are right, correct the row and start over with 'write --restart' (nothing of the date is stored)",
        answer(judged)
    );
    (Status::Refused, text)
}

/// What is said where too many rows are at fault to look for each of them.
pub(super) const GAVE_UP_LOOKING: &str = "looking for the rows at fault ended";

/// The same, whole: the file is no place to mend the rows, as it has been read.
pub(super) fn too_many_at_fault(partition: &Partition, judged: &Judged, requests: u32) -> String {
    format!(
        "{partition}: too many batches are refused as a whole ({}); {GAVE_UP_LOOKING} after {requests} requests. Those found are rejected rows, the others wait and none of them is stored. Is the table definition in the console wrong? Mend it and run the same command again. Are the rows? The same command finds more of them, as many requests each time; then 'rejects export' and 'rejects replay' send them corrected, while the file itself stays as it is",
        answer(judged)
    )
}

/// What a file with corrections is called where its ways out are told.
pub(super) const CORRECTIONS: &str = "corrections of rejected rows";

/// What is said of an input that grew after it was read, by a command that does not read it.
pub(super) const GREW_AFTERWARDS: &str = "now); done was not sent";

/// What is said of a pipe that ended in the middle of a row.
pub(super) const CUT_OFF: &str = "the stream ended within this row";

/// The ways out when an input is not what was uploaded of it. Starting the date over for the sake of a
/// few corrections is none.
pub(super) fn ways_out(name: &str, replaces_rejects: bool) -> String {
    let drop = format!(
        "or 'byteair-sync ledger drop-input {name}' (what was accepted stays on the platform)"
    );
    if replaces_rejects {
        return format!(
            "It holds {CORRECTIONS}: put it back, and give other corrections in another file to 'rejects replay'; {drop}"
        );
    }
    format!(
        "Put the file back; {drop}; or 'write --restart' (everything again; behavior rows would be stored twice)"
    )
}

/// What it means when a row alone is too large that is not.
pub(super) fn nothing_fits(
    partition: &Partition,
    judged: &Judged,
    bytes: usize,
) -> (Status, String) {
    let text = format!(
        "{partition}: {} to a single row of {bytes} bytes. It is not the rows: something between, such as a proxy with a limit for bodies, lets no upload through; check --host and --proxy. No row was given up",
        answer(judged)
    );
    (Status::Refused, text)
}

/// What a refusal of credentials or clock means, after another look at both.
pub(super) fn unauthorized(judged: &Judged, refresh: &Refresh) -> (Status, String) {
    let mut text = format!("{}. ", answer(judged));
    if let Some(error) = &refresh.error {
        let _ = write!(text, "The credentials could not be read again: {error}. ");
    }
    match refresh.clock_offset {
        Some(offset) => {
            let _ = write!(
                text,
                "This machine's clock differs from the server's by {} s; set it right (NTP), then run the same command again",
                offset.num_seconds()
            );
        }
        None => text.push_str(
            "Check BYTEAIR_AK and BYTEAIR_SK (or BYTEAIR_TOKEN with --auth token) and --tenant-id, then run the same command again; everything is resumable",
        ),
    }
    (Status::Unauthorized, text)
}

/// What is to be mended although everything went well.
pub(super) fn other_clock(offset: TimeDelta) -> String {
    format!(
        "this machine's clock differs from the server's by {} s; requests were signed with the server's time, set the clock right (NTP)",
        offset.num_seconds()
    )
}

/// What was answered, as short as it goes.
pub(super) fn answer(judged: &Judged) -> String {
    // A reply without words of its own is described by its status already.
    if judged.message.starts_with("HTTP ") {
        return format!("the server answered {}", judged.message);
    }
    let mut text = String::new();
    match (judged.http_status, judged.code) {
        (_, Some(code)) => {
            let _ = write!(text, "the platform answered {code}");
        }
        (Some(http), None) => {
            let _ = write!(text, "the server answered HTTP {http}");
        }
        (None, None) => text.push_str("no answer"),
    }
    if !judged.message.is_empty() {
        let _ = write!(text, " ({})", judged.message);
    }
    text
}

const fn date_state(state: DateState) -> (Status, &'static str) {
    match state {
        DateState::DataCleaning => (
            Status::Temporary,
            "The platform is clearing this date's data; run the same command again in a few minutes",
        ),
        DateState::Acked => (
            Status::Refused,
            "done was received for this date (or its sync failed); to change it, trigger a re-sync of the date in the console, then 'byteair-sync ledger reopen', then write again",
        ),
        DateState::Done => (
            Status::Refused,
            "The date is finished; if its data must change, trigger a re-sync in the console, then 'byteair-sync ledger reopen', then write again",
        ),
        DateState::Failed => (
            Status::Refused,
            "The platform's own sync of this date failed; trigger a re-sync of the date in the console, then 'byteair-sync ledger reopen', then write again",
        ),
        DateState::Skipped => (
            Status::Refused,
            "The date was skipped in the console; ask there whether it can be re-synced",
        ),
        DateState::RealtimeCutoff => (
            Status::Refused,
            "Real-time data of this date is cut off; trigger a re-sync in the console and upload the date with stage incremental_sync_daily",
        ),
    }
}

const fn setup_fault(fault: SetupFault) -> &'static str {
    match fault {
        SetupFault::Application => "Check --application-id and --tenant-id",
        SetupFault::Topic => "Check --topic against the tables of the project in the console",
        SetupFault::Stage => {
            "The stage is not open in the console: start the right phase there, or fix --stage"
        }
        SetupFault::Schema => "Check --tenant-id, and that the table is defined in the console",
    }
}

/// What a shortcoming means for the exit status, in words. What can be typed is said by the next
/// steps of the summary, which know the command.
pub(super) fn unmet(missing: &Unmet) -> (Status, String) {
    let (status, advice) = match missing {
        Unmet::InputUnfinished { holder, .. } if !holder.is_empty() => {
            (Status::Unfinished, ", which will send done")
        }
        Unmet::Imbalance(_) => (
            Status::Unexpected,
            "; this is a bug of byteair-sync, nothing was marked done",
        ),
        Unmet::ForeignBatches(_) => (
            Status::Unfinished,
            "; start the date over with 'write --restart' (behavior rows would be stored twice)",
        ),
        Unmet::UndeterminedBatches(_) => (
            Status::Unfinished,
            "; mend what the answer named, look in the console which rows are there, then start over with 'write --restart' (behavior rows would be stored twice)",
        ),
        Unmet::TooManyRejects { .. } | Unmet::EverythingRejected => (Status::RowsRejected, ""),
        Unmet::TooFewRows { .. } => (
            Status::BadInput,
            "; the guard is remembered with the date: when the export is right, --min-rows none (in a job file min_rows = \"none\") takes it back",
        ),
        Unmet::OtherFileCount { .. } => (
            Status::BadInput,
            "; the guard is remembered with the date: when the export is right, --expect-files none (in a job file expect_files = \"none\") takes it back",
        ),
        Unmet::RowsDropped { .. } => (
            Status::BadInput,
            "; the guard is remembered with the date: when the export is right, --max-drop none (in a job file max_drop = \"none\") takes it back",
        ),
        Unmet::Empty => (
            Status::Nothing,
            "; 'write --allow-empty' with the same files marks an empty date done",
        ),
        Unmet::OnlyDropped(_) => (
            Status::Unfinished,
            "; 'write' what replaces them, or 'done --force' closes the date with these rows alone",
        ),
        Unmet::HeldBack => (
            Status::Unfinished,
            "; 'byteair-sync done' that names the date releases it, of several machines when all are finished",
        ),
        Unmet::NotNamed => (Status::Success, ""),
        Unmet::InputUnfinished { .. }
        | Unmet::InputUnverified(_)
        | Unmet::BatchesPending(_)
        | Unmet::UnconfirmedRows(_)
        | Unmet::DayNotOver => (Status::Unfinished, ""),
    };
    (status, format!("{missing}{advice}"))
}

/// Most shortcomings of one date that are told; a date may have thousands of inputs.
const MAX_SHORTCOMINGS: usize = 5;

/// Everything that a date lacks, in one line, with the time at which its day ends.
pub(super) fn withheld(missing: &[Unmet], day: Option<DataDate>, clock: Clock) -> String {
    in_words(missing.iter().map(|one| match (one, day) {
        (Unmet::DayNotOver, Some(day)) => day_not_over(day, clock),
        _ => unmet(one).1,
    }))
}

/// Several shortcomings in one line, the first of them with their names.
pub(super) fn in_words(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MAX_SHORTCOMINGS);
    let mut told: Vec<String> = all.take(MAX_SHORTCOMINGS).collect();
    if more > 0 {
        told.push(format!("and {more} more"));
    }
    told.join("; ")
}

/// The zone in which days end, and what time it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) zone: Zone,
    pub(super) now: DateTime<Utc>,
}

/// When a day ends, as `2022-01-02 00:00 Asia/Shanghai`.
pub fn end_of_day(day: DataDate, zone: Zone) -> String {
    match day.next() {
        Some(next) => format!("{next} 00:00 {zone}"),
        None => format!("the end of {day} in {zone}"),
    }
}

fn day_not_over(day: DataDate, clock: Clock) -> String {
    let left = clock
        .zone
        .end_of(day)
        .map_or(0, |end| {
            end.signed_duration_since(clock.now).num_minutes() + 1
        })
        .max(1);
    let (days, hours, minutes) = (left / 1440, left / 60 % 24, left % 60);
    let left = match (days, hours) {
        (0, 0) => format!("{minutes}m"),
        (0, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    };
    format!(
        "the day is not over: it lasts until {}, in {left}",
        end_of_day(day, clock.zone)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn a_day_that_is_not_over_says_when_it_is() {
        let day = "2022-01-01".parse().unwrap();
        for ((hour, minute), left) in [((12, 48), "3h 12m"), ((15, 30), "30m"), ((15, 59), "1m")] {
            let now = Utc.with_ymd_and_hms(2022, 1, 1, hour, minute, 0).unwrap();
            let clock = Clock {
                zone: Zone::SHANGHAI,
                now: now + chrono::TimeDelta::seconds(1),
            };
            assert_eq!(
                withheld(&[Unmet::DayNotOver], Some(day), clock),
                format!(
                    "the day is not over: it lasts until 2022-01-02 00:00 Asia/Shanghai, in {left}"
                )
            );
        }
    }

    #[test]
    fn the_shortcomings_of_a_date_with_many_inputs_are_bounded() {
        let missing: Vec<Unmet> = (0..1_000)
            .map(|number| Unmet::InputUnverified(format!("f{number}")))
            .collect();
        let clock = Clock {
            zone: Zone::UTC,
            now: Utc::now(),
        };
        let text = withheld(&missing, None, clock);
        assert!(text.ends_with("; and 995 more"), "{text}");
    }

    #[test]
    fn an_empty_date_names_the_command_that_has_the_option() {
        let (status, text) = unmet(&Unmet::Empty);
        assert_eq!(status, Status::Nothing);
        assert!(text.contains("'write --allow-empty'"), "{text}");
    }

    #[test]
    fn the_audit_trail_gets_plain_words() {
        assert_eq!(Unmet::DayNotOver.to_string(), "the day is not over");
        assert_eq!(
            Unmet::BatchesPending(2).to_string(),
            "2 batch(es) are not settled"
        );
    }
}
