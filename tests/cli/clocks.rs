//! A clock that is not the server's: a little off, it is set by the server's; far off, it is told.

use crate::recorder::{Received, Recorder, Reply, TOKEN};
use crate::start::{Place, WRITE, rows};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// When a request says that it was signed.
fn signed_at(request: &Received) -> DateTime<Utc> {
    if let Some(seconds) = request.header("tenant-ts") {
        return DateTime::from_timestamp(seconds.parse().unwrap(), 0).unwrap();
    }
    let text = request.header("x-date").unwrap();
    NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ")
        .unwrap()
        .and_utc()
}

/// A server whose clock is so far off, and which takes signatures of its own last minutes only.
fn server(off: TimeDelta) -> Recorder {
    Recorder::answering(move |request, _| {
        let now = Utc::now() + off;
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        if (signed_at(request) - now).abs() > TimeDelta::minutes(2) {
            return Reply::code(401, 401, "Auth fail, expired").with("Date", &date);
        }
        Reply::ok().with("Date", &date)
    })
}

fn place(recorder: &Recorder, by_token: bool) -> Place {
    let mut place = Place::with(recorder);
    if by_token {
        place.set("BYTEAIR_AK", "");
        place.set("BYTEAIR_SK", "");
        place.set("BYTEAIR_TOKEN", TOKEN);
    }
    place.rows("rows.jsonl", 0, 100);
    place
}

#[test]
fn four_minutes_are_made_up_for_and_every_row_arrives_once() {
    for minutes in [4, -4] {
        for by_token in [false, true] {
            let recorder = server(TimeDelta::minutes(minutes));
            let place = place(&recorder, by_token);
            let words = format!("{WRITE} --batch-rows 20 --max-in-flight 1 --json rows.jsonl");
            let summary = place.end(&words).expect(0).summary();
            assert_eq!(summary["rows_accepted"], 100, "{summary}");
            let note = summary["notes"][0].as_str().unwrap_or_default();
            assert!(
                note.contains("clock differs from the server's by "),
                "{summary}"
            );
            let requests = recorder.everything();
            let refused = requests.iter().filter(|it| was(it, 401)).count();
            assert_eq!(refused, 1, "the first request of {}", requests.len());
            let mut accepted: Vec<String> = requests
                .iter()
                .filter(|it| was(it, 200) && !it.is_done())
                .flat_map(Received::rows)
                .collect();
            accepted.sort();
            assert_eq!(accepted, rows(0, 100));
            // The next run finds it out for itself.
            place.rows("more.jsonl", 0, 10);
            let words = "done -d 2022-01-01";
            place.end(words).expect(0);
        }
    }
}

fn was(request: &Received, status: u16) -> bool {
    request.answered.load(std::sync::atomic::Ordering::Acquire) == status
}

#[test]
fn an_hour_is_status_12_with_the_number_and_resumable() {
    for (minutes, number) in [(60, ["3600", "3599"]), (-60, ["-3600", "-3601"])] {
        for by_token in [false, true] {
            let recorder = server(TimeDelta::minutes(minutes));
            let place = place(&recorder, by_token);
            let ran = place.end(&format!("{WRITE} rows.jsonl")).expect(12);
            let text = ran.output + &ran.errors;
            assert!(
                number.iter().any(|it| text.contains(&format!("by {it} s"))),
                "{text}"
            );
            assert!(text.contains("clock") && text.contains("NTP"), "{text}");
            assert!(recorder.everything().len() <= 2);
            recorder.answer(|_, _| Reply::ok());
            place.end(&format!("{WRITE} rows.jsonl")).expect(0);
            let last = recorder.everything();
            assert!(last.iter().rev().take(2).all(|it| was(it, 200)));
        }
    }
}

#[test]
fn a_done_that_is_refused_for_the_clock_is_signed_again() {
    for minutes in [4, -4] {
        let recorder = Recorder::new();
        let place = place(&recorder, false);
        place
            .end(&format!("{WRITE} --no-done rows.jsonl"))
            .expect(0);
        let off = TimeDelta::minutes(minutes);
        recorder.answer(move |request, _| {
            let now = Utc::now() + off;
            let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
            if (signed_at(request) - now).abs() > TimeDelta::minutes(2) {
                return Reply::code(401, 401, "Auth fail, expired").with("Date", &date);
            }
            Reply::ok()
        });
        place.end("done -d 2022-01-01").expect(0);
        let dones = recorder.dones();
        assert_eq!(dones.len(), 2);
        assert!(was(&dones[0], 401) && was(&dones[1], 200));
    }
}
