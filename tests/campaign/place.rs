//! A directory to run the binary in: home, state and what the runs said.
//!
//! The environment is scrubbed, so a setting of the machine changes nothing, and the quota file lies
//! in the directory too: campaigns are not one user.

use crate::server::Server;
use rand::Rng;
use rand::rngs::StdRng;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;

/// Longest wait for anything; only a hang takes so long.
pub(crate) const LIMIT: Duration = Duration::from_secs(300);

/// Pause between two looks.
pub(crate) const LOOK: Duration = Duration::from_micros(500);

/// Where the output of all runs is gathered.
const SAID: &str = "said.txt";

/// The certificate of a server that speaks TLS.
const CERTIFICATE: &str = "sandbox.pem";

/// A place, and the host that its runs upload to.
pub(crate) struct Place {
    folder: TempDir,
    host: SocketAddr,
    tls: bool,
    secret: String,
}

impl Place {
    pub(crate) fn new(host: SocketAddr) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            host,
            tls: false,
            secret: "sandbox".to_owned(),
        }
    }

    /// A place for runs that upload to this server and trust it, if it speaks TLS.
    pub(crate) fn of(server: &Server) -> Self {
        let mut place = Self::new(server.address);
        server.secret().clone_into(&mut place.secret);
        if let Some(certificate) = server.certificate() {
            place.file(CERTIFICATE, certificate.as_bytes());
            place.tls = true;
        }
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a file, with the directories above it.
    pub(crate) fn file(&self, name: &str, content: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Where the ledger lies.
    pub(crate) fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// The binary with these words, its output gathered in a file.
    pub(crate) fn command(&self, words: &[String]) -> Command {
        let mut said = File::options();
        let said = said.append(true).create(true);
        let said = said.open(self.path(SAID)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_byteair-sync"));
        command
            .args(words)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .env("BYTEAIR_STATE_DIR", self.state())
            .env("BYTEAIR_HOST", self.host.to_string())
            .env("BYTEAIR_SCHEME", if self.tls { "https" } else { "http" })
            .env("BYTEAIR_AK", "sandbox")
            .env("BYTEAIR_SK", &self.secret)
            .env("BYTEAIR_TENANT_ID", "1")
            .env("BYTEAIR_APPLICATION_ID", "2")
            .env("BYTEAIR_QPS", "1000")
            .env("BYTEAIR_ROWS_PER_SECOND", "10000000")
            // Tests do not wait for what a platform would need to recover.
            .env("BYTEAIR_RETRY_MAX_DELAY", "20ms")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(said.try_clone().unwrap())
            .stderr(said);
        if self.tls {
            command.env("BYTEAIR_CA_CERT", self.path(CERTIFICATE));
        }
        command
    }

    /// Starts the binary.
    pub(crate) fn start(&self, words: &[String]) -> Child {
        self.start_reading(words, None)
    }

    /// Starts the binary, which reads this file from standard input.
    pub(crate) fn start_reading(&self, words: &[String], file: Option<&str>) -> Child {
        let mut command = self.command(words);
        if let Some(file) = file {
            command.stdin(File::open(self.path(file)).unwrap());
        }
        command.spawn().unwrap()
    }

    /// Runs the binary to its end.
    pub(crate) fn end(&self, words: &[String]) -> i32 {
        let mut child = self.start(words);
        let ended = until(|| child.try_wait().unwrap());
        let Some(status) = ended else {
            child.kill().unwrap();
            panic!("no end after {LIMIT:?}\n{}", self.said());
        };
        status
            .code()
            .unwrap_or_else(|| panic!("{status}\n{}", self.said()))
    }

    /// Runs the binary with `--json`: exit status and last line.
    pub(crate) fn summary(&self, words: &[String]) -> (i32, serde_json::Value) {
        let mut words = words.to_vec();
        words.push("--json".to_owned());
        let before = self.said().len();
        let status = self.end(&words);
        let said = self.said();
        let mut objects = said[before..]
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let summary = objects.rfind(|line| line["type"] == "summary");
        (status, summary.expect(&said))
    }

    /// All output of all runs so far.
    pub(crate) fn said(&self) -> String {
        let bytes = std::fs::read(self.path(SAID)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Something that changes when the ledger is written.
    pub(crate) fn ledger_mark(&self) -> Option<(u64, SystemTime)> {
        let log = std::fs::metadata(self.state().join("ledger.db-wal")).ok()?;
        Some((log.len(), log.modified().unwrap()))
    }

    /// Copies the ledger as a crash left it, so that looking at it does not tidy it up.
    pub(crate) fn copy_of_ledger(&self) -> Option<TempDir> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["ledger.db", "ledger.db-wal"] {
            let from = self.state().join(name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name)).unwrap();
            } else if name == "ledger.db" {
                return None;
            }
        }
        Some(copy)
    }
}

/// Looks until there is something to see, or the limit is over.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    while begin.elapsed() < LIMIT {
        let seen = look();
        if seen.is_some() {
            return seen;
        }
        std::thread::sleep(LOOK);
    }
    None
}

/// Kills a process, unless it ended by itself: then its status.
pub(crate) fn kill(mut child: Child) -> Option<ExitStatus> {
    child.kill().unwrap();
    let status = child.wait().unwrap();
    status.code().map(|_| status)
}

/// A random time below this one.
pub(crate) fn within(random: &mut StdRng, longest: Duration) -> Duration {
    longest.mul_f64(random.random_range(0.0..1.0))
}
