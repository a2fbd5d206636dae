//! What is left to read, as the plan hands it to the reading thread.

use super::comparison::Comparison;
use super::follow::Following;
use super::plan::{PlannedInput, PlannedPlace};
use crate::domain::{DataDate, RawRange};
use crate::input::{
    DateField, InputError, InputSettings, Location, RowReader, Start, is_stored_as_read,
};
use crate::ledger::{InputId, IntendedBatch, LedgerError, LedgerReader, PartitionId, Piece};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// One date's worth of reading, or that of all dates when rows say their own.
pub(super) struct Work {
    /// Whose rows they are.
    pub(super) dates: WorkDates,
    /// Batches that earlier runs intended and did not settle, in the order of their inputs, each
    /// with the index of its date in the run.
    pub(super) intended: Vec<(usize, IntendedBatch)>,
    /// What the intended batches are read from: every input that they touch.
    pub(super) sources: HashMap<InputId, Source>,
    /// Inputs in order.
    pub(super) inputs: Vec<InputWork>,
    /// How rows say their dates, if they do, with the days that are named for these inputs.
    pub(super) date_field: Option<Arc<DateField>>,
    /// Files that are followed, instead of inputs that end.
    pub(super) followed: Option<Following>,
}

/// Which dates the rows of some inputs belong to, by their indices in the run.
pub(super) enum WorkDates {
    /// All to one.
    One(usize),
    /// To the one that each row says.
    ByRow(BTreeMap<DataDate, usize>),
}

impl WorkDates {
    /// The indices.
    pub(super) fn indices(&self) -> Vec<usize> {
        match self {
            Self::One(index) => vec![*index],
            Self::ByRow(days) => days.values().copied().collect(),
        }
    }
}

/// An input with what the ledger recorded of it.
pub(super) struct Source {
    /// Path, or the name of a stream.
    pub(super) name: String,
    /// `None` for what cannot be read twice: its batches lie in the spool.
    pub(super) location: Option<Location>,
    /// Stretches recorded, in order.
    pub(super) chunks: Vec<RawRange>,
}

impl Work {
    /// Inputs, or paths that are followed.
    pub(super) fn input_count(&self) -> usize {
        let followed = self.followed.as_ref().map(|followed| followed.what.count());
        followed.unwrap_or(self.inputs.len())
    }

    /// Whether rows of this date are read, by its index in the run.
    pub(super) fn is_for(&self, date: usize) -> bool {
        match &self.dates {
            WorkDates::One(index) => *index == date,
            WorkDates::ByRow(days) => days.values().any(|index| *index == date),
        }
    }

    /// Whether rows are taken from standard input.
    pub(super) fn reads_a_pipe(&self) -> bool {
        let is_pipe = |input: &InputWork| matches!(input.place, Place::Stream(_));
        self.inputs.iter().any(is_pipe)
    }

    /// Bytes as stored that the rows of an intended batch take, as far as they can be reckoned.
    pub(super) fn bytes_of(&self, batch: &IntendedBatch) -> u64 {
        let pieces = batch.pieces.iter();
        let bytes =
            pieces.filter_map(|piece| Some(self.sources.get(&piece.input)?.bytes_of(piece)));
        bytes.sum()
    }
}

impl Source {
    /// Nothing of what is not stored as it is read: its stretches say how long it is otherwise.
    fn bytes_of(&self, piece: &Piece) -> u64 {
        if !is_stored_as_read(&self.name) {
            return 0;
        }
        let first = self
            .chunks
            .partition_point(|chunk| end_of(chunk) < piece.first_record);
        let chunks = self.chunks.get(first..).unwrap_or_default().iter();
        let touched = chunks.take_while(|chunk| chunk.first_record <= piece.last_record);
        let (mut bytes, mut records) = (0_u64, 0_u64);
        for chunk in touched {
            bytes = bytes.saturating_add(chunk.length);
            records = records.saturating_add(chunk.records);
        }
        let own = u128::from(bytes) * u128::from(piece.rows);
        let own = own.checked_div(u128::from(records)).unwrap_or(0);
        u64::try_from(own).unwrap_or(0).min(bytes)
    }
}

/// The last record of a stretch, or the one before it when it has none.
const fn end_of(chunk: &RawRange) -> u64 {
    chunk
        .first_record
        .saturating_add(chunk.records)
        .saturating_sub(1)
}

/// An input to read from where the ledger stopped.
pub(super) struct InputWork {
    /// Its number.
    pub(super) id: InputId,
    /// For people.
    pub(super) name: String,
    /// Where it is.
    pub(super) place: Place,
    /// Where to go on.
    pub(super) resume: Start,
    /// Whether nothing new is to be read.
    pub(super) read_to_end: bool,
    /// Whether nothing at all is left to do.
    pub(super) finished: bool,
    /// Bytes before that place, as far as they could be reckoned.
    pub(super) bytes_before: u64,
}

/// Opens a stream after what the ledger has of it.
pub(super) type OpenStream = Box<dyn FnOnce() -> Result<Box<dyn RowReader>, InputError> + Send>;

/// Where an input is.
pub(super) enum Place {
    /// A file or object, which can be read again.
    Stored(Location),
    /// Standard input, which cannot.
    Stream(OpenStream),
    /// Standard input of an earlier run, of which there are batches and nothing to read.
    Spool,
}

/// A plan turned into work, with what the whole run needs to know of it.
#[derive(Default)]
pub(super) struct Prepared {
    pub(super) work: Vec<Work>,
    pub(super) comparisons: Vec<Comparison>,
    /// Names of all inputs, for messages.
    pub(super) names: HashMap<InputId, String>,
    /// Bytes of all inputs as stored; `None` when one is a stream.
    pub(super) bytes_total: Option<u64>,
    /// Of these, bytes that are settled.
    pub(super) bytes_before: u64,
}

impl Prepared {
    /// Adds inputs, which the ledger has registered, with the dates that their rows are of.
    pub(super) fn add(
        &mut self,
        ledger: &LedgerReader,
        settings: &InputSettings,
        (dates, ids): (WorkDates, &[PartitionId]),
        inputs: Vec<(PlannedInput, InputId)>,
    ) -> Result<(), LedgerError> {
        let indices = dates.indices();
        let mut intended = Vec::new();
        let mut work = Vec::new();
        for (input, input_id) in inputs {
            if !input.finished {
                for (index, id) in indices.iter().zip(ids) {
                    let of_date = ledger.intended_batches(*id, input_id)?;
                    intended.extend(of_date.into_iter().map(|batch| (*index, batch)));
                }
            }
            self.names.insert(input_id, input.name.clone());
            let bytes_before = self.count_bytes(&input);
            if let (PlannedPlace::Stored(location, _), false) =
                (&input.place, input.unverified.is_empty())
            {
                self.comparisons.push(Comparison {
                    dates: indices.clone(),
                    input: input_id,
                    location: location.clone(),
                    ranges: input.unverified.clone(),
                });
            }
            work.push(input_work(input, input_id, bytes_before, settings));
        }
        let work = Work {
            dates,
            sources: sources_of(ledger, ids, &intended)?,
            intended,
            inputs: work,
            date_field: settings.date_field.clone(),
            followed: None,
        };
        let unsettled = work.intended.iter().map(|(_, batch)| work.bytes_of(batch));
        self.bytes_before = self.bytes_before.saturating_sub(unsettled.sum());
        self.work.push(work);
        Ok(())
    }

    /// Counts an input; of one that is read on, tells how many bytes lie before that place.
    fn count_bytes(&mut self, input: &PlannedInput) -> u64 {
        let first = self.work.is_empty() && self.names.len() == 1;
        let total = if first { Some(0) } else { self.bytes_total };
        let size = match &input.place {
            PlannedPlace::Stored(_, identity) => Some(identity.size()),
            PlannedPlace::Stdin(_) | PlannedPlace::Spool => None,
        };
        self.bytes_total = total
            .zip(size)
            .map(|(total, size)| total.saturating_add(size));
        let before = match size {
            Some(size) if input.read_to_end => size,
            Some(size) if is_stored_as_read(&input.name) => input.resume.offset.min(size),
            // Where it is as stored is known when a reader has come there.
            _ => 0,
        };
        self.bytes_before = self.bytes_before.saturating_add(before);
        before
    }
}

fn input_work(
    input: PlannedInput,
    id: InputId,
    bytes_before: u64,
    settings: &InputSettings,
) -> InputWork {
    let place = match input.place {
        PlannedPlace::Stored(location, _) => Place::Stored(location),
        PlannedPlace::Stdin(stream) => {
            let settings = settings.clone();
            Place::Stream(Box::new(move || stream.open(&settings)))
        }
        PlannedPlace::Spool => Place::Spool,
    };
    InputWork {
        id,
        name: input.name,
        place,
        resume: input.resume,
        read_to_end: input.read_to_end,
        finished: input.finished,
        bytes_before,
    }
}

/// Everything that the intended batches are read from, whether this command names it or not.
fn sources_of(
    ledger: &LedgerReader,
    dates: &[PartitionId],
    intended: &[(usize, IntendedBatch)],
) -> Result<HashMap<InputId, Source>, LedgerError> {
    let mut sources = HashMap::new();
    if intended.is_empty() {
        return Ok(sources);
    }
    let touched = |id: InputId| {
        intended
            .iter()
            .flat_map(|(_, batch)| &batch.pieces)
            .any(|piece| piece.input == id)
    };
    for date in dates {
        for input in ledger.inputs(*date)? {
            if sources.contains_key(&input.id) || !touched(input.id) {
                continue;
            }
            sources.insert(
                input.id,
                Source {
                    location: input
                        .kind
                        .is_stored()
                        .then(|| Location::of_name(&input.name)),
                    chunks: ledger.chunks(input.id)?,
                    name: input.name,
                },
            );
        }
    }
    Ok(sources)
}
