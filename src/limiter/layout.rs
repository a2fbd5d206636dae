//! The bytes of the quota file, both ways. Pure.
//!
//! | bytes | what |
//! |---|---|
//! | 0..4096 | header: magic, version, boot id, not-before, check |
//! | 4096..8192 | 64 tickets of 64 bytes |
//! | 8192..40960 | 1,024 slots of 32 bytes |
//!
//! Numbers are little-endian. Each entry ends with a check of its own and lies within one page, so
//! that a change is one small write; an entry of zeroes is a free place. What does not decode is a
//! damaged file, never a guess.

use super::clock::Moment;
use super::turns::{Quota, SLOTS, TICKETS, Ticket};
use super::window::{Limits, Slot, Window};
use xxhash_rust::xxh3::xxh3_64;

/// Bytes of the whole file.
pub(super) const FILE_BYTES: usize = SLOTS_AT + SLOTS * SLOT_BYTES;
const MAGIC: u64 = u64::from_le_bytes(*b"BYTAIRQ\0");
/// Also part of the file's name, so that two versions never take each other's file for damaged.
pub(super) const VERSION: u64 = 1;
const PAGE: usize = 4096;
const TICKETS_AT: usize = PAGE;
const TICKET_BYTES: usize = 64;
const SLOTS_AT: usize = TICKETS_AT + TICKETS * TICKET_BYTES;
const SLOT_BYTES: usize = 32;

/// Identity of a boot of this machine; moments of another boot say nothing.
pub(super) type BootId = [u8; 16];

/// A change of the file: these bytes at this offset.
pub(super) type Patch = (usize, Vec<u8>);

/// The whole file.
pub(super) fn encode(quota: &Quota, boot: BootId) -> Vec<u8> {
    let mut bytes = header(quota, boot);
    bytes.resize(TICKETS_AT, 0);
    for ticket in &quota.tickets {
        bytes.extend(ticket_bytes(ticket));
    }
    for slot in quota.window.slots() {
        bytes.extend(slot_bytes(slot));
    }
    bytes
}

/// What the file says, or `None` when it is damaged or from another boot.
pub(super) fn decode(bytes: &[u8], boot: BootId) -> Option<Quota> {
    if bytes.len() != FILE_BYTES {
        return None;
    }
    let head = checked(bytes.get(..48)?)?;
    let known = *head.first()? == MAGIC && *head.get(1)? == VERSION;
    if !known || bytes.get(16..32)? != boot {
        return None;
    }
    let tickets = bytes.get(TICKETS_AT..SLOTS_AT)?.chunks_exact(TICKET_BYTES);
    let slots = bytes.get(SLOTS_AT..)?.chunks_exact(SLOT_BYTES);
    Some(Quota {
        not_before: Moment::from_nanos(*head.get(4)?),
        tickets: tickets.map(ticket).collect::<Option<_>>()?,
        window: Window::from_slots(slots.map(slot).collect::<Option<_>>()?),
    })
}

/// The writes that turn `old` into `new`. Slots come first: a process that dies between two writes
/// must not leave a request that was let in uncounted.
pub(super) fn patches(old: &Quota, new: &Quota, boot: BootId) -> Vec<Patch> {
    let mut patches = Vec::new();
    let slots = old.window.slots().iter().zip(new.window.slots());
    for (index, (_, slot)) in slots.enumerate().filter(|(_, (a, b))| a != b) {
        patches.push((SLOTS_AT + index * SLOT_BYTES, slot_bytes(slot)));
    }
    if old.not_before != new.not_before {
        patches.push((0, header(new, boot)));
    }
    let tickets = old.tickets.iter().zip(&new.tickets);
    for (index, (_, ticket)) in tickets.enumerate().filter(|(_, (a, b))| a != b) {
        patches.push((TICKETS_AT + index * TICKET_BYTES, ticket_bytes(ticket)));
    }
    patches
}

fn header(quota: &Quota, boot: BootId) -> Vec<u8> {
    let mut bytes = words(&[MAGIC, VERSION]);
    bytes.extend(boot);
    bytes.extend(quota.not_before.as_nanos().to_le_bytes());
    sealed(bytes)
}

fn ticket_bytes(ticket: &Ticket) -> Vec<u8> {
    if *ticket == Ticket::default() {
        return vec![0; TICKET_BYTES];
    }
    sealed(words(&[
        ticket.process,
        ticket.since.as_nanos(),
        ticket.expires.as_nanos(),
        ticket.rows.into(),
        ticket.limits.requests.into(),
        ticket.limits.rows.into(),
        0,
    ]))
}

fn ticket(bytes: &[u8]) -> Option<Ticket> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Some(Ticket::default());
    }
    let words = checked(bytes)?;
    Some(Ticket {
        process: *words.first()?,
        since: Moment::from_nanos(*words.get(1)?),
        expires: Moment::from_nanos(*words.get(2)?),
        rows: u32::try_from(*words.get(3)?).ok()?,
        limits: Limits {
            requests: u32::try_from(*words.get(4)?).ok()?,
            rows: u32::try_from(*words.get(5)?).ok()?,
        },
    })
}

fn slot_bytes(slot: &Slot) -> Vec<u8> {
    if *slot == Slot::default() {
        return vec![0; SLOT_BYTES];
    }
    sealed(words(&[slot.id, slot.expires.as_nanos(), slot.rows.into()]))
}

fn slot(bytes: &[u8]) -> Option<Slot> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Some(Slot::default());
    }
    let words = checked(bytes)?;
    Some(Slot {
        id: *words.first()?,
        expires: Moment::from_nanos(*words.get(1)?),
        rows: u32::try_from(*words.get(2)?).ok()?,
    })
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The bytes and their check.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let check = xxh3_64(&bytes);
    bytes.extend(check.to_le_bytes());
    bytes
}

/// The words of an entry whose check is right.
fn checked(bytes: &[u8]) -> Option<Vec<u64>> {
    let (body, check) = bytes.split_last_chunk::<8>()?;
    if xxh3_64(body) != u64::from_le_bytes(*check) {
        return None;
    }
    let (chunks, _) = body.as_chunks::<8>();
    Some(
        chunks
            .iter()
            .map(|word| u64::from_le_bytes(*word))
            .collect(),
    )
}
