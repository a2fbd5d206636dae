//! The compact encoding of Thrift, as far as a few numbers have to be seen before the decoder trusts
//! the structures that hold them.
//!
//! Follows `thrift-compact-protocol.md` of Apache Thrift. Everything is `None` where the bytes end or
//! make no sense; nothing is kept of what is passed over.

/// Deepest nesting that is passed over; the structures of Parquet need five levels.
const MAX_DEPTH: u8 = 32;

const TRUE: u8 = 1;
const FALSE: u8 = 2;
const BYTE: u8 = 3;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const DOUBLE: u8 = 7;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const SET: u8 = 10;
const MAP: u8 = 11;
const STRUCT: u8 = 12;
const UUID: u8 = 13;

/// Bytes that are still to be read.
#[derive(Clone, Copy)]
pub(super) struct Thrift<'a>(pub(super) &'a [u8]);

/// A field of a structure, whose value is next.
#[derive(Clone, Copy)]
pub(super) struct Field {
    pub(super) id: i64,
    kind: u8,
}

/// What comes next in a structure.
pub(super) enum Next {
    /// A field.
    Field(Field),
    /// Nothing more.
    End,
}

impl Field {
    pub(super) const fn is_list(self) -> bool {
        self.kind == LIST
    }

    pub(super) const fn is_struct(self) -> bool {
        self.kind == STRUCT
    }
}

impl<'a> Thrift<'a> {
    /// The next field of a structure, whose last one had this id (0 before the first).
    pub(super) fn field(&mut self, last: i64) -> Option<Next> {
        let head = self.byte()?;
        if head == 0 {
            return Some(Next::End);
        }
        let id = match i64::from(head >> 4) {
            0 => self.integer()?,
            step => last.checked_add(step)?,
        };
        let kind = head & 0x0f;
        Some(Next::Field(Field { id, kind }))
    }

    /// The value of a field that is a number.
    pub(super) fn number(&mut self, field: Field) -> Option<i64> {
        matches!(field.kind, I16 | I32 | I64).then(|| self.integer())?
    }

    /// The value of a field that is true or false.
    pub(super) const fn truth(field: Field) -> bool {
        field.kind != FALSE
    }

    /// How many elements a list has; of structures, whose fields follow.
    pub(super) fn list_of_structs(&mut self) -> Option<u64> {
        let (length, kind) = self.list()?;
        (kind == STRUCT).then_some(length)
    }

    /// Passes over the value of a field.
    pub(super) fn skip(&mut self, field: Field) -> Option<()> {
        match field.kind {
            TRUE | FALSE => Some(()),
            kind => self.skip_value(kind, 0),
        }
    }

    fn skip_value(&mut self, kind: u8, depth: u8) -> Option<()> {
        let depth = depth.checked_add(1).filter(|depth| *depth < MAX_DEPTH)?;
        match kind {
            TRUE | FALSE | BYTE => self.take(1).map(drop),
            I16 | I32 | I64 => self.varint().map(drop),
            DOUBLE => self.take(8).map(drop),
            UUID => self.take(16).map(drop),
            BINARY => {
                let length = self.varint()?;
                self.take(usize::try_from(length).ok()?).map(drop)
            }
            LIST | SET => {
                let (length, kind) = self.list()?;
                (0..length).try_for_each(|_| self.skip_value(kind, depth))
            }
            MAP => {
                let length = self.varint()?;
                let kinds = if length == 0 { 0 } else { self.byte()? };
                (0..length).try_for_each(|_| {
                    self.skip_value(kinds >> 4, depth)?;
                    self.skip_value(kinds & 0x0f, depth)
                })
            }
            STRUCT => {
                let mut last = 0;
                while let Next::Field(field) = self.field(last)? {
                    last = field.id;
                    if !matches!(field.kind, TRUE | FALSE) {
                        self.skip_value(field.kind, depth)?;
                    }
                }
                Some(())
            }
            _ => None,
        }
    }

    fn list(&mut self) -> Option<(u64, u8)> {
        let head = self.byte()?;
        let length = match head >> 4 {
            15 => self.varint()?,
            length => u64::from(length),
        };
        Some((length, head & 0x0f))
    }

    fn integer(&mut self) -> Option<i64> {
        let folded = self.varint()?;
        let half = i64::try_from(folded >> 1).ok()?;
        Some(if folded & 1 == 0 { half } else { !half })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(taken)
    }
}
