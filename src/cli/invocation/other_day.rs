//! The same invocation for another day.

use super::Invocation;
use crate::cli::args::Command;
use crate::cli::dates::{DateSpec, DayName};
use crate::domain::DataDate;

impl Invocation {
    /// Makes the `write` of a day that of another one. The words of a job are many, so they are read
    /// once for all of its days.
    pub fn name_day(&mut self, day: DataDate) {
        let Command::Write(args) = &mut self.cli.command else {
            return;
        };
        let [DateSpec::One(DayName::Day(former))] = args.target.date.as_slice() else {
            return;
        };
        let word = |day| format!(" --date={day} -- ");
        self.command_line = self.command_line.replacen(&word(*former), &word(day), 1);
        args.target.date = vec![DateSpec::One(DayName::Day(day))];
        self.values.insert("date".to_owned(), day.to_string());
    }
}
