//! `run`: the jobs of a file, day by day, through one ledger and one limiter, with one summary.

use super::asked_to_stop::{Asked, interrupted};
use super::run_days::{Days, Ended};
use super::run_next::Again;
use super::run_plan::{Plan, Work};
use super::run_untouched::{held_back, is_done_before};
use super::running::{Means, Running};
use super::{Outcome, Session};
use crate::cli::args::JobsArgs;
use crate::cli::error::UsageError;
use crate::cli::job_file::{job_keys, json_schema};
use crate::cli::printer::Level;
use crate::jobs::{Errand, Outcomes, Waits, together};
use crate::upload::StopCause;
use crate::upload::event::Gauges;
use crate::upload::report::{Course, Status, Summary};
use anyhow::Context;
use std::sync::Arc;
use std::time::Instant;

/// Runs `run`.
pub(super) async fn run(session: &Session, args: &JobsArgs) -> Outcome {
    if args.print_schema {
        return print_schema(session);
    }
    let Some(path) = &args.file else {
        return Err(UsageError::new("name a job file").into());
    };
    let mut asked = Asked::from_now()?;
    let plan = Plan::make(session, (args, path), &mut asked)?;
    for warning in &plan.warnings {
        session.printer.message(Level::Warning, warning);
    }
    let Some(first) = plan.errands.first() else {
        return Err(
            UsageError::new(format!("{} asks for no day of any job", path.display())).into(),
        );
    };
    if args.dry_run {
        // It has no state to save and ends as the system ends a program, but with its status.
        return tokio::select! {
            ended = dry_run(session, plan) => ended,
            cause = asked.stop() => Err(interrupted(cause)),
        };
    }
    let options = first.work.options.clone();
    let (signals, cause) = asked.into_parts();
    let again = Again::of(&plan, args, &session.invocation.command_line).when_cut(cause.is_some());
    // What `status` names for an unfinished day must mean the same day tomorrow.
    let command = again.all();
    let means = Means {
        connection: &options.connection,
        rate: &options.rate,
        quota_service: None,
        state_dir: &options.upload.run.state_dir,
        command: &command,
        throw_away: false,
    };
    let running = Running::start(session, &means, || {
        crate::upload::resolve_target(&options.upload)
    })?
    .heeding(signals, cause);
    let services = running.services.clone();
    let book = Arc::clone(&running.book);
    let backfill = args.backfill.is_some();
    let max_duration = args.max_duration;
    let work = async move {
        let begun = Instant::now();
        let mut days =
            std::pin::pin!(Days::new(session, services.clone(), plan, book).run(backfill));
        let limit = async {
            match max_duration {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let Ended { stories, needed } = tokio::select! {
            ended = &mut days => ended,
            () = limit => {
                services.stop.drain(StopCause::MaxDuration);
                days.await
            }
        };
        let mut summary = together(stories, &services.gauges, begun.elapsed());
        if let Some(cause) = cause {
            cut(&mut summary, cause);
        }
        again.name_in(&mut summary, &needed);
        summary
    };
    Ok(Box::pin(running.finish(work)).await)
}

fn print_schema(session: &Session) -> Outcome {
    let schema = serde_json::to_string_pretty(&json_schema(&job_keys()))
        .context("cannot print the schema")?;
    session.printer.result(&schema);
    Ok(Status::Success)
}

/// Says of a plan that a signal has cut that there are more days than it names.
fn cut(summary: &mut Summary, cause: StopCause) {
    summary.status = summary.status.worst(cause.status());
    summary.retryable = true;
    let text = "interrupted while the days were planned: those of which nothing is said were not looked at";
    summary.problems.push(text.to_owned());
}

/// A day that would not be begun: nothing of it would be sent.
fn would_wait(errand: &Errand<Work>, waits: &Waits) -> Summary {
    let mut story = held_back(errand, waits, "would end");
    story.totals.rows_pending = 0;
    story.totals.batches = 0;
    for report in &mut story.partitions {
        report.rows_pending = 0;
    }
    story
}

async fn dry_run(session: &Session, plan: Plan) -> Outcome {
    let begun = Instant::now();
    let (mut stories, mut outcomes) = (Vec::new(), Outcomes::default());
    for errand in &plan.errands {
        let mut story = match plan.waits(&outcomes, errand) {
            Some(waits) if !is_done_before(errand) => would_wait(errand, &waits),
            _ => crate::upload::plan_only(errand.work.options.upload.clone(), None).await,
        };
        outcomes.note(&errand.job, errand.day, story.status);
        if plan.shares_its_topic(&errand.job) {
            story.name_job(&errand.job);
        }
        story.notes.retain(|note| !note.starts_with("dry run:"));
        stories.push(story);
    }
    let read: u64 = stories.iter().map(|story| story.totals.bytes_read).sum();
    let mut summary = together(stories, &Gauges::default(), begun.elapsed());
    summary.course = Course::DryRun;
    summary.totals.bytes_read = read;
    summary.notes.push(crate::upload::plan_in_words(&summary));
    super::reporting::end(session, &mut summary);
    session.printer.summary(&summary, 0);
    Ok(summary.status)
}
