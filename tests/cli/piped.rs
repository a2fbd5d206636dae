//! Standard input of the streaming stage: rows are sent while the pipe is open.

use crate::follow::{kill, lines, spooled};
use crate::platform::Platform;
use crate::recorder::{Recorder, Reply, eventually};
use crate::start::{Place, Ran, rows, signal};
use rustix::process::Signal;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The program with a pipe as its standard input.
fn piped(place: &Place, options: &str) -> (Child, std::process::ChildStdin) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_byteair-sync"));
    let words = format!(
        "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only {options} -"
    );
    command.args(words.split_whitespace());
    let mut child = place.spawn_reading(command, Stdio::piped());
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

#[test]
fn rows_of_a_pipe_are_sent_while_it_is_open() {
    for options in ["", "--input-id events", "--format csv --columns id,title"] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        let (child, mut stdin) = piped(&place, &format!("--linger 100ms {options}"));
        let (first, second) = if options.contains("csv") {
            ("1,a\n2,b\n", "3,c\n")
        } else {
            ("{\"id\":1}\n{\"id\":2}\n", "{\"id\":3}\n")
        };
        stdin.write_all(first.as_bytes()).unwrap();
        if !options.contains("csv") {
            recorder.wait_for(1);
            assert_eq!(recorder.rows().len(), 2, "{options}");
        }
        stdin.write_all(second.as_bytes()).unwrap();
        drop(stdin);
        Ran::after(child).expect(0);
        assert_eq!(recorder.rows().len(), 3, "{options}");
        assert_eq!(recorder.dones().len(), 0);
    }
}

#[test]
fn a_full_batch_does_not_wait() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let (child, mut stdin) = piped(&place, "--linger 1d --input-id events");
    stdin.write_all(lines(&rows(0, 2_500)).as_bytes()).unwrap();
    recorder.wait_for(2);
    let counts: Vec<usize> = recorder
        .requests()
        .iter()
        .map(|one| one.rows().len())
        .collect();
    assert_eq!(counts, [1_000, 1_000]);
    drop(stdin);
    Ran::after(child).expect(0);
    assert_eq!(recorder.rows(), rows(0, 2_500));
}

#[test]
fn a_stream_that_comes_at_once_is_known_again() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let words = "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only -";
    let text = lines(&rows(0, 50));
    place.end_with_stdin(words, &text).expect(0);
    place.end_with_stdin(words, &text).expect(0);
    assert_eq!(recorder.rows(), rows(0, 50));
}

#[test]
fn what_a_killed_run_had_taken_from_a_pipe_is_sent_by_the_next() {
    let mut platform = Platform::start();
    let place = platform.client();
    let (child, mut stdin) = piped(&place, "--linger 50ms");
    stdin.write_all(lines(&rows(0, 10)).as_bytes()).unwrap();
    eventually("the first rows", || platform.stored().len() == 10);
    platform.go_away();
    stdin.write_all(lines(&rows(10, 10)).as_bytes()).unwrap();
    eventually("a batch in the spool", || !spooled(&place).is_empty());
    // The file is there before the ledger knows of it.
    std::thread::sleep(Duration::from_millis(500));
    kill(child);
    platform.come_back();
    let (child, mut stdin) = piped(&place, "--linger 50ms");
    stdin.write_all(lines(&rows(20, 5)).as_bytes()).unwrap();
    drop(stdin);
    Ran::after(child).expect(0);
    platform.expect(rows(0, 25));
}

#[test]
fn rows_of_a_named_pipe_that_are_kept_are_sent_by_any_later_run() {
    for (name, status, sent) in [
        // Another stream; the same one from elsewhere on, which is refused when the old rows are sent.
        ("other", 0, 3_510),
        ("events", 9, 3_500),
    ] {
        let mut platform = Platform::start();
        let place = platform.client();
        platform.go_away();
        let (child, mut stdin) = piped(&place, "--linger 50ms --grace 1s --input-id events");
        stdin.write_all(lines(&rows(0, 3_500)).as_bytes()).unwrap();
        eventually("the batches in the spool", || spooled(&place).len() == 4);
        std::thread::sleep(Duration::from_millis(500));
        signal(&child, Signal::TERM);
        drop(stdin);
        Ran::after(child).expect(143);
        platform.come_back();
        let options = format!("--linger 50ms --input-id {name} --max-in-flight 1");
        let (child, mut stdin) = piped(&place, &options);
        // A run that is refused reads no further, and does not take all of this.
        let _closed = stdin.write_all(lines(&rows(9_000, 10)).as_bytes());
        drop(stdin);
        Ran::after(child).expect(status);
        assert_eq!(platform.stored().len(), sent, "{name}");
        // The stream with that name goes on where it was.
        let (child, mut stdin) = piped(&place, "--linger 50ms --input-id events");
        stdin.write_all(lines(&rows(0, 3_520)).as_bytes()).unwrap();
        drop(stdin);
        Ran::after(child).expect(0);
        assert_eq!(platform.stored().len(), sent + 20, "{name}");
    }
}

/// Waits until the ledger knows of the pipe, and a while for the rows that are in it.
fn wait_for_reading(place: &Place) {
    eventually("the input in the ledger", || {
        let ledger = place.path(".local/state/byteair-sync/ledger.db");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(ledger, flags).is_ok_and(|db| {
            db.query_row("SELECT count(*) FROM input", [], |row| row.get::<_, i64>(0)) == Ok(1)
        })
    });
    std::thread::sleep(Duration::from_millis(500));
}

#[test]
fn rows_that_wait_for_others_are_kept_and_counted_when_no_grace_is_given() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let (child, mut stdin) = piped(&place, "--linger 1d --grace 0s --json --input-id events");
    stdin.write_all(lines(&rows(0, 300)).as_bytes()).unwrap();
    wait_for_reading(&place);
    signal(&child, Signal::TERM);
    let summary = Ran::after(child).expect(143).summary();
    drop(stdin);
    assert_eq!(summary["rows_read"], 300, "{summary}");
    assert_eq!(
        spooled(&place).len(),
        usize::from(recorder.rows().is_empty())
    );
    place
        .end_with_stdin(STREAM, &lines(&rows(0, 310)))
        .expect(0);
    assert_eq!(recorder.rows(), rows(0, 310));
}

/// The pipe was read before signals were listened to: what had been taken from it was gone.
#[test]
fn a_signal_as_soon_as_rows_are_taken_from_a_pipe_loses_none_of_them() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    for from in [0, 100, 200] {
        let (child, mut stdin) = piped(&place, &format!("--linger 1d --input-id {from}"));
        let text = lines(&rows(from, 100));
        stdin.write_all(text.as_bytes()).unwrap();
        eventually("the rows are taken", || {
            rustix::io::ioctl_fionread(&stdin).unwrap() == 0
        });
        signal(&child, Signal::TERM);
        Ran::after(child).expect(143);
        drop(stdin);
        // Nothing more is piped in: what comes now is what was kept.
        let (child, stdin) = piped(&place, &format!("--input-id {from}"));
        drop(stdin);
        let _whether_it_ends_well = Ran::after(child);
        assert_eq!(recorder.rows(), rows(0, from + 100));
    }
}

/// Nothing of a pipe is sent behind a refusal; whoever writes it has to know that it has to come again.
#[test]
fn rows_that_wait_for_others_when_the_platform_refuses_are_told() {
    let recorder = Recorder::answering(|_, number| match number {
        0 => Reply::code(
            400,
            400,
            "Syncing is end or not start in stage(incremental_sync_streaming) for tenant/application_id(1) topic(behavior), please check the 'stage'",
        ),
        _ => Reply::ok(),
    });
    let place = Place::with(&recorder);
    let (child, mut stdin) = piped(&place, "--linger 1d --json --input-id events");
    stdin.write_all(lines(&rows(0, 1_300)).as_bytes()).unwrap();
    // The pipe stays open.
    let summary = Ran::after(child).expect(6).summary();
    drop(stdin);
    let problems = summary["problems"].to_string();
    assert!(
        problems.contains(
            "at least 300 row(s) were taken from standard input and neither sent nor kept"
        ),
        "{problems}"
    );
    assert_eq!(summary["rows_read"], 1_000, "{summary}");
    place
        .end_with_stdin(STREAM, &lines(&rows(0, 1_310)))
        .expect(0);
    assert_eq!(recorder.accepted(), rows(0, 1_310));
}

#[test]
fn rows_that_wait_for_others_when_the_run_is_stopped_are_kept_and_counted() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let (child, mut stdin) = piped(&place, "--linger 1d --json --input-id events");
    stdin.write_all(lines(&rows(0, 300)).as_bytes()).unwrap();
    wait_for_reading(&place);
    signal(&child, Signal::TERM);
    let summary = Ran::after(child).expect(143).summary();
    drop(stdin);
    assert_eq!(summary["rows_read"], 300, "{summary}");
    let sent = recorder.rows().len();
    assert_eq!(spooled(&place).len(), usize::from(sent == 0));
    // Whatever is piped in next.
    let (child, mut stdin) = piped(&place, "--linger 50ms --input-id other");
    stdin.write_all(lines(&rows(300, 5)).as_bytes()).unwrap();
    drop(stdin);
    Ran::after(child).expect(0);
    assert_eq!(recorder.rows(), rows(0, 305));
    // The stream with that name goes on behind them.
    let (child, mut stdin) = piped(&place, "--linger 50ms --input-id events");
    stdin.write_all(lines(&rows(0, 310)).as_bytes()).unwrap();
    drop(stdin);
    Ran::after(child).expect(0);
    assert_eq!(recorder.rows().len(), 315);
}

const STREAM: &str = "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only --input-id events -";

#[test]
fn half_a_row_at_the_end_of_a_pipe_is_not_taken_and_the_whole_stream_goes_on_from_there() {
    let whole = lines(&rows(0, 30));
    let begun = rows(0, 20).join("\n").len() + 1;
    // Within a name, behind its first byte, and where nothing is before it.
    for (cut, before) in [(begun + 5, 20), (begun + 1, 20), (1, 0)] {
        let recorder = Recorder::new();
        let place = Place::with(&recorder);
        for _ in 0..2 {
            let summary = place
                .end_with_stdin(&format!("{STREAM} --json"), &whole[..cut])
                .expect(4)
                .summary();
            assert_eq!(summary["rows_read"], before, "{summary}");
            assert_eq!(summary["rows_rejected"], 0, "{summary}");
            let why = summary["problems"].to_string();
            assert!(
                why.contains(&format!("stdin:events:{}: the stream ended", before + 1)),
                "{why}"
            );
            let next = summary["next"].to_string();
            assert!(next.contains("piped in again"), "{next}");
        }
        assert_eq!(recorder.rows(), rows(0, before));
        place.end_with_stdin(STREAM, &whole).expect(0);
        assert_eq!(recorder.rows(), rows(0, 30));
    }
}

#[test]
fn a_pipe_that_breaks_off_earlier_than_before_is_told_to_come_whole() {
    let whole = lines(&rows(0, 30));
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    place
        .end_with_stdin(STREAM, &whole[..lines(&rows(0, 20)).len() + 5])
        .expect(4);
    let twelve = lines(&rows(0, 12)).len();
    for (cut, last) in [(twelve + 5, 12), (twelve, 12)] {
        place
            .end_with_stdin(STREAM, &whole[..cut])
            .expect(9)
            .says(&format!(
                "it ended after line {last}, before the end of what was uploaded of it; pipe in the whole stream again"
            ))
            .says("# with the whole stream piped in again");
    }
    place.end_with_stdin(STREAM, &whole).expect(0);
    assert_eq!(recorder.rows(), rows(0, 30));
}

#[test]
fn half_a_row_of_a_piped_table_is_not_taken_where_it_can_be_told() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let csv = format!("{STREAM} --format csv");
    let whole = "id,title\n1,a\n2,\"b\nb\"\n3,c\n";
    for cut in ["id,title\n1,a\n2", "id,title\n1,a\n2,\"b\n"] {
        place.end_with_stdin(&csv, cut).expect(4);
        assert_eq!(recorder.rows().len(), 1);
    }
    place.end_with_stdin(&csv, whole).expect(0);
    assert_eq!(recorder.rows().len(), 3);
}

#[test]
fn a_last_row_without_a_line_end_is_a_row_and_a_bad_one_is_a_dead_letter() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let whole = lines(&rows(0, 3));
    place.end_with_stdin(STREAM, whole.trim_end()).expect(0);
    assert_eq!(recorder.rows(), rows(0, 3));
    place.end_with_stdin(STREAM, &whole).expect(0);
    let bad = format!("{whole}[1]");
    place
        .end_with_stdin(STREAM, &bad)
        .expect(3)
        .says("not_object");
    place.end_with_stdin(STREAM, &format!("{bad}\n")).expect(3);
    assert_eq!(recorder.rows(), rows(0, 3));
}

/// Nobody can tell that half a row of a table lacks something when it has all its cells.
#[test]
fn the_rest_of_a_pipe_of_which_half_a_row_was_sent_is_sent_without_storing_one_twice() {
    let recorder = Recorder::new();
    let place = Place::with(&recorder);
    let csv = format!("{STREAM} --format csv");
    place.end_with_stdin(&csv, "id,title\n1,a\n2,b").expect(0);
    place
        .end_with_stdin(&csv, "id,title\n1,a\n2,bb\n3,c\n")
        .expect(9)
        .says("('tail -n +3' ")
        .says("ledger drop-input stdin:events")
        .says("piped in from line 3 on");
    place.end("ledger drop-input stdin:events").expect(0);
    place
        .end_with_stdin(&csv, "id,title\n2,bb\n3,c\n")
        .expect(0);
    assert_eq!(recorder.rows().len(), 4);
}
