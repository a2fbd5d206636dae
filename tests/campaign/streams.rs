//! The crash campaign of a stream: producers write, partitions are split and merged, cursors grow old, both
//! services fail at random, and the reader is killed at random moments and started again.
//!
//! A checkpoint that is further than what the platform holds would lose rows for good, so both are looked
//! at all the time. In the end every row is stored exactly once, since the platform of the test remembers
//! every Request-Id, and each checkpoint is at the last record. Some readers lose their ledger on the way,
//! as with a machine: then the checkpoints are all that is left, and no row is missing all the same. The long form is the same test with
//! `CAMPAIGN_KILLS=200`.

use crate::kills::{KILLS, SEED, number};
use crate::place::{LIMIT, LOOK, Place, kill, within};
use crate::server::{Server, faulty};
use byteair_sync::sandbox::SandboxSettings;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Kills of one stream, before another one is begun.
const KILLS_OF_ONE: usize = 10;

/// What the platform's exchanges meet.
const PLATFORM: [&str; 7] = [
    "lost-reply=0.05",
    "lost-reply:502=0.04",
    "garbage=0.03",
    "reset-after=0.04",
    "http:503=0.04",
    "http:429=0.03",
    "slow=0.02",
];

/// What those of the stream's service meet. Throttling comes as HTTP 400.
const SERVICE: [&str; 7] = [
    "status:4303=0.05",
    "status:4305=0.03",
    "http:500=0.03",
    "lost-reply=0.03",
    "reset-before=0.03",
    "garbage=0.02",
    "slow=0.02",
];

const PUT: &str = "/sandbox/records?project=p1&stream=orders";
const CHANGE: &str = "/sandbox/stream?project=p1&stream=orders";

/// How a run of the reader ended, or in what it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Starting,
    Reading,
    Sending,
    Committing,
}

/// One stream with its reader.
struct Case {
    random: StdRng,
    platform: Server,
    service: Server,
    place: Place,
    /// Numbers of the rows of each record, by partition.
    records: Vec<Vec<Vec<u64>>>,
    open: Vec<usize>,
    next_row: u64,
    looks: u64,
    /// The reader loses its ledger once.
    is_forgetful: bool,
}

#[test]
fn whenever_its_reader_is_killed_a_stream_loses_no_row_and_no_checkpoint_is_ahead() {
    let kills = usize::try_from(number(KILLS, 20)).unwrap();
    let seed = number(SEED, 20_261_128);
    let mut moments: BTreeMap<Moment, usize> = BTreeMap::new();
    let (mut killed, mut nth, mut rows, mut looks, mut faults, mut refused) = (0, 0, 0, 0, 0, 0);
    while killed < kills {
        nth += 1;
        let mut case = Case::new(seed.wrapping_add(nth));
        killed += case.kill_again_and_again(kills - killed, &mut moments);
        case.end();
        rows += case.next_row;
        looks += case.looks;
        for server in [&case.platform, &case.service] {
            faults += server.state().faults.values().sum::<u64>();
        }
        let partitions = case.platform.state().partitions;
        refused += partitions.iter().map(|it| it.duplicates).sum::<u64>();
    }
    println!(
        "{killed} kills of {nth} streams, {rows} rows, {faults} faults, {refused} requests refused as \
         sent before, {looks} looks at checkpoints, seed {seed}: {moments:?}"
    );
}

impl Case {
    fn new(seed: u64) -> Self {
        // Now and then a checkpoint is due while batches have been on their way for long.
        let latency = if seed.is_multiple_of(2) {
            1..=8
        } else {
            80..=400
        };
        let (least, most) = latency.into_inner();
        let platform = Server::start(SandboxSettings {
            latency: Some(Duration::from_millis(least)..=Duration::from_millis(most)),
            ..faulty(seed, &PLATFORM, None)
        });
        let service = Server::start(faulty(seed, &SERVICE, None));
        let mut case = Self {
            random: StdRng::seed_from_u64(seed),
            place: Place::of(&platform),
            platform,
            service,
            records: vec![Vec::new()],
            open: vec![0],
            next_row: 0,
            looks: 0,
            is_forgetful: seed.is_multiple_of(3),
        };
        case.produce();
        case
    }

    /// The reader, which goes on until it is stopped or, when that is said, to the end.
    fn start(&self, until_end: bool) -> Child {
        let words = "write -t behavior -s incremental_sync_streaming --yes-i-mean streaming-only \
             --linger 30ms --batch-rows 40 dis://orders --dis-app reader --create-app";
        let mut words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        if until_end {
            words.push("--until-end".to_owned());
        }
        let mut command: Command = self.place.command(&words);
        command
            .env(
                "BYTEAIR_ENDPOINT",
                format!("http://{}", self.service.address),
            )
            .env("BYTEAIR_PROJECT_ID", "p1")
            .env("HUAWEICLOUD_SDK_AK", "sandbox")
            .env("HUAWEICLOUD_SDK_SK", "sandbox");
        command.spawn().unwrap()
    }

    /// Writes records, splits or merges partitions, or makes all cursors too old.
    fn produce(&mut self) {
        match self.random.random_range(0..30) {
            0 if self.records.len() < 12 => {
                let at = self.random.random_range(0..self.open.len());
                let parent = self.open.remove(at);
                self.service.post(&format!("{CHANGE}&split={parent}"), "");
                self.came_of(2);
            }
            1 if self.records.len() < 12 && self.open.len() > 1 => {
                let (one, other) = (self.open.remove(0), self.open.remove(0));
                self.service
                    .post(&format!("{CHANGE}&merge={one},{other}"), "");
                self.came_of(1);
            }
            2 => {
                self.service.post(&format!("{CHANGE}&expire"), "");
            }
            _ => self.write(),
        }
    }

    fn came_of(&mut self, children: usize) {
        for _ in 0..children {
            self.open.push(self.records.len());
            self.records.push(Vec::new());
        }
    }

    fn write(&mut self) {
        let partition = self.open[self.random.random_range(0..self.open.len())];
        let whole = self.random.random_ratio(1, 6);
        let count = self.random.random_range(1..if whole { 130 } else { 60 });
        let rows: Vec<u64> = (self.next_row..self.next_row + count).collect();
        self.next_row += count;
        let lines = rows.iter().fold(String::new(), |mut text, row| {
            writeln!(text, "{{\"id\":\"{row:07}\"}}").unwrap();
            text
        });
        let form = if whole { "&whole" } else { "" };
        self.service
            .post(&format!("{PUT}&partition={partition}{form}"), &lines);
        if whole {
            self.records[partition].push(rows);
        } else {
            self.records[partition].extend(rows.into_iter().map(|row| vec![row]));
        }
    }

    fn kill_again_and_again(
        &mut self,
        most: usize,
        moments: &mut BTreeMap<Moment, usize>,
    ) -> usize {
        let kills = most.min(KILLS_OF_ONE);
        for nth in 0..kills {
            let child = self.start(false);
            let aim = match self.random.random_range(0..3) {
                0 => within(&mut self.random, Duration::from_millis(150)),
                1 => within(&mut self.random, Duration::from_millis(1_200)),
                _ => within(&mut self.random, Duration::from_secs(3)),
            };
            let rate = self.random.random_range(2..40);
            let begun = Instant::now();
            let mut next_look = Duration::ZERO;
            while begun.elapsed() < aim {
                if self.random.random_ratio(1, rate) {
                    self.produce();
                }
                if begun.elapsed() >= next_look {
                    self.look();
                    next_look = begun.elapsed() + Duration::from_millis(40);
                }
                std::thread::sleep(LOOK * 4);
            }
            let ended = kill(child);
            assert!(
                ended.is_none(),
                "it ended by itself: {ended:?}\n{}",
                self.place.said()
            );
            self.look();
            *moments.entry(self.moment()).or_default() += 1;
            let state = self.place.state();
            if self.is_forgetful && nth == kills / 2 && state.exists() {
                std::fs::remove_dir_all(state).unwrap();
            }
        }
        kills
    }

    /// Every row up to a checkpoint is stored. Checkpoints are asked for first, as both only grow.
    fn look(&mut self) {
        let checkpoints = self.checkpoints();
        let stored: BTreeSet<u64> = self.stored().into_iter().collect();
        for (partition, number) in checkpoints {
            let dealt_with = self.records[partition].iter().take(number + 1);
            let lost: Vec<u64> = dealt_with
                .flatten()
                .filter(|row| !stored.contains(row))
                .copied()
                .collect();
            assert!(
                lost.is_empty(),
                "the checkpoint of partition {partition} is at {number}, and rows before it are not stored: {lost:?}\n{}",
                self.place.said()
            );
        }
        self.looks += 1;
    }

    fn checkpoints(&self) -> BTreeMap<usize, usize> {
        let known = self.service.state().checkpoints;
        let of = known.iter().map(|it| {
            let partition = it["partition"].as_str().unwrap();
            let partition = partition.trim_start_matches("shardId-").parse().unwrap();
            let number = it["sequence_number"].as_str().unwrap().parse().unwrap();
            (partition, number)
        });
        of.collect()
    }

    /// Rows that the platform has stored, each as often as it did.
    fn stored(&self) -> Vec<u64> {
        let rows = self.platform.rows_of_day("");
        let number = |row: &String| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap();
            row["id"].as_str().unwrap().parse().unwrap()
        };
        rows.iter().map(number).collect()
    }

    /// What a kill has interrupted, going by the ledger that it left.
    fn moment(&self) -> Moment {
        let Some(copy) = self.place.copy_of_ledger() else {
            return Moment::Starting;
        };
        let db = Connection::open(copy.path().join("ledger.db")).unwrap();
        let count = |query: &str| {
            db.query_row(query, [], |row| row.get::<_, i64>(0))
                .unwrap_or(0)
        };
        if count("SELECT count(*) FROM input") == 0 {
            return Moment::Starting;
        }
        if count("SELECT count(*) FROM batch WHERE state = 'intended'") > 0 {
            return Moment::Sending;
        }
        let read = "SELECT coalesce(sum(reached), 0) FROM (SELECT max(line + lines) AS reached FROM chunk GROUP BY input)";
        let committed: usize = self.checkpoints().values().map(|number| number + 1).sum();
        if count(read) > i64::try_from(committed).unwrap() {
            return Moment::Committing;
        }
        Moment::Reading
    }

    /// Runs to the end, undisturbed but for the faults, and compares.
    fn end(&mut self) {
        self.write();
        let mut child = self.start(true);
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < LIMIT, "no end\n{}", self.place.said());
            self.look();
            std::thread::sleep(LOOK * 20);
        };
        assert_eq!(status.code(), Some(0), "{}", self.place.said());
        let mut stored = self.stored();
        stored.sort_unstable();
        if self.is_forgetful {
            stored.dedup();
        }
        let wanted: Vec<u64> = (0..self.next_row).collect();
        assert_eq!(stored, wanted, "{}", self.place.said());
        let last = |(partition, records): (usize, &Vec<Vec<u64>>)| {
            records.len().checked_sub(1).map(|last| (partition, last))
        };
        let last: BTreeMap<usize, usize> =
            self.records.iter().enumerate().filter_map(last).collect();
        assert_eq!(self.checkpoints(), last, "{}", self.place.said());
    }
}
