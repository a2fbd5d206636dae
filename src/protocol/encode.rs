//! Bodies of requests: the date of a done in both of its forms, and gzip around every body.
//!
//! The body of a write is the JSON array that the batcher built from the rows' own bytes; nothing
//! here looks into it or writes it again.

use super::messages::{Date, DoneRequest, ListOperationsRequest};
use crate::domain::DataDate;
use libdeflater::{CompressionLvl, Compressor};
use prost::Message;
use std::fmt;
use std::str::FromStr;

/// Content type of JSON bodies and replies (D108561).
pub const CONTENT_TYPE_JSON: &str = "application/json";
/// Content type of protobuf bodies and replies (D108561).
pub const CONTENT_TYPE_PROTOBUF: &str = "application/x-protobuf";

/// How the date of a done is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DoneFormat {
    /// `DoneRequest`, what every official SDK sends.
    #[default]
    Protobuf,
    /// `[{"partition_date":"20220101"}]` (D108602).
    Json,
}

/// Why a text is not a form of done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a form of done; use protobuf or json")]
pub struct InvalidDoneFormat(String);

impl DoneFormat {
    /// The `Content-Type` that goes with the form.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => CONTENT_TYPE_PROTOBUF,
            Self::Json => CONTENT_TYPE_JSON,
        }
    }
}

impl fmt::Display for DoneFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Protobuf => "protobuf",
            Self::Json => "json",
        })
    }
}

impl FromStr for DoneFormat {
    type Err = InvalidDoneFormat;

    fn from_str(text: &str) -> Result<Self, InvalidDoneFormat> {
        match text {
            "protobuf" => Ok(Self::Protobuf),
            "json" => Ok(Self::Json),
            _ => Err(InvalidDoneFormat(text.to_owned())),
        }
    }
}

/// The body of a done for exactly one day, before gzip.
pub fn done_body(date: DataDate, format: DoneFormat) -> Vec<u8> {
    match format {
        DoneFormat::Protobuf => {
            let (year, month, day) = date.year_month_day();
            DoneRequest {
                data_dates: vec![Date {
                    year,
                    month: i32::try_from(month).unwrap_or_default(),
                    day: i32::try_from(day).unwrap_or_default(),
                }],
            }
            .encode_to_vec()
        }
        DoneFormat::Json => format!(r#"[{{"partition_date":"{}"}}]"#, date.compact()).into_bytes(),
    }
}

/// The body of a request for the first `page_size` operations, before gzip. It changes nothing on
/// the platform, which makes it a way to try credentials (Go SDK `common_client.go`).
pub fn list_operations_body(page_size: i32) -> Vec<u8> {
    ListOperationsRequest {
        filter: String::new(),
        page_size,
        page_token: String::new(),
    }
    .encode_to_vec()
}

/// Level that costs least time; rows of JSON shrink well at any.
pub const DEFAULT_GZIP_LEVEL: i32 = 1;

/// A compressor for whole bodies, reused so that its tables and buffer are allocated once.
pub struct Gzip {
    compressor: Compressor,
    buffer: Vec<u8>,
}

impl Gzip {
    /// A compressor of a level from 1 (fastest) to 12 (smallest); others are moved into the range.
    pub fn new(level: i32) -> Self {
        let level = CompressionLvl::new(level.clamp(1, 12)).unwrap_or_default();
        Self {
            compressor: Compressor::new(level),
            buffer: Vec::new(),
        }
    }

    /// One gzip member that holds `body`, in a vector of exactly its size. The same body and level
    /// always give the same bytes: the header carries no time.
    pub fn compress(&mut self, body: &[u8]) -> Vec<u8> {
        let mut room = self.most_bytes(body.len());
        loop {
            if self.buffer.len() < room {
                self.buffer.resize(room, 0);
            }
            match self.compressor.gzip_compress(body, &mut self.buffer) {
                Ok(written) => return self.buffer.get(..written).unwrap_or_default().to_vec(),
                // The bound makes this impossible; more room is the only cure there is.
                Err(_) => room = room.saturating_mul(2).max(64),
            }
        }
    }

    /// The same into memory of the caller's; how many bytes it took, `None` when there is too little.
    pub fn compress_into(&mut self, body: &[u8], room: &mut [u8]) -> Option<usize> {
        self.compressor.gzip_compress(body, room).ok()
    }

    /// Most bytes that so many bytes can take when compressed.
    pub fn most_bytes(&mut self, bytes: usize) -> usize {
        self.compressor.gzip_compress_bound(bytes)
    }
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gzip").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::inflate;

    #[test]
    fn a_done_names_its_day_in_both_documented_forms() {
        let date = "2022-01-01".parse().unwrap();
        assert_eq!(
            hex::encode(done_body(date, DoneFormat::Protobuf)),
            "0a0708e60f10011801"
        );
        assert_eq!(
            done_body(date, DoneFormat::Json),
            br#"[{"partition_date":"20220101"}]"#
        );
    }

    #[test]
    fn gzip_gives_back_what_went_in_and_keeps_no_spare_room() {
        let mut gzip = Gzip::new(DEFAULT_GZIP_LEVEL);
        let large: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
        for body in [&b""[..], b"[]", &large, b"after a large one"] {
            let packed = gzip.compress(body);
            assert_eq!(packed.capacity(), packed.len());
            assert_eq!(inflate(Some("gzip"), &packed, 1 << 20).unwrap(), body);
            assert_eq!(gzip.compress(body), packed, "same bytes again");
        }
    }

    #[test]
    fn forms_survive_a_round_trip_and_others_are_refused() {
        for format in [DoneFormat::Protobuf, DoneFormat::Json] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xml".parse::<DoneFormat>().is_err());
    }
}
