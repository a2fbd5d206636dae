//! Files whose folders say the day of their rows (`--date-from-path`).
//!
//! What `write` would not read is not read here either, and a file whose path says no day is as much of a
//! fault as it is there.

use super::reading::Survey;
use super::report::Failure;
use crate::domain::DataDate;
use crate::input::{
    DayPattern, Discovered, FoundFile, PathPattern, Start, discover_paths, open_file,
};
use chrono::Datelike;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

impl Survey {
    /// Reads the files of the named days, or of all when none is named.
    pub(super) fn read_folders(
        &mut self,
        patterns: &[PathPattern],
        pattern: &DayPattern,
        named: &[DataDate],
    ) -> io::Result<()> {
        let found = match discover_paths(patterns, None, &self.reading.stores) {
            Ok(found) => found,
            Err(error) => {
                self.report.failures.push(error.into());
                return Ok(());
            }
        };
        for missing in &found.missing {
            let why = Failure::Missing(found.why_missing(missing));
            self.report.failures.push(why);
        }
        let mut days = self.by_day(found.files, pattern);
        for day in named.iter().filter(|day| !days.contains_key(day)) {
            let why = format!("with {} on its path is not there", pattern.of_day(*day));
            self.report.failures.push(Failure::Missing(why));
        }
        if !named.is_empty() {
            let before: usize = days.values().map(Vec::len).sum();
            days.retain(|day, _| named.contains(day));
            let wanted: usize = days.values().map(Vec::len).sum();
            self.report.unread = u64::try_from(before.saturating_sub(wanted)).unwrap_or(u64::MAX);
        }
        for (day, files) in days {
            self.day = number_of(day);
            for file in files {
                if self.left == 0 {
                    return Ok(());
                }
                let reader = open_file(&file.location, &self.reading, Start::BEGINNING);
                self.read(file.location.to_string(), reader)?;
            }
        }
        Ok(())
    }

    fn by_day(
        &mut self,
        files: Vec<FoundFile>,
        pattern: &DayPattern,
    ) -> BTreeMap<DataDate, Vec<FoundFile>> {
        let mut days: BTreeMap<DataDate, Vec<FoundFile>> = BTreeMap::new();
        for file in files {
            let name = file.location.absolute().to_string();
            match pattern.day_of(Path::new(&name)) {
                Ok((day, _)) => days.entry(day).or_default().push(file),
                Err(why) => self.report.failures.push(Failure::NoDay {
                    file: file.location.to_string(),
                    why,
                    pattern: pattern.clone(),
                }),
            }
        }
        let once = |files| {
            let found = Discovered {
                files,
                ..Discovered::default()
            };
            found.each_file_once().files
        };
        days.into_iter()
            .map(|(day, files)| (day, once(files)))
            .collect()
    }
}

/// A number by which a day is told from others.
pub(super) fn number_of(day: DataDate) -> u32 {
    day.as_naive().num_days_from_ce().unsigned_abs()
}
