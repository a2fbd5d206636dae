//! Verdicts and shortcomings in words for the person who reads them at 3 a.m.

use super::report::Status;
use crate::domain::{DateState, Judged, Partition, SetupFault, Verdict};
use crate::http::Refresh;
use crate::ledger::Unmet;
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
            "no part of the batch was accepted, so it is no single bad row; check topic, stage and application, and the table definition in the console",
        ),
        _ => (
            Status::Refused,
            "the answer is in no documentation; check --host and any proxy between",
        ),
    };
    let text = format!("{partition}: {}. {advice}", answer(judged));
    (status, text)
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

/// What a shortcoming means for the exit status, in words.
pub(super) fn unmet(missing: &Unmet) -> (Status, String) {
    match missing {
        Unmet::InputUnfinished { name, holder } if holder.is_empty() => (
            Status::Unfinished,
            format!("{name} is not uploaded to its end; run 'write' with it again, or 'byteair-sync ledger drop-input'"),
        ),
        Unmet::InputUnfinished { name, holder } => (
            Status::Unfinished,
            format!("{name} is still being uploaded by {holder}, which will send done"),
        ),
        Unmet::InputUnverified(name) => (
            Status::Unfinished,
            format!("{name} was not compared with what was uploaded of it; run 'write' with it again"),
        ),
        Unmet::Imbalance(what) => (
            Status::Unexpected,
            format!("the books do not balance ({what}); this is a bug of byteair-sync, nothing was marked done"),
        ),
        Unmet::BatchesPending(count) => (
            Status::Unfinished,
            format!("{count} batch(es) are not settled; run the same 'write' again"),
        ),
        Unmet::ForeignBatches(count) => (
            Status::Unfinished,
            format!("{count} batch(es) were answered 409 without an earlier attempt of ours; start the date over with 'write --restart' (behavior rows would be stored twice)"),
        ),
        Unmet::UndeterminedBatches(count) => (
            Status::Unfinished,
            format!("{count} batch(es) were refused in part and the platform did not say which rows; check the table definition in the console, then start over with 'write --restart'"),
        ),
        Unmet::TooManyRejects { open, budget } => (
            Status::RowsRejected,
            format!("{open} row(s) are rejected and --max-errors allows {budget}; look at them with 'byteair-sync rejects list'"),
        ),
        Unmet::EverythingRejected => (
            Status::RowsRejected,
            "every row was rejected; look at them with 'byteair-sync rejects list'".to_owned(),
        ),
        Unmet::UnconfirmedRows(rows) => (
            Status::Unfinished,
            format!("{rows} row(s) are unconfirmed and --unconfirmed hold was given"),
        ),
        Unmet::TooFewRows { stored, expected } => (
            Status::BadInput,
            format!("{stored} row(s) were stored and --min-rows expects {expected}"),
        ),
        Unmet::OtherFileCount { found, expected } => (
            Status::BadInput,
            format!("{found} input(s) were uploaded and --expect-files expects {expected}"),
        ),
        Unmet::RowsDropped { stored, last, limit } => (
            Status::BadInput,
            format!("{stored} row(s) were stored, {last} for the last completed date: more than the {limit}% that --max-drop allows"),
        ),
        Unmet::Empty => (
            Status::Nothing,
            "there was no row; --allow-empty marks an empty date done".to_owned(),
        ),
        Unmet::DayNotOver => (
            Status::Unfinished,
            "the day is not over in the platform's zone; 'byteair-sync done' after midnight sends done".to_owned(),
        ),
        Unmet::HeldBack => (
            Status::Unfinished,
            "done is held back (--no-done); 'byteair-sync done' that names the date releases it".to_owned(),
        ),
    }
}
