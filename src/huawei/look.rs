//! Looking into a partition of a DIS stream.
//!
//! Cursors are kept between looks and got anew, behind the last record that came, when the service does
//! not know them any more. Reading twice changes nothing, so every attempt may be repeated. A place that
//! the service refuses is compared with the oldest record that it keeps: only what is really missing is
//! called so.

use super::fault::{Cause, Fault};
use super::service::Service;
use super::stream::{DisConsumer, DisStream, explained, locked};
use crate::input::{Fetched, StreamFault, StreamPlace, StreamRecord};
use crate::protocol::huawei::{
    HuaweiCall, PartitionId, Records, RefusalKind, SequenceNumber, StreamCursor, decode_cursor,
    decode_records,
};

/// Bytes that are enough for the largest record.
const OLDEST_BYTES: usize = 6 << 20;
/// Cursors that may be refused one after the other before something else must be wrong.
const MAX_RENEWALS: u32 = 10;

impl DisStream {
    /// Records behind a place, about so many bytes of them; there may be none yet.
    pub(super) async fn look(
        &self,
        service: &mut Service,
        partition: PartitionId,
        place: StreamPlace,
        bytes: usize,
    ) -> Result<Fetched, StreamFault> {
        let kept = locked(&self.cursors).remove(&partition);
        let mut kept = kept
            .filter(|(of, _)| *of == place)
            .map(|(_, cursor)| cursor);
        let mut attempts = service.attempts();
        let mut renewals = 0;
        loop {
            attempts.begin();
            let is_kept = kept.is_some();
            let read = match kept.clone() {
                Some(cursor) => self.read(service, &cursor, bytes).await,
                None => match self.cursor(service, partition, place).await {
                    Ok(cursor) => {
                        kept = Some(cursor.clone());
                        self.read(service, &cursor, bytes).await
                    }
                    Err(fault) => Err(fault),
                },
            };
            match read {
                Ok(read) => return Ok(self.taken(partition, place, read)),
                Err(fault) => match fault.refusal() {
                    // At the same place, another one is as good.
                    Some(RefusalKind::Cursor) if renewals < MAX_RENEWALS => {
                        tracing::info!(%fault, "getting another cursor");
                        renewals += 1;
                        kept = None;
                    }
                    Some(RefusalKind::RecordExpired) if is_kept => kept = None,
                    Some(RefusalKind::OutOfRange | RefusalKind::RecordExpired) => {
                        return self.look_at_the_oldest(service, partition, place).await;
                    }
                    Some(RefusalKind::Request) if is_too_old(&fault, place) => {
                        return self.look_at_the_oldest(service, partition, place).await;
                    }
                    Some(RefusalKind::PartitionExpired) => return Err(StreamFault::Gone),
                    _ => {
                        let waited = attempts.wait_after(fault).await;
                        waited.map_err(|fault| explained(&fault))?;
                    }
                },
            }
        }
    }

    /// What the service has instead of a place that it refuses.
    async fn look_at_the_oldest(
        &self,
        service: &mut Service,
        partition: PartitionId,
        place: StreamPlace,
    ) -> Result<Fetched, StreamFault> {
        let mut attempts = service.attempts();
        let mut renewals = 0;
        loop {
            attempts.begin();
            let read = match self.cursor(service, partition, StreamPlace::Oldest).await {
                Ok(cursor) => self.read(service, &cursor, OLDEST_BYTES).await,
                Err(fault) => Err(fault),
            };
            match read {
                Ok(read) => {
                    let first = read.records.first().map(|(number, _)| number.number());
                    let oldest = match first {
                        None => self.oldest_of_none(service, partition, place).await?,
                        first => first,
                    };
                    // Whoever begins at the oldest one misses none that went before it.
                    let is_wanted = oldest.is_some() && oldest == place.next_number();
                    if is_wanted || place == StreamPlace::Oldest {
                        return Ok(self.taken(partition, place, read));
                    }
                    return Err(StreamFault::OutOfRange { oldest });
                }
                // The oldest record went while it was asked for.
                Err(fault)
                    if renewals < MAX_RENEWALS
                        && matches!(
                            fault.refusal(),
                            Some(
                                RefusalKind::Cursor
                                    | RefusalKind::OutOfRange
                                    | RefusalKind::RecordExpired
                            )
                        ) =>
                {
                    renewals += 1;
                }
                Err(fault) => {
                    let waited = attempts.wait_after(fault).await;
                    waited.map_err(|fault| explained(&fault))?;
                }
            }
        }
    }

    /// The number that the oldest record of a partition would have in which there is none: what comes next
    /// counts as the oldest one when the partition says that it would be in its range.
    async fn oldest_of_none(
        &self,
        service: &mut Service,
        partition: PartitionId,
        place: StreamPlace,
    ) -> Result<Option<u64>, StreamFault> {
        let listed = self.listed(service).await?.0.into_iter();
        let mut ranges = listed.filter(|it| it.partition == partition);
        let Some((oldest, newest)) = ranges.find_map(|it| it.range) else {
            return Ok(None);
        };
        let is_next = |next: &u64| oldest <= *next && *next <= newest.saturating_add(1);
        Ok(place.next_number().filter(is_next).or(Some(oldest)))
    }

    async fn cursor(
        &self,
        service: &mut Service,
        partition: PartitionId,
        place: StreamPlace,
    ) -> Result<String, Fault> {
        let number = |number| SequenceNumber::new(number);
        let cursor = match place {
            StreamPlace::Oldest => Some(StreamCursor::TrimHorizon),
            StreamPlace::Time(time) => Some(StreamCursor::AtTimestamp(time)),
            StreamPlace::At(at) => number(at).map(StreamCursor::At),
            StreamPlace::After(last) => number(last).map(StreamCursor::After),
        };
        let DisConsumer {
            project, stream, ..
        } = &self.consumer;
        let cursor = cursor.unwrap_or(StreamCursor::TrimHorizon);
        let call = HuaweiCall::get_cursor(project, stream, partition, cursor);
        let body = service.ask_once(&call).await?;
        decode_cursor(&body).map_err(|_| service.unreadable("without a cursor"))
    }

    async fn read(
        &self,
        service: &mut Service,
        cursor: &str,
        bytes: usize,
    ) -> Result<Records, Fault> {
        let call = HuaweiCall::read_records(&self.consumer.project, cursor, bytes);
        let body = service.ask_once(&call).await?;
        decode_records(&body).map_err(|_| service.unreadable("not with records"))
    }

    /// Records that came, with the cursor kept for those behind them.
    fn taken(&self, partition: PartitionId, place: StreamPlace, read: Records) -> Fetched {
        let records: Vec<StreamRecord> = read
            .records
            .into_iter()
            .map(|(number, data)| StreamRecord {
                number: number.number(),
                data: data.into(),
            })
            .collect();
        let ended = read.next.is_none();
        if let Some(next) = read.next {
            let last = records.last();
            let place = last.map_or(place, |last| StreamPlace::After(last.number));
            locked(&self.cursors).insert(partition, (place, next));
        }
        Fetched { records, ended }
    }
}

/// Whether a time lies before everything that is kept (`huawei.md` 2.4, DIS.4300).
fn is_too_old(fault: &Fault, place: StreamPlace) -> bool {
    let says_so = match &fault.cause {
        Cause::Refused(refusal) => refusal.message.contains("timestamp is expired"),
        Cause::NoReply { .. } | Cause::Unreadable(_) => false,
    };
    says_so && matches!(place, StreamPlace::Time(_))
}
