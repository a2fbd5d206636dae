//! Which files a path stands for, in which order.

use super::*;
use std::fs;

/// A folder with the named files in it.
fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "{}\n").unwrap();
    }
    folder
}

fn find(folder: &tempfile::TempDir, patterns: &[&str]) -> Discovered {
    try_find(folder, patterns).unwrap()
}

fn try_find(folder: &tempfile::TempDir, patterns: &[&str]) -> Result<Discovered, DiscoverError> {
    let root = folder.path().to_str().unwrap();
    let parse = |p: &&str| PathPattern::parse(&format!("{root}/{p}")).unwrap();
    let patterns: Vec<PathPattern> = patterns.iter().map(parse).collect();
    discover(&patterns, "2022-01-09".parse().ok(), &Stores::default())
}

fn relative(folder: &tempfile::TempDir, location: &Location) -> String {
    let Location::File(path) = location else {
        panic!("{location} is no file");
    };
    let path = path.strip_prefix(folder.path()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn names(folder: &tempfile::TempDir, found: &Discovered) -> Vec<String> {
    found
        .files
        .iter()
        .map(|file| relative(folder, &file.location))
        .collect()
}

#[test]
fn a_directory_gives_all_its_files_but_hidden_ones_and_markers() {
    let folder = folder(&[
        "d/b/part-0",
        "d/a.csv",
        "d/_SUCCESS",
        "d/.a.crc",
        "d/_temporary/x",
        "e",
    ]);
    let found = find(&folder, &["d"]);
    assert_eq!(names(&folder, &found), ["d/a.csv", "d/b/part-0"]);
    assert_eq!(found.folders, [Location::File(folder.path().join("d"))]);
    assert!(found.missing.is_empty());
}

#[test]
fn globs_match_within_folders_and_give_the_folders_of_what_they_match() {
    let files = [
        "dt=1/p1.jsonl",
        "dt=1/_p.jsonl",
        "dt=2/p2.jsonl",
        "dt=2/deep/p3.jsonl",
        "x.csv",
    ];
    let folder = folder(&files);
    let found = find(&folder, &["dt=*/*.jsonl"]);
    assert_eq!(names(&folder, &found), ["dt=1/p1.jsonl", "dt=2/p2.jsonl"]);
    let folders: Vec<_> = found.folders.iter().map(|f| relative(&folder, f)).collect();
    assert_eq!(folders, ["dt=1", "dt=2"]);
    let all = find(&folder, &["**/*.jsonl"]);
    assert_eq!(names(&folder, &all).len(), 3);
    let spelt = find(&folder, &["dt=1/_*.jsonl"]);
    assert_eq!(names(&folder, &spelt), ["dt=1/_p.jsonl"]);
    let matched_directories = find(&folder, &["dt=[2-9]"]);
    assert_eq!(
        names(&folder, &matched_directories),
        ["dt=2/deep/p3.jsonl", "dt=2/p2.jsonl"]
    );
    let braces = find(&folder, &["{x.csv,dt=1/p1.jsonl}"]);
    assert_eq!(names(&folder, &braces), ["dt=1/p1.jsonl", "x.csv"]);
}

#[test]
fn a_file_that_is_named_twice_or_linked_is_read_once() {
    let folder = folder(&["a.jsonl"]);
    let root = folder.path();
    fs::hard_link(root.join("a.jsonl"), root.join("b.jsonl")).unwrap();
    std::os::unix::fs::symlink(root.join("a.jsonl"), root.join("c.jsonl")).unwrap();
    let found = find(&folder, &["c.jsonl", "*.jsonl", "a.jsonl"]);
    assert_eq!(names(&folder, &found), ["a.jsonl"]);
}

#[test]
fn a_day_stands_in_for_its_placeholder() {
    let folder = folder(&["dt=2022-01-09/20220109.csv", "dt=2022-01-10/20220110.csv"]);
    let found = find(
        &folder,
        &[
            "dt={date}/{date:%Y%m%d}.csv",
            "dt={date}/none-*.csv",
            "{date:%d}.csv",
        ],
    );
    assert_eq!(names(&folder, &found), ["dt=2022-01-09/20220109.csv"]);
    assert_eq!(found.missing.len(), 2);
    assert!(
        found.missing[0].ends_with("dt=2022-01-09/none-*.csv"),
        "{:?}",
        found.missing
    );
}

#[test]
fn a_name_that_looks_like_a_glob_is_itself_when_it_exists() {
    let folder = folder(&["a[1].jsonl", "a1.jsonl"]);
    let found = find(&folder, &["a[1].jsonl"]);
    assert_eq!(names(&folder, &found), ["a[1].jsonl"]);
}

#[test]
fn what_is_not_there_is_missing_and_what_is_no_file_is_refused() {
    let folder = folder(&["a/b.jsonl", "empty/.keep"]);
    let found = find(
        &folder,
        &["none.jsonl", "a/b.jsonl/c", "none/*.jsonl", "empty"],
    );
    assert_eq!(found.missing.len(), 4);
    let empty = folder.path().join("empty").display().to_string();
    assert_eq!(found.empty, [empty]);
    let why = found.missing.iter().map(|name| found.why_missing(name));
    let why: Vec<String> = why.collect();
    assert!(why[0].ends_with("none.jsonl is not there"), "{why:?}");
    let said = "empty holds no file (names that begin with . or _ are skipped)";
    assert!(why[3].ends_with(said), "{why:?}");
    let matched = find(&folder, &["emp*", "a*"]);
    assert_eq!(matched.missing, matched.empty);
    assert!(matched.empty[0].ends_with("emp*"), "{matched:?}");
    let null = PathPattern::parse("/dev/null").unwrap();
    let error = discover(&[null], None, &Stores::default()).unwrap_err();
    assert!(matches!(error, DiscoverError::NotAFile { .. }), "{error}");
}

#[test]
fn what_is_no_file_is_never_passed_over_unless_its_name_is() {
    let folder = folder(&["in/a.jsonl"]);
    for (name, ends) in [("in/_b.jsonl", true), ("in/b.jsonl", false)] {
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join(name)).unwrap();
        for pattern in ["in", "in/*.jsonl", "i*"] {
            let pattern = folder.path().join(pattern).display().to_string();
            let patterns = [PathPattern::parse(&pattern).unwrap()];
            let found = discover(&patterns, None, &Stores::default());
            match found {
                Ok(found) => assert!(ends && found.files.len() == 1, "{pattern}"),
                Err(error) => {
                    assert!(!ends, "{pattern}: {error}");
                    assert!(error.to_string().contains("b.jsonl"), "{error}");
                }
            }
        }
    }
}

/// A folder with good files and links that lead nowhere: to no file, to itself, to its own folder.
fn folder_with_bad_links() -> tempfile::TempDir {
    let folder = folder(&["in/a.jsonl", "in/d/b.jsonl"]);
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, folder.path().join("in").join(name)).unwrap();
    };
    link("gone", "broken.lnk");
    link("self.lnk", "self.lnk");
    link(".", "loop");
    link("gone", ".#a.jsonl");
    link("gone", "_gone.jsonl");
    folder
}

#[test]
fn a_link_that_leads_nowhere_is_no_matter_to_a_glob_that_does_not_match_it() {
    let folder = folder_with_bad_links();
    let found = find(&folder, &["in/*.jsonl"]);
    assert_eq!(names(&folder, &found), ["in/a.jsonl"]);
    let found = find(&folder, &["in//./**/*.jsonl", "in/d*/*.jsonl"]);
    assert_eq!(names(&folder, &found), ["in/a.jsonl", "in/d/b.jsonl"]);
}

#[test]
fn a_link_that_leads_nowhere_is_named_where_it_matches_or_lies_in_a_listed_directory() {
    let folder = folder_with_bad_links();
    for (pattern, said) in [
        ("in/broken*", "in/broken.lnk' is a broken symbolic link"),
        ("**/br*.lnk", "in/broken.lnk' is a broken symbolic link"),
        ("in/self*", "in/self.lnk' is a symbolic link that leads in"),
        ("in/self.lnk", "in/self.lnk' is a symbolic link that leads"),
        ("in/lo*/*.jsonl", "in/loop' is a symbolic link that leads"),
        ("in/_*.jsonl", "in/_gone.jsonl' is a broken symbolic link"),
    ] {
        let error = try_find(&folder, &[pattern]).unwrap_err().to_string();
        assert!(error.contains(said), "{pattern}: {error}");
    }
    for (kept, removed) in [
        ("broken.lnk", ["self.lnk", "loop"]),
        ("self.lnk", ["broken.lnk", "loop"]),
        ("loop", ["broken.lnk", "self.lnk"]),
    ] {
        let folder = folder_with_bad_links();
        for name in removed {
            fs::remove_file(folder.path().join("in").join(name)).unwrap();
        }
        let error = try_find(&folder, &["in"]).unwrap_err();
        assert!(
            error.link().is_some_and(|link| link.ends_with(kept)),
            "{error}"
        );
        fs::remove_file(folder.path().join("in").join(kept)).unwrap();
        assert_eq!(find(&folder, &["in"]).files.len(), 2);
    }
}
