//! Virtual environments with packages of `PyPI`, made below `target` by the first test that wants one.
//!
//! Where there is no Python, or `PyPI` is out of reach, such a test says that it was skipped; with `CI=true`
//! it fails instead.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a test needs; `None` where it has to be skipped.
#[allow(clippy::print_stderr, reason = "a test that was skipped has to say so")]
pub(crate) fn or_skip<T>(what: &str, made: Result<T, String>) -> Option<T> {
    match made {
        Ok(made) => Some(made),
        Err(why) if std::env::var("CI").is_ok_and(|value| value == "true") => {
            panic!("no {what}: {why}")
        }
        Err(why) => {
            eprintln!("skipped, because there is no {what}: {why}");
            None
        }
    }
}

/// The Python of the environment of this name with these packages.
pub(crate) fn environment(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let home = folder.join(name);
    let (python, ready) = (home.join("bin/python"), home.join("ready"));
    let lock = folder.join(format!("{name}.lock"));
    let lock = File::create(lock).map_err(|error| error.to_string())?;
    // Several test processes may want to make it.
    lock.lock().map_err(|error| error.to_string())?;
    if ready.exists() {
        return Ok(python);
    }
    let path = home.to_str().unwrap();
    succeed(Command::new("python3").args(["-m", "venv", "--clear", path]))?;
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    succeed(Command::new(&python).args(pip).args(packages))?;
    std::fs::write(ready, "").map_err(|error| error.to_string())?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}
