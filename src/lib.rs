//! byteair-sync: bulk uploader for the data API of Volcengine's recommendation platform.
//!
//! Data travels one way: file → record → batch → request → response → verdict → ledger → done.
//! Modules stand on floors; a module uses its own folder and lower floors only:
//!
//! | floor | modules |
//! |---|---|
//! | 0 | [`domain`]: names and invariants, no I/O |
//! | 2 | [`limiter`]: requests and rows of any one second, for all processes of a user |
pub mod domain;
pub mod limiter;
