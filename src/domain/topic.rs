//! The topic: which table of the platform the rows belong to.

use std::fmt;
use std::str::FromStr;

/// A checked topic name, such as `item`, `user` or `behavior` (D108564), safe in a URL path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(String);

/// Why a text is not a topic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not a topic: 1 to 64 letters, digits, '_' or '-', and neither 'done' nor 'operation'"
)]
pub struct InvalidTopic(String);

/// Longest topic name accepted, in bytes.
const MAX_TOPIC_BYTES: usize = 64;

/// Path segments that the platform uses for other calls than write (D108602, Go SDK
/// `common_url.go`): a topic of that name would turn a write into such a call.
const RESERVED: [&str; 2] = ["done", "operation"];

impl Topic {
    /// The name as the platform spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = InvalidTopic;

    fn from_str(text: &str) -> Result<Self, InvalidTopic> {
        let clean = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if text.is_empty() || text.len() > MAX_TOPIC_BYTES || !clean || RESERVED.contains(&text) {
            return Err(InvalidTopic(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_change_the_url_are_no_topics() {
        for bad in [
            "",
            "done",
            "operation",
            "a/b",
            "a?b",
            "商品",
            "a b",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<Topic>().is_err(), "{bad}");
        }
        assert_eq!("item".parse::<Topic>().unwrap().as_str(), "item");
    }
}
