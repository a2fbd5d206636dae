//! The sandbox over real sockets: what it accepts, refuses, remembers and breaks.
//!
//! Requests are signed with the product's own signer; the published vectors prove that one. No test
//! depends on speed: quotas are tested with limits of one request, delays only from below.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on says where"
)]

mod client;
mod data_api;
mod endpoints;
mod faults;
mod restart;
