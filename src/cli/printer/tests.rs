//! What is printed, where, and in which form.

use super::*;

/// A writer whose content can be read back.
#[derive(Clone, Default)]
pub(in crate::cli) struct Capture(Arc<Mutex<Vec<u8>>>);

impl Capture {
    pub(in crate::cli) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A printer with what it wrote to standard output and standard error.
pub(in crate::cli) fn captured(style: PrintStyle) -> (Printer, Capture, Capture) {
    let (out, err) = (Capture::default(), Capture::default());
    let printer = Printer::new(style, Box::new(out.clone()), Box::new(err.clone()));
    (printer, out, err)
}

struct Closed(io::ErrorKind);

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_is_silent_and_a_full_disk_is_not() {
    for (kind, complaint) in [
        (io::ErrorKind::BrokenPipe, false),
        (io::ErrorKind::StorageFull, true),
    ] {
        let err = Capture::default();
        let printer = Printer::new(
            PrintStyle::default(),
            Box::new(Closed(kind)),
            Box::new(err.clone()),
        );
        printer.result("a");
        printer.result("b");
        assert_eq!(err.text().lines().count(), usize::from(complaint));
    }
}

#[test]
fn quiet_keeps_errors_and_results() {
    let (printer, out, err) = captured(PrintStyle {
        quiet: true,
        ..PrintStyle::default()
    });
    printer.message(Level::Info, "i");
    printer.message(Level::Warning, "w");
    printer.message(Level::Error, "e");
    printer.result("r\n");
    assert_eq!(err.text(), "error: e\n");
    assert_eq!(out.text(), "r\n");
}

#[test]
fn a_failure_ends_json_output_with_a_summary() {
    let (printer, out, err) = captured(PrintStyle {
        json: true,
        ..PrintStyle::default()
    });
    printer.failure(Status::Usage, "no host");
    let lines: Vec<serde_json::Value> = out
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["type"], "error");
    assert_eq!(lines[0]["message"], "no host");
    assert_eq!(lines[1]["type"], "summary");
    assert_eq!(lines[1]["exit_status"], 2);
    assert_eq!(err.text(), "error: no host\n");
}

#[test]
fn messages_can_be_json_or_coloured() {
    let (printer, _, err) = captured(PrintStyle {
        json_messages: true,
        ..PrintStyle::default()
    });
    printer.message(Level::Warning, "w");
    let value: serde_json::Value = serde_json::from_str(&err.text()).unwrap();
    assert_eq!(
        (&value["level"], &value["message"]),
        (&"warning".into(), &"w".into())
    );
    let (printer, _, err) = captured(PrintStyle {
        color: true,
        ..PrintStyle::default()
    });
    printer.message(Level::Error, "e");
    assert_eq!(err.text(), "\u{1b}[1;31merror:\u{1b}[0m e\n");
}

#[test]
fn what_comes_from_outside_cannot_steer_the_terminal() {
    let (printer, _, err) = captured(PrintStyle::default());
    printer.message(Level::Warning, "rejected a\u{1b}[2Jb\r.csv:1\n\tdetails");
    assert_eq!(
        err.text(),
        "warning: rejected a\\u{1b}[2Jb\\r.csv:1\n\tdetails\n"
    );
}

#[test]
fn an_answer_is_given_also_when_quiet() {
    let (printer, _, err) = captured(PrintStyle {
        quiet: true,
        ..PrintStyle::default()
    });
    printer.answer("42%");
    assert_eq!(err.text(), "42%\n");
}

#[test]
fn a_failure_is_one_line_whatever_it_names() {
    let (printer, _, err) = captured(PrintStyle::default());
    printer.failure(Status::BadInput, "a\nerror: forged\u{202e}\u{9b}1m.jsonl");
    assert_eq!(
        err.text(),
        "error: a\\nerror: forged\\u{202e}\\u{9b}1m.jsonl\n"
    );
}
