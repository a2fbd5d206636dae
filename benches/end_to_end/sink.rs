//! The sink as the benchmark sees it: a process that takes requests and tells what it saw.
//!
//! It runs as long as this handle lives; [`Sink::finish`] ends it and asks for its report. What the
//! process does is in [`serve`].

mod answer;
mod report;
mod serve;

pub(crate) use report::{SinkReport, now};
pub(crate) use serve::play;

use crate::roles;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// How the sink behaves.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SinkOptions {
    /// Speak TLS, with a certificate of its own.
    pub(crate) tls: bool,
    /// Milliseconds before each answer.
    pub(crate) latency: u64,
    /// Answer only so many writes; the others wait for ever.
    pub(crate) answers: Option<u64>,
    /// Listen here, or on any port that is free.
    pub(crate) port: u16,
    /// Refuse the first row of each batch (1001).
    pub(crate) refuses: bool,
}

/// A running sink.
pub(crate) struct Sink {
    child: Child,
    stdin: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
    port: u16,
    certificate: Option<PathBuf>,
}

impl Sink {
    /// Starts a sink. The certificate is written to `dir`.
    pub(crate) fn start(options: SinkOptions, dir: &Path) -> Self {
        let certificate = options.tls.then(|| dir.join("sink.pem"));
        let path = certificate.as_deref().unwrap_or(Path::new("-"));
        let mut command = roles::command("sink");
        command.arg(path).arg(options.latency.to_string());
        command.arg(options.answers.unwrap_or(u64::MAX).to_string());
        command.arg(if options.refuses { "refuse" } else { "take" });
        command.arg(options.port.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the sink starts");
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        said.read_line(&mut port).unwrap();
        Self {
            stdin: child.stdin.take(),
            child,
            said,
            port: port.trim().parse().expect("the sink says its port"),
            certificate,
        }
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// `host:port`.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// `http` or `https`.
    pub(crate) const fn scheme(&self) -> &'static str {
        match self.certificate {
            Some(_) => "https",
            None => "http",
        }
    }

    /// The certificate to trust.
    pub(crate) fn certificate(&self) -> Option<&Path> {
        self.certificate.as_deref()
    }

    /// Waits until it has answered all that it answers.
    pub(crate) fn wait_until_full(&mut self) {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "full");
    }

    /// Ends the sink.
    pub(crate) fn finish(mut self) -> SinkReport {
        self.stdin.take();
        let mut text = String::new();
        self.said.read_to_string(&mut text).unwrap();
        self.child.wait().unwrap();
        let line = text.lines().last().expect("the sink reports");
        SinkReport::parse(line)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
