//! How fast this machine may send.

use crate::cli::args::RateArgs;
use crate::cli::error::UsageError;
use crate::cli::value::RateShare;
use crate::domain::Target;
use crate::limiter::{LimitSettings, LimiterError, quota_file_path};
use std::num::NonZeroU32;
use std::time::Duration;

/// Longest `--rate-guard`: beyond a second there is nothing left of the quota.
const MAX_GUARD: Duration = Duration::from_secs(1);

/// The rate in force.
#[derive(Debug, Clone, Copy)]
pub struct RateSettings {
    /// Requests in any one second.
    pub requests_per_second: NonZeroU32,
    /// Rows in any one second.
    pub rows_per_second: NonZeroU32,
    /// How much later than its send a request may arrive.
    pub guard: Duration,
    /// `--no-rate-limit`.
    pub unlimited: bool,
    /// The share of this machine when it has not all of the quota; then it cannot know when a date is
    /// complete.
    pub shared_between_machines: Option<RateShare>,
}

impl RateSettings {
    /// Resolves the rate.
    pub fn resolve(args: &RateArgs) -> Result<Self, UsageError> {
        if args.rate_guard > MAX_GUARD {
            return Err(UsageError::new(
                "--rate-guard must be at most 1s; 10ms suit most networks",
            ));
        }
        let share = |rate: u32, what: &str| {
            args.rate_share.of(rate).ok_or_else(|| {
                UsageError::new(format!(
                    "--rate-share {} leaves nothing of {rate} {what} a second; give a larger share",
                    args.rate_share
                ))
            })
        };
        Ok(Self {
            requests_per_second: share(args.qps, "requests")?,
            rows_per_second: share(args.rows_per_second.get(), "rows")?,
            guard: args.rate_guard,
            unlimited: args.no_rate_limit,
            shared_between_machines: Some(args.rate_share).filter(|share| !share.is_whole()),
        })
    }

    /// Settings of the limiter with the quota file of the target, whose directory is made;
    /// `None` when there is to be no limit.
    pub fn limit(&self, target: &Target) -> Result<Option<LimitSettings>, LimiterError> {
        if self.unlimited {
            return Ok(None);
        }
        Ok(Some(LimitSettings {
            requests_per_second: self.requests_per_second,
            rows_per_second: self.rows_per_second,
            guard: self.guard,
            quota_file: Some(quota_file_path(target)?),
        }))
    }
}
