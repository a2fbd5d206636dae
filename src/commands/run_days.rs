//! `run`, the doing part: one day of a job after the other, each by itself.
//!
//! A day that fails keeps only those back that come after it, or, when the platform refuses the
//! stage or topic as such, the other days of that topic and stage. What ends them all is a person, the
//! clock, or a host that gives no answer at all.

use super::Session;
use super::run_announce::{announce, announce_owed, expect, known};
use super::run_plan::{Plan, Work};
use super::run_untouched::{held_back, is_done_before, job_and_day, not_begun};
use crate::cli::figure::{grouped, time};
use crate::cli::printer::{Level, Printer};
use crate::cli::settings::{SECRET_VARIABLES, WriteOptions};
use crate::cli::summary::for_machines;
use crate::domain::Partition;
use crate::http::Client;
use crate::jobs::{Book, Errand, Hook, Outcomes, Waits, time_left};
use crate::ledger::Gate;
use crate::upload::event::{DoneOutcome, Gauges};
use crate::upload::report::{PartitionReport, Status, Summary};
use crate::upload::{Services, StopCause};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The days that are left.
pub(super) struct Days<'a> {
    session: &'a Session,
    services: Services,
    plan: Plan,
    outcomes: Outcomes,
    book: Arc<Book>,
    /// Jobs that are not part of this run and that others wait for.
    needed: BTreeSet<String>,
}

/// What became of them.
pub(super) struct Ended {
    /// One of each upload, and one of all that were not begun.
    pub(super) stories: Vec<Summary>,
    /// Jobs that are not part of this run and that others wait for.
    pub(super) needed: BTreeSet<String>,
}

impl<'a> Days<'a> {
    pub(super) fn new(
        session: &'a Session,
        services: Services,
        plan: Plan,
        book: Arc<Book>,
    ) -> Self {
        Self {
            session,
            services,
            plan,
            outcomes: Outcomes::default(),
            book,
            needed: BTreeSet::new(),
        }
    }

    /// Uploads them. `tells_time` says how far it is after each.
    pub(super) async fn run(mut self, tells_time: bool) -> Ended {
        let (begun, mut paces) = (Instant::now(), Paces::default());
        let errands = std::mem::take(&mut self.plan.errands);
        let all = errands.len();
        let mut stories = Vec::with_capacity(all);
        for (index, errand) in errands.iter().enumerate() {
            if self.services.stop.is_draining() {
                let rest = errands.get(index..).unwrap_or_default();
                let cause = self.services.stop.cause().unwrap_or(StopCause::Failure);
                let statuses = stories.iter().map(|story: &Summary| story.status);
                let ended = match cause {
                    // Who failed has said with which status: it is that of those who had to wait.
                    StopCause::Failure => statuses.fold(Status::Success, Status::worst),
                    _ => cause.status(),
                };
                let story = not_begun(rest, (cause, ended), |job| self.plan.shares_its_topic(job));
                self.book.note_not_begun(&story);
                stories.push(story);
                break;
            }
            stories.push(self.attempt(errand, (index, all)).await);
            let finished = index.saturating_add(1);
            if tells_time
                && paces.is_due(begun.elapsed())
                && let Some(left) = time_left(finished, all, begun.elapsed())
            {
                self.session.printer.message(
                    Level::Info,
                    &format!(
                        "{finished} of {all} uploads finished, about {} left",
                        time(left)
                    ),
                );
            }
        }
        self.look_at_busy_ones(&errands, &mut stories).await;
        if let Some(errand) = errands.first() {
            let owed = self.tell_of_others(errand, &stories).await;
            stories.extend(owed);
        }
        Ended {
            stories,
            needed: self.needed,
        }
    }

    /// Looks once more at what another run had when its turn came, and at what waits for that. Of two
    /// runs that met, each has left something to the other by then, and neither would do the rest.
    async fn look_at_busy_ones(&mut self, errands: &[Errand<Work>], stories: &mut [Summary]) {
        let all = errands.len();
        for (index, (errand, story)) in errands.iter().zip(stories).enumerate() {
            let did_something = Gauges::get(&self.services.gauges.requests) > 0;
            if story.status == Status::Busy && did_something && !self.services.stop.is_draining() {
                *story = self.attempt(errand, (index, all)).await;
            }
        }
    }

    /// One of the uploads, unless it has to wait for another.
    async fn attempt(&mut self, errand: &Errand<Work>, (index, all): (usize, usize)) -> Summary {
        let mut story = match self.plan.waits(&self.outcomes, errand) {
            Some(waits) if !is_done_before(errand) => {
                let story = held_back(errand, &waits, "ended");
                if let Waits::ForUnknown(job) = waits {
                    self.needed.insert(job);
                }
                self.outcomes.note(&errand.job, errand.day, story.status);
                self.book.note_not_begun(&story);
                story
            }
            // What is done needs nobody any more, and only a look.
            _ => Box::pin(self.upload(errand, place_of(errand, index, all))).await,
        };
        if self.plan.shares_its_topic(&errand.job) {
            story.name_job(&errand.job);
        }
        story
    }

    /// Tells the catalogs of days that earlier runs owe them; nothing when that is none.
    async fn tell_of_others(&self, errand: &Errand<Work>, stories: &[Summary]) -> Option<Summary> {
        if self.services.stop.is_draining() {
            return None;
        }
        let reports = stories.iter().flat_map(|story| &story.partitions);
        let told: Vec<Partition> = reports.map(|report| report.partition.clone()).collect();
        let of = (&self.plan, &errand.work.options.upload);
        let story = announce_owed(self.session, &self.services, of, &told).await;
        (!story.problems.is_empty() || !story.notes.is_empty()).then_some(story)
    }

    async fn upload(&mut self, errand: &Errand<Work>, place: Option<String>) -> Summary {
        let options = &errand.work.options;
        // Jobs may differ in how long they wait for an answer.
        let client = match Client::new(&options.connection) {
            Ok(client) => client.reporting_with(&self.services.client),
            Err(error) => {
                let story = crate::cli::summary::of_failure(Status::Usage, &error.to_string());
                self.outcomes.note(&errand.job, errand.day, story.status);
                return story;
            }
        };
        let services = Services {
            client,
            stop: self.services.stop.of_a_part(),
            ..self.services.clone()
        };
        if self.plan.shares_its_topic(&errand.job) {
            let text = format!("job '{}' begins", job_and_day(errand));
            self.session.printer.message(Level::Info, &text);
        }
        let part = services.stop.clone();
        let answers = Gauges::get(&self.services.gauges.answers);
        let mut upload = options.upload.clone();
        upload.run.place = place;
        expect(&self.services, &errand.work).await;
        let (topic, stage) = (upload.topic.clone(), upload.stage);
        let engine = crate::upload::run(upload, services, None);
        let watched = self.book.watch(&topic, stage, engine);
        let mut summary = Box::pin(watched).await;
        let is_answered = Gauges::get(&self.services.gauges.answers) > answers;
        // A topic that is throttled says nothing about the others; a host that is away does, and a
        // ledger that cannot be written.
        if part.cause() == Some(StopCause::Failure)
            && (!is_answered || summary.status == Status::Unexpected)
        {
            self.services.stop.drain(StopCause::Failure);
        }
        if summary.status == Status::Refused && is_refused_as_such(&summary, options) {
            self.outcomes
                .note_refused(&options.upload.topic, options.upload.stage);
        }
        // Jobs that come after this one want the data, whatever a catalog makes of it.
        self.outcomes.note(&errand.job, errand.day, summary.status);
        announce(self.session, &self.services, &errand.work, &mut summary).await;
        self.tell_hooks(errand, &mut summary).await;
        summary
    }

    /// Tells those who want to know. What becomes of it changes nothing but the notes.
    async fn tell_hooks(&self, errand: &Errand<Work>, summary: &mut Summary) {
        let hooks = &errand.work.hooks;
        let is_new = |report: &PartitionReport| {
            matches!(report.done, DoneOutcome::Sent | DoneOutcome::Unconfirmed)
        };
        // Normal overlap of hourly runs is nothing to tell.
        let failed = !matches!(
            summary.status,
            Status::Success | Status::NotReady | Status::Busy
        );
        let wanted = [
            (
                "on_success",
                &hooks.on_success,
                summary.partitions.iter().any(is_new),
            ),
            ("on_failure", &hooks.on_failure, failed),
            (
                "on_reject",
                &hooks.on_reject,
                summary.totals.rows_rejected > 0
                    && (failed || summary.partitions.iter().any(is_new)),
            ),
        ];
        for (name, hook, applies) in wanted {
            let Some(text) = hook.as_ref().filter(|_| applies) else {
                continue;
            };
            let Ok(json) = serde_json::to_vec(&for_machines(summary)) else {
                continue;
            };
            let told = Hook::parse(text)
                .tell(json, hooks.timeout, &SECRET_VARIABLES)
                .await;
            if let Err(error) = told {
                let note = format!(
                    "job '{}': hook {name} failed: {}; the data is not affected",
                    errand.job,
                    crate::cli::error::chain(&error)
                );
                self.session.printer.message(Level::Warning, &note);
                summary.notes.push(note);
            }
        }
    }
}

/// Which upload of how many this is, and of which job where the topic does not tell.
fn place_of(errand: &Errand<Work>, index: usize, all: usize) -> Option<String> {
    let count = |number: usize| grouped(u64::try_from(number).unwrap_or(u64::MAX));
    let place = format!(
        "{} of {} uploads",
        count(index.saturating_add(1)),
        count(all)
    );
    let job = &errand.job;
    match errand.work.options.upload.topic.as_str() {
        _ if all == 1 => None,
        topic if topic == job => Some(place),
        _ => Some(format!("{place} (job {job})")),
    }
}

/// When it is told how far a run of many days is: on a terminal always, but a log of two hours stays short.
#[derive(Default)]
struct Paces {
    told: u32,
    last: Duration,
}

impl Paces {
    /// Often in the beginning, and then three times an hour.
    fn is_due(&mut self, elapsed: Duration) -> bool {
        let is_due = Printer::has_terminal()
            || self.told < 3
            || elapsed.saturating_sub(self.last) >= Duration::from_secs(20 * 60);
        if is_due {
            self.told = self.told.saturating_add(1);
            self.last = elapsed;
        }
        is_due
    }
}

/// Whether the platform refused the topic or stage itself, rather than a day.
fn is_refused_as_such(summary: &Summary, options: &WriteOptions) -> bool {
    let refused = |partition: &Partition| {
        let known = known(&options.upload.run.state_dir, partition).ok()??;
        Some(known.gate == Gate::Refused)
    };
    let mut partitions = summary.partitions.iter();
    partitions.any(|report| refused(&report.partition).unwrap_or(false))
}
