//! Starting the binary in a directory and an environment of its own.

use assert_cmd::Command;
use tempfile::TempDir;

/// A place to run in: home, config and state lie in a directory that goes away with it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// The binary with these words.
    pub(crate) fn run(&self, words: &str) -> Command {
        let mut command = Command::cargo_bin("byteair-sync").unwrap();
        command
            .env_clear()
            .env("HOME", self.folder.path())
            .current_dir(self.folder.path())
            .args(words.split_whitespace());
        command
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
