//! What the ledger notes of the partitions of a stream, besides what was read of them: where each was
//! begun, where reading went on behind records that were gone, and which checkpoint this ledger has committed last.
//!
//! Notes belong to an epoch, so an upload that is begun anew (`--restart`) knows nothing of them.

use crate::domain::Epoch;
use crate::ledger::{Delivery, Ledger, Pending};

/// Kinds of notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// Where a partition was begun that was not begun at its checkpoint: 0 at its oldest record, or
    /// milliseconds since 1970.
    Begun,
    /// Since when records are read instead of those that were gone, in milliseconds since 1970; the
    /// partition's name is followed by the number of the first one that was missing.
    Skipped,
    /// The number of the checkpoint that was committed last.
    Committed,
}

impl Note {
    const fn kind(self) -> &'static str {
        match self {
            Self::Begun => "dis_begin",
            Self::Skipped => "dis_skip",
            Self::Committed => "dis_commit",
        }
    }

    /// What is noted of a partition, by its name in the ledger.
    pub(super) fn read(
        self,
        ledger: &Ledger,
        epoch: Epoch,
        partition: &str,
    ) -> Pending<Option<Delivery>> {
        ledger.delivery(self.kind(), key(epoch, partition))
    }

    /// Notes a number of a partition.
    pub(super) fn write(
        self,
        ledger: &Ledger,
        epoch: Epoch,
        partition: &str,
        number: u64,
    ) -> Pending<()> {
        let note = Delivery {
            records: number,
            ..Delivery::default()
        };
        ledger.deliver(self.kind(), key(epoch, partition), note)
    }
}

fn key(epoch: Epoch, partition: &str) -> String {
    format!("{} {partition}", hex::encode(epoch.0))
}
