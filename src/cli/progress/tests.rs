//! Progress on a terminal, off it, and for programs.

use super::bar::Bar;
use super::reporter::Reporter;
use super::screen::Screen;
use super::view::View;
use super::*;
use crate::cli::printer::PrintStyle;
use crate::cli::printer::tests::{Capture, captured};
use crate::domain::{Judged, Partition, Position, Stage, Target, Verdict};
use crate::upload::event::{DoneOutcome, Limiting};
use indicatif::TermLike;
use std::sync::atomic::{AtomicU16, Ordering};

mod frames;

fn partition() -> Partition {
    Partition {
        target: Target::new("1", "2", "cn").unwrap(),
        topic: "item".parse().unwrap(),
        stage: Stage::HistorySync("2022-01-01".parse().unwrap()),
    }
}

fn started(bytes_total: Option<u64>) -> Event {
    Event::Started {
        run: 7,
        place: None,
        what: "item history_sync 2022-01-01".to_owned(),
        has_dates: true,
        zone: "Asia/Shanghai".to_owned(),
        inputs: 3,
        inputs_finished: 1,
        bytes_total,
        bytes_of_others: 0,
    }
}

fn rejected(line: u64) -> Event {
    Event::Rejected {
        partition: partition(),
        input: "item.jsonl".to_owned(),
        position: Position {
            ordinal: line,
            line,
            offset: 9,
        },
        code: "not_json".to_owned(),
        column: None,
        message: "expected value".to_owned(),
        by_server: false,
    }
}

fn retry() -> Event {
    let mut judged = Judged::without_response(Verdict::Throttled, "slow down");
    judged.http_status = Some(429);
    Event::Retry {
        partition: partition(),
        records: Some((1, 10_000)),
        attempt: 1,
        judged,
        wait: Duration::from_secs(2),
    }
}

fn reporter(display: Display, style: PrintStyle) -> (Reporter, Arc<Gauges>, Capture, Capture) {
    let (printer, out, err) = captured(style);
    let gauges = Arc::new(Gauges::default());
    (
        Reporter::new(printer, display, Arc::clone(&gauges)),
        gauges,
        out,
        err,
    )
}

#[test]
fn off_a_terminal_there_is_a_line_a_minute_and_one_on_each_change() {
    let (mut reporter, gauges, _, err) = reporter(Display::Lines, PrintStyle::default());
    let start = Instant::now();
    reporter.tick(start);
    reporter.event(&started(Some(1000)), start);
    reporter.event(&rejected(17), start);
    reporter.event(&retry(), start);
    Gauges::add(&gauges.rows_read, 70_000);
    Gauges::add(&gauges.rows_accepted, 60_000);
    Gauges::add(&gauges.rows_rejected, 1);
    Gauges::add(&gauges.rows_in_flight, 9_999);
    Gauges::add(&gauges.bytes_settled, 600);
    gauges.limited_by(Limiting::RowRate);
    for second in 1..=60 {
        reporter.tick(start + Duration::from_secs(second));
    }
    reporter.event(
        &Event::Done {
            partition: partition(),
            outcome: DoneOutcome::Withheld,
            why: "1 rejected row, 0 allowed".to_owned(),
        },
        start,
    );
    let _timeline = reporter.finish(Instant::now());
    assert_eq!(
        err.text(),
        "\
uploading item history_sync 2022-01-01: 3 inputs (1 uploaded before), 1,000 bytes; days end in Asia/Shanghai
warning: rejected item.jsonl:17: not_json: expected value
records 1-10000 of item history_sync 2022-01-01, try 1: HTTP 429: slow down; next try in 2.0s
uploading item history_sync 2022-01-01; 60%; rows: 70,000 read, 60,000 accepted, 1 rejected, 9,999 in flight; 1,000 rows/s, limited by rows/s, 40s left; done waits for the last row
warning: done withheld for item history_sync 2022-01-01: 1 rejected row, 0 allowed
"
    );
    assert!(!err.text().contains('\u{1b}'));
}

#[test]
fn a_flood_of_rejected_rows_is_summed_up() {
    let (mut reporter, _, _, err) = reporter(Display::Lines, PrintStyle::default());
    let start = Instant::now();
    for line in 1..=1_234 {
        reporter.event(&rejected(line), start);
    }
    let _timeline = reporter.finish(Instant::now());
    let text = err.text();
    assert_eq!(text.lines().count(), 7);
    assert!(
        text.ends_with(
            "warning: 1,228 more rejected rows; `byteair-sync rejects list` shows them\n"
        )
    );
}

#[test]
fn a_single_line_too_many_is_printed_and_not_counted() {
    let lines = ["rejected item.jsonl:7: not_json", "2 more rejected rows"];
    for (count, last) in (7..).zip(lines) {
        let (mut reporter, _, _, err) = reporter(Display::Lines, PrintStyle::default());
        let start = Instant::now();
        (1..=count).for_each(|line| reporter.event(&rejected(line), start));
        let _timeline = reporter.finish(Instant::now());
        let text = err.text();
        let seventh = text.lines().nth(6).unwrap();
        assert!(seventh.contains(last), "{text}");
    }
}

#[test]
fn two_hours_of_everything_leave_at_most_130_lines_with_the_summary() {
    let (mut reporter, gauges, _, err) = reporter(Display::Lines, PrintStyle::default());
    let start = Instant::now();
    reporter.event(&started(Some(10_000_000)), start);
    for second in 0..=7_200 {
        let now = start + Duration::from_secs(second);
        reporter.tick(now);
        Gauges::add(&gauges.bytes_settled, 1_000);
        reporter.event(&rejected(second), now);
        reporter.event(&retry(), now);
        reporter.event(&Event::Warning("look here".to_owned()), now);
        let done = Event::Done {
            partition: partition(),
            outcome: DoneOutcome::Sent,
            why: String::new(),
        };
        reporter.event(&done, now);
    }
    let _timeline = reporter.finish(start + Duration::from_secs(7_200));
    let text = err.text();
    // A summary takes a dozen.
    let lines = text.lines().count();
    assert!((70..=130 - 12).contains(&lines), "{lines}\n{text}");
    assert!(!text.contains('\u{1b}'));
    assert!(text.contains("more retries") && text.contains("more warnings"));
}

#[test]
fn a_bad_first_minute_leaves_lines_for_an_outage_an_hour_later() {
    let (mut reporter, _, _, err) = reporter(Display::Lines, PrintStyle::default());
    let start = Instant::now();
    for second in 0..60 {
        reporter.event(&retry(), start + Duration::from_secs(second));
    }
    let first = err.text().lines().count();
    assert_eq!(first, 6);
    let hour = start + Duration::from_secs(3_600);
    for second in 0..60 {
        reporter.event(&retry(), hour + Duration::from_secs(second));
    }
    assert_eq!(err.text().lines().count(), first + 3);
}

#[test]
fn what_earlier_runs_settled_is_in_the_percentage_and_not_in_the_pace() {
    let mut view = View::default();
    let gauges = Gauges::default();
    let start = Instant::now();
    view.sample(&gauges, start);
    view.event(&started(Some(10_000)));
    Gauges::add(&gauges.bytes_before, 6_000);
    Gauges::add(&gauges.bytes_settled, 6_000);
    assert_eq!(view.percent(&gauges), Some(60));
    for second in 1..=10 {
        Gauges::add(&gauges.bytes_settled, 100);
        view.sample(&gauges, start + Duration::from_secs(second));
    }
    let left = view.time_left(&gauges, start + Duration::from_secs(10));
    assert_eq!(left, Some(Duration::from_secs(30)));
}

#[test]
fn the_next_upload_of_a_run_begins_at_its_own_beginning() {
    let mut view = View::default();
    let gauges = Gauges::default();
    view.event(&started(Some(1_000)));
    Gauges::add(&gauges.bytes_settled, 1_000);
    view.event(&Event::Done {
        partition: partition(),
        outcome: DoneOutcome::Sent,
        why: String::new(),
    });
    let mut next = started(Some(500));
    if let Event::Started {
        bytes_of_others, ..
    } = &mut next
    {
        *bytes_of_others = 1_000;
    }
    view.event(&next);
    Gauges::add(&gauges.bytes_settled, 100);
    assert_eq!(view.percent(&gauges), Some(20));
    assert!(view.line(&gauges, Instant::now()).starts_with("uploading"));
}

#[test]
fn machines_get_every_event_as_an_object() {
    let style = PrintStyle {
        json: true,
        ..PrintStyle::default()
    };
    let (mut reporter, _, out, _) = reporter(Display::None, style);
    let start = Instant::now();
    reporter.event(&started(None), start);
    for line in 1..=30 {
        reporter.event(&rejected(line), start);
    }
    reporter.event(&retry(), start);
    reporter.event(&Event::Warning("w".to_owned()), start);
    reporter.tick(start);
    reporter.tick(start + Duration::from_secs(10));
    let types: Vec<String> = out
        .text()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].to_string())
        .collect();
    assert_eq!(types.len(), 1 + 30 + 1 + 1);
    assert_eq!(types[0], "\"start\"");
    assert_eq!(types[31], "\"retry\"");
    assert_eq!(types[32], "\"progress\"");
    // A run of a few seconds says no such line, so that its published form is compared here.
    let fields_of = |value: &serde_json::Value| -> Vec<String> {
        let fields = value.as_object().unwrap().keys();
        fields
            .cloned()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    };
    let schema: serde_json::Value = serde_json::from_str(crate::cli::json_line::SCHEMA).unwrap();
    let described = fields_of(&schema["$defs"]["progress"]["properties"]);
    let last = serde_json::from_str(out.text().lines().last().unwrap()).unwrap();
    assert_eq!(fields_of(&last), described);
}

#[test]
fn without_progress_only_what_needs_attention_is_said() {
    let (mut reporter, _, _, err) = reporter(Display::None, PrintStyle::default());
    let start = Instant::now();
    reporter.event(&started(None), start);
    reporter.event(&retry(), start);
    reporter.event(&Event::Warning("look here".to_owned()), start);
    reporter.tick(start + Duration::from_secs(600));
    let _timeline = reporter.finish(Instant::now());
    assert_eq!(err.text(), "warning: look here\n");
}

#[test]
fn a_percentage_never_claims_the_end_too_early() {
    let mut view = View::default();
    let gauges = Gauges::default();
    assert_eq!(view.percent(&gauges), None);
    view.event(&started(Some(1000)));
    Gauges::add(&gauges.bytes_settled, 999);
    assert_eq!(view.percent(&gauges), Some(99));
    Gauges::add(&gauges.bytes_settled, 1);
    Gauges::add(&gauges.requests_in_flight, 1);
    assert_eq!(view.percent(&gauges), Some(99));
    Gauges::sub(&gauges.requests_in_flight, 1);
    // It waits for another try.
    Gauges::add(&gauges.batches_unsettled, 1);
    assert_eq!(view.percent(&gauges), Some(99));
    Gauges::sub(&gauges.batches_unsettled, 1);
    assert_eq!(view.percent(&gauges), Some(100));
}

#[test]
fn the_time_left_follows_the_last_minute() {
    let mut view = View::default();
    let gauges = Gauges::default();
    let start = Instant::now();
    view.event(&started(Some(10_000)));
    // A fast first minute, then ten bytes a second.
    for second in 0..=180 {
        let bytes = if second < 60 { 100 } else { 10 };
        Gauges::add(&gauges.bytes_settled, bytes);
        view.sample(&gauges, start + Duration::from_secs(second));
    }
    let left = 10_000 - 60 * 100 - 121 * 10;
    assert_eq!(
        view.time_left(&gauges, start + Duration::from_secs(180)),
        Some(Duration::from_secs(left / 10))
    );
}

#[test]
fn finishing_shows_everything_that_was_queued() {
    let (printer, _, err) = captured(PrintStyle::default());
    let progress = Progress::start(printer, Display::Lines, Arc::default()).unwrap();
    let observer: Box<dyn Observer> = Box::new(progress.observer());
    for number in 0..3_000 {
        observer.observe(&Event::PartitionStopped {
            partition: partition(),
            why: format!("w{number}"),
        });
    }
    progress.observer().print_status();
    let _timeline = progress.finish();
    assert_eq!(err.text().lines().count(), 3_001);
    observer.observe(&Event::Warning("late".to_owned()));
    assert!(!err.text().contains("late"));
}

#[test]
fn the_last_rows_are_not_announced_while_most_are_unsettled() {
    let mut view = View::default();
    let gauges = Gauges::default();
    view.event(&started(Some(1000)));
    Gauges::add(&gauges.bytes_read, 1000);
    Gauges::add(&gauges.bytes_settled, 500);
    let first = |view: &View| view.frame(&gauges, Instant::now(), 80)[0].clone();
    assert_eq!(first(&view), "uploading item history_sync 2022-01-01");
    Gauges::add(&gauges.bytes_settled, 460);
    assert!(first(&view).starts_with("uploading the last rows of"));
}

#[test]
fn the_display_leaves_room_for_an_echo_and_ends_its_lines_itself() {
    let (printer, _, err) = captured(PrintStyle::default());
    let mut bar = Bar::new(&printer, || Some((20, 24)));
    let long = "a line of more than twenty columns".to_owned();
    bar.draw(vec![
        long.clone(),
        "b".to_owned(),
        "耳机耳机耳机耳机耳机".to_owned(),
    ]);
    drop(bar);
    let text = err.text();
    assert!(text.contains("a line of...\u{1b}[K\r\n"), "{text:?}");
    assert!(text.contains("耳机耳机耳机...\u{1b}[K"), "{text:?}");
    // Blanks up to the edge would make the terminal wrap.
    assert!(!text.contains("  "), "{text:?}");
    printer.release_display();
    assert!(err.text().ends_with("\r\u{1b}[2K"), "{:?}", err.text());
}

#[test]
fn rows_that_a_narrower_terminal_adds_are_cleared() {
    static WIDTH: AtomicU16 = AtomicU16::new(40);
    let (printer, _, err) = captured(PrintStyle::default());
    let screen = Screen::new(printer, || Some((WIDTH.load(Ordering::Relaxed), 24)));
    screen.write_str(&"x".repeat(30)).unwrap();
    screen.write_str("y").unwrap();
    screen.flush().unwrap();
    WIDTH.store(10, Ordering::Relaxed);
    screen.move_cursor_up(1).unwrap();
    screen.flush().unwrap();
    // The first line takes three rows now.
    assert!(
        err.text().ends_with("y\u{1b}[3A\r\u{1b}[J"),
        "{:?}",
        err.text()
    );
}
