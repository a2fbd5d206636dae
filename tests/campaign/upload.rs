//! Generated files of several days, the command that uploads them, and the rows that they hold.

use crate::place::Place;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

/// How a file holds its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Jsonl,
    Csv,
    JsonlGzip,
    CsvGzip,
    JsonlZstd,
    CsvZstd,
}

/// Bytes of text in one member or frame of a compressed file, as appending to an archive makes.
const MEMBER_BYTES: usize = 2_000;

/// What is to be uploaded.
pub(crate) struct Upload {
    pub(crate) days: Vec<String>,
    /// The rows of each day as JSON with sorted keys.
    pub(crate) rows: BTreeMap<String, Vec<String>>,
    /// Whether it goes to the stage without dates; then all is of the first day.
    pub(crate) streaming: bool,
    /// Whether the command lists the dates instead of a range.
    pub(crate) listed: bool,
    /// Whether each file has rows of all days.
    pub(crate) mixed: bool,
}

/// Where files with rows of all days lie, instead of a day.
pub(crate) const MIXED: &str = "all";

/// A row before it is written.
struct Made {
    day: String,
    id: String,
    title: String,
}

impl Upload {
    /// Makes one file for each form of each day under `data/DAY/`; no two rows are equal.
    pub(crate) fn generate(place: &Place, days: &[&[Form]], rows_per_file: usize) -> Self {
        let (mut rows, mut number) = (BTreeMap::<String, Vec<String>>::new(), 0);
        for (at, forms) in days.iter().enumerate() {
            let day = format!("2022-01-{:02}", at + 1);
            for (part, form) in forms.iter().enumerate() {
                let made = (number..number + rows_per_file).map(|number| Made::new(&day, number));
                let made: Vec<Made> = made.collect();
                number += rows_per_file;
                place.file(&form.path(&day, part), &form.encode(&made));
                let lines = made.iter().map(Made::as_json);
                rows.entry(day.clone()).or_default().extend(lines);
            }
        }
        Self::of(rows)
    }

    /// Makes one file for each form under `data/all/`, each with rows of all days among each other.
    pub(crate) fn generate_mixed(
        place: &Place,
        days: usize,
        forms: &[Form],
        rows_per_file: usize,
    ) -> Self {
        let mut rows = BTreeMap::<String, Vec<String>>::new();
        for (part, form) in forms.iter().enumerate() {
            let made = (0..rows_per_file).map(|nth| {
                // The first days often, the last ones rarely, and none never.
                let day = if nth < days {
                    nth
                } else {
                    (nth * 7 + nth / 5) % days.min(nth % days + 1)
                };
                Made::new(
                    &format!("2022-01-{:02}", day + 1),
                    part * rows_per_file + nth,
                )
            });
            let made: Vec<Made> = made.collect();
            place.file(&form.path(MIXED, part), &form.encode(&made));
            for one in &made {
                rows.entry(one.day.clone()).or_default().push(one.as_json());
            }
        }
        Self {
            mixed: true,
            ..Self::of(rows)
        }
    }

    fn of(rows: BTreeMap<String, Vec<String>>) -> Self {
        Self {
            days: rows.keys().cloned().collect(),
            rows,
            streaming: false,
            listed: false,
            mixed: false,
        }
    }

    /// The words of `write` for all days, with these options.
    pub(crate) fn words(&self, options: &str) -> Vec<String> {
        let days = if self.listed {
            self.days.join(",")
        } else {
            format!("{}..{}", self.days[0], self.days[self.days.len() - 1])
        };
        let words = if self.mixed {
            format!(
                "write -t item -s history_sync -d {days} --date-from-field day {options} data/{MIXED}"
            )
        } else if self.streaming {
            format!(
                "write -t item -s incremental_sync_streaming --yes-i-mean streaming-only {options} data/{}",
                self.days[0]
            )
        } else {
            format!("write -t item -s history_sync -d {days} {options} data/{{date}}")
        };
        words.split_whitespace().map(str::to_owned).collect()
    }

    /// Rows of all days.
    pub(crate) fn total(&self) -> usize {
        self.rows.values().map(Vec::len).sum()
    }
}

impl Form {
    /// Every form.
    pub(crate) const ALL: [Self; 6] = [
        Self::Jsonl,
        Self::Csv,
        Self::JsonlGzip,
        Self::CsvGzip,
        Self::JsonlZstd,
        Self::CsvZstd,
    ];

    const fn is_csv(self) -> bool {
        matches!(self, Self::Csv | Self::CsvGzip | Self::CsvZstd)
    }

    /// Its word for `--format`.
    pub(crate) const fn name(self) -> &'static str {
        if self.is_csv() { "csv" } else { "jsonl" }
    }

    /// Where the n-th file of a day lies.
    pub(crate) fn path(self, day: &str, nth: usize) -> String {
        format!("data/{day}/part-{nth:02}.{}", self.extension())
    }

    const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::JsonlGzip => "jsonl.gz",
            Self::CsvGzip => "csv.gz",
            Self::JsonlZstd => "jsonl.zst",
            Self::CsvZstd => "csv.zst",
        }
    }

    fn encode(self, rows: &[Made]) -> Vec<u8> {
        let lines: Vec<String> = rows.iter().map(Made::as_json).collect();
        let mut text = lines.join("\n") + "\n";
        if self.is_csv() {
            "day,id,title\n".clone_into(&mut text);
            for Made { day, id, title } in rows {
                let title = title.replace('"', "\"\"");
                writeln!(text, "{day},{id},\"{title}\"").unwrap();
            }
        }
        let members = text.as_bytes().chunks(MEMBER_BYTES);
        match self {
            Self::Jsonl | Self::Csv => text.into_bytes(),
            Self::JsonlGzip | Self::CsvGzip => members.flat_map(gzip).collect(),
            Self::JsonlZstd | Self::CsvZstd => members
                .flat_map(|member| zstd::encode_all(member, 1).unwrap())
                .collect(),
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Some titles are hard to read line by line.
fn title(number: usize) -> String {
    match number % 7 {
        0 => format!("two lines\nof {number}"),
        1 => format!("a \"quoted\" word, and a comma {number}"),
        _ => format!("耳机 {number}"),
    }
}

impl Made {
    fn new(day: &str, number: usize) -> Self {
        Self {
            day: day.to_owned(),
            id: format!("{number:07}"),
            title: title(number),
        }
    }

    fn as_json(&self) -> String {
        serde_json::json!({ "day": self.day, "id": self.id, "title": self.title }).to_string()
    }
}
