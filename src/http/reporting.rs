//! Sending the figures of requests to the platform, when that was asked for.

use super::connect::Host;
use super::failure::Failure;
use super::figures::Ending;
use super::{Answer, Client, Inner, Outgoing};
use chrono::Utc;
use http::header::{ACCEPT, CONTENT_TYPE};
use prost::Message;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Longest time for one request of a report, and tries of each, as in the SDKs.
const TIMEOUT: Duration = Duration::from_millis(800);
const TRIES: u32 = 2;

/// Distance between two reports, as in the Python and Java SDKs.
const EVERY: Duration = Duration::from_secs(15);

impl Client {
    /// The same client, whose figures go into the reports of another one.
    #[must_use]
    pub fn reporting_with(mut self, other: &Self) -> Self {
        if let Some(inner) = std::sync::Arc::get_mut(&mut self.inner) {
            inner.figures.clone_from(&other.inner.figures);
        }
        self
    }

    /// Reports now and then until it is dropped; ends at once when figures are not asked for.
    pub async fn go_on_reporting(&self) {
        while self.inner.figures.is_some() {
            tokio::time::sleep(EVERY).await;
            self.report_figures().await;
        }
    }

    /// Sends the figures since the last report to the platform, without credentials. One that cannot
    /// be delivered is dropped.
    pub async fn report_figures(&self) {
        let Some(figures) = &self.inner.figures else {
            return;
        };
        let turn = self.inner.turn.load(Ordering::Relaxed);
        let (Some(report), Some(host)) = (figures.take(Utc::now()), self.inner.host(turn)) else {
            return;
        };
        for (path, message) in [("counter", report.counters), ("put", report.timers)] {
            if !message.metrics.is_empty() {
                self.inner
                    .report(host, path, &message.encode_to_vec())
                    .await;
            }
        }
    }

    /// Notes how an attempt ended.
    pub(super) fn note(
        &self,
        host: &Host,
        outgoing: &Outgoing,
        outcome: &Result<Answer, Failure>,
        took: Duration,
    ) {
        let Some(figures) = &self.inner.figures else {
            return;
        };
        let ending = match outcome {
            Ok(answer) => match answer.judged.http_status {
                Some(200) | None => Ending::Success,
                Some(other) => Ending::Status(other),
            },
            Err(failure) => Ending::Without(failure.in_words_of_the_sdks()),
        };
        let call = outgoing.call();
        let path = call.path(self.inner.target.application());
        let url = format!("{}{path}?{}", host.origin, call.query());
        figures.note(url, ending, took);
    }
}

impl Inner {
    async fn report(&self, host: &Host, path: &str, body: &[u8]) {
        for _ in 0..TRIES {
            let request = self
                .pool
                .post(format!("{}/api/{path}", host.origin))
                .header(CONTENT_TYPE, "application/protobuf")
                .header(ACCEPT, "application/json")
                .timeout(TIMEOUT)
                .body(body.to_vec());
            match request.send().await {
                // Only a timeout is worth another try.
                Err(error) if error.is_timeout() => {}
                Err(error) => {
                    tracing::debug!("a report to the platform is lost: {}", error.without_url());
                    return;
                }
                Ok(_) => return,
            }
        }
    }
}
