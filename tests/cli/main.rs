//! The program as a user meets it: the real binary in a fresh directory with a scrubbed environment.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test helper that cannot go on has to fail the test"
)]

mod advice;
mod bad_inputs;
mod browser;
mod changed_inputs;
mod checkpoint_replies;
mod checkpoints;
mod clocks;
mod closed_dates;
mod config;
mod copies;
mod dates;
mod dates_from_field;
mod dates_from_path;
mod dis_gone;
mod dis_places;
mod dis_source;
mod disk;
mod doctor;
mod doctor_network;
mod done_replies;
mod dry_runs;
mod early_signals;
mod follow;
mod follow_rotations;
mod follow_rules;
mod full_rejects;
mod guards;
mod help;
mod hostile_lists;
#[cfg(feature = "parquet")]
mod hostile_parquet;
mod hostile_replies;
mod hostile_streams;
mod housekeeping;
mod huawei;
mod huawei_sdk;
mod inputs;
mod job_days;
mod job_files;
mod jobs;
mod json_schema;
mod looked_at;
mod lost_replies;
mod machines;
mod markers;
mod memory;
mod messages;
mod metadata;
mod metadata_refusals;
mod metadata_replies;
mod metrics;
mod metrics_of_jobs;
mod named_days;
mod named_files;
mod next_steps;
mod next_steps_changed;
#[cfg(feature = "remote")]
mod object_store;
mod on_done;
mod other_names;
mod output;
mod pages;
mod panics;
#[cfg(feature = "parquet")]
mod parquet;
mod parts;
mod piped;
mod planted;
mod platform;
mod poison;
mod progress;
mod python;
mod rate;
mod recorder;
mod refusals;
mod regressions;
mod rejects;
mod rejects_export;
mod rejects_replay;
mod rejects_twice;
mod rejects_unchanged;
#[cfg(feature = "remote")]
mod remote_inputs;
#[cfg(all(feature = "parquet", feature = "remote"))]
mod remote_parquet;
#[cfg(feature = "remote")]
mod remote_servers;
mod renamed;
mod reply;
mod resume;
mod retries;
mod sandbox_command;
mod schema_commands;
mod secrets;
mod seen_refusals;
mod several;
mod shared_batches;
mod shared_files;
mod shortages;
mod small_requests;
mod start;
mod status;
mod status_next;
mod statuses;
mod streams;
mod surroundings;
mod terminal;
mod torn_rows;
mod troubleshooting;
mod typed_rows;
mod undated;
mod validate;
mod validate_dates;
mod waited;
mod watched;
mod ways_out;
mod wire;
