//! What a receiver wrote down, turned into figures. Pure.
//!
//! Moments are seconds since the first request. A second is half-open: two requests exactly one
//! second apart are not in one.

use std::fmt;

/// One request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// When its last byte had been read.
    pub(crate) at: f64,
    pub(crate) rows: u64,
    /// Which file it is from.
    pub(crate) tag: u8,
    /// Whether it was taken, not refused.
    pub(crate) taken: bool,
}

/// The most rows and the most requests in any one second, refused ones included.
pub(crate) fn fullest_second(arrivals: &[Arrival]) -> (u64, u64) {
    let (mut first, mut rows, mut fullest) = (0, 0, (0, 0));
    for (index, arrival) in arrivals.iter().enumerate() {
        rows += arrival.rows;
        while arrival.at - arrivals[first].at >= 1.0 {
            rows -= arrivals[first].rows;
            first += 1;
        }
        let requests = (index + 1 - first) as u64;
        fullest = (fullest.0.max(rows), fullest.1.max(requests));
    }
    fullest
}

/// How much more than a second lies between any two requests that together with those between them
/// exceed the quota, in milliseconds: what was left of the guard when it was needed most.
pub(crate) fn narrowest(arrivals: &[Arrival], most_rows: u64, most_requests: usize) -> f64 {
    let (mut first, mut rows, mut least) = (0, 0, f64::INFINITY);
    for (index, arrival) in arrivals.iter().enumerate() {
        rows += arrival.rows;
        while rows > most_rows || index + 1 - first > most_requests {
            least = least.min(arrival.at - arrivals[first].at);
            rows -= arrivals[first].rows;
            first += 1;
        }
    }
    (least - 1.0) * 1e3
}

/// Writes between the first and the last one: rows and requests a second. The last one ends the
/// time and is not counted in it.
pub(crate) fn steady_rate(arrivals: &[Arrival]) -> (f64, f64) {
    let writes: Vec<&Arrival> = arrivals.iter().filter(|it| it.rows > 0).collect();
    let [first, .., last] = writes.as_slice() else {
        return (0.0, 0.0);
    };
    let (seconds, before) = (last.at - first.at, &writes[..writes.len() - 1]);
    let rows: u64 = before.iter().map(|it| it.rows).sum();
    (rows as f64 / seconds, before.len() as f64 / seconds)
}

/// What happened in a stretch of time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stretch {
    pub(crate) rows_taken: u64,
    pub(crate) requests: u64,
    pub(crate) refused: u64,
}

/// Sums from one moment to another.
pub(crate) fn stretch(arrivals: &[Arrival], from: f64, to: f64) -> Stretch {
    let mut sum = Stretch::default();
    for arrival in arrivals.iter().filter(|it| it.at >= from && it.at < to) {
        sum.requests += 1;
        if arrival.taken {
            sum.rows_taken += arrival.rows;
        } else {
            sum.refused += 1;
        }
    }
    sum
}

/// Longest time without a request of this file between two moments.
pub(crate) fn longest_gap(arrivals: &[Arrival], tag: u8, from: f64, to: f64) -> f64 {
    let inner = arrivals
        .iter()
        .filter(|it| it.tag == tag && it.at > from && it.at < to);
    let mut last = from;
    let mut longest = 0.0_f64;
    for at in inner.map(|it| it.at).chain([to]) {
        longest = longest.max(at - last);
        last = at;
    }
    longest
}

/// Median, least and most of some figures.
pub(crate) struct Spread(pub(crate) Vec<f64>);

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.as_slice() {
            [] => write!(f, "-"),
            [only] => write!(f, "{only:.2}"),
            [least, .., most] => {
                let middle = sorted[sorted.len() / 2];
                write!(f, "{middle:.2} ({least:.2}..{most:.2})")
            }
        }
    }
}
