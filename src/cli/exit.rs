//! How a status becomes the exit code of the process. The statuses themselves, and which of several
//! wins, are `upload::report::Status` (`cli.md` section 3).

use crate::upload::report::Status;
use std::process::ExitCode;

/// The exit code that `main` returns.
pub fn exit_code(status: Status) -> ExitCode {
    ExitCode::from(status.code())
}

/// What a status means, in a few words for the end of a summary.
pub const fn meaning(status: Status) -> &'static str {
    match status {
        Status::Success => "complete",
        Status::Unexpected => "unexpected error",
        Status::Usage => "usage or configuration",
        Status::RowsRejected => "too many rows were rejected",
        Status::BadInput => "the input is not what it claims to be",
        Status::Temporary => "not finished, run the same command again",
        Status::Refused => "the platform refuses",
        Status::Unfinished => "done withheld",
        Status::Nothing => "there was no row to send",
        Status::InputChanged => "the input differs from what was partly uploaded",
        Status::NotReady => "the input is not ready, run again later",
        Status::Busy => "nothing to do, the other run goes on",
        Status::Unauthorized => "credentials or clock rejected",
        Status::Interrupted | Status::Terminated => "interrupted, run the same command again",
    }
}
