//! From a registered plan to an engine that is ready to begin.

use super::Engine;
use crate::input::PathPattern;
use crate::ledger::{
    Departures, HeldInput, InputId, LedgerError, LedgerReader, PartitionId, Registered,
    RegisteredPartition, Replay, RunId,
};
use crate::upload::context::{Context, DateRun, InputNames, Services, SizeLimit};
use crate::upload::date_state::DateState;
use crate::upload::done::Finisher;
use crate::upload::event::{Event, Gauges};
use crate::upload::follow::{Followed, Following};
use crate::upload::looks::Looks;
use crate::upload::memory::Budget;
use crate::upload::parcel::Packer;
use crate::upload::plan::{Plan, PlannedInput};
use crate::upload::readings::Reading;
use crate::upload::seeded::Seeded;
use crate::upload::settings::{Settings, Sources};
use crate::upload::summary;
use crate::upload::work::{Prepared, Work, WorkDates};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Sixteenths of the memory that are no batch's: buffers of the reader, the inflater, the ledger and the
/// connections, and answers.
const OTHER_MEMORY: usize = 6;

fn context(
    settings: &Settings,
    services: &Services,
    (run, departures): (RunId, Departures),
    names: HashMap<InputId, String>,
) -> Context {
    Context {
        services: services.clone(),
        run,
        departures: Arc::new(departures),
        retry: settings.retry,
        spool_dir: settings.run.state_dir.join("spool"),
        size_limit: Arc::new(SizeLimit::new(
            settings.batch.rows.rows(),
            settings.batch.bytes,
        )),
        gzip_level: settings.batch.gzip_level,
        seeded: settings.run.seed.map(|seed| Seeded::new(seed.used_before)),
        input_names: InputNames::new(names),
        probe: Arc::default(),
        wrong_setup: Arc::default(),
    }
}

fn finisher(
    settings: &Settings,
    services: &Services,
    run: RunId,
    replay: Option<Replay>,
) -> Finisher {
    Finisher {
        done_elsewhere: Vec::new(),
        services: services.clone(),
        run,
        retry: settings.retry,
        format: settings.gate.done_format,
        replay,
        stores: settings.input.stores.clone(),
        looks: Looks::default(),
    }
}

impl Engine {
    /// The memory of batches.
    pub(super) fn budget(&self) -> Budget {
        let batch = &self.settings.batch;
        let budget = Budget::new(batch.memory_bytes / 16 * (16 - OTHER_MEMORY));
        // Who waits for rows may hold several batches, each of which takes what it needs.
        if batch.linger.is_some() {
            return budget;
        }
        budget.with_answers(self.context.services.congestion.long_answers())
    }

    /// Turns a registered plan into work.
    pub(in crate::upload) fn prepare(
        settings: &Settings,
        services: &Services,
        plan: Plan,
        registered: Registered,
    ) -> Result<Self, LedgerError> {
        let Some(reader) = LedgerReader::open(&settings.run.state_dir)? else {
            return Err(LedgerError::Closed);
        };
        let replay = replay_of(settings, &registered);
        let mut held = registered.inputs.into_iter();
        let mut prepared = Prepared::default();
        let mut dates = Vec::new();
        let mut locks = Vec::new();
        let mut with_ids = |inputs: Vec<PlannedInput>| -> Vec<(PlannedInput, InputId)> {
            let with_id = |(input, held): (PlannedInput, HeldInput)| {
                let id = held.id;
                locks.push(held);
                (input, id)
            };
            inputs.into_iter().zip(held.by_ref()).map(with_id).collect()
        };
        let uploads = plan.dates.into_iter();
        let uploads = uploads.filter_map(|date| Some((date.late.is_some(), date.action.upload()?)));
        let (mut days, mut ids) = (BTreeMap::new(), Vec::new());
        for (index, ((late, inputs), row)) in uploads.zip(registered.partitions).enumerate() {
            if plan.shared.is_none() {
                let (date, id) = (WorkDates::One(index), [row.id]);
                prepared.add(&reader, &settings.input, (date, &id), with_ids(inputs))?;
            }
            days.extend(row.partition.date().map(|day| (day, index)));
            ids.push(row.id);
            dates.push(DateState::new(DateRun::new(row), late));
        }
        if let Some(shared) = plan.shared {
            for reading in Reading::of(shared, &settings.input) {
                let days = reading.dates(&days);
                let of_days = days.values().filter_map(|at| ids.get(*at).copied());
                let of_days: Vec<PartitionId> = of_days.collect();
                let dates = (WorkDates::ByRow(days), of_days.as_slice());
                prepared.add(&reader, &reading.settings, dates, with_ids(reading.inputs))?;
            }
        }
        let run = (registered.run, registered.departures);
        let context = context(settings, services, run, prepared.names);
        if let (Some(work), Some(date)) = (prepared.work.first_mut(), dates.first()) {
            work.followed = following(settings, &context, &date.run.row);
        }
        let mut engine = Self {
            settings: settings.clone(),
            finisher: finisher(settings, services, registered.run, replay),
            context,
            dates,
            work: prepared.work,
            comparisons: prepared.comparisons,
            _held: locks,
            tasks: JoinSet::new(),
            packer: Packer::new(
                settings.run.state_dir.join("spool"),
                settings.batch.gzip_level,
            ),
            place: None,
            started: None,
            reads_a_pipe: false,
            waits_for_pipe: false,
            packing: VecDeque::new(),
            in_flight: 0,
            problems: Vec::new(),
        };
        engine.started = Some(engine.start(prepared.bytes_total, prepared.bytes_before));
        engine.tell_start_of_known();
        Ok(engine)
    }

    /// Files that are followed are registered when they are met: whoever reads of the start may rely on that,
    /// and rotate them. All others are on record.
    fn tell_start_of_known(&mut self) {
        if !matches!(self.settings.sources, Sources::Followed(_)) {
            self.tell_started();
        }
    }

    /// Tells that the upload begins, once.
    pub(super) fn tell_started(&mut self) {
        if let Some(started) = self.started.take() {
            self.context.tell(&started);
        }
    }

    /// What is told of the start.
    fn start(&self, bytes_total: Option<u64>, bytes_before: u64) -> Event {
        let gauges = &self.context.services.gauges;
        let bytes_of_others = Gauges::get(&gauges.bytes_settled);
        Gauges::add(&gauges.bytes_before, bytes_before);
        Gauges::add(&gauges.bytes_settled, bytes_before);
        let intended: usize = self.work.iter().map(|work| work.intended.len()).sum();
        let intended = u64::try_from(intended).unwrap_or(u64::MAX);
        Gauges::set(&gauges.batches_unsettled, intended);
        let inputs = self.work.iter().map(Work::input_count).sum();
        let finished = self
            .work
            .iter()
            .flat_map(|work| &work.inputs)
            .filter(|input| input.finished)
            .count();
        let dates: Vec<String> = self
            .dates
            .iter()
            .filter_map(|date| date.run.partition().date())
            .map(|date| date.to_string())
            .collect();
        Event::Started {
            run: self.context.run.0,
            place: self.settings.run.place.clone(),
            what: format!(
                "{} {} {}",
                self.settings.topic,
                self.settings.stage,
                summary::shorten(&dates)
            )
            .trim_end()
            .to_owned(),
            has_dates: self.settings.stage.is_offline(),
            zone: self.settings.zone.to_string(),
            inputs,
            inputs_finished: finished,
            bytes_total,
            bytes_of_others,
        }
    }
}

/// What is to be followed, if anything is.
fn following(
    settings: &Settings,
    context: &Context,
    partition: &RegisteredPartition,
) -> Option<Following> {
    let what = match &settings.sources {
        Sources::Followed(paths) => Followed::Paths(paths.iter().map(absolute).collect()),
        Sources::Stream(source) => Followed::Stream(source.clone()),
        Sources::Paths(_) | Sources::Stdin { .. } => return None,
    };
    Some(Following {
        what,
        ledger: Arc::clone(&context.services.ledger),
        run: context.run,
        partition: partition.clone(),
        names: context.input_names.clone(),
    })
}

/// Where a followed path leads, whatever directory the next run is started from.
fn absolute(pattern: &PathPattern) -> PathBuf {
    let path = PathBuf::from(pattern.to_string());
    std::path::absolute(&path).unwrap_or(path)
}

/// The replay that this run is, if it is one.
fn replay_of(settings: &Settings, registered: &Registered) -> Option<Replay> {
    Some(Replay {
        partition: registered.partitions.first()?.id,
        input: registered.inputs.first()?.id,
        rows: settings.replay.as_ref()?.rows,
    })
}
