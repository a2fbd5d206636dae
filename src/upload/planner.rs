//! What is left to send for one date.
//!
//! Each input is looked up in the ledger and compared with what it has of it (the table of
//! `ledger.md` section 5). A date that cannot be uploaded is an [`Action::Fail`], not an error: the
//! other dates go on.

use super::copied::{Copied, copies_among_new};
use super::explain;
use super::finding::{Failure, Readiness, no_folder, not_followed, search};
use super::given_up::given_up;
use super::late_input::{closed_before_restart, is_closed, too_late};
use super::plan::{Action, PlannedInput, PlannedPlace};
use super::recognise::{KnownCopy, RecogniseError, Recognised, Recogniser, Sight};
use super::report::Status;
use super::settings::{Settings, Sources};
use super::stdin::{self, StdinInput};
use crate::domain::{GuardChange, Partition};
use crate::input::{Discovered, FoundFile, Start, Verifier};
use crate::ledger::{Gate, KnownInput, KnownPartition, KnownTarget, LedgerError, LedgerReader};
use std::mem::take;

/// Plans one date, or the inputs that several dates share.
pub(super) struct Planner<'a> {
    pub(super) settings: &'a Settings,
    pub(super) ledger: Option<&'a LedgerReader>,
    pub(super) known_target: Option<&'a KnownTarget>,
    /// The date or dates, for people.
    pub(super) name: String,
}

impl Planner<'_> {
    /// Says what is to be done for the date, and what is late for a `done` that is under way; adds
    /// things to notice.
    pub(super) fn plan_date(
        &self,
        partition: &Partition,
        found: Option<Discovered>,
        notes: &mut Vec<String>,
        stdin: &mut Option<StdinInput>,
    ) -> Result<(Action, Option<(Status, String)>), LedgerError> {
        let known = self.known(partition)?;
        let closed = known.as_ref().filter(|known| is_closed(known));
        if let (true, Some(closed)) = (self.settings.run.restart, closed) {
            let fail = Action::Fail(Status::Refused, closed_before_restart(closed));
            return Ok((fail, None));
        }
        if let (true, Some(known), Some(reader)) = (self.settings.run.restart, &known, self.ledger)
            && reader.has_stored_rows(known)?
        {
            notes.push(format!(
                "{partition}: --restart sends everything again, also what was accepted before: rows of behavior are then stored twice"
            ));
        }
        // A date that is started over has no past.
        let known = known.filter(|_| !self.settings.run.restart);
        let inputs = match (&known, self.ledger) {
            (Some(partition), Some(reader)) => reader.inputs(partition.id)?,
            _ => Vec::new(),
        };
        let sealed = known.as_ref().is_some_and(|it| self.may_ask_again(it));
        let of_date = (partition, known.as_ref(), inputs.as_slice());
        let planned = match self.plan_inputs(of_date, found, notes, stdin) {
            Ok(planned) => planned,
            Err(Failure::Ledger(error)) => return Err(error),
            // What was sealed is settled, so `done` is asked again whatever became of the inputs.
            Err(Failure::Date(status, problem)) if sealed => {
                return Ok((Action::Upload(Vec::new()), Some((status, problem))));
            }
            Err(Failure::Date(status, problem)) => {
                return Ok((Action::Fail(status, problem), None));
            }
        };
        let action = match known {
            Some(known) if known.gate.is_done() => Action::AlreadyDone {
                unconfirmed: known.gate == Gate::DoneUnconfirmed,
            },
            _ => Action::Upload(planned),
        };
        Ok((action, None))
    }

    /// Whether `done` of a date is under way, and this command is one to ask for it.
    pub(super) fn may_ask_again(&self, known: &KnownPartition) -> bool {
        known.gate == Gate::Sealed
            && self.settings.asks_for_done()
            && self.settings.replay.is_none()
    }

    fn plan_inputs(
        &self,
        (partition, known, inputs): (&Partition, Option<&KnownPartition>, &[KnownInput]),
        found: Option<Discovered>,
        notes: &mut Vec<String>,
        stdin: &mut Option<StdinInput>,
    ) -> Result<Vec<PlannedInput>, Failure> {
        if let (Some(known), Some(ledger)) = (known, self.ledger)
            && let Some(problem) = given_up(ledger, known, inputs)?
        {
            return Err(Failure::Date(Status::Refused, problem));
        }
        let closed = known.filter(|known| is_closed(known)).map(|_| partition);
        let marker = self.marker(known);
        let files = match (found, &self.settings.sources) {
            (Some(mut found), _) => {
                // The date's files are gone, all of them uploaded.
                let is_over = !inputs.is_empty() && inputs.iter().all(KnownInput::is_finished);
                if found.files.is_empty() && is_over {
                    found.missing.clear();
                }
                Some(found)
            }
            (None, Sources::Paths(patterns)) => Some(search(
                patterns,
                partition.date(),
                &self.settings.input.stores,
            )?),
            // What is followed is met on the way.
            (None, Sources::Stdin { .. } | Sources::Followed(_) | Sources::Stream(_)) => None,
        };
        match (files, stdin.take()) {
            (Some(found), _) => self.plan_found(found, marker, (inputs, closed), notes),
            (None, Some(input)) => {
                if let Some(marker) = marker {
                    return Err(no_folder(partition, &marker));
                }
                let mut planned = match self.ledger {
                    Some(ledger) => {
                        let stage = partition.stage.kind();
                        stdin::left_in_the_spool(ledger, inputs, input.name(), stage)?
                    }
                    None => Vec::new(),
                };
                planned.extend(self.plan_stdin(input, inputs, closed)?);
                Ok(planned)
            }
            (None, None) => Ok(Vec::new()),
        }
    }

    /// The marker that has to lie in the folders of a date, unless nothing of it is read any more.
    fn marker(&self, known: Option<&KnownPartition>) -> Option<String> {
        let done = known.is_some_and(|known| known.gate.is_done());
        // Corrected rows lie wherever somebody corrected them.
        if done || self.settings.replay.is_some() {
            return None;
        }
        GuardChange::after(
            self.settings.gate.guards.require_marker.as_ref(),
            known.and_then(|known| known.guards.require_marker.clone()),
        )
    }

    /// What the ledger has of a date.
    pub(super) fn known(
        &self,
        partition: &Partition,
    ) -> Result<Option<KnownPartition>, LedgerError> {
        match (self.ledger, self.known_target) {
            (Some(reader), Some(target)) => reader.partition(target, partition),
            _ => Ok(None),
        }
    }

    /// Plans files that were found, if they are ready. `closed` is a date that takes no rows any more.
    pub(super) fn plan_found(
        &self,
        mut found: Discovered,
        marker: Option<String>,
        (inputs, closed): (&[KnownInput], Option<&Partition>),
        notes: &mut Vec<String>,
    ) -> Result<Vec<PlannedInput>, Failure> {
        let readiness = Readiness {
            name: &self.name,
            marker,
            inputs,
            stores: &self.settings.input.stores,
        };
        readiness.check(&mut found)?;
        self.plan_files(&found, inputs, closed, notes)
    }

    fn plan_files(
        &self,
        found: &Discovered,
        inputs: &[KnownInput],
        closed: Option<&Partition>,
        notes: &mut Vec<String>,
    ) -> Result<Vec<PlannedInput>, Failure> {
        let (mut recognised, mut copies_of_known) = (Vec::new(), Vec::new());
        let sights = self.recognise(&found.files, inputs, notes)?;
        for (file, sight) in found.files.iter().zip(sights) {
            match sight {
                Sight::Input(it) => recognised.push((file, *it)),
                Sight::Copy(copy) => copies_of_known.push((file.location.to_string(), copy)),
            }
        }
        let mut copies =
            copies_among_new(&recognised, &self.settings.input).map_err(RecogniseError::from)?;
        let mut copied = Copied::default();
        let mut planned: Vec<PlannedInput> = Vec::new();
        for (file, recognised) in recognised {
            let name = file.location.to_string();
            if let Some(of) = copies.remove(&name) {
                copied.note(name, of);
                continue;
            }
            let renamed_from = match &recognised {
                Recognised::Known { input, .. } if input.name != name => Some(input.name.clone()),
                _ => None,
            };
            let input = self.plan_file(file, name, recognised, closed)?;
            if input.known.is_none_or(|id| copied.list(id, &input.name)) {
                let note = |known| format!("{} is the input known as {known}", input.name);
                notes.extend(renamed_from.map(note));
                planned.push(input);
            }
        }
        // After all others, since the input's own file may be among those.
        for (name, copy) in copies_of_known {
            let KnownCopy { input, original } = *copy;
            if !copied.list(input.id, &name) {
                continue;
            }
            notes.push(format!(
                "{name} is the input known as {}, which is still there: it is not uploaded twice",
                input.name
            ));
            if let Some((file, recognised)) = original {
                planned.push(self.plan_file(&file, input.name, recognised, closed)?);
            } else if self.lacks_days(&input)
                && !planned.iter().any(|it| it.known == Some(input.id))
            {
                let what = "its own file was changed since, and other dates are named now";
                return Err(self.changed(&name, &input, what)?);
            }
        }
        notes.extend(copied.in_words());
        Ok(planned)
    }

    /// Whether a date is named now for which an input was not read.
    fn lacks_days(&self, input: &KnownInput) -> bool {
        let read_for = input.read_for.as_ref();
        let is_missing = |day| read_for.is_some_and(|days| !days.contains(day));
        self.settings.dates.iter().any(is_missing)
    }

    /// Plans one more input of a file; of another file it is nothing.
    pub(super) fn plan_known(
        &self,
        file: &FoundFile,
        input: &KnownInput,
        is_in_place: bool,
    ) -> Result<Option<PlannedInput>, Failure> {
        let Some(ledger) = self.ledger else {
            return Ok(None);
        };
        let recognised = self.recogniser(ledger, &[]).compare(file, input)?;
        if !is_in_place && matches!(recognised, Recognised::Changed { .. }) {
            return Ok(None);
        }
        let name = file.location.to_string();
        self.plan_file(file, name, recognised, None).map(Some)
    }

    fn recognise(
        &self,
        named: &[FoundFile],
        inputs: &[KnownInput],
        notes: &mut Vec<String>,
    ) -> Result<Vec<Sight>, RecogniseError> {
        let Some(ledger) = self.ledger else {
            let new = || Sight::new(Recognised::New);
            return Ok(named.iter().map(|_| new()).collect());
        };
        self.recogniser(ledger, named).recognise(inputs, notes)
    }

    const fn recogniser<'a>(
        &'a self,
        ledger: &'a LedgerReader,
        named: &'a [FoundFile],
    ) -> Recogniser<'a> {
        Recogniser {
            ledger,
            settings: &self.settings.input,
            verify: self.settings.run.verify,
            replay: self.settings.replay.is_some(),
            named,
        }
    }

    /// What is said of a file that is not what was uploaded of it.
    fn changed(&self, name: &str, input: &KnownInput, what: &str) -> Result<Failure, LedgerError> {
        let replaces = match self.ledger {
            Some(ledger) => ledger.replaces_rejects(input.id)?,
            None => false,
        };
        let ways_out = explain::ways_out(&input.name, replaces);
        let before = &input.name;
        let uploaded = if input.is_finished() {
            "uploaded"
        } else {
            "partly uploaded"
        };
        let why = format!(
            "{name} was {uploaded} as {before} for {} and is different now: {what}. {ways_out}",
            self.name
        );
        Ok(Failure::Date(Status::InputChanged, why))
    }

    fn plan_file(
        &self,
        file: &FoundFile,
        name: String,
        recognised: Recognised,
        closed: Option<&Partition>,
    ) -> Result<PlannedInput, Failure> {
        not_followed(&name, &recognised)?;
        let place = PlannedPlace::Stored(file.location.clone(), file.identity.clone());
        match (recognised, closed) {
            (Recognised::New, Some(date)) => Err(too_late(date, &name, "it is new")),
            (Recognised::New, None) => Ok(PlannedInput::new(name, place)),
            (Recognised::Changed { what, .. }, Some(date)) => Err(too_late(date, &name, what)),
            (Recognised::Changed { input, what }, None) => Err(self.changed(&name, &input, what)?),
            (
                Recognised::Known {
                    input,
                    appended,
                    torn_end,
                    mut unverified,
                },
                _,
            ) => {
                if let Some(date) = closed {
                    if appended {
                        return Err(too_late(date, &name, "rows were appended to it"));
                    }
                    // Nothing is uploaded beside which the rest could be compared.
                    let compared = if unverified.is_empty() {
                        None
                    } else {
                        Verifier::verify(
                            &file.location,
                            &self.settings.input,
                            take(&mut unverified),
                        )
                        .map_err(RecogniseError::from)?
                    };
                    if compared.is_some() {
                        return Err(too_late(date, &name, "its content was edited"));
                    }
                }
                let finished = input.is_finished() && !appended && unverified.is_empty();
                let last = match (&torn_end, self.ledger) {
                    (Some(torn), _) => Some(torn.kept),
                    (None, Some(ledger)) if !finished => ledger.last_chunk(input.id)?,
                    (None, _) => None,
                };
                Ok(PlannedInput {
                    name,
                    place,
                    known: Some(input.id),
                    resume: last.as_ref().map_or(Start::BEGINNING, Start::after),
                    read_to_end: input.read_to_end && !appended,
                    finished,
                    unverified,
                    torn_end: torn_end.map(|torn| *torn),
                })
            }
        }
    }
}
