//! What can go wrong in the limiter.
//!
//! Every waiting request gets the same error when the quota file fails, so the errors can be cloned.

use crate::text::grouped;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why nothing can be let through.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LimiterError {
    /// More requests a second than a quota file can hold.
    #[error("cannot limit to {asked} requests a second: ask for at most {most}")]
    TooManyRequests {
        /// What was asked for.
        asked: u32,
        /// The most that there is room for.
        most: u32,
    },
    /// A guard that would cost half of the quota.
    #[error("cannot keep a guard of {asked:?} after each second: ask for at most {most:?}")]
    GuardTooLong {
        /// What was asked for.
        asked: Duration,
        /// The longest allowed.
        most: Duration,
    },
    /// A batch that no window can ever hold.
    #[error(
        "cannot send {} rows at once at {} rows a second: a batch that an earlier run began stays as it \
         is, so run once with at least {} rows a second (--rows-per-second, --rate-share); for new batches \
         use --batch-rows {most}",
        grouped(u64::from(*rows)), grouped(u64::from(*most)), grouped(u64::from(*rows))
    )]
    BatchTooLarge {
        /// Rows of the batch.
        rows: u32,
        /// Rows a second.
        most: u32,
    },
    /// The directory of the quota file cannot be used.
    #[error(
        "cannot share the quota in {}: it must be a directory of this user with mode 0700; remove \
         it or set XDG_RUNTIME_DIR to another place", path.display()
    )]
    QuotaDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The quota file cannot be used.
    #[error("cannot use the quota file {}: check that its file system works", path.display())]
    QuotaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Another process keeps the quota file to itself.
    #[error(
        "another process holds the lock of the quota file {} and does not move: end or continue \
         it (was it stopped with Ctrl-Z?)", _0.display()
    )]
    QuotaLocked(PathBuf),
    /// The quota service gives no places.
    #[error(
        "the quota service at {address} cannot be reached, refuses this upload, or has ended: check \
         that it runs, that this machine reaches it, and that both sides have the same \
         BYTEAIR_QUOTA_TOKEN"
    )]
    QuotaService {
        /// Where it should be.
        address: String,
    },
    /// The dispatcher is not running.
    #[error("the limiter has stopped: its dispatcher ended before this request; this is a bug")]
    Stopped,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_readable_and_options_can_be_typed() {
        let error = LimiterError::BatchTooLarge {
            rows: 10_000,
            most: 5_000,
        };
        let text = error.to_string();
        assert!(text.starts_with("cannot send 10,000 rows at once at 5,000 rows a second"));
        assert!(text.ends_with("--batch-rows 5000"), "{text}");
    }
}
