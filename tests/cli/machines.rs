//! Several machines that upload parts of the same dates, each with a ledger of its own.

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
    let ran = second.end(&words).expect(6);
    ran.says(&format!(
        "If another machine has sent it, the report (--report) of that 'done' puts it on record here: \
         byteair-sync {done} --require-report REPORT"
    ));
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
