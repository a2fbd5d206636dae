//! The processes of a measurement: this program under another name.
//!
//! `end_to_end role:sink …` is the server, `role:floor …` the floor program, `role:measure …` the
//! parent of a measured process. A benchmark is one executable, and they are not worth more.

use std::process::Command;

const PREFIX: &str = "role:";

/// A command that plays a role.
pub(crate) fn command(role: &str) -> Command {
    let own = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(own);
    command.arg(format!("{PREFIX}{role}"));
    command
}

/// Plays the role of the command line; false when it names none.
pub(crate) fn play() -> bool {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((first, rest)) = arguments.split_first() else {
        return false;
    };
    match first.strip_prefix(PREFIX) {
        Some("sink") => crate::sink::play(rest),
        Some("floor") => crate::floor::play(rest),
        Some("inflate") => crate::floor::inflate(rest),
        Some("measure") => crate::cost::play(rest),
        Some(other) => panic!("there is no role '{other}'"),
        None => return false,
    }
    true
}
