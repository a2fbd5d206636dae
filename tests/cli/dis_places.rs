//! Where a DIS stream is read from: its checkpoint, `--from`, the oldest record that is left.

use crate::dis_source::{READ, Stream};
use crate::recorder::eventually;
use crate::start::{rows, wait_for_message};
use std::collections::BTreeMap;

#[test]
fn an_app_that_does_not_exist_is_created_only_when_that_is_asked_for() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 3));
    stream
        .read("", 6)
        .says("has no app reader; check --dis-app, or give --create-app");
    assert_eq!(stream.stored(), Vec::<String>::new());
    stream.read("--create-app", 0);
    assert_eq!(stream.stored(), rows(0, 3));
}

#[test]
fn reading_begins_behind_the_checkpoint_unless_from_says_otherwise() {
    for (options, first) in [("", 6), ("--from oldest", 0), ("--from 1600000000000", 0)] {
        let stream = Stream::start("");
        stream.create_app();
        stream.put("", &rows(0, 10));
        stream.commit(0, 5);
        stream.read(options, 0);
        assert_eq!(stream.stored(), rows(first, 10 - first), "{options}");
        assert_eq!(stream.checkpoints(), BTreeMap::from([('0', 9)]));
        // The words are for what was not read before.
        stream.put("", &rows(10, 5));
        stream.read(options, 0);
        assert_eq!(stream.stored(), rows(first, 15 - first), "{options}");
    }
}

#[test]
fn a_beginning_in_the_future_is_warned_of() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 3));
    stream
        .read("--create-app --from 2099-01-01T00:00:00Z", 0)
        .says("--from lies in the future");
    assert!(stream.stored().is_empty());
}

#[test]
fn the_checkpoint_never_goes_back_while_older_records_are_read_again() {
    let stream = Stream::start("");
    stream.create_app();
    stream.put("", &rows(0, 10));
    stream.commit(0, 9);
    stream
        .read("--from oldest", 0)
        .says("although there is a checkpoint at 9");
    assert_eq!(stream.stored(), rows(0, 10));
    assert_eq!(stream.checkpoints()[&'0'], 9);
}

#[test]
fn latest_begins_where_the_first_run_began_even_if_that_was_killed_before_it_read_anything() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 10));
    // Times of the service have seconds.
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let latest = format!("{READ} --create-app --from latest");
    let mut child = stream.place.start(&latest);
    eventually("the input in the ledger", || {
        let ledger = stream.place.path(".local/state/byteair-sync/ledger.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(ledger, flags).is_ok_and(|db| {
            db.query_row("SELECT count(*) FROM input", [], |row| row.get::<_, i64>(0)) == Ok(1)
        })
    });
    child.kill().unwrap();
    child.wait().unwrap();
    stream.put("", &rows(10, 10));
    stream.read("--from latest", 0);
    assert_eq!(stream.stored(), rows(10, 10));
    // A partition that comes later is read from its oldest record.
    stream.change("split=0");
    stream.put("&partition=1", &rows(20, 5));
    stream.read("--from latest", 0);
    assert_eq!(stream.stored(), rows(10, 15));
}

#[test]
fn a_checkpoint_that_is_further_than_the_ledger_is_believed_and_told() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 10));
    stream.read("--create-app", 0);
    stream.put("", &rows(10, 10));
    stream.commit(0, 14);
    let ran = stream.read("", 0);
    ran.says("records 10 to 14 count as dealt with");
    assert_eq!(stream.stored().len(), 15);
    assert_eq!(stream.checkpoints()[&'0'], 19);
}

#[test]
fn records_that_are_gone_end_the_run_and_are_counted() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 10));
    stream.read("--create-app", 0);
    stream.put("", &rows(10, 20));
    stream.change("trim=25");
    let ran = stream.read("", 9);
    ran.says("15 record(s) are lost: sequence numbers 10 to 24")
        .says("--out-of-range oldest  # goes on with the oldest record");
    assert_eq!(stream.stored(), rows(0, 10));
    assert_eq!(stream.checkpoints()[&'0'], 9);
    let ran = stream.read("--out-of-range oldest", 0);
    ran.says("15 record(s) are lost: sequence numbers 10 to 24");
    assert_eq!(stream.stored().len(), 15);
    assert_eq!(stream.checkpoints()[&'0'], 29);
}

#[test]
fn out_of_range_latest_goes_on_with_what_is_written_from_now_on() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 10));
    stream.read("--create-app", 0);
    stream.put("", &rows(10, 20));
    stream.change("trim=25");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let mut child = stream.place.start(&format!("{READ} --out-of-range latest"));
    wait_for_message(&mut child, "15 record(s) are lost");
    stream.put("", &rows(30, 3));
    let wanted = [rows(0, 10), rows(30, 3)].concat();
    eventually("the newest rows", || stream.stored() == wanted);
    eventually("the checkpoint", || stream.checkpoints()[&'0'] == 32);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn out_of_range_latest_keeps_its_place_when_the_run_stops_before_anything_was_read() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 10));
    stream.read("--create-app", 0);
    stream.put("", &rows(10, 20));
    stream.change("trim=25");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let latest = format!("{READ} --out-of-range latest");
    let mut child = stream.place.start(&latest);
    wait_for_message(&mut child, "is neither read nor counted");
    child.kill().unwrap();
    child.wait().unwrap();
    // While no run reads.
    stream.put("", &rows(30, 3));
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let ran = stream.read("--out-of-range latest", 0);
    ran.says("15 record(s) are lost: sequence numbers 10 to 24");
    assert_eq!(stream.stored(), [rows(0, 10), rows(30, 3)].concat());
    assert_eq!(stream.checkpoints()[&'0'], 32);
    // Another gap is another place.
    stream.put("", &rows(33, 5));
    stream.change("trim=35");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let ran = stream.read("--out-of-range latest", 0);
    ran.says("2 record(s) are lost: sequence numbers 33 to 34");
    assert_eq!(stream.stored().len(), 13);
}

#[test]
fn records_that_were_deleted_behind_the_checkpoint_are_not_missed() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 10));
    stream.read("--create-app", 0);
    stream.put("", &rows(10, 5));
    // The service does not know the place behind record 9 any more, and nothing is lost.
    stream.change("trim=10");
    stream.read("", 0);
    assert_eq!(stream.stored(), rows(0, 15));
    // Nor where no record is left.
    stream.change("trim=15");
    stream.read("", 0);
    stream.put("", &rows(15, 5));
    stream.read("", 0);
    assert_eq!(stream.stored(), rows(0, 20));
    stream.put("", &rows(20, 5));
    stream.change("trim=25");
    let lost = "5 record(s) are lost: sequence numbers 20 to 24";
    stream.read("", 9).says(lost);
}

#[test]
fn a_checkpoint_that_was_moved_back_is_not_passed_over_in_silence() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 10));
    stream.read("--create-app", 0);
    let back = "checkpoint commit --stream orders --app reader --partition 0 --sequence 4";
    stream
        .place
        .end(&format!("{back} --allow-rewind"))
        .expect(0);
    stream.put("", &rows(10, 5));
    let ran = stream.read("", 9);
    let put_back = "byteair-sync checkpoint commit --stream orders --app reader --partition shardId-0000000000 --sequence 9";
    ran.says("was moved back from 9 to 4")
        .says(put_back)
        .says("--restart");
    assert_eq!(stream.stored(), rows(0, 10));
    // A wanted replay.
    stream.read("--restart", 0);
    assert_eq!(stream.stored().len(), 10 + 10);
    assert_eq!(stream.checkpoints()[&'0'], 14);
    stream.put("", &rows(15, 5));
    stream.read("", 0);
    assert_eq!(stream.stored().len(), 25);
}

#[test]
fn a_trial_against_the_built_in_server_commits_nothing() {
    let stream = Stream::start("");
    stream.create_app();
    stream.put("", &rows(0, 10));
    let ran = stream.read("--sandbox", 0);
    ran.says("no checkpoint is committed")
        .says("the sandbox received 10 rows");
    assert_eq!(stream.checkpoints(), BTreeMap::new());
    stream.read("", 0);
    assert_eq!(stream.stored(), rows(0, 10));
}

#[test]
fn looks_that_bring_nothing_are_no_end_while_records_are_listed() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 30));
    stream.change("empty=12");
    stream.read("--create-app", 0);
    assert_eq!(stream.stored(), rows(0, 30));
    assert_eq!(stream.checkpoints()[&'0'], 29);
}

#[test]
fn a_checkpoint_that_nobody_asked_to_commit_is_not_called_unknown() {
    let stream = Stream::start("--fault garbage=1");
    let commit = "checkpoint commit --stream orders --app reader --partition 0 --sequence 4";
    let ran = stream.place.end(&format!("{commit} --retry-for 1ms"));
    let ran = ran.expect(5).says("was not committed");
    assert!(!ran.errors.contains("unknown"), "{}", ran.errors);
}

#[test]
fn a_stream_that_was_made_anew_is_not_taken_for_one_with_gaps() {
    let stream = Stream::start("");
    stream.put("", &rows(0, 40));
    stream.read("--create-app", 0);
    stream.change("anew");
    stream.put("", &rows(40, 5));
    for policy in ["fail", "oldest", "latest"] {
        let ran = stream.read(&format!("--out-of-range {policy}"), 9);
        ran.says("was the stream deleted and made anew?")
            .says("byteair-sync checkpoint delete --stream orders --app reader --partition shardId-0000000000")
            .says("--restart");
        assert_eq!(stream.stored(), rows(0, 40), "{policy}");
    }
    let delete = "checkpoint delete --stream orders --app reader --partition shardId-0000000000";
    stream.place.end(delete).expect(0);
    stream.read("--restart", 0);
    assert_eq!(stream.stored(), rows(0, 45));
    stream.put("", &rows(45, 5));
    stream.read("", 0);
    assert_eq!(stream.stored(), rows(0, 50));
    assert_eq!(stream.checkpoints()[&'0'], 9);
}

#[test]
fn a_service_that_is_away_is_told_of_without_being_asked() {
    let stream = Stream::start("--fault http:503=1 --fault-on huawei");
    let ended = stream.place.end(&format!("{READ} --max-duration 7s"));
    let ran = ended.expect(5).says("dis://orders/reader: no answer for ");
    assert_eq!(
        ran.errors.matches("no answer for").count(),
        1,
        "{}",
        ran.errors
    );
    assert!(ran.errors.contains("HTTP 503"), "{}", ran.errors);
}
