//! The face towards people and scripts: arguments, settings, messages, progress, summaries.
//!
//! Floor 4. `args` is what was typed, `settings` what it means; typed arguments never leave this
//! folder's users, the commands. `printer` is the only file that prints. Nothing here uploads.

pub mod args;
pub mod atomic_file;
pub mod calendar;
pub mod checkup;
pub mod dates;
pub mod environment;
pub mod error;
pub mod exit;
pub mod figure;
pub mod invocation;
pub mod job_file;
pub mod json_line;
pub mod logging;
pub mod manual;
pub mod printer;
pub mod profile;
pub mod progress;
pub mod run_record;
pub mod settings;
pub mod signals;
pub mod status_page;
pub mod summary;
pub mod validation;
pub mod value;
pub mod variables;
