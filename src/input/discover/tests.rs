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
    let root = folder.path().to_str().unwrap();
    let parse = |p: &&str| PathPattern::parse(&format!("{root}/{p}")).unwrap();
    let patterns: Vec<PathPattern> = patterns.iter().map(parse).collect();
    discover(&patterns, "2022-01-09".parse().ok()).unwrap()
}

fn relative(folder: &tempfile::TempDir, path: &Path) -> String {
    let path = path.strip_prefix(folder.path()).unwrap();
    path.to_str().unwrap().to_owned()
}

fn names(folder: &tempfile::TempDir, found: &Discovered) -> Vec<String> {
    found
        .files
        .iter()
        .map(|file| relative(folder, &file.path))
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
    assert_eq!(found.folders, [folder.path().join("d")]);
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
    let null = PathPattern::parse("/dev/null").unwrap();
    let error = discover(&[null], None).unwrap_err();
    assert!(matches!(error, DiscoverError::NotAFile { .. }), "{error}");
}
