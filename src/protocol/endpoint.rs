//! Paths and queries of the calls, written by the client and read by the sandbox.
//!
//! Hosts and schemes are not known here. The SDKs append query values without encoding them; this
//! program encodes, which is the same for every value that the documentation allows.

use super::DoneFormat;
use super::sign::percent_encode;
use crate::domain::{Stage, Topic};
use percent_encoding::percent_decode_str;

/// What is asked of the platform. The method is always POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Store rows (D108601).
    Write {
        /// Which table.
        topic: Topic,
        /// Stage, with the day that the rows belong to unless it streams.
        stage: Stage,
    },
    /// Say that a day is complete (D108602).
    Done {
        /// Which table.
        topic: Topic,
        /// Stage and day.
        stage: Stage,
        /// How the body is written.
        format: DoneFormat,
    },
    /// List operations: harmless, and signed like the others (Go SDK `common_url.go`).
    ListOperations,
}

impl Call {
    /// The path, percent-encoded.
    pub fn path(&self, application: &str) -> String {
        let last = match self {
            Self::Write { topic, .. } => topic.as_str(),
            Self::Done { .. } => "done",
            Self::ListOperations => "operation",
        };
        format!(
            "/data/api/{}/{}",
            percent_encode(application),
            percent_encode(last)
        )
    }

    /// The query, percent-encoded, without the question mark.
    pub fn query(&self) -> String {
        match self {
            Self::Write { stage, .. } => format!("method=write&stage={}", stage.kind()),
            Self::Done { topic, stage, .. } => format!(
                "topic={}&stage={}",
                percent_encode(topic.as_str()),
                stage.kind()
            ),
            Self::ListOperations => "method=list".to_owned(),
        }
    }
}

/// A call as a server reads it: names are not checked yet, because the platform answers a wrong
/// one with a message of its own (D73620).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedCall {
    /// Application id of the path.
    pub application: String,
    /// What is asked.
    pub method: ReceivedMethod,
}

/// What a received call asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceivedMethod {
    /// Store rows.
    Write {
        /// Last segment of the path.
        topic: String,
        /// Query value, empty when absent.
        stage: String,
    },
    /// A day is complete.
    Done {
        /// Query value, empty when absent.
        topic: String,
        /// Query value, empty when absent.
        stage: String,
    },
    /// List operations.
    ListOperations,
    /// One operation.
    GetOperation,
}

impl ReceivedCall {
    /// Reads path and query of a request; `None` when no call of the data API looks like that.
    pub fn parse(path_and_query: &str) -> Option<Self> {
        let (path, query) = path_and_query
            .split_once('?')
            .unwrap_or((path_and_query, ""));
        let mut segments = path.strip_prefix("/data/api/")?.split('/');
        let (application, last) = (segments.next()?, segments.next()?);
        if application.is_empty() || last.is_empty() || segments.next().is_some() {
            return None;
        }
        let value = |name: &str| query_value(query, name);
        let method = match (last, value("method").as_str()) {
            ("done", _) => ReceivedMethod::Done {
                topic: value("topic"),
                stage: value("stage"),
            },
            ("operation", "list") => ReceivedMethod::ListOperations,
            ("operation", "get") => ReceivedMethod::GetOperation,
            ("operation", _) => return None,
            (topic, "write") => ReceivedMethod::Write {
                topic: decode(topic),
                stage: value("stage"),
            },
            _ => return None,
        };
        Some(Self {
            application: decode(application),
            method,
        })
    }
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The first value of a name, decoded; empty when absent.
fn query_value(query: &str, name: &str) -> String {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(key, _)| decode(key) == name)
        .map(|(_, value)| decode(&value.replace('+', " ")))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage() -> Stage {
        Stage::PreSync("2022-01-01".parse().unwrap())
    }

    #[test]
    fn calls_have_the_documented_paths_and_queries() {
        let topic: Topic = "item".parse().unwrap();
        let write = Call::Write {
            topic: topic.clone(),
            stage: stage(),
        };
        assert_eq!(write.path("20013144"), "/data/api/20013144/item");
        assert_eq!(write.query(), "method=write&stage=pre_sync");
        let done = Call::Done {
            topic,
            stage: stage(),
            format: DoneFormat::Json,
        };
        assert_eq!(done.path("a:b"), "/data/api/a%3Ab/done");
        assert_eq!(done.query(), "topic=item&stage=pre_sync");
    }

    #[test]
    fn what_the_client_writes_the_server_reads() {
        let call = Call::Write {
            topic: "item".parse().unwrap(),
            stage: stage(),
        };
        let read = ReceivedCall::parse(&format!("{}?{}", call.path("a:b"), call.query())).unwrap();
        assert_eq!(read.application, "a:b");
        assert_eq!(
            read.method,
            ReceivedMethod::Write {
                topic: "item".to_owned(),
                stage: "pre_sync".to_owned()
            }
        );
        let list = format!(
            "{}?{}",
            Call::ListOperations.path("1"),
            Call::ListOperations.query()
        );
        assert_eq!(
            ReceivedCall::parse(&list).unwrap().method,
            ReceivedMethod::ListOperations
        );
    }

    #[test]
    fn queries_may_come_in_any_order_and_with_extras() {
        let read = ReceivedCall::parse("/data/api/1/done?x=1&stage=pre_sync&topic=a%20b").unwrap();
        assert_eq!(
            read.method,
            ReceivedMethod::Done {
                topic: "a b".to_owned(),
                stage: "pre_sync".to_owned()
            }
        );
    }

    #[test]
    fn other_paths_are_no_calls() {
        for other in [
            "/",
            "/data/api/",
            "/data/api/1",
            "/data/api//item?method=write",
            "/data/api/1/item",
            "/data/api/1/item?method=import",
            "/data/api/1/operation",
            "/data/api/1/item/x?method=write",
            "",
        ] {
            assert_eq!(ReceivedCall::parse(other), None, "{other}");
        }
    }
}
