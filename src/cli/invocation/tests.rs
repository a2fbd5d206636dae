//! Arguments, environment and profile put together.

use super::*;
use crate::cli::args::{Command, WriteArgs};
use crate::cli::error::chain;
use std::io::Write;

/// A start with a config file of this content.
fn start(arguments: &[&str], config: &str) -> Result<Invocation, ParseError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(config.as_bytes()).unwrap();
    let mut words: Vec<OsString> = vec!["byteair-sync".into()];
    words.extend(arguments.iter().map(Into::into));
    words.extend(["--config".into(), file.path().into()]);
    Invocation::parse(&words, Environment::default())
}

fn usage(result: Result<Invocation, ParseError>) -> String {
    match result {
        Err(ParseError::Setting(error)) => chain(&error),
        other => panic!("{other:?}"),
    }
}

fn write_args(invocation: &Invocation) -> &WriteArgs {
    match &invocation.cli.command {
        Command::Write(args) => args,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_flag_beats_the_profile_and_the_profile_beats_the_default() {
    let config = "[profile.default]\nqps = 50\nbatch_bytes = '1MiB'\nhost = ['a', 'b:1']\n";
    let invocation = start(&["write", "--qps", "20", "x"], config).unwrap();
    let args = write_args(&invocation);
    assert_eq!(args.rate.qps, 20);
    assert_eq!(invocation.origin("qps"), Origin::Flag);
    assert_eq!(args.batch.batch_bytes.0, 1 << 20);
    assert!(
        matches!(invocation.origin("batch_bytes"), Origin::Profile { name, .. } if name == "default")
    );
    assert_eq!(args.rate.rows_per_second.get(), 50_000);
    assert_eq!(invocation.origin("rows_per_second"), Origin::Default);
    assert!(!invocation.is_given("timezone"));
    let hosts: Vec<String> = invocation
        .cli
        .global
        .host
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(hosts, ["a", "b:1"]);
}

#[test]
fn global_options_are_taken_before_and_after_the_command() {
    let config = "[profile.default]\nqps = 50\n[profile.p]\nqps = 7\nquiet = true\n";
    for words in [
        ["--profile", "p", "write", "x"],
        ["write", "--profile", "p", "x"],
    ] {
        let invocation = start(&words, config).unwrap();
        assert_eq!(write_args(&invocation).rate.qps, 7);
        assert!(invocation.cli.global.quiet);
    }
}

#[test]
fn a_bad_value_in_the_profile_names_the_file_and_the_key() {
    for (line, expected) in [
        ("qps = 0", "'0' is no value for qps"),
        (
            "batch_bytes = '8Mi'",
            "'8Mi' is no value for batch_bytes: write a size as",
        ),
        ("stage = 'history_snyc'", "did you mean history_sync?"),
        (
            "scheme = 'ftp'",
            "'ftp' is no value for scheme: it can be https, http",
        ),
        ("qps = [1, 2]", "'1,2' is no value for qps"),
        ("verify = 'perhaps'", "'perhaps' is no value for verify"),
    ] {
        let message = usage(start(
            &["write", "x"],
            &format!("[profile.default]\n{line}\n"),
        ));
        assert!(message.contains("profile 'default'"), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn safeguards_cannot_be_overridden_for_ever() {
    for key in SAFEGUARDS {
        let key = key_of(key);
        let message = usage(start(
            &["write", "x"],
            &format!("[profile.default]\n{key} = true\n"),
        ));
        assert!(message.contains("unknown key"), "{message}");
    }
}

#[test]
fn options_of_the_sandbox_have_keys_of_their_own() {
    let config = "[profile.default]\nqps = 50\nsandbox_qps = 7\n";
    let invocation = start(&["sandbox"], config).unwrap();
    match &invocation.cli.command {
        Command::Sandbox(args) => assert_eq!(args.qps.get(), 7),
        other => panic!("{other:?}"),
    }
    assert!(matches!(invocation.origin("qps"), Origin::Profile { .. }));
    let invocation = start(&["write", "x"], config).unwrap();
    assert_eq!(write_args(&invocation).rate.qps, 50);
}

#[test]
fn what_clap_refuses_stays_claps_to_say() {
    for words in [
        &["write", "--colour", "x"][..],
        &["wriet"],
        &["write", "--batch-rows", "10001", "x"],
    ] {
        assert!(
            matches!(start(words, ""), Err(ParseError::Arguments(_))),
            "{words:?}"
        );
    }
}

#[test]
fn the_command_line_can_be_typed_again_and_hides_passwords() {
    let words = [
        "write",
        "a b",
        "it's",
        "{date}/*.csv",
        "--proxy",
        "http://u:hidden@p:3128/x",
    ];
    let line = start(&words, "").unwrap().command_line;
    assert!(
        line.starts_with(
            "byteair-sync write 'a b' 'it'\\''s' '{date}/*.csv' --proxy 'http://***@p:3128/x'"
        ),
        "{line}"
    );
}

#[test]
fn every_option_of_a_command_can_be_described() {
    let config = "[profile.default]\nqps = 50\n";
    let rows = start(&["config", "show"], config)
        .unwrap()
        .describe("write")
        .unwrap();
    let find = |key: &str| rows.iter().find(|row| row.0 == key).unwrap();
    assert_eq!(find("qps").1.as_deref(), Some("50"));
    assert_ne!(find("qps").2, Origin::Default);
    assert_eq!(find("batch_bytes").1.as_deref(), Some("8MiB"));
    assert_eq!(find("min_rows").1, None);
    assert_eq!(find("verify").1.as_deref(), Some("false"));
}
