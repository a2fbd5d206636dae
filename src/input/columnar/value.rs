//! Single values as JSON, exactly or not at all.
//!
//! What has no form in JSON is written as it is, so that a person sees it in the rejected row, and
//! named as the fault of the row.

use super::cursor::{Value, damaged};
use super::decimal::{push_decimal, push_small_decimal};
use super::time::{Instant, push_day, push_time};
use crate::input::settings::Timestamps;
use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::Type;
use std::io::Write;
use std::ops::Range;

const MILLIS: i64 = 1_000;
const MICROS: i64 = 1_000_000;
const NANOS: i64 = 1_000_000_000;

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scalar {
    /// As the physical type says.
    Plain,
    Unsigned,
    Half,
    Date,
    /// With so many units a second.
    Time(i64),
    Timestamp {
        per_second: i64,
        zoned: bool,
        as_: Timestamps,
    },
    Decimal {
        scale: usize,
    },
    Uuid,
    /// Of a field that is dropped, and not to be had in JSON.
    Unseen,
}

/// Why a value has no form in JSON.
pub(super) type Problem = &'static str;

const OUTSIDE: Problem = "a date outside the years 0 to 9999";

/// The options ask for instants, and the column does not have them.
pub(super) const NO_ZONE: Problem = "has timestamps without a time zone, so which instants they are is unknown; leave --timestamps \
     at text, or export them with a zone (Spark: \
     spark.sql.parquet.outputTimestampType=TIMESTAMP_MICROS)";

/// What the values of a primitive type are; an error goes on behind the name of the column.
pub(super) fn scalar(leaf: &Type, as_: Timestamps) -> std::result::Result<Scalar, Problem> {
    let physical = leaf.get_physical_type();
    let info = leaf.get_basic_info();
    let timestamp = |per_second, zoned: bool| {
        if !zoned && as_ != Timestamps::Text {
            return Err(NO_ZONE);
        }
        Ok(Scalar::Timestamp {
            per_second,
            zoned,
            as_,
        })
    };
    let per_second = |unit: &TimeUnit| match unit {
        TimeUnit::MILLIS => MILLIS,
        TimeUnit::MICROS => MICROS,
        TimeUnit::NANOS => NANOS,
    };
    if let Some(logical) = info.logical_type_ref() {
        return match logical {
            LogicalType::Decimal(decimal) => decimal_of(decimal.scale),
            LogicalType::Date => Ok(Scalar::Date),
            LogicalType::Time(time) => Ok(Scalar::Time(per_second(&time.unit))),
            LogicalType::Timestamp(it) => timestamp(per_second(&it.unit), it.is_adjusted_to_u_t_c),
            LogicalType::Integer(it) if !it.is_signed => Ok(Scalar::Unsigned),
            LogicalType::Uuid => Ok(Scalar::Uuid),
            LogicalType::Float16 => Ok(Scalar::Half),
            LogicalType::String
            | LogicalType::Enum
            | LogicalType::Json
            | LogicalType::Bson
            | LogicalType::Integer(_)
            | LogicalType::Unknown => Ok(Scalar::Plain),
            _ => Err("has a type that JSON does not have; leave it out of the export"),
        };
    }
    match info.converted_type() {
        ConvertedType::DECIMAL => decimal_of(leaf.get_scale()),
        ConvertedType::DATE => Ok(Scalar::Date),
        ConvertedType::TIME_MILLIS => Ok(Scalar::Time(MILLIS)),
        ConvertedType::TIME_MICROS => Ok(Scalar::Time(MICROS)),
        ConvertedType::TIMESTAMP_MILLIS => timestamp(MILLIS, true),
        ConvertedType::TIMESTAMP_MICROS => timestamp(MICROS, true),
        ConvertedType::UINT_8
        | ConvertedType::UINT_16
        | ConvertedType::UINT_32
        | ConvertedType::UINT_64 => Ok(Scalar::Unsigned),
        ConvertedType::INTERVAL => {
            Err("is an interval, which JSON does not have; leave it out of the export")
        }
        _ if physical == Physical::INT96 => timestamp(NANOS, false),
        _ => Ok(Scalar::Plain),
    }
}

fn decimal_of(scale: i32) -> std::result::Result<Scalar, Problem> {
    match usize::try_from(scale) {
        Ok(scale) if scale <= 400 => Ok(Scalar::Decimal { scale }),
        _ => Err("is a decimal with an impossible scale"),
    }
}

/// Appends a value; a problem makes its row a reject.
pub(super) fn push_value(
    out: &mut Vec<u8>,
    scalar: Scalar,
    value: &Value<'_>,
) -> Result<Option<Problem>> {
    Ok(match (scalar, value) {
        (Scalar::Unseen, _) => shown(out, &"null"),
        (Scalar::Plain, Value::Bool(it)) => shown(out, it),
        (Scalar::Plain, Value::Int32(it)) => shown(out, it),
        (Scalar::Plain, Value::Int64(it)) => shown(out, it),
        // The number that the file has: the shortest text of a float is often another double.
        (Scalar::Plain, Value::Float(it)) => float(out, f64::from(*it)),
        (Scalar::Plain, Value::Double(it)) => float(out, *it),
        (Scalar::Plain, Value::Bytes(it)) => text(out, it),
        (Scalar::Unsigned, Value::Int32(it)) => shown(out, &it.cast_unsigned()),
        (Scalar::Unsigned, Value::Int64(it)) => shown(out, &it.cast_unsigned()),
        (Scalar::Half, Value::Bytes([low, high])) => {
            float(out, half_to_double(u16::from_le_bytes([*low, *high])))
        }
        (Scalar::Decimal { scale }, Value::Int32(it)) => {
            push_small_decimal(out, i64::from(*it), scale);
            None
        }
        (Scalar::Decimal { scale }, Value::Int64(it)) => {
            push_small_decimal(out, *it, scale);
            None
        }
        (Scalar::Decimal { scale }, Value::Bytes(it)) => {
            let fits = push_decimal(out, it, scale);
            (!fits).then_some("a decimal of more than 128 bytes")
        }
        (Scalar::Date, Value::Int32(it)) => quoted(out, it, OUTSIDE, |out| push_day(out, *it)),
        (Scalar::Time(per_second), Value::Int32(it)) => {
            let number = i64::from(*it);
            quoted(out, it, NO_TIME, |out| push_time(out, number, per_second))
        }
        (Scalar::Time(per_second), Value::Int64(it)) => {
            quoted(out, it, NO_TIME, |out| push_time(out, *it, per_second))
        }
        (
            Scalar::Timestamp {
                per_second,
                zoned,
                as_,
            },
            Value::Int64(it),
        ) => timestamp(out, Instant::of_units(*it, per_second), zoned, as_),
        (Scalar::Timestamp { zoned, as_, .. }, Value::Int96(it)) => {
            match Instant::of_int96(it.data()) {
                Some(instant) => timestamp(out, instant, zoned, as_),
                None => quoted(out, &"", OUTSIDE, |_| false),
            }
        }
        (Scalar::Uuid, Value::Bytes(it)) => {
            let uuid =
                uuid::Uuid::from_slice(it).map_err(|_| damaged("a UUID has not 16 bytes"))?;
            shown_in_quotes(out, &uuid.hyphenated())
        }
        _ => {
            return Err(damaged(
                "the logical type of a column does not fit its physical type",
            ));
        }
    })
}

const NO_TIME: Problem = "no time of a day";

fn shown(out: &mut Vec<u8>, value: &impl std::fmt::Display) -> Option<Problem> {
    // Writing to memory does not fail.
    let _ = write!(out, "{value}");
    None
}

fn shown_in_quotes(out: &mut Vec<u8>, value: &impl std::fmt::Display) -> Option<Problem> {
    let _ = write!(out, "\"{value}\"");
    None
}

/// Whole numbers of which the shortest text has other digits than the number, as far as an integer can
/// hold them: somebody who wants an integer would get those.
const EXACT_DOUBLES: Range<f64> = 9_007_199_254_740_992.0..9_223_372_036_854_775_808.0;

/// The shortest text that gives the double, but with all digits where an integer may be wanted.
fn float(out: &mut Vec<u8>, number: f64) -> Option<Problem> {
    if !number.is_finite() {
        let _ = write!(out, "{number:?}");
        return Some("NaN or an infinity, which JSON does not have");
    }
    if EXACT_DOUBLES.contains(&number.abs()) {
        let _ = write!(out, "{number:.1}");
    } else {
        let _ = serde_json::to_writer(out, &number);
    }
    None
}

/// Appends a text of the bytes; those of broken UTF-8 stay as they are.
fn text(out: &mut Vec<u8>, bytes: &[u8]) -> Option<Problem> {
    if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
        let _ = serde_json::to_writer(out, text);
        return None;
    }
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            0..0x20 => {
                let _ = write!(out, "\\u{byte:04x}");
            }
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
    Some("bytes that are no UTF-8 text")
}

/// Appends a text in quotes, or the number instead of what cannot be written.
fn quoted(
    out: &mut Vec<u8>,
    number: &impl std::fmt::Display,
    problem: Problem,
    push: impl FnOnce(&mut Vec<u8>) -> bool,
) -> Option<Problem> {
    let before = out.len();
    out.push(b'"');
    if push(out) {
        out.push(b'"');
        return None;
    }
    out.truncate(before);
    let _ = write!(out, "\"{number}\"");
    Some(problem)
}

fn timestamp(out: &mut Vec<u8>, at: Instant, zoned: bool, as_: Timestamps) -> Option<Problem> {
    let suffix = if zoned { "Z" } else { "" };
    match as_ {
        Timestamps::Text => quoted(out, &at.seconds, OUTSIDE, |out| at.push(out, suffix)),
        Timestamps::Seconds if at.nanos == 0 => shown(out, &at.seconds),
        Timestamps::Milliseconds if at.nanos.is_multiple_of(1_000_000) => {
            let millis = i64::from(at.nanos / 1_000_000);
            match at
                .seconds
                .checked_mul(MILLIS)
                .and_then(|it| it.checked_add(millis))
            {
                Some(number) => shown(out, &number),
                None => quoted(out, &at.seconds, OUTSIDE, |_| false),
            }
        }
        _ => {
            let _ = quoted(out, &at.seconds, OUTSIDE, |out| at.push(out, suffix));
            Some("an instant with more digits than --timestamps keeps")
        }
    }
}

/// An IEEE 754 half as a double, which holds every half exactly.
fn half_to_double(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits >> 10) & 0x1f);
    let fraction = f64::from(bits & 0x3ff);
    sign * match exponent {
        0 => fraction * 2.0_f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2.0_f64.powi(exponent - 25),
    }
}
