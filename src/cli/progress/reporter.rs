//! Decides what is shown when: the display, the lines for people, the lines for machines.

use super::Display;
use super::bar::Bar;
use super::event_text::event_text;
use super::line_quota::{LineQuota, WINDOW};
use super::machine::{event_line, progress_line};
use super::screen::size_of_terminal;
use super::timeline::{Recorder, Timeline};
use super::view::View;
use crate::cli::figure::grouped;
use crate::cli::printer::{Level, Printer, visible};
use crate::upload::event::{Event, Gauges};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Distance between two progress lines off a terminal: in the first half hour, up to two hours, and
/// from then on.
const LINE_EVERY: [(Duration, Duration); 3] = [
    (Duration::from_secs(30 * 60), Duration::from_secs(60)),
    (
        Duration::from_secs(2 * 60 * 60),
        Duration::from_secs(2 * 60),
    ),
    (Duration::MAX, Duration::from_secs(5 * 60)),
];
/// Most lines at once, and later on in two hours: about rows that were rejected and attempts that failed together, about
/// things to notice, about dates that begin and are done.
const EVENT_LINES: (u32, u32) = (6, 6);
const WARNING_LINES: (u32, u32) = (6, 2);
const DATE_LINES: (u32, u32) = (8, 4);
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
    events: LineQuota,
    warnings: LineQuota,
    dates: LineQuota,
    withheld: Withheld,
    /// When it was said last how many lines were not printed.
    told: Option<Instant>,
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
            events: quota(EVENT_LINES),
            warnings: quota(WARNING_LINES),
            dates: quota(DATE_LINES),
            withheld: Withheld::default(),
            told: None,
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
        // Without progress only what needs attention is said.
        let wanted = |level: Level| self.display != Display::None || level != Level::Info;
        let Some((level, text)) = event_text(event).filter(|(level, _)| wanted(*level)) else {
            return;
        };
        let line = (level, visible(&text).into_owned());
        if let Some((level, text)) = self.within_quota(event, line, now) {
            self.printer.message(level, &text);
        }
    }

    /// The line, if it may be printed now.
    fn within_quota(&mut self, event: &Event, line: Line, now: Instant) -> Option<Line> {
        let (quota, kind) = match event {
            Event::Rejected { .. } => (&mut self.events, &mut self.withheld.rejected),
            Event::Retry { .. } => (&mut self.events, &mut self.withheld.retries),
            Event::Warning(_) => (&mut self.warnings, &mut self.withheld.warnings),
            Event::Started { .. } | Event::Done { .. } => {
                (&mut self.dates, &mut self.withheld.dates)
            }
            _ => return Some(line),
        };
        if quota.take(now) {
            return Some(line);
        }
        kind.count = kind.count.saturating_add(1);
        kind.last = Some(line);
        None
    }

    /// Time went by.
    pub(super) fn tick(&mut self, now: Instant) {
        self.view.sample(&self.gauges, now);
        let elapsed = now.saturating_duration_since(self.begun);
        self.timeline.note(&self.gauges, elapsed);
        if is_due(&mut self.told, WINDOW, now) {
            self.tell_withheld();
        }
        if let Some(bar) = &mut self.bar {
            bar.draw(self.view.frame(&self.gauges, now, bar.width()));
        }
        let every = distance(elapsed);
        if self.display == Display::Lines && is_due(&mut self.last_line, every, now) {
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
        self.tell_withheld();
        if let Some(bar) = self.bar.take() {
            // Its lines end before the display does, or they would be drawn once more.
            drop(bar);
            self.printer.release_display();
        }
        self.timeline.end()
    }

    /// Says how many lines there would have been besides; a single one is printed itself.
    fn tell_withheld(&mut self) {
        let Withheld {
            rejected,
            retries,
            warnings,
            dates,
        } = std::mem::take(&mut self.withheld);
        let lines = [
            (
                Level::Warning,
                rejected,
                "more rejected rows; `byteair-sync rejects list` shows them",
            ),
            (
                Level::Warning,
                warnings,
                "more warnings; the run's log has them",
            ),
            (Level::Info, retries, "more retries"),
            (
                Level::Info,
                dates,
                "more messages about uploads and done; the summary has what became of them",
            ),
        ];
        for (level, more, what) in lines {
            let (level, text) = match (more.count, more.last) {
                (1, Some(only)) => only,
                (0, _) => continue,
                (count, _) => (level, format!("{} {what}", grouped(count))),
            };
            self.printer.message(level, &text);
        }
    }
}

/// A line for people, with how loud it is.
type Line = (Level, String);

/// Lines that were not printed.
#[derive(Debug, Default)]
struct Withheld {
    rejected: Hidden,
    retries: Hidden,
    warnings: Hidden,
    dates: Hidden,
}

/// Those of one kind.
#[derive(Debug, Default)]
struct Hidden {
    count: u64,
    last: Option<Line>,
}

/// The distance between two progress lines after so much time.
fn distance(elapsed: Duration) -> Duration {
    let mut steps = LINE_EVERY.iter();
    let step = steps.find(|(until, _)| elapsed < *until);
    step.map_or(Duration::MAX, |(_, every)| *every)
}

fn quota((at_once, later): (u32, u32)) -> LineQuota {
    LineQuota::new(at_once, later)
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
