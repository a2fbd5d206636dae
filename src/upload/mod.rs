//! The engine: from inputs to `done`. Start reading here.
//!
//! [`run`] is the whole line: plan → register → read → pack → intend → send → settle → seal →
//! `done` → report. One loop owns the run; a reading thread, compressing threads and one task for
//! each batch in flight work for it, bounded by the memory budget and by `--max-in-flight`. Nothing
//! here prints: [`event`] says what may be known of a run, [`report`] what it came to.

mod attempt;
mod batcher;
mod command_line;
mod committing;
mod comparison;
mod congestion;
mod context;
mod copied;
mod cut;
mod date_state;
mod deliver;
mod done;
mod dry_run;
mod engine;
pub mod event;
mod explain;
mod failure;
mod finding;
mod finish;
mod follow;
mod foresee;
mod former;
mod given_up;
mod halves;
mod intake;
mod late_input;
mod life;
mod limiting;
mod looks;
mod machines;
mod marked;
mod matching;
mod memory;
mod next_step;
mod open_batch;
mod opened;
mod outcome;
mod packed_round;
mod parcel;
mod parts;
mod places;
mod plan;
mod plan_stdin;
mod planner;
mod queue;
mod readings;
mod recognise;
mod recorded;
mod redo;
mod redo_round;
pub mod report;
mod round;
mod row_end;
mod row_value;
mod seeded;
mod settings;
mod shared_plan;
#[cfg(test)]
mod simulation;
mod small_requests;
mod spark;
mod spool;
mod stage_rules;
mod stdin;
mod stop;
mod stop_date;
mod stream_notes;
mod summary;
mod unchanged;
mod unpack;
mod unused_options;
mod vanished;
mod work;
mod worker;

#[cfg(test)]
mod tests;

pub use command_line::{
    carried_options, shell_word, with_absolute_days, with_option, without_output_options,
};
pub use context::Services;
pub use dry_run::in_words as plan_in_words;
pub use explain::end_of_day;
pub use failure::{input_status, ledger_status};
pub use finish::FinishRequest;
pub use former::Former;
pub use limiting::watch_what_limits;
pub use machines::{HELD_BACK, HELD_FOR_OTHERS, OTHER_REPORTS, share_of_hold, why_held_for_others};
pub use recognise::stands_for;
pub use settings::{
    BatchSettings, GateSettings, OutOfRange, RetrySettings, RunSettings, Seed, Settings, Sources,
    StreamFrom, StreamSource,
};
pub use spark::{spark_job_again, upload_from_spark};
pub use stage_rules::STREAMING_ONLY;
pub use stdin::StdinInput;
pub use stop::{Stop, StopCause};
pub use vanished::vanished;

use crate::domain::Target;
use crate::ledger::{LedgerError, LedgerReader, Registered, RegisteredPartition, RunId, name_of};
use committing::Committing;
use engine::Engine;
use event::Event;
use plan::{Action, Plan, PlannedDate};
use report::{Origin, Summary};
use summary::Story;

/// How often a plan is made anew because others registered files that may be the same, or finished a
/// date, meanwhile.
const MAX_NEW_PLANS: u32 = 20;

/// The target as the ledger spells it, so that one of several hosts may be swapped. The limiter's
/// quota belongs to it.
pub fn resolve_target(settings: &Settings) -> Result<Target, LedgerError> {
    let Some(reader) = LedgerReader::open(&settings.run.state_dir)? else {
        return Ok(settings.target.clone());
    };
    let known = reader.find_target(&settings.target, &settings.hosts, settings.same_target)?;
    Ok(known.map_or_else(|| settings.target.clone(), |known| known.target))
}

/// Uploads what is left of the inputs and sends `done` for every date whose gate opens.
///
/// Never fails as such: whatever happens is in the summary, with the exit status it leads to.
pub async fn run(mut settings: Settings, services: Services, stdin: Option<StdinInput>) -> Summary {
    settings.input.stores = services.stop.ending(&settings.input.stores);
    let mut story = Story::new(&settings, &services);
    let (plan, registered) = match plan_and_register(&settings, &services, stdin).await {
        Ok(planned) => planned,
        Err(error) => return story.failed(failure::ledger_status(&error), &error),
    };
    story.take_plan(&plan);
    let Some(registered) = registered else {
        return story.tell().await;
    };
    let run = registered.run;
    if let Some(share) = &settings.gate.several_machines
        && let Err(error) = hold_for_others(&services, run, share, &registered.partitions).await
    {
        return story.failed(failure::ledger_status(&error), &error);
    }
    for note in &plan.notes {
        services.observer.observe(&Event::Warning(note.clone()));
    }
    let first = registered.partitions.first().cloned();
    let engine = match Engine::prepare(&settings, &services, plan, registered) {
        Ok(engine) => engine,
        Err(error) => return story.failed(failure::ledger_status(&error), &error),
    };
    let committing = first.and_then(|row| Committing::begin(&settings, &services, row));
    let mut outcome = engine.upload().await;
    if let Some(committing) = committing {
        outcome.problems.extend(committing.end().await);
    }
    story.take_outcome(outcome);
    let summary = story.tell().await;
    let ended = services.ledger.end_run(run, summary.status.code());
    match ended.committed().await {
        Ok(()) => summary,
        Err(error) => summary.worsened(&error),
    }
}

/// A plan, and what the ledger made of it; nothing when there is nothing to upload.
async fn plan_and_register(
    settings: &Settings,
    services: &Services,
    mut stdin: Option<StdinInput>,
) -> Result<(Plan, Option<Registered>), LedgerError> {
    // A stream was looked into and cannot be planned a second time.
    let mut tries = if stdin.is_some() { MAX_NEW_PLANS } else { 0 };
    loop {
        let mut plan = make_plan(settings, stdin.take()).await?;
        let is_upload = |date: &PlannedDate| matches!(date.action, Action::Upload(_));
        if !plan.dates.iter().any(is_upload) {
            return Ok((plan, None));
        }
        match register(settings, services, &mut plan).await {
            Ok(registered) => return Ok((plan, Some(registered))),
            Err(LedgerError::Outdated { .. } | LedgerError::TooLate { .. })
                if tries < MAX_NEW_PLANS =>
            {
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Registers what is planned. Inputs that other runs are uploading are left to those; the others are
/// registered all the same, so that no `done` goes out without them.
async fn register(
    settings: &Settings,
    services: &Services,
    plan: &mut Plan,
) -> Result<Registered, LedgerError> {
    let mut busy = Vec::new();
    loop {
        let registering = services.ledger.register(plan.registration(settings));
        match registering.committed().await {
            Err(LedgerError::Busy { input, holder })
                if !settings.run.restart && plan.has_other_inputs(&input) =>
            {
                plan.leave_out(&input);
                busy.push(format!("{input} ({holder})"));
            }
            registered => {
                plan.notes.extend(left_to_others(&busy));
                return registered;
            }
        }
    }
}

/// Puts on record why the `done` of these dates waits.
async fn hold_for_others(
    services: &Services,
    run: RunId,
    share: &str,
    dates: &[RegisteredPartition],
) -> Result<(), LedgerError> {
    for date in dates.iter().filter(|date| date.partition.date().is_some()) {
        let why = machines::held_for_others(share);
        services
            .ledger
            .hold_back(date.id, run, why)
            .committed()
            .await?;
    }
    Ok(())
}

/// What is said of inputs that other runs are uploading.
fn left_to_others(busy: &[String]) -> Option<String> {
    let first = busy.first()?;
    let more = match busy.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "left to another run that is uploading it: {first}{more}"
    ))
}

/// Sends `done` for dates that the ledger knows and whose gate opens; says of the others what is
/// missing.
pub async fn finish(request: FinishRequest, services: Services, command: String) -> Summary {
    let mut story = Story::of_done(&request, &services, command);
    let run = match services.ledger.begin_run().committed().await {
        Ok(run) => run,
        Err(error) => return story.failed(failure::ledger_status(&error), &error),
    };
    let reports = finish::finish_dates(&services, run, &request).await;
    story.take_dates(reports);
    let summary = story.tell().await;
    let ended = services.ledger.end_run(run, summary.status.code());
    match ended.committed().await {
        Ok(()) => summary,
        Err(error) => summary.worsened(&error),
    }
}

/// Tells what [`run`] would do: reads and checks every row that is left, changes and sends nothing.
pub async fn plan_only(settings: Settings, stdin: Option<StdinInput>) -> Summary {
    let blocking = settings.clone();
    let planning = tokio::task::spawn_blocking(move || {
        let reader = LedgerReader::open(&blocking.run.state_dir)?;
        let plan = plan::plan(&blocking, reader.as_ref(), stdin)?;
        let origin = Origin {
            target: plan.target.clone(),
            ledger: name_of(&blocking.run.state_dir)?,
        };
        let recorded = dry_run::recorded(&blocking, &plan, reader.as_ref())?;
        Ok((plan, recorded, origin))
    });
    match planning.await.unwrap_or(Err(LedgerError::Closed)) {
        Ok((plan, recorded, origin)) => Summary {
            origin: Some(origin),
            ..dry_run::count(&settings, plan, recorded).await
        },
        Err(error) => dry_run::failed(failure::ledger_status(&error), &error),
    }
}

/// Reads the ledger and the inputs' places and heads on a thread that may block.
async fn make_plan(settings: &Settings, stdin: Option<StdinInput>) -> Result<Plan, LedgerError> {
    let settings = settings.clone();
    let planning = tokio::task::spawn_blocking(move || {
        let reader = LedgerReader::open(&settings.run.state_dir)?;
        plan::plan(&settings, reader.as_ref(), stdin)
    });
    planning.await.unwrap_or(Err(LedgerError::Closed))
}

impl Summary {
    fn worsened(mut self, error: &LedgerError) -> Self {
        self.status = self.status.worst(failure::ledger_status(error));
        // What closed the ledger is among the problems; that it is closed adds nothing.
        if self.problems.is_empty() || !matches!(error, LedgerError::Closed) {
            self.problems.push(explain::with_causes(error));
        }
        self
    }
}
