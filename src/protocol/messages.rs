//! The platform's protobuf messages (proto3, packages `bytedance.volcengine.common` and
//! `…byteair`), written by hand so that no protoc is needed to build.
//!
//! Field numbers come from `volcengine_common.proto` and `volcengine_byteair.proto` of the Go and
//! Python SDKs. Only the messages of write, done and the list of operations are here; the retired
//! import API is not.

/// Outcome of a request. Defaults are absent on the wire: an empty status is code 0.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Status {
    /// 0 or absent means accepted.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// The platform's words.
    #[prost(string, tag = "2")]
    pub message: String,
    /// Added later than `code`; for display only.
    #[prost(bool, tag = "3")]
    pub success: bool,
}

/// A refused row.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DataError {
    /// The platform's reason.
    #[prost(string, tag = "1")]
    pub message: String,
    /// The row as JSON text.
    #[prost(string, tag = "2")]
    pub data: String,
}

/// Reply to write.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct WriteResponse {
    /// Outcome; a reply without it is no answer.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    /// Refused rows, perhaps only a sample (D71887).
    #[prost(message, repeated, tag = "2")]
    pub errors: Vec<DataError>,
}

/// A day.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Date {
    /// Year, such as 2022.
    #[prost(int32, tag = "1")]
    pub year: i32,
    /// Month, 1 to 12.
    #[prost(int32, tag = "2")]
    pub month: i32,
    /// Day of the month, 1 to 31.
    #[prost(int32, tag = "3")]
    pub day: i32,
}

/// Body of done. An empty list means the previous day, so this program never sends one.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DoneRequest {
    /// The days that are complete.
    #[prost(message, repeated, tag = "1")]
    pub data_dates: Vec<Date>,
}

/// Reply to done: the request was taken; it says nothing about the archiving that follows.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct DoneResponse {
    /// Outcome; a reply without it is no answer.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
}

/// Body of a list of operations.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ListOperationsRequest {
    /// Such as `date>=2021-05-02 and done=true`.
    #[prost(string, tag = "1")]
    pub filter: String,
    /// Entries on a page; 0 is the platform's default of 20.
    #[prost(int32, tag = "2")]
    pub page_size: i32,
    /// Token of the page, empty for the first.
    #[prost(string, tag = "3")]
    pub page_token: String,
}

/// An operation, of which only the name and whether it ended are read.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Operation {
    /// Name that the platform gave it.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Whether it ended.
    #[prost(bool, tag = "3")]
    pub done: bool,
}

/// Reply to a list of operations.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ListOperationsResponse {
    /// Outcome; a reply without it is no answer.
    #[prost(message, optional, tag = "1")]
    pub status: Option<Status>,
    /// One page.
    #[prost(message, repeated, tag = "2")]
    pub operations: Vec<Operation>,
    /// Token of the next page, empty at the end.
    #[prost(string, tag = "3")]
    pub next_page_token: String,
}

/// Body of a report of the SDKs' own metrics (metrics constants of the Go, Python and Java SDKs).
#[derive(Clone, PartialEq, prost::Message)]
pub struct MetricMessage {
    /// The figures.
    #[prost(message, repeated, tag = "1")]
    pub metrics: Vec<Metric>,
}

/// One figure of such a report.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Metric {
    /// Its name, with dots.
    #[prost(string, tag = "1")]
    pub metric: String,
    /// Seconds since 1970.
    #[prost(uint64, tag = "2")]
    pub timestamp: u64,
    /// Its value.
    #[prost(double, tag = "3")]
    pub value: f64,
    /// What it is about.
    #[prost(btree_map = "string, string", tag = "4")]
    pub tags: std::collections::BTreeMap<String, String>,
}
