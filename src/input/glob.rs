//! A glob as the walk through the folders needs it: where to begin, how deep to go, what to enter.
//!
//! Folders and links that no match can lie behind are told by their names alone, so that nothing
//! about them can fail. This does not look at the file system itself.

use super::pattern::{glob, has_glob};
use globset::GlobMatcher;
use std::path::{Path, PathBuf};

/// A glob of a path.
pub(super) struct Glob {
    /// What of the pattern is below the base, with a slash in front.
    tail: String,
    whole: GlobMatcher,
    /// The matchers of the pattern's beginnings: for what lies directly in the base, one level
    /// below, and so on. Empty where `**` or braces may hold slashes.
    beginnings: Vec<GlobMatcher>,
    base: PathBuf,
    depth: usize,
}

impl Glob {
    /// Compiles a glob; `None` for what is none.
    pub(super) fn new(pattern: &str) -> Option<Self> {
        let pattern = normal(pattern);
        let whole = glob(&pattern)?;
        let parts: Vec<&str> = pattern.split('/').collect();
        let fixed = parts.iter().take_while(|part| !has_glob(part)).count();
        let literal = parts.get(..fixed)?.join("/");
        let base = match literal.as_str() {
            "" if pattern.starts_with('/') => "/",
            "" => ".",
            literal => literal,
        };
        let base = PathBuf::from(base);
        let any_depth = pattern.contains("**") || pattern.contains('{');
        let ends = fixed.saturating_add(1)..=parts.len();
        let depth = if any_depth {
            usize::MAX
        } else {
            ends.clone().count()
        };
        let beginning = |end| glob(&parts.get(..end)?.join("/"));
        let beginnings: Option<Vec<_>> = ends.filter(|_| !any_depth).map(beginning).collect();
        let tail = parts.get(fixed..)?.join("/");
        Some(Self {
            tail: format!("/{tail}"),
            whole,
            beginnings: beginnings.unwrap_or_default(),
            base,
            depth,
        })
    }

    /// The folder in which matches are looked for.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// How deep below the base matches can be.
    pub(super) const fn depth(&self) -> usize {
        self.depth
    }

    /// A path of the walk, as the pattern would write it: `*.jsonl` walks `.`, but means `a.jsonl`
    /// and not `./a.jsonl`.
    pub(super) fn as_written(path: &Path) -> &Path {
        path.strip_prefix("./").unwrap_or(path)
    }

    /// Whether a path matches.
    pub(super) fn is_match(&self, path: &Path) -> bool {
        self.whole.is_match(path)
    }

    /// Whether a path, so deep below the base, matches or may be a folder with matches in it.
    pub(super) fn leads_on(&self, path: &Path, depth: usize) -> bool {
        self.matches_beginning(path, depth).unwrap_or(true)
    }

    /// Whether a link that leads nowhere, so deep below the base, may stand for something that was
    /// meant. With `**` every link may be a folder; then only one that matches by itself counts.
    pub(super) fn needs_link(&self, path: &Path, depth: usize) -> bool {
        self.matches_beginning(path, depth)
            .unwrap_or_else(|| self.is_match(Self::as_written(path)))
    }

    fn matches_beginning(&self, path: &Path, depth: usize) -> Option<bool> {
        let beginning = self.beginnings.get(depth.checked_sub(1)?)?;
        Some(beginning.is_match(Self::as_written(path)))
    }

    /// Whether the pattern itself has a name that begins as the last name of a path does.
    pub(super) fn spells_out(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let first = name.first().copied().map(char::from);
        first.is_some_and(|first| self.tail.contains(&format!("/{first}")))
    }
}

/// The pattern without `.` and empty names, which the paths of a walk do not have.
fn normal(pattern: &str) -> String {
    let root = if pattern.starts_with('/') { "/" } else { "" };
    let names = pattern
        .split('/')
        .filter(|name| !name.is_empty() && *name != ".");
    root.to_owned() + &names.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_begins_behind_the_fixed_folders_and_goes_no_deeper_than_the_pattern() {
        for (pattern, base, depth) in [
            ("*.jsonl", ".", 1),
            ("./a//*/*.jsonl", "a", 2),
            ("/*", "/", 1),
            ("../a/**/x", "../a", usize::MAX),
            ("a/{b,c/d}", "a", usize::MAX),
        ] {
            let glob = Glob::new(pattern).unwrap();
            assert_eq!((glob.base(), glob.depth()), (Path::new(base), depth));
        }
    }

    #[test]
    fn only_folders_whose_names_match_are_entered() {
        let glob = Glob::new("a/dt=*/*.csv").unwrap();
        assert!(glob.leads_on(Path::new("a/dt=1"), 1));
        assert!(!glob.leads_on(Path::new("a/tmp"), 1));
        assert!(glob.leads_on(Path::new("a/dt=1/x.csv"), 2));
        let any = Glob::new("a/**/x.csv").unwrap();
        assert!(any.leads_on(Path::new("a/tmp"), 1));
        assert!(!any.needs_link(Path::new("a/tmp"), 1));
        assert!(any.needs_link(Path::new("a/b/x.csv"), 2));
    }

    #[test]
    fn a_fixed_folder_spells_no_skipped_name_out() {
        let hidden = Path::new("../.data/_x/.a.csv");
        assert!(!Glob::new("../.data/_x/*.csv").unwrap().spells_out(hidden));
        assert!(Glob::new("../.data/_x/.*.csv").unwrap().spells_out(hidden));
    }
}
