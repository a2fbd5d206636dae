//! What a progress display shows, made from events and gauges; pure but for the numbers it is given.
//!
//! The rate and the time left come from the last minute, so that they follow a server that slows
//! down. A percentage never claims the end before the last byte is settled.

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
/// Cells of the drawn bar.
const BAR_CELLS: u64 = 30;

/// State of a display.
#[derive(Debug, Default)]
pub(super) struct View {
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
                what,
                has_dates,
                bytes_total,
                bytes_of_others,
                ..
            } => {
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

    /// The display of a terminal: four lines, one more when something was withheld.
    pub(super) fn frame(&self, gauges: &Gauges, now: Instant) -> Vec<String> {
        let phase = self.phase(gauges);
        let mut lines = vec![
            format!("{phase} {}", self.what).trim_end().to_owned(),
            self.bar(gauges),
            rows_text(gauges),
            format!("{}{}", self.speed(gauges, now), self.gate()),
        ];
        if self.done_withheld > 0 {
            lines.push(format!("done withheld for {}", self.last_withheld));
        }
        lines
    }

    /// The same in one line, for logs and SIGUSR1.
    pub(super) fn line(&self, gauges: &Gauges, now: Instant) -> String {
        let mut parts = vec![
            format!("{} {}", self.phase(gauges), self.what)
                .trim_end()
                .to_owned(),
        ];
        parts.extend(self.percent(gauges).map(|percent| format!("{percent}%")));
        parts.push(rows_text(gauges));
        parts.push(format!("{}{}", self.speed(gauges, now), self.gate()));
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

    fn speed(&self, gauges: &Gauges, now: Instant) -> String {
        let rate = grouped(self.rows_per_second(gauges, now));
        let limit = limit_text(gauges.limiting());
        let left = match self.time_left(gauges, now) {
            Some(left) if !left.is_zero() => format!(", {} left", time(left)),
            _ => String::new(),
        };
        format!("{rate} rows/s, limited by {limit}{left}")
    }

    fn gate(&self) -> String {
        match (self.done_sent, self.done_withheld) {
            (0, 0) if self.has_dates => "; done waits for the last row".to_owned(),
            (0, 0) => String::new(),
            (sent, 0) => format!("; done for {}", grouped(sent)),
            (sent, withheld) => format!(
                "; done for {}, withheld for {}",
                grouped(sent),
                grouped(withheld)
            ),
        }
    }
}

fn rows_text(gauges: &Gauges) -> String {
    let get = |gauge| grouped(Gauges::get(gauge));
    let optional = |gauge, before: &str, after: &str| match Gauges::get(gauge) {
        0 => String::new(),
        rows => format!("{before}{} {after}", grouped(rows)),
    };
    format!(
        "rows: {} read, {} accepted{}, {} rejected, {} in flight{}{}",
        get(&gauges.rows_read),
        get(&gauges.rows_accepted),
        optional(&gauges.rows_unconfirmed, ", ", "unconfirmed"),
        get(&gauges.rows_rejected),
        get(&gauges.rows_in_flight),
        optional(&gauges.rows_before, " (", "before this run)"),
        match Gauges::get(&gauges.retries) {
            0 => String::new(),
            retries => format!(", {}", counted(retries, "retry", "retries")),
        },
    )
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
