//! Events as lines for people. Whether a line is printed at all is decided elsewhere.

use crate::cli::figure::{counted, grouped, size, time};
use crate::cli::printer::Level;
use crate::domain::{Judged, Partition};
use crate::upload::event::{DoneOutcome, Event};
use crate::upload::report::with_column;

/// The line of an event; `None` for events that only change numbers.
pub(super) fn event_text(event: &Event) -> Option<(Level, String)> {
    Some(match event {
        Event::Started { .. } => (Level::Info, start_text(event)?),
        Event::Warning(text) => (Level::Warning, text.clone()),
        Event::Rejected {
            input,
            position,
            code,
            column,
            message,
            by_server,
            ..
        } => {
            let reason = with_column(column.as_deref(), message);
            let who = if *by_server { " by the platform" } else { "" };
            let line = position.line;
            (
                Level::Warning,
                format!("rejected{who} {input}:{line}: {code}: {reason}"),
            )
        }
        Event::Retry {
            partition,
            records,
            attempt,
            judged,
            wait,
        } => {
            let (reply, wait) = (reply_text(judged), time(*wait));
            let what = match records {
                Some((first, last)) => format!("records {first}-{last} of {partition}"),
                None => format!("done of {partition}"),
            };
            (
                Level::Info,
                format!("{what}, try {attempt}: {reply}; next try in {wait}"),
            )
        }
        Event::Settled { .. } => return None,
        Event::PartitionStopped { partition, why } => {
            // Most reasons begin with the date that they are about.
            let name = partition.to_string();
            let why = why
                .strip_prefix(&name)
                .map_or(why.as_str(), |why| why.trim_start_matches([':', ' ']));
            (Level::Error, format!("{name} stopped: {why}"))
        }
        Event::Done {
            partition,
            outcome,
            why,
        } => done_text(partition, *outcome, why)?,
        Event::Stopping { grace } => (
            Level::Warning,
            format!(
                "stopping: requests in flight may take {} more, a second signal leaves at once; \
                 nothing is lost",
                time(*grace)
            ),
        ),
    })
}

fn start_text(event: &Event) -> Option<String> {
    let Event::Started {
        place,
        what,
        zone,
        inputs,
        inputs_finished,
        bytes_total,
        ..
    } = event
    else {
        return None;
    };
    let count = |number: &usize| u64::try_from(*number).unwrap_or(u64::MAX);
    let inputs = counted(count(inputs), "input", "inputs");
    let before = match count(inputs_finished) {
        0 => String::new(),
        finished => format!(" ({} uploaded before)", grouped(finished)),
    };
    let bytes = bytes_total.map_or_else(String::new, |bytes| format!(", {}", size(bytes)));
    let place = place.as_ref();
    let place = place.map_or_else(String::new, |place| format!("{place}: "));
    Some(format!(
        "{place}uploading {what}: {inputs}{before}{bytes}; days end in {zone}"
    ))
}

fn done_text(partition: &Partition, outcome: DoneOutcome, why: &str) -> Option<(Level, String)> {
    let (level, what) = match outcome {
        DoneOutcome::NotApplicable => return None,
        DoneOutcome::Sent => (Level::Info, "done sent"),
        DoneOutcome::Already => (Level::Info, "done was sent before"),
        DoneOutcome::Unconfirmed => (Level::Info, "done was received at an earlier try"),
        DoneOutcome::Withheld => (Level::Warning, "done withheld"),
        DoneOutcome::Unknown => (Level::Warning, "outcome of done unknown"),
    };
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    Some((level, format!("{what} for {partition}{why}")))
}

/// What was answered, as `HTTP 429, code 429: message`.
pub(super) fn reply_text(judged: &Judged) -> String {
    let status = judged.http_status.map(|status| format!("HTTP {status}"));
    let code = judged.code.map(|code| format!("code {code}"));
    let head = status
        .into_iter()
        .chain(code)
        .collect::<Vec<_>>()
        .join(", ");
    match (head.is_empty(), judged.message.is_empty()) {
        // A reply without words of its own is described by its status already.
        (false, false) if judged.message.starts_with("HTTP ") => judged.message.clone(),
        (false, false) => format!("{head}: {}", judged.message),
        (true, _) => judged.message.clone(),
        (false, true) => head,
    }
}
