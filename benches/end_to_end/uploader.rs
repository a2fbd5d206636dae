//! The program at work: the command lines that are measured.

use crate::cost::{Cost, Cpus};
use crate::sink::{Sink, SinkOptions, SinkReport};
use crate::workbench::Workbench;
use std::path::Path;
use std::process::Command;

/// How one upload is run.
#[derive(Clone, Copy)]
pub(crate) struct Upload {
    pub(crate) cpus: Cpus,
    pub(crate) sink: SinkOptions,
    /// More arguments of `write`.
    pub(crate) arguments: &'static [&'static str],
}

impl Default for Upload {
    fn default() -> Self {
        Self {
            cpus: Cpus::All,
            sink: SinkOptions::default(),
            arguments: &["--date", "2022-01-01"],
        }
    }
}

/// What an upload cost, and what the sink saw of it.
pub(crate) struct Uploaded {
    pub(crate) cost: Cost,
    pub(crate) seen: SinkReport,
}

/// Uploads a file, a directory or a pattern with a fresh ledger.
pub(crate) fn upload(bench: &Workbench, source: &Path, how: Upload) -> Uploaded {
    let state = bench.scratch();
    let sink = Sink::start(how.sink, bench.path());
    let mut write = write(bench, &sink, state.path());
    write.args(how.arguments).arg(source);
    let cost = bench.measure(&write, how.cpus);
    let seen = sink.finish();
    Uploaded { cost, seen }
}

/// The program with nothing but an identity in its environment.
pub(crate) fn program(bench: &Workbench, state: &Path) -> Command {
    let mut command = Command::new(bench.program());
    command.env_clear();
    command.env("BYTEAIR_AK", "AKBENCHMARK000000001");
    command.env("BYTEAIR_SK", "benchmark-secret-key");
    command.env("BYTEAIR_STATE_DIR", state);
    command.env("BYTEAIR_TENANT_ID", "2100021");
    command.env("BYTEAIR_APPLICATION_ID", "20013144");
    command
}

/// `write` to a sink, without a date and without paths.
pub(crate) fn write(bench: &Workbench, sink: &Sink, state: &Path) -> Command {
    let mut command = program(bench, state);
    command.env("BYTEAIR_HOST", sink.host());
    command.env("BYTEAIR_SCHEME", sink.scheme());
    if let Some(certificate) = sink.certificate() {
        command.env("BYTEAIR_CA_CERT", certificate);
    }
    command.args(["write", "--no-rate-limit"]);
    command.args(["--topic", "item", "--stage", "history_sync"]);
    command
}
