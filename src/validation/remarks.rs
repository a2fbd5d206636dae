//! What is remarkable about rows that an upload would send all the same.

use super::account::{Fault, Spot};
use super::reading::Survey;
use crate::input::{RowReader, WarningKind};
use crate::schema::has_control_character;

impl Survey {
    /// What the reader noticed in the rows of an input.
    pub(super) fn take_warnings(&mut self, reader: &mut dyn RowReader) {
        for warning in reader.warnings() {
            let fault = Fault {
                kind: warning.kind.as_str(),
                field: "",
                message: meaning(warning.kind),
            };
            let spot = self.spot(warning.first);
            self.warnings.add(&fault, warning.count, spot);
        }
    }

    /// Looks for tabs and line breaks in the texts of the row that was shaped last, which is given again.
    pub(super) fn warn_of_control_characters(&mut self, row: &[u8], spot: Spot) {
        for member in self.shaper.sent_members(row) {
            if member.value.first() == Some(&b'"') && has_control_character(member.value) {
                let fault = Fault {
                    kind: "control_character",
                    field: &String::from_utf8_lossy(member.key),
                    message: "has a control character (such as a tab or a line break); it is sent as it is",
                };
                self.warnings.add(&fault, 1, spot);
            }
        }
    }

    /// Names of options that are probably misspelt.
    pub(super) fn warn_of_unused_options(&mut self) {
        if self.report.rows == 0 {
            return;
        }
        for (field, option) in self.shaper.unused() {
            if self.columns.contains(field) {
                // It has no value anywhere, but it is there.
                continue;
            }
            let fault = Fault {
                kind: "unused_option",
                field,
                message: &format!("no row has this field, which {option} names"),
            };
            let spot = Spot { input: 0, line: 1 };
            self.warnings.add(&fault, self.report.rows, spot);
        }
    }
}

const fn meaning(kind: WarningKind) -> &'static str {
    match kind {
        WarningKind::DuplicateKey => {
            "a key is there twice in one object; which one counts is up to the platform"
        }
        WarningKind::LoneSurrogate => "an escape such as \\ud800 stands for no character",
        WarningKind::NumberRange => "a number such as 1e400 is infinite as a double",
    }
}
