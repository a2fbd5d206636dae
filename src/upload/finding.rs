//! Are the files that a command names there, and ready to be read?
//!
//! What is missing is told before anything is read; what vanished after all of it was uploaded is
//! not missing.

use super::recognise::{RecogniseError, Recognised};
use super::report::Status;
use super::{explain, failure};
use crate::domain::{DataDate, Partition};
use crate::input::{
    DayPattern, DiscoverError, Discovered, Location, NoDay, PathPattern, Stores, covers,
    discover_paths,
};
use crate::ledger::{InputKind, KnownInput, LedgerError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Most files or dates that a message names.
const MAX_NAMED: usize = 3;

/// Why a date, or the whole command, cannot be planned.
pub(super) enum Failure {
    Date(Status, String),
    Ledger(LedgerError),
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<RecogniseError> for Failure {
    fn from(error: RecogniseError) -> Self {
        match error {
            RecogniseError::Ledger(error) => Self::Ledger(error),
            RecogniseError::Input(error) => Self::Date(
                failure::input_status(&error, Status::NotReady),
                explain::with_causes(&error),
            ),
        }
    }
}

impl From<DiscoverError> for Failure {
    fn from(error: DiscoverError) -> Self {
        let status = match &error {
            DiscoverError::Store(error) => failure::input_status(error, Status::NotReady),
            DiscoverError::Url(_) => Status::Usage,
            _ => Status::BadInput,
        };
        Self::Date(status, explain::with_causes(&error))
    }
}

/// Refuses a file whose rows were read while it grew: what was read of it is known only to a run that
/// follows its path.
pub(super) fn not_followed(name: &str, recognised: &Recognised) -> Result<(), Failure> {
    match recognised {
        Recognised::Known { input, .. } | Recognised::Changed { input, .. }
            if input.kind == InputKind::Followed =>
        {
            let problem = format!(
                "{name} was read with --follow, as {}; go on with that, which also finds the rest of files that were renamed",
                input.name
            );
            Err(Failure::Date(Status::Usage, problem))
        }
        _ => Ok(()),
    }
}

/// Finds the files that patterns name for a day.
pub(super) fn search(
    patterns: &[PathPattern],
    day: Option<DataDate>,
    stores: &Stores,
) -> Result<Discovered, Failure> {
    search_paths(patterns, day, stores).map(Discovered::each_file_once)
}

/// As [`search`], but a file comes under each of its paths.
pub(super) fn search_paths(
    patterns: &[PathPattern],
    day: Option<DataDate>,
    stores: &Stores,
) -> Result<Discovered, Failure> {
    let mut found = discover_paths(patterns, day, stores)?;
    // The next run, or `done`, may be started from another directory.
    for file in &mut found.files {
        file.location = file.location.absolute();
    }
    for name in found.missing.iter_mut().chain(&mut found.empty) {
        *name = Location::of_name(name).absolute().to_string();
    }
    Ok(found)
}

/// The files of each day, as their paths say it; one that is linked into several days is a file of
/// each. A file whose path says none stops the command: leaving it out could be leaving rows out.
pub(super) fn by_day(
    found: Discovered,
    pattern: &DayPattern,
) -> Result<BTreeMap<DataDate, Discovered>, Failure> {
    let mut days: BTreeMap<DataDate, Discovered> = BTreeMap::new();
    for file in found.files {
        let (day, folder) = day_and_folder(pattern, &file.location).map_err(|why| {
            let problem = format!(
                "{}: {why} '{pattern}' (--date-from-path); name only files of such folders, or correct the pattern. Nothing was sent",
                file.location
            );
            Failure::Date(Status::BadInput, problem)
        })?;
        let of_day = days.entry(day).or_insert_with(|| Discovered {
            missing: found.missing.clone(),
            empty: found.empty.clone(),
            ..Discovered::default()
        });
        if !of_day.folders.contains(&folder) {
            of_day.folders.push(folder);
        }
        of_day.files.push(file);
    }
    let once = |(day, found): (DataDate, Discovered)| (day, found.each_file_once());
    Ok(days.into_iter().map(once).collect())
}

/// The day that a place says, and the folder that says it.
fn day_and_folder(
    pattern: &DayPattern,
    location: &Location,
) -> Result<(DataDate, Location), NoDay> {
    let text = location.to_string();
    let (day, folder) = pattern.day_of(Path::new(&text))?;
    if matches!(location, Location::File(_)) {
        return Ok((day, Location::File(folder)));
    }
    // The two slashes of a URL are one to a path.
    let names = folder.components().count();
    let mut url = String::new();
    for name in text.split_inclusive('/') {
        let seen = url.split('/').filter(|name| !name.is_empty()).count();
        if seen == names && !name.starts_with('/') {
            break;
        }
        url.push_str(name);
    }
    Ok((day, Location::of_name(&url)))
}

/// The files of the days that were named, and a note about those of others.
pub(super) fn of_named_days(
    mut days: BTreeMap<DataDate, Discovered>,
    named: &[DataDate],
    pattern: &DayPattern,
) -> (BTreeMap<DataDate, Discovered>, Option<String>) {
    let mut wanted = BTreeMap::new();
    for day in named {
        let found = days.remove(day).unwrap_or_else(|| Discovered {
            missing: vec![format!("a file with {} on its path", pattern.of_day(*day))],
            ..Discovered::default()
        });
        wanted.insert(*day, found);
    }
    let files: usize = days.values().map(|found| found.files.len()).sum();
    let others: Vec<String> = days
        .keys()
        .take(MAX_NAMED)
        .map(ToString::to_string)
        .collect();
    let more = if days.len() > MAX_NAMED { ", …" } else { "" };
    let note = (files > 0).then(|| {
        format!(
            "{files} file(s) of {} other date(s) were left unread, as --date does not name them: {}{more}",
            days.len(),
            others.join(", ")
        )
    });
    (wanted, note)
}

/// A marker that a date remembers cannot lie beside standard input.
pub(super) fn no_folder(partition: &Partition, marker: &str) -> Failure {
    Failure::Date(
        Status::Usage,
        format!(
            "{partition} remembers --require-marker {marker}, and standard input has no folder to look in; nothing was sent. Name the files, or take the guard back with --require-marker none"
        ),
    )
}

/// The hint that a folder further up has the marker, which is never going to be in the others then.
fn above(without: &[String], marker: &str) -> Option<String> {
    let Location::File(folder) = Location::of_name(without.first()?) else {
        return None;
    };
    let mut ancestors = folder.ancestors().skip(1);
    let root = ancestors.find(|it| !it.as_os_str().is_empty() && it.join(marker).exists())?;
    Some(format!(
        ". {} has one: Spark's partitionBy writes it only there, for all days together; then look for it before this command, and take the guard back with --require-marker none",
        root.display()
    ))
}

/// What has to be there, and for whom.
pub(super) struct Readiness<'a> {
    /// The date or dates, for people.
    pub(super) name: &'a str,
    /// The file that has to lie in each folder.
    pub(super) marker: Option<String>,
    /// What the ledger has of those dates.
    pub(super) inputs: &'a [KnownInput],
    /// By which folders in remote stores are looked at.
    pub(super) stores: &'a Stores,
}

impl Readiness<'_> {
    /// Fails when a pattern names nothing, or a folder has no marker.
    pub(super) fn check(&self, found: &mut Discovered) -> Result<(), Failure> {
        // What vanished after it was finished is fine, whether it was named or matched.
        found.missing.retain(|pattern| {
            let covered: Vec<&KnownInput> = self
                .inputs
                .iter()
                .filter(|input| covers(pattern, &input.name))
                .collect();
            covered.is_empty() || !covered.iter().all(|input| input.is_finished())
        });
        if !found.missing.is_empty() {
            return Err(self.without_files(found));
        }
        let Some(marker) = &self.marker else {
            return Ok(());
        };
        let without = found.folders_without(marker, self.stores)?;
        let without: BTreeSet<String> = without.into_iter().collect();
        if without.is_empty() {
            return Ok(());
        }
        let without: Vec<String> = without.into_iter().collect();
        Err(Failure::Date(
            Status::NotReady,
            format!(
                "{}: no {marker} in {} yet; nothing was read{}",
                self.name,
                without.join(", "),
                above(&without, marker).unwrap_or_default()
            ),
        ))
    }

    /// Files that should be there and are not: never there, or vanished with rows unsent.
    fn without_files(&self, found: &Discovered) -> Failure {
        let vanished: Vec<&str> = self
            .inputs
            .iter()
            .filter(|input| !input.is_finished())
            .filter(|input| found.missing.iter().any(|it| covers(it, &input.name)))
            .map(|input| input.name.as_str())
            .collect();
        let Some(first) = vanished.first() else {
            let why: Vec<String> = found
                .missing
                .iter()
                .map(|it| found.why_missing(it))
                .collect();
            return Failure::Date(
                Status::NotReady,
                format!(
                    "{}: {}; nothing was sent in this run",
                    self.name,
                    why.join(", ")
                ),
            );
        };
        Failure::Date(
            Status::Unfinished,
            format!(
                "{}: {} vanished before all of it was uploaded; nothing was sent in this run. Put it back and run the same command again, or give up what was not sent of it: byteair-sync ledger drop-input {first}",
                self.name,
                vanished.join(", ")
            ),
        )
    }
}
