//! Whatever breaks, every row is stored once and `done` comes once and last.
//!
//! The binary uploads generated files to the sandbox while it is killed, the sandbox is killed, the
//! exchange is broken or the disk is full; afterwards the sandbox's own record is compared with the
//! files. Nothing here depends on speed: waits end by what is seen, with generous limits. The long
//! form of the crash campaign is the same test with `CAMPAIGN_KILLS=1000`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on says where, and the campaign shows its figures"
)]

mod comparison;
mod definite;
mod full_disk;
mod kills;
mod lost_done;
mod matrix;
mod moves;
mod pairs;
mod phase;
mod place;
mod repairs;
mod restarts;
mod server;
mod shape;
mod streams;
mod upload;
