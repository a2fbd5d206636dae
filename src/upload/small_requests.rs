//! Whether requests are small because rows of many dates are mixed and share the memory: then the limit
//! of requests per second makes an upload slow that could be fast, and a person can do something.

/// So many requests say what those to come will be like.
const ENOUGH_REQUESTS: u64 = 1_000;
/// With fewer rows each, requests are small,
const FEW_ROWS: u64 = 100;
/// unless those rows are long.
const FEW_BYTES: u64 = 64 << 10;

/// The requests of rounds that ended because the memory was full.
#[derive(Debug, Default)]
pub(super) struct SmallRequests {
    requests: u64,
    rows: u64,
    bytes: u64,
    is_told: bool,
}

impl SmallRequests {
    /// Counts a round of one request or more for each of its dates. What to say, once, if there is
    /// something.
    pub(super) fn note(
        &mut self,
        (requests, dates): (usize, usize),
        rows: usize,
        bytes: usize,
    ) -> Option<String> {
        let add =
            |sum: u64, more: usize| sum.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        self.requests = add(self.requests, requests);
        self.rows = add(self.rows, rows);
        self.bytes = add(self.bytes, bytes);
        let (each, bytes) = (
            self.rows / self.requests.max(1),
            self.bytes / self.requests.max(1),
        );
        let is_small = each < FEW_ROWS && bytes < FEW_BYTES;
        if self.is_told || self.requests <= ENOUGH_REQUESTS || !is_small {
            return None;
        }
        self.is_told = true;
        Some(format!(
            "requests are small ({each} rows each so far): rows of {dates} dates are mixed, and each date has a request for what --memory holds at a time. More --memory makes them fuller, and so does an input that is sorted or split by date"
        ))
    }
}
