//! The only file that prints: results to standard output, messages to standard error.
//!
//! It decides what `--quiet`, `--json`, `--log-format` and `--color` mean. A reader that closes
//! standard output early (`| head`) is no error; the rest of the output is dropped. Output that
//! cannot be written for another reason is told and makes the command fail ([`Printer::end`]).
//! While a progress display is on the screen, lines are written above it.

use super::json_line::JsonLine;
use super::summary;
use crate::text::printable;
pub use crate::text::visible;
use crate::upload::report::{Status, Summary};
use indicatif::MultiProgress;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What may be printed and in which form.
#[derive(Debug, Clone, Copy, Default)]
pub struct PrintStyle {
    /// Only errors and the summary of a failure.
    pub quiet: bool,
    /// JSON lines on standard output instead of text.
    pub json: bool,
    /// JSON messages on standard error.
    pub json_messages: bool,
    /// Coloured labels on standard error.
    pub color: bool,
}

/// How serious a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// News.
    Info,
    /// Something to notice.
    Warning,
    /// Something went wrong.
    Error,
}

/// A handle to the terminal, the same for all its clones.
#[derive(Clone)]
pub struct Printer {
    style: PrintStyle,
    sinks: Arc<Mutex<Sinks>>,
}

struct Sinks {
    out: Box<dyn Write + Send>,
    out_closed: bool,
    out_lost: bool,
    err: Box<dyn Write + Send>,
    display: Option<MultiProgress>,
}

impl Printer {
    /// Prints to the process's own standard output and standard error.
    pub fn of_process(style: PrintStyle) -> Self {
        Self::new(style, Box::new(io::stdout()), Box::new(io::stderr()))
    }

    /// Prints to the given writers.
    pub fn new(style: PrintStyle, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Self {
        Self {
            style,
            sinks: Arc::new(Mutex::new(Sinks {
                out,
                out_closed: false,
                out_lost: false,
                err,
                display: None,
            })),
        }
    }

    /// Whether standard error is a terminal.
    pub fn has_terminal() -> bool {
        io::stderr().is_terminal()
    }

    /// What may be printed.
    pub const fn style(&self) -> PrintStyle {
        self.style
    }

    /// Prints lines of a result, also when quiet: somebody asked for them.
    pub fn result(&self, text: &str) {
        self.output(|out| write_line(out, text));
    }

    /// Prints a part of a result as it is, line ends included; it need not be text.
    pub fn bytes(&self, bytes: &[u8]) {
        self.output(|out| out.write_all(bytes));
    }

    /// Writes out what waits to be written; tells whether none of the output was lost.
    pub fn flush(&self) -> bool {
        self.output(|out| out.flush());
        !self.lock().out_lost
    }

    /// The status of a command that ends: output that is lost is no success.
    pub fn end(&self, status: Status) -> Status {
        if self.flush() {
            status
        } else {
            status.worst(Status::Temporary)
        }
    }

    /// Prints one JSON object as a line of standard output, when `--json` asks for it.
    pub fn json_line(&self, value: &impl serde::Serialize) {
        if !self.style.json {
            return;
        }
        // Objects of our own making always have text keys, so this cannot fail.
        if let Ok(text) = serde_json::to_string(value) {
            self.result(&text);
        }
    }

    /// Prints a message for people.
    pub fn message(&self, level: Level, text: &str) {
        if !self.style.quiet || level == Level::Error {
            self.say(level, text);
        }
    }

    /// Prints a message that somebody asked for, also when quiet.
    pub fn answer(&self, text: &str) {
        self.say(Level::Info, text);
    }

    fn say(&self, level: Level, text: &str) {
        let line = if self.style.json_messages {
            json_message(level, text)
        } else {
            text_message(level, &printable(text), self.style.color)
        };
        self.above_display(|sinks| sinks.write_err(&line));
    }

    /// Prints a line of the run's log as it is.
    pub fn log_line(&self, line: &str) {
        self.above_display(|sinks| sinks.write_err(line));
    }

    /// Ends a run: the summary as the last JSON line, or as text; nothing when quiet and all is well.
    pub fn summary(&self, story: &Summary, rows_this_run: u64) {
        if self.style.json {
            self.json_line(&summary::for_machines(story));
        } else if !self.style.quiet || story.status != Status::Success || !story.problems.is_empty()
        {
            self.result(&summary::for_people(story, rows_this_run));
        }
    }

    /// Ends a command that failed before there was anything to sum up. The text is one line: names
    /// in it cannot break it.
    pub fn failure(&self, status: Status, text: &str) {
        self.message(Level::Error, &visible(text));
        self.failure_lines(status, text);
    }

    /// Ends a command whose arguments make no sense; the text has lines of its own.
    pub fn refusal(&self, status: Status, text: &str) {
        self.message(Level::Error, text);
        self.failure_lines(status, text);
    }

    fn failure_lines(&self, status: Status, text: &str) {
        let fields = serde_json::json!({"message": text, "exit_status": status.code()});
        self.json_line(&JsonLine::new("error", fields));
        self.json_line(&summary::for_machines(&summary::of_failure(status, text)));
    }

    /// Puts a progress display on the screen; lines go above it until [`Self::release_display`].
    pub(super) fn claim_display(&self, display: MultiProgress) {
        self.lock().display = Some(display);
    }

    /// Writes what the display draws, escapes and all, without a line end.
    pub(super) fn draw(&self, text: &str) {
        let mut sinks = self.lock();
        // A terminal that is gone shows nothing, and nobody is looking at it.
        let _gone = sinks.err.write_all(text.as_bytes());
        let _gone = sinks.err.flush();
    }

    /// Takes the progress display off the screen.
    pub(super) fn release_display(&self) {
        let display = self.lock().display.take();
        if let Some(display) = display {
            // A terminal that is gone cannot be cleared, and nobody is looking at it.
            let _gone = display.clear();
        }
    }

    fn output(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        let mut lost = None;
        self.above_display(|sinks| lost = sinks.write_out(write));
        if let Some(error) = lost {
            let text = format!("cannot write to standard output, the rest of it is lost: {error}");
            self.message(Level::Error, &text);
        }
    }

    fn above_display(&self, write: impl FnOnce(&mut Sinks)) {
        let display = self.lock().display.clone();
        match display {
            Some(display) => display.suspend(|| write(&mut self.lock())),
            None => write(&mut self.lock()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sinks> {
        // A panic elsewhere leaves the writers usable, and its message still has to get out.
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sinks {
    /// The error with which output begins to be lost.
    fn write_out(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Option<io::Error> {
        if self.out_closed {
            return None;
        }
        let written = write(&mut self.out);
        if let Err(error) = written {
            self.out_closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.out_lost = true;
                return Some(error);
            }
        }
        None
    }

    fn write_err(&mut self, text: &str) {
        // There is no place left to complain about standard error.
        let _lost = write_line(&mut self.err, text);
    }
}

fn write_line(sink: &mut dyn Write, text: &str) -> io::Result<()> {
    let mut line = String::with_capacity(text.len() + 1);
    line.push_str(text.trim_end_matches('\n'));
    line.push('\n');
    sink.write_all(line.as_bytes())?;
    sink.flush()
}

fn text_message(level: Level, text: &str, color: bool) -> String {
    let (label, code) = match level {
        Level::Info => return text.to_owned(),
        Level::Warning => ("warning:", 33),
        Level::Error => ("error:", 31),
    };
    if color {
        format!("\u{1b}[1;{code}m{label}\u{1b}[0m {text}")
    } else {
        format!("{label} {text}")
    }
}

fn json_message(level: Level, text: &str) -> String {
    let level = match level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    let time = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    serde_json::json!({"time": time, "level": level, "message": text}).to_string()
}

#[cfg(test)]
pub(in crate::cli) mod tests;
