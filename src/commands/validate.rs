//! `validate`: reads everything and reports every error of every row; nothing is sent or recorded.

use super::asked_to_stop::{Asked, interrupted};
use super::{Failure, Outcome, Session};
use crate::cli::args::ValidateArgs;
use crate::cli::atomic_file::{self, Existing, Readers};
use crate::cli::printer::Level;
use crate::cli::settings::ReadingOptions;
use crate::cli::summary::{for_machines, write_report};
use crate::cli::validation::{Findings, fault_lines, page, summary_of, text};
use crate::upload::Sources;
use crate::upload::report::Status;
use crate::validation::{Places, Request, validate};
use anyhow::Context;
use std::time::Instant;

/// Runs `validate`.
pub(super) async fn run(session: &Session, args: &ValidateArgs) -> Outcome {
    let options = ReadingOptions::of_validate(session.context(), args)?;
    if let Some(path) = &args.html {
        let cannot = || format!("cannot write --html {}", path.display());
        atomic_file::check(path)
            .with_context(cannot)
            .map_err(|error| Failure::new(Status::Usage, error))?;
    }
    let profile = args.html.is_some() || session.printer.style().json;
    let findings = findings(session, options, profile, None).await?;
    if let Some(path) = &args.html {
        let page = page(&findings);
        atomic_file::write(path, page.as_bytes(), Readers::Everybody, Existing::Replace)
            .with_context(|| format!("cannot write --html {}", path.display()))
            .map_err(|error| Failure::new(Status::Usage, error))?;
    }
    tell(session, &findings)
}

/// Reads the rows on a thread that may block.
pub(super) async fn findings(
    session: &Session,
    options: ReadingOptions,
    profile: bool,
    limit: Option<u64>,
) -> Result<Findings, Failure> {
    for warning in &options.warnings {
        session.printer.message(Level::Warning, warning);
    }
    let now = session.context().now;
    let made_at = now.format("%Y-%m-%d %H:%M UTC").to_string();
    let begun = Instant::now();
    let mut asked = Asked::from_now()?;
    let looking = tokio::task::spawn_blocking(move || {
        let places = match options.sources {
            Sources::Paths(patterns) | Sources::Followed(patterns) => Places::Files(patterns),
            // No stream gets here: only `write` reads one.
            Sources::Stream(_) => Places::Files(Vec::new()),
            Sources::Stdin { input_id } => {
                let name = input_id.unwrap_or_else(|| "stdin".to_owned());
                Places::Stream(name, Box::new(std::io::stdin()))
            }
        };
        validate(Request {
            places,
            dates: options.dates,
            date_from_path: options.date_from_path,
            input: options.input,
            key: options.key,
            profile,
            limit,
        })
    });
    let looked = tokio::select! {
        looked = looking => looked,
        // The thread reads on until the process ends, which it does at once.
        cause = asked.stop() => return Err(interrupted(cause)),
    };
    let report = looked
        .context("reading ended unexpectedly")?
        .context("cannot keep the keys of rows in a temporary file; free disk space, or give another directory with TMPDIR")
        .map_err(|error| Failure::new(Status::Temporary, error))?;
    if report.unread > 0 {
        let unread = format!(
            "{} file(s) of other days were left unread, as --date does not name them",
            report.unread
        );
        session.printer.message(Level::Warning, &unread);
    }
    Ok(Findings {
        report,
        elapsed: begun.elapsed(),
        made_at,
    })
}

fn tell(session: &Session, findings: &Findings) -> Outcome {
    let status = findings.status();
    let summary = summary_of(findings);
    if let Some(path) = &session.output.report {
        write_report(path, &summary)
            .with_context(|| format!("cannot write --report {}", path.display()))
            .map_err(|error| Failure::new(Status::Usage, error))?;
    }
    if session.printer.style().json {
        for line in fault_lines(findings) {
            session.printer.json_line(&line);
        }
        session.printer.json_line(&for_machines(&summary));
    } else if !session.printer.style().quiet || status != Status::Success {
        session.printer.result(&text(findings));
    }
    Ok(status)
}
