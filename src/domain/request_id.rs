//! Request-Ids, derived and never stored.
//!
//! The same batch of the same generation always has the same id, on every attempt and after every
//! restart; anything else that is sent has another one. The rules for when the generation moves on
//! are in the ledger's life of a batch.

use super::{Epoch, Partition};
use std::fmt;
use uuid::Uuid;

/// How often a batch was definitely refused and is sent under a new id; starts at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Generation(pub u32);

impl Generation {
    /// The generation after a definite refusal.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Value of the header `Request-Id` (D108561).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What tells one batch from every other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchIdentity {
    /// The ledger's number of the input that the first record came from.
    pub input: i64,
    /// Ordinal of the first record in that input.
    pub first_record: u64,
    /// Rows in the batch.
    pub rows: u32,
    /// XXH3 (128 bits) of the uncompressed JSON body.
    pub digest: u128,
}

/// Namespace of this program's name-based UUIDs; any fixed value would do.
const NAMESPACE: Uuid = Uuid::from_u128(0x3b5c_1a52_9f0e_4c58_8f6a_0d5f_3a57_7e21);

impl BatchIdentity {
    /// The id under which this batch is sent: UUID v5 over everything that tells it apart.
    pub fn request_id(
        &self,
        epoch: Epoch,
        partition: &Partition,
        generation: Generation,
    ) -> RequestId {
        let mut name = Vec::with_capacity(256);
        push_partition(&mut name, epoch, partition);
        name.extend_from_slice(b"write\0");
        name.extend_from_slice(&self.input.to_be_bytes());
        name.extend_from_slice(&self.first_record.to_be_bytes());
        name.extend_from_slice(&self.rows.to_be_bytes());
        name.extend_from_slice(&generation.0.to_be_bytes());
        name.extend_from_slice(&self.digest.to_be_bytes());
        RequestId(Uuid::new_v5(&NAMESPACE, &name))
    }
}

/// The id of the `done` request of a partition.
pub fn done_request_id(epoch: Epoch, partition: &Partition, generation: Generation) -> RequestId {
    let mut name = Vec::with_capacity(256);
    push_partition(&mut name, epoch, partition);
    name.extend_from_slice(b"done\0");
    name.extend_from_slice(&generation.0.to_be_bytes());
    RequestId(Uuid::new_v5(&NAMESPACE, &name))
}

/// The id of a request that stores nothing, from 16 bytes that the caller never uses again.
pub fn probe_request_id(nonce: [u8; 16]) -> RequestId {
    RequestId(Uuid::new_v5(
        &NAMESPACE,
        &[b"probe\0", nonce.as_slice()].concat(),
    ))
}

fn push_partition(name: &mut Vec<u8>, epoch: Epoch, partition: &Partition) {
    name.extend_from_slice(&epoch.0);
    // NUL cannot occur in any part, so no two partitions share an encoding.
    let text = format!("{}\0{}\0", partition.target, partition);
    name.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Stage, Target};

    fn partition() -> Partition {
        Partition {
            target: Target::new("1", "2", "cn").unwrap(),
            topic: "item".parse().unwrap(),
            stage: Stage::HistorySync("2022-01-01".parse().unwrap()),
        }
    }

    #[test]
    fn an_id_changes_with_everything_that_tells_batches_apart() {
        let base = BatchIdentity {
            input: 1,
            first_record: 1,
            rows: 10,
            digest: 7,
        };
        let id = |b: BatchIdentity, e: u8, g: u32| {
            b.request_id(Epoch([e; 16]), &partition(), Generation(g))
        };
        let first = id(base, 0, 0);
        assert_eq!(first, id(base, 0, 0));
        assert_ne!(first, id(base, 1, 0));
        assert_ne!(first, id(base, 0, 1));
        assert_ne!(first, id(BatchIdentity { input: 2, ..base }, 0, 0));
        assert_ne!(
            first,
            id(
                BatchIdentity {
                    first_record: 2,
                    ..base
                },
                0,
                0
            )
        );
        assert_ne!(first, id(BatchIdentity { rows: 11, ..base }, 0, 0));
        assert_ne!(first, id(BatchIdentity { digest: 8, ..base }, 0, 0));
        assert_ne!(
            first,
            done_request_id(Epoch([0; 16]), &partition(), Generation(0))
        );
    }
}
