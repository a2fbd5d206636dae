//! A server that suddenly gives less, and perhaps more again.
//!
//! Half a minute after the drop fewer than 2% of the requests may be refused, and at least 90% of
//! what the server gives must be used.

use crate::arrivals::{Arrival, stretch};
use crate::receiver::{Plan, Receiver, Step};
use crate::upload::{Load, Place};
use std::io;
use std::time::Duration;

/// Seconds between the drop and the stretch that counts.
const SETTLING: f64 = 30.0;
const ROWS: u32 = 9_000_000;
const ROW_BYTES: usize = 60;

/// One server.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    batch: u64,
    latency: (u64, u64),
    /// Limits after the drop.
    rows: u64,
    requests: u64,
    fixed_seconds: bool,
    retry_after: Option<u32>,
    /// Seconds after the drop until everything is given again.
    recovers: Option<f64>,
}

const USUAL: Case = Case {
    name: "15,000 rows/s",
    batch: 10_000,
    latency: (5, 5),
    rows: 15_000,
    requests: 100,
    fixed_seconds: false,
    retry_after: None,
    recovers: None,
};

pub(crate) const CASES: [Case; 16] = [
    USUAL,
    Case {
        name: "15,000 rows/s, 200 ms",
        latency: (200, 200),
        ..USUAL
    },
    Case {
        name: "15,000 rows/s, 2 s",
        latency: (2_000, 2_000),
        ..USUAL
    },
    Case {
        name: "15,000 rows/s, 300-row batches",
        batch: 300,
        ..USUAL
    },
    Case {
        name: "15,000 rows/s, 300-row batches, 2 s",
        batch: 300,
        latency: (2_000, 2_000),
        ..USUAL
    },
    Case {
        name: "3,000 rows/s",
        rows: 3_000,
        ..USUAL
    },
    Case {
        name: "3,000 rows/s, 2 s",
        rows: 3_000,
        latency: (2_000, 2_000),
        ..USUAL
    },
    Case {
        name: "3,000 rows/s, 300-row batches",
        rows: 3_000,
        batch: 300,
        ..USUAL
    },
    Case {
        name: "45,000 rows/s",
        rows: 45_000,
        ..USUAL
    },
    Case {
        name: "20 requests/s, 300-row batches",
        batch: 300,
        rows: 50_000,
        requests: 20,
        ..USUAL
    },
    Case {
        name: "20 requests/s, one-row batches",
        batch: 1,
        rows: 50_000,
        requests: 20,
        ..USUAL
    },
    Case {
        name: "20 requests/s, one row, 200 ms",
        batch: 1,
        rows: 50_000,
        requests: 20,
        latency: (200, 200),
        ..USUAL
    },
    Case {
        name: "15,000 rows/s in fixed seconds",
        fixed_seconds: true,
        ..USUAL
    },
    Case {
        name: "15,000 rows/s, Retry-After: 1",
        retry_after: Some(1),
        ..USUAL
    },
    Case {
        name: "15,000 rows/s for 40 s, then 50,000",
        recovers: Some(40.0),
        ..USUAL
    },
    Case {
        name: "3,000 rows/s for 40 s, then 50,000",
        rows: 3_000,
        recovers: Some(40.0),
        ..USUAL
    },
];

/// What came of one run.
pub(crate) struct Figures {
    /// Percent of what the server gave that was used.
    pub(crate) used: f64,
    /// Percent of the requests that were refused.
    pub(crate) refused: f64,
    /// Seconds from the recovery until 95% is used again.
    pub(crate) back: Option<f64>,
    pub(crate) load: f64,
    pub(crate) arrivals: Vec<Arrival>,
}

impl Case {
    /// Runs it with the drop at this moment and so many seconds watched after it.
    pub(crate) fn run(&self, place: &Place, drop_at: f64, watched: f64) -> io::Result<Figures> {
        let mut steps: Vec<Step> = vec![(0.0, 50_000, 100), (drop_at, self.rows, self.requests)];
        if let Some(after) = self.recovers {
            steps.push((drop_at + after, 50_000, 100));
        }
        let milli = Duration::from_millis;
        let receiver = Receiver::start(Plan {
            steps,
            latency: (milli(self.latency.0), milli(self.latency.1)),
            fixed_seconds: self.fixed_seconds,
            retry_after: self.retry_after,
        })?;
        let file = place.rows('a', ROWS, ROW_BYTES)?;
        let load = Load::begin();
        let end = drop_at + watched;
        let batch = self.batch.to_string();
        let mut upload = place.start(&receiver, &file, &["--batch-rows", &batch])?;
        upload.watch(&receiver, end)?;
        let arrivals = receiver.arrivals();
        drop(upload);
        let until = self.recovers.map_or(end, |after| drop_at + after);
        let from = (drop_at + SETTLING).min(until - 5.0);
        let sum = stretch(&arrivals, from, until);
        let given = self.rows.min(self.requests * self.batch) as f64 * (until - from);
        Ok(Figures {
            used: 100.0 * sum.rows_taken as f64 / given,
            refused: 100.0 * sum.refused as f64 / sum.requests.max(1) as f64,
            back: self.recovers.map(|_| back_after(&arrivals, until, end)),
            load: load.percent(),
            arrivals,
        })
    }
}

/// Seconds until five seconds come that use 95% of the whole quota.
fn back_after(arrivals: &[Arrival], recovered: f64, end: f64) -> f64 {
    let starts = (0..).map(|second| recovered + f64::from(second));
    let mut possible = starts.take_while(|from| from + 5.0 <= end);
    let back = possible.find(|from| {
        stretch(arrivals, *from, from + 5.0).rows_taken as f64 >= 0.95 * 50_000.0 * 5.0
    });
    back.map_or(f64::INFINITY, |from| from - recovered)
}

/// Makes the data.
pub(crate) fn prepare(place: &Place) -> io::Result<()> {
    place.rows('a', ROWS, ROW_BYTES).map(drop)
}
