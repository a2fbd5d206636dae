//! One upload at the default limits.
//!
//! Between the first and the last write at least 98.5% of the quota are used, of rows with full
//! batches and of requests with small ones, whatever the latency, and no second holds more.

use crate::arrivals::{fullest_second, narrowest, steady_rate};
use crate::receiver::{Plan, Receiver};
use crate::upload::{Load, Place};
use std::io;
use std::time::Duration;

const ROW_BYTES: usize = 333;

/// One upload.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    batch: u32,
    latency: (u64, u64),
}

pub(crate) const CASES: [Case; 6] = [
    Case {
        name: "10,000-row batches",
        batch: 10_000,
        latency: (0, 0),
    },
    Case {
        name: "10,000-row batches, 2 s",
        batch: 10_000,
        latency: (2_000, 2_000),
    },
    Case {
        name: "10,000-row batches, 20..800 ms",
        batch: 10_000,
        latency: (20, 800),
    },
    Case {
        name: "300-row batches",
        batch: 300,
        latency: (0, 0),
    },
    Case {
        name: "300-row batches, 2 s",
        batch: 300,
        latency: (2_000, 2_000),
    },
    Case {
        name: "300-row batches, 20..800 ms",
        batch: 300,
        latency: (20, 800),
    },
];

/// What came of one run.
pub(crate) struct Figures {
    /// Percent of the quota that was used.
    pub(crate) used: f64,
    pub(crate) fullest: (u64, u64),
    /// Milliseconds beyond a second in which a quota was exceeded.
    pub(crate) narrowest: f64,
    pub(crate) processor: f64,
    pub(crate) memory: f64,
    pub(crate) load: f64,
    pub(crate) complete: bool,
}

impl Case {
    /// Uploads so many rows.
    pub(crate) fn run(&self, place: &Place, rows: u32, guard: &str) -> io::Result<Figures> {
        let milli = Duration::from_millis;
        let receiver = Receiver::start(Plan {
            latency: (milli(self.latency.0), milli(self.latency.1)),
            ..Plan::open()
        })?;
        let file = place.rows('f', rows, ROW_BYTES)?;
        let load = Load::begin();
        let batch = self.batch.to_string();
        let options = ["--batch-rows", &batch, "--rate-guard", guard];
        let mut upload = place.start(&receiver, &file, &options)?;
        let complete = upload.finish()?;
        let load = load.percent();
        let arrivals = receiver.arrivals();
        let (rows_rate, requests_rate) = steady_rate(&arrivals);
        Ok(Figures {
            used: (rows_rate / 500.0).max(requests_rate),
            fullest: fullest_second(&arrivals),
            narrowest: narrowest(&arrivals, 50_000, 100),
            processor: upload.cost.processor,
            memory: upload.cost.memory,
            load,
            complete,
        })
    }
}
