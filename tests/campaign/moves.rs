//! Files that are renamed, compressed, copied, appended to and removed between runs that are killed:
//! whatever a file is called, its rows are stored once, and no file stands for another one.

use crate::kills::{KILLS, SEED};
use crate::place::{Place, kill, within};
use crate::server::{Server, faulty};
use flate2::Compression;
use flate2::write::GzEncoder;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::time::Duration;

/// Folders in the short form; the long one has as many as there are kills.
const FOLDERS: u64 = 12;
/// Runs of each that may be killed.
const RUNS: usize = 5;
/// Rows of one file, and files with rows of their own.
const MOST_ROWS: usize = 120;
const MOST_CONTENTS: usize = 5;
const DAY: &str = "2022-01-01";

/// Rows that lie in one file or in several equal ones.
struct Content {
    rows: Vec<String>,
    files: BTreeSet<String>,
}

/// A folder whose files are moved about.
struct Folder<'a> {
    place: &'a Place,
    random: StdRng,
    contents: Vec<Content>,
    rows: usize,
    names: usize,
}

impl Folder<'_> {
    fn new_rows(&mut self, most: usize) -> Vec<String> {
        let count = self.random.random_range(1..=most);
        self.rows += count;
        (self.rows - count..self.rows)
            .map(|number| format!("{{\"id\":\"{number}\"}}"))
            .collect()
    }

    /// A name that no file had yet.
    fn new_name(&mut self) -> String {
        self.names += 1;
        let folder = ["data", "data/more"].choose(&mut self.random).unwrap();
        let letter = ["a", "b", "z"].choose(&mut self.random).unwrap();
        let ending = ["", "", ".gz"].choose(&mut self.random).unwrap();
        format!("{folder}/{letter}{}.jsonl{ending}", self.names)
    }

    fn add_content(&mut self) {
        let rows = self.new_rows(MOST_ROWS);
        self.contents.push(Content {
            rows,
            files: BTreeSet::new(),
        });
        let name = self.new_name();
        self.write(self.contents.len() - 1, name);
    }

    fn write(&mut self, at: usize, name: String) {
        let content = &mut self.contents[at];
        let text = content.rows.join("\n") + "\n";
        if name.strip_suffix(".gz").is_some() {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(text.as_bytes()).unwrap();
            self.place.file(&name, &packed.finish().unwrap());
        } else {
            self.place.file(&name, text.as_bytes());
        }
        content.files.insert(name);
    }

    fn remove(&mut self, at: usize, name: &str) {
        std::fs::remove_file(self.place.path(name)).unwrap();
        self.contents[at].files.remove(name);
    }

    /// Does something to a file, as people and log rotation do.
    fn change(&mut self) -> &'static str {
        let at = self.random.random_range(0..self.contents.len());
        let files: Vec<String> = self.contents[at].files.iter().cloned().collect();
        let file = files.choose(&mut self.random).unwrap().clone();
        let alone = files.len() == 1;
        match self.random.random_range(0..6) {
            0 => {
                let packing = if file.strip_suffix(".gz").is_some() {
                    ".gz"
                } else {
                    ""
                };
                let name = format!("data/moved{}.jsonl{packing}", self.names);
                self.names += 1;
                std::fs::rename(self.place.path(&file), self.place.path(&name)).unwrap();
                self.contents[at].files.remove(&file);
                self.contents[at].files.insert(name);
                "rename"
            }
            1 => {
                // Compressed or inflated, and under any name.
                let (name, time) = (self.new_name(), self.time_of(&file));
                self.write(at, name.clone());
                std::fs::File::open(self.place.path(&name))
                    .unwrap()
                    .set_modified(time)
                    .unwrap();
                self.remove(at, &file);
                "rewrite"
            }
            2 if files.len() < 3 => {
                let name = self.new_name();
                self.write(at, name);
                "copy"
            }
            3 if !alone => {
                self.remove(at, &file);
                "remove"
            }
            4 if alone => {
                let more = self.new_rows(30);
                self.contents[at].rows.extend(more);
                let name = if self.random.random_ratio(1, 2) {
                    file.clone()
                } else {
                    self.new_name()
                };
                if name != file {
                    self.remove(at, &file);
                    // So that the new file does not get its inode.
                    self.place.file(&format!("kept/{}", self.names), b"");
                }
                self.write(at, name);
                "append"
            }
            5 if self.contents.len() < MOST_CONTENTS => {
                self.add_content();
                "new"
            }
            _ => "nothing",
        }
    }

    fn time_of(&self, name: &str) -> std::time::SystemTime {
        let facts = std::fs::metadata(self.place.path(name)).unwrap();
        facts.modified().unwrap()
    }

    /// What is not stored just as often as it should be.
    fn violations(&self, server: &Server) -> Vec<String> {
        let mut stored: BTreeMap<String, usize> = BTreeMap::new();
        for row in server.rows_of_day(DAY) {
            *stored.entry(row).or_default() += 1;
        }
        let rows = self.contents.iter().flat_map(|content| &content.rows);
        rows.filter_map(|row| {
            let times = stored.get(row).copied().unwrap_or_default();
            (times != 1).then(|| format!("stored {times} times: {row}"))
        })
        .collect()
    }
}

/// Uploads of one folder that is moved about; how many were killed, and whether a file went before
/// anything of it was read: nobody knows what it was, so its date waits for a person.
fn moved_folder(seed: u64) -> (usize, bool) {
    let faults = ["lost-reply=0.05", "reset-before=0.05", "status:500=0.05"];
    let server = Server::start(faulty(seed, &faults, None));
    let place = Place::of(&server);
    let mut folder = Folder {
        place: &place,
        random: StdRng::seed_from_u64(seed),
        contents: Vec::new(),
        rows: 0,
        names: 0,
    };
    place.file("data/more/empty.jsonl", b"");
    for _ in 0..folder.random.random_range(1..=3) {
        folder.add_content();
    }
    let batch_rows = ["3", "10", "37"].choose(&mut folder.random).unwrap();
    let words = format!(
        "write --topic item --stage history_sync --date {DAY} --batch-rows {batch_rows} \
         --max-in-flight 2 --retry-for 30s --no-done data"
    );
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let (mut kills, mut story) = (0, Vec::new());
    for _ in 0..RUNS {
        let child = place.start(&words);
        std::thread::sleep(within(&mut folder.random, Duration::from_millis(250)));
        let status = kill(child);
        kills += usize::from(status.is_none());
        let code = status.and_then(|status| status.code());
        let told = || format!("seed {seed}: {code:?} after {story:?}\n{}", place.said());
        assert!(matches!(code, None | Some(0 | 5 | 7)), "{}", told());
        for _ in 0..folder.random.random_range(0..5) {
            story.push(folder.change());
        }
    }
    let mut statuses = Vec::new();
    while !matches!(statuses.as_slice(), [.., 0] | [.., 7, 7]) {
        statuses.push(place.end(&words));
        let told = format!("seed {seed}: {statuses:?} after {story:?}");
        assert!(statuses.len() < 5, "{told}\n{}", place.said());
    }
    let contents = folder.contents.iter();
    let contents: Vec<_> = contents.map(|it| (&it.rows[0], &it.files)).collect();
    assert_eq!(
        folder.violations(&server),
        [""; 0],
        "seed {seed} after {story:?}\n{contents:#?}\n{}",
        place.said()
    );
    (kills, statuses.last() == Some(&7))
}

#[test]
fn files_that_move_between_killed_runs_are_stored_once() {
    let number = |name| std::env::var(name).ok().and_then(|it| it.parse().ok());
    let first: u64 = number(SEED).unwrap_or(1);
    let folders = number(KILLS).map_or(FOLDERS, |kills: u64| kills.max(FOLDERS));
    let (mut kills, mut gone) = (0, 0);
    for seed in first..first + folders {
        let (killed, is_gone) = moved_folder(seed);
        kills += killed;
        gone += u64::from(is_gone);
    }
    println!(
        "{kills} kills in {folders} folders, {gone} of which lost a file unread, seed {first}"
    );
}
