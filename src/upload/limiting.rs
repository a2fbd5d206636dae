//! What an upload is waiting for most, looked at now and then for whoever shows progress.

use super::event::{Gauges, Limiting};
use crate::limiter::{Limiter, Waiting};
use std::sync::Arc;
use std::time::Duration;

/// Distance between two looks.
const EVERY: Duration = Duration::from_millis(100);

/// Keeps the gauge up to date until it is dropped.
pub async fn watch_what_limits(limiter: Limiter, gauges: Arc<Gauges>) {
    loop {
        gauges.limited_by(limit_now(limiter.waiting_for(), &gauges));
        tokio::time::sleep(EVERY).await;
    }
}

/// The quota when somebody waits for it; otherwise answers, when reading has to wait for them or has
/// ended; otherwise the source.
fn limit_now(waiting: Option<Waiting>, gauges: &Gauges) -> Limiting {
    let is_any = |gauge| Gauges::get(gauge) > 0;
    let in_flight = is_any(&gauges.requests_in_flight);
    match waiting {
        Some(Waiting::Rows) => Limiting::RowRate,
        Some(Waiting::Requests) => Limiting::RequestRate,
        Some(Waiting::Pause) => Limiting::Server,
        None if !in_flight && is_any(&gauges.backing_off) => Limiting::Network,
        None if in_flight && is_any(&gauges.reading_waits) => Limiting::Server,
        None => Limiting::Reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_the_upload_back_is_named() {
        let gauges = Gauges::default();
        assert_eq!(limit_now(None, &gauges), Limiting::Reading);
        Gauges::add(&gauges.requests_in_flight, 1);
        assert_eq!(limit_now(None, &gauges), Limiting::Reading);
        Gauges::add(&gauges.reading_waits, 1);
        assert_eq!(limit_now(None, &gauges), Limiting::Server);
        assert_eq!(limit_now(Some(Waiting::Rows), &gauges), Limiting::RowRate);
        assert_eq!(limit_now(Some(Waiting::Pause), &gauges), Limiting::Server);
        Gauges::sub(&gauges.requests_in_flight, 1);
        Gauges::add(&gauges.backing_off, 1);
        assert_eq!(limit_now(None, &gauges), Limiting::Network);
        let requests = limit_now(Some(Waiting::Requests), &gauges);
        assert_eq!(requests, Limiting::RequestRate);
    }
}
