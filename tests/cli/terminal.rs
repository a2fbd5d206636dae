//! A run at a terminal, which changes its size at any time: a pseudo-terminal stands for it.
//!
//! What the run writes is checked byte by byte: text that fits, and the few escapes that a display of
//! lines needs.

use crate::recorder::{Latch, Recorder, Reply};
use crate::start::{Place, WRITE, rows, signal};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};

/// The side of a terminal on which people sit.
struct Terminal {
    screen: OwnedFd,
    seen: Arc<Mutex<Vec<u8>>>,
    reader: std::thread::JoinHandle<()>,
}

fn resize(screen: &OwnedFd, columns: u16, lines: u16) {
    let size = Winsize {
        ws_row: lines,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(screen, size).unwrap();
}

impl Terminal {
    /// Starts the binary with standard output and standard error on a terminal.
    fn start(place: &Place, words: &str, columns: u16, lines: u16) -> (Self, Child) {
        let screen = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&screen).unwrap();
        unlockpt(&screen).unwrap();
        let name = ptsname(&screen, Vec::new()).unwrap();
        resize(&screen, columns, lines);
        // The shell opens the terminal by its name, so that no copy of it stays open here.
        let name = name.to_str().unwrap();
        let line = format!(
            "exec {} {words} >{name} 2>{name}",
            env!("CARGO_BIN_EXE_byteair-sync")
        );
        let mut command = Command::new("sh");
        command.arg("-c").arg(line);
        let child = place.spawn(command);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let mut source = File::from(screen.try_clone().unwrap());
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error is how the end of a terminal reads; before the program has opened it, too.
            loop {
                match source.read(&mut bytes) {
                    Ok(length) if length > 0 => {
                        kept.lock().unwrap().extend_from_slice(&bytes[..length]);
                    }
                    _ if kept.lock().unwrap().is_empty() => std::thread::yield_now(),
                    _ => break,
                }
            }
        });
        let terminal = Self {
            screen,
            seen,
            reader,
        };
        (terminal, child)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    fn finish(self) -> String {
        self.reader.join().unwrap();
        String::from_utf8(self.seen.lock().unwrap().clone()).unwrap()
    }
}

/// Fails on anything but text, line breaks, and escapes that move within the lines or colour them.
#[track_caller]
fn is_a_display(text: &str) {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\r' => {}
            '\u{1b}' => {
                assert_eq!(rest.next(), Some('['), "{text:?}");
                let end = rest.find(|c| !c.is_ascii_digit() && *c != ';');
                let end = end.expect(text);
                assert!("ABCDKJm".contains(end), "{end:?} in {text:?}");
            }
            other => assert!(!other.is_control() && other != '\u{fffd}', "{text:?}"),
        }
    }
}

#[test]
fn a_terminal_may_change_its_size_at_any_time() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |request, _| {
        if request.is_done() {
            held.wait();
        }
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 200);
    let words = format!("{WRITE} --batch-rows 5 --qps 1000 rows.jsonl");
    let (terminal, child) = Terminal::start(&place, &words, 100, 30);
    recorder.wait_for(41);
    let sizes = [
        (20, 2),
        (1, 1),
        (200, 60),
        (3, 50),
        (0, 0),
        (80, 1),
        (65_535, 65_535),
        (2, 2),
        (80, 24),
    ];
    for (columns, lines) in sizes {
        let before = terminal.text().len();
        resize(&terminal.screen, columns, lines);
        signal(&child, Signal::WINCH);
        signal(&child, Signal::USR1);
        crate::recorder::eventually("something on the screen", || terminal.text().len() > before);
    }
    latch.open();
    let status = crate::start::Ran::after(child).status;
    let text = terminal.finish();
    assert_eq!(status, 0, "{text}");
    is_a_display(&text);
    assert!(!text.contains("this is a bug"), "{text}");
    let summary = text.rfind("accepted     200").expect(&text);
    assert!(
        !text[summary..].contains('\u{1b}'),
        "{:?}",
        &text[summary..]
    );
    assert_eq!(recorder.stored(), rows(0, 200));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_terminal_of_one_column_from_the_start_is_enough() {
    for (columns, lines) in [(1, 1), (20, 2), (0, 0)] {
        let recorder = Recorder::answering(|_, number| match number {
            0 => Reply::code(429, 429, "slow\u{1b}[2J down"),
            _ => Reply::ok(),
        });
        let place = Place::with(&recorder);
        place.rows("rows.jsonl", 0, 200);
        let words = format!("{WRITE} --batch-rows 5 --qps 100 rows.jsonl");
        let (terminal, child) = Terminal::start(&place, &words, columns, lines);
        let status = crate::start::Ran::after(child).status;
        let text = terminal.finish();
        assert_eq!(status, 0, "{text}");
        is_a_display(&text);
        assert!(!text.contains("\u{1b}[2J"), "{text:?}");
        assert!(text.contains("accepted     200"), "{text}");
    }
}

#[test]
fn a_terminal_that_goes_away_does_not_end_the_upload() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, _| {
        held.wait();
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 200);
    let words = format!("{WRITE} --batch-rows 5 --qps 1000 rows.jsonl");
    let (terminal, child) = Terminal::start(&place, &words, 80, 24);
    recorder.wait_for(1);
    crate::recorder::eventually("a display", || terminal.text().contains("rows"));
    let Terminal { screen, reader, .. } = terminal;
    drop(screen);
    latch.open();
    assert_eq!(crate::start::Ran::after(child).status, 0);
    drop(reader);
    assert_eq!(recorder.stored(), rows(0, 200));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn a_run_that_is_left_at_once_leaves_no_display_behind() {
    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, _| {
        held.wait();
        Reply::ok()
    });
    let place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 200);
    let (terminal, child) = Terminal::start(&place, &format!("{WRITE} rows.jsonl"), 80, 24);
    recorder.wait_for(1);
    for shown in ["limited by", "stopping"] {
        crate::recorder::eventually(shown, || terminal.text().contains(shown));
        // One that comes at once after another is its echo.
        std::thread::sleep(std::time::Duration::from_millis(400));
        signal(&child, Signal::INT);
    }
    let status = crate::start::Ran::after(child).status;
    latch.open();
    let text = terminal.finish();
    assert_eq!(status, 130, "{text}");
    // The prompt of the shell begins on a line of its own.
    let end = "is sent again under the same id by the next run\r\n";
    assert!(text.ends_with(end), "{text:?}");
}

#[test]
fn colours_are_for_terminals_and_no_color_switches_them_off() {
    let mut place = Place::new();
    for (no_color, options, coloured) in [
        ("", "", true),
        ("1", "", false),
        ("1", "--color always", true),
        ("", "--color never", false),
    ] {
        place.set("NO_COLOR", no_color);
        let words = format!("status -t item {options} --state-dir none");
        let (terminal, mut child) = Terminal::start(&place, &words, 80, 24);
        assert_eq!(child.wait().unwrap().code(), Some(8));
        let seen = terminal.finish();
        assert!(seen.contains("error:"), "{seen}");
        assert_eq!(
            seen.contains('\u{1b}'),
            coloured,
            "{no_color:?} {options}: {seen}"
        );
    }
}
