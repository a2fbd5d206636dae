//! What is on this machine: the state directory, the ledger in it, the disk below it.

use crate::cli::checkup::{Check, Finding, Remedy};
use crate::cli::error::chain;
use crate::cli::figure::{counted, grouped, size};
use crate::cli::settings::Survey;
use crate::ledger::{Health, LedgerError, examine};
use crate::upload::ledger_status;
use crate::upload::report::Status;
use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, getrlimit};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// Bytes that are written to see whether the disk takes them: what a small run needs.
const TRIAL_BYTES: usize = 1 << 20;

/// Less free space is worth a word: rejected rows and batches of pipes are kept on the disk.
const LITTLE_SPACE: u64 = 1 << 30;

/// Fewer open files are worth a word: each input is one, and so is each connection.
const FEW_FILES: u64 = 256;

/// Looks at everything on this machine.
pub(super) async fn look(survey: &Survey) -> Vec<Check> {
    let Some(place) = survey.state_dir.clone() else {
        let why = "there is no state directory";
        let skipped = |name| Check::new(name, Finding::Skipped(why.to_owned()));
        return vec![
            skipped("state directory"),
            skipped("disk"),
            skipped("ledger"),
        ];
    };
    // Reading a large ledger takes its time.
    let looking = tokio::task::spawn_blocking(move || {
        let mut checks = vec![directory(&place), disk(&place)];
        let usable = checks.iter().all(|it| it.status() == Status::Success);
        checks.push(ledger(&place, usable));
        checks.push(open_files());
        checks
    });
    looking.await.unwrap_or_else(|error| {
        let remedy = Remedy::new(
            format!("looking at the disk ended: {error}"),
            "report this bug",
        );
        vec![Check::new(
            "ledger",
            Finding::Failed(Status::Unexpected, remedy),
        )]
    })
}

fn directory(place: &Path) -> Check {
    let shown = place.display();
    let tried = match std::fs::metadata(place) {
        Ok(there) if !there.is_dir() => Err(ErrorKind::NotADirectory.into()),
        Ok(_) => tempfile::tempfile_in(place).map(|_gone| format!("{shown} is writable")),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let above = existing(place);
            access(above, Access::WRITE_OK | Access::EXEC_OK)
                .map(|()| format!("{shown} is not there yet; the first run makes it"))
                .map_err(io::Error::from)
        }
        Err(error) => Err(error),
    };
    let finding = tried.map_or_else(
        |error| {
            let what = format!("{shown} cannot be written: {error}");
            Finding::Failed(io_status(&error), Remedy::new(what, cure(&error)))
        },
        Finding::Fine,
    );
    Check::new("state directory", finding)
}

fn disk(place: &Path) -> Check {
    let there = existing(place);
    let free = statvfs(there).map(|it| it.f_bavail.saturating_mul(it.f_frsize));
    let finding = match (free, trial(place)) {
        (_, Err(error))
            if error.kind() == ErrorKind::StorageFull
                || error.kind() == ErrorKind::QuotaExceeded =>
        {
            let what = format!("the disk under {} is full: {error}", place.display());
            Finding::Failed(Status::Temporary, Remedy::new(what, cure(&error)))
        }
        (_, Err(_)) => Finding::Skipped("see the state directory".to_owned()),
        (Err(error), Ok(())) => Finding::Skipped(format!("the system does not say: {error}")),
        (Ok(free), Ok(())) if free < LITTLE_SPACE => Finding::Notice(Remedy::new(
            format!("only {} free under {}", size(free), there.display()),
            "make room: rejected rows, the ledger, and batches of pipes need it; a full disk stops a run, which loses nothing",
        )),
        (Ok(free), Ok(())) => Finding::Fine(format!("{} free", size(free))),
    };
    Check::new("disk", finding)
}

/// Writes a file that has no name, as large as a small run needs.
fn trial(place: &Path) -> io::Result<()> {
    if !place.is_dir() {
        return Ok(());
    }
    let mut file = tempfile::tempfile_in(place)?;
    file.write_all(&vec![b'x'; TRIAL_BYTES])?;
    file.sync_all()
}

fn ledger(place: &Path, usable: bool) -> Check {
    let finding = match examine(place) {
        // What is wrong with the directory has been said, and keeps the ledger from being opened.
        Err(LedgerError::Io { .. }) if !usable => Finding::Skipped("see above".to_owned()),
        Err(LedgerError::Database { .. }) if !usable && place.is_dir() => {
            Finding::Skipped("it cannot be opened for what is said above".to_owned())
        }
        Err(error) => Finding::Failed(ledger_status(&error), Remedy::new(chain(&error), "")),
        Ok(None) => {
            Finding::Fine("none yet: nothing was uploaded with this state directory".to_owned())
        }
        Ok(Some(health)) if health.damages.is_empty() && health.rejects_lost > 0 => {
            let what = format!(
                "whole, but {} cannot be shown or exported: {} lacks them",
                counted(health.rejects_lost, "rejected row", "rejected rows"),
                place.join("rejects").display()
            );
            let cure = "restore that directory from a backup, or correct the rows where they come from ('rejects list' has file and line) and give these up with 'rejects waive'";
            Finding::Notice(Remedy::new(what, cure))
        }
        Ok(Some(health)) if health.damages.is_empty() => Finding::Fine(whole(&health)),
        Ok(Some(health)) => {
            let what = format!(
                "the ledger is damaged: {}",
                health.damages.join("; ").replace('\n', " ")
            );
            let cure = "restore ledger.db from a backup, or move it away only if you know from the console what was done";
            Finding::Failed(Status::Usage, Remedy::new(what, cure))
        }
    };
    Check::new("ledger", finding)
}

fn whole(health: &Health) -> String {
    let upgrade = if health.is_older {
        "; the next run upgrades it and keeps a copy"
    } else {
        ""
    };
    format!(
        "whole ({}, version {}): {}, {} of them done{upgrade}",
        size(health.bytes),
        health.version,
        counted(health.dates, "date", "dates"),
        grouped(health.dates_done)
    )
}

fn open_files() -> Check {
    // A run raises the limit as far as it may.
    let finding = match getrlimit(Resource::Nofile).maximum {
        Some(most) if most < FEW_FILES => Finding::Notice(Remedy::new(
            format!("only {most} files may be open at a time"),
            "raise the limit (ulimit -Hn, LimitNOFILE= of systemd) when many files are uploaded together",
        )),
        Some(most) => Finding::Fine(format!("{} may be open at a time", grouped(most))),
        None => Finding::Fine("as many as memory allows".to_owned()),
    };
    Check::new("open files", finding)
}

/// The nearest directory that is there.
fn existing(place: &Path) -> &Path {
    let mut above = place.ancestors().filter(|it| !it.as_os_str().is_empty());
    above.find(|it| it.exists()).unwrap_or(Path::new("."))
}

fn io_status(error: &io::Error) -> Status {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Status::Temporary,
        _ => Status::Usage,
    }
}

fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room, then run the same upload again: nothing is lost"
        }
        ErrorKind::NotADirectory => "a part of the path is a file; choose another --state-dir",
        _ => {
            "make it writable for this user; another --state-dir knows nothing of what was uploaded with this one"
        }
    }
}
