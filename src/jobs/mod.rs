//! Several uploads as one: what `run` needs besides `upload` itself.
//!
//! Floor 4. `days` says in which order the days of the jobs are uploaded and which have to wait,
//! `story` makes one summary of theirs, `hook` and `metrics` tell others. What a job is stands in `cli`; nothing
//! here reads a job file, prints, or touches the ledger.

mod days;
mod hook;
mod metrics;
mod story;

pub use days::{Errand, Outcomes, Waits, in_order, time_left};
pub use hook::{Hook, HookError};
pub use metrics::{Book, MetricsError};
pub use story::together;
