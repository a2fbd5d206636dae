//! Several machines that upload parts of the same dates, each with a ledger of its own.

use crate::next_steps::next;
use crate::recorder::{Recorder, Reply};
use crate::start::{Place, WRITE};

#[test]
fn what_another_machine_has_sent_is_put_on_record_by_its_report() {
    let recorder = Recorder::new();
    let machines = [Place::with(&recorder), Place::with(&recorder)];
    for (number, machine) in machines.iter().enumerate() {
        machine.rows("part.jsonl", number * 10, 10);
        let write = format!("{WRITE} --rate-share 1/2 --report report.json part.jsonl");
        machine.end(&write).expect(0);
    }
    let [first, second] = &machines;
    let done = "done --topic item --stage history_sync --date 2022-01-01";
    let with = |report: std::path::PathBuf| format!("{done} --require-report {}", report.display());
    let words = format!("{} --report done.json", with(second.path("report.json")));
    first.end(&words).expect(0);
    // The platform takes no second done of the date, and this ledger knows of no first one.
    recorder.answer(|_, _| Reply::code(400, 400, "Syncing is not allowed when acked."));
    let words = with(first.path("report.json"));
    let ran = second.end(&words).expect(6).says(&format!(
        "If another machine has sent it, the report (--report) of that 'done' puts it on record here: \
         byteair-sync {done} --require-report REPORT"
    ));
    assert_eq!(
        next(&ran).first(),
        Some(&format!("{done} --require-report REPORT-OF-THAT-DONE"))
    );
    let gaps = second.end("status --gaps").expect(7);
    gaps.says(&format!("byteair-sync {done} --require-report REPORT"));
    let ran = second.end(&with(first.path("done.json"))).expect(0);
    ran.says("done was sent before")
        .says("another machine had sent it");
    second.end("status --gaps").expect(0);
}

#[test]
fn a_third_of_the_rate_asks_for_the_reports_of_two_other_machines() {
    let recorder = Recorder::new();
    let machines = [
        Place::with(&recorder),
        Place::with(&recorder),
        Place::with(&recorder),
    ];
    for (number, machine) in machines.iter().enumerate() {
        machine.rows("part.jsonl", number * 10, 10);
        let write = format!("{WRITE} --rate-share 1/3 --report report.json part.jsonl");
        machine.end(&write).expect(0);
    }
    let [first, second, third] = machines.map(|machine| (machine.path("report.json"), machine));
    let done = format!("done -d 2022-01-01 --require-report {}", second.0.display());
    let ran = first.1.end(&done).expect(7);
    ran.says("was uploaded with --rate-share 1/3, so 2 other machines should have rows of it, and 1 of their reports is given")
        .says("add --yes-i-mean 1");
    assert!(recorder.dones().is_empty());
    first
        .1
        .end(&format!("{done} {}", third.0.display()))
        .expect(0);
    assert_eq!(recorder.dones().len(), 1);
}

/// The `done` of the day that the other tests upload, as it is named to a person.
const DONE: &str = "byteair-sync done --topic item --stage history_sync --date 2022-01-01";

#[test]
fn whoever_gives_rejected_rows_up_still_asks_the_other_machines() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.file("part.jsonl", "{\"id\":\"1\"}\nnot json\n");
    let ran = place
        .end(&format!("{WRITE} --rate-share 1/2 part.jsonl"))
        .expect(3);
    ran.says(&format!(
        "{DONE} --accept-rejects --require-report REPORT...  # or gives those rows up for good, and \
         sends the done that is held back, if the --report of each other machine agrees"
    ));
    let waived = place.end("rejects waive -d 2022-01-01").expect(0);
    waived.says(
        "1 rejected row(s) waived; next: byteair-sync done -t item -s history_sync -d 2022-01-01 \
         --require-report REPORT...  # sends the done that is held back",
    );
    assert!(recorder.dones().is_empty());
}

#[test]
fn days_that_are_owed_besides_say_that_they_are_held_back() {
    let recorder = Recorder::new();
    for (option, said) in [
        (
            "--rate-share 1/2",
            format!(
                "done is held back (--rate-share 1/2: other machines have rows of it too); {DONE} \
                 --require-report REPORT... sends it"
            ),
        ),
        (
            "--no-done",
            format!("done is held back; {DONE} releases it, of several machines when all"),
        ),
    ] {
        let place = Place::with(&recorder);
        place.rows("part.jsonl", 0, 10);
        place.end(&format!("{WRITE} {option} part.jsonl")).expect(0);
        let user = format!("{} part.jsonl --no-done", WRITE.replace("item", "user"));
        place.end(&user).expect(0);
        place
            .end("done -t user -s history_sync -d 2022-01-01 --expect-topics user")
            .expect(0);
        let hint = place.end("done").expect(8);
        hint.says(&format!(
            "owed as well: item history_sync 2022-01-01: {said}"
        ));
        let pending = place.end("done --pending").expect(0);
        pending.says(&format!("item history_sync 2022-01-01: {said}"));
    }
    assert_eq!(recorder.dones().len(), 2);
}
