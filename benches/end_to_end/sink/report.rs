//! What the sink saw, and how it says so: one line of numbers.

use std::time::{SystemTime, UNIX_EPOCH};

/// Arrivals that are kept.
const KEPT: usize = 1_000;

/// What arrived.
#[derive(Debug, Clone, Default)]
pub(crate) struct SinkReport {
    /// Write requests.
    pub(crate) writes: u64,
    /// Bytes of all bodies.
    pub(crate) bytes: u64,
    /// When the first writes had arrived, in seconds since 1970.
    pub(crate) arrivals: Vec<f64>,
}

impl SinkReport {
    /// Counts a request.
    pub(crate) fn count(&mut self, is_write: bool, bytes: u64) {
        self.bytes += bytes;
        if is_write {
            self.writes += 1;
            if self.arrivals.len() < KEPT {
                self.arrivals.push(now());
            }
        }
    }

    /// As a line.
    pub(crate) fn print(&self) {
        let arrivals = self.arrivals.iter().map(f64::to_string);
        let arrivals: Vec<String> = arrivals.collect();
        println!("{} {} {}", self.writes, self.bytes, arrivals.join(" "));
    }

    /// From a line.
    pub(crate) fn parse(line: &str) -> Self {
        let mut words = line.split_ascii_whitespace();
        let mut number = || words.next().unwrap().parse().unwrap();
        let (writes, bytes) = (number(), number());
        Self {
            writes,
            bytes,
            arrivals: words.map(|word| word.parse().unwrap()).collect(),
        }
    }
}

/// Seconds since 1970, which all processes of a machine read alike.
pub(crate) fn now() -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs_f64()
}
