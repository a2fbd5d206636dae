//! `status`, the command that ends the wait of a day: one that can be typed as it stands.
//!
//! What was typed for the day before knows its files and how they are read, so that is named where
//! there is one; only the inputs can be listed where there is none.

use super::{Judge, Waiting, is_answered};
use crate::cli::calendar::DayState;
use crate::cli::dates::ranges;
use crate::commands::Failure;
use crate::commands::running::ledger_failure;
use crate::domain::DataDate;
use crate::ledger::{InputKind, KnownPartition, Unmet};
use crate::upload::report::NextStep;
use crate::upload::{
    HELD_BACK, HELD_FOR_OTHERS, OTHER_REPORTS, end_of_day, shell_word, spark_job_again,
    upload_from_spark, why_held_for_others, with_option, without_output_options,
};
use std::path::Path;

impl Judge<'_> {
    /// The command for what is owed.
    pub(super) fn next(&self, what: &Waiting<'_>) -> Result<Option<NextStep>, Failure> {
        let (known, lacking) = (what.known, what.lacking);
        let may_wait = |one: &Unmet| matches!(one, Unmet::DayNotOver | Unmet::HeldBack);
        if let Some(file) = &what.grown {
            let before = self.former.upload_of_file(&known.partition, file);
            let purpose = "when it is complete, sends the rest";
            let before = before.map(|command| NextStep::new(command, purpose));
            return Ok(before.or_else(|| self.upload(known, "", purpose)));
        }
        Ok(match what.state {
            DayState::Done | DayState::Missing => None,
            DayState::Refused => {
                self.upload(known, "", "when the option or the console is put right")
            }
            DayState::Uploaded if known.partition.date().is_none() => None,
            DayState::Uploaded if lacking.iter().all(may_wait) => {
                Some(self.release(known, lacking)?)
            }
            DayState::Uploaded if lacking.contains(&Unmet::DayNotOver) => None,
            DayState::Uploaded if lacking.iter().any(is_unconfirmed) => self.upload(
                known,
                "--unconfirmed accept",
                "when the console shows the rows",
            ),
            // A guard, of which only the person knows whether it is right.
            DayState::Uploaded => self.upload(known, "", "when the export is right"),
            DayState::Rejected => Some(self.about("rejects list", known, "")),
            DayState::Partial => self.of_partial(what)?,
        })
    }

    /// The `done` that is owed; for other machines only together with their reports.
    fn release(&self, known: &KnownPartition, lacking: &[Unmet]) -> Result<NextStep, Failure> {
        let is_held = lacking.contains(&Unmet::HeldBack);
        let for_others = match self.reader {
            Some(reader) if is_held => {
                why_held_for_others(reader, known).map_err(ledger_failure)?
            }
            _ => None,
        };
        if for_others.is_some() {
            let mut step = self.about("done", known, HELD_FOR_OTHERS);
            step.command += OTHER_REPORTS;
            return Ok(step);
        }
        let purpose = match known.partition.date() {
            Some(day) if lacking.contains(&Unmet::DayNotOver) => {
                let zone = known.guards.zone_or(self.zone);
                format!("after {}", end_of_day(day, zone))
            }
            _ if is_held => HELD_BACK.to_owned(),
            _ => String::new(),
        };
        Ok(self.about("done", known, &purpose))
    }

    /// What goes on with a day that is not uploaded.
    fn of_partial(&self, what: &Waiting<'_>) -> Result<Option<NextStep>, Failure> {
        let (known, lacking) = (what.known, what.lacking);
        if lacking.iter().any(is_answered) {
            let purpose = "everything again, when the console shows what is there; behavior rows would be stored twice";
            return Ok(self.upload(known, "--restart", purpose));
        }
        if let Some(file) = open_replay(what)? {
            let purpose = "sends the rest of the corrections";
            let mut step = self.about("rejects replay", known, purpose);
            step.command = format!("{} {}", step.command, shell_word(&file));
            return Ok(Some(step));
        }
        if let Some(upload) = open_upload_from_spark(what)? {
            return Ok(Some(spark_job_again(&upload)));
        }
        let is_dropped = |one: &Unmet| matches!(one, Unmet::OnlyDropped(_) | Unmet::Empty);
        if lacking.iter().any(is_dropped) && !lacking.iter().any(is_unfinished) {
            return Ok(self.upload(known, "", "when what replaces the dropped input is there"));
        }
        Ok(self.upload(known, "", ""))
    }

    /// The upload of a day: as it was typed before, or the `run` of its job file.
    fn upload(&self, known: &KnownPartition, option: &str, purpose: &str) -> Option<NextStep> {
        if let Some(command) = self.former.upload_of(&known.partition) {
            let reads_stdin = command.split(' ').any(|word| word == "-");
            let purpose = match purpose {
                "" if reads_stdin => "with the same stream as its standard input",
                purpose => purpose,
            };
            let command = without_output_options(&with_option(&command, option));
            return Some(NextStep::new(command, purpose));
        }
        let day = known.partition.date();
        let run = day.and_then(|day| self.run(&[day], purpose));
        run.filter(|_| option.is_empty()).or_else(|| {
            let then = match (option, purpose) {
                ("", "") => "then goes on with them".to_owned(),
                ("", purpose) => format!("again, {purpose}"),
                (option, purpose) => format!("with {option}: {purpose}"),
            };
            let purpose = format!("lists its inputs; 'write' {then}");
            Some(self.about("ledger show", known, &purpose))
        })
    }

    /// The `run` for some days, if there ever was one.
    pub(super) fn run(&self, days: &[DataDate], purpose: &str) -> Option<NextStep> {
        let run = self.job_file.as_ref().filter(|_| !days.is_empty())?;
        let days = ranges(&days.iter().copied().collect());
        let command = format!("{run} --date {days}{}", self.carried);
        Some(NextStep::new(command, purpose))
    }

    /// A command about a date.
    pub(super) fn about(&self, words: &str, known: &KnownPartition, purpose: &str) -> NextStep {
        let partition = &known.partition;
        let day = partition.date();
        let day = day.map_or_else(String::new, |day| format!(" --date {day}"));
        let command = format!(
            "byteair-sync {words} --topic {} --stage {}{day}{}",
            shell_word(partition.topic.as_str()),
            partition.stage.kind(),
            self.carried
        );
        NextStep::new(command, purpose)
    }
}

/// A file of corrections that are not all sent, and that is there.
fn open_replay(what: &Waiting<'_>) -> Result<Option<String>, Failure> {
    let inputs = what.reader.inputs(what.known.id).map_err(ledger_failure)?;
    for input in inputs.into_iter().filter(|input| !input.is_finished()) {
        let replaces = what.reader.replaces_rejects(input.id);
        if replaces.map_err(ledger_failure)?
            && input.kind == InputKind::File
            && Path::new(&input.name).exists()
        {
            return Ok(Some(input.name));
        }
    }
    Ok(None)
}

/// An upload from Spark that has begun and is not complete.
fn open_upload_from_spark(what: &Waiting<'_>) -> Result<Option<String>, Failure> {
    let inputs = what.reader.inputs(what.known.id).map_err(ledger_failure)?;
    let open = inputs.iter().filter(|input| !input.is_finished());
    let mut uploads = open.filter_map(|input| upload_from_spark(&input.name));
    Ok(uploads.next().map(str::to_owned))
}

const fn is_unconfirmed(one: &Unmet) -> bool {
    matches!(one, Unmet::UnconfirmedRows(_))
}

const fn is_unfinished(one: &Unmet) -> bool {
    matches!(
        one,
        Unmet::InputUnfinished { .. } | Unmet::BatchesPending(_)
    )
}
