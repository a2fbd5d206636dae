//! Inputs that were begun for other days than those that are named now.
//!
//! `run --catch-up` names the days that are open, so each start may name others. What an input was
//! begun for stays its own: it is gone on with for just these days. Only days that nobody named before
//! are read anew, as an input beside it, and only if it has rows of them: those were left out then.

use super::{Known, Scopes};
use crate::domain::DataDate;
use crate::input::{FoundFile, InputSettings};
use crate::ledger::{InputId, KnownInput, LedgerError, LedgerReader};
use crate::upload::finding::Failure;
use crate::upload::plan::{PlannedInput, PlannedPlace};
use std::collections::BTreeSet;

/// An input that is planned, with the days that are named for it; nothing where these are the
/// command's.
type ForDays = (PlannedInput, Option<BTreeSet<DataDate>>);

/// What another input is to a file that is known as an input.
enum Beside {
    /// One of another file.
    Nothing,
    /// What these days wait for, so none of them is read beside it.
    Days(BTreeSet<DataDate>),
    /// More to read of the file, be it nothing.
    Input(Box<PlannedInput>),
}

/// Finds for which days an input was begun. If nothing but these is different from how it would be
/// read now, it counts as read alike.
pub(super) fn find_days(
    input: &mut KnownInput,
    settings: &InputSettings,
    reader: &LedgerReader,
) -> Result<(), LedgerError> {
    let Some(field) = settings.date_field.as_ref() else {
        return Ok(());
    };
    if !input.kind.is_stored() || field.wanted.is_none() {
        return Ok(());
    }
    let days = reader.days_of(input.id)?;
    // The digest tells whether the days that its gates wait for are those that were named.
    if input.date_options == Some(field.naming(days.iter().copied()).digest()) {
        input.date_options = Some(field.digest());
        input.read_for = Some(days);
    }
    Ok(())
}

/// Whether two rows of the ledger are of one file, going by where it lies.
fn are_in_one_place(one: &KnownInput, other: &KnownInput) -> bool {
    let place = |input: &KnownInput| input.identity.as_ref()?.place();
    match (place(one), place(other)) {
        (None, None) => one.name == other.name,
        (one, other) => one == other,
    }
}

impl Known {
    fn input(&self, planned: &PlannedInput) -> Option<&KnownInput> {
        let mut inputs = self.inputs.iter();
        inputs.find(|input| Some(input.id) == planned.known)
    }
}

impl Scopes<'_> {
    /// All that is to be read of a file, one of whose inputs was planned. `taken` are all inputs that
    /// were.
    pub(super) fn for_its_days(
        &self,
        planned: PlannedInput,
        taken: &[InputId],
    ) -> Result<Vec<ForDays>, Failure> {
        let begun = self.known.input(&planned);
        let begun = begun.filter(|input| input.read_for.is_some());
        let (Some(begun), PlannedPlace::Stored(location, identity), Some(reader)) =
            (begun, &planned.place, self.all.ledger)
        else {
            return Ok(vec![(planned, None)]);
        };
        let file = FoundFile {
            location: location.clone(),
            identity: identity.clone(),
        };
        let mut missing: BTreeSet<DataDate> = self.all.settings.dates.iter().copied().collect();
        let mut found = vec![(planned, begun.read_for.clone())];
        let others = self.known.inputs.iter();
        for other in others.filter(|it| it.id != begun.id && !taken.contains(&it.id)) {
            match self.beside(reader, (begun, other), &file)? {
                Beside::Nothing => {}
                Beside::Days(days) => missing.retain(|day| !days.contains(day)),
                Beside::Input(input) => found.push((*input, other.read_for.clone())),
            }
        }
        for (input, days) in &found {
            missing.retain(|day| !days.iter().flatten().any(|it| it == day));
            if let Some(left_out) = self.left_out(input)? {
                missing.retain(|day| left_out.contains(day));
            }
        }
        if !missing.is_empty() {
            let name = file.location.to_string();
            let place = PlannedPlace::Stored(file.location, file.identity);
            found.push((PlannedInput::new(name, place), Some(missing)));
        }
        Ok(found)
    }

    /// What another input is to a file that is known as an input.
    fn beside(
        &self,
        reader: &LedgerReader,
        (begun, other): (&KnownInput, &KnownInput),
        file: &FoundFile,
    ) -> Result<Beside, Failure> {
        let is_in_place = are_in_one_place(begun, other);
        let is_begun = reader.last_chunk(other.id)?.is_some();
        let may_be_in_place = is_in_place || (is_begun && other.name == begun.name);
        if !may_be_in_place {
            return Ok(Beside::Nothing);
        }
        let Some(days) = &other.read_for else {
            return Ok(if is_in_place {
                Beside::Days(reader.days_of(other.id)?)
            } else {
                Beside::Nothing
            });
        };
        // Rows in the same file took the place of some that were rejected, so one of both is not what
        // lies there now.
        let is_replaced =
            reader.replaces_rejects(other.id)? || reader.replaces_rejects(begun.id)?;
        if other.is_finished() && is_replaced {
            return Ok(Beside::Days(days.clone()));
        }
        // What only has the same name may be of a file that was there before.
        let input = self.planner.plan_known(file, other, is_in_place)?;
        Ok(input.map_or(Beside::Nothing, |input| Beside::Input(Box::new(input))))
    }

    /// The days of which an input that is read to its end has rows that nobody wanted; `None` if it may
    /// have any.
    fn left_out(&self, input: &PlannedInput) -> Result<Option<BTreeSet<DataDate>>, LedgerError> {
        match (input.known, self.all.ledger) {
            (Some(id), Some(reader)) if input.read_to_end => reader.days_left_out(id),
            _ => Ok(None),
        }
    }
}
