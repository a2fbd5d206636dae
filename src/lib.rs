//! byteair-sync: bulk uploader for the data API of Volcengine's recommendation platform.
//!
//! Data travels one way: file → record → batch → request → response → verdict → ledger → done.
//! Modules stand on floors; a module uses its own folder and lower floors only:
//!
//! | floor | modules |
//! |---|---|
//! | 0 | [`domain`]: names and invariants, no I/O |
//! | 1 | [`protocol`]: wire forms, signatures and what a reply means, no sockets |
//! | 1 | [`retry`]: whether and when to try again |
//! | 2 | [`http`]: one attempt at a call, the only user of reqwest |
pub mod domain;
pub mod http;
pub mod protocol;
pub mod retry;
