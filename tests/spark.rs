//! The Python package on real Spark in local mode, against the real binary and its sandbox.
//!
//! `PySpark` comes from `PyPI` into a virtual environment that is made below `target` once. Where there
//! is no Java or Python, or `PyPI` is out of reach, the test says that it was skipped; with `CI=true`
//! it fails instead. It runs with `SPARK_TESTS=1` only. The tests themselves are in `python/tests`.

#![allow(
    clippy::unwrap_used,
    reason = "a test helper that cannot go on has to fail the test"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// After that Spark hangs and does not only take its time, which is three minutes.
const LIMIT: Duration = Duration::from_secs(20 * 60);

const PACKAGES: [&str; 3] = ["pyspark==4.0.1", "pyarrow>=18", "pandas>=2"];

/// The Python of a virtual environment with Spark in it.
fn environment() -> Result<PathBuf, String> {
    succeed(Command::new("java").arg("-version"))?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let home = folder.join("pyspark-4.0.1");
    let (python, ready) = (home.join("bin/python"), home.join("ready"));
    let lock = File::create(folder.join("pyspark.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if ready.exists() {
        return Ok(python);
    }
    let path = home.to_str().unwrap();
    succeed(Command::new("python3").args(["-m", "venv", "--clear", path]))?;
    let pip = "-m pip install --quiet --disable-pip-version-check";
    succeed(Command::new(&python).args(pip.split(' ')).args(PACKAGES))?;
    std::fs::write(ready, "").map_err(|error| error.to_string())?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[allow(clippy::print_stderr, reason = "a test that was skipped has to say so")]
fn dataframes_are_uploaded_whole_and_done_comes_once() {
    // Minutes of Spark on two cores are too long for every run.
    if std::env::var_os("SPARK_TESTS").is_none() {
        eprintln!("skipped; SPARK_TESTS=1 runs it with real Spark");
        return;
    }
    let python = match environment() {
        Ok(python) => python,
        Err(why) if std::env::var("CI").is_ok_and(|value| value == "true") => {
            panic!("no Spark: {why}")
        }
        Err(why) => {
            eprintln!("skipped, because there is no Spark: {why}");
            return;
        }
    };
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let scratch = tempfile::tempdir().unwrap();
    let log = scratch.path().join("spark.log");
    let file = File::create(&log).unwrap();
    let mut child = Command::new(&python)
        .args(["-B", "-m", "unittest", "discover", "-s", "tests", "-v"])
        .current_dir(&package)
        .env_remove("SPARK_HOME")
        .env("PYTHONPATH", &package)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYSPARK_PYTHON", &python)
        .env("PYSPARK_DRIVER_PYTHON", &python)
        .env("BYTEAIR_SYNC_BINARY", env!("CARGO_BIN_EXE_byteair-sync"))
        .env("BYTEAIR_AK", "sandbox")
        .env("BYTEAIR_SK", "sandbox")
        .env("XDG_RUNTIME_DIR", scratch.path())
        .env("HOME", scratch.path())
        .env("TMPDIR", scratch.path())
        .stdout(file.try_clone().unwrap())
        .stderr(file)
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        if begun.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    assert!(
        status.is_some_and(|status| status.success()),
        "ended with {status:?} (nothing: after {LIMIT:?} it was killed)\n{}",
        std::fs::read_to_string(log).unwrap()
    );
}
