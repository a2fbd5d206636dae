//! Rows that say their own date: each goes to its date, and each date stands for itself.

use crate::recorder::{Received, Recorder, Reply};
use crate::start::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::atomic::Ordering;

pub(crate) const FIELD: &str = "write -t item -s history_sync --date-from-field ts";

/// Midnight of 2022-01-01 in Shanghai.
const FIRST: usize = 1_640_966_400;

/// A row of the n-th day of 2022, in Shanghai.
fn row(number: usize, day: usize) -> String {
    let ts = FIRST + (day - 1) * 86_400 + number;
    format!("{{\"id\":\"{number:05}\",\"ts\":{ts}}}")
}

/// Rows of these days in turn.
pub(crate) fn mixed(count: usize, days: &[usize]) -> Vec<String> {
    (0..count)
        .map(|number| row(number, days[number % days.len()]))
        .collect()
}

pub(crate) fn text(rows: &[String]) -> String {
    rows.iter()
        .fold(String::new(), |text, row| text + row + "\n")
}

pub(crate) fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    (recorder, place)
}

/// What was stored of each day, each Request-Id once.
pub(crate) fn by_day(recorder: &Recorder) -> BTreeMap<String, BTreeSet<String>> {
    let mut ids = BTreeSet::new();
    let mut days: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for write in recorder.writes() {
        let is_stored = write.answered.load(Ordering::Acquire) == 200;
        if is_stored && ids.insert(write.id()) {
            for row in write.rows() {
                let rows = days.entry(write.day().unwrap()).or_default();
                assert!(rows.insert(row.clone()), "stored twice: {row}");
            }
        }
    }
    days
}

pub(crate) fn expected(rows: &[String], days: &[usize]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (number, row) in rows.iter().enumerate() {
        let day = format!("2022-01-{:02}", days[number % days.len()]);
        found.entry(day).or_default().insert(row.clone());
    }
    found
}

pub(crate) fn done_days(recorder: &Recorder) -> Vec<String> {
    let mut days: Vec<String> = recorder.dones().iter().filter_map(Received::day).collect();
    days.sort();
    days
}

#[test]
fn rows_of_many_dates_in_one_file_go_to_their_dates_and_each_date_gets_its_done() {
    let (recorder, place) = server();
    let days: Vec<usize> = (1..=9).collect();
    let rows = mixed(500, &days);
    place.file("all.jsonl", text(&rows));
    let words = format!("{FIELD} -d 2022-01-01..2022-01-09 --batch-rows 20 all.jsonl");
    place.end(&words).expect(0);
    assert_eq!(by_day(&recorder), expected(&rows, &days));
    assert_eq!(done_days(&recorder).len(), 9);
    assert!(
        recorder
            .writes()
            .iter()
            .all(|write| write.rows().len() <= 20)
    );
    let requests = recorder.requests();
    for done in requests.iter().filter(|request| request.is_done()) {
        let is_late = |write: &&Received| !write.is_done() && write.day() == done.day();
        let at = requests.iter().position(|it| it.id() == done.id()).unwrap();
        assert_eq!(requests[at..].iter().find(is_late).map(Received::id), None);
    }
    place.end(&words).expect(0);
    assert_eq!(recorder.requests().len(), requests.len());
}

#[test]
fn rows_outside_the_named_dates_are_dead_letters_that_hold_no_named_date_back() {
    let (recorder, place) = server();
    let days = [1, 2, 3];
    let rows = mixed(30, &days);
    place.file("all.jsonl", text(&rows));
    let ran = place
        .end(&format!(
            "{FIELD} -d 2022-01-01,2022-01-03 --json all.jsonl"
        ))
        .expect(0);
    assert_eq!(done_days(&recorder), ["2022-01-01", "2022-01-03"]);
    let mut wanted = expected(&rows, &days);
    wanted.remove("2022-01-02");
    assert_eq!(by_day(&recorder), wanted);
    assert_eq!(ran.summary()["rows_rejected"], 10);
    place
        .end("rejects list")
        .expect(0)
        .says("date_outside")
        .says("all.jsonl:2");
    // The same file for the date that was left out is another upload of its own.
    place
        .end(&format!("{FIELD} -d 2022-01-02 all.jsonl"))
        .expect(0);
    assert_eq!(by_day(&recorder), expected(&rows, &days));
    assert_eq!(done_days(&recorder).len(), 3);
}

#[test]
fn a_row_that_breaks_a_rule_holds_back_only_its_own_date() {
    let (recorder, place) = server();
    let mut rows = mixed(10, &[1, 2]);
    let ts = FIRST + 86_400;
    rows.push(format!("{{\"id\":\"z\",\"price\":\"dear\",\"ts\":{ts}}}"));
    place.file("all.jsonl", text(&rows));
    place
        .end(&format!(
            "{FIELD} -d 2022-01-01,2022-01-02 --types price=double all.jsonl"
        ))
        .expect(3)
        .says("all.jsonl:11");
    assert_eq!(done_days(&recorder), ["2022-01-01"]);
}

#[test]
fn without_named_dates_every_date_is_uploaded_and_none_is_done_by_itself() {
    let (recorder, place) = server();
    let days = [4, 2, 7];
    let rows = mixed(40, &days);
    place.file("all.jsonl", text(&rows));
    let words = format!("{FIELD} all.jsonl");
    place
        .end(&words)
        .expect(0)
        .says("--date 2022-01-02,2022-01-04,2022-01-07");
    assert_eq!(by_day(&recorder), expected(&rows, &days));
    assert!(recorder.dones().is_empty());
    let requests = recorder.requests().len();
    place.end(&words).expect(0);
    assert_eq!(recorder.requests().len(), requests);
    place.end("done -d 2022-01-02,2022-01-04").expect(0);
    assert_eq!(done_days(&recorder), ["2022-01-02", "2022-01-04"]);
    place.end(&words).expect(0);
    // Rows of a date that is done come too late, and nothing of their file is sent.
    place.file("late.jsonl", text(&mixed(4, &[7, 2])));
    place
        .end(&format!("{FIELD} late.jsonl"))
        .expect(6)
        .says("late_input")
        .says("2022-01-02");
    place.file("none.jsonl", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
    place
        .end(&format!("{FIELD} none.jsonl"))
        .expect(4)
        .says("--date-format");
    assert_eq!(recorder.requests().len(), requests + 2);
}

#[test]
fn the_zone_of_the_platform_makes_the_day_and_the_machine_has_no_say() {
    let late = FIRST - 1;
    let rows = format!(
        "{{\"id\":\"1\",\"ts\":{late}}}\n{{\"id\":\"2\",\"ts\":{FIRST}000}}\n\
         {{\"id\":\"3\",\"ts\":\"2021-12-31T16:00:00Z\"}}\n{{\"id\":\"4\",\"ts\":\"2022-01-01\"}}\n"
    );
    let sent = |zone: &str, options: &str| {
        let recorder = Recorder::new();
        let mut place = Place::with(&recorder);
        place.set("TZ", zone);
        place.file("all.jsonl", &rows);
        place
            .end(&format!(
                "{FIELD} -d 2021-12-31,2022-01-01 {options} all.jsonl"
            ))
            .expect(0);
        let rows = by_day(&recorder).into_iter();
        rows.map(|(day, rows)| (day, rows.len()))
            .collect::<Vec<_>>()
    };
    let shanghai = [("2021-12-31".to_owned(), 1), ("2022-01-01".to_owned(), 3)];
    let utc = [("2021-12-31".to_owned(), 3), ("2022-01-01".to_owned(), 1)];
    for zone in ["America/Los_Angeles", "Pacific/Kiritimati", ""] {
        assert_eq!(sent(zone, ""), shanghai, "{zone}");
        assert_eq!(sent(zone, "--timezone UTC"), utc, "{zone}");
    }
}

#[test]
fn a_date_without_rows_and_a_day_that_is_not_over_stand_for_themselves() {
    let (recorder, place) = server();
    let now = chrono::Utc::now().timestamp();
    let mut rows = mixed(4, &[1]);
    rows.push(format!("{{\"id\":\"now\",\"ts\":{now}}}"));
    place.file("all.jsonl", text(&rows));
    place
        .end(&format!("{FIELD} -d 2022-01-01,2022-01-05,today all.jsonl"))
        .expect(7)
        .says("there was no row")
        .says("the day is not over");
    assert_eq!(done_days(&recorder), ["2022-01-01"]);
    assert_eq!(recorder.rows().len(), 5);
}

#[test]
fn rows_that_a_1001_names_are_found_at_their_lines_among_the_rows_of_other_dates() {
    let recorder = Recorder::answering(|request, _| {
        let bad: Vec<String> = if request.is_done() {
            Vec::new()
        } else {
            request
                .rows()
                .into_iter()
                .filter(|row| row.contains("\"00017\""))
                .collect()
        };
        let errors: Vec<(&str, &str)> = bad.iter().map(|row| ("bad", row.as_str())).collect();
        if errors.is_empty() {
            Reply::ok()
        } else {
            Reply::refused_rows(200, 1001, "bad rows", &errors)
        }
    });
    let place = Place::with(&recorder);
    place.file("all.jsonl", text(&mixed(40, &[1, 2, 3])));
    place
        .end(&format!("{FIELD} -d 2022-01-01..2022-01-03 all.jsonl"))
        .expect(3)
        .says("all.jsonl:18");
    assert_eq!(done_days(&recorder), ["2022-01-01", "2022-01-02"]);
}

#[test]
fn the_field_is_read_as_the_input_has_it_and_need_not_be_sent() {
    let (recorder, place) = server();
    let mut csv = "day;id;title\n".to_owned();
    for number in 0..6 {
        writeln!(csv, "2022/01/0{};{number};\"t{number}\"", number % 2 + 1).unwrap();
    }
    place.file("all.csv", csv);
    let words = "write -t item -s history_sync -d 2022-01-01,2022-01-02 --date-from-field day \
                 --date-format %Y/%m/%d --delimiter ; --types id=int32,title=string --unknown-fields drop all.csv";
    place.end(words).expect(0);
    let rows = by_day(&recorder);
    assert_eq!(
        rows["2022-01-02"].first().unwrap(),
        "{\"id\":1,\"title\":\"t1\"}"
    );
    assert_eq!((rows["2022-01-01"].len(), rows.len()), (3, 2));
}

#[test]
fn standard_input_is_split_by_dates_and_resumes() {
    let recorder = Recorder::answering(|_, number| {
        if number < 2 {
            Reply::ok()
        } else {
            Reply::bare(429)
        }
    });
    let place = Place::with(&recorder);
    let days = [1, 2];
    let rows = mixed(100, &days);
    let words = format!(
        "{FIELD} -d 2022-01-01,2022-01-02 --batch-rows 10 --retry-for 1ms --format jsonl --input-id x -"
    );
    place.end_with_stdin(&words, &text(&rows)).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place.end_with_stdin(&words, &text(&rows)).expect(0);
    let mut accepted = recorder.accepted();
    accepted.dedup();
    let mut wanted = rows;
    wanted.sort();
    assert_eq!(accepted, wanted);
    assert_eq!(done_days(&recorder).len(), 2);
    let unnamed = format!("{FIELD} --format jsonl -");
    place
        .end_with_stdin(&unnamed, "{}\n")
        .expect(2)
        .says("--date");
}

#[test]
fn a_file_whose_rows_say_no_date_is_taken_for_what_it_is() {
    let (recorder, place) = server();
    let rows: Vec<String> = (0..1_500)
        .map(|it| format!("{{\"id\":\"{it}\"}}"))
        .collect();
    place.file("all.jsonl", text(&rows));
    place
        .end(&format!("{FIELD} -d 2022-01-01 all.jsonl"))
        .expect(4)
        .says("--date-from-field");
    // One whose first rows are of other dates is as good as any.
    let mut rows = mixed(1_500, &[3]);
    rows.push(row(9_999, 1));
    place.file("sorted.jsonl", text(&rows));
    place.end("ledger drop-input all.jsonl").expect(0);
    place
        .end(&format!("{FIELD} -d 2022-01-01 sorted.jsonl"))
        .expect(0);
    assert_eq!(recorder.rows(), [row(9_999, 1)]);
}

#[test]
fn a_dry_run_counts_rows_by_their_dates_and_leaves_nothing() {
    let (recorder, place) = server();
    place.file("all.jsonl", text(&mixed(20, &[1, 2, 3, 4])));
    let ran = place.end(&format!("{FIELD} --dry-run all.jsonl")).expect(0);
    ran.says("20 rows in 4 requests");
    assert!(recorder.requests().is_empty());
    assert!(!place.path(".local").exists());
}

#[test]
fn a_dropped_file_of_many_dates_takes_no_row_of_other_files_with_it() {
    let days = [1, 2, 3];
    for refused in [true, false] {
        let (recorder, place) = server();
        let rows = mixed(60, &days);
        let (first, second) = rows.split_at(30);
        place.file("in/a.jsonl", text(first));
        place.file("in/b.jsonl", text(second));
        // The rows of both files share the batches of each day.
        recorder.answer(move |_, _| {
            if refused {
                Reply::bare(429)
            } else {
                Reply::Cut
            }
        });
        let words = format!("{FIELD} -d 2022-01-01..2022-01-03 --retry-for 1ms in");
        place.end(&words).expect(5);
        std::fs::remove_file(place.path("in/a.jsonl")).unwrap();
        place.end("ledger drop-input in/a.jsonl").expect(0);
        let before = recorder.requests().len();
        recorder.answer(|_, _| Reply::ok());
        place.end(&words).expect(0);
        assert_eq!(by_day(&recorder), expected(second, &days), "{refused}");
        assert_eq!(done_days(&recorder).len(), 3, "{refused}");
        assert_eq!(recorder.requests().len() - before, 6, "{refused}");
        place.end(&words).expect(0);
        assert_eq!(recorder.requests().len() - before, 6, "{refused}");
    }
}

#[test]
fn days_that_a_wrong_unit_makes_are_no_partitions_unless_they_are_named() {
    let (recorder, place) = server();
    let odd = [
        "{\"id\":\"0\",\"ts\":0}",
        "{\"id\":\"1\",\"ts\":99999999999}",
    ];
    place.file("odd.jsonl", format!("{}\n{}\n", odd[0], odd[1]));
    place
        .end(&format!("{FIELD} odd.jsonl"))
        .expect(4)
        .says("1970-01-01 is hardly the day that is meant");
    place.file(
        "all.jsonl",
        format!("{}\n{}\n{}\n", odd[0], row(7, 1), odd[1]),
    );
    place
        .end(&format!("{FIELD} all.jsonl"))
        .expect(3)
        .says("2 date_missing: ");
    assert_eq!(recorder.rows(), [row(7, 1)]);
    place
        .end("validate --date-from-field ts all.jsonl")
        .expect(3)
        .says("date_missing");
    place
        .end(&format!("{FIELD} -d 1970-01-01 odd.jsonl"))
        .expect(0);
    assert_eq!(recorder.rows(), [odd[0], &row(7, 1)]);
}
