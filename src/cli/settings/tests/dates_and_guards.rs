//! Topics, stages, days, inputs, batches, rates and what has to hold before `done`.

use super::*;
use crate::domain::{ErrorBudget, GuardChange, GuardChanges};
use crate::upload::Sources;

#[test]
fn a_plain_command_gets_the_documented_defaults() {
    let request = write(&format!("{ITEM} item.jsonl")).unwrap();
    let upload = &request.upload;
    assert_eq!(upload.target.to_string(), "1/2@cn");
    assert_eq!(upload.batch.rows.rows(), 10_000);
    assert_eq!(upload.batch.bytes, 8 << 20);
    assert_eq!(upload.batch.memory_bytes, 32 << 20);
    assert_eq!(upload.batch.max_in_flight, None);
    assert_eq!(upload.gate.guards, GuardChanges::default());
    assert!(!upload.gate.hold);
    assert_eq!(upload.gate.stop_after_errors, 100_000);
    assert_eq!(upload.retry.retry_for.as_secs(), 900);
    assert_eq!(upload.run.grace.as_secs(), 30);
    assert_eq!(request.rate.requests_per_second.get(), 100);
    assert_eq!(request.rate.rows_per_second.get(), 50_000);
    assert_eq!(request.rate.guard.as_millis(), 10);
    assert!(request.warnings.is_empty(), "{:?}", request.warnings);
}

#[test]
fn an_offline_stage_needs_a_day_and_streaming_takes_none() {
    let message = refused("-t item -s history_sync x");
    assert!(
        message.contains("needs the day of the rows; give --date"),
        "{message}"
    );
    for option in [
        "--date 2022-01-01",
        "--no-done",
        "--done-format json",
        "--min-rows 1",
        "--expect-files 1",
        "--max-drop 5%",
        "--require-marker _SUCCESS",
        "--allow-empty",
        "--no-allow-empty",
    ] {
        let message = refused(&format!("-t item -s incremental_sync_streaming x {option}"));
        let flag = option.split(' ').next().unwrap();
        assert!(
            message.contains(&format!("so {flag} (flag) has no meaning")),
            "{message}"
        );
    }
    let request = write("-t item -s incremental_sync_streaming --max-errors 5 x").unwrap();
    assert!(request.upload.dates.is_empty());
    assert_eq!(request.upload.batch.rows.rows(), 1_000);
    assert_eq!(
        request.upload.gate.guards.max_errors,
        Some(ErrorBudget::Rows(5))
    );
}

#[test]
fn a_profile_for_all_stages_does_not_stand_in_the_way_of_streaming() {
    let config = "[profile.default]\ndone_format = 'json'\nmin_rows = 5\n";
    let line = format!("write {TO} -t item -s incremental_sync_streaming x");
    let request = resolved(&start(&line, HOME, config)).unwrap();
    assert_eq!(request.upload.gate.guards, GuardChanges::default());
}

#[test]
fn topic_and_stage_must_be_given_and_an_unusual_topic_is_noticed() {
    assert!(refused("-s history_sync x").starts_with("--topic is missing"));
    assert!(refused("-t item x").starts_with("--stage is missing"));
    let request = write("-t itme -s history_sync -d 2022-01-01 x").unwrap();
    assert_eq!(
        request.warnings,
        ["topic 'itme' is unusual; did you mean 'item'?"]
    );
    assert!(
        write("-t orders -s history_sync -d 2022-01-01 x")
            .unwrap()
            .warnings
            .is_empty()
    );
}

#[test]
fn relative_days_go_by_the_zone_of_the_platform() {
    let request = write("-t item -s history_sync -d yesterday x").unwrap();
    assert_eq!(request.upload.dates[0].to_string(), "2022-03-01");
    let request = write("-t item -s history_sync -d yesterday --timezone UTC x").unwrap();
    assert_eq!(request.upload.dates[0].to_string(), "2022-02-28");
}

#[test]
fn several_days_need_a_place_for_the_day_in_every_path() {
    let days = "-t item -s history_sync -d 2022-01-01..2022-01-03";
    let request = write(&format!("{days} {{date}}/a.csv b-{{date:%Y%m%d}}")).unwrap();
    assert_eq!(request.upload.dates.len(), 3);
    let message = refused(&format!("{days} {{date}}/a.csv b.csv"));
    assert!(
        message.starts_with("3 days are asked for, but 'b.csv' has no {date}"),
        "{message}"
    );
    assert!(refused(&format!("{days} -")).contains("the rows of one day only"));
    let message = refused("-t item -s incremental_sync_streaming {date}.csv");
    assert!(
        message.contains("the streaming stage has no date"),
        "{message}"
    );
}

#[test]
fn standard_input_stands_alone() {
    let request = write(&format!("{ITEM} --input-id nightly -")).unwrap();
    assert!(matches!(
        request.upload.sources,
        Sources::Stdin { input_id: Some(name) } if name == "nightly"
    ));
    assert!(refused(&format!("{ITEM} - a.csv")).contains("must be the only PATH"));
    assert!(refused(&format!("{ITEM} --input-id n a.csv")).contains("it needs - as PATH"));
    assert!(refused(ITEM).starts_with("there is nothing to read"));
}

#[test]
fn paths_can_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    std::fs::write(&list, "a.csv\n\nb c.csv\n").unwrap();
    let request = write(&format!("{ITEM} --files-from {} d.csv", list.display())).unwrap();
    match request.upload.sources {
        Sources::Paths(paths) => {
            let texts: Vec<String> = paths.iter().map(ToString::to_string).collect();
            assert_eq!(texts, ["d.csv", "a.csv", "b c.csv"]);
        }
        other => panic!("{other:?}"),
    }
    let message = refused(&format!(
        "{ITEM} --files-from {}/none",
        folder.path().display()
    ));
    assert!(message.starts_with("cannot read --files-from"), "{message}");
}

#[test]
fn buffers_must_hold_two_of_the_largest_bodies() {
    let message = refused(&format!("{ITEM} --memory 16MiB x"));
    assert!(
        message.starts_with("--memory 16MiB is too little for --batch-bytes 8MiB"),
        "{message}"
    );
    assert!(message.ends_with(", 24MiB"), "{message}");
    assert!(write(&format!("{ITEM} --memory 24MiB x")).is_ok());
    assert!(refused(&format!("{ITEM} --max-row-bytes 16MiB x")).contains("40MiB"));
}

#[test]
fn a_share_of_the_rate_scales_both_quotas_and_holds_done_back() {
    let request = write(&format!("{ITEM} --rate-share 1/4 x")).unwrap();
    assert_eq!(request.rate.requests_per_second.get(), 25);
    assert_eq!(request.rate.rows_per_second.get(), 12_500);
    assert!(request.upload.gate.hold);
    assert!(request.warnings[0].contains("done is held back"));
    assert!(
        !write(&format!("{ITEM} --rate-share 2/2 x"))
            .unwrap()
            .upload
            .gate
            .hold
    );
    let message = refused(&format!("{ITEM} --rate-share 1/4 --qps 3 x"));
    assert!(
        message.contains("leaves nothing of 3 requests a second"),
        "{message}"
    );
    assert!(refused(&format!("{ITEM} --rate-guard 2s x")).contains("at most 1s"));
}

#[test]
fn a_batch_never_has_more_rows_than_one_second_lets_through() {
    let rows = |words: &str| {
        let request = write(&format!("{ITEM} {words} x")).unwrap();
        request.upload.batch.rows.rows()
    };
    assert_eq!(rows("--rows-per-second 300"), 300);
    assert_eq!(rows("--rows-per-second 300 --batch-rows 200"), 200);
    assert_eq!(rows("--rows-per-second 300 --no-rate-limit"), 10_000);
}

#[test]
fn only_guards_that_were_named_change_what_the_date_remembers() {
    let words = "--max-errors 0.5% --min-rows 10 --max-drop 30% --allow-empty --no-done";
    let request = write(&format!("{ITEM} {words} x")).unwrap();
    assert!(request.upload.gate.hold);
    assert_eq!(
        request.upload.gate.guards,
        GuardChanges {
            max_errors: Some(ErrorBudget::Percent(0.5)),
            min_rows: Some(GuardChange::Set(10)),
            max_drop_percent: Some(GuardChange::Set(30.0)),
            allow_empty: Some(true),
            ..GuardChanges::default()
        }
    );
}

fn done(words: &str) -> Result<DoneOptions, String> {
    let invocation = start(format!("done {TO} {words}").trim(), HOME, "");
    match &invocation.cli.command {
        Command::Done(args) => {
            DoneOptions::resolve(context(&invocation), args).map_err(|error| chain(&error))
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn done_is_about_the_previous_day_unless_days_are_named() {
    let day = |text: &str| text.parse().unwrap();
    assert_eq!(
        done("").unwrap().dates,
        DoneDates::PreviousDay(day("2022-03-01"))
    );
    assert_eq!(done("--pending").unwrap().dates, DoneDates::Pending);
    let request = done("-t item -t user -d 2022-01-01 -d 2022-01-02").unwrap();
    assert_eq!(
        request.dates,
        DoneDates::Named(vec![day("2022-01-01"), day("2022-01-02")])
    );
    assert_eq!(request.selection.topics.len(), 2);
    assert!(
        done("--pending -d 2022-01-01")
            .unwrap_err()
            .contains("--pending is about all days")
    );
    assert!(
        done("--force")
            .unwrap_err()
            .contains("must be named with --date")
    );
    assert!(
        done("-s incremental_sync_streaming")
            .unwrap_err()
            .contains("has no done")
    );
}

#[test]
fn commands_that_change_the_ledger_imply_nothing() {
    let reopen = |words: &str| {
        let invocation = start(&format!("ledger reopen {words}"), HOME, "");
        match &invocation.cli.command {
            Command::Ledger(crate::cli::args::LedgerCommand::Reopen { partition }) => {
                one_stage(context(&invocation), partition).map_err(|error| chain(&error))
            }
            other => panic!("{other:?}"),
        }
    };
    assert!(
        reopen("-s history_sync -d 2022-01-01")
            .unwrap_err()
            .contains("give --topic")
    );
    assert!(
        reopen("-t item -d 2022-01-01")
            .unwrap_err()
            .contains("give --stage")
    );
    assert!(
        reopen("-t item -s history_sync")
            .unwrap_err()
            .contains("give --date")
    );
    assert!(reopen("-t item -s incremental_sync_streaming -d 2022-01-01").is_err());
    let (topic, stages) = reopen("-t item -s history_sync -d 2022-01-01..2022-01-02").unwrap();
    assert_eq!((topic.as_str(), stages.len()), ("item", 2));
}

#[test]
fn rows_linger_only_where_they_come_as_they_are_made() {
    let streaming = "-t item -s incremental_sync_streaming";
    let linger = |words: &str| {
        write(&format!("{streaming} {words}"))
            .unwrap()
            .upload
            .batch
            .linger
    };
    let millis = |linger: Option<std::time::Duration>| linger.map(|it| it.as_millis());
    assert_eq!(millis(linger("-")), Some(1_000));
    assert_eq!(millis(linger("--follow --linger 50ms app.log")), Some(50));
    assert_eq!(millis(linger("app.log")), None);
    // A part of a larger upload has to be cut in the same way again.
    assert_eq!(millis(linger("--end-mark -")), None);
    assert_eq!(
        write(&format!("{ITEM} -")).unwrap().upload.batch.linger,
        None
    );
}

#[test]
fn following_gives_a_batch_up_only_when_it_is_told_to() {
    let retry_for = |words: &str| {
        let words = format!("-t item -s incremental_sync_streaming {words}");
        write(&words).unwrap().upload.retry.retry_for
    };
    assert!(retry_for("--follow app.log").as_secs() > 10 * 365 * 86_400);
    assert_eq!(retry_for("--follow --retry-for 5m app.log").as_secs(), 300);
    assert_eq!(retry_for("-").as_secs(), 900);
}
