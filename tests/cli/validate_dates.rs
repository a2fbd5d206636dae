//! `validate` where the rows or the folders say the day: the same options as `write`, the same days.

use crate::start::Place;

/// 2022-01-01 and 2022-01-02 in Shanghai.
const ROWS: &str = "\
{\"goods_id\":\"1\",\"ts\":1640966400}
{\"goods_id\":\"1\",\"ts\":1641052800}
{\"goods_id\":\"2\",\"ts\":\"01/02/2022\"}
{\"goods_id\":\"1\",\"ts\":1640966401}
{\"goods_id\":\"3\",\"ts\":1641139200}
";

#[test]
fn rows_without_a_date_are_faults_rows_of_other_days_are_not_and_keys_belong_to_a_day() {
    let mut place = Place::new();
    place.set("TZ", "America/New_York");
    place.file("rows.jsonl", ROWS);
    let words = "validate --json --key goods_id --date-from-field ts -d 2022-01-01..2022-01-02";
    let mut lines = place.end(&format!("{words} rows.jsonl")).expect(3).lines();
    let summary = lines.pop().unwrap();
    let found: Vec<String> = lines
        .iter()
        .filter(|line| line["type"] != "field")
        .map(|line| format!("{} {} {}", line["type"], line["code"], line["rows"]))
        .collect();
    assert_eq!(
        found,
        [
            r#""fault" "date_missing" 1"#,
            r#""fault" "duplicate_id" 1"#,
            r#""warning" "date_outside" 1"#,
        ],
        "{lines:?}"
    );
    assert_eq!(summary["rows_read"], 5);
    assert_eq!(summary["rows_rejected"], 2);
    // Without named days every row with a day is fine, and a format may say how it is written.
    place
        .end("validate --date-from-field ts rows.jsonl")
        .expect(3)
        .says("1 with errors");
    place
        .end("validate --date-from-field ts --date-format %s rows.jsonl")
        .expect(3)
        .says("is not written");
}

#[test]
fn folders_say_the_days_and_a_file_without_one_is_named() {
    let place = Place::new();
    place.file("in/dt=2022-01-01/a.jsonl", "{\"goods_id\":\"1\"}\n");
    place.file("in/dt=2022-01-02/a.jsonl", "{\"goods_id\":\"1\"}\n");
    place.file("in/dt=2022-01-03/a.jsonl", "no row\n");
    let words = "validate --key goods_id --date-from-path dt=%Y-%m-%d";
    place
        .end(&format!("{words} -d 2022-01-01..2022-01-02 in"))
        .expect(0)
        .says("2 rows of 2 inputs")
        .says("1 file(s) of other days were left unread");
    place.end(&format!("{words} in")).expect(3).says("not_json");
    place
        .end(&format!("{words} -d 2022-01-02,2022-01-04 in"))
        .expect(4)
        .says("dt=2022-01-04");
    place.file("in/stray.jsonl", "{\"goods_id\":\"1\"}\n");
    place
        .end(&format!("{words} -d 2022-01-01 in"))
        .expect(4)
        .says("stray.jsonl: no folder on its path is like 'dt=%Y-%m-%d'");
}

#[test]
fn two_ways_to_say_the_day_are_refused() {
    let place = Place::new();
    for words in [
        "validate --date-from-path dt=%Y-%m-%d -d 2022-01-01 in/{date}",
        "validate --date-from-path dt=%Y-%m-%d -",
        "validate --date-from-path dt=%Y-%m-%d --date-from-field ts in",
        "validate --date-format %s in",
    ] {
        place.end(words).expect(2);
    }
}
