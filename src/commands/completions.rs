//! `completions SHELL`: a completion script on standard output.

use super::Session;
use crate::cli::args::command;
use crate::upload::report::Status;
use clap_complete::Shell;

/// Prints the script.
pub(super) fn run(session: &Session, shell: Shell) -> Status {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "byteair-sync", &mut script);
    session.printer.result(&String::from_utf8_lossy(&script));
    Status::Success
}
