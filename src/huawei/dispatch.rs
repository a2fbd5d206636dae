//! One request with metadata events, made again for as long as that can help, and its place in the ledger.
//!
//! That a request may be on its way is on disk before it leaves, and taken back when the service has
//! definitely not taken it. So the next run knows whether what it sends may be a repetition.

use super::fault::Fault;
use super::service::Service;
use crate::ledger::{Delivery, Ledger, LedgerError};
use crate::protocol::huawei::HuaweiCall;
use std::pin::Pin;

/// What is sent in order, by its name in the ledger.
pub(super) struct Course<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) kind: &'static str,
    pub(super) key: String,
}

/// What became of a request.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// How often it was made.
    pub(super) requests: u64,
    /// Whether the service may have taken it more than once.
    pub(super) is_repeated: bool,
    /// Whether nobody waited for the answer to the last one.
    pub(super) is_given_up: bool,
    /// Why it was not taken.
    pub(super) fault: Option<Fault>,
}

impl Course<'_> {
    /// Notes how far it went.
    pub(super) async fn record(&self, delivery: Delivery) -> Result<(), LedgerError> {
        let pending = self.ledger.deliver(self.kind, self.key.clone(), delivery);
        pending.committed().await
    }

    /// Sends what follows on what is settled. `settled` is in doubt afterwards when the service may have
    /// taken it all the same. Stops waiting for another attempt when `stop` resolves, and for an answer when
    /// `abort` does.
    pub(super) async fn send(
        &self,
        service: &mut Service,
        call: &HuaweiCall,
        settled: &mut Delivery,
        mut stop: Pin<&mut impl Future<Output = ()>>,
        mut abort: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Sent, LedgerError> {
        let mut sent = Sent::default();
        let mut attempts = service.attempts();
        let on_its_way = Delivery {
            in_doubt: true,
            ..*settled
        };
        self.record(on_its_way).await?;
        loop {
            attempts.begin();
            sent.requests = sent.requests.saturating_add(1);
            let answered = tokio::select! {
                answered = service.send_metadata(call) => answered,
                () = abort.as_mut() => {
                    // As it is on disk already.
                    settled.in_doubt = true;
                    sent.is_given_up = true;
                    return Ok(sent);
                }
            };
            let Err(fault) = answered else {
                sent.is_repeated = settled.in_doubt;
                settled.in_doubt = false;
                return Ok(sent);
            };
            settled.in_doubt |= fault.is_unknown();
            let gave_up = tokio::select! {
                waited = attempts.wait_after(fault.clone()) => waited.is_err(),
                () = stop.as_mut() => true,
            };
            if gave_up {
                self.record(*settled).await?;
                sent.fault = Some(fault);
                return Ok(sent);
            }
        }
    }
}
