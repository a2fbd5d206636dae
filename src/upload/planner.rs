//! What is left to send for one date.
//!
//! Each input is looked up in the ledger and compared with what it has of it (the table of
//! `ledger.md` section 5). A date that cannot be uploaded is an [`Action::Fail`], not an error: the
//! other dates go on.

use super::plan::{Action, PlannedInput, PlannedPlace};
use super::recognise::{RecogniseError, Recognised, Recogniser};
use super::report::Status;
use super::settings::{Settings, Sources};
use super::stdin::{self, StdinInput};
use super::{explain, failure};
use crate::domain::Partition;
use crate::input::{
    DiscoverError, Discovered, FoundFile, Location, Start, Verifier, covers, discover,
};
use crate::ledger::{
    Gate, InputId, InputKind, KnownInput, KnownPartition, KnownTarget, LedgerError, LedgerReader,
};
use std::collections::HashSet;

/// Plans one date.
pub(super) struct Planner<'a> {
    pub(super) settings: &'a Settings,
    pub(super) ledger: Option<&'a LedgerReader>,
    pub(super) known_target: Option<&'a KnownTarget>,
    pub(super) partition: Partition,
}

impl Planner<'_> {
    /// Says what is to be done for the date; adds things to notice.
    pub(super) fn plan_date(
        &self,
        notes: &mut Vec<String>,
        stdin: &mut Option<StdinInput>,
    ) -> Result<Action, LedgerError> {
        let known = match (self.ledger, self.known_target) {
            (Some(reader), Some(target)) => reader.partition(target, &self.partition)?,
            _ => None,
        };
        if self.settings.run.restart && known.as_ref().is_some_and(|known| known.gate.is_done()) {
            return Ok(Action::Fail(Status::Refused, self.done_before_restart()));
        }
        // A date that is started over has no past.
        let known = known.filter(|_| !self.settings.run.restart);
        let inputs = match (&known, self.ledger) {
            (Some(partition), Some(reader)) => reader.inputs(partition.id)?,
            _ => Vec::new(),
        };
        let closed = known
            .as_ref()
            .is_some_and(|known| known.gate.is_done() || known.gate == Gate::Sealed);
        let planned = match &self.settings.sources {
            Sources::Paths(patterns) => match self.find_files(patterns, known.as_ref(), &inputs) {
                Ok(found) => self.plan_files(&found, &inputs, closed, notes),
                Err(fail) => Err(fail),
            },
            Sources::Stdin { .. } => match stdin.take() {
                Some(input) => self.plan_stdin(input, &inputs, closed),
                None => Ok(Vec::new()),
            },
        };
        let planned = match planned {
            Ok(planned) => planned,
            Err(Failure::Ledger(error)) => return Err(error),
            Err(Failure::Date(status, problem)) => return Ok(Action::Fail(status, problem)),
        };
        match known {
            Some(known) if known.gate.is_done() => Ok(Action::AlreadyDone {
                unconfirmed: known.gate == Gate::DoneUnconfirmed,
            }),
            _ => Ok(Action::Upload(planned)),
        }
    }

    fn find_files(
        &self,
        patterns: &[crate::input::PathPattern],
        known: Option<&KnownPartition>,
        inputs: &[KnownInput],
    ) -> Result<Discovered, Failure> {
        let stores = &self.settings.input.stores;
        let mut found = discover(patterns, self.partition.date(), stores)?;
        // The next run, or `done`, may be started from another directory.
        for file in &mut found.files {
            file.location = file.location.absolute();
        }
        for name in found.missing.iter_mut().chain(&mut found.empty) {
            *name = Location::of_name(name).absolute().to_string();
        }
        // What vanished after it was finished is fine, whether it was named or matched.
        found.missing.retain(|pattern| {
            let covered: Vec<&KnownInput> = inputs
                .iter()
                .filter(|input| covers(pattern, &input.name))
                .collect();
            covered.is_empty() || !covered.iter().all(|input| input.is_finished())
        });
        if !found.missing.is_empty() {
            return Err(self.without_files(&found, inputs));
        }
        let marker = self
            .settings
            .gate
            .guards
            .require_marker
            .clone()
            .or_else(|| known.and_then(|known| known.guards.require_marker.clone()));
        let done = known.is_some_and(|known| known.gate.is_done());
        // Corrected rows lie wherever somebody corrected them.
        let unmarked = done || self.settings.replay.is_some();
        if let (Some(marker), false) = (marker, unmarked) {
            let without = found.folders_without(&marker, stores)?;
            if !without.is_empty() {
                return Err(Failure::Date(
                    Status::NotReady,
                    format!(
                        "{}: no {marker} in {} yet; nothing was read",
                        self.partition,
                        without.join(", ")
                    ),
                ));
            }
        }
        Ok(found)
    }

    /// Files that should be there and are not: never there, or vanished with rows unsent.
    fn without_files(&self, found: &Discovered, inputs: &[KnownInput]) -> Failure {
        let vanished: Vec<&str> = inputs
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
                    self.partition,
                    why.join(", ")
                ),
            );
        };
        Failure::Date(
            Status::Unfinished,
            format!(
                "{}: {} vanished before all of it was uploaded; nothing was sent in this run. Put it back and run the same command again, or give up what was not sent of it: byteair-sync ledger drop-input {first}",
                self.partition,
                vanished.join(", ")
            ),
        )
    }

    fn plan_files(
        &self,
        found: &Discovered,
        inputs: &[KnownInput],
        closed: bool,
        notes: &mut Vec<String>,
    ) -> Result<Vec<PlannedInput>, Failure> {
        let mut planned: Vec<PlannedInput> = Vec::new();
        let mut listed: HashSet<InputId> = HashSet::new();
        for file in &found.files {
            let recognised = match self.ledger {
                Some(ledger) => Recogniser {
                    ledger,
                    settings: &self.settings.input,
                    verify: self.settings.run.verify,
                    replay: self.settings.replay.is_some(),
                }
                .recognise(file, inputs)?,
                None => Recognised::New,
            };
            let name = file.location.to_string();
            let input = self.plan_file(file, name, recognised, closed, notes)?;
            let twice = input.known.is_some_and(|id| !listed.insert(id));
            if twice {
                notes.push(format!(
                    "{} has the content of an input that is listed already; it is not uploaded twice",
                    input.name
                ));
            } else {
                planned.push(input);
            }
        }
        Ok(planned)
    }

    fn plan_file(
        &self,
        file: &FoundFile,
        name: String,
        recognised: Recognised,
        closed: bool,
        notes: &mut Vec<String>,
    ) -> Result<PlannedInput, Failure> {
        let place = PlannedPlace::Stored(file.location.clone(), file.identity.clone());
        match recognised {
            Recognised::New if closed => Err(self.too_late(&name, "it is new")),
            Recognised::New => Ok(PlannedInput {
                name,
                place,
                known: None,
                resume: Start::BEGINNING,
                read_to_end: false,
                finished: false,
                unverified: Vec::new(),
            }),
            Recognised::Changed { what, .. } if closed => Err(self.too_late(&name, what)),
            Recognised::Changed { input, what } => Err(Failure::Date(
                Status::InputChanged,
                format!(
                    "{name} was partly uploaded as {} for {} and is different now: {what}. Put the file back; or 'byteair-sync ledger drop-input {}' (what was accepted stays on the platform); or 'write --restart' (everything again; behavior rows would be stored twice)",
                    input.name, self.partition, input.name
                ),
            )),
            Recognised::Known {
                input,
                appended,
                unverified,
                renamed,
            } => {
                let finished = input.is_finished() && !appended && unverified.is_empty();
                if closed && appended {
                    return Err(self.too_late(&name, "rows were appended to it"));
                }
                // Nothing is uploaded beside which the rest could be compared.
                if closed
                    && !unverified.is_empty()
                    && Verifier::verify(&file.location, &self.settings.input, unverified.clone())
                        .map_err(RecogniseError::from)?
                        .is_some()
                {
                    return Err(self.too_late(&name, "its content was edited"));
                }
                if renamed {
                    notes.push(format!("{name} is the input known as {}", input.name));
                }
                let last = match self.ledger {
                    Some(ledger) if !finished => ledger.last_chunk(input.id)?,
                    _ => None,
                };
                Ok(PlannedInput {
                    name,
                    place,
                    known: Some(input.id),
                    resume: last.as_ref().map_or(Start::BEGINNING, Start::after),
                    read_to_end: input.read_to_end && !appended,
                    finished,
                    unverified,
                })
            }
        }
    }

    fn plan_stdin(
        &self,
        input: StdinInput,
        inputs: &[KnownInput],
        closed: bool,
    ) -> Result<Vec<PlannedInput>, Failure> {
        let known = inputs
            .iter()
            .find(|known| known.kind == InputKind::Stdin && known.name == input.name());
        let recorded = match (known, self.ledger) {
            (Some(known), Some(ledger)) => ledger.chunks(known.id)?,
            _ => Vec::new(),
        };
        let other_options =
            known.is_some_and(|k| k.row_options != self.settings.input.row_options_digest());
        if other_options && !recorded.is_empty() {
            return Err(Failure::Date(
                Status::InputChanged,
                format!(
                    "{} was partly uploaded with other options that change rows; use the same options, or start the date over with --restart",
                    input.name()
                ),
            ));
        }
        let name = input.name().to_owned();
        if closed {
            if known.is_none() {
                return Err(self.too_late(&name, "it is new"));
            }
            let rest = stdin::rest_after(input, &self.settings.input, recorded);
            return match rest {
                Ok(false) => Ok(Vec::new()),
                Ok(true) => Err(self.too_late(&name, "it has more rows than before")),
                Err(error) if error.is_changed() => {
                    Err(self.too_late(&name, "it is another stream than the one before"))
                }
                Err(error) => Err(Failure::Date(
                    Status::InputChanged,
                    explain::with_causes(&error),
                )),
            };
        }
        let resume = recorded.last().map_or(Start::BEGINNING, Start::after);
        Ok(vec![PlannedInput {
            name,
            known: known.map(|known| known.id),
            resume,
            // Only reading it again tells whether it is the same and has no more rows.
            read_to_end: false,
            finished: false,
            unverified: Vec::new(),
            place: PlannedPlace::Stdin(input.resuming(recorded)),
        }])
    }

    fn too_late(&self, name: &str, what: &str) -> Failure {
        Failure::Date(
            Status::Refused,
            format!(
                "late_input: {} is already done (or its done is under way), but {name} would have to be uploaded: {what}. {}",
                self.partition,
                self.way_to_reopen()
            ),
        )
    }

    fn done_before_restart(&self) -> String {
        format!(
            "{} is already done, so --restart would send rows that the platform does not take any more. {}",
            self.partition,
            self.way_to_reopen()
        )
    }

    fn way_to_reopen(&self) -> String {
        format!(
            "Re-sync the date in the platform's console, then 'byteair-sync ledger reopen --topic {} --stage {}{}', then write again",
            self.partition.topic,
            self.partition.stage.kind(),
            self.partition
                .date()
                .map(|date| format!(" --date {date}"))
                .unwrap_or_default()
        )
    }
}

/// Why a date, or the whole command, cannot be planned.
enum Failure {
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
