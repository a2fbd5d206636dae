//! The command that `status` names for a day that is not done: typed as it stands it helps.

use crate::recorder::{Recorder, Reply};
use crate::start::{Place, Ran, WRITE};

fn server() -> (Recorder, Place) {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place.rows("a.jsonl", 0, 20);
    (recorder, place)
}

type AnyReply = fn() -> Reply;

/// The first command of the list of what is owed, without its purpose.
#[track_caller]
fn owed(place: &Place) -> String {
    let ran = place.end("status --json").expect(0);
    let day = ran.lines().remove(0);
    let command = day["next_command"].as_str().expect("no command").to_owned();
    assert!(!command.contains('#'), "{command}");
    assert_eq!(ran.summary()["next"][0]["command"], command.as_str());
    assert_eq!(ran.summary()["next"][0]["purpose"], day["next_purpose"]);
    place.end("status").expect(0).says(&command);
    command
        .strip_prefix("byteair-sync ")
        .unwrap_or(&command)
        .to_owned()
}

fn is_owed_nothing(place: &Place) {
    let ran = place.end("status").expect(0);
    assert!(!ran.output.contains("owed"), "{}", ran.output);
}

#[test]
fn a_batch_that_nobody_knows_of_starts_the_date_over_and_its_answer_is_kept() {
    let (recorder, place) = server();
    let useless = || Reply::refused_rows(200, 1001, "part", &[("price bad", "{\"no\":\"row\"}")]);
    let foreign = || Reply::code(200, 409, "dup");
    let replies: [(AnyReply, &str); 2] = [(useless, "price bad"), (foreign, "already received")];
    for (reply, answer) in replies {
        let write = format!("{WRITE} a.jsonl");
        recorder.answer(move |request, _| {
            if request.is_done() {
                Reply::ok()
            } else {
                reply()
            }
        });
        let told = |ran: Ran| {
            assert!(
                !ran.output.contains("kept for the next run"),
                "{}",
                ran.output
            );
            ran.says(answer).says("no run sends them again");
        };
        told(place.end(&write).expect(7));
        told(place.end(&write).expect(7));
        told(place.end("done -d 2022-01-01").expect(7));
        place.end("status").expect(0).says(answer);
        recorder.answer(|_, _| Reply::ok());
        let command = owed(&place);
        assert!(command.contains("--restart"), "{command}");
        place.end(&command).expect(0);
        is_owed_nothing(&place);
        place
            .end("ledger forget -t item -s history_sync -d 2022-01-01 --yes-i-mean 2022-01-01")
            .expect(0);
    }
}

#[test]
fn rows_that_are_held_as_unconfirmed_are_accepted_by_the_command() {
    let (recorder, place) = server();
    let first = "{\"id\":\"000000\",\"title\":\"耳机 0\"}";
    recorder.answer(move |request, _| {
        if request.is_done() {
            Reply::ok()
        } else {
            Reply::refused_rows(200, 1001, "part", &[("bad", first)])
        }
    });
    let write = format!("{WRITE} --unconfirmed hold --max-errors 1 a.jsonl");
    place.end(&write).expect(7);
    place
        .end("status")
        .expect(0)
        .says("uploaded: 19 row(s) are unconfirmed")
        .says("0 rows accepted, 19 unconfirmed, 1 rejected");
    let command = owed(&place);
    assert!(command.ends_with("--unconfirmed accept"), "{command}");
    place.end(&command).expect(0);
    is_owed_nothing(&place);
}

#[test]
fn a_date_that_was_refused_at_once_owes_nothing_and_says_why() {
    let (recorder, place) = server();
    recorder.answer(|_, _| {
        Reply::code(
            200,
            400,
            "Syncing is end or not start in stage(history_sync)",
        )
    });
    let write = format!("{WRITE} a.jsonl");
    place.end(&write).expect(6);
    let ran = place.end("status").expect(0);
    let ran = ran
        .says("refused, with nothing of it stored\n  item history_sync 2022-01-01 refused: the platform answered 400 (Syncing is end")
        .says(&format!("byteair-sync {write}  # when the option or the console is put right"));
    assert!(!ran.output.contains("\nowed"), "{}", ran.output);
    // `done` names the same upload.
    place
        .end("done -d 2022-01-01")
        .expect(6)
        .says("the platform refused this date")
        .says(&format!(
            "byteair-sync {write}  # when the option or the console is put right"
        ));
    recorder.answer(|_, _| Reply::ok());
    place.end(&owed(&place)).expect(0);
    place
        .end("status")
        .expect(0)
        .says("done\n  item history_sync 2022-01-01: 20 read, 20 accepted");
}

#[test]
fn a_replay_that_stopped_on_the_way_goes_on_by_the_command() {
    let (recorder, place) = server();
    place.file("a.jsonl", "{\"id\":\"1\"}\nbad\n");
    place.end(&format!("{WRITE} a.jsonl")).expect(3);
    place.file("fix.jsonl", "{\"id\":\"2\"}\n");
    recorder.answer(|_, _| Reply::bare(429));
    place
        .end("rejects replay fix.jsonl -t item -s history_sync -d 2022-01-01 --retry-for 1ms")
        .expect(5);
    recorder.answer(|_, _| Reply::ok());
    place
        .end("rejects export --output again.jsonl")
        .expect(0)
        .says("1 of these rows are being replaced by ")
        .says("fix.jsonl -t item -s history_sync -d 2022-01-01 goes on with it");
    place.file("other.jsonl", "{\"id\":\"3\"}\n");
    place
        .end("rejects replay other.jsonl -t item -s history_sync -d 2022-01-01")
        .expect(7)
        .says("fix.jsonl -t item -s history_sync -d 2022-01-01' goes on with it");
    let command = owed(&place);
    assert!(command.starts_with("rejects replay "), "{command}");
    place.end(&command).expect(0);
    is_owed_nothing(&place);
}

#[test]
fn a_date_whose_only_input_was_dropped_says_so() {
    let (recorder, place) = server();
    recorder.answer(|_, earlier| match earlier {
        0 => Reply::ok(),
        _ => Reply::bare(429),
    });
    let write = format!("{WRITE} --batch-rows 10 --max-in-flight 1 --retry-for 1ms a.jsonl");
    place.end(&write).expect(5);
    recorder.answer(|_, _| Reply::ok());
    place.end("ledger drop-input a.jsonl").expect(0);
    place
        .end("status")
        .expect(0)
        .says("no input is left of it; 10 row(s) of dropped ones are on the platform")
        .says("when what replaces the dropped input is there");
    place.rows("a.jsonl", 50, 5);
    place.end(&owed(&place)).expect(0);
    is_owed_nothing(&place);
}

#[test]
fn an_upload_from_spark_goes_on_with_its_job_and_with_no_write() {
    let (recorder, place) = server();
    // As the package registers it before its tasks send.
    let words = format!("{WRITE} - --format=jsonl --end-mark --request-id-seed=x --no-done");
    let mut begin = place.run(&words);
    begin.arg("--input-id=spark a").write_stdin("");
    Ran::of(&words, &mut begin).expect(4);
    assert_eq!(owed(&place), "spark-submit JOB.py");
    place.end("status").expect(0).says("uploadId 'a'");
    let date = "-t item -s history_sync -d 2022-01-01";
    for words in [format!("done {date}"), format!("{WRITE} a.jsonl")] {
        let ran = place.end(&words).expect(7);
        let ran = ran.says("spark-submit JOB.py  # the Spark job with uploadId 'a' again");
        assert!(!ran.errors.contains("--input-id"), "{}", ran.errors);
        assert!(
            !ran.errors.contains("putting the file back"),
            "{}",
            ran.errors
        );
    }
    assert_eq!(recorder.dones().len(), 0);
}
