//! Several dates, machines and topics: each stands for itself.

use crate::recorder::{Latch, Received, Recorder, Reply};
use crate::start::{Place, Ran, WRITE, rows};

const TWO_DAYS: &str = "write -t item -s history_sync -d 2022-01-01,2022-01-02 {date}.jsonl";

/// Two days of rows.
fn two_days(recorder: &Recorder) -> Place {
    let place = Place::with(recorder);
    place.rows("2022-01-01.jsonl", 100, 20);
    place.rows("2022-01-02.jsonl", 200, 20);
    place
}

fn days_done(recorder: &Recorder) -> Vec<String> {
    let mut days: Vec<String> = recorder.dones().iter().filter_map(Received::day).collect();
    days.sort();
    days
}

#[test]
fn a_date_without_its_file_does_not_keep_the_others_back() {
    let recorder = Recorder::new();
    let place = two_days(&recorder);
    std::fs::rename(place.path("2022-01-01.jsonl"), place.path("later")).unwrap();
    place.end(TWO_DAYS).expect(10).says("2022-01-01");
    assert_eq!(days_done(&recorder), ["2022-01-02"]);
    std::fs::rename(place.path("later"), place.path("2022-01-01.jsonl")).unwrap();
    place.end(TWO_DAYS).expect(0);
    assert_eq!(days_done(&recorder), ["2022-01-01", "2022-01-02"]);
    assert_eq!(recorder.rows().len(), 40);
}

#[test]
fn a_date_that_the_platform_refuses_does_not_keep_the_others_back() {
    let recorder = Recorder::answering(|request, _| {
        if request.day().as_deref() == Some("2022-01-01") {
            return Reply::code(400, 400, "Syncing is not allowed when acked.");
        }
        Reply::ok()
    });
    let place = two_days(&recorder);
    let ran = place.end(&format!("{TWO_DAYS} --json")).expect(6);
    assert_eq!(days_done(&recorder), ["2022-01-02"]);
    let dates = ran.summary()["dates"].clone();
    assert_eq!(
        (&dates[0]["done"], &dates[1]["done"]),
        (&"withheld".into(), &"sent".into())
    );
    assert!(
        dates[0]["why"].as_str().unwrap().contains("ledger reopen"),
        "{dates}"
    );
}

#[test]
fn rejected_rows_of_one_date_hold_back_only_its_own_done() {
    let recorder = Recorder::new();
    let place = two_days(&recorder);
    place.file("2022-01-02.jsonl", "no json\n{\"id\":\"1\"}\n");
    place.end(TWO_DAYS).expect(3).says("2022-01-02.jsonl:1");
    assert_eq!(days_done(&recorder), ["2022-01-01"]);
}

#[test]
fn a_stage_that_is_not_open_owes_nothing_until_it_is() {
    let recorder = Recorder::answering(|_, _| {
        Reply::code(
            400,
            400,
            "Syncing is end or not start in stage(history_sync) for x, please check the 'stage'",
        )
    });
    let place = two_days(&recorder);
    place.end(&format!("{WRITE} 2022-01-01.jsonl")).expect(6);
    let refused = recorder.requests().len();
    place.end("done --pending").expect(0);
    assert_eq!(recorder.requests().len(), refused, "nothing is owed");
    // The operator opened the stage.
    recorder.answer(|_, _| Reply::ok());
    place.end(&format!("{WRITE} 2022-01-01.jsonl")).expect(0);
    assert_eq!(days_done(&recorder), ["2022-01-01"]);
}

#[test]
fn done_waits_for_the_reports_of_other_machines() {
    let recorder = Recorder::new();
    let mut machines = [two_days(&recorder), two_days(&recorder)];
    for (number, machine) in machines.iter_mut().enumerate() {
        machine.rows("part.jsonl", number * 10, 10);
        machine
            .end(&format!(
                "{WRITE} --rate-share 1/2 --report report.json part.jsonl"
            ))
            .expect(0);
    }
    assert_eq!(recorder.rows(), rows(0, 20));
    assert!(recorder.dones().is_empty());
    let [first, second] = &machines;
    let report = second.path("report.json");
    let done = format!("done -d 2022-01-01 --require-report {}", report.display());
    let good = std::fs::read_to_string(&report).unwrap();
    std::fs::write(
        &report,
        good.replace("\"exit_status\":0", "\"exit_status\":5"),
    )
    .unwrap();
    first.end(&done).expect(7).says("report.json");
    assert!(recorder.dones().is_empty());
    std::fs::write(&report, good).unwrap();
    // One machine is not two.
    first
        .end(&format!("{done} {}", report.display()))
        .expect(7)
        .says("is of the same machine as");
    assert!(recorder.dones().is_empty());
    first.end(&done).expect(0);
    assert_eq!(days_done(&recorder), ["2022-01-01"]);
}

#[test]
fn a_report_that_proves_nothing_of_another_machine_does_not_open_the_gate() {
    let recorder = Recorder::new();
    let [first, mut second] = [two_days(&recorder), two_days(&recorder)];
    first.rows("part.jsonl", 0, 10);
    second.rows("part.jsonl", 10, 10);
    let write = format!("{WRITE} --rate-share 1/2 --report report.json part.jsonl");
    first.end(&write).expect(0);
    second.end(&write).expect(0);
    let refused = |machine: &Place, says: &str| {
        let report = machine.path("report.json");
        first
            .end(&format!(
                "done -d 2022-01-01 --require-report {}",
                report.display()
            ))
            .expect(7)
            .says(says);
        assert!(recorder.dones().is_empty());
    };
    refused(&first, "ledger of this machine");

    // The same machine for another target: all is well with it, but it is not about this one.
    let good = std::fs::read_to_string(second.path("report.json")).unwrap();
    second.set("BYTEAIR_APPLICATION_ID", "77");
    second.end(&write).expect(0);
    refused(&second, "is about the target");
    second.set("BYTEAIR_APPLICATION_ID", crate::recorder::APPLICATION);
    second.end(&format!(
        "{WRITE} --dry-run --report report.json part.jsonl"
    ));
    refused(&second, "dry run");

    // More to upload, and the run is killed in the midst of it.
    std::fs::write(second.path("report.json"), good).unwrap();
    second.rows("more.jsonl", 20, 10);
    recorder.answer(|_, _| Reply::bare(429));
    let mut child = second.start(&format!(
        "{WRITE} --rate-share 1/2 --retry-for 10m --report report.json part.jsonl more.jsonl"
    ));
    let seen = recorder.requests().len();
    while recorder.requests().len() == seen {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    refused(&second, "has not ended");
    second.set("BYTEAIR_AK", "");
    second.end(&write).expect(2);
    refused(&second, "ended with status 2");
}

#[test]
fn a_host_may_be_swapped_for_another_one_of_the_same_target() {
    let (old, new) = (
        Recorder::answering(|_, _| Reply::bare(429)),
        Recorder::new(),
    );
    let mut place = two_days(&old);
    place.set("BYTEAIR_HOST", &format!("{},{}", old.address, old.address));
    place
        .end(&format!("{WRITE} --retry-for 1ms 2022-01-01.jsonl"))
        .expect(5);
    place.set("BYTEAIR_HOST", &format!("{},{}", new.address, old.address));
    old.answer(|_, _| Reply::ok());
    place.end(&format!("{WRITE} 2022-01-01.jsonl")).expect(0);
    let sent = old.accepted().len() + new.accepted().len();
    assert_eq!(sent, 20);
    assert_eq!(old.dones().len() + new.dones().len(), 1);
    place.set("BYTEAIR_HOST", &old.address.to_string());
    place.end(&format!("{WRITE} 2022-01-01.jsonl")).expect(0);
    assert_eq!(old.accepted().len() + new.accepted().len(), 20);
}

#[test]
fn a_kill_among_several_dates_loses_none() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |request, _| {
        if request.day().as_deref() == Some("2022-01-02") {
            held.wait();
        }
        Reply::ok()
    });
    let place = two_days(&recorder);
    let mut child = place.start(TWO_DAYS);
    crate::recorder::eventually("the first day's done and the second day's rows", || {
        recorder.writes().len() == 2 && recorder.dones().len() == 1
    });
    child.kill().unwrap();
    let killed = Ran::after(child);
    assert_eq!(killed.status, -9);
    latch.open();
    place.end(TWO_DAYS).expect(0);
    assert_eq!(recorder.stored().len(), 40);
    let second: Vec<String> = recorder
        .dones()
        .iter()
        .filter(|done| done.day().as_deref() == Some("2022-01-02"))
        .map(Received::id)
        .collect();
    assert_eq!(second.len(), 1);
}

#[test]
fn credentials_that_fail_at_done_are_status_12_and_done_follows_later() {
    let recorder = Recorder::answering(|request, _| {
        if request.is_done() {
            Reply::code(401, 401, "Auth fail, x")
        } else {
            Reply::ok()
        }
    });
    let place = two_days(&recorder);
    place
        .end(&format!("{WRITE} 2022-01-01.jsonl"))
        .expect(12)
        .says("BYTEAIR_AK");
    recorder.answer(|_, _| Reply::ok());
    let refused = recorder.dones().len();
    place.end("done -d 2022-01-01").expect(0);
    assert_eq!(recorder.dones().len(), refused + 1);
    assert_eq!(recorder.writes().len(), 1);
}

#[test]
fn streaming_only_is_a_one_way_door_that_is_named() {
    let recorder = Recorder::new();
    let place = two_days(&recorder);
    let words = "write -t item -s incremental_sync_streaming 2022-01-01.jsonl";
    place
        .end(words)
        .expect(2)
        .says("--yes-i-mean streaming-only");
    place.end(&format!("{words} --yes-i-mean daily")).expect(2);
    assert!(recorder.requests().is_empty());
    let ran = place
        .end(&format!("{words} --yes-i-mean streaming-only"))
        .expect(0);
    assert!(!(ran.output + &ran.errors).contains("takes no daily data"));
    assert_eq!(recorder.rows().len(), 20);
    // The door is behind it.
    place.end(words).expect(0);
    place
        .end("write -t item -s incremental_sync_daily -d 2022-01-01 2022-01-01.jsonl")
        .expect(0)
        .says("streaming-only projects");
}

#[test]
fn a_daily_upload_of_which_nothing_arrived_does_not_open_the_door() {
    let recorder = Recorder::answering(|_, _| Reply::bare(429));
    let place = two_days(&recorder);
    place.file("bad.jsonl", "not a row\n");
    let daily = "write -t item -s incremental_sync_daily --retry-for 1ms";
    place
        .end(&format!("{daily} -d 2022-01-01 bad.jsonl"))
        .expect(3);
    place
        .end(&format!("{daily} -d 2022-01-02 2022-01-02.jsonl"))
        .expect(5);
    place
        .end("write -t item -s incremental_sync_streaming 2022-01-01.jsonl")
        .expect(2)
        .says("--yes-i-mean streaming-only");
    recorder.answer(|_, _| Reply::ok());
    place
        .end(&format!("{daily} -d 2022-01-02 2022-01-02.jsonl"))
        .expect(0);
    place
        .end("write -t item -s incremental_sync_streaming 2022-01-01.jsonl")
        .expect(0);
}

#[test]
fn streaming_after_daily_is_the_order_of_things_and_history_after_it_is_noticed() {
    let recorder = Recorder::new();
    let place = two_days(&recorder);
    let daily = "write -t item -s incremental_sync_daily -d 2022-01-01 2022-01-01.jsonl";
    place.end(daily).expect(0);
    place
        .end("write -t item -s incremental_sync_streaming 2022-01-02.jsonl")
        .expect(0);
    place
        .end("write -t item -s history_sync -d 2022-01-02 2022-01-02.jsonl")
        .expect(0)
        .says("opened again in the console");
}

#[test]
fn a_misspelt_placeholder_is_refused_and_a_list_in_braces_is_one() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for (at, name) in ["item-a", "item-b", "item-c", "{x}"].iter().enumerate() {
        place.rows(&format!("export/{name}.jsonl"), 2 * at, 2);
    }
    for (path, meant) in [
        (
            "export/{dat}/item-a.jsonl",
            "did you mean {date} or {date:%Y%m%d}?",
        ),
        (
            "export/{day:%Y%m%d}/item-a.jsonl",
            "did you mean {date:%Y%m%d}?",
        ),
        (
            "export/{y}.jsonl",
            "a brace that belongs to a name is written [{] or [}]",
        ),
    ] {
        let ran = place.end(&format!("{WRITE} {path}")).expect(2);
        ran.says("there is no placeholder {").says(meant);
    }
    place.file(
        "jobs.toml",
        "[[job]]\nname = 'i'\ntopic = 'item'\nstage = 'history_sync'\ndate = '2022-01-01'\n\
         paths = ['export/{dat}/x']\n",
    );
    place
        .end("run jobs.toml")
        .expect(2)
        .says("there is no placeholder {dat}");
    assert!(recorder.everything().is_empty());
    // A file that is there is meant, whatever its name looks like.
    place
        .end(&format!(
            "{WRITE} export/item-{{a,b}}.jsonl export/{{x}}.jsonl"
        ))
        .expect(0);
    assert_eq!(recorder.accepted().len(), 6);
}
