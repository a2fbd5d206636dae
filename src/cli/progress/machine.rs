//! Events and gauges as JSON objects for `--json` (`cli.md` section 10).

use super::event_text::reply_text;
use super::view::{View, limit_text};
use crate::cli::json_line::JsonLine;
use crate::domain::Partition;
use crate::upload::event::{Event, Gauges};
use serde_json::{Value, json};
use std::time::Instant;

/// The line of an event; `None` for events that only change numbers.
pub(super) fn event_line(event: &Event) -> Option<JsonLine<Value>> {
    let (kind, fields) = match event {
        Event::Started {
            run,
            what,
            zone,
            inputs,
            inputs_finished,
            bytes_total,
            ..
        } => {
            let fields = json!({
                "run": run, "what": what, "timezone": zone, "inputs": inputs,
                "inputs_finished": inputs_finished, "bytes_total": bytes_total,
            });
            ("start", fields)
        }
        Event::Rejected {
            partition,
            input,
            position,
            code,
            column,
            message,
            by_server,
        } => (
            "reject",
            with_partition(
                json!({
                    "file": input, "line": position.line,
                    "offset": position.offset, "record": position.ordinal, "code": code,
                    "column": column, "message": message, "source": if *by_server { "server" } else { "local" },
                }),
                partition,
            ),
        ),
        Event::Retry {
            partition,
            records,
            attempt,
            judged,
            wait,
        } => (
            "retry",
            with_partition(
                json!({
                    "first_record": records.map(|(first, _)| first),
                    "last_record": records.map(|(_, last)| last),
                    "attempt": attempt, "http_status": judged.http_status, "code": judged.code,
                    "message": reply_text(judged), "wait_seconds": wait.as_secs_f64(),
                }),
                partition,
            ),
        ),
        Event::PartitionStopped { partition, why } => {
            ("error", with_partition(json!({"message": why}), partition))
        }
        Event::Done {
            partition,
            outcome,
            why,
        } => (
            "done",
            with_partition(json!({"done": outcome.as_str(), "why": why}), partition),
        ),
        Event::Warning(_) | Event::Settled { .. } | Event::Stopping { .. } => return None,
    };
    Some(JsonLine::new(kind, fields))
}

/// The line of the moment.
pub(super) fn progress_line(view: &View, gauges: &Gauges, now: Instant) -> JsonLine<Value> {
    let get = Gauges::get;
    let fields = json!({
        "percent": view.percent(gauges),
        "rows_read": get(&gauges.rows_read), "rows_accepted": get(&gauges.rows_accepted),
        "rows_unconfirmed": get(&gauges.rows_unconfirmed),
        "rows_rejected": get(&gauges.rows_rejected),
        "rows_in_flight": get(&gauges.rows_in_flight), "rows_before": get(&gauges.rows_before),
        "requests": get(&gauges.requests), "retries": get(&gauges.retries),
        "rows_per_second": view.rows_per_second(gauges, now),
        "limited_by": limit_text(gauges.limiting()),
        "seconds_left": view.time_left(gauges, now).map(|left| left.as_secs()),
    });
    JsonLine::new("progress", fields)
}

fn with_partition(mut object: Value, partition: &Partition) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert("topic".to_owned(), partition.topic.as_str().into());
        fields.insert("stage".to_owned(), partition.stage.kind().as_str().into());
        fields.insert(
            "date".to_owned(),
            partition.date().map(|date| date.to_string()).into(),
        );
    }
    object
}
