//! Hooks: a command or a URL that is told how a day ended, as the JSON of its summary.
//!
//! A hook tells; it decides nothing. Whatever becomes of it, the data stays as it is. A command
//! gets the JSON on its standard input, no secret in its environment, and as much time as the job
//! gives it; what is left of it and its children then is killed.

use crate::http::{HttpError, post};
use rustix::process::{Pid, Signal, kill_process_group};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// Somebody who wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hook {
    /// A line for `sh -c`.
    Command(String),
    /// A URL that takes a POST.
    Url(String),
}

/// Why a hook was not told.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The command could not be started.
    #[error("it could not be started: {0}")]
    Start(std::io::Error),
    /// The command failed.
    #[error("it ended with {0}")]
    Failed(ExitStatus),
    /// It took too long.
    #[error("it took longer than {} s and was stopped", .0.as_secs())]
    TooLong(Duration),
    /// The URL was not reached.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The URL answered otherwise than with 2xx.
    #[error("it answered HTTP {0}")]
    Answer(u16),
}

impl Hook {
    /// What a job file says: a text with a web address is a URL, everything else a command.
    pub fn parse(text: &str) -> Self {
        let is_url = ["http://", "https://"]
            .iter()
            .any(|scheme| text.starts_with(scheme));
        if is_url {
            Self::Url(text.to_owned())
        } else {
            Self::Command(text.to_owned())
        }
    }

    /// Tells it, within a time. `hidden` are variables that a command does not see.
    pub async fn tell(
        &self,
        json: Vec<u8>,
        within: Duration,
        hidden: &[&str],
    ) -> Result<(), HookError> {
        match self {
            Self::Url(url) => match post(url, "application/json", json, within).await? {
                200..=299 => Ok(()),
                other => Err(HookError::Answer(other)),
            },
            Self::Command(line) => {
                let mut child = start(line, hidden).map_err(HookError::Start)?;
                let group = child
                    .id()
                    .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
                let ended = tokio::time::timeout(within, feed(&mut child, &json)).await;
                if let (Err(_), Some(group)) = (&ended, group) {
                    // Whoever is gone already needs no signal.
                    let _gone = kill_process_group(group, Signal::KILL);
                }
                match ended {
                    Err(_) => Err(HookError::TooLong(within)),
                    Ok(Err(error)) => Err(HookError::Start(error)),
                    Ok(Ok(status)) if status.success() => Ok(()),
                    Ok(Ok(status)) => Err(HookError::Failed(status)),
                }
            }
        }
    }
}

/// A command in a process group of its own. What it prints goes to standard error: standard output
/// is for results.
fn start(line: &str, hidden: &[&str]) -> std::io::Result<Child> {
    use std::os::fd::AsFd;
    let mut command = Command::new("sh");
    for name in hidden {
        command.env_remove(name);
    }
    command
        .args(["-c", line])
        .stdin(Stdio::piped())
        .stdout(Stdio::from(std::io::stderr().as_fd().try_clone_to_owned()?))
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
}

async fn feed(child: &mut Child, json: &[u8]) -> std::io::Result<ExitStatus> {
    if let Some(mut input) = child.stdin.take() {
        // A command that does not read what it is told may still succeed.
        let _unread = input.write_all(json).await;
        // Several of them, appended to one file, are a line each.
        let _unread = input.write_all(b"\n").await;
    }
    child.wait().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    async fn tell(line: &str, within: Duration) -> Result<(), HookError> {
        let json = b"{\"exit_status\":0}".to_vec();
        Hook::parse(line).tell(json, within, &["BYTEAIR_SK"]).await
    }

    #[tokio::test]
    async fn a_command_reads_the_summary_and_its_exit_code_counts() {
        assert!(tell("grep -q exit_status", LONG).await.is_ok());
        assert!(tell("true", LONG).await.is_ok());
        let failed = tell("cat > /dev/null; exit 3", LONG).await.unwrap_err();
        assert!(failed.to_string().contains('3'), "{failed}");
    }

    #[tokio::test]
    async fn a_command_that_takes_too_long_is_killed_with_its_children() {
        let within = Duration::from_millis(200);
        let error = tell("sleep 600 & sleep 600", within).await.unwrap_err();
        assert!(matches!(error, HookError::TooLong(_)), "{error}");
    }

    #[test]
    fn a_web_address_is_a_url() {
        assert_eq!(
            Hook::parse("https://x/y"),
            Hook::Url("https://x/y".to_owned())
        );
        assert!(matches!(Hook::parse("curl https://x"), Hook::Command(_)));
    }
}
