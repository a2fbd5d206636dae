//! `man DIR`: one manual page for each command.

use super::{Failure, Outcome, Session};
use crate::cli::manual;
use crate::upload::report::Status;
use anyhow::Context;
use std::io;
use std::path::Path;

/// Writes the pages.
pub(super) fn run(session: &Session, directory: &Path) -> Outcome {
    let shown = directory.display();
    write(directory)
        .with_context(|| format!("cannot write manual pages to {shown}"))
        .map_err(|error| Failure::new(Status::Usage, error))?;
    session.printer.result(&format!(
        "manual pages are in {shown}; read one with: man {shown}/byteair-sync.1"
    ));
    Ok(Status::Success)
}

fn write(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for page in manual::pages()? {
        std::fs::write(directory.join(page.file), page.text)?;
    }
    Ok(())
}
