//! What is left to send of standard input, which is read again from its beginning.

use super::explain;
use super::finding::Failure;
use super::late_input::too_late;
use super::plan::{PlannedInput, PlannedPlace};
use super::planner::Planner;
use super::recognise::is_read_alike;
use super::report::Status;
use super::stdin::{self, StdinInput};
use crate::domain::Partition;
use crate::input::Start;
use crate::ledger::{InputKind, KnownInput};

impl Planner<'_> {
    /// Plans standard input. `closed` is a date that takes no rows any more.
    pub(super) fn plan_stdin(
        &self,
        input: StdinInput,
        inputs: &[KnownInput],
        closed: Option<&Partition>,
    ) -> Result<Vec<PlannedInput>, Failure> {
        let known = inputs
            .iter()
            .find(|known| known.kind == InputKind::Stdin && known.name == input.name());
        let recorded = match (known, self.ledger) {
            (Some(known), Some(ledger)) => ledger.chunks(known.id)?,
            _ => Vec::new(),
        };
        let other_options = known.is_some_and(|known| !is_read_alike(known, &self.settings.input));
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
        if let Some(date) = closed {
            if known.is_none() {
                return Err(too_late(date, &name, "it is new"));
            }
            let rest = stdin::rest_after(input, &self.settings.input, recorded);
            return match rest {
                Ok(false) => Ok(Vec::new()),
                Ok(true) => Err(too_late(date, &name, "it has more rows than before")),
                Err(error) if error.is_changed() => Err(too_late(
                    date,
                    &name,
                    "it is another stream than the one before",
                )),
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
            torn_end: None,
            place: PlannedPlace::Stdin(input.resuming(recorded)),
        }])
    }
}
