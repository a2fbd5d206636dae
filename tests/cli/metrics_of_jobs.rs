//! What monitoring is told of the jobs of a `run`, each by itself.

use crate::metrics::{FILE, ITEM, place, text, value};
use crate::recorder::{Recorder, Reply};

#[test]
fn each_job_of_a_run_is_told_by_itself() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    place.rows("user.jsonl", 100, 5);
    place.file(
        "jobs.toml",
        "[defaults]\nstage = 'history_sync'\ndate = '2022-01-01'\n\
         [[job]]\nname = 'item'\ntopic = 'item'\npaths = ['rows.jsonl']\n\
         [[job]]\nname = 'user'\ntopic = 'user'\npaths = ['user.jsonl']\nmin_rows = 50\n\
         [[job]]\nname = 'late'\ntopic = 'late'\npaths = ['not-there.jsonl']\n",
    );
    place.end(&format!("run jobs.toml {FILE}")).expect(4);
    let text = text(&place);
    value(&text, &format!("last_success_timestamp_seconds{{{ITEM}}}"));
    for (topic, status) in [("item", 0.0), ("user", 4.0), ("late", 10.0)] {
        let name = format!("last_run_exit_status{{topic=\"{topic}\",stage=\"history_sync\"}}");
        assert!((value(&text, &name) - status).abs() < 0.5, "{text}");
    }
    assert!(
        (value(&text, &format!("last_run_requests{{{ITEM}}}")) - 2.0).abs() < 0.5,
        "{text}"
    );
    let never = "last_success_timestamp_seconds{topic=\"user\"";
    assert!(!text.contains(never), "{text}");
}

/// Its figures stayed those of the day before, so no alert was raised for it.
#[test]
fn a_job_that_had_to_wait_is_told_too() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    place.file(
        "jobs.toml",
        "[defaults]\nstage = \"history_sync\"\n[[job]]\nname = \"item\"\ntopic = \"item\"\n\
         paths = [\"item/{date}.jsonl\"]\n[[job]]\nname = \"user\"\ntopic = \"user\"\n\
         paths = [\"user/{date}.jsonl\"]\nafter = [\"item\"]\n",
    );
    for (topic, day) in [("item", "01"), ("user", "01"), ("user", "02")] {
        place.rows(&format!("{topic}/2022-01-{day}.jsonl"), 0, 5);
    }
    let status = format!("last_run_exit_status{{{}}}", ITEM.replace("item", "user"));
    for (day, expected) in [("2022-01-01", 0_u8), ("2022-01-02", 10)] {
        let run = format!("run jobs.toml {FILE} --date {day}");
        place.end(&run).expect(i32::from(expected));
        let told = value(&text(&place), &status);
        assert!((told - f64::from(expected)).abs() < 0.5, "{day}: {told}");
    }
}

/// Each hour in which the host was away counted as a success of every job that was not begun.
#[test]
fn a_job_that_was_not_begun_because_the_host_is_away_keeps_its_last_success() {
    let recorder = Recorder::new();
    let place = place(&recorder);
    place.file(
        "jobs.toml",
        "[defaults]\nstage = 'history_sync'\nretry_for = '1ms'\n\
         [[job]]\nname = 'item'\ntopic = 'item'\npaths = ['item/{date}.jsonl']\n\
         [[job]]\nname = 'user'\ntopic = 'user'\npaths = ['user/{date}.jsonl']\n",
    );
    for day in ["01", "02"] {
        place.rows(&format!("item/2022-01-{day}.jsonl"), 0, 5);
        place.rows(&format!("user/2022-01-{day}.jsonl"), 0, 5);
    }
    let run = |day: &str| place.end(&format!("run jobs.toml {FILE} --date {day}"));
    run("2022-01-01").expect(0);
    let user = ITEM.replace("item", "user");
    let success = format!("last_success_timestamp_seconds{{{user}}}");
    let before = value(&text(&place), &success);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    recorder.answer(|_, _| Reply::Cut);
    run("2022-01-02").expect(5).says("not begun: user");
    let after = text(&place);
    let status = value(&after, &format!("last_run_exit_status{{{user}}}"));
    assert!((status - 5.0).abs() < 0.5, "{after}");
    assert!((value(&after, &success) - before).abs() < 0.5, "{after}");
}
