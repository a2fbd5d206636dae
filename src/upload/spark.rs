//! What the Spark package registers here: each of its uploads of a date is an input without rows, whose
//! rows its tasks send. Only the Spark job goes on with one, and no `write` that could be typed.

use super::command_line::words;
use super::report::NextStep;

/// How the package has an input named, behind what every pipe's name begins with.
const NAMED: &str = "spark ";

/// The `uploadId` of an input that is an upload from Spark.
pub fn upload_from_spark(input: &str) -> Option<&str> {
    input.strip_prefix("stdin:")?.strip_prefix(NAMED)
}

/// Whether a command was the package's own.
pub(super) fn is_of_driver(command: &str) -> bool {
    let named = format!("--input-id={NAMED}");
    words(command).any(|word| word.trim_start_matches('\'').starts_with(&named))
}

/// The job once more.
pub fn spark_job_again(upload: &str) -> NextStep {
    let purpose = format!("the Spark job with uploadId '{upload}' again, which goes on with it");
    NextStep::new("spark-submit JOB.py", purpose)
}
