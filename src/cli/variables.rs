//! Variables that look like settings of this program and are not read: a misspelt name would
//! otherwise be ignored in silence, as would one that is meant to override a safeguard for ever.

use super::args::SAFEGUARDS;
use super::environment::Environment;
use super::invocation::known_keys;
use super::profile::EXTRA_KEYS;
use super::settings::SECRET_VARIABLES;

const PREFIX: &str = "BYTEAIR_";

/// Beginnings of variables that belong to other programs: the Python package, and the comparison
/// with the vendor's SDKs.
const OF_OTHERS: [&str; 3] = ["SYNC_", "PYTHON", "GO_SDK"];

/// What to tell of each such variable, and what to do about it.
pub fn unread(environment: &Environment) -> Vec<(String, String)> {
    let known = known_names();
    let names = environment.names().into_iter();
    names
        .filter_map(|name| {
            let rest = name.strip_prefix(PREFIX)?;
            let is_read = known.iter().any(|known| known == rest);
            if is_read || OF_OTHERS.iter().any(|of| rest.starts_with(of)) {
                return None;
            }
            advice(rest, &known).map(|cure| (format!("the variable {name} is not read"), cure))
        })
        .collect()
}

/// Names without a near one may be anybody's; nothing is said of those.
fn advice(rest: &str, known: &[String]) -> Option<String> {
    let long = rest.to_ascii_lowercase().replace('_', "-");
    if SAFEGUARDS.contains(&long.as_str()) {
        return Some(format!(
            "--{long} overrides a safeguard and can only be typed"
        ));
    }
    let slips = |name: &String| strsim::osa_distance(&without_bars(rest), &without_bars(name));
    // A warning at every start of a cron job has to be right, so only slips of the pen are told.
    let most = if rest.len() > 5 { 2 } else { 1 };
    let near = known.iter().min_by_key(|name| slips(name))?;
    (slips(near) <= most).then(|| format!("did you mean {PREFIX}{near}?"))
}

fn without_bars(name: &str) -> String {
    name.replace('_', "")
}

/// The variables that are read, without the prefix.
fn known_names() -> Vec<String> {
    let options = known_keys().into_iter();
    let mut names: Vec<String> = options
        .chain(EXTRA_KEYS.map(str::to_owned))
        .map(|key| key.to_ascii_uppercase())
        .collect();
    // A profile can name neither, so they are no keys.
    names.extend(["CONFIG".to_owned(), "PROFILE".to_owned()]);
    let secrets = SECRET_VARIABLES.iter();
    names.extend(secrets.filter_map(|name| Some(name.strip_prefix(PREFIX)?.to_owned())));
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::environment_name;

    #[test]
    fn every_variable_that_is_read_is_known() {
        let known = known_names();
        let sandbox = environment_name("listen", true).unwrap();
        for name in ["BYTEAIR_HOST", "BYTEAIR_AK", "BYTEAIR_SK_FILE", &sandbox] {
            let rest = name.strip_prefix(PREFIX).unwrap();
            assert!(known.iter().any(|known| known == rest), "{name}");
        }
    }

    #[test]
    fn only_what_looks_like_a_setting_is_told() {
        let told = |name: &str| unread(&Environment::from([(name, "1")]));
        for (name, cure) in [
            ("BYTEAIR_HOTS", "did you mean BYTEAIR_HOST?"),
            ("BYTEAIR_BATCHROWS", "did you mean BYTEAIR_BATCH_ROWS?"),
            ("BYTEAIR_SKFILE", "did you mean BYTEAIR_SK_FILE?"),
            (
                "BYTEAIR_NO_DONE",
                "--no-done overrides a safeguard and can only be typed",
            ),
        ] {
            let what = format!("the variable {name} is not read");
            assert_eq!(told(name), [(what, cure.to_owned())]);
        }
        for name in [
            "BYTEAIR_SYNC_BINARY",
            "BYTEAIR_PYTHON_SDK",
            "BYTEAIR_HOST",
            "BYTEAIR_EXPORT_FOLDER",
            "HOTS",
        ] {
            assert!(told(name).is_empty(), "{name}");
        }
        assert!(unread(&Environment::from([("BYTEAIR_HOTS", "")])).is_empty());
    }
}
