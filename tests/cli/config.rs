//! Where settings come from, and what a wrong one gets.

use crate::recorder::Recorder;
use crate::start::{Place, WRITE, finish};

fn setting(output: &str, name: &str) -> Vec<String> {
    let line = output
        .lines()
        .find(|line| line.split_whitespace().next() == Some(name))
        .unwrap_or_else(|| panic!("{name} is not in:\n{output}"));
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_profile_which_beats_the_default() {
    let place = Place::new();
    let config = "[profile.default]\nqps = 5\ntimezone = 'UTC'\nretry_for = '1m'\nregion = 'cn'\n";
    std::fs::write(place.folder.path().join("c.toml"), config).unwrap();
    let (output, _, status) = finish(
        place
            .run("config show --config c.toml --timezone Asia/Tokyo")
            .env("BYTEAIR_QPS", "20")
            .env("BYTEAIR_TIMEZONE", "Europe/Berlin")
            .env("BYTEAIR_TIMEOUT", ""),
    );
    assert_eq!(status, 0);
    assert_eq!(setting(&output, "timezone"), ["Asia/Tokyo", "flag"]);
    assert_eq!(
        setting(&output, "qps"),
        ["20", "environment", "BYTEAIR_QPS"]
    );
    assert_eq!(
        setting(&output, "retry_for"),
        ["1m", "profile", "'default'", "in", "c.toml"]
    );
    assert_eq!(setting(&output, "timeout"), ["30s", "default"]);
}

#[test]
fn flags_of_the_environment_can_be_switched_off() {
    let place = Place::new();
    for (value, expected) in [
        ("1", "true"),
        ("true", "true"),
        ("0", "false"),
        ("no", "false"),
    ] {
        let (output, _, _) = finish(place.run("config show").env("BYTEAIR_VERIFY", value));
        assert_eq!(setting(&output, "verify")[0], expected, "{value}");
    }
}

#[test]
fn safeguards_cannot_be_overridden_by_the_environment() {
    let place = Place::new();
    let (output, _, _) = finish(
        place
            .run("config show")
            .env("BYTEAIR_RESTART", "true")
            .env("BYTEAIR_ALLOW_PLAIN_HTTP", "true"),
    );
    assert_eq!(setting(&output, "restart"), ["false", "default"]);
    assert_eq!(setting(&output, "allow_plain_http"), ["false", "default"]);
}

#[test]
fn secrets_are_masked_wherever_they_come_from() {
    let place = Place::new();
    for form in ["", " --json"] {
        let (output, errors, status) = finish(
            place
                .run(&format!("config show{form}"))
                .env("BYTEAIR_AK", "hidden-1")
                .env("BYTEAIR_SK", "hidden-2")
                .env("BYTEAIR_PROXY", "http://user:hidden-3@proxy:3128"),
        );
        assert_eq!(status, 0);
        assert!(
            !output.contains("hidden") && !errors.contains("hidden"),
            "{output}"
        );
        assert!(output.contains("BYTEAIR_SK"), "{output}");
    }
}

#[test]
fn a_config_file_is_written_once_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let (_, _, status) = finish(&mut place.run("config init"));
    assert_eq!(status, 0);
    let file = place.folder.path().join(".config/byteair-sync/config.toml");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    std::fs::write(&file, "[profile.default]\nqps = 5\n").unwrap();
    let (_, errors, status) = finish(&mut place.run("config init"));
    assert_eq!(status, 2);
    assert!(errors.contains("stays as it is"), "{errors}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("qps = 5"));
    let (_, _, status) = finish(&mut place.run("config init --config other.toml"));
    assert_eq!(status, 0);
    let (output, _, _) = finish(&mut place.run("config show"));
    assert_eq!(setting(&output, "qps")[0], "5");
}

#[test]
fn wrong_usage_is_status_2_on_standard_error() {
    let place = Place::new();
    std::fs::write(
        place.folder.path().join("c.toml"),
        "[profile.default]\nqsp = 5\n",
    )
    .unwrap();
    for (words, expected) in [
        ("wriet", "a similar subcommand exists: 'write'"),
        (
            "write --batch-rows 0 x",
            "write a whole number from 1 to 10000",
        ),
        ("write --qps fast x", "write a whole number from 1 to 1000"),
        (
            "write --rows-per-second 0 x",
            "write a whole number, at least 1",
        ),
        ("run x --catch-up 0", "write a whole number from 1 to 3653"),
        ("write --stage history_snyc x", "did you mean history_sync?"),
        (
            "config show --config c.toml",
            "unknown key 'qsp'; did you mean 'qps'?",
        ),
        ("config show --profile none", "to take --profile none from"),
        ("", "Usage: byteair-sync"),
    ] {
        let (output, errors, status) = finish(&mut place.run(words));
        assert_eq!((status, output.as_str()), (2, ""), "{words}");
        assert!(errors.contains(expected), "{errors}");
    }
}

#[test]
fn with_json_the_last_line_is_a_summary_even_when_nothing_could_begin() {
    let place = Place::new();
    for words in [
        "config show --json --region mars",
        "config show --json --profile none",
    ] {
        let (output, _, status) = finish(&mut place.run(words));
        assert_eq!(status, 2);
        let last: serde_json::Value = serde_json::from_str(output.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["type"], &last["exit_status"]),
            (&"summary".into(), &2.into())
        );
    }
    let (output, _, _) = finish(&mut place.run("config show --json"));
    assert!(
        output
            .lines()
            .last()
            .unwrap()
            .starts_with("{\"v\":1,\"type\":\"summary\"")
    );
}

#[test]
fn a_misspelt_variable_is_warned_of_with_the_one_that_was_meant() {
    let recorder = Recorder::new();
    let mut place = Place::with(&recorder);
    place.rows("rows.jsonl", 0, 3);
    place.set("BYTEAIR_BATCHROWS", "1");
    place.set("BYTEAIR_NO_DONE", "true");
    // It belongs to the Python package.
    place.set("BYTEAIR_SYNC_BINARY", "byteair-sync");
    let ran = place.end(&format!("{WRITE} rows.jsonl")).expect(0);
    assert!(!ran.errors.contains("SYNC_BINARY"), "{}", ran.errors);
    for words in [
        "warning: the variable BYTEAIR_BATCHROWS is not read; did you mean BYTEAIR_BATCH_ROWS?",
        "warning: the variable BYTEAIR_NO_DONE is not read; --no-done overrides a safeguard",
    ] {
        assert!(ran.errors.contains(words), "{}", ran.errors);
    }
    place
        .end("status")
        .expect(0)
        .says("did you mean BYTEAIR_BATCH_ROWS?");
    let quiet = place.end("man pages").expect(0);
    assert_eq!(quiet.errors, "");
}

#[test]
fn help_names_defaults_units_and_exit_statuses() {
    let place = Place::new();
    let (output, _, status) = finish(&mut place.run("--help"));
    assert_eq!(status, 0);
    assert!(output.contains("Exit statuses:") && output.contains("130, 143"));
    let (output, _, _) = finish(&mut place.run("write --help"));
    assert!(output.contains("Examples:") && output.contains("[default: 15m]"));
    assert!(output.contains("[env: BYTEAIR_RETRY_FOR]"));
}

#[test]
fn completions_and_manual_pages_cover_every_command() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish"] {
        let (output, _, status) = finish(&mut place.run(&format!("completions {shell}")));
        assert_eq!(status, 0);
        assert!(output.contains("drop-input"), "{shell}");
    }
    let (_, _, status) = finish(&mut place.run("man pages"));
    assert_eq!(status, 0);
    let page = place
        .folder
        .path()
        .join("pages/byteair-sync-ledger-drop-input.1");
    assert!(page.is_file());
}
