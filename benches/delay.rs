//! How long a row takes from the moment its line is written to the acceptance of its batch.
//!
//! `cargo bench --bench delay -- [--rows-per-second 10000] [--seconds 30] [--linger 1s] [--runs 3]
//! [--program PATH]`. A writer appends lines that say when they were written to a file that is
//! followed, or to a pipe, in ticks of a millisecond; the program sends them to the sandbox through a relay that
//! takes the time when an answer passes. Printed are delays in milliseconds: half, 99 and all of 100
//! rows; the aim is linger + 100 ms for the 99. The file is also rotated, ten times in a run.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement that cannot go on has to stop"
)]

use clap::Parser;
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What to measure.
#[derive(Debug, Parser)]
struct Options {
    /// Rows that are written in a second
    #[arg(long, default_value_t = 10_000)]
    rows_per_second: u64,
    /// Seconds for which they are written
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// The option of the program
    #[arg(long, default_value = "1s")]
    linger: String,
    /// Runs of each case
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Measure this program instead of the one built along
    #[arg(long)]
    program: Option<PathBuf>,
    /// Given by cargo
    #[arg(long, hide = true)]
    bench: bool,
}

/// How rows come to the program.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    File,
    RotatedFile,
    Pipe,
}

/// Nanoseconds from the beginning of a run to a line and to the answer to its batch.
type Delays = Arc<Mutex<Vec<Duration>>>;

fn main() {
    let options = Options::parse();
    println!("| rows come from | p50 ms | p99 ms | most ms | rows |");
    println!("|---|---|---|---|---|");
    for way in [Way::File, Way::RotatedFile, Way::Pipe] {
        for _ in 0..options.runs {
            let mut delays = run(&options, way);
            delays.sort_unstable();
            let at = |share: usize| {
                let index = (delays.len() * share / 100).min(delays.len() - 1);
                delays[index].as_millis()
            };
            println!(
                "| {way:?} | {} | {} | {} | {} |",
                at(50),
                at(99),
                at(100),
                delays.len()
            );
        }
    }
}

fn run(options: &Options, way: Way) -> Vec<Duration> {
    let program = options.program.clone();
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_byteair-sync").into());
    let folder = tempfile::tempdir().unwrap();
    let mut sandbox = Process(
        clean(&program, folder.path())
            .args("sandbox --listen 127.0.0.1:0 --port-file port".split(' '))
            .stdout(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let port = wait_for_port(&folder.path().join("port"));
    let begun = Instant::now();
    let delays = Delays::default();
    let relay = relay(([127, 0, 0, 1], port).into(), begun, &delays);
    let log = folder.path().join("app.log");
    let mut write = clean(&program, folder.path());
    write
        .args("write -q -t behavior -s incremental_sync_streaming".split(' '))
        .args([
            "--yes-i-mean",
            "streaming-only",
            "--linger",
            &options.linger,
        ])
        .env("BYTEAIR_HOST", relay.to_string())
        .stdout(Stdio::null());
    match way {
        Way::Pipe => write
            .args(["--input-id", "rows", "-"])
            .stdin(Stdio::piped()),
        Way::File | Way::RotatedFile => write.arg("--follow").arg(&log).stdin(Stdio::null()),
    };
    let mut write = Process(write.spawn().unwrap());
    let pipe = write.0.stdin.take();
    // The first batch of a run goes alone, after whatever a start costs.
    std::thread::sleep(Duration::from_secs(1));
    let written = write_rows(options, way, (begun, &log), pipe);
    let patience = Instant::now() + Duration::from_secs(60);
    while delays.lock().unwrap().len() < written {
        assert!(Instant::now() < patience, "not all rows arrived");
        std::thread::sleep(Duration::from_millis(10));
    }
    write.end();
    sandbox.end();
    let delays = delays.lock().unwrap();
    delays.clone()
}

/// Writes the rows in time; how many.
fn write_rows(
    options: &Options,
    way: Way,
    (begun, log): (Instant, &Path),
    pipe: Option<std::process::ChildStdin>,
) -> usize {
    let open = || File::options().append(true).create(true).open(log).unwrap();
    let mut to: Box<dyn Write> = match pipe {
        Some(pipe) => Box::new(pipe),
        None => Box::new(open()),
    };
    let all = options.rows_per_second * options.seconds;
    let rotated_after = all / 10 + 1;
    let (started, mut written, mut rotated) = (Instant::now(), 0, 0);
    let mut text = Vec::new();
    while written < all {
        let elapsed = u64::try_from(started.elapsed().as_micros()).unwrap();
        let due = (elapsed * options.rows_per_second / 1_000_000).min(all);
        text.clear();
        let now = begun.elapsed().as_nanos();
        for row in written..due {
            writeln!(
                text,
                "{{\"user_id\":\"{row:09}\",\"event_type\":\"click\",\"goods_id\":\"g{row:06}\",\"at\":\"{now}\"}}"
            )
            .unwrap();
        }
        to.write_all(&text).unwrap();
        written = due;
        if way == Way::RotatedFile && written / rotated_after > rotated {
            rotated = written / rotated_after;
            std::fs::rename(log, log.with_extension(rotated.to_string())).unwrap();
            to = Box::new(open());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // A pipe ends here, which is also when the program does.
    drop(to);
    usize::try_from(all).unwrap()
}

fn clean(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .current_dir(folder)
        .env("HOME", folder)
        .env("XDG_RUNTIME_DIR", folder)
        .env("BYTEAIR_SCHEME", "http")
        .env("BYTEAIR_TENANT_ID", "1")
        .env("BYTEAIR_APPLICATION_ID", "1")
        .env("BYTEAIR_AK", "sandbox")
        .env("BYTEAIR_SK", "sandbox");
    command
}

fn wait_for_port(file: &Path) -> u16 {
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Ok(port) = text.trim().parse() {
            return port;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A process that ends with this value.
struct Process(Child);

impl Process {
    fn end(&mut self) {
        let process = rustix::process::Pid::from_child(&self.0);
        // A pipe's reader has ended by itself.
        rustix::process::kill_process(process, rustix::process::Signal::TERM).ok();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Passes requests on and takes the time when their answers come back.
fn relay(to: SocketAddr, begun: Instant, delays: &Delays) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let delays = Arc::clone(delays);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let delays = Arc::clone(&delays);
            std::thread::spawn(move || pass_on(&client, to, begun, &delays));
        }
    });
    address
}

fn pass_on(client: &TcpStream, to: SocketAddr, begun: Instant, delays: &Delays) -> Option<()> {
    let server = TcpStream::connect(to).unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut asking, mut answering) = (BufReader::new(client), BufReader::new(&server));
    loop {
        let (request, body) = message(&mut asking)?;
        (&server).write_all(&request).ok()?;
        let (answer, _) = message(&mut answering)?;
        let now = begun.elapsed();
        (&*client).write_all(&answer).ok()?;
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "an answer that is no success"
        );
        let rows = rows_of(&body);
        let late = rows.into_iter().map(|at| now.saturating_sub(at));
        delays.lock().unwrap().extend(late);
    }
}

/// A request or an answer, with the beginning of its body.
fn message(from: &mut impl BufRead) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut all, mut length) = (Vec::new(), 0);
    loop {
        let before = all.len();
        if from.read_until(b'\n', &mut all).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&all[before..]).to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    all.extend_from_slice(&body);
    Some((all, body))
}

/// When the rows of a body were written.
fn rows_of(body: &[u8]) -> Vec<Duration> {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    let written = text.split("\"at\":\"").skip(1);
    written
        .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
        .map(Duration::from_nanos)
        .collect()
}
