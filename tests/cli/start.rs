//! Starting the binary in a directory and an environment of its own.

use crate::recorder::{ACCESS_KEY, APPLICATION, Recorder, SECRET_KEY, TENANT};
use assert_cmd::Command;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use tempfile::TempDir;

/// `write` of one day of items.
pub(crate) const WRITE: &str = "write -t item -s history_sync -d 2022-01-01";

/// A place to run in: home, config and state lie in a directory that goes away with it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    environment: Vec<(String, String)>,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        }
    }

    /// A place whose host is a recorder.
    pub(crate) fn with(recorder: &Recorder) -> Self {
        Self::at(recorder.address)
    }

    /// A place whose host is at this address.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self::new().pointed_at(address)
    }

    /// The same place with a recorder as its host.
    pub(crate) fn moved_to(self, recorder: &Recorder) -> Self {
        self.pointed_at(recorder.address)
    }

    fn pointed_at(mut self, address: SocketAddr) -> Self {
        let place = &mut self;
        for (name, value) in [
            ("BYTEAIR_HOST", address.to_string().as_str()),
            ("BYTEAIR_SCHEME", "http"),
            ("BYTEAIR_AK", ACCESS_KEY),
            ("BYTEAIR_SK", SECRET_KEY),
            ("BYTEAIR_TENANT_ID", TENANT),
            ("BYTEAIR_APPLICATION_ID", APPLICATION),
            // Tests do not wait for what a platform would need to recover.
            ("BYTEAIR_RETRY_MAX_DELAY", "20ms"),
        ] {
            place.set(name, value);
        }
        self
    }

    /// Sets a variable for all commands from here; an empty value unsets it.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        if !value.is_empty() {
            self.environment.push((name.to_owned(), value.to_owned()));
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a file, with the directories above it.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// A file of small rows, numbered from `first`.
    pub(crate) fn rows(&self, name: &str, first: usize, count: usize) -> Vec<String> {
        let rows = rows(first, count);
        self.file(
            name,
            rows.iter()
                .fold(String::new(), |text, row| text + row + "\n"),
        );
        rows
    }

    /// The binary with these words.
    pub(crate) fn run(&self, words: &str) -> Command {
        let mut command = Command::cargo_bin("byteair-sync").unwrap();
        command
            .env_clear()
            .env("HOME", self.folder.path())
            // The quota is shared by all processes of a user; tests are not one user.
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .args(words.split_whitespace());
        command
    }

    /// The end of the binary with these words.
    pub(crate) fn end(&self, words: &str) -> Ran {
        Ran::of(words, &mut self.run(words))
    }

    /// The end of the binary, which reads this from standard input.
    pub(crate) fn end_with_stdin(&self, words: &str, text: &str) -> Ran {
        Ran::of(words, self.run(words).write_stdin(text))
    }

    /// The binary with these words in the background.
    pub(crate) fn start(&self, words: &str) -> Child {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_byteair-sync"));
        command.args(words.split_whitespace());
        self.spawn(command)
    }

    /// Any program in the background, in this place.
    pub(crate) fn spawn(&self, command: std::process::Command) -> Child {
        self.spawn_reading(command, Stdio::null())
    }

    /// Any program in the background, in this place, with this standard input.
    pub(crate) fn spawn_reading(&self, mut command: std::process::Command, input: Stdio) -> Child {
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Every byte that commands left in the state directory.
    pub(crate) fn state_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in walkdir::WalkDir::new(self.path(".local")) {
            let entry = entry.unwrap();
            if entry.file_type().is_file() {
                bytes.extend(std::fs::read(entry.path()).unwrap());
            }
        }
        bytes
    }
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).unwrap();
}

/// Reads the messages of a running command up to one that says so.
pub(crate) fn wait_for_message(child: &mut Child, text: &str) {
    use std::io::Read;
    let errors = child.stderr.as_mut().unwrap();
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&seen).contains(text) {
        assert_eq!(
            errors.read(&mut byte).unwrap(),
            1,
            "{}",
            String::from_utf8_lossy(&seen)
        );
        seen.push(byte[0]);
    }
}

/// Small rows, numbered from `first`.
pub(crate) fn rows(first: usize, count: usize) -> Vec<String> {
    (first..first + count)
        .map(|number| format!("{{\"id\":\"{number:06}\",\"title\":\"耳机 {number}\"}}"))
        .collect()
}

/// The path of a file among the fixtures.
pub(crate) fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/input");
    path.join(name).to_str().unwrap().to_owned()
}

/// A command that ended.
#[derive(Debug)]
pub(crate) struct Ran {
    words: String,
    pub(crate) output: String,
    pub(crate) errors: String,
    pub(crate) status: i32,
}

impl Ran {
    pub(crate) fn of(words: &str, command: &mut Command) -> Self {
        let (output, errors, status) = finish(command);
        Self {
            words: words.to_owned(),
            output,
            errors,
            status,
        }
    }

    /// Waits for a command that was started; a signal that ended it counts as negative status.
    pub(crate) fn after(child: Child) -> Self {
        use std::os::unix::process::ExitStatusExt;
        let output = child.wait_with_output().unwrap();
        Self {
            words: String::new(),
            output: String::from_utf8(output.stdout).unwrap(),
            errors: String::from_utf8(output.stderr).unwrap(),
            status: output
                .status
                .code()
                .or_else(|| output.status.signal().map(|signal| -signal))
                .unwrap(),
        }
    }

    /// Fails unless it ended so.
    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(
            self.status, status,
            "{}\nstdout:\n{}\nstderr:\n{}",
            self.words, self.output, self.errors
        );
        self
    }

    /// Fails unless it said so to the person at the terminal.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.errors.contains(text) || self.output.contains(text),
            "no '{text}' in\n{}\n{}",
            self.output,
            self.errors
        );
        self
    }

    /// The lines of `--json`.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.output
            .lines()
            .map(|line| serde_json::from_str(line).expect(line))
            .collect()
    }

    /// The last line of `--json`.
    #[track_caller]
    pub(crate) fn summary(&self) -> Value {
        let last = self.lines().pop().expect("no line");
        assert_eq!(last["type"], "summary", "{last}");
        assert_eq!(last["exit_status"], self.status, "{last}");
        last
    }
}

/// What a finished command wrote: standard output, standard error, exit status.
pub(crate) fn finish(command: &mut Command) -> (String, String, i32) {
    let output = command.output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
}
