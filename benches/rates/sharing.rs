//! Several uploads side by side, and one of them killed.
//!
//! Together they never exceed the quota and use at least 95% of it; the death of one costs the
//! others at most one second.

use crate::arrivals::{Arrival, fullest_second, longest_gap, stretch};
use crate::receiver::{Plan, Receiver};
use crate::upload::{Load, Place, Upload};
use std::io;

const ROWS: u32 = 3_000_000;
const ROW_BYTES: usize = 60;
/// Begin and end of the stretch that counts, and of the one after a kill.
const FROM: f64 = 4.0;
const UNTIL: f64 = 24.0;
const AFTER_KILL: f64 = 4.0;

/// Uploads beside each other, by their batch sizes.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    batches: &'static [u32],
}

pub(crate) const CASES: [Case; 4] = [
    Case {
        name: "two of 10,000-row batches",
        batches: &[10_000, 10_000],
    },
    Case {
        name: "10,000 beside 300",
        batches: &[10_000, 300],
    },
    Case {
        name: "two of 300",
        batches: &[300, 300],
    },
    Case {
        name: "four: 10,000, 10,000, 300, 1",
        batches: &[10_000, 10_000, 300, 1],
    },
];

/// What came of one run.
pub(crate) struct Figures {
    /// Percent of the fuller of both quotas.
    pub(crate) used: f64,
    pub(crate) fullest: (u64, u64),
    /// Rows a second of each.
    pub(crate) rows: Vec<f64>,
    pub(crate) load: f64,
    /// After the kill: longest silence of the first upload, and the rows that it missed in seconds
    /// of the whole rate.
    pub(crate) gap: f64,
    pub(crate) missed: f64,
    /// Rows of all in slots of 100 ms, from half a second before the kill.
    pub(crate) slots: Vec<u64>,
}

impl Case {
    /// Runs them; kills the last one in the end.
    pub(crate) fn run(&self, place: &Place, until: Option<f64>) -> io::Result<Figures> {
        let until = until.unwrap_or(UNTIL);
        let receiver = Receiver::start(Plan::open())?;
        let tags: Vec<char> = ('b'..).take(self.batches.len()).collect();
        let files = tags.iter().map(|tag| place.rows(*tag, ROWS, ROW_BYTES));
        let files = files.collect::<io::Result<Vec<_>>>()?;
        let load = Load::begin();
        let mut uploads = Vec::new();
        for (batch, file) in self.batches.iter().zip(&files) {
            let batch = batch.to_string();
            uploads.push(place.start(&receiver, file, &["--batch-rows", &batch])?);
        }
        uploads[0].watch(&receiver, until)?;
        let load = load.percent();
        let killed = uploads.last_mut().map_or(Ok(()), Upload::kill);
        killed?;
        let died = receiver.now().unwrap_or(until);
        uploads[0].watch(&receiver, died + AFTER_KILL)?;
        let arrivals = receiver.arrivals();
        drop(uploads);
        let sum = stretch(&arrivals, FROM, until);
        let seconds = until - FROM;
        let rows_used = sum.rows_taken as f64 / seconds / 500.0;
        let of = |tag: char| {
            arrivals
                .iter()
                .filter(move |it| char::from(it.tag) == tag)
                .copied()
        };
        let rows = tags.iter().map(|tag| {
            let own: Vec<Arrival> = of(*tag).collect();
            stretch(&own, FROM, until).rows_taken as f64 / seconds
        });
        let after = stretch(&arrivals, died, died + AFTER_KILL);
        let survivors = match self.batches {
            [10_000, ..] => after.rows_taken as f64 / 50_000.0,
            _ => after.requests as f64 / 100.0,
        };
        let slot = |index: i32| {
            let from = died + f64::from(index) / 10.0;
            stretch(&arrivals, from, from + 0.1).rows_taken
        };
        Ok(Figures {
            used: rows_used.max(sum.requests as f64 / seconds),
            fullest: fullest_second(&arrivals),
            rows: rows.collect(),
            load,
            gap: longest_gap(&arrivals, b'b', died, died + AFTER_KILL),
            missed: AFTER_KILL - survivors,
            slots: (-5..25).map(slot).collect(),
        })
    }
}
