//! What can go wrong with the ledger, told so that a person knows what is safe and what to do.

use std::path::{Path, PathBuf};

/// Why the ledger could not do something. Nothing that it acknowledged before is lost.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The state directory or a file in it cannot be used.
    #[error("cannot {doing} {path}{advice}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What to do about it; empty when unknown.
        advice: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// SQLite refused something.
    #[error("cannot {doing} ({path}){advice}")]
    Database {
        /// What was tried.
        doing: &'static str,
        /// The ledger file.
        path: PathBuf,
        /// What to do about it; empty when unknown.
        advice: &'static str,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// The ledger was written by another version of this program.
    #[error(
        "the ledger {path} has schema version {found}, this program knows version {supported}; use the version of byteair-sync that wrote it, or a newer one"
    )]
    OtherVersion {
        /// The ledger file.
        path: PathBuf,
        /// Its version.
        found: i32,
        /// Ours.
        supported: i32,
    },
    /// The file is an SQLite database, but not a ledger.
    #[error("{path} is not a ledger of byteair-sync; choose another --state-dir")]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// The file system cannot hold a write-ahead log.
    #[error(
        "the ledger {path} cannot use a write-ahead log on this file system; choose a --state-dir on a local disk"
    )]
    NoWriteAheadLog {
        /// The ledger file.
        path: PathBuf,
    },
    /// The state directory lies on a network file system, where neither locks nor the log hold.
    #[error(
        "the state directory {path} lies on a network file system ({kind}), where the ledger is not safe; choose a --state-dir on a local disk"
    )]
    NetworkFileSystem {
        /// The directory.
        path: PathBuf,
        /// Which kind.
        kind: &'static str,
    },
    /// Another run is uploading exactly this input.
    #[error("{input} is being uploaded by another run ({holder})")]
    Busy {
        /// The input.
        input: String,
        /// Process, host and start of the other run.
        holder: String,
    },
    /// Another run registered a file that may have the same content, or read on in this one, after this
    /// one had looked.
    #[error(
        "another run has just begun with {input}, or a file that is as large; run the same command again"
    )]
    Outdated {
        /// The input.
        input: String,
    },
    /// Hosts that share nothing with those known for the target.
    #[error(
        "target {target} is known to the ledger with hosts {known}, not {given}; if that is the same platform, repeat with --same-target, otherwise give the profile another platform name"
    )]
    OtherHosts {
        /// The target.
        target: String,
        /// Hosts in the ledger.
        known: String,
        /// Hosts of this command.
        given: String,
    },
    /// A ledger that was there is gone, or nothing is left of it.
    #[error(
        "the ledger {path} is {what}, so what was uploaded with it is not known any more; restore it from a backup, or remove {path} and the files beside it that begin with its name if nothing was ever uploaded (everything would be sent again)"
    )]
    Emptied {
        /// The ledger.
        path: PathBuf,
        /// What is left of it.
        what: &'static str,
    },
    /// The ledger holds something that this program never writes.
    #[error("the ledger holds {what}; it was changed by another program or is damaged")]
    Nonsense {
        /// What was found.
        what: String,
    },
    /// The whole file was looked through.
    #[error(
        "the ledger is damaged ({found}), so nothing more is sent with it; restore ledger.db from a backup, or move it away only if you know from the console what was done"
    )]
    Damaged {
        /// What SQLite found first.
        found: String,
    },
    /// The ledger is older than what was done with it.
    #[error(
        "the ledger does not know run {run}, which wrote to it: its log (ledger.db-wal) was lost or is damaged, or an older copy took its place, so nothing more is sent with it; put ledger.db and ledger.db-wal back as they were. To go on with it as it is, remove {path}: what was uploaded since may be sent again"
    )]
    PartMissing {
        /// The newest run that wrote to it.
        run: i64,
        /// Where that is noted.
        path: PathBuf,
    },
    /// Something was asked of a date or an input that its state forbids.
    #[error("{0}")]
    Forbidden(String),
    /// An input for a date that takes none any more.
    #[error(
        "{date} is already {gate}, so {input} comes too late (late_input); re-sync the date in the platform's console, then 'byteair-sync ledger reopen'"
    )]
    TooLate {
        /// The input.
        input: String,
        /// The date.
        date: String,
        /// The state of its gate.
        gate: &'static str,
    },
    /// An input that was registered for other dates.
    #[error(
        "{input} was registered as one that may hold rows of {date}, which waits for it, and now that date is left out; name the same dates as before, or give it up first: 'byteair-sync ledger drop-input {input}'"
    )]
    OtherDates {
        /// The input.
        input: String,
        /// The date that would wait for rows that nobody reads.
        date: String,
    },
    /// Answers could not be recorded when nothing else can be written.
    #[error(
        "the disk is full: there is no room for the {} KiB of {path} that are kept for answers which arrive when nothing else can be written; make room and run the same command again; nothing was sent",
        bytes >> 10
    )]
    NoReserve {
        /// Where they would be.
        path: PathBuf,
        /// Their number.
        bytes: u64,
    },
    /// The writer has ended; an earlier error says why.
    #[error("the ledger is closed after an earlier error")]
    Closed,
}

impl LedgerError {
    /// A database error while doing something inside a transaction, before the path is known.
    pub(super) fn database(doing: &'static str, source: rusqlite::Error) -> Self {
        let advice = advice(&source);
        Self::Database {
            doing,
            path: PathBuf::from("ledger.db"),
            advice,
            source,
        }
    }
}

/// What is said where the limit of open files is used up.
const NO_FILE_LEFT: &str = ": no more files may be open; raise the limit (ulimit -n, or LimitNOFILE= of systemd) and run the same command again; what was recorded stays";

impl LedgerError {
    /// Whether nothing failed but for want of an open file.
    pub fn is_short_of_files(&self) -> bool {
        match self {
            Self::Io { advice, .. } | Self::Database { advice, .. } => *advice == NO_FILE_LEFT,
            _ => false,
        }
    }

    /// Whether a file or the database failed, rather than what was asked of them.
    pub(super) fn is_of_disk(&self) -> bool {
        match self {
            Self::Io { .. } => true,
            Self::Database { source, .. } => source
                .sqlite_error_code()
                .is_some_and(|code| code != rusqlite::ErrorCode::ConstraintViolation),
            _ => false,
        }
    }
}

/// Wraps an SQLite error with what was being done.
pub(super) fn in_database(
    doing: &'static str,
    path: &Path,
) -> impl Fn(rusqlite::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| LedgerError::Database {
        doing,
        path: path.clone(),
        advice: advice(&source),
        source,
    }
}

/// Wraps an I/O error with what was being done.
pub(super) fn in_file(doing: &'static str, path: &Path) -> impl Fn(std::io::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| LedgerError::Io {
        doing,
        path: path.clone(),
        advice: io_advice(&source),
        source,
    }
}

fn io_advice(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    if is_for_want_of_files(error) {
        return NO_FILE_LEFT;
    }
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            ": the state directory is not writable for this user; make it so (another --state-dir knows nothing of what was uploaded with this one and would send it again)"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            ": the disk is full; make room and run the same command again; what was recorded stays, and nothing is sent twice"
        }
        ErrorKind::NotADirectory => ": a part of the path is a file; choose another --state-dir",
        _ => "",
    }
}

fn is_for_want_of_files(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}

/// SQLite does not say why it cannot open a file; opening another one does.
fn no_file_is_left() -> bool {
    std::fs::File::open("/").is_err_and(|error| is_for_want_of_files(&error))
}

fn advice(error: &rusqlite::Error) -> &'static str {
    use rusqlite::ErrorCode;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            ": the disk is full; make room and run the same command again; what was recorded stays, and nothing is sent twice"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ": the file is damaged; restore it from a backup, or move it away only if you know from the console what was done"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            ": the state directory is not writable for this user"
        }
        Some(ErrorCode::CannotOpen) if no_file_is_left() => NO_FILE_LEFT,
        Some(ErrorCode::CannotOpen) => ": check that the state directory exists and is writable",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ": another process holds it; run the same command again"
        }
        Some(ErrorCode::SystemIoFailure) => {
            ": the disk is full or failing; mend that and run the same command again"
        }
        _ => "",
    }
}
