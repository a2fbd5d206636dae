//! What Huawei's services refuse, read from bodies of every known shape, and what a person can do.
//!
//! Codes are those of the DIS error page and of the gateway (`huawei.md` 2.4). Throttling arrives as
//! HTTP 400. A body that says nothing is judged by its HTTP status.

use crate::domain::Verdict;
use crate::protocol::{Mask, bound_message};
use serde_json::Value;

/// How deep error bodies nest what they say.
const MAX_DEPTH: usize = 4;

/// Keys of a code and of a text, each service's own.
const CODE_KEYS: [&str; 3] = ["error_code", "errorCode", "code"];
const TEXT_KEYS: [&str; 5] = [
    "error_msg",
    "errorMsg",
    "message",
    "error_message",
    "errorMessage",
];

/// What a refusal comes down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the advice of each says it")]
pub enum RefusalKind {
    Throttled,
    ServerError,
    /// A gateway speaks: whether the service has acted is unknown.
    Gateway,
    BlackListed,
    Unauthorized,
    Forbidden,
    Project,
    Stream,
    StreamStopped,
    Partition,
    PartitionExpired,
    OutOfRange,
    /// A cursor that is too old, or none of the service's.
    Cursor,
    /// The record at a cursor is not kept any more.
    RecordExpired,
    NoApp,
    AppExists,
    AppBusy,
    Quota,
    NoCheckpoint,
    NoSuchCall,
    TooLarge,
    Request,
    /// `DataArts` answers 200 and says that it did not succeed.
    Unsuccessful,
    Unexpected,
}

/// The table of codes.
const CODES: [(&str, RefusalKind); 32] = [
    ("DIS.4116", RefusalKind::Forbidden),
    ("DIS.4117", RefusalKind::Project),
    ("DIS.4200", RefusalKind::Request),
    ("DIS.4201", RefusalKind::Partition),
    ("DIS.4202", RefusalKind::Request),
    ("DIS.4205", RefusalKind::StreamStopped),
    ("DIS.4215", RefusalKind::Request),
    ("DIS.4216", RefusalKind::Request),
    ("DIS.4217", RefusalKind::Cursor),
    ("DIS.4224", RefusalKind::OutOfRange),
    ("DIS.4225", RefusalKind::Cursor),
    ("DIS.4226", RefusalKind::RecordExpired),
    ("DIS.4300", RefusalKind::Request),
    ("DIS.4301", RefusalKind::Stream),
    ("DIS.4302", RefusalKind::Partition),
    ("DIS.4303", RefusalKind::Throttled),
    ("DIS.4305", RefusalKind::Throttled),
    ("DIS.4309", RefusalKind::BlackListed),
    ("DIS.4319", RefusalKind::PartitionExpired),
    ("DIS.4329", RefusalKind::Quota),
    ("DIS.4330", RefusalKind::AppExists),
    ("DIS.4331", RefusalKind::AppBusy),
    ("DIS.4332", RefusalKind::NoApp),
    ("DIS.4339", RefusalKind::Quota),
    ("DIS.4375", RefusalKind::NoCheckpoint),
    ("DIS.5000", RefusalKind::ServerError),
    ("APIGW.0101", RefusalKind::NoSuchCall),
    ("APIGW.0301", RefusalKind::Unauthorized),
    ("APIGW.0302", RefusalKind::Forbidden),
    ("APIGW.0303", RefusalKind::Unauthorized),
    ("APIGW.0308", RefusalKind::Throttled),
    ("DIS.4310", RefusalKind::Quota),
];

/// A reply that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What it comes down to.
    pub kind: RefusalKind,
    /// The HTTP status.
    pub http_status: u16,
    /// The service's code, such as `DIS.4332`.
    pub code: Option<String>,
    /// The service's words; empty when it said nothing that could be read.
    pub message: String,
}

impl Refusal {
    /// Judges a response that is no success. What the `mask` hides is in no text.
    pub fn of(http_status: u16, body: &[u8], mask: &Mask) -> Self {
        let said: Option<Value> = serde_json::from_slice(body).ok();
        let found = said.as_ref().and_then(|value| said_in(value, MAX_DEPTH));
        let (code, message) = found.unwrap_or_default();
        let code = code.map(|code| bound_message(&mask.hide(&code)));
        Self {
            kind: kind(http_status, code.as_deref()),
            http_status,
            code: code.filter(|code| !code.is_empty()),
            message: bound_message(&mask.hide(&message)),
        }
    }

    /// What the service said, for a message: its code and words, or the HTTP status alone.
    pub fn words(&self) -> String {
        match (&self.code, self.message.as_str()) {
            (None, "") => format!("HTTP {}", self.http_status),
            (None, message) => format!("HTTP {}: {message}", self.http_status),
            (Some(code), "") => code.clone(),
            (Some(code), message) => format!("{code}: {message}"),
        }
    }
}

/// The innermost object with a code or a text that has both, or else the outermost with one.
fn said_in(value: &Value, depth: usize) -> Option<(Option<String>, String)> {
    let object = value.as_object()?;
    let text_of = |keys: &[&str]| {
        keys.iter().find_map(|key| match object.get(*key)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
    };
    let (code, message) = (text_of(&CODE_KEYS), text_of(&TEXT_KEYS));
    if code.is_some() && message.is_some() {
        return Some((code, message.unwrap_or_default()));
    }
    let nested = object
        .values()
        .filter(|_| depth > 1)
        .find_map(|inner| said_in(inner, depth - 1));
    nested.or_else(|| {
        (code.is_some() || message.is_some()).then(|| (code, message.unwrap_or_default()))
    })
}

fn kind(http_status: u16, code: Option<&str>) -> RefusalKind {
    let by_code = CODES.iter().find(|(known, _)| Some(*known) == code);
    if let Some((_, kind)) = by_code {
        return *kind;
    }
    // The older direct interface answers 441 to what is wrong with a signature.
    let signature =
        code.is_some_and(|code| code.starts_with("DIS.410") || code.starts_with("DIS.411"));
    match http_status {
        _ if signature => RefusalKind::Unauthorized,
        401 | 441 => RefusalKind::Unauthorized,
        403 => RefusalKind::Forbidden,
        404 => RefusalKind::NoSuchCall,
        413 => RefusalKind::TooLarge,
        429 => RefusalKind::Throttled,
        408 | 494 | 502..=504 => RefusalKind::Gateway,
        500..=599 if code.is_some() => RefusalKind::ServerError,
        500..=599 => RefusalKind::Gateway,
        400 => RefusalKind::Request,
        _ => RefusalKind::Unexpected,
    }
}

impl RefusalKind {
    /// What it means for another attempt.
    pub const fn verdict(self) -> Verdict {
        match self {
            Self::Throttled => Verdict::Throttled,
            Self::ServerError => Verdict::ServerError,
            Self::Gateway => Verdict::Unknown,
            Self::Unauthorized | Self::Forbidden => Verdict::Unauthorized,
            Self::TooLarge => Verdict::TooLarge,
            _ => Verdict::Unexpected,
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Throttled => "too many requests; run the same command again later",
            Self::ServerError | Self::Gateway => {
                "the service has a problem of its own; run the same command again later"
            }
            Self::BlackListed => {
                "this machine's address is locked out after too many failed requests; find out which \
                 program sent them, and try again an hour later"
            }
            Self::Unauthorized => {
                "check the access key, its secret, the token's age and this machine's clock"
            }
            Self::Forbidden => {
                "the user lacks a right for this project, or the account is in arrears; see IAM in the console"
            }
            Self::Project => "check --project-id: it is listed in the console under My Credentials",
            Self::Stream => {
                "check --stream, and that the region and project are those of the stream"
            }
            Self::StreamStopped => "the stream is not running; see its state in the DIS console",
            Self::Partition => "check --partition: the DIS console lists the stream's partitions",
            Self::PartitionExpired => {
                "the partition is gone since the stream was made smaller; nothing is left to read in it"
            }
            Self::OutOfRange => {
                "no record of the partition has this sequence number: it is too old and was deleted, or has \
                 not been written yet; check --sequence and --partition"
            }
            Self::Cursor => "the cursor is too old; ask for a new one",
            Self::RecordExpired => {
                "the record was too old and is deleted; ask for an older or newer one"
            }
            Self::NoApp => {
                "there is no such app; check --app, or create it with checkpoint commit --create-app"
            }
            Self::AppExists => "the app is there already",
            Self::AppBusy => "the app is in use; stop its consumers first",
            Self::Quota => {
                "a quota of the account is used up; delete what is not needed, or ask for more"
            }
            Self::NoCheckpoint => "the app has no checkpoint there yet",
            Self::NoSuchCall => {
                "check --endpoint or --huawei-region: this host does not know the call"
            }
            Self::TooLarge => "the request is larger than the gateway takes",
            Self::Request => {
                "the service does not take the request as it is; its words, if there are any, say why"
            }
            Self::Unsuccessful => {
                "it took none of these events; check --engine, --engine-version and --instance-id, and that \
                 the metadata collection, which is by invitation, is open for the project"
            }
            Self::Unexpected => "the service's words are all that is known about it",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(status: u16, body: &str) -> Refusal {
        Refusal::of(status, body.as_bytes(), &Mask::new(["secret-0001"]))
    }

    #[test]
    fn every_known_shape_gives_code_and_words() {
        for body in [
            r#"{"error_code":"DIS.4332","error_msg":"App not found."}"#,
            r#"{"errorCode":"DIS.4332","message":"App not found."}"#,
            r#"{"errorCode":"DIS.4332","errorMsg":"App not found."}"#,
            r#"{"code":"DIS.4332","message":"App not found."}"#,
            r#"{"error":{"code":"DIS.4332","message":"App not found."}}"#,
            r#"{"request_id":"x","error":{"detail":{"error_code":"DIS.4332","error_msg":"App not found."}}}"#,
            r#"{"message":"outer","error":{"code":"DIS.4332","message":"App not found."}}"#,
        ] {
            let refusal = of(400, body);
            assert_eq!(refusal.kind, RefusalKind::NoApp, "{body}");
            assert_eq!(refusal.words(), "DIS.4332: App not found.", "{body}");
        }
    }

    #[test]
    fn throttling_comes_as_400_and_is_temporary() {
        for code in ["DIS.4303", "DIS.4305"] {
            let refusal = of(400, &format!(r#"{{"errorCode":"{code}","message":"m"}}"#));
            assert_eq!(refusal.kind.verdict(), Verdict::Throttled);
        }
        assert_eq!(of(429, "").kind, RefusalKind::Throttled);
    }

    #[test]
    fn what_has_no_body_of_its_own_is_judged_by_its_status() {
        for (status, kind) in [
            (401, RefusalKind::Unauthorized),
            (441, RefusalKind::Unauthorized),
            (403, RefusalKind::Forbidden),
            (404, RefusalKind::NoSuchCall),
            (413, RefusalKind::TooLarge),
            (502, RefusalKind::Gateway),
            (500, RefusalKind::Gateway),
            (418, RefusalKind::Unexpected),
        ] {
            let refusal = of(status, "<html>a page</html>");
            assert_eq!(refusal.kind, kind, "{status}");
            assert_eq!(refusal.words(), format!("HTTP {status}"));
        }
        let coded = of(500, r#"{"error_code":"DS.6000","error_msg":"m"}"#);
        assert_eq!(coded.kind, RefusalKind::ServerError);
        let signature = of(400, r#"{"errorCode":"DIS.4103","message":"m"}"#);
        assert_eq!(signature.kind, RefusalKind::Unauthorized);
    }

    #[test]
    fn a_quoted_secret_is_hidden() {
        let refusal = of(
            401,
            r#"{"error_code":"APIGW.0301","error_msg":"bad secret-0001"}"#,
        );
        assert_eq!(refusal.words(), "APIGW.0301: bad ***");
    }

    proptest! {
        #[test]
        fn any_body_is_judged_without_a_panic(status in 300_u16..600, body in ".{0,200}") {
            let refusal = of(status, &body);
            prop_assert!(!refusal.words().is_empty());
            prop_assert!(!refusal.kind.advice().is_empty());
        }
    }
}
