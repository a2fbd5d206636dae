//! Rows of many dates mixed in one file: what is said when the memory divides them into small requests.

use crate::dates_from_field::{FIELD, server};
use std::fmt::Write as _;

/// Rows of so many dates in turn, some 6 MB.
fn mixed(dates: usize) -> String {
    let mut text = String::new();
    for number in 0..24_000 {
        let ts = 1_640_966_400 + number % dates * 86_400;
        let filling = "x".repeat(200);
        let _ = writeln!(text, r#"{{"id":"{number}","ts":{ts},"title":"{filling}"}}"#);
    }
    text
}

#[test]
fn small_requests_of_many_dates_are_told_once_and_only_where_they_are_small() {
    for (dates, memory, is_told) in [
        (600, "10MiB", true),
        (600, "64MiB", false),
        (2, "10MiB", false),
    ] {
        let (recorder, place) = server();
        place.file("mixed.jsonl", mixed(dates));
        let ran = place
            .end(&format!(
                "{FIELD} --no-rate-limit --batch-bytes 1MiB --max-row-bytes 64KiB --memory {memory} mixed.jsonl"
            ))
            .expect(0);
        let told = format!("rows of {dates} dates are mixed");
        let times = ran.errors.matches(&told).count();
        assert_eq!(times, usize::from(is_told), "{dates}: {}", ran.errors);
        if is_told {
            ran.says("More --memory makes them fuller, and so does an input that is sorted");
        }
        assert_eq!(recorder.accepted().len(), 24_000);
    }
}
