//! `run`, the planning part: from the job file and the command line to the days of each job.
//!
//! Everything that can be wrong with any job is found here, before anything is sent for another.

use super::asked_to_stop::Asked;
use super::run_announce::Catalog;
use super::run_same_day::{DaysOfJob, refuse};
use super::run_stand::{is_done, known_days};
use super::{Failure, Session};
use crate::cli::args::{Command, JobsArgs, WriteArgs};
use crate::cli::dates::{DateSpec, resolve_dates};
use crate::cli::error::{UsageError, chain};
use crate::cli::invocation::{Invocation, Origin, ParseError};
use crate::cli::job_file::{Hooks, Job, JobFile, job_keys};
use crate::cli::settings::{Context, WriteOptions, zone};
use crate::domain::{DataDate, StageKind, Topic};
use crate::jobs::{Errand, Outcomes, Waits, in_order};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

/// Keys with which one input holds rows of several days, so that these are uploaded together.
const DAYS_OF_ROWS: [&str; 2] = ["date_from_path", "date_from_field"];

/// What runs a day of a job.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) options: WriteOptions,
    pub(super) hooks: Hooks,
    pub(super) catalog: Option<Catalog>,
}

/// The days to upload, in order.
pub(super) struct Plan {
    pub(super) errands: Vec<Errand<Work>>,
    /// Topic and stage of every job of the file, chosen or not.
    pub(super) topics: Vec<(String, Topic, StageKind)>,
    /// The catalogs of those of them that tell one.
    pub(super) catalogs: Vec<(Topic, StageKind, Catalog)>,
    /// Things to notice, each once.
    pub(super) warnings: Vec<String>,
    /// All days that were asked for, also those that a signal left without an errand.
    pub(super) days: BTreeSet<DataDate>,
}

impl Plan {
    /// Makes the plan. A signal meanwhile leaves each job with the first of its days, which tell that
    /// nothing was begun.
    pub(super) fn make(
        session: &Session,
        (args, path): (&JobsArgs, &Path),
        asked: &mut Asked,
    ) -> Result<Self, Failure> {
        let home = session.invocation.environment.path("HOME");
        let file = JobFile::load(path, &job_keys(), home.as_deref())?;
        let mut plan = Self {
            errands: Vec::new(),
            topics: Vec::new(),
            catalogs: Vec::new(),
            warnings: Vec::new(),
            days: BTreeSet::new(),
        };
        let now = session.context().now;
        let planner = Planner {
            session,
            args,
            now,
            typed: session.invocation.typed_global_keys(),
        };
        let mut of_jobs = Vec::new();
        for job in &file.jobs {
            let invocation = planner.invocation(job, None)?;
            let write = Planner::write_args(job, &invocation)?;
            if let (Some(topic), Some(stage)) = (&write.target.topic, write.target.stage) {
                plan.topics.push((job.name.clone(), topic.clone(), stage));
                // What is wrong with the days of a job that was not chosen is told when it is.
                if let Ok(days) = planner.days(job, &invocation, &write.target.date) {
                    // Of days that only rows name none gets done.
                    let names_none = days.is_empty() && job.value("date_from_field").is_some();
                    of_jobs.push(DaysOfJob {
                        job: job.name.clone(),
                        topic: topic.clone(),
                        stage,
                        days,
                        is_held: write.guards.no_done || names_none,
                    });
                }
                // What is wrong with that of a job that was chosen is told with its days.
                if let Ok(Some(catalog)) = planner.catalog(job) {
                    plan.catalogs.push((topic.clone(), stage, catalog));
                }
            }
        }
        planner.check_ways()?;
        refuse(&of_jobs)?;
        for job in file.select(&args.jobs)? {
            planner.add(job, &mut plan, asked)?;
        }
        plan.errands = in_order(plan.errands);
        Ok(plan)
    }

    /// Why a day has to wait, after what became of the days before it.
    pub(super) fn waits(&self, outcomes: &Outcomes, errand: &Errand<Work>) -> Option<Waits> {
        let upload = &errand.work.options.upload;
        outcomes.waits(errand, (&upload.topic, upload.stage), |job, day| {
            let known = self.topics.iter().find(|(name, ..)| name == job);
            known.is_some_and(|(_, topic, stage)| is_done(&errand.work.options, topic, *stage, day))
        })
    }

    /// Whether another job of the file has the same topic and stage, so that those do not tell which
    /// job is meant.
    pub(super) fn shares_its_topic(&self, job: &str) -> bool {
        let mut of = self.topics.iter().filter(|(name, ..)| name == job);
        of.next().is_some_and(|(_, topic, stage)| {
            let mut all = self.topics.iter();
            all.any(|(name, other, at)| name != job && other == topic && at == stage)
        })
    }
}

struct Planner<'a> {
    session: &'a Session,
    args: &'a JobsArgs,
    now: chrono::DateTime<chrono::Utc>,
    /// Global options that were typed and beat those of the file.
    typed: Vec<String>,
}

impl Planner<'_> {
    /// Days can be named in one way only, as far as they were typed.
    fn check_ways(&self) -> Result<(), UsageError> {
        let typed = |key: &&&str| self.session.invocation.origin(key) == Origin::Flag;
        let ways: Vec<&&str> = ["date", "backfill", "catch_up"]
            .iter()
            .filter(typed)
            .collect();
        match ways.as_slice() {
            [first, second, ..] => Err(UsageError::new(format!(
                "--{} and --{} cannot be used together",
                first.replace('_', "-"),
                second.replace('_', "-")
            ))),
            _ => Ok(()),
        }
    }

    /// Adds the days of a job.
    fn add(&self, job: &Job, plan: &mut Plan, asked: &mut Asked) -> Result<(), Failure> {
        let invocation = self.invocation(job, None)?;
        let write = Self::write_args(job, &invocation)?;
        let offline = write.target.stage.is_none_or(StageKind::is_offline);
        if !offline {
            self.add_days(job, &[], plan)?;
            return Ok(());
        }
        let mut days = self.days(job, &invocation, &write.target.date)?;
        // All days that may be meant on any morning, so that a forgotten {date} shows on the first.
        let mut meant = days.clone();
        if let Some(back) = self.args.catch_up.filter(|_| self.args.backfill.is_none()) {
            let is_daily = write.target.date.iter().any(|spec| spec.is_relative());
            let caught_up = self.days_to_catch_up(job, &days, back, is_daily)?;
            meant.extend(caught_up.window);
            days.extend(caught_up.open);
            for list in [&mut meant, &mut days] {
                list.sort_unstable();
                list.dedup();
            }
        }
        plan.days.extend(&days);
        if DAYS_OF_ROWS.iter().any(|key| job.value(key).is_some()) {
            return self.add_days(job, &days, plan);
        }
        if meant.len() > 1 {
            // Refuses what `write` refuses: one file as the rows of several days.
            self.options(job, &meant)?;
        }
        let Some(first) = days.first() else {
            return Ok(());
        };
        let mut write = self.invocation(job, Some(&[*first]))?;
        for day in days {
            write.name_day(day);
            self.add_read(job, &write, &[day], plan)?;
            if asked.has_come() {
                break;
            }
        }
        Ok(())
    }

    /// Adds days that are uploaded together.
    fn add_days(&self, job: &Job, days: &[DataDate], plan: &mut Plan) -> Result<(), Failure> {
        let write = self.invocation(job, Some(days))?;
        self.add_read(job, &write, days, plan)
    }

    /// Adds the days of a `write` that is read already.
    fn add_read(
        &self,
        job: &Job,
        write: &Invocation,
        days: &[DataDate],
        plan: &mut Plan,
    ) -> Result<(), Failure> {
        let options = self.resolve(job, write)?;
        for warning in &options.warnings {
            let warning = format!("job '{}': {warning}", job.name);
            if !plan.warnings.contains(&warning) {
                plan.warnings.push(warning);
            }
        }
        plan.errands.push(Errand {
            job: job.name.clone(),
            after: job.after.clone(),
            day: match days {
                [day] => Some(*day),
                _ => None,
            },
            work: Work {
                options,
                hooks: job.hooks.clone(),
                catalog: self.catalog(job)?,
            },
        });
        Ok(())
    }

    /// The catalog that a job tells.
    fn catalog(&self, job: &Job) -> Result<Option<Catalog>, Failure> {
        let Some(notice) = &job.notice else {
            return Ok(None);
        };
        let invocation = self.parsed(job, &notice.words(job, &self.typed))?;
        let catalog = Catalog::resolve(notice, &invocation, self.now)
            .map_err(|error| about(job, &format!("on_done: {}", chain(&error))))?;
        Ok(Some(catalog))
    }

    /// The `write` that a job is, for some days or for its own.
    fn invocation(&self, job: &Job, days: Option<&[DataDate]>) -> Result<Invocation, Failure> {
        let days = days.filter(|days| !days.is_empty()).map(|days| {
            let days: Vec<String> = days.iter().map(ToString::to_string).collect();
            days.join(",")
        });
        self.parsed(job, &job.words(days.as_deref(), &self.typed))
    }

    fn parsed(&self, job: &Job, words: &[OsString]) -> Result<Invocation, Failure> {
        let parsed = self.session.invocation.with_words(words);
        Ok(parsed.map_err(|error| {
            let why = match error {
                ParseError::Arguments(error) => {
                    let text = error.to_string();
                    let line = text.lines().next().unwrap_or_default();
                    line.strip_prefix("error: ").unwrap_or(line).to_owned()
                }
                ParseError::Setting(error) => chain(&error),
            };
            about(job, &why)
        })?)
    }

    fn write_args<'i>(job: &Job, invocation: &'i Invocation) -> Result<&'i WriteArgs, UsageError> {
        match &invocation.cli.command {
            Command::Write(args) => Ok(args),
            _ => Err(about(job, "it is no upload")),
        }
    }

    fn options(&self, job: &Job, days: &[DataDate]) -> Result<WriteOptions, Failure> {
        self.resolve(job, &self.invocation(job, Some(days))?)
    }

    fn resolve(&self, job: &Job, invocation: &Invocation) -> Result<WriteOptions, Failure> {
        let write = Self::write_args(job, invocation)?;
        let context = Context {
            invocation,
            now: self.now,
        };
        let mut options = WriteOptions::resolve(context, write, None)
            .map_err(|error| about(job, &chain(&error)))?;
        options.upload.run.dry_run = self.args.dry_run;
        Ok(options)
    }

    /// The days that were asked for: those of the command line, else those of the job.
    fn days(
        &self,
        job: &Job,
        invocation: &Invocation,
        own: &[DateSpec],
    ) -> Result<Vec<DataDate>, UsageError> {
        let (option, specs) = match (self.args.backfill, self.args.date.as_slice()) {
            (Some(range), _) if self.rank("backfill") >= self.rank("date") => {
                ("--backfill", vec![range])
            }
            (_, []) => ("date =", own.to_vec()),
            (_, named) => ("--date", named.to_vec()),
        };
        if specs.is_empty() && DAYS_OF_ROWS.iter().all(|key| job.value(key).is_none()) {
            return Err(about(
                job,
                "it has no day; write date = \"yesterday\" in the file, or type --date or --backfill",
            ));
        }
        let context = Context {
            invocation,
            now: self.now,
        };
        let zone = zone(context).map_err(|error| about(job, &chain(&error)))?;
        resolve_dates(&specs, zone, self.now).map_err(|error| about(job, &error.of(option)))
    }

    /// How much a way of naming days counts; what was typed beats what was exported.
    fn rank(&self, key: &str) -> u8 {
        self.session.invocation.origin(key).rank()
    }

    /// The last days of a job, and those of them that are not done. A daily job owes every day, also
    /// one of which the ledger knows nothing because its export came late or it waited for another
    /// job; a job with days of its own owes only what was begun.
    fn days_to_catch_up(
        &self,
        job: &Job,
        days: &[DataDate],
        back: u32,
        is_daily: bool,
    ) -> Result<CaughtUp, Failure> {
        let options = self.options(job, days.get(..1).unwrap_or_default())?.upload;
        let today = options.zone.day_of(self.now);
        let window: Vec<DataDate> = std::iter::successors(today.previous(), |day| day.previous())
            .take(usize::try_from(back).unwrap_or(usize::MAX))
            .collect();
        let known = known_days(&options)?;
        let is_open = |day: &&DataDate| match known.get(day) {
            Some(is_done) => !is_done,
            None => is_daily,
        };
        let open: Vec<DataDate> = window.iter().filter(is_open).copied().collect();
        Ok(CaughtUp {
            window: if is_daily { window } else { open.clone() },
            open,
        })
    }
}

/// What `--catch-up` adds to the days of a job.
struct CaughtUp {
    /// All days that it may add.
    window: Vec<DataDate>,
    /// Those that are not done.
    open: Vec<DataDate>,
}

fn about(job: &Job, why: &str) -> UsageError {
    UsageError::new(format!("job '{}': {why}", job.name))
}
