//! What a progress display shows, made from events and gauges; pure but for the numbers it is given.
//!
//! The rate and the time left come from the last minute, so that they follow a server that slows
//! down. A percentage never claims the end before the last byte is settled.

use super::fold::folded;
use crate::cli::figure::{counted, grouped, per_second, size, time};
use crate::upload::event::{DoneOutcome, Event, Gauges, Limiting};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Stretch of time that the rate and the time left are taken from.
const WINDOW: Duration = Duration::from_secs(60);
/// Distance between two samples: sixty of them are kept.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Share of the bytes that is settled when the last rows are on their way.
const LAST_ROWS_PERCENT: u64 = 95;
/// Most lines of a display (`cli.md` section 7).
const MAX_LINES: usize = 6;
/// Cells of the drawn bar.
const BAR_CELLS: u64 = 30;

/// State of a display.
#[derive(Debug, Default)]
pub(super) struct View {
    /// Which upload of how many this is, in a run of several.
    place: Option<String>,
    what: String,
    /// Whether the upload is of dates, which get a `done`.
    has_dates: bool,
    bytes_total: Option<u64>,
    /// Settled bytes of uploads before this one.
    bytes_of_others: u64,
    /// Dates of this upload whose `done` is decided.
    decided: u64,
    stopping: bool,
    done_sent: u64,
    done_withheld: u64,
    last_withheld: String,
    samples: VecDeque<Sample>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    rows: u64,
    bytes: u64,
}

impl View {
    /// Notes a change.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Started {
                place,
                what,
                has_dates,
                bytes_total,
                bytes_of_others,
                ..
            } => {
                self.place.clone_from(place);
                self.what.clone_from(what);
                self.has_dates = *has_dates;
                self.bytes_total = *bytes_total;
                self.bytes_of_others = *bytes_of_others;
                self.decided = 0;
            }
            Event::Stopping { .. } => self.stopping = true,
            Event::Done {
                partition,
                outcome,
                why,
            } => match outcome {
                DoneOutcome::Sent | DoneOutcome::Already | DoneOutcome::Unconfirmed => {
                    self.decided += 1;
                    self.done_sent += 1;
                }
                DoneOutcome::Withheld | DoneOutcome::Unknown => {
                    self.decided += 1;
                    self.done_withheld += 1;
                    self.last_withheld = format!("{partition}: {why}");
                }
                DoneOutcome::NotApplicable => {}
            },
            _ => {}
        }
    }

    /// Takes a sample when it is time for one.
    pub(super) fn sample(&mut self, gauges: &Gauges, now: Instant) {
        let due = self
            .samples
            .back()
            .is_none_or(|last| now.saturating_duration_since(last.at) >= SAMPLE_EVERY);
        if !due {
            return;
        }
        self.samples.push_back(Sample {
            at: now,
            rows: rows_stored(gauges),
            bytes: bytes_of_this_run(gauges),
        });
        while self
            .samples
            .front()
            .is_some_and(|first| now.saturating_duration_since(first.at) > WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// The display of a terminal of so many columns: four lines, one more when something was withheld,
    /// and more where numbers are long. What there is no room for is the rows of earlier runs, which
    /// the bar shows as well, and then the reason of what was withheld, which scrolls above.
    pub(super) fn frame(&self, gauges: &Gauges, now: Instant, width: u16) -> Vec<String> {
        let (all, fewer) = (rows_parts(gauges, true), rows_parts(gauges, false));
        let speed = self.speed_parts(gauges, now);
        let apart = |rows: &[String]| [folded(rows, width), folded(&speed, width)].concat();
        let together = || folded(&followed(fewer.clone(), speed.clone()), width);
        let mut lines = self.around(apart(&all), gauges);
        if lines.len() > MAX_LINES {
            lines = self.around(apart(&fewer), gauges);
        }
        if lines.len() > MAX_LINES {
            lines = self.around(together(), gauges);
        }
        lines.truncate(MAX_LINES);
        lines
    }

    fn around(&self, numbers: Vec<String>, gauges: &Gauges) -> Vec<String> {
        let mut lines = vec![self.head(gauges), self.bar(gauges)];
        lines.extend(numbers);
        if self.done_withheld > 0 {
            lines.push(format!("done withheld for {}", self.last_withheld));
        }
        lines
    }

    /// The same in one line, for logs and SIGUSR1.
    pub(super) fn line(&self, gauges: &Gauges, now: Instant) -> String {
        let mut parts = vec![self.head(gauges)];
        parts.extend(self.percent(gauges).map(|percent| format!("{percent}%")));
        parts.push(rows_parts(gauges, true).join(" "));
        parts.push(self.speed_parts(gauges, now).join(" "));
        parts.join("; ")
    }

    /// Share of the bytes that are settled; 100 only when all of them are and nothing is on its way.
    pub(super) fn percent(&self, gauges: &Gauges) -> Option<u64> {
        let total = self.bytes_total.filter(|total| *total > 0)?;
        let settled = self.settled(gauges).min(total);
        let percent = u64::try_from(u128::from(settled) * 100 / u128::from(total)).unwrap_or(0);
        let under_way = Gauges::get(&gauges.requests_in_flight) > 0
            || Gauges::get(&gauges.batches_unsettled) > 0;
        Some(if under_way { percent.min(99) } else { percent })
    }

    /// Rows stored a second over the last minute.
    pub(super) fn rows_per_second(&self, gauges: &Gauges, now: Instant) -> u64 {
        self.samples.front().map_or(0, |first| {
            per_second(
                rows_stored(gauges).saturating_sub(first.rows),
                now.saturating_duration_since(first.at),
            )
        })
    }

    /// Time left at the pace of the last minute; `None` when there is no pace or no known end.
    pub(super) fn time_left(&self, gauges: &Gauges, now: Instant) -> Option<Duration> {
        let first = self.samples.front()?;
        let settled = self.settled(gauges);
        let left = self.bytes_total?.saturating_sub(settled);
        let pace = per_second(
            bytes_of_this_run(gauges).saturating_sub(first.bytes),
            now.saturating_duration_since(first.at),
        );
        left.checked_div(pace).map(Duration::from_secs)
    }

    /// Settled bytes of this upload, of all runs.
    fn settled(&self, gauges: &Gauges) -> u64 {
        let settled = Gauges::get(&gauges.bytes_settled);
        settled.saturating_sub(self.bytes_of_others)
    }

    /// Which upload of how many, what it does, and of what.
    fn head(&self, gauges: &Gauges) -> String {
        let place = self.place.as_ref();
        let place = place.map_or_else(String::new, |place| format!("{place}: "));
        let text = format!("{place}{} {}", self.phase(gauges), self.what);
        text.trim_end().to_owned()
    }

    fn phase(&self, gauges: &Gauges) -> &'static str {
        // Small inputs are read long before they are sent, so reading alone says little.
        let nearly_settled = self
            .percent(gauges)
            .is_some_and(|percent| percent >= LAST_ROWS_PERCENT);
        if self.stopping {
            "stopping"
        } else if self.what.is_empty() {
            "planning"
        } else if self.decided > 0 {
            "finishing"
        } else if nearly_settled {
            "uploading the last rows of"
        } else {
            "uploading"
        }
    }

    fn bar(&self, gauges: &Gauges) -> String {
        let settled = size(self.settled(gauges));
        let Some((percent, total)) = self.percent(gauges).zip(self.bytes_total) else {
            return format!("{settled} settled");
        };
        let filled = percent * BAR_CELLS / 100;
        let cells: String = (0..BAR_CELLS)
            .map(|cell| if cell < filled { '#' } else { '.' })
            .collect();
        format!("[{cells}] {percent}% of {}", size(total))
    }

    /// Rate, limit, time left and the state of `done`.
    fn speed_parts(&self, gauges: &Gauges, now: Instant) -> Vec<String> {
        let mut speed = vec![
            format!("{} rows/s", grouped(self.rows_per_second(gauges, now))),
            format!("limited by {}", limit_text(gauges.limiting())),
        ];
        let left = self.time_left(gauges, now).filter(|left| !left.is_zero());
        speed.extend(left.map(|left| format!("{} left", time(left))));
        followed(listed(speed), self.gate().into_iter().collect())
    }

    fn gate(&self) -> Option<String> {
        match (self.done_sent, self.done_withheld) {
            (0, 0) if self.has_dates => Some("done waits for the last row".to_owned()),
            (0, 0) => None,
            (sent, 0) => Some(format!("done for {}", grouped(sent))),
            (sent, withheld) => Some(format!(
                "done for {}, withheld for {}",
                grouped(sent),
                grouped(withheld)
            )),
        }
    }
}

/// The rows of this run, and those of earlier ones if they are wanted.
fn rows_parts(gauges: &Gauges, with_earlier: bool) -> Vec<String> {
    let rows = |gauge, what: &str| format!("{} {what}", grouped(Gauges::get(gauge)));
    let some = |gauge, what: &str| (Gauges::get(gauge) > 0).then(|| rows(gauge, what));
    let mut parts = vec![
        format!("rows: {}", rows(&gauges.rows_read, "read")),
        rows(&gauges.rows_accepted, "accepted"),
    ];
    parts.extend(some(&gauges.rows_unconfirmed, "unconfirmed"));
    parts.push(rows(&gauges.rows_rejected, "rejected"));
    parts.push(rows(&gauges.rows_in_flight, "in flight"));
    let retries = Gauges::get(&gauges.retries);
    parts.extend((retries > 0).then(|| counted(retries, "retry", "retries")));
    if with_earlier {
        parts.extend(some(&gauges.rows_before, "before this run"));
    }
    listed(parts)
}

/// Statements and, behind a semicolon, others.
fn followed(mut parts: Vec<String>, others: Vec<String>) -> Vec<String> {
    if let Some(last) = parts.last_mut().filter(|_| !others.is_empty()) {
        last.push(';');
    }
    parts.extend(others);
    parts
}

/// Statements with a comma behind all but the last.
fn listed(mut parts: Vec<String>) -> Vec<String> {
    let commas = parts.len().saturating_sub(1);
    for part in parts.iter_mut().take(commas) {
        part.push(',');
    }
    parts
}

/// What earlier runs settled is no pace.
fn bytes_of_this_run(gauges: &Gauges) -> u64 {
    let settled = Gauges::get(&gauges.bytes_settled);
    settled.saturating_sub(Gauges::get(&gauges.bytes_before))
}

fn rows_stored(gauges: &Gauges) -> u64 {
    Gauges::get(&gauges.rows_accepted) + Gauges::get(&gauges.rows_unconfirmed)
}

/// The word for what holds the upload back.
pub(super) const fn limit_text(limiting: Limiting) -> &'static str {
    match limiting {
        Limiting::Reading => "reading",
        Limiting::RequestRate => "requests/s",
        Limiting::RowRate => "rows/s",
        Limiting::Server => "server",
        Limiting::Network => "network",
    }
}
