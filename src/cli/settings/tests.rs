//! The rules that a command line has to keep, each with the message that its breach gets.

mod connection;
mod dates_and_guards;
mod rules;

use super::*;
use crate::cli::args::Command;
use crate::cli::environment::Environment;
use crate::cli::error::{UsageError, chain};
use chrono::TimeZone;
use std::ffi::OsString;

/// A start of the program in an environment of its own, with a config file of its own.
pub(super) fn start<const N: usize>(
    line: &str,
    environment: [(&str, &str); N],
    config: &str,
) -> Invocation {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, config).unwrap();
    let mut words: Vec<OsString> = vec!["byteair-sync".into()];
    words.extend(line.split(' ').map(OsString::from));
    words.extend(["--config".into(), file.into()]);
    Invocation::parse(&words, Environment::from(environment)).unwrap()
}

/// 2022-03-02 01:00 in Shanghai, 2022-03-01 17:00 in UTC.
pub(super) fn context(invocation: &Invocation) -> Context<'_> {
    Context {
        invocation,
        now: Utc.with_ymd_and_hms(2022, 3, 1, 17, 0, 0).unwrap(),
    }
}

pub(super) const HOME: [(&str, &str); 3] =
    [("HOME", "/h"), ("BYTEAIR_AK", "a"), ("BYTEAIR_SK", "s")];

/// A connection that is complete.
pub(super) const TO: &str = "--region cn --tenant-id 1 --application-id 2";

/// A target that is complete.
pub(super) const ITEM: &str = "-t item -s history_sync -d 2022-01-01";

pub(super) fn resolved(invocation: &Invocation) -> Result<WriteOptions, UsageError> {
    match &invocation.cli.command {
        Command::Write(args) => WriteOptions::resolve(context(invocation), args, None),
        other => panic!("{other:?}"),
    }
}

/// What `write` with these words comes to.
pub(super) fn write(words: &str) -> Result<WriteOptions, String> {
    resolved(&start(&format!("write {TO} {words}"), HOME, "")).map_err(|error| chain(&error))
}

/// The message that `write` with these words gets.
pub(super) fn refused(words: &str) -> String {
    write(words).unwrap_err()
}
