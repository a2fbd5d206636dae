//! Telling the catalog that a date is complete, once `done` of it is settled.
//!
//! The ledger remembers which epoch of a date the catalog has heard of. So a date is announced at least
//! once, and again only after an attempt whose outcome nobody knows, as the service has no idempotency
//! key, or when the date was uploaded anew. After a failure it is owed, and nothing else has changed,
//! until a person gives it up or a job that tells a catalog uploads the date again.

use super::dispatch::Course;
use super::fault::Fault;
use super::service::Service;
use crate::domain::{Epoch, Partition};
use crate::ledger::{Delivery, KnownPartition, Ledger, LedgerError, LedgerReader, delivery_lock};
use crate::protocol::huawei::{EventSource, HuaweiCall, ProjectId};
use serde_json::{Map, Value, json};
use std::future::pending;
use std::pin::{Pin, pin};

/// Kind of these deliveries in the ledger.
const KIND: &str = "on_done";

/// What tells a date from all others, and how its key in the ledger ends.
fn name_of(partition: &Partition) -> String {
    let target = &partition.target;
    format!(
        "{} {} {} {partition}",
        target.tenant(),
        target.application(),
        target.platform()
    )
}

/// Dates of which a catalog is to hear, or has heard.
#[derive(Debug, Default)]
pub struct Expected(Vec<(String, Delivery)>);

impl Expected {
    /// As the ledger has them.
    pub fn read(reader: &LedgerReader) -> Result<Self, LedgerError> {
        reader.deliveries(KIND).map(Self)
    }

    /// Whether a date is done, a catalog is to hear of it, and none has.
    pub fn owes(&self, date: &KnownPartition) -> bool {
        let mut waiting = self.waiting(date).peekable();
        let is_told = |(_, known): &(String, Delivery)| is_told(known, date.epoch);
        date.gate.is_done() && waiting.peek().is_some() && !self.of(date).any(is_told)
    }

    /// What a date is noted to be told in, done or not.
    fn of(&self, date: &KnownPartition) -> impl Iterator<Item = &(String, Delivery)> {
        let end = format!(" {}", name_of(&date.partition));
        self.0.iter().filter(move |(key, _)| key.ends_with(&end))
    }

    /// That of it which is not told and not given up.
    fn waiting(&self, date: &KnownPartition) -> impl Iterator<Item = &(String, Delivery)> {
        self.of(date)
            .filter(|(_, known)| !is_told(known, date.epoch) && !is_given_up(known))
    }

    /// Gives up what a date owes to catalogs; tells of how many. A catalog that is being told of it just
    /// now is none of them.
    pub async fn give_up(
        &self,
        ledger: &Ledger,
        date: &KnownPartition,
    ) -> Result<usize, LedgerError> {
        let (mut held, mut given_up) = (Vec::new(), Vec::new());
        for (key, known) in self.waiting(date) {
            let Some(lock) = delivery_lock(ledger.state_dir(), KIND, key)? else {
                continue;
            };
            held.push(lock);
            let known = Delivery {
                rejected: 1,
                ..*known
            };
            given_up.push((key.clone(), known));
        }
        let count = given_up.len();
        if count > 0 {
            ledger.give_up(KIND, given_up, date.id).committed().await?;
        }
        Ok(count)
    }
}

/// Whether a catalog has heard of a date as it is now.
fn is_told(known: &Delivery, epoch: Epoch) -> bool {
    known.records > 0 && known.digest == u128::from_be_bytes(epoch.0)
}

/// Whether a person gave up that a catalog hears of a date.
const fn is_given_up(known: &Delivery) -> bool {
    known.rejected > 0
}

/// A date whose `done` is settled.
#[derive(Debug, Clone, PartialEq)]
pub struct CompleteDate {
    /// Which.
    pub partition: Partition,
    /// Another epoch means that the date was uploaded anew.
    pub epoch: Epoch,
    /// When `done` was acknowledged, seconds since 1970.
    pub done_at: i64,
    /// What the event says of it.
    pub message: Map<String, Value>,
}

/// What the catalog knows of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    /// It has taken the event now.
    Now {
        /// The event's type.
        event_type: &'static str,
        /// Whether it may have taken it before, too.
        is_repeated: bool,
    },
    /// It took the event in an earlier run.
    Before,
    /// Another run is telling it.
    Elsewhere,
}

/// Why the catalog was not told.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceFault {
    /// The service did not take the event, or nobody knows.
    #[error(transparent)]
    Service(#[from] Fault),
    /// The ledger cannot be read or written.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Who tells, and whom.
pub struct Announcer<'a> {
    /// The service.
    pub service: Service,
    /// Whose catalog it is.
    pub project: ProjectId,
    /// Where the tables are.
    pub source: EventSource,
    /// The memory of what was told.
    pub ledger: &'a Ledger,
}

impl<'a> Announcer<'a> {
    fn course(&self, partition: &Partition) -> Course<'a> {
        Course {
            ledger: self.ledger,
            kind: KIND,
            key: format!(
                "{} {} {}",
                self.service.host(),
                self.source.key(),
                name_of(partition)
            ),
        }
    }

    /// Notes that the catalog is to hear of a date once it is done, so that it is owed even when nobody
    /// comes to tell it.
    pub async fn expect(&self, partition: &Partition) -> Result<(), LedgerError> {
        let course = self.course(partition);
        let known = self.ledger.delivery(KIND, course.key.clone());
        let known = match known.committed().await? {
            Some(known) if !is_given_up(&known) => return Ok(()),
            Some(known) => Delivery {
                rejected: 0,
                ..known
            },
            None => Delivery::default(),
        };
        course.record(known).await
    }

    /// Tells the catalog of a date that it has not heard of. Stops waiting for another attempt when
    /// `stop` resolves.
    pub async fn announce(
        &mut self,
        date: &CompleteDate,
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> Result<Announced, AnnounceFault> {
        let course = self.course(&date.partition);
        let Some(_held) = delivery_lock(self.ledger.state_dir(), KIND, &course.key)? else {
            return Ok(Announced::Elsewhere);
        };
        let known = self.ledger.delivery(KIND, course.key.clone());
        let known = known.committed().await?.unwrap_or_default();
        if is_told(&known, date.epoch) {
            return Ok(Announced::Before);
        }
        let event_type = match known.records {
            0 => "AddPartitionEvent",
            _ => "AlterPartitionEvent",
        };
        let call = self.call(event_type, date);
        let mut settled = known;
        let sent = course
            .send(
                &mut self.service,
                &call,
                &mut settled,
                stop,
                pin!(pending()),
            )
            .await?;
        if let Some(fault) = sent.fault {
            return Err(fault.into());
        }
        let told = Delivery {
            records: known.records.saturating_add(1),
            digest: u128::from_be_bytes(date.epoch.0),
            rejected: 0,
            ..settled
        };
        course.record(told).await?;
        Ok(Announced::Now {
            event_type,
            is_repeated: sent.is_repeated,
        })
    }

    /// The same bytes for every attempt, in every run.
    fn call(&self, event_type: &str, date: &CompleteDate) -> HuaweiCall {
        let event = json!({
            "event_ts": date.done_at.saturating_mul(1_000),
            "event_type": event_type,
            "event_message": date.message,
        });
        let (mut body, end) = self.source.envelope();
        body.extend_from_slice(event.to_string().as_bytes());
        body.extend_from_slice(end);
        HuaweiCall::send_metadata(&self.project, body.into())
    }
}
