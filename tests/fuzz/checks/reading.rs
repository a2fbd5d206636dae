//! Everything that a reader of rows gives, and what holds for all of it whatever the format: ranges
//! tile the input, and reading in other steps or from any range on gives the same.

use byteair_sync::domain::{Position, RawRange};
use byteair_sync::input::{
    InputError, InputSettings, LocalReject, Next, RowReader, Start, WarningKind, open_file,
    open_stream,
};
use std::io::{Cursor, Read, Write};
use xxhash_rust::xxh3::xxh3_128;

/// A record as a reader gives it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Found {
    Row(Vec<u8>, Position, u64),
    Rejected(LocalReject),
}

impl Found {
    pub(crate) const fn position(&self) -> Position {
        match self {
            Self::Row(_, position, _) => *position,
            Self::Rejected(reject) => reject.position,
        }
    }
}

/// What a reader gives from its start to the end of the input.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Content {
    pub(crate) records: Vec<Found>,
    pub(crate) ranges: Vec<RawRange>,
    /// How many rows have what is remarkable, and where the first one is.
    pub(crate) warnings: Vec<(WarningKind, u64, Position)>,
}

/// How much at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps {
    /// Bytes of one read.
    pub(crate) bytes: usize,
    /// Records in one range.
    pub(crate) records: usize,
}

struct Dribble(Cursor<Vec<u8>>, usize);

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let limit = buffer.len().min(self.1);
        self.0.read(&mut buffer[..limit])
    }
}

fn dribble(bytes: &[u8], step: usize) -> Box<dyn Read + Send> {
    Box::new(Dribble(Cursor::new(bytes.to_vec()), step))
}

/// Reads to the end.
fn drain(mut reader: Box<dyn RowReader>, records: usize) -> Result<Content, InputError> {
    let mut content = Content::default();
    let mut body = b"[".to_vec();
    loop {
        let before = body.len();
        match reader.next(&mut body)? {
            Next::Row { position, length } => {
                let row = body[before..].to_vec();
                content.records.push(Found::Row(row, position, length));
                // Both ways of ending a range: before a pending row, and after an accepted one.
                if content.records.len().is_multiple_of(2) {
                    reader.accept();
                }
            }
            Next::Rejected(reject) => content.records.push(Found::Rejected(*reject)),
            Next::NothingYet | Next::End => break,
        }
        if content.records.len().is_multiple_of(records) {
            content.ranges.push(reader.cut());
        }
    }
    assert!(
        matches!(reader.next(&mut body), Ok(Next::End)),
        "the end stays the end"
    );
    content.ranges.push(reader.cut());
    assert_eq!(body[0], b'[', "what was in the body stays");
    let warnings = reader.warnings().into_iter();
    content.warnings = warnings.map(|it| (it.kind, it.count, it.first)).collect();
    Ok(content)
}

fn check_tiles(content: &Content, bytes: &[u8], start: Start) {
    let mut next = start;
    for range in &content.ranges {
        let begin = Start {
            offset: range.offset,
            record: range.first_record,
            line: range.line,
        };
        assert_eq!(begin, next, "ranges follow each other");
        let from = usize::try_from(range.offset).unwrap();
        let to = usize::try_from(range.end()).unwrap();
        assert_eq!(range.digest, xxh3_128(&bytes[from..to]));
        next = Start::after(range);
    }
    assert_eq!(next.offset, u64::try_from(bytes.len()).unwrap());
    let records = u64::try_from(content.records.len()).unwrap();
    assert_eq!(next.record - start.record, records);
    let ordinals = content.records.iter().map(|it| it.position().ordinal);
    assert!(
        ordinals.eq(start.record..next.record),
        "ordinals are in order"
    );
}

/// Reads a stream of these bytes in all ways; what it gave, when they all agree.
pub(crate) fn read_all_ways(
    bytes: &[u8],
    settings: &InputSettings,
    steps: Steps,
) -> Result<Content, InputError> {
    let read = |step, ranges: &[RawRange]| {
        drain(
            open_stream(dribble(bytes, step), "input", settings, ranges)?,
            steps.records,
        )
    };
    let whole = read(usize::MAX, &[]);
    let in_steps = read(steps.bytes, &[]);
    let content = match (whole, in_steps) {
        (Ok(content), Ok(again)) => {
            assert_eq!(content, again, "reads of other sizes");
            content
        }
        (Err(error), Err(again)) => {
            assert_eq!(error.to_string(), again.to_string());
            return Err(error);
        }
        (one, other) => panic!("{one:?} but {other:?} in steps"),
    };
    check_tiles(&content, bytes, Start::BEGINNING);
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    // Nobody records a range without bytes. Of many ranges a few are enough.
    let recorded = content.ranges.iter().filter(|it| it.length > 0);
    let recorded: Vec<RawRange> = recorded.copied().collect();
    let stride = recorded.len().div_ceil(8).max(1);
    for count in (1..=recorded.len()).step_by(stride) {
        let before = &recorded[..count];
        let start = Start::after(&before[count - 1]);
        let rest = read(steps.bytes, before).unwrap();
        check_rest(&content, &rest, start);
        check_tiles(&rest, bytes, start);
        if count % 3 == 1 {
            let reader = open_file(file.path(), settings, start).unwrap();
            let from_file = drain(reader, steps.records).unwrap();
            assert_eq!(
                from_file, rest,
                "a file and a stream from the same place on"
            );
        }
    }
    Ok(content)
}

fn check_rest(content: &Content, rest: &Content, start: Start) {
    let expected = content.records.iter();
    let expected = expected.filter(|it| it.position().ordinal >= start.record);
    assert!(
        rest.records.iter().eq(expected),
        "reading goes on at {start:?}"
    );
}
