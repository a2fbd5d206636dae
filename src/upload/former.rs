//! The uploads that were typed before, for naming the one that goes on with a date.
//!
//! The ledger keeps the command of every run. The newest upload that names a date knows its files and
//! how they are read, which no command made up from the ledger alone would. Reads only.

use super::command_line::{has_option, names_file, reading_options, value_of, without_flag, words};
use super::spark::is_of_driver;
use crate::domain::{Partition, StageKind};
use crate::ledger::{LedgerError, LedgerReader};

/// Most runs that are looked at; what is older is hardly the upload of a date that is open.
const MAX_RUNS: u32 = 1_000;

/// Commands of former runs, the newest first.
#[derive(Debug, Default)]
pub struct Former(Vec<String>);

impl Former {
    /// Looks them up.
    pub fn read(ledger: &LedgerReader) -> Result<Self, LedgerError> {
        let mut commands = ledger.newest_commands("write", MAX_RUNS)?;
        commands.retain(|command| !is_of_driver(command));
        Ok(Self(commands))
    }

    /// The newest upload of a date, as it is typed to go on with it.
    pub fn upload_of(&self, date: &Partition) -> Option<String> {
        let command = self.0.iter().find(|command| is_upload_of(command, date))?;
        Some(without_flag(command, "--restart"))
    }

    /// The newest upload of a date that names a file, or else the newest at all, as it is typed to go on.
    pub fn upload_of_file(&self, date: &Partition, file: &str) -> Option<String> {
        let command = self.of_file(date, file)?;
        Some(without_flag(command, "--restart"))
    }

    /// How the newest upload of a date that names a file said that it is read.
    pub(super) fn reading_of(&self, date: &Partition, file: &str) -> String {
        let command = self.of_file(date, file);
        command.map_or_else(String::new, reading_options)
    }

    fn of_file(&self, date: &Partition, file: &str) -> Option<&str> {
        let mut of_date = self.0.iter().filter(|command| is_upload_of(command, date));
        let newest = of_date.clone().next();
        let naming = of_date.find(|command| names_file(command, file));
        naming.or(newest).map(String::as_str)
    }
}

/// Whether a command uploads to a date. One that takes its topic or stage from somewhere else is left
/// out: where from is not known any more.
fn is_upload_of(command: &str, date: &Partition) -> bool {
    let stage = value_of(command, "--stage", "-s").and_then(|it| it.parse::<StageKind>().ok());
    words(command).any(|word| word == "write")
        && value_of(command, "--topic", "-t") == Some(date.topic.as_str())
        && stage == Some(date.stage.kind())
        && names_day(command, date)
}

fn names_day(command: &str, date: &Partition) -> bool {
    let Some(day) = date.date().map(|day| day.to_string()) else {
        return true;
    };
    let Some(days) = value_of(command, "--date", "-d") else {
        return ["--date-from-field", "--date-from-path"]
            .iter()
            .any(|name| has_option(command, name));
    };
    // Such days are in the order of their texts.
    days.split(',').any(|part| match part.split_once("..") {
        Some((first, last)) => (first..=last).contains(&day.as_str()),
        None => part == day,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Stage, Target};

    fn date(topic: &str, day: &str) -> Partition {
        Partition {
            target: Target::new("t", "a", "p").unwrap(),
            topic: topic.parse().unwrap(),
            stage: Stage::new(StageKind::HistorySync, Some(day.parse().unwrap())).unwrap(),
        }
    }

    #[test]
    fn the_newest_upload_of_a_date_is_found_by_topic_stage_and_day() {
        let write = "byteair-sync write -s history_sync";
        let former = Former(vec![
            "byteair-sync done -t item -s history_sync -d 2022-01-02".to_owned(),
            format!("{write} -t user -d 2022-01-02 u"),
            format!("{write} --topic=item --restart -d2022-01-01..2022-01-03 --format csv b"),
            format!("{write} -qt item --date 2022-01-05,2022-01-02 a"),
        ]);
        let of = |topic, day| former.upload_of(&date(topic, day));
        let ranged = format!("{write} --topic=item -d2022-01-01..2022-01-03 --format csv b");
        assert_eq!(of("item", "2022-01-02"), Some(ranged));
        assert_eq!(of("user", "2022-01-02"), Some(former.0[1].clone()));
        assert_eq!(of("item", "2022-01-05"), Some(former.0[3].clone()));
        assert_eq!(of("item", "2022-01-04"), None);
        let item = date("item", "2022-01-02");
        assert_eq!(former.reading_of(&item, "/x/b"), " --format csv");
        assert_eq!(former.reading_of(&item, "/x/a"), "");
    }
}
