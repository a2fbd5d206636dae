//! Why a sandbox cannot start or go on.
//!
//! What a client did wrong is an answer, not one of these.

use std::path::PathBuf;

/// A fault of the sandbox itself or of the place that it was given.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The data directory cannot be read or written.
    #[error("cannot use the sandbox's data directory {}; check that it is writable and not full", path.display())]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another sandbox holds the data directory.
    #[error("another sandbox is using the data directory {}; stop it or choose another directory", .0.display())]
    DataDirectoryInUse(PathBuf),
    /// A line of the journal is no entry.
    #[error("the sandbox's journal {} is damaged in line {line}; remove the directory to start over", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// 1-based line.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The journal counts rows that the directory does not have.
    #[error("the data directory {} lacks rows of {partition} that its journal counts; remove the directory to start over", path.display())]
    RowsMissing {
        /// The directory.
        path: PathBuf,
        /// Whose rows.
        partition: String,
    },
    /// The schema directory cannot be read.
    #[error("cannot read the schemas in {}; check --schema-dir", path.display())]
    SchemaDirectory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A schema file is no schema.
    #[error("{} is not a row schema; correct the file or move it out of the directory", path.display())]
    SchemaFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Two schema files for one topic.
    #[error("{} and {} are both schemas of topic {topic}; name the one that counts {topic}.json", first.display(), second.display())]
    SchemaAmbiguous {
        /// The topic.
        topic: String,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// No certificate could be made.
    #[error("cannot make a certificate for the sandbox; run it without --tls")]
    Certificate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A task that served a connection panicked: a bug.
    #[error("a task of the sandbox failed unexpectedly; please report this")]
    Task(#[source] tokio::task::JoinError),
}
