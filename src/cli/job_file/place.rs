//! Where the paths of a job file lie: beside the file, or in the home of whoever runs it.
//!
//! No shell reads a job file, so `~/` is written out here, as one expects of a path. Variables are
//! not: what cron would put into them is not what a terminal does.

use std::path::Path;

/// A path as the program opens it. `folder` is that of the job file.
pub(super) fn placed(path: &str, folder: &Path, home: Option<&Path>) -> Result<String, String> {
    if let Some(rest) = in_home(path)? {
        let home = home.ok_or_else(|| {
            format!(
                "'{path}' lies in the home directory, and HOME is not set; write the whole path"
            )
        })?;
        // An empty rest would put a slash at the end.
        let whole = if rest.is_empty() {
            home.to_owned()
        } else {
            home.join(rest)
        };
        return Ok(whole.display().to_string());
    }
    if names_a_variable(path) {
        return Err(format!(
            "'{path}' begins with a variable, and a job file has none; write ~/ for the home directory, or the \
             whole path (./{path} if that is its name)"
        ));
    }
    // An address of a remote store begins with its scheme.
    if Path::new(path).is_absolute() || path.contains("://") || folder.as_os_str().is_empty() {
        return Ok(path.to_owned());
    }
    Ok(folder.join(path).display().to_string())
}

/// What follows `~/`.
fn in_home(path: &str) -> Result<Option<&str>, String> {
    match path
        .strip_prefix('~')
        .map(|rest| rest.strip_prefix('/').ok_or(rest))
    {
        Some(Ok(rest)) => Ok(Some(rest)),
        Some(Err("")) => Ok(Some("")),
        // A backup such as ~item.jsonl is not meant, and the home of somebody else is not known.
        Some(Err(_)) => Err(format!(
            "'{path}' begins with the home of somebody, and only ~/ is known; write the whole path (./{path} if \
             that is its name)"
        )),
        None => Ok(None),
    }
}

/// Whether it begins as `$HOME/` or `${HOME}/` does.
fn names_a_variable(path: &str) -> bool {
    let mut rest = path.chars();
    rest.next() == Some('$')
        && rest
            .next()
            .is_some_and(|c| c == '{' || c == '_' || c.is_ascii_alphabetic())
}
