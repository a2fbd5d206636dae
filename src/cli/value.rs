//! Readers of single values as people type them: sizes, durations, shares, stages, hosts.
//!
//! Each says what it wanted when it gets something else. The same readers serve flags, environment
//! variables and profiles, so a value means the same wherever it stands.

mod closed;
mod endpoint;
mod field;
mod guard;
mod host;
mod number;

pub use closed::Closed;
pub use endpoint::{Endpoint, endpoint};
pub use field::{Renaming, TypedField, renaming, typed_field};
pub use guard::{fewest_rows, files_or_none, marker_or_none, percent_or_none};
pub use host::{HostName, host_name};
pub use number::{at_least, within};

use crate::domain::StageKind;
use crate::input::{DateField, DayPattern, TextEncoding};
use crate::upload::StreamFrom;
use chrono::DateTime;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub usize);

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: usize = 1 << 20;
        if self.0 >= MIB && self.0.is_multiple_of(MIB) {
            write!(f, "{}MiB", self.0 / MIB)
        } else {
            write!(f, "{} bytes", self.0)
        }
    }
}

/// Reads `8MiB`, `500kB`, `1048576`. Without `i` a unit is decimal, as the SI has it. Messages say
/// `1 bytes` or `1000 bytes`, and what a message says can be typed.
pub fn byte_size(text: &str) -> Result<ByteSize, String> {
    let (number, unit) = split_unit(text);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err("write a size as 8MiB, 512KiB or 1000000".to_owned()),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(factor))
        .and_then(|bytes| usize::try_from(bytes).ok())
        .filter(|bytes| *bytes > 0)
        .map(ByteSize)
        .ok_or_else(|| "write a size above zero as 8MiB, 512KiB or 1000000".to_owned())
}

/// Longest duration that is taken: enough for any run, and far from any overflow.
const MAX_DURATION: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Reads `500ms`, `30s`, `15m`, `1h30m`, `90d`. A bare number is refused: seconds and milliseconds
/// are too easily mixed up.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wanted = || "write a duration as 500ms, 30s, 15m, 1h30m or 2d".to_owned();
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wanted());
    }
    while !rest.is_empty() {
        let (number, tail) = split_unit(rest);
        let unit_length = tail
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(tail.len());
        let (unit, next) = tail.split_at(unit_length);
        let millis_of_one: u64 = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(wanted()),
        };
        let number: u64 = number.parse().map_err(|_| wanted())?;
        let part = number
            .checked_mul(millis_of_one)
            .map(Duration::from_millis)
            .ok_or_else(wanted)?;
        total = total.checked_add(part).ok_or_else(wanted)?;
        rest = next;
    }
    if total > MAX_DURATION {
        return Err("at most ten years".to_owned());
    }
    Ok(total)
}

/// A shortest and a longest time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationRange {
    /// The shortest.
    pub least: Duration,
    /// The longest, not below the shortest.
    pub most: Duration,
}

/// Reads `--from`: a word, an instant of RFC 3339, or milliseconds since 1970.
pub fn stream_from(text: &str) -> Result<StreamFrom, String> {
    match text {
        "checkpoint" => return Ok(StreamFrom::Checkpoint),
        "oldest" => return Ok(StreamFrom::Oldest),
        "latest" => return Ok(StreamFrom::Latest),
        _ => {}
    }
    let milliseconds = match DateTime::parse_from_rfc3339(text) {
        Ok(instant) => Some(instant.timestamp_millis()),
        Err(_) if text.len() == 13 => text.parse().ok(),
        Err(_) => None,
    };
    let time = milliseconds.filter(|time| *time > 0).map(StreamFrom::Time);
    time.ok_or_else(|| {
        "write it as checkpoint, oldest, latest, 2022-01-01T00:00:00+08:00, or milliseconds since 1970"
            .to_owned()
    })
}

/// Reads `20ms..80ms`, or one duration for both ends.
pub fn duration_range(text: &str) -> Result<DurationRange, String> {
    let (least, most) = text.split_once("..").unwrap_or((text, text));
    let (least, most) = (duration(least)?, duration(most)?);
    if least > most {
        return Err("the first duration must not be longer than the second".to_owned());
    }
    Ok(DurationRange { least, most })
}

/// A fraction of the quota, above nothing and at most all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateShare {
    part: u32,
    whole: NonZeroU32,
}

impl RateShare {
    /// Whether this machine has the whole quota to itself.
    pub const fn is_whole(self) -> bool {
        self.part == self.whole.get()
    }

    /// The share of a rate, rounded down; `None` when nothing is left of it.
    pub fn of(self, rate: u32) -> Option<NonZeroU32> {
        let scaled = u64::from(rate) * u64::from(self.part) / u64::from(self.whole.get());
        u32::try_from(scaled).ok().and_then(NonZeroU32::new)
    }
}

impl fmt::Display for RateShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.whole)
    }
}

/// Reads `1/4`.
pub fn rate_share(text: &str) -> Result<RateShare, String> {
    text.split_once('/')
        .and_then(|(part, whole)| {
            let share = RateShare {
                part: part.trim().parse().ok()?,
                whole: whole.trim().parse().ok()?,
            };
            (share.part > 0 && share.part <= share.whole.get()).then_some(share)
        })
        .ok_or_else(|| "write a share as 1/4, at most 1/1".to_owned())
}

/// `--max-in-flight`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// Grows as far as it helps.
    Auto,
    /// At most so many.
    AtMost(usize),
}

/// Most requests at one time that can be asked for.
const MAX_IN_FLIGHT: usize = 1000;

/// Reads `auto` or a number.
pub fn in_flight(text: &str) -> Result<InFlight, String> {
    if text == "auto" {
        return Ok(InFlight::Auto);
    }
    text.parse()
        .ok()
        .filter(|number| (1..=MAX_IN_FLIGHT).contains(number))
        .map(InFlight::AtMost)
        .ok_or_else(|| format!("write auto, or a number from 1 to {MAX_IN_FLIGHT}"))
}

/// Reads `30%`, from 0 to 100.
pub fn percent(text: &str) -> Result<f64, String> {
    text.strip_suffix('%')
        .and_then(|number| number.trim().parse::<f64>().ok())
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| "write a percentage as 30%, from 0% to 100%".to_owned())
}

/// Reads what separates CSV cells.
pub fn delimiter(text: &str) -> Result<String, String> {
    let characters = match text {
        "\\t" => "\t".to_owned(),
        _ => match text
            .strip_prefix("\\x")
            .map(|code| u8::from_str_radix(code, 16))
        {
            Some(Ok(code)) if code.is_ascii() => char::from(code).to_string(),
            Some(_) => return Err("write a control character as \\x01".to_owned()),
            None if text.len() > 1 && text.starts_with('\\') => {
                return Err(
                    "of escapes there are \\t and, for a control character, \\x01; a line end divides nothing"
                        .to_owned(),
                );
            }
            None => text.to_owned(),
        },
    };
    let divides = (1..=16).contains(&characters.len()) && !characters.contains(['\r', '\n']);
    divides.then_some(characters).ok_or_else(|| {
        "write one character or a few (up to 16 bytes), \\t or \\x01; not a line end".to_owned()
    })
}

/// One ASCII character, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CharOrNone(pub Option<u8>);

/// Reads a quote or an escape of CSV.
pub fn quote(text: &str) -> Result<CharOrNone, String> {
    match text.as_bytes() {
        b"none" => Ok(CharOrNone(None)),
        [byte] if byte.is_ascii() && !b"\r\n".contains(byte) => Ok(CharOrNone(Some(*byte))),
        _ => Err("write one ASCII character that ends no line, or none".to_owned()),
    }
}

/// Reads what names on a path say a day.
pub fn day_pattern(text: &str) -> Result<DayPattern, String> {
    DayPattern::parse(text).map_err(|error| error.to_string())
}

/// Reads how a field writes a day or an instant.
pub fn date_format(text: &str) -> Result<String, String> {
    if DateField::is_format(text) {
        return Ok(text.to_owned());
    }
    Err("write how the field says a day, such as %Y%m%d, %Y-%m-%d %H:%M:%S, or %s for seconds since 1970".to_owned())
}

/// An encoding of text, or `None` for auto.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncodingName(pub Option<TextEncoding>);

/// Reads the label of an encoding, or auto.
pub fn text_encoding(text: &str) -> Result<EncodingName, String> {
    if text == "auto" {
        return Ok(EncodingName(None));
    }
    let found = TextEncoding::for_label(text).map(|encoding| EncodingName(Some(encoding)));
    found.ok_or_else(|| {
        "no such encoding; write auto, utf-8, gbk, gb18030, utf-16le, big5 or another label of the \
         WHATWG Encoding Standard"
            .to_owned()
    })
}

/// Names that the sister product uses for the first two stages; taking them silently would upload
/// test data as history or the other way round (byteair-api.md section 2).
const FOREIGN_STAGES: [(&str, &str); 2] = [
    ("trial", "pre_sync"),
    ("production", "history_sync or incremental_sync_daily"),
];

/// The names of the stages.
const STAGES: [&str; StageKind::ALL.len()] = [
    StageKind::ALL[0].as_str(),
    StageKind::ALL[1].as_str(),
    StageKind::ALL[2].as_str(),
    StageKind::ALL[3].as_str(),
];

/// Reads a stage, of which there are few.
pub const fn stages() -> Closed<StageKind> {
    Closed {
        read: stage_kind,
        words: &STAGES,
    }
}

/// Reads a stage, and names the nearest one when there is no such stage.
pub fn stage_kind(text: &str) -> Result<StageKind, String> {
    text.parse().map_err(|error| {
        let foreign = FOREIGN_STAGES.iter().find(|(name, _)| *name == text);
        let near = nearest(text, StageKind::ALL.iter().map(|kind| kind.as_str()));
        match (foreign, near) {
            (Some((_, ours)), _) => {
                format!("{error} ('{text}' belongs to BytePlus; here it is {ours})")
            }
            (None, Some(near)) => format!("{error}; did you mean {near}?"),
            (None, None) => format!("{error}"),
        }
    })
}

/// How alike two words must be (Jaro-Winkler) to suggest one for the other.
const ALIKE: f64 = 0.8;

/// The word that somebody may have meant; `None` when nothing is near or the word itself is there.
pub fn nearest<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words
        .into_iter()
        .map(|word| (strsim::jaro_winkler(text, word), word))
        .filter(|(likeness, word)| {
            // Jaro-Winkler is too strict with words of three or four letters.
            let one_slip = strsim::osa_distance(text, word) == 1;
            *word != text && (*likeness >= ALIKE || one_slip)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

/// The leading digits, and what follows them.
fn split_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests;
