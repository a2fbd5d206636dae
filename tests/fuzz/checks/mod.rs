//! What holds for any bytes: one file for each fuzz target, with oracles that share no code with the
//! program. The fuzz targets feed these checks with what they invent; `tests/fuzz_corpus.rs` feeds
//! them with the committed corpus in every test run.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a check that does not hold has to fail"
)]

pub(crate) mod csv;
pub(crate) mod csv_oracle;
pub(crate) mod job_file;
pub(crate) mod json_file;
pub(crate) mod json_oracle;
pub(crate) mod jsonl;
pub(crate) mod patterns;
pub(crate) mod reading;
pub(crate) mod reply;
pub(crate) mod settings;
pub(crate) mod tape;
