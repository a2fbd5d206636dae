//! Files with planted faults: each fault becomes one dead letter with its exact place and row, and
//! the corrected rows, or the waived ones, bring the date to its `done`.
//!
//! The full form is `PLANTED_ROWS=1000000 cargo test --release --test cli planted`: 1,000 faults in
//! each million rows. The short form plants more densely.

use crate::rejects::{DATE, refusing};
use crate::start::{Place, WRITE};
use serde_json::Value;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// Rows of each file.
const ROWS: &str = "PLANTED_ROWS";
const FEW_ROWS: usize = 6_000;

/// Longest row; longer ones are faults.
const OPTIONS: &str = "--max-row-bytes 2000 --qps 1000 --rows-per-second 10000000";

/// What the server refuses.
const POISON: &str = "poison";

/// How a file holds its rows.
#[derive(Debug, Clone, Copy)]
struct Form {
    name: &'static str,
    csv: bool,
    bom: bool,
    crlf: bool,
}

const FORMS: [Form; 5] = [
    Form {
        name: "rows.jsonl",
        csv: false,
        bom: false,
        crlf: false,
    },
    Form {
        name: "bom.jsonl",
        csv: false,
        bom: true,
        crlf: true,
    },
    Form {
        name: "rows.jsonl.gz",
        csv: false,
        bom: true,
        crlf: false,
    },
    Form {
        name: "rows.csv",
        csv: true,
        bom: true,
        crlf: true,
    },
    Form {
        name: "rows.csv.gz",
        csv: true,
        bom: false,
        crlf: false,
    },
];

/// A row that will not be stored.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Planted {
    line: u64,
    offset: u64,
    code: &'static str,
    /// What the platform says of it; local reasons are the reader's own words.
    message: Option<String>,
    raw: Vec<u8>,
    number: usize,
}

/// A file in the making.
struct Sown {
    form: Form,
    bytes: Vec<u8>,
    line: u64,
    planted: Vec<Planted>,
    good: Vec<String>,
}

fn total() -> usize {
    std::env::var(ROWS).map_or(FEW_ROWS, |text| text.parse().expect(ROWS))
}

fn title(number: usize) -> String {
    match number % 5 {
        0 => format!("two lines\nof \"{number}\", 耳机"),
        1 => "x".repeat(number % 40),
        _ => format!("耳机 {number}"),
    }
}

fn as_json(number: usize, title: &str) -> String {
    let title = title.replace('"', "\\\"").replace('\n', "\\n");
    format!("{{\"id\":\"{number:07}\",\"title\":\"{title}\"}}")
}

impl Form {
    fn row(self, number: usize, title: &str) -> Vec<u8> {
        if self.csv {
            let title = title.replace('"', "\"\"");
            format!("{number:07},\"{title}\"").into_bytes()
        } else {
            as_json(number, title).into_bytes()
        }
    }

    /// What is wrong with the nth fault: its code, and the bytes that stand in the file.
    fn fault(self, nth: usize, number: usize) -> (&'static str, Vec<u8>) {
        let head = if self.csv {
            format!("{number:07},\"")
        } else {
            format!("{{\"id\":\"{number:07}\",\"title\":\"")
        };
        let tail = if self.csv { "\"" } else { "\"}" };
        let with = |middle: &[u8]| [head.as_bytes(), middle, tail.as_bytes()].concat();
        match nth % 6 {
            0 if self.csv => ("ragged", [with(b"a\n\"\"b"), b",more".to_vec()].concat()),
            0 => ("not_json", [with(b"a"), b",".to_vec()].concat()),
            // CSV has no trouble with a NUL: JSON can say it.
            1 if self.csv => ("ragged", format!("{number:07}").into_bytes()),
            1 => ("not_json", with(b"a\0b")),
            2 => ("not_utf8", with(b"caf\xe9")),
            3 => ("too_long", with(&b"y".repeat(2_100))),
            _ => (
                "refused_by_platform",
                self.row(number, &format!("{POISON} {number}")),
            ),
        }
    }
}

impl Sown {
    fn new(form: Form, rows: usize) -> Self {
        let mut sown = Self {
            form,
            bytes: Vec::new(),
            line: 1,
            planted: Vec::new(),
            good: Vec::new(),
        };
        if form.bom {
            sown.bytes.extend(b"\xef\xbb\xbf");
        }
        if form.csv {
            sown.push(b"id,title");
        }
        // A thousand in a million; at least one of each kind, also of the twins.
        let every = if rows >= 100_000 { 1_000 } else { 60 };
        let mut number = 0;
        while number < rows {
            if number % 997 == 500 {
                sown.push(b"");
            }
            if number % every != every / 2 {
                let title = title(number);
                sown.push(&form.row(number, &title));
                sown.good.push(as_json(number, &title));
                number += 1;
                continue;
            }
            // Neither the first rows nor the last ones; some faults lie side by side.
            let nth = number / every;
            sown.plant(nth, number);
            number += 1;
            if nth % 6 == 5 {
                sown.plant_twin(number);
                number += 1;
            }
        }
        sown.good.sort();
        sown
    }

    fn push(&mut self, row: &[u8]) {
        self.bytes.extend(row);
        let breaks = memchr::memchr_iter(b'\n', row).count();
        self.line += u64::try_from(breaks).unwrap() + 1;
        self.bytes
            .extend(if self.form.crlf { &b"\r\n"[..] } else { b"\n" });
    }

    fn plant(&mut self, nth: usize, number: usize) {
        let (code, raw) = self.form.fault(nth, number);
        self.planted.push(Planted {
            line: self.line,
            offset: u64::try_from(self.bytes.len()).unwrap(),
            code,
            message: None,
            raw: raw.clone(),
            number,
        });
        self.push(&raw);
        if code == "refused_by_platform" {
            // The platform speaks of what was sent.
            let last = self.planted.last_mut().unwrap();
            last.raw = as_json(number, &format!("{POISON} {number}")).into_bytes();
            last.message = Some("no such word".to_owned());
        }
    }

    /// The row before once more: equal rows are all named.
    fn plant_twin(&mut self, number: usize) {
        let first = self.planted.pop().unwrap();
        let (from, to) = (usize::try_from(first.offset).unwrap(), self.bytes.len());
        let end = if self.form.crlf { 2 } else { 1 };
        let row = self.bytes[from..to - end].to_vec();
        let lines = format!(
            "no such word (one of 2 equal rows, lines {}, {})",
            first.line, self.line
        );
        let twin = Planted {
            line: self.line,
            offset: u64::try_from(to).unwrap(),
            message: Some(lines.clone()),
            number,
            ..first.clone()
        };
        self.planted.push(Planted {
            message: Some(lines),
            ..first
        });
        self.planted.push(twin);
        self.push(&row);
    }

    fn write(&self, path: &Path) {
        let mut file = std::fs::File::create(path).unwrap();
        if path.extension().is_some_and(|extension| extension == "gz") {
            // Several members, cut anywhere.
            for member in self.bytes.chunks(1 << 20) {
                let level = flate2::Compression::fast();
                let mut encoder = flate2::write::GzEncoder::new(&mut file, level);
                encoder.write_all(member).unwrap();
                encoder.finish().unwrap();
            }
        } else {
            file.write_all(&self.bytes).unwrap();
        }
    }

    /// The corrected rows as this form has them, and what the server gets of them.
    fn corrected(&self) -> (String, Vec<String>) {
        let mut text = String::new();
        if self.form.csv {
            text.push_str("id,title\n");
        }
        let mut rows = Vec::new();
        for planted in &self.planted {
            let title = format!("corrected, {}", planted.number);
            let row = self.form.row(planted.number, &title);
            writeln!(text, "{}", String::from_utf8(row).unwrap()).unwrap();
            rows.push(as_json(planted.number, &title));
        }
        (text, rows)
    }
}

/// The dead letters with their rows, as `rejects list` and `rejects show` tell them.
fn found(place: &Place, sown: &Sown) -> Vec<Planted> {
    let mut lines = place
        .end("rejects list --json --limit 1000000")
        .expect(0)
        .lines();
    lines.pop();
    let ids: Vec<String> = lines
        .iter()
        .map(|letter| letter["id"].to_string())
        .collect();
    let mut letters = Vec::new();
    for ids in ids.chunks(200) {
        let mut shown = place
            .end(&format!("rejects show --json {}", ids.join(" ")))
            .expect(0)
            .lines();
        shown.pop();
        letters.extend(shown);
    }
    let file = place.path(sown.form.name);
    let mut found: Vec<Planted> = letters
        .iter()
        .map(|letter| {
            assert_eq!(letter["file"].as_str().unwrap(), file.to_str().unwrap());
            planted_of(letter, sown)
        })
        .collect();
    found.sort();
    found
}

fn planted_of(letter: &Value, sown: &Sown) -> Planted {
    let raw = match letter["raw"].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => hex::decode(letter["raw_hex"].as_str().unwrap()).unwrap(),
    };
    let line = letter["line"].as_u64().unwrap();
    let planted = sown.planted.iter().find(|planted| planted.line == line);
    let Some(planted) = planted else {
        panic!("nothing was planted there: {letter}");
    };
    assert_eq!(letter["code"], planted.code, "{letter}");
    let by_server = planted.message.is_some();
    assert_eq!(letter["source"] == "server", by_server, "{letter}");
    Planted {
        line,
        offset: letter["byte_offset"].as_u64().unwrap(),
        code: planted.code,
        message: by_server.then(|| letter["message"].as_str().unwrap().to_owned()),
        raw,
        number: planted.number,
    }
}

/// What `rejects export` wrote has each row that never left as it stood in the file, in its order;
/// rows that are too long are corrected where they came from.
fn check_exported(sown: &Sown, exported: &[u8]) {
    let mut at = 0;
    let local = sown.planted.iter().filter(|it| it.message.is_none());
    for planted in local.filter(|it| it.code != "too_long") {
        let rest = &exported[at..];
        let seen = memchr::memmem::find(rest, &planted.raw);
        let Some(seen) = seen else {
            panic!("not exported in its order: line {}", planted.line);
        };
        at += seen + planted.raw.len();
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the full form shows its figures")]
fn planted_faults_have_their_places_and_their_corrected_rows_bring_done() {
    let mut planted = 0;
    for form in FORMS {
        let sown = Sown::new(form, total());
        let recorder = refusing(POISON);
        let place = Place::with(&recorder);
        sown.write(&place.path(form.name));
        place
            .end(&format!("{WRITE} {OPTIONS} {}", form.name))
            .expect(3);
        let found = found(&place, &sown);
        assert_eq!(found.len(), sown.planted.len(), "{}", form.name);
        for (found, planted) in found.iter().zip(&sown.planted) {
            let where_ = (form.name, planted.line);
            assert!(found == planted, "{where_:?}: {found:?} is not {planted:?}");
        }
        planted += found.len();
        let fix = if form.csv { "fix.csv" } else { "fix.jsonl" };
        place
            .end(&format!(
                "rejects export --max-row-bytes 2000 --output {fix}"
            ))
            .expect(0);
        check_exported(&sown, &std::fs::read(place.path(fix)).unwrap());
        let (text, mut rows) = sown.corrected();
        place.file(fix, text);
        place.end(&format!("rejects replay {fix} {DATE}")).expect(0);
        assert_eq!(recorder.dones().len(), 1);
        let mut stored = recorder.rows();
        stored.retain(|row| !row.contains(POISON));
        rows.extend(sown.good.iter().cloned());
        rows.sort();
        assert!(stored == rows, "{}: other rows were stored", form.name);
        assert!(recorder.requests().last().unwrap().is_done());
    }
    println!("{planted} faults among {} rows", total() * FORMS.len());
}

#[test]
fn planted_faults_that_are_waived_bring_done_without_their_rows() {
    for form in FORMS {
        let sown = Sown::new(form, total().min(FEW_ROWS));
        let recorder = refusing(POISON);
        let place = Place::with(&recorder);
        sown.write(&place.path(form.name));
        let write = format!("{WRITE} {OPTIONS} {}", form.name);
        place.end(&write).expect(3);
        place.end(&format!("rejects waive {DATE}")).expect(0);
        place.end(&write).expect(0);
        assert_eq!(recorder.dones().len(), 1);
        let mut stored = recorder.rows();
        stored.retain(|row| !row.contains(POISON));
        assert!(stored == sown.good, "{}: other rows were stored", form.name);
    }
}
