//! What is printed, where and how.

use super::Context;
use crate::cli::args::{GlobalArgs, LogFormat, ProgressMode, When};
use crate::cli::invocation::Invocation;
use crate::cli::printer::{PrintStyle, Printer};
use crate::cli::progress::Display;
use std::path::PathBuf;

/// Resolved output options.
#[derive(Debug, Clone)]
pub struct Output {
    /// For the printer.
    pub style: PrintStyle,
    /// For the progress.
    pub display: Display,
    /// The run's log goes to standard error as well.
    pub verbose: bool,
    /// The run's log is JSON.
    pub json_log: bool,
    /// `--report`.
    pub report: Option<PathBuf>,
    /// `--metrics-textfile`.
    pub metrics_textfile: Option<PathBuf>,
    /// `--metrics-push`; it may hold a password.
    pub metrics_push: Option<String>,
}

impl Output {
    /// Resolves the output options.
    pub fn resolve(invocation: &Invocation) -> Self {
        let terminal =
            Printer::has_terminal() && invocation.environment.text("TERM") != Some("dumb");
        Self::with_terminal(invocation, terminal)
    }

    pub(super) fn with_terminal(invocation: &Invocation, terminal: bool) -> Self {
        let global: &GlobalArgs = &invocation.cli.global;
        let json_messages = global.log_format == LogFormat::Json;
        let color = match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && invocation.environment.text("NO_COLOR").is_none(),
        };
        Self {
            style: PrintStyle {
                quiet: global.quiet,
                json: global.json,
                json_messages,
                color,
            },
            display: match global.progress {
                _ if global.quiet => Display::None,
                ProgressMode::None => Display::None,
                ProgressMode::Auto | ProgressMode::Bar if terminal && !json_messages => {
                    Display::Bar
                }
                _ => Display::Lines,
            },
            verbose: global.verbose && !global.quiet,
            json_log: json_messages,
            report: global.report.clone(),
            metrics_textfile: global.metrics_textfile.clone(),
            metrics_push: global.metrics_push.clone(),
        }
    }
}

impl Context<'_> {
    /// The output options of this invocation.
    pub fn output(&self) -> Output {
        Output::resolve(self.invocation)
    }
}
