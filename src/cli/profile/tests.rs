//! Profiles of the config file.

use super::*;

const FILE: &str = r#"
[profile.default]
region = "cn"
qps = 50
date = 2022-01-01
verify = true
host = ["a", "b:1"]
sk_file = "/run/secrets/sk"

[profile.staging]
platform = "staging"
"#;

fn known() -> Vec<String> {
    ["region", "qps", "date", "verify", "host", "batch_rows"]
        .map(str::to_owned)
        .to_vec()
}

fn parsed(text: &str, name: Option<&str>) -> Result<Option<Profile>, String> {
    parse(Path::new("c.toml"), text, name, &known())
        .map_err(|error| crate::cli::error::chain(&error))
}

#[test]
fn values_of_all_kinds_become_text() {
    let profile = parsed(FILE, None).unwrap().unwrap();
    assert_eq!(profile.name, "default");
    for (key, values) in [
        ("region", vec!["cn"]),
        ("qps", vec!["50"]),
        ("date", vec!["2022-01-01"]),
        ("verify", vec!["true"]),
        ("host", vec!["a", "b:1"]),
    ] {
        assert_eq!(profile.values(key).unwrap(), values, "{key}");
    }
    assert_eq!(profile.extra("sk_file"), Some("/run/secrets/sk"));
    let staging = parsed(FILE, Some("staging")).unwrap().unwrap();
    assert_eq!(staging.extra("platform"), Some("staging"));
    assert_eq!(staging.values("region"), None);
}

#[test]
fn a_missing_profile_is_an_error_only_when_it_was_named() {
    assert!(parsed("[profile.a]", None).unwrap().is_none());
    assert_eq!(
        parsed(FILE, Some("prod")).unwrap_err(),
        "config file c.toml has no profile 'prod'; it has: default, staging"
    );
}

#[test]
fn a_misspelt_key_is_an_error_in_every_profile() {
    assert_eq!(
        parsed("[profile.other]\nbatch-rows = 1", None).unwrap_err(),
        "config file c.toml, profile 'other': unknown key 'batch-rows'; did you mean 'batch_rows'?"
    );
    assert!(
        parsed("qps = 1", None)
            .unwrap_err()
            .contains("unknown key 'qps'")
    );
    assert!(
        parsed("[profile.a]\nhost = { x = 1 }", None)
            .unwrap_err()
            .contains("'host' must be")
    );
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_repeated() {
    for (key, instead) in [
        ("sk", "sk_file"),
        ("token", "token_file"),
        ("ak", "ak_file"),
    ] {
        let message = parsed(&format!("[profile.a]\n{key} = 'hidden'"), None).unwrap_err();
        assert!(message.contains(instead), "{message}");
        assert!(!message.contains("hidden"), "{message}");
    }
    let message = parsed("[profile.a]\nsk = 'hidden", None).unwrap_err();
    assert!(
        message.starts_with("config file c.toml, line 2, is not TOML"),
        "{message}"
    );
    assert!(!message.contains("hidden"), "{message}");
}

#[test]
fn a_named_file_must_be_there_and_the_usual_one_need_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut choice = ProfileChoice {
        file: Some(folder.path().join("config.toml")),
        file_was_named: false,
        name: None,
    };
    assert!(load(&choice, &known()).unwrap().is_none());
    choice.file_was_named = true;
    assert!(load(&choice, &known()).is_err());
    choice.file_was_named = false;
    choice.name = Some("a".to_owned());
    assert!(load(&choice, &known()).is_err());
    choice.file = None;
    assert!(load(&choice, &known()).is_err());
    choice.name = None;
    assert!(load(&choice, &known()).unwrap().is_none());
}
