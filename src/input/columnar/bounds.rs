//! What a Parquet file claims, held against bounds before the decoder believes it.
//!
//! The decoder makes room for a page as its header says, and descends into a schema however deep it
//! is. A header that lies would cost gigabytes, a schema that never ends the whole program. The
//! structures are those of `parquet.thrift` of the Parquet format.

use super::cursor::damaged;
use super::thrift::{Next, Thrift};
use brotli_decompressor::Decompressor;
use flate2::read::MultiGzDecoder;
use parquet::basic::Compression as Codec;
use parquet::errors::{ParquetError, Result};
use std::cmp::Ordering;
use std::io::Read;

/// Bytes that a page may take in memory.
const MAX_PAGE_BYTES: u64 = 256 << 20;
/// Bytes in memory that a value of a dictionary takes besides its content.
const DICTIONARY_VALUE_BYTES: u64 = 40;
/// Bytes in memory of the levels of a value in a list.
const LEVEL_BYTES: u64 = 4;
/// Enough of a page header for the numbers in it; statistics come behind them.
pub(super) const PAGE_HEADER_BYTES: u64 = 128;
/// Deepest schema. A list takes two or three levels of it, a JSON row has at most 127.
const MAX_SCHEMA_DEPTH: usize = 256;
/// Buffer of a brotli decoder.
const BROTLI_BYTES: usize = 4 << 10;

const DICTIONARY_PAGE: i64 = 2;

/// What the header of a page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageClaim {
    pub(super) is_dictionary: bool,
    /// Bytes of the page as it is stored, without its header.
    pub(super) stored: u64,
    /// Bytes of the page when it is decompressed, without its levels where these are not compressed.
    inflated: u64,
    /// Bytes in front of what is compressed.
    levels: u64,
    is_compressed: bool,
}

/// Looks at the beginning of a page header; an error for one that claims too much or makes no sense.
pub(super) fn claim_of(header: &[u8], has_lists: bool) -> std::result::Result<PageClaim, String> {
    let Header {
        kind,
        inflated,
        stored,
        values,
        levels,
        is_compressed,
    } = Header::read(Thrift(header)).ok_or("the header of a page makes no sense")?;
    let positive = |number| u64::try_from(number).map_err(|_| "a page has a negative size");
    let (inflated, stored) = (positive(inflated)?, positive(stored)?);
    let (values, levels) = (positive(values)?, positive(levels)?);
    let each = match kind {
        DICTIONARY_PAGE => DICTIONARY_VALUE_BYTES,
        _ if has_lists => LEVEL_BYTES,
        _ => 0,
    };
    let needed = values.saturating_mul(each).saturating_add(inflated);
    if needed.max(stored) > MAX_PAGE_BYTES {
        return Err(format!(
            "a page says that it takes {} MiB of memory, and at most {} MiB are allowed; export it with smaller pages, or again if it is damaged",
            needed.max(stored) >> 20,
            MAX_PAGE_BYTES >> 20
        ));
    }
    Ok(PageClaim {
        is_dictionary: kind == DICTIONARY_PAGE,
        stored,
        inflated: inflated
            .checked_sub(levels)
            .ok_or("the levels of a page are longer than the page")?,
        levels,
        is_compressed,
    })
}

impl PageClaim {
    /// Whether a page is no longer than it says when it is decompressed, for the codecs whose decoder
    /// does not stop there.
    pub(super) fn is_kept(&self, page: &[u8], codec: Codec) -> bool {
        let levels = usize::try_from(self.levels).unwrap_or(usize::MAX);
        let packed = page.get(levels..).unwrap_or_default();
        if !self.is_compressed {
            return true;
        }
        match codec {
            Codec::GZIP(_) => self.holds(MultiGzDecoder::new(packed)),
            _ => true,
        }
    }

    /// The content of a page that is compressed with brotli: just as much as it says.
    pub(super) fn unbrotli(&self, page: &[u8]) -> Result<Vec<u8>> {
        if !self.is_compressed {
            return Ok(page.to_vec());
        }
        let levels = usize::try_from(self.levels).unwrap_or(usize::MAX);
        let (levels, packed) = page
            .split_at_checked(levels)
            .ok_or_else(|| damaged("the levels of a page are longer than the page"))?;
        let mut whole = levels.to_vec();
        if self.inflated > 0 {
            let most = self.inflated.saturating_add(1);
            let inflated = Decompressor::new(packed, BROTLI_BYTES);
            let read = inflated.take(most).read_to_end(&mut whole)?;
            match u64::try_from(read).unwrap_or(u64::MAX).cmp(&self.inflated) {
                Ordering::Less => return Err(damaged("a page is shorter than its header says")),
                Ordering::Equal => {}
                Ordering::Greater => return Err(too_long()),
            }
        }
        Ok(whole)
    }

    /// What does not decompress is for the decoder to complain about.
    fn holds(&self, inflated: impl Read) -> bool {
        let limit = self.inflated.saturating_add(1);
        let read = std::io::copy(&mut inflated.take(limit), &mut std::io::sink());
        self.inflated == 0 || read.is_err() || read.is_ok_and(|bytes| bytes <= self.inflated)
    }
}

pub(super) fn too_long() -> ParquetError {
    damaged("a page is longer than its header says")
}

/// The numbers of a `PageHeader`.
struct Header {
    kind: i64,
    inflated: i64,
    stored: i64,
    values: i64,
    levels: i64,
    is_compressed: bool,
}

impl Header {
    fn read(mut bytes: Thrift<'_>) -> Option<Self> {
        let (mut kind, mut inflated, mut stored) = (None, None, None);
        let mut last = 0;
        while let Next::Field(field) = bytes.field(last)? {
            last = field.id;
            match field.id {
                1 => kind = Some(bytes.number(field)?),
                2 => inflated = Some(bytes.number(field)?),
                3 => stored = Some(bytes.number(field)?),
                // Of a data page, an index page, a dictionary page or a data page of version 2.
                5..=8 if field.is_struct() => {
                    let (values, levels, is_compressed) = Self::read_own(bytes, field.id)?;
                    return Some(Self {
                        kind: kind?,
                        inflated: inflated?,
                        stored: stored?,
                        values,
                        levels,
                        is_compressed,
                    });
                }
                _ => bytes.skip(field)?,
            }
        }
        None
    }

    /// The values, the bytes of levels that are not compressed, and whether the rest is.
    fn read_own(mut bytes: Thrift<'_>, header: i64) -> Option<(i64, i64, bool)> {
        let is_second_version = header == 8;
        let (mut values, mut levels, mut is_compressed) = (0, 0_i64, true);
        let mut last = 0;
        while let Next::Field(field) = bytes.field(last)? {
            last = field.id;
            match field.id {
                1 => values = bytes.number(field)?,
                5 | 6 if is_second_version => {
                    levels = levels.checked_add(bytes.number(field)?)?;
                }
                7 if is_second_version => is_compressed = Thrift::truth(field),
                // Statistics: they may be longer than what was read, and nothing of them matters.
                5 | 8 => break,
                _ => bytes.skip(field)?,
            }
        }
        Some((values, levels, is_compressed))
    }
}

/// Makes sure that the schema in a footer (`FileMetaData`) is no deeper than the decoder can go down.
/// A footer that is not understood here is one that the decoder does not understand either.
pub(super) fn check_schema(footer: &[u8]) -> std::result::Result<(), &'static str> {
    match schema_depth(Thrift(footer)) {
        None => Err("its footer makes no sense, so the file is damaged"),
        Some(depth) if depth > MAX_SCHEMA_DEPTH => Err("its schema is nested too deep"),
        Some(_) => Ok(()),
    }
}

fn schema_depth(mut footer: Thrift<'_>) -> Option<usize> {
    let mut last = 0;
    while let Next::Field(field) = footer.field(last)? {
        last = field.id;
        if field.id != 2 || !field.is_list() {
            footer.skip(field)?;
            continue;
        }
        let elements = footer.list_of_structs()?;
        // Children that are still to come, of each group that is open.
        let mut open: Vec<i64> = Vec::new();
        let mut deepest = 0;
        for _ in 0..elements {
            while open.last() == Some(&0) {
                open.pop();
            }
            if let Some(left) = open.last_mut() {
                *left = left.checked_sub(1)?;
            }
            let children = children_of(&mut footer)?;
            if children > 0 {
                open.push(children);
                deepest = deepest.max(open.len());
                if deepest > MAX_SCHEMA_DEPTH {
                    return Some(deepest);
                }
            }
        }
        return Some(deepest);
    }
    None
}

/// Passes over a `SchemaElement`; how many children it has.
fn children_of(bytes: &mut Thrift<'_>) -> Option<i64> {
    let mut children = 0;
    let mut last = 0;
    while let Next::Field(field) = bytes.field(last)? {
        last = field.id;
        if field.id == 5 {
            children = bytes.number(field)?;
        } else {
            bytes.skip(field)?;
        }
    }
    Some(children)
}
