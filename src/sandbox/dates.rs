//! Dates as the platform reads them: the header `Content-Date` and the list of a `done`.
//!
//! Both refuse with the platform's documented texts. Pure; "the previous day" takes the instant.

use super::answer::Answer;
use crate::domain::{DataDate, Zone};
use crate::protocol::messages::DoneRequest;
use chrono::{DateTime, Utc};
use prost::Message;
use serde_json::Value;
use std::fmt::Write;

/// Longest part of a header or body that a message repeats, in characters.
const MAX_SHOWN_CHARS: usize = 200;

/// The day named by `Content-Date` in one of its three formats (D73620).
pub(super) fn content_date(header: Option<&str>) -> Result<DataDate, Answer> {
    let text = header.unwrap_or_default().trim();
    let rfc3339 = || {
        let instant = DateTime::parse_from_rfc3339(text).ok()?;
        Some(DataDate::from_naive(instant.date_naive()))
    };
    text.parse().ok().or_else(rfc3339).ok_or_else(|| {
        Answer::refused(
            400,
            format!(
                "The value({}) of 'Content-Date' header is invalid, please format it like this: '20060102' or '2006-01-02' or RFC3339",
                shown(text)
            ),
        )
    })
}

/// The dates of a JSON `done` (D108602). An element without `partition_date` is silently dropped,
/// as the platform does.
pub(super) fn json_done_dates(body: &[u8]) -> Result<Vec<DataDate>, Answer> {
    if body.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let Ok(Value::Array(list)) = serde_json::from_slice(body) else {
        return Err(Answer::refused(
            400,
            "the done request is not a JSON array of objects",
        ));
    };
    let named: Vec<String> = list
        .iter()
        .filter_map(|element| element.get("partition_date"))
        .map(|date| {
            date.as_str()
                .map_or_else(|| date.to_string(), str::to_owned)
        })
        .collect();
    named
        .iter()
        .map(|text| compact_date(text, &named))
        .collect()
}

/// The dates of a protobuf `done` (`DoneRequest`, SDK proto).
pub(super) fn protobuf_done_dates(body: &[u8]) -> Result<Vec<DataDate>, Answer> {
    let Ok(request) = DoneRequest::decode(body) else {
        return Err(Answer::refused(
            400,
            "the done request is not a DoneRequest message",
        ));
    };
    let named: Vec<String> = request
        .data_dates
        .iter()
        .map(|date| format!("{:04}{:02}{:02}", date.year, date.month, date.day))
        .collect();
    named
        .iter()
        .map(|text| compact_date(text, &named))
        .collect()
}

/// The day that an empty list stands for ("previous day", D108531). The platform does not say in
/// which zone; the sandbox takes that of the China region.
pub(super) fn previous_day(now: DateTime<Utc>) -> Option<DataDate> {
    Zone::SHANGHAI.day_of(now).previous()
}

/// Only `YYYYMMDD` (D108602).
fn compact_date(text: &str, named: &[String]) -> Result<DataDate, Answer> {
    let date = (text.len() == 8).then(|| text.parse().ok()).flatten();
    date.ok_or_else(|| {
        let mut echoed = String::new();
        for (index, name) in named.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            // Writing to a String cannot fail.
            let _ = write!(echoed, "{gap}map[partition_date:{name}]");
        }
        Answer::refused(
            400,
            format!(
                "parse partition_date({}) error, format should be YYYYMMDD, reqBody:[{}]",
                shown(text),
                shown(&echoed)
            ),
        )
    })
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    #[test]
    fn three_formats_of_content_date_name_the_same_day() {
        for good in ["20220101", "2022-01-01", "2022-01-01T23:59:00+08:00"] {
            assert_eq!(content_date(Some(good)).unwrap().to_string(), "2022-01-01");
        }
        for bad in [None, Some(""), Some("2022/01/01"), Some("2022-02-30")] {
            assert!(
                content_date(bad)
                    .unwrap_err()
                    .message()
                    .contains("'Content-Date' header is invalid")
            );
        }
    }

    #[test]
    fn a_bad_done_date_gets_the_documented_text() {
        let refused = json_done_dates(br#"[{"partition_date":"2006010"}]"#).unwrap_err();
        assert_eq!(
            refused.message(),
            "parse partition_date(2006010) error, format should be YYYYMMDD, reqBody:[map[partition_date:2006010]]"
        );
        assert!(json_done_dates(br#"[{"partition_date":"2022-01-01"}]"#).is_err());
        assert!(
            json_done_dates(br#"[{"partition_date":20220101},{"date":"x"}]"#)
                .unwrap()
                .len()
                == 1
        );
    }

    #[test]
    fn a_protobuf_done_names_its_days() {
        let body = hex::decode("0a0708e60f10011801").unwrap();
        let dates = protobuf_done_dates(&body).unwrap();
        assert_eq!(dates, ["2022-01-01".parse().unwrap()]);
        let thirteenth_month = hex::decode("0a0708e60f100d1801").unwrap();
        assert!(
            protobuf_done_dates(&thirteenth_month)
                .unwrap_err()
                .message()
                .contains("20221301")
        );
        assert!(protobuf_done_dates(b"").unwrap().is_empty());
    }

    #[test]
    fn the_previous_day_is_that_of_the_china_region() {
        let evening = Utc.with_ymd_and_hms(2022, 1, 1, 16, 0, 0).unwrap();
        assert_eq!(previous_day(evening).unwrap().to_string(), "2022-01-01");
    }
}
