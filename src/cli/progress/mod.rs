//! Progress while a run goes on: a display on a terminal, lines elsewhere, JSON lines for machines.
//!
//! One thread does all of it, ten times a second or when an event comes; it belongs to [`Progress`]
//! and is joined by [`Progress::finish`]. The run itself only hands over events, through a bounded
//! queue: when nobody takes the output the run waits instead of filling the memory.

mod bar;
mod event_text;
mod fold;
mod line_quota;
mod machine;
mod reporter;
mod screen;
mod timeline;
mod view;

pub use timeline::{Moment, Timeline};

use crate::cli::logging::SHOWN;
use crate::cli::printer::{Level, Printer};
use crate::upload::event::{Event, Gauges, Observer};
use event_text::event_text;
use reporter::Reporter;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How progress is shown. What `--progress auto` means has been decided before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Display {
    /// A few lines on a terminal that are drawn again and again.
    Bar,
    /// One line a minute and one on each change.
    Lines,
    /// Nothing for people; JSON lines are not affected.
    None,
}

/// Events that may wait for the thread.
const MAX_QUEUED_EVENTS: usize = 1024;
/// How often gauges are looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long the end of the display is waited for when a run is left at once.
const PATIENCE: Duration = Duration::from_secs(1);

enum Message {
    Event(Box<Event>),
    Status,
    Finish,
}

/// The thread that shows progress.
#[derive(Debug)]
pub struct Progress {
    sender: SyncSender<Message>,
    thread: JoinHandle<Timeline>,
}

/// What the run talks to; the clones all feed the same display.
#[derive(Debug, Clone)]
pub struct ProgressObserver(SyncSender<Message>);

impl Progress {
    /// Starts showing. Fails when the system has no thread to give.
    pub fn start(printer: Printer, display: Display, gauges: Arc<Gauges>) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(MAX_QUEUED_EVENTS);
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || show(&receiver, Reporter::new(printer, display, gauges)))?;
        Ok(Self { sender, thread })
    }

    /// An observer for the run.
    pub fn observer(&self) -> ProgressObserver {
        ProgressObserver(self.sender.clone())
    }

    /// Shows everything that is queued, takes the display off the screen, and ends the thread.
    /// Events that come later are dropped. Tells how the run went, unless the thread panicked.
    pub fn finish(self) -> Option<Timeline> {
        // A thread that is gone has nothing left to show.
        let _gone = self.sender.send(Message::Finish);
        self.thread.join().ok()
    }

    /// Takes the display off the screen for a run that is left at once, which a terminal that takes
    /// nothing cannot keep.
    pub fn leave(self) {
        let (ended, end) = sync_channel(1);
        let leaving = std::thread::Builder::new().spawn(move || {
            let _timeline = self.finish();
            let _gone = ended.send(());
        });
        if leaving.is_ok() {
            let _ended = end.recv_timeout(PATIENCE);
        }
    }
}

impl ProgressObserver {
    /// Prints one line that says how the run is going (SIGUSR1).
    pub fn print_status(&self) {
        let _gone = self.0.send(Message::Status);
    }
}

impl Observer for ProgressObserver {
    fn observe(&self, event: &Event) {
        log(event);
        let _gone = self.0.send(Message::Event(Box::new(event.clone())));
    }
}

/// Keeps what happens in the run's log. Rejected rows have a list of their own.
fn log(event: &Event) {
    if matches!(event, Event::Rejected { .. }) {
        return;
    }
    match event_text(event) {
        Some((Level::Error, text)) => tracing::error!(target: SHOWN, "{text}"),
        Some((Level::Warning, text)) => tracing::warn!(target: SHOWN, "{text}"),
        Some((Level::Info, text)) => tracing::info!(target: SHOWN, "{text}"),
        None => {}
    }
}

fn show(receiver: &Receiver<Message>, mut reporter: Reporter) -> Timeline {
    let mut next_tick = Instant::now();
    loop {
        let now = Instant::now();
        if now >= next_tick {
            reporter.tick(now);
            next_tick = now + TICK;
        }
        match receiver.recv_timeout(next_tick.saturating_duration_since(now)) {
            Ok(Message::Event(event)) => reporter.event(&event, Instant::now()),
            Ok(Message::Status) => reporter.status(Instant::now()),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    reporter.finish(Instant::now())
}

#[cfg(test)]
mod tests;
