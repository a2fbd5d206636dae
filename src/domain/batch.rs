//! How large a batch may be.

/// Most rows that one write request may carry (D108601; checked by all official SDKs).
pub const MAX_BATCH_ROWS: u32 = 10_000;

/// Rows of one batch: at least one, at most [`MAX_BATCH_ROWS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchSize(u32);

/// Why a number of rows is no batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a batch has 1 to {MAX_BATCH_ROWS} rows, not {0}")]
pub struct InvalidBatchSize(u32);

impl BatchSize {
    /// The platform's cap.
    pub const MAX: Self = Self(MAX_BATCH_ROWS);

    /// Checks a number of rows.
    pub const fn new(rows: u32) -> Result<Self, InvalidBatchSize> {
        if rows == 0 || rows > MAX_BATCH_ROWS {
            return Err(InvalidBatchSize(rows));
        }
        Ok(Self(rows))
    }

    /// The number of rows.
    pub const fn rows(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_oversized_batch_cannot_be_built() {
        assert!(BatchSize::new(0).is_err());
        assert!(BatchSize::new(10_001).is_err());
        assert_eq!(BatchSize::new(10_000), Ok(BatchSize::MAX));
    }
}
