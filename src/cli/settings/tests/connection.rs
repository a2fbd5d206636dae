//! Hosts, targets, zones, credentials and directories.

use super::*;
use crate::cli::args::{AuthMode, LogFormat};
use crate::cli::progress::Display;
use crate::domain::Zone;
use crate::http::Scheme;
use crate::protocol::sign::Credentials;
use std::path::Path;
use std::time::Duration;

fn connect<const N: usize>(
    line: &str,
    environment: [(&str, &str); N],
    config: &str,
) -> Result<Connection, String> {
    let invocation = start(&format!("write x {line}"), environment, config);
    Connection::resolve(context(&invocation), Duration::from_secs(30), None)
        .map_err(|error| chain(&error))
}

fn platform(line: &str, config: &str) -> String {
    let line = format!("{line} --tenant-id 1 --application-id 2");
    connect(&line, HOME, config)
        .unwrap()
        .settings
        .target
        .platform()
        .to_owned()
}

#[test]
fn a_platform_is_its_region_or_its_name_or_its_first_host() {
    let staging = "[profile.default]\nhost = ['s:8443']\nplatform = 'staging'\n";
    for (line, config, expected) in [
        ("--region cn", "", "cn"),
        ("--region oversea1", "", "oversea1"),
        ("--host api.byteair.volces.com", "", "cn"),
        ("--host A.example --host b.example", "", "a.example:443"),
        ("--host localhost --scheme http", "", "localhost:80"),
        ("--host a:8443", "", "a:8443"),
        ("", staging, "staging"),
        // Another host than the profile's must not pass for the profile's platform.
        ("--host other", staging, "other:443"),
        ("--region cn", staging, "cn"),
    ] {
        assert_eq!(platform(line, config), expected, "{line}");
    }
}

#[test]
fn a_region_has_the_documented_host() {
    let connection = connect(&TO.replace("cn", "oversea1"), HOME, "").unwrap();
    assert_eq!(
        connection.settings.hosts,
        ["api-oversea1.byteair.volces.com"]
    );
    assert_eq!(connection.settings.scheme, Scheme::Https);
    assert_eq!(connection.settings.connect_timeout, Duration::from_secs(10));
}

#[test]
fn what_is_missing_is_named_with_every_way_to_give_it() {
    for (line, expected) in [
        (
            "--tenant-id 1 --application-id 2",
            "there is no host to upload to; give --region cn",
        ),
        (
            "--region cn --application-id 2",
            "the tenant (account) id is missing; give --tenant-id, set BYTEAIR_TENANT_ID",
        ),
        (
            "--region cn --tenant-id 1",
            "the application id is missing; give --application-id",
        ),
        (
            "--region cn --tenant-id a/b --application-id 2",
            "tenant id 'a/b' must be",
        ),
        (
            "--region cn --host a --tenant-id 1 --application-id 2",
            "--host and --region contradict each other (flag, flag)",
        ),
        (
            "--host a --scheme http --tenant-id 1 --application-id 2",
            "plain http to a would show rows",
        ),
    ] {
        let message = connect(line, HOME, "").unwrap_err();
        assert!(message.starts_with(expected), "{message}");
    }
    let config = "[profile.default]\nhost = 'a'\nplatform = 'cn'\n";
    let message = connect("--tenant-id 1 --application-id 2", HOME, config).unwrap_err();
    assert!(message.contains("is the name of a region"), "{message}");
    let config = "[profile.default]\nregion = 'cn'\nplatform = 'x'\n";
    let message = connect("--tenant-id 1 --application-id 2", HOME, config).unwrap_err();
    assert!(
        message.contains("either 'region' or 'platform'"),
        "{message}"
    );
}

#[test]
fn plain_http_goes_to_this_machine_or_where_it_is_allowed() {
    for line in [
        "--host 127.0.0.1:7431 --scheme http",
        "--host a --scheme http --allow-plain-http",
    ] {
        let line = format!("{line} --tenant-id 1 --application-id 2");
        let connection = connect(&line, HOME, "").unwrap();
        assert_eq!(connection.settings.scheme, Scheme::Http);
    }
}

#[test]
fn days_end_where_the_platform_says() {
    let zone_of = |line: &str| {
        let invocation = start(&format!("write x {line}"), HOME, "");
        zone(context(&invocation)).map_err(|error| chain(&error))
    };
    for (line, expected) in [
        ("--region cn", Zone::SHANGHAI),
        ("--host a", Zone::SHANGHAI),
        ("--region oversea1", Zone::UTC),
        ("--host api-oversea1.byteair.volces.com", Zone::UTC),
        ("--region cn --timezone UTC", Zone::UTC),
        ("--region oversea1 --timezone UTC", Zone::UTC),
        (
            "--region oversea1 --timezone Asia/Shanghai --allow-zone-mismatch",
            Zone::SHANGHAI,
        ),
    ] {
        assert_eq!(zone_of(line), Ok(expected), "{line}");
    }
    let message = zone_of("--region oversea1 --timezone Asia/Shanghai").unwrap_err();
    assert!(message.contains("--allow-zone-mismatch"), "{message}");
    let message = zone_of("--timezone CET-1").unwrap_err();
    assert!(message.contains("'CET-1' is not a time zone"), "{message}");
}

#[test]
fn credentials_come_from_the_environment_or_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sk");
    std::fs::write(&file, "of-file\n").unwrap();
    let path = file.to_str().unwrap();
    let config = format!("[profile.default]\nsk_file = '{path}'\n");
    let secret = |connection: Connection| match connection.settings.credentials.load().unwrap() {
        Credentials::AkSk {
            access_key,
            secret_key,
            region,
            ..
        } => {
            assert_eq!(region, "placeholder");
            format!("{access_key} {}", secret_key.reveal())
        }
        Credentials::Token { token } => token.reveal().to_owned(),
    };
    let home = ("HOME", "/h");
    let ak = ("BYTEAIR_AK", "a");
    for (variables, config, expected) in [
        ([home, ak, ("BYTEAIR_SK", "s")], "", "a s"),
        ([home, ak, ("BYTEAIR_SK_FILE", path)], "", "a of-file"),
        ([home, ak, ("X", "")], config.as_str(), "a of-file"),
        ([home, ak, ("BYTEAIR_SK", "s")], config.as_str(), "a s"),
        (
            [home, ("VOLC_ACCESSKEY", "va"), ("VOLC_SECRETKEY", "vs")],
            "",
            "va vs",
        ),
        ([home, ("BYTEAIR_TOKEN", "t"), ("X", "")], "", "t"),
    ] {
        assert_eq!(secret(connect(TO, variables, config).unwrap()), expected);
    }
}

#[test]
fn a_rotated_secret_is_found_when_credentials_are_loaded_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "old").unwrap();
    let variables = [
        ("HOME", "/h"),
        ("BYTEAIR_TOKEN_FILE", file.to_str().unwrap()),
    ];
    let connection = connect(TO, variables, "").unwrap();
    std::fs::write(&file, "new").unwrap();
    let Credentials::Token { token } = connection.settings.credentials.load().unwrap() else {
        panic!("only a token was given");
    };
    assert_eq!(token.reveal(), "new");
    std::fs::write(&file, "").unwrap();
    let message = connection
        .settings
        .credentials
        .load()
        .unwrap_err()
        .to_string();
    assert!(message.ends_with("the file is empty"), "{message}");
}

#[test]
fn missing_credentials_name_the_variables_and_no_secret() {
    for (line, variables, expected) in [
        (
            "",
            [("A", "b"), ("C", "d")],
            "set BYTEAIR_AK and BYTEAIR_SK, or BYTEAIR_TOKEN",
        ),
        (
            "",
            [("BYTEAIR_AK", "hidden"), ("C", "d")],
            "the secret key is missing; set BYTEAIR_SK, or BYTEAIR_SK_FILE",
        ),
        (
            "",
            [("VOLC_SECRETKEY", "hidden"), ("C", "d")],
            "the access key is missing; set BYTEAIR_AK, or BYTEAIR_AK_FILE",
        ),
        (
            "--auth token",
            [("BYTEAIR_AK", "hidden"), ("C", "d")],
            "the token is missing; set BYTEAIR_TOKEN",
        ),
        (
            "--auth aksk",
            [("BYTEAIR_TOKEN", "hidden"), ("C", "d")],
            "the access key is missing",
        ),
        (
            "",
            [("BYTEAIR_AK", "hidden"), ("BYTEAIR_AK_FILE", "f")],
            "BYTEAIR_AK and BYTEAIR_AK_FILE are both set",
        ),
        (
            "",
            [("BYTEAIR_TOKEN_FILE", "/nowhere/t"), ("C", "d")],
            "cannot read the token from /nowhere/t, which environment BYTEAIR_TOKEN_FILE names",
        ),
    ] {
        let message = connect(&format!("{TO} {line}"), variables, "").unwrap_err();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains("hidden"), "{message}");
    }
    assert_eq!(
        start("write x --auth aksk", HOME, "").cli.global.auth,
        Some(AuthMode::AkSk)
    );
}

#[test]
fn the_state_directory_follows_the_xdg_specification() {
    let directory = |line: &str, variables: [(&str, &str); 2]| {
        let invocation = start(&format!("write x {line}"), variables, "");
        state_dir(context(&invocation)).map_err(|error| chain(&error))
    };
    let home = ("HOME", "/h");
    for (line, variables, expected) in [
        ("", [home, ("X", "")], "/h/.local/state/byteair-sync"),
        ("", [home, ("XDG_STATE_HOME", "/s")], "/s/byteair-sync"),
        (
            "",
            [home, ("XDG_STATE_HOME", "relative")],
            "/h/.local/state/byteair-sync",
        ),
        ("--state-dir d", [home, ("XDG_STATE_HOME", "/s")], "d"),
    ] {
        assert_eq!(directory(line, variables).unwrap(), Path::new(expected));
    }
    let message = directory("", [("A", "b"), ("C", "d")]).unwrap_err();
    assert!(
        message.contains("neither XDG_STATE_HOME nor HOME is set"),
        "{message}"
    );
}

#[test]
fn a_sandbox_run_uses_nothing_of_the_users_own() {
    let endpoint = SandboxEndpoint {
        address: "127.0.0.1:4321".parse().unwrap(),
        state_dir: "/throw-away".into(),
    };
    let config = "[profile.default]\nregion = 'cn'\ntenant_id = 9\nstate_dir = '/own'\n";
    let connect = |line: &str| {
        let invocation = start(&format!("write x {line}"), HOME, config);
        Connection::resolve(
            context(&invocation),
            Duration::from_secs(1),
            Some(&endpoint),
        )
        .unwrap()
    };
    let connection = connect("--host far.example --proxy http://p:1");
    assert_eq!(
        connection.settings.target.to_string(),
        "sandbox/sandbox@127.0.0.1:4321"
    );
    assert_eq!(connection.settings.hosts, ["127.0.0.1:4321"]);
    assert_eq!(connection.settings.scheme, Scheme::Http);
    assert_eq!(connection.settings.proxy, None);
    assert_eq!(connection.state_dir, Path::new("/throw-away"));
    let credentials = connection.settings.credentials.load().unwrap();
    assert!(matches!(
        credentials,
        Credentials::AkSk { secret_key, .. } if secret_key.reveal() == "sandbox"
    ));
    assert_eq!(connect("--state-dir /mine").state_dir, Path::new("/mine"));
}

#[test]
fn progress_is_a_bar_only_on_a_terminal() {
    for (line, terminal, expected) in [
        ("", true, Display::Bar),
        ("", false, Display::Lines),
        ("--progress bar", false, Display::Lines),
        ("--progress lines", true, Display::Lines),
        ("--progress none", true, Display::None),
        ("--log-format json", true, Display::Lines),
        ("-q --progress bar", true, Display::None),
    ] {
        let invocation = start(format!("write x {line}").trim(), HOME, "");
        assert_eq!(
            Output::with_terminal(&invocation, terminal).display,
            expected,
            "{line}"
        );
    }
    let invocation = start("write x --log-format json -v", HOME, "");
    assert_eq!(invocation.cli.global.log_format, LogFormat::Json);
    let output = Output::with_terminal(&invocation, true);
    assert!(output.json_log && output.verbose && output.style.json_messages);
}
