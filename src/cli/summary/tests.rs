//! The last lines of a run, for people and for programs.

use super::*;
use crate::domain::{Partition, Stage, Target};
use crate::upload::report::NextStep;
use crate::upload::report::RejectGroup;
use std::time::Duration;

fn report(date: &str, done: DoneOutcome, why: &str) -> PartitionReport {
    PartitionReport {
        job: None,
        partition: Partition {
            target: Target::new("1", "2", "cn").unwrap(),
            topic: "item".parse().unwrap(),
            stage: Stage::HistorySync(date.parse().unwrap()),
        },
        rows_accepted: 9_990,
        rows_unconfirmed: 0,
        rows_rejected: 0,
        rows_pending: 0,
        done,
        why: why.to_owned(),
    }
}

fn story(status: Status, partitions: Vec<PartitionReport>) -> Summary {
    Summary {
        status,
        retryable: false,
        totals: Totals {
            rows_read: 1_000_003,
            rows_accepted: 1_000_000,
            batches: 100,
            requests: 102,
            retries: 1,
            bytes_read: 1 << 30,
            bytes_sent: 35 << 20,
            elapsed: Duration::from_millis(20_500),
            ..Totals::default()
        },
        partitions,
        rejects: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
        next: Vec::new(),
        run_dir: None,
        course: Course::Ended,
        origin: None,
    }
}

#[test]
fn a_complete_date_is_told_in_a_few_lines() {
    let done = story(
        Status::Success,
        vec![report("2022-01-01", DoneOutcome::Sent, "")],
    );
    assert_eq!(
        for_people(&done, 1_000_000),
        "\
item history_sync 2022-01-01: complete
  read         1,000,003 rows
  accepted     1,000,000
  rejected     0
  sent         102 requests (1 retry), 35.0 MiB in 20s, 48,780 rows/s
  done         sent (the platform has the rows, it has not yet ingested them)
"
    );
}

#[test]
fn rejected_rows_are_grouped_and_the_next_command_comes_last() {
    let mut bad = story(
        Status::RowsRejected,
        vec![report(
            "2022-01-01",
            DoneOutcome::Withheld,
            "3 rejected rows, 0 allowed",
        )],
    );
    bad.totals.rows_unconfirmed = 7;
    bad.totals.rows_rejected = 3;
    bad.totals.rows_pending = 1_000;
    bad.rejects = vec![
        RejectGroup {
            code: "not_json".to_owned(),
            column: None,
            message: "expected value".to_owned(),
            count: 2,
            first: "item.jsonl:17".to_owned(),
        },
        RejectGroup {
            code: "1001".to_owned(),
            column: None,
            message: "price is no number".to_owned(),
            count: 1,
            first: "item.jsonl:4242".to_owned(),
        },
    ];
    bad.problems = vec!["rows were rejected".to_owned()];
    bad.notes = vec!["2 rows have the same key twice".to_owned()];
    bad.run_dir = Some("state/runs/7".into());
    bad.next = vec![
        NextStep::new("byteair-sync rejects list --date 2022-01-01", ""),
        NextStep::new("byteair-sync done", "gives them up"),
    ];
    assert_eq!(
        for_people(&bad, 0),
        "\
item history_sync 2022-01-01: too many rows were rejected (exit status 3)
  read         1,000,003 rows
  accepted     1,000,000
  unconfirmed  7 (stored as far as can be known)
  rejected     3
               2 not_json: expected value; first item.jsonl:17
               1 1001: price is no number; first item.jsonl:4242
  pending      1,000 (kept for the next run)
  sent         102 requests (1 retry), 35.0 MiB in 20s, 0 rows/s
  done         withheld: 3 rejected rows, 0 allowed
  problem      rows were rejected
  note         2 rows have the same key twice
  log          state/runs/7
  next         byteair-sync rejects list --date 2022-01-01
               byteair-sync done  # gives them up
"
    );
}

#[test]
fn of_many_dates_the_table_is_bounded_and_shows_trouble() {
    let mut partitions: Vec<PartitionReport> = (1..=31)
        .map(|day| report(&format!("2022-01-{day:02}"), DoneOutcome::Sent, ""))
        .collect();
    partitions[30].done = DoneOutcome::Withheld;
    partitions[30].why = "the day is not over".to_owned();
    partitions[30].rows_rejected = 2;
    let text = for_people(&story(Status::Unfinished, partitions), 0);
    assert!(text.starts_with("31 dates: done withheld (exit status 7)\n"));
    assert!(text.contains(
        "  item history_sync 2022-01-31  9,990 accepted, 2 rejected; done withheld: the day is not over\n"
    ));
    // On 80 columns, and what `sent` means is said once.
    assert!(text.contains("  item history_sync 2022-01-01  9,990 accepted; done sent\n"));
    assert!(text.ends_with(
        "  and 11 more\n  done         sent means: the platform has the rows, it has not yet ingested them\n"
    ));
    assert_eq!(text.lines().count(), 1 + 4 + 20 + 2);
}

#[test]
fn reasons_and_remarks_beyond_the_bound_are_counted() {
    let mut bad = story(
        Status::RowsRejected,
        vec![report("2022-01-01", DoneOutcome::Withheld, "")],
    );
    bad.rejects = (0..7)
        .map(|number| RejectGroup {
            code: format!("c{number}"),
            column: None,
            message: "m".to_owned(),
            count: 1,
            first: "f:1".to_owned(),
        })
        .collect();
    bad.notes = (0..6).map(|number| format!("n{number}")).collect();
    let text = for_people(&bad, 0);
    assert!(
        text.contains("and 2 reasons more") || text.contains("and 2 more"),
        "{text}"
    );
    assert!(!text.contains("c5"), "{text}");
    assert!(text.contains("and 1 more"), "{text}");
}

#[test]
fn a_finished_date_says_that_nothing_was_sent() {
    let mut idle = story(
        Status::Success,
        vec![report("2022-01-01", DoneOutcome::Already, "")],
    );
    idle.totals.requests = 0;
    idle.totals.elapsed = Duration::from_millis(40);
    let text = for_people(&idle, 0);
    assert!(text.contains("  sent         nothing in this run, which took 0.0s\n"));
    assert!(text.contains("  done         was sent before\n"));
}

#[test]
fn the_json_summary_has_the_fields_of_the_contract() {
    let value = serde_json::to_value(for_machines(&story(
        Status::Success,
        vec![report("2022-01-01", DoneOutcome::Sent, "")],
    )))
    .unwrap();
    for (field, expected) in [
        ("v", serde_json::json!(1)),
        ("type", "summary".into()),
        ("exit_status", 0.into()),
        ("retryable", false.into()),
        ("rows_read", 1_000_003.into()),
        ("rows_accepted", 1_000_000.into()),
        ("rows_unconfirmed", 0.into()),
        ("rows_rejected", 0.into()),
        ("rows_pending", 0.into()),
        ("batches", 100.into()),
        ("requests", 102.into()),
        ("retries", 1.into()),
        ("bytes_read", (1u64 << 30).into()),
        ("bytes_sent", (35u64 << 20).into()),
        ("seconds", 20.5.into()),
    ] {
        assert_eq!(value[field], expected, "{field}");
    }
    assert_eq!(
        value["dates"][0],
        serde_json::json!({
            "topic": "item", "stage": "history_sync", "date": "2022-01-01",
            "rows_accepted": 9990, "rows_unconfirmed": 0, "rows_rejected": 0, "rows_pending": 0,
            "done": "sent", "why": "",
        })
    );
}

#[test]
fn a_report_file_holds_the_summary_object() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    let story = of_failure(Status::Temporary, "no route");
    write_report(&path, &story).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["exit_status"], 5);
    assert_eq!(value["retryable"], true);
    assert_eq!(value["problems"][0], "no route");
}

#[test]
fn a_problem_that_the_line_of_its_date_tells_is_not_told_twice() {
    let name = "item history_sync 2022-01-01";
    for why in ["the day is not over", "item history_sync 2022-01-01: gone"] {
        let mut bad = story(
            Status::Unfinished,
            vec![report("2022-01-01", DoneOutcome::Withheld, why)],
        );
        let bare = why.rsplit(": ").next().unwrap();
        bad.problems = vec![
            why.to_owned(),
            format!("{name}: {bare}"),
            "other".to_owned(),
        ];
        let text = for_people(&bad, 0);
        assert_eq!(text.matches(bare).count(), 1, "{text}");
        assert!(text.contains(&format!("withheld: {bare}\n")), "{text}");
        assert!(text.contains("  problem      other\n"), "{text}");
    }
}

#[test]
fn the_heading_counts_what_differs() {
    let named = |topic: &str, date: &str| {
        let mut report = report(date, DoneOutcome::Sent, "");
        report.partition.topic = topic.parse().unwrap();
        report
    };
    for (partitions, expected) in [
        (
            vec![named("item", "2022-01-01"), named("user", "2022-01-01")],
            "2 topics of 2022-01-01: complete\n",
        ),
        (
            vec![named("item", "2022-01-01"), named("item", "2022-01-02")],
            "2 dates: complete\n",
        ),
        (
            vec![named("item", "2022-01-01"), named("user", "2022-01-02")],
            "2 dates of 2 topics: complete\n",
        ),
    ] {
        let text = for_people(&story(Status::Success, partitions), 0);
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn a_name_from_outside_cannot_break_a_line() {
    let mut bad = story(Status::BadInput, Vec::new());
    bad.problems = vec!["a\n  done  sent\u{1b}[2J.jsonl is cut off".to_owned()];
    let text = for_people(&bad, 0);
    assert!(
        text.contains("problem      a\\n  done  sent\\u{1b}[2J.jsonl is cut off\n"),
        "{text}"
    );
}
