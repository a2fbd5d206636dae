//! Cursors: opaque to clients, valid for five minutes (`huawei.md` 2.3), and remembered by nobody: all that
//! a cursor means stands in it.

use super::answer::HuaweiAnswer;
use crate::protocol::huawei::{PartitionId, StreamName};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// How long a cursor may be used.
const VALID_MILLISECONDS: i64 = 5 * 60 * 1_000;

/// A place in a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) stream: StreamName,
    pub(super) partition: PartitionId,
    /// Sequence number of the record that is read next.
    pub(super) next: u64,
}

impl Cursor {
    /// As it is handed out now.
    pub(super) fn encode(&self, now: i64) -> String {
        let (stream, partition, next) = (&self.stream, self.partition.number(), self.next);
        BASE64_STANDARD.encode(format!("{now}>{stream}>{partition}>{next}?"))
    }

    /// As it comes back; those of before `since` are too old in any case.
    pub(super) fn decode(text: &str, now: i64, since: i64) -> Result<Self, HuaweiAnswer> {
        let invalid = || HuaweiAnswer::dis(4217, "Invalid partition cursor.");
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| invalid())?;
        let plain = String::from_utf8(bytes).map_err(|_| invalid())?;
        let mut fields = plain.trim_end_matches('?').split('>');
        let mut field = || fields.next().ok_or_else(invalid);
        let issued: i64 = field()?.parse().map_err(|_| invalid())?;
        let cursor = Self {
            stream: field()?.parse().map_err(|_| invalid())?,
            partition: field()?.parse().map_err(|_| invalid())?,
            next: field()?.parse().map_err(|_| invalid())?,
        };
        if now.saturating_sub(issued) > VALID_MILLISECONDS || issued < since {
            return Err(HuaweiAnswer::dis(4225, "Expired partition cursor."));
        }
        Ok(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was_for_five_minutes() {
        let cursor = Cursor {
            stream: "s".parse().unwrap(),
            partition: "7".parse().unwrap(),
            next: 42,
        };
        let text = cursor.encode(1_000);
        assert_eq!(
            Cursor::decode(&text, 1_000 + VALID_MILLISECONDS, 1_000),
            Ok(cursor)
        );
        let late = Cursor::decode(&text, 1_001 + VALID_MILLISECONDS, 0);
        assert_eq!(
            late,
            Err(HuaweiAnswer::dis(4225, "Expired partition cursor."))
        );
        assert!(Cursor::decode(&text, 1_000, 1_001).is_err());
        for bad in ["", "?", "AAAA", "MT5zPjA+"] {
            assert!(Cursor::decode(bad, 0, 0).is_err(), "{bad}");
        }
    }
}
