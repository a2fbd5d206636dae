//! Where each row of a batch came from, in about four bytes a row.
//!
//! A reply that refuses rows names them by content only; this finds their file, line and offset
//! without keeping the rows. Places ascend within a piece, so differences are stored.

use crate::domain::Position;

/// Places of the rows of a batch, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct RowPlaces {
    /// LEB128 numbers, four a row: piece, record, line and offset, each as the difference to the
    /// row before (absolute at the start of a piece).
    bytes: Vec<u8>,
    last: Option<(u32, Position)>,
}

const ORIGIN: Position = Position {
    ordinal: 0,
    line: 0,
    offset: 0,
};

impl RowPlaces {
    /// Adds the place of the next row; `piece` counts the pieces of the batch from 0.
    pub(super) fn push(&mut self, piece: u32, position: Position) {
        let (last_piece, base) = match self.last {
            Some((last, place)) if last == piece => (last, place),
            Some((last, _)) => (last, ORIGIN),
            None => (0, ORIGIN),
        };
        let steps = [
            (u64::from(piece), u64::from(last_piece)),
            (position.ordinal, base.ordinal),
            (position.line, base.line),
            (position.offset, base.offset),
        ]
        .map(|(now, before)| now.saturating_sub(before));
        if let Some((written, length)) = short(steps) {
            let written = written.get(..length).unwrap_or(&written);
            self.bytes.extend_from_slice(written);
        } else {
            for step in steps {
                write_number(&mut self.bytes, step);
            }
        }
        self.last = Some((piece, position));
    }

    /// The places in order of the rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Position)> + '_ {
        let mut rest = self.bytes.as_slice();
        let mut last = (0_u64, ORIGIN);
        std::iter::from_fn(move || {
            let step = read_number(&mut rest)?;
            let base = if step == 0 { last.1 } else { ORIGIN };
            let place = Position {
                ordinal: base.ordinal.saturating_add(read_number(&mut rest)?),
                line: base.line.saturating_add(read_number(&mut rest)?),
                offset: base.offset.saturating_add(read_number(&mut rest)?),
            };
            last = (last.0.saturating_add(step), place);
            Some((u32::try_from(last.0).ok()?, place))
        })
    }

    /// Bytes that this takes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// The encoded form, for the spool.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads back the encoded form; rows cannot be added to the result.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self { bytes, last: None }
    }
}

/// The four numbers of nearly every row at once, and how many bytes they take: steps of one digit each,
/// or an offset of two.
fn short([piece, record, line, offset]: [u64; 4]) -> Option<([u8; 5], usize)> {
    if piece | record | line > 0x7f || offset >= 0x4000 {
        return None;
    }
    let digit = |number: u64| u8::try_from(number & 0x7f).unwrap_or(0);
    let more = offset > 0x7f;
    let written = [
        digit(piece),
        digit(record),
        digit(line),
        digit(offset) | if more { 0x80 } else { 0 },
        digit(offset >> 7),
    ];
    Some((written, if more { 5 } else { 4 }))
}

fn write_number(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn read_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_survive_the_encoding(steps in prop::collection::vec((0_u32..3, 1_u64..9, 0_u64..9, prop_oneof![0_u64..1 << 15, 0_u64..1 << 40]), 0..50)) {
            let mut places = RowPlaces::default();
            let mut expected = Vec::new();
            let (mut piece, mut at) = (0, ORIGIN);
            for (jump, record, line, offset) in steps {
                if jump == 2 {
                    piece += 1;
                    at = ORIGIN;
                }
                at = Position {
                    ordinal: at.ordinal + record,
                    line: at.line + line,
                    offset: at.offset + offset,
                };
                places.push(piece, at);
                expected.push((piece, at));
            }
            prop_assert_eq!(places.iter().collect::<Vec<_>>(), expected.clone());
            let again = RowPlaces::from_bytes(places.as_bytes().to_vec());
            prop_assert_eq!(again.iter().collect::<Vec<_>>(), expected);
        }
    }
}
