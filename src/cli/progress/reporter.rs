//! Decides what is shown when: the display, the lines for people, the lines for machines.

use super::Display;
use super::bar::Bar;
use super::event_text::event_text;
use super::line_quota::LineQuota;
use super::machine::{event_line, progress_line};
use super::screen::size_of_terminal;
use super::timeline::{Recorder, Timeline};
use super::view::View;
use crate::cli::figure::grouped;
use crate::cli::printer::{Level, Printer, visible};
use crate::upload::event::{Event, Gauges};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Distance between two progress lines off a terminal.
const LINE_EVERY: Duration = Duration::from_secs(60);
/// Distance between two `progress` objects.
const OBJECT_EVERY: Duration = Duration::from_secs(10);

/// Shows one run.
pub(super) struct Reporter {
    printer: Printer,
    display: Display,
    gauges: Arc<Gauges>,
    begun: Instant,
    timeline: Recorder,
    view: View,
    bar: Option<Bar>,
    rejected: LineQuota,
    retries: LineQuota,
    last_line: Option<Instant>,
    last_object: Option<Instant>,
}

impl Reporter {
    pub(super) fn new(printer: Printer, display: Display, gauges: Arc<Gauges>) -> Self {
        let bar = (display == Display::Bar).then(|| Bar::new(&printer, size_of_terminal));
        Self {
            printer,
            display,
            gauges,
            begun: Instant::now(),
            timeline: Recorder::default(),
            view: View::default(),
            bar,
            rejected: LineQuota::default(),
            retries: LineQuota::default(),
            last_line: None,
            last_object: None,
        }
    }

    /// Something happened.
    pub(super) fn event(&mut self, event: &Event, now: Instant) {
        self.view.event(event);
        if let Some(line) = event_line(event) {
            self.printer.json_line(&line);
        }
        let within_quota = match event {
            Event::Rejected { .. } => self.rejected.take(now),
            Event::Retry { .. } => self.retries.take(now),
            _ => true,
        };
        // Without progress only what needs attention is said.
        let wanted = |level: Level| self.display != Display::None || level != Level::Info;
        if within_quota && let Some((level, text)) = event_text(event).filter(|(l, _)| wanted(*l)) {
            self.printer.message(level, &visible(&text));
        }
    }

    /// Time went by.
    pub(super) fn tick(&mut self, now: Instant) {
        self.view.sample(&self.gauges, now);
        let elapsed = now.saturating_duration_since(self.begun);
        self.timeline.note(&self.gauges, elapsed);
        let (rejected, retries) = (self.rejected.renew(now), self.retries.renew(now));
        self.withheld(rejected, retries);
        if let Some(bar) = &mut self.bar {
            bar.draw(self.view.frame(&self.gauges, now));
        }
        if self.display == Display::Lines && is_due(&mut self.last_line, LINE_EVERY, now) {
            self.status(now);
        }
        if self.printer.style().json && is_due(&mut self.last_object, OBJECT_EVERY, now) {
            let line = progress_line(&self.view, &self.gauges, now);
            self.printer.json_line(&line);
        }
    }

    /// Prints how the run is going.
    pub(super) fn status(&mut self, now: Instant) {
        let line = self.view.line(&self.gauges, now);
        self.printer.answer(&line);
    }

    /// The run is over; how it went.
    pub(super) fn finish(mut self, now: Instant) -> Timeline {
        let elapsed = now.saturating_duration_since(self.begun);
        self.timeline.note(&self.gauges, elapsed);
        let (rejected, retries) = (self.rejected.drain(), self.retries.drain());
        self.withheld(rejected, retries);
        if let Some(bar) = self.bar.take() {
            // Its lines end before the display does, or they would be drawn once more.
            drop(bar);
            self.printer.release_display();
        }
        self.timeline.end()
    }

    fn withheld(&self, rejected: Option<u64>, retries: Option<u64>) {
        if let Some(more) = rejected {
            let text = format!(
                "{} more rejected rows; `byteair-sync rejects list` shows them",
                grouped(more)
            );
            self.printer.message(Level::Warning, &text);
        }
        if let Some(more) = retries.filter(|_| self.display != Display::None) {
            let text = format!("{} more retries", grouped(more));
            self.printer.message(Level::Info, &text);
        }
    }
}

/// Whether so much time went by since the last time; the first time begins with the first question.
fn is_due(last: &mut Option<Instant>, every: Duration, now: Instant) -> bool {
    let since = *last.get_or_insert(now);
    let due = now.saturating_duration_since(since) >= every;
    if due {
        *last = Some(now);
    }
    due
}
