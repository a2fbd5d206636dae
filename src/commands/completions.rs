//! `completions SHELL`: a completion script on standard output.

use super::Session;
use crate::cli::args::command;
use crate::upload::report::Status;
use clap_complete::Shell;

/// Prints the script.
pub(super) fn run(session: &Session, shell: Shell) -> Status {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "byteair-sync", &mut script);
    let mut script = String::from_utf8_lossy(&script).into_owned();
    if shell == Shell::Bash {
        // The generator sets the state of a program with a hyphen by one spelling and looks for it by
        // another (clap issue 6421), so that bash would complete no option of any command.
        script = script.replace("byteair__subcmd__sync", "byteair__sync");
    }
    session.printer.result(&script);
    Status::Success
}
