//! From inputs to a report: every row is read, shaped as an upload would shape it, and accounted for.
//!
//! The shaper is the one that `write` uses; it is asked directly instead of through the reader,
//! because an upload stops at what makes a row a dead letter while a report wants every fault.

use super::account::{Account, Fault, Spot};
use super::duplicates::{Duplicate, KeyedRow, Keys};
use super::folders::number_of;
use super::profile::Profile;
use super::report::{Failure, KeyCheck, Report};
use crate::domain::{DataDate, Position};
use crate::input::{
    DayPattern, InputError, InputSettings, LocalReject, NOTHING_IS_LEFT, Next, PathPattern,
    RejectCode, RowReader, Start, discover, open_file, open_stream,
};
use crate::schema::{Shaped, Shaper, UnknownFields, Violation, text_of};
use std::collections::BTreeSet;
use std::io::{self, Read};

/// Where the rows come from.
pub enum Places {
    /// Files, directories and globs, perhaps with `{date}` in them.
    Files(Vec<PathPattern>),
    /// A stream and its name.
    Stream(String, Box<dyn Read + Send>),
}

/// What is to be looked at, and how.
pub struct Request {
    /// Where the rows come from.
    pub places: Places,
    /// The days that `{date}` stands for, or that are to be looked at where paths say the day.
    pub dates: Vec<DataDate>,
    /// How paths say the day, if they do.
    pub date_from_path: Option<DayPattern>,
    /// How to read them, and the rules that they have to keep.
    pub input: InputSettings,
    /// Fields by which rows of one day are the same thing; none if there is no such thing.
    pub key: Vec<String>,
    /// Whether the report is to tell what the fields hold.
    pub profile: bool,
    /// Most rows to look at.
    pub limit: Option<u64>,
}

/// Rows without key fields, or with more than one row of a key: the word in reports.
const DUPLICATE: &str = "duplicate_id";
/// Room for the first row; it grows to the longest.
const BODY_BYTES: usize = 64 << 10;

/// Reads everything and reports on it. Fails only when a temporary file for keys cannot be written.
pub fn validate(request: Request) -> io::Result<Report> {
    let mut survey = Survey::new(&request);
    match (request.places, &request.date_from_path) {
        (Places::Stream(name, stream), _) => {
            let reader = open_stream(stream, &name, &survey.reading, &[]);
            survey.read(name, reader)?;
        }
        (Places::Files(patterns), Some(pattern)) => {
            survey.read_folders(&patterns, pattern, &request.dates)?;
        }
        (Places::Files(patterns), None) => {
            let days: Vec<Option<DataDate>> = if request.dates.is_empty() {
                vec![None]
            } else {
                request.dates.iter().copied().map(Some).collect()
            };
            for day in days {
                survey.read_day(&patterns, day)?;
            }
        }
    }
    survey.report(request.key)
}

/// What was seen so far.
pub(super) struct Survey {
    pub(super) reading: InputSettings,
    pub(super) shaper: Shaper,
    /// The number of each key field in the shaper.
    key: Vec<usize>,
    keys: Option<Keys>,
    /// A key with its day in front.
    key_bytes: Vec<u8>,
    /// The number of the day of the row; rows of one day are compared with one another.
    pub(super) day: u32,
    /// Names of the columns of inputs that have columns.
    pub(super) columns: BTreeSet<String>,
    errors: Account,
    pub(super) warnings: Account,
    profile: Option<Profile>,
    /// Whether columns are sent under their names, all of them.
    sends_columns: bool,
    pub(super) left: u64,
    pub(super) report: Report,
}

impl Survey {
    fn new(request: &Request) -> Self {
        let mut rules = request.input.rules.clone();
        for name in &request.key {
            rules.schema.ensure_field(name);
        }
        let shaper = Shaper::new(&rules);
        let sends_columns = rules.renames.is_empty() && rules.unknown == UnknownFields::Keep;
        Self {
            key: request
                .key
                .iter()
                .filter_map(|name| shaper.field(name))
                .collect(),
            shaper,
            reading: request.input.unshaped(),
            keys: (!request.key.is_empty()).then(Keys::new),
            key_bytes: Vec::new(),
            day: 0,
            columns: BTreeSet::new(),
            errors: Account::default(),
            warnings: Account::default(),
            profile: request.profile.then(Profile::default),
            sends_columns,
            left: request.limit.unwrap_or(u64::MAX),
            report: Report::default(),
        }
    }

    fn read_day(&mut self, patterns: &[PathPattern], day: Option<DataDate>) -> io::Result<()> {
        self.day = self.day.saturating_add(1);
        let found = match discover(patterns, day, &self.reading.stores) {
            Ok(found) => found,
            Err(error) => {
                self.report.failures.push(error.into());
                return Ok(());
            }
        };
        for pattern in &found.missing {
            let why = Failure::Missing(found.why_missing(pattern));
            self.report.failures.push(why);
        }
        for file in found.files {
            if self.left == 0 {
                break;
            }
            let reader = open_file(&file.location, &self.reading, Start::BEGINNING);
            self.read(file.location.to_string(), reader)?;
        }
        Ok(())
    }

    pub(super) fn read(
        &mut self,
        name: String,
        reader: Result<Box<dyn RowReader>, InputError>,
    ) -> io::Result<()> {
        self.report.inputs.push(name);
        let mut reader = match reader {
            Ok(reader) => reader,
            Err(error) => {
                self.report.failures.push(error.into());
                return Ok(());
            }
        };
        let is_first = self.report.inputs.len() == 1;
        let columns = reader.columns();
        self.report.cells = !columns.is_empty() && (is_first || self.report.cells);
        self.columns.extend(columns.iter().cloned());
        let mut body = Vec::with_capacity(BODY_BYTES);
        while self.left > 0 {
            body.clear();
            match reader.next(&mut body) {
                Ok(Next::NothingYet | Next::End) => break,
                Ok(Next::Rejected(reject)) => self.take_reject(&reject),
                Ok(Next::Row { position, .. }) => {
                    self.day = reader.day().map_or(self.day, number_of);
                    self.take_row(&body, position, reader.pending_record())?;
                }
                Err(error) => {
                    self.report.failures.push(error.into());
                    break;
                }
            }
            self.report.rows = self.report.rows.saturating_add(1);
            self.left = self.left.saturating_sub(1);
        }
        if let (Some(profile), true) = (&mut self.profile, self.sends_columns) {
            profile.add_columns(&columns);
        }
        let bytes = reader.consumed_bytes();
        self.report.bytes = self.report.bytes.saturating_add(bytes);
        self.take_warnings(reader.as_mut());
        Ok(())
    }

    pub(super) fn spot(&self, position: Position) -> Spot {
        Spot {
            input: self.report.inputs.len().saturating_sub(1),
            line: position.line,
        }
    }

    fn take_reject(&mut self, reject: &LocalReject) {
        let fault = Fault {
            kind: reject.code.as_str(),
            field: reject.column.as_deref().unwrap_or_default(),
            message: &reject.message,
        };
        let spot = self.spot(reject.position);
        if reject.code == RejectCode::DateOutside {
            // Nothing is wrong with it, and no date waits for it.
            self.warnings.add(&fault, 1, spot);
            return;
        }
        self.errors.add(&fault, 1, spot);
        self.errors.rank(spot, 1, &[fault], &reject.raw);
        self.report.bad_rows = self.report.bad_rows.saturating_add(1);
    }

    fn take_row(&mut self, row: &[u8], position: Position, raw: Option<&[u8]>) -> io::Result<()> {
        let spot = self.spot(position);
        let faults: Vec<Fault<'_>> = match self.shaper.shape(row) {
            Shaped::Rewritten(b"{}") => vec![Fault {
                kind: RejectCode::EmptyRow.as_str(),
                field: "",
                message: NOTHING_IS_LEFT,
            }],
            Shaped::AsItIs | Shaped::Rewritten(_) => Vec::new(),
            Shaped::Refused(violations) => violations.iter().map(fault_of).collect(),
        };
        let bad = !faults.is_empty();
        if bad {
            for fault in &faults {
                self.errors.add(fault, 1, spot);
            }
            self.errors
                .rank(spot, faults.len(), &faults, raw.unwrap_or(row));
            self.report.bad_rows = self.report.bad_rows.saturating_add(1);
        }
        if !bad && memchr::memchr(b'\\', row).is_some() {
            self.warn_of_control_characters(row, spot);
        }
        if let Some(profile) = &mut self.profile {
            profile.add(self.shaper.sent_members(row));
        }
        self.take_key(row, spot, bad)
    }

    /// Rows that lack a part of their key are no duplicates of one another.
    fn take_key(&mut self, row: &[u8], spot: Spot, bad: bool) -> io::Result<()> {
        let Some(keys) = &mut self.keys else {
            return Ok(());
        };
        self.key_bytes.clear();
        self.key_bytes.extend_from_slice(&self.day.to_le_bytes());
        for field in &self.key {
            match self.shaper.sent_value(row, *field) {
                None | Some(b"null" | b"\"\"") => return Ok(()),
                Some(value) => push_part(&mut self.key_bytes, value),
            }
        }
        let row = KeyedRow {
            ordinal: self.report.rows,
            spot,
            bad,
        };
        keys.add(&self.key_bytes, row)
    }

    fn report(mut self, fields: Vec<String>) -> io::Result<Report> {
        let mut key = KeyCheck::default();
        if let Some(keys) = self.keys.take() {
            (key.rows, key.too_long) = (keys.rows, keys.too_long);
            self.add_duplicates(keys, &fields.join(", "))?;
            key.fields = fields;
        }
        self.warn_of_unused_options();
        let (errors, worst) = self.errors.told(&self.report.inputs);
        let (warnings, _) = self.warnings.told(&self.report.inputs);
        Ok(Report {
            errors,
            worst,
            warnings,
            key,
            profile: self.profile,
            ..self.report
        })
    }

    fn add_duplicates(&mut self, keys: Keys, field: &str) -> io::Result<()> {
        let mut first = Firsts::default();
        let (mut rows, mut newly_bad) = (0_u64, 0_u64);
        keys.duplicates(&mut |duplicate| {
            rows = rows.saturating_add(1);
            newly_bad = newly_bad.saturating_add(u64::from(!duplicate.bad));
            first.take(duplicate);
        })?;
        self.report.bad_rows = self.report.bad_rows.saturating_add(newly_bad);
        let others = rows.saturating_sub(first.len());
        for (index, duplicate) in first.0.iter().enumerate() {
            let original = self.report.inputs.get(duplicate.first.input);
            let message = format!(
                "is that of an earlier row: {}:{}",
                original.map(String::as_str).unwrap_or_default(),
                duplicate.first.line
            );
            let fault = Fault {
                kind: DUPLICATE,
                field,
                message: &message,
            };
            let count = if index == 0 {
                others.saturating_add(1)
            } else {
                1
            };
            self.errors.add(&fault, count, duplicate.spot);
        }
        Ok(())
    }
}

/// The first duplicates of all, in the order of their rows.
#[derive(Default)]
struct Firsts(Vec<Duplicate>);

impl Firsts {
    /// As many as places are shown of a group.
    const MAX: usize = 5;

    fn take(&mut self, duplicate: Duplicate) {
        let at = self
            .0
            .partition_point(|other| other.ordinal < duplicate.ordinal);
        if at < Self::MAX {
            self.0.truncate(Self::MAX.saturating_sub(1));
            self.0.insert(at, duplicate);
        }
    }

    fn len(&self) -> u64 {
        u64::try_from(self.0.len()).unwrap_or(u64::MAX)
    }
}

fn fault_of(violation: &Violation) -> Fault<'_> {
    // An upload names the kind of a reject by the same word.
    Fault {
        kind: RejectCode::Rule(violation.kind).as_str(),
        field: &violation.field,
        message: &violation.message,
    }
}

/// Appends a value so that equal ones are the same bytes however they are escaped, and that no two
/// lists of values run together.
fn push_part(key: &mut Vec<u8>, value: &[u8]) {
    let text = if value.contains(&b'\\') {
        text_of(value)
    } else {
        None
    };
    let plain = value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""));
    let (is_text, content) = match (&text, plain) {
        (Some(text), _) => (true, text.as_bytes()),
        (None, Some(plain)) => (true, plain),
        (None, None) => (false, value),
    };
    key.push(u8::from(is_text));
    key.extend_from_slice(&content.len().to_le_bytes());
    key.extend_from_slice(content);
}
