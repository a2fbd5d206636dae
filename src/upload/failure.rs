//! What the errors of the program's own parts mean for the exit status.
//!
//! Errors of the machine (a full disk, a locked ledger) are told apart from those of the command, so
//! that cron knows which of them another try can cure. Answers of the platform are judged elsewhere.

use super::outcome::WorkerError;
use super::parcel::PackError;
use super::report::Status;
use crate::input::{InputError, StoreTrouble, StreamFault, StreamTrouble};
use crate::ledger::LedgerError;
use crate::limiter::LimiterError;

/// What an error of the ledger means for the exit status.
pub fn ledger_status(error: &LedgerError) -> Status {
    match error {
        _ if error.is_short_of_files() => Status::Temporary,
        LedgerError::Busy { .. } => Status::Busy,
        LedgerError::OtherVersion { .. }
        | LedgerError::NotALedger { .. }
        | LedgerError::Emptied { .. }
        | LedgerError::Damaged { .. }
        | LedgerError::PartMissing { .. }
        | LedgerError::NoWriteAheadLog { .. }
        | LedgerError::NetworkFileSystem { .. }
        | LedgerError::OtherHosts { .. } => Status::Usage,
        LedgerError::Forbidden(_) | LedgerError::TooLate { .. } => Status::Refused,
        LedgerError::OtherDates { .. } => Status::InputChanged,
        LedgerError::Nonsense { .. } => Status::Unexpected,
        LedgerError::Io { source, .. } => io_status(source),
        LedgerError::Database { source, .. } => match source.sqlite_error_code() {
            Some(
                rusqlite::ErrorCode::DatabaseCorrupt
                | rusqlite::ErrorCode::NotADatabase
                | rusqlite::ErrorCode::ReadOnly
                | rusqlite::ErrorCode::PermissionDenied
                | rusqlite::ErrorCode::CannotOpen,
            ) => Status::Usage,
            Some(
                rusqlite::ErrorCode::DiskFull
                | rusqlite::ErrorCode::SystemIoFailure
                | rusqlite::ErrorCode::DatabaseBusy
                | rusqlite::ErrorCode::DatabaseLocked,
            ) => Status::Temporary,
            _ => Status::Unexpected,
        },
        LedgerError::Closed | LedgerError::Outdated { .. } | LedgerError::NoReserve { .. } => {
            Status::Temporary
        }
    }
}

fn io_status(error: &std::io::Error) -> Status {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Status::Temporary,
        _ => Status::Usage,
    }
}

/// What trouble with a stream means for the exit status.
pub(super) const fn stream_status(fault: &StreamFault) -> Status {
    match fault {
        StreamFault::OutOfRange { .. } => Status::InputChanged,
        StreamFault::Gone | StreamFault::Other(StreamTrouble::Refused, _) => Status::Refused,
        StreamFault::Other(StreamTrouble::Temporary, _) => Status::Temporary,
        StreamFault::Other(StreamTrouble::Unauthorized, _) => Status::Unauthorized,
    }
}

/// What an input that cannot be read means for the exit status, and one that is not there for it.
pub fn input_status(error: &InputError, missing: Status) -> Status {
    match error.trouble() {
        Some(StoreTrouble::Refused) => Status::Unauthorized,
        Some(StoreTrouble::Temporary | StoreTrouble::Stopped) => Status::Temporary,
        _ if error.is_usage() => Status::Usage,
        _ if error.is_growing() => Status::NotReady,
        _ if error.is_changed() => Status::InputChanged,
        _ if error.is_missing() => missing,
        _ => Status::BadInput,
    }
}

/// What the end of a worker means for the exit status.
pub(super) fn worker_status(error: &WorkerError) -> Status {
    match error {
        WorkerError::Ledger(error) => ledger_status(error),
        WorkerError::Pack(error) => pack_status(error),
        // The same command would come to the same.
        WorkerError::Limiter(LimiterError::BatchTooLarge { .. }) => Status::Usage,
        WorkerError::Limiter(_) => Status::Temporary,
    }
}

/// What a batch that could not be made means for the exit status.
pub(super) const fn pack_status(error: &PackError) -> Status {
    match error {
        PackError::Changed => Status::InputChanged,
        PackError::Spool(_) | PackError::NoMemory(_) => Status::Temporary,
        PackError::Unreadable => Status::Unexpected,
    }
}
