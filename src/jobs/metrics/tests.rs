//! What one run leaves of another's metrics.

use super::lines::{LAST_SUCCESS, PREFIX};
use super::*;
use chrono::TimeZone;
use proptest::prelude::*;

fn target(application: &str) -> Target {
    Target::new("1", application, "cn").unwrap()
}

fn book(topics: &[(&str, Status)]) -> Book {
    let book = Book::new(Arc::default());
    for (topic, status) in topics {
        let entry = Entry {
            status: *status,
            dates: Vec::new(),
            counts: Counts::default(),
            elapsed: Duration::from_millis(1_500),
        };
        book.add((topic.parse().unwrap(), StageKind::HistorySync), entry);
    }
    book
}

fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(seconds, 0).unwrap()
}

fn last_success(text: &str, topic: &str) -> Option<i64> {
    let start = format!("{PREFIX}{LAST_SUCCESS}{{topic=\"{topic}\",stage=\"history_sync\"}} ");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&start));
    let value = lines.next().map(|value| value.parse().unwrap());
    assert_eq!(lines.next(), None, "{text}");
    value
}

#[test]
fn the_last_success_outlives_failures_and_runs_of_other_topics() {
    let whose = target("2");
    let first = book(&[("item", Status::Success)])
        .text(&whose, at(10), None)
        .unwrap();
    let second = book(&[("user", Status::Success)])
        .text(&whose, at(20), Some(&first))
        .unwrap();
    assert_eq!(last_success(&second, "item"), Some(10));
    assert_eq!(last_success(&second, "user"), Some(20));
    let third = book(&[("item", Status::Temporary), ("user", Status::Success)]);
    let third = third.text(&whose, at(30), Some(&second)).unwrap();
    assert_eq!(last_success(&third, "item"), Some(10));
    assert_eq!(last_success(&third, "user"), Some(30));
    let status = "byteair_sync_last_run_exit_status{topic=\"item\",stage=\"history_sync\"} 5";
    assert!(third.lines().any(|line| line == status), "{third}");
}

#[test]
fn a_file_of_somebody_else_is_not_taken_over() {
    let book = book(&[("item", Status::Success)]);
    let own = book.text(&target("2"), at(1), None).unwrap();
    let of = |earlier: &str, application| book.text(&target(application), at(2), Some(earlier));
    assert_eq!(of(&own, "3"), Err(MetricsError::OtherTarget));
    assert_eq!(of("node_load1 0.5\n", "2"), Err(MetricsError::Foreign(1)));
    assert_eq!(
        of("# HELP x\nroot:x:0:0\n", "2"),
        Err(MetricsError::Foreign(2))
    );
    assert!(of(&own, "2").is_ok());
}

#[test]
fn a_run_that_another_one_is_at_tells_nothing() {
    assert!(book(&[("item", Status::Busy)]).names().is_empty());
}

proptest! {
    #[test]
    fn what_is_written_is_taken_over_line_by_line(
        topics in prop::collection::btree_set("[A-Za-z0-9_-]{1,12}", 1..5),
        platform in "[^\\s\\p{C}]{1,12}",
    ) {
        let topics: Vec<String> = topics
            .into_iter()
            .filter(|topic| topic.parse::<Topic>().is_ok() && topic != "other")
            .collect();
        let named: Vec<(&str, Status)> =
            topics.iter().map(|topic| (topic.as_str(), Status::Success)).collect();
        if let Ok(target) = Target::new("1", "2", &platform) {
            let first = book(&named).text(&target, at(1), None).unwrap();
            let next = book(&[("other", Status::Success)]);
            let second = next.text(&target, at(2), Some(&first)).unwrap();
            for line in first.lines() {
                prop_assert!(second.lines().any(|it| it == line), "{line} is lost in\n{second}");
            }
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(earlier in "(byteair_sync_[a-z_{}\"=, 0-9]{0,60}\n?|.){0,5}") {
        let _outcome = book(&[("item", Status::Success)]).text(&target("2"), at(1), Some(&earlier));
    }
}
