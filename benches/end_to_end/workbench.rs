//! Where things lie while something is measured, and what is measured.

use crate::cost::{self, Cost, Cpus};
use crate::data::{self, Form};
use crate::{Options, roles};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The directory of a measurement, which is removed at its end, and the options.
pub(crate) struct Workbench {
    pub(crate) options: Options,
    dir: TempDir,
}

impl Workbench {
    /// An empty directory.
    pub(crate) fn new(options: Options) -> Self {
        let parent = options.dir.clone().unwrap_or_else(std::env::temp_dir);
        let mut builder = tempfile::Builder::new();
        let dir = builder.prefix("byteair-bench-").tempdir_in(parent).unwrap();
        Self { options, dir }
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The program to be measured.
    pub(crate) fn program(&self) -> PathBuf {
        let built = PathBuf::from(env!("CARGO_BIN_EXE_byteair-sync"));
        self.options.program.clone().unwrap_or(built)
    }

    /// A fresh directory.
    pub(crate) fn scratch(&self) -> TempDir {
        tempfile::tempdir_in(self.path()).unwrap()
    }

    /// The file with so many rows of the chosen shape.
    pub(crate) fn file(&self, rows: usize, form: Form) -> PathBuf {
        let dir = self.options.data.as_deref().unwrap_or(self.path());
        data::file(dir, self.options.shape, rows, form)
    }

    /// What a command costs.
    pub(crate) fn measure(&self, command: &Command, cpus: Cpus) -> Cost {
        cost::measure(command, cpus, self.path())
    }

    /// What the floor costs for a file.
    pub(crate) fn floor(&self, file: &Path) -> Cost {
        let mut floor = roles::command("floor");
        floor.arg(file).arg("1");
        self.measure(&floor, Cpus::All)
    }
}
