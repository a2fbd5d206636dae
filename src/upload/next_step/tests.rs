//! What comes next, for each way in which a run can end.

use super::*;
use crate::domain::{Stage, Target};

const WRITE: &str = "byteair-sync write -t item -s history_sync -d 2022-01-01 --state-dir s in";
const DONE: &str = "byteair-sync done -d 2022-01-01";

fn day(date: &str) -> Partition {
    Partition {
        target: Target::new("1", "2", "cn").unwrap(),
        topic: "item".parse().unwrap(),
        stage: Stage::HistorySync(date.parse().unwrap()),
    }
}

fn open(name: &str, is_there: bool, is_at_fault: bool) -> OpenInput {
    OpenInput {
        name: name.to_owned(),
        is_there,
        is_at_fault,
        is_replay: false,
    }
}

/// The commands for one date that waits.
fn steps(
    (status, command): (Status, &str),
    missing: &[Unmet],
    problem: &str,
    inputs: &[OpenInput],
) -> Vec<String> {
    let date = day("2022-01-01");
    let steps = next_steps(&Situation {
        status,
        command,
        uploads: command.contains(" write "),
        waiting: vec![&date],
        missing: missing.iter().collect(),
        problems: vec![problem],
        inputs,
        closed: Vec::new(),
        former: &Former::default(),
        several_machines: false,
        zone: Zone::SHANGHAI,
    });
    steps.into_iter().map(|step| step.command).collect()
}

const DATE: &str = "--topic item --stage history_sync --date 2022-01-01";

#[test]
fn what_can_mend_itself_is_the_same_command() {
    for status in [
        Status::Temporary,
        Status::Interrupted,
        Status::Terminated,
        Status::NotReady,
        Status::Unauthorized,
    ] {
        assert_eq!(steps((status, WRITE), &[], "", &[]), [WRITE]);
    }
    for status in [Status::Busy, Status::Usage, Status::Unexpected] {
        assert!(steps((status, WRITE), &[], "", &[]).is_empty());
    }
}

#[test]
fn after_rejects_one_looks_gives_up_or_allows_more() {
    let too_many = [Unmet::TooManyRejects {
        open: 3,
        budget: crate::domain::ErrorBudget::Rows(0),
    }];
    let given_up = format!("byteair-sync done --state-dir s {DATE} --accept-rejects");
    assert_eq!(
        steps((Status::RowsRejected, WRITE), &too_many, "", &[]),
        [
            format!("byteair-sync rejects list --state-dir s {DATE}"),
            format!("byteair-sync rejects export --state-dir s {DATE} --output rejects.out"),
            format!("{WRITE} --max-errors 3"),
            given_up,
        ]
    );
    assert_eq!(
        steps((Status::RowsRejected, DONE), &too_many, "", &[]).len(),
        2
    );
    let all = [Unmet::EverythingRejected];
    assert_eq!(
        steps((Status::RowsRejected, WRITE), &all, "", &[])[1],
        format!("{WRITE} --restart")
    );
}

#[test]
fn a_guess_at_the_format_can_be_typed() {
    let problem = "x: the first 1000 rows are all bad: if it is CSV, say --format csv";
    assert_eq!(
        steps((Status::BadInput, WRITE), &[], problem, &[]),
        [format!("{WRITE} --format csv"), WRITE.to_owned()]
    );
    assert_eq!(
        steps((Status::BadInput, WRITE), &[], "cut off", &[]),
        [WRITE]
    );
    // `done` itself cannot mend an input.
    assert_eq!(
        steps(
            (Status::BadInput, DONE),
            &[],
            "--min-rows",
            &[open("a b", true, false)]
        ),
        [format!("byteair-sync write {DATE} 'a b'")]
    );
}

#[test]
fn a_date_that_is_done_is_opened_again_or_the_setting_is_mended() {
    let reopen = "re-sync, then 'byteair-sync ledger reopen'";
    assert_eq!(
        steps((Status::Refused, WRITE), &[], reopen, &[]),
        [
            format!("byteair-sync ledger reopen --state-dir s {DATE}"),
            WRITE.to_owned()
        ]
    );
    assert_eq!(
        steps((Status::Refused, WRITE), &[], "Check --topic", &[]),
        [WRITE]
    );
}

#[test]
fn an_empty_date_may_be_allowed_by_write() {
    let empty = [Unmet::Empty];
    assert_eq!(
        steps((Status::Nothing, WRITE), &empty, "", &[]),
        [WRITE.to_owned(), format!("{WRITE} --allow-empty")]
    );
    assert_eq!(
        steps(
            (Status::Nothing, DONE),
            &empty,
            "",
            &[open("/e.jsonl", true, false)]
        ),
        [format!("byteair-sync write {DATE} --allow-empty /e.jsonl")]
    );
}

#[test]
fn a_changed_input_has_three_ways_out() {
    let inputs = [open("/a", true, true), open("/b", true, false)];
    assert_eq!(
        steps((Status::InputChanged, WRITE), &[], "", &inputs),
        [
            WRITE.to_owned(),
            "byteair-sync ledger drop-input --state-dir s /a".to_owned(),
            format!("{WRITE} --restart"),
        ]
    );
}

#[test]
fn a_vanished_input_is_put_back_or_dropped_by_name() {
    let steps = steps(
        (Status::Unfinished, WRITE),
        &[],
        "",
        &[open("/in/gone.jsonl", false, true)],
    );
    assert_eq!(
        steps,
        [
            WRITE,
            "byteair-sync ledger drop-input --state-dir s /in/gone.jsonl"
        ]
    );
}

#[test]
fn an_input_that_the_command_does_not_name_is_named() {
    let missing = [Unmet::InputUnfinished {
        name: "/other".to_owned(),
        holder: String::new(),
    }];
    let inputs = [open("/other", true, true)];
    assert_eq!(
        steps((Status::Unfinished, DONE), &missing, "", &inputs),
        [
            format!("byteair-sync write {DATE} /other"),
            "byteair-sync ledger drop-input /other".to_owned(),
        ]
    );
}

#[test]
fn what_is_unsettled_is_uploaded_and_never_by_done() {
    let missing = [Unmet::BatchesPending(1)];
    assert_eq!(
        steps((Status::Unfinished, WRITE), &missing, "", &[]),
        [WRITE]
    );
    let inputs = [open("/a", true, false)];
    assert_eq!(
        steps((Status::Unfinished, DONE), &missing, "", &inputs),
        [format!("byteair-sync write {DATE} /a")]
    );
    assert_eq!(
        steps((Status::Unfinished, WRITE), &missing, "", &inputs),
        [format!("byteair-sync write --state-dir s {DATE} /a")]
    );
    let foreign = [Unmet::ForeignBatches(1)];
    assert_eq!(
        steps((Status::Unfinished, DONE), &foreign, "", &inputs),
        [format!("byteair-sync write {DATE} --restart /a")]
    );
}

#[test]
fn held_dates_are_released_together_and_after_their_day() {
    let days = [day("2022-01-01"), day("2022-01-02")];
    let mut user = day("2022-01-02");
    user.topic = "user".parse().unwrap();
    let missing = [Unmet::HeldBack, Unmet::DayNotOver];
    let told = next_steps(&Situation {
        status: Status::Unfinished,
        command: WRITE,
        uploads: true,
        waiting: vec![&days[0], &user, &days[1]],
        missing: missing.iter().collect(),
        problems: Vec::new(),
        inputs: &[],
        closed: Vec::new(),
        former: &Former::default(),
        several_machines: false,
        zone: Zone::SHANGHAI,
    });
    let after = "after 2022-01-03 00:00 Asia/Shanghai";
    let done = "byteair-sync done --state-dir s";
    assert_eq!(
        told,
        [
            NextStep::new(
                format!("{done} --topic item --stage history_sync --date 2022-01-01,2022-01-02"),
                after
            ),
            NextStep::new(
                format!("{done} --topic user --stage history_sync --date 2022-01-02"),
                after
            ),
        ]
    );
}
