//! Folders that say the date of their files, as Hive writes them.

use crate::recorder::{Received, Recorder};
use crate::start::Place;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

const PATH: &str = "write -t item -s history_sync --date-from-path dt=%Y-%m-%d";

/// Three days, one of them with a folder below it.
fn table() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("item/dt=2022-01-01/a.jsonl", 100, 10);
    place.rows("item/dt=2022-01-01/b.jsonl", 120, 10);
    place.rows("item/dt=2022-01-02/hour=07/a.jsonl", 200, 10);
    place.rows("item/dt=2022-01-03/a.jsonl", 300, 10);
    (recorder, place)
}

/// Rows and `done` of each day.
fn days(recorder: &Recorder) -> Vec<(String, usize, usize)> {
    let mut days: Vec<String> = recorder
        .requests()
        .iter()
        .filter_map(Received::day)
        .collect();
    days.sort();
    days.dedup();
    let count = |day: &String| {
        let of_day = |it: &&Received| it.day().as_ref() == Some(day);
        let rows = recorder
            .writes()
            .iter()
            .filter(of_day)
            .map(|it| it.rows().len())
            .sum();
        let dones = recorder.dones().iter().filter(of_day).count();
        (day.clone(), rows, dones)
    };
    days.iter().map(count).collect()
}

fn day(number: usize, rows: usize, dones: usize) -> (String, usize, usize) {
    (format!("2022-01-0{number}"), rows, dones)
}

#[test]
fn files_go_to_the_dates_of_their_folders_and_the_named_ones_get_done() {
    for paths in [
        "item",
        "item/dt=*/**/*.jsonl",
        "item/dt=2022-01-01 item/dt=2022-01-02 item/dt=2022-01-03",
    ] {
        let (recorder, place) = table();
        let words = format!("{PATH} -d 2022-01-01..2022-01-02 {paths}");
        place
            .end(&words)
            .expect(0)
            .says("1 file(s) of 1 other date(s)");
        assert_eq!(days(&recorder), [day(1, 20, 1), day(2, 10, 1)], "{paths}");
        let requests = recorder.requests().len();
        place.end(&words).expect(0);
        assert_eq!(recorder.requests().len(), requests);
    }
}

#[test]
fn without_named_dates_all_are_uploaded_and_none_is_done_by_itself() {
    let (recorder, place) = table();
    place
        .end(&format!("{PATH} item"))
        .expect(0)
        .says("--date 2022-01-01,2022-01-02,2022-01-03");
    assert_eq!(
        days(&recorder),
        [day(1, 20, 0), day(2, 10, 0), day(3, 10, 0)]
    );
    place.end("done -d 2022-01-01..2022-01-03").expect(0);
    assert_eq!(recorder.dones().len(), 3);
    place.end(&format!("{PATH} item")).expect(0);
}

#[test]
fn a_file_whose_path_says_no_date_or_two_is_status_4_and_nothing_is_sent() {
    for (file, words) in [
        ("item/loose.jsonl", "no folder on its path"),
        (
            "item/dt=2022-1-4/a.jsonl",
            "(numbers without zeros are %-m and %-d) than 'dt=%Y-%m-%d'",
        ),
        (
            "item/dt=2022-02-30/a.jsonl",
            "'dt=2022-02-30' on its path is no day by",
        ),
        (
            "item/dt=2022-01-04/dt=2022-01-05/a.jsonl",
            "2022-01-04 and 2022-01-05",
        ),
    ] {
        let (recorder, place) = table();
        place.rows(file, 900, 1);
        place
            .end(&format!("{PATH} -d 2022-01-01 item"))
            .expect(4)
            .says(words)
            .says(file);
        assert!(recorder.requests().is_empty());
    }
}

#[test]
fn a_named_date_without_a_file_is_status_10_and_does_not_keep_the_others_back() {
    let (recorder, place) = table();
    place
        .end(&format!("{PATH} -d 2022-01-03..2022-01-04 item"))
        .expect(10)
        .says("dt=2022-01-04");
    assert_eq!(days(&recorder), [day(3, 10, 1)]);
    place
        .end(&format!("{PATH} nowhere"))
        .expect(10)
        .says("nowhere");
}

#[test]
fn files_that_vanish_after_their_date_was_uploaded_are_not_missed() {
    let (recorder, place) = table();
    let words = format!("{PATH} -d 2022-01-01..2022-01-03 item");
    place.end(&words).expect(0);
    std::fs::remove_dir_all(place.path("item/dt=2022-01-02")).unwrap();
    place.end(&words).expect(0);
    assert_eq!(recorder.dones().len(), 3);
}

#[test]
fn the_marker_is_looked_for_in_the_folder_of_each_date() {
    let (recorder, place) = table();
    place.file("item/dt=2022-01-01/_SUCCESS", "");
    place.file("item/dt=2022-01-02/_SUCCESS", "");
    place.file("item/_SUCCESS", "");
    let words = format!("{PATH} -d 2022-01-01..2022-01-03 --require-marker _SUCCESS item");
    place
        .end(&words)
        .expect(10)
        .says("no _SUCCESS in")
        .says("dt=2022-01-03 yet");
    assert_eq!(days(&recorder), [day(1, 20, 1), day(2, 10, 1)]);
    place.file("item/dt=2022-01-03/_SUCCESS", "");
    place.end(&words).expect(0);
    assert_eq!(recorder.dones().len(), 3);
}

#[test]
fn guards_hold_for_each_date_by_itself_and_for_done_as_well() {
    let (recorder, place) = table();
    place
        .end(&format!(
            "{PATH} -d 2022-01-01..2022-01-02 --expect-files 2 item"
        ))
        .expect(4)
        .says("1 input(s) were uploaded and --expect-files expects 2");
    assert_eq!(days(&recorder), [day(1, 20, 1), day(2, 10, 0)]);
    place
        .end("done -d 2022-01-02")
        .expect(4)
        .says("--expect-files");
    place.rows("item/dt=2022-01-02/hour=08/b.jsonl", 220, 10);
    place
        .end(&format!(
            "{PATH} -d 2022-01-02..2022-01-03 --max-drop 40% item"
        ))
        .expect(4)
        .says("10 row(s) were stored, 20 for the last completed date");
    assert_eq!(
        days(&recorder),
        [day(1, 20, 1), day(2, 20, 1), day(3, 10, 0)]
    );
    place.end("done -d 2022-01-03").expect(4).says("--max-drop");
}

#[test]
fn what_says_the_day_twice_or_not_at_all_is_refused() {
    let (recorder, place) = table();
    for (words, why) in [
        (
            format!("{PATH} -d 2022-01-01 item/{{date}}"),
            "both say the day",
        ),
        (
            format!("{PATH} --date-from-field ts item"),
            "--date-from-field",
        ),
        (
            format!("{PATH} -d 2022-01-01 --format jsonl -"),
            "standard input has no path",
        ),
        (format!("{PATH} --restart item"), "--date"),
        (
            "write -t item -s history_sync --date-format %s -d 2022-01-01 item".to_owned(),
            "--date-from-field",
        ),
        (
            "write -t item -s history_sync --date-from-field ts --date-format %H item".to_owned(),
            "%Y%m%d",
        ),
        (
            "write -t item -s history_sync --date-from-path dt=%Y item".to_owned(),
            "dt=%Y-%m-%d",
        ),
        (
            "write -t item -s incremental_sync_streaming --date-from-path dt=%F item".to_owned(),
            "no date",
        ),
        (
            "write -t item -s incremental_sync_streaming --date-from-field ts item".to_owned(),
            "no date",
        ),
        (
            "write -t item -s history_sync item".to_owned(),
            "--date-from-path",
        ),
    ] {
        place.end(&words).expect(2).says(why);
    }
    assert!(recorder.requests().is_empty());
}

/// Snapshots link what did not change into each day; such a file was left out of all days but one.
#[test]
fn a_file_that_is_linked_into_two_days_is_a_file_of_each() {
    for link in [std::fs::hard_link::<PathBuf, PathBuf>, symlink] {
        for one_by_one in [false, true] {
            let recorder = Recorder::new();
            let place = Place::with(&recorder);
            place.rows("item/dt=2022-01-01/a.jsonl", 100, 10);
            place.rows("item/dt=2022-01-02/b.jsonl", 200, 3);
            let a = place.path("item/dt=2022-01-01/a.jsonl");
            // Within a day the same file is read once.
            for name in ["dt=2022-01-01/c.jsonl", "dt=2022-01-02/a.jsonl"] {
                link(a.clone(), place.path(&format!("item/{name}"))).unwrap();
            }
            if one_by_one {
                for day in ["2022-01-02", "2022-01-01"] {
                    place.end(&format!("{PATH} -d {day} item")).expect(0);
                }
            } else {
                place
                    .end(&format!("{PATH} -d 2022-01-01..2022-01-02 item"))
                    .expect(0);
            }
            assert_eq!(days(&recorder), [day(1, 10, 1), day(2, 13, 1)]);
            let validate = "validate -t item --date-from-path dt=%Y-%m-%d --json item";
            let report = place.end(validate).expect(0);
            assert_eq!(report.lines().last().unwrap()["rows_read"], 23);
        }
    }
}
