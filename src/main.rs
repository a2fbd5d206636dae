//! The program: parse, start the runtime, run the command, map its status to an exit code.
//!
//! Everything else is in the library. The process never exits from anywhere but here.

use byteair_sync::cli::environment::Environment;
use byteair_sync::cli::exit::exit_code;
use byteair_sync::cli::invocation::Invocation;
use byteair_sync::cli::printer::{Level, PrintStyle, Printer};
use byteair_sync::cli::signals::StatusRequests;
use byteair_sync::commands::{Session, assure_open_files, refuse, run};
use byteair_sync::upload::report::Status;
use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        if byteair_sync::input::is_contained() {
            return;
        }
        let text = format!("this is a bug in byteair-sync, please report it: {panic}");
        Printer::of_process(PrintStyle::default()).message(Level::Error, &text);
    }));
    exit_code(std::panic::catch_unwind(start).unwrap_or(Status::Unexpected))
}

fn start() -> Status {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match Invocation::parse(&arguments, Environment::of_process()) {
        Ok(invocation) => begin(&Session::new(invocation)),
        Err(error) => refuse(&error, &arguments),
    }
}

fn begin(session: &Session) -> Status {
    match assure_open_files() {
        Ok(()) => execute(session),
        Err(error) => {
            session.printer.failure(Status::Usage, &error);
            Status::Usage
        }
    }
}

fn execute(session: &Session) -> Status {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => {
            let status = runtime.block_on(async {
                // Who asks how a run is going may ask before it has begun, and must not end it.
                let _asked_early = StatusRequests::listen();
                run(session).await
            });
            // A read of standard input that never returns must not keep the process alive.
            runtime.shutdown_background();
            status
        }
        Err(error) => {
            let text = format!("cannot start the runtime: {error}");
            session.printer.failure(Status::Unexpected, &text);
            Status::Unexpected
        }
    }
}
