//! Names and numbers of Huawei's services, as its API takes them (`huawei.md` 2.1): whoever holds one
//! of these has a value that no call is refused for.

use std::fmt;
use std::str::FromStr;

/// Most characters of a checkpoint's metadata. Whether the service counts characters or bytes is
/// unknown; characters are Unicode scalar values here.
pub const MAX_CHECKPOINT_METADATA: usize = 1_000;

/// Digits of a partition in its long form.
const PARTITION_DIGITS: usize = 10;
const PARTITION_PREFIX: &str = "shardId-";

/// Why a text is not what it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// A name with another character, or of another length.
    #[error(
        "'{text}' is not the name of {what}, which has 1 to {most} letters, digits, '_' and '-'"
    )]
    Name {
        /// What it should have named.
        what: &'static str,
        /// The text.
        text: String,
        /// Most characters.
        most: usize,
    },
    /// Neither form of a partition.
    #[error("'{0}' is not a partition; write it as 0 or as shardId-0000000000")]
    Partition(String),
    /// No number, or one that no record has.
    #[error("'{0}' is not a sequence number; it is a whole number from 0 to 9223372036854775807")]
    Sequence(String),
    /// Too long.
    #[error(
        "the metadata has {0} characters; a checkpoint takes at most {MAX_CHECKPOINT_METADATA}"
    )]
    Metadata(usize),
}

fn name(text: &str, what: &'static str, most: usize) -> Result<String, InvalidName> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.is_empty() || text.len() > most || !text.bytes().all(known) {
        return Err(InvalidName::Name {
            what,
            text: text.to_owned(),
            most,
        });
    }
    Ok(text.to_owned())
}

macro_rules! names {
    ($($(#[$about:meta])* $type:ident: $what:literal, $most:literal;)*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// As the API spells it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                name(text, $what, $most).map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// Id of a project, the first part of every path.
    ProjectId: "a project (its id)", 64;
    /// Name of a DIS stream (V3 `CreateStreamReq`).
    StreamName: "a stream", 64;
    /// Name of a DIS consumer (V3 `CreateAppReq`).
    AppName: "an app", 200;
    /// Name of a region, part of host names.
    RegionId: "a region", 40;
    /// Id of a cluster.
    InstanceId: "an instance (its id)", 128;
}

/// A partition of a stream. `0` and `shardId-0000000000` are the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionId(u64);

impl PartitionId {
    /// The partition of this number; `None` when it has more than ten digits.
    pub fn new(number: u64) -> Option<Self> {
        (number < 10_u64.pow(10)).then_some(Self(number))
    }

    /// Its number, from 0.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl FromStr for PartitionId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::Partition(text.to_owned());
        let digits = match text.strip_prefix(PARTITION_PREFIX) {
            Some(digits) if digits.len() == PARTITION_DIGITS => digits,
            Some(_) => return Err(invalid()),
            None if text.len() > 1 && text.starts_with('0') => return Err(invalid()),
            None => text,
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let number = digits.parse().map_err(|_| invalid())?;
        Self::new(number).ok_or_else(invalid)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PARTITION_PREFIX}{:0PARTITION_DIGITS$}", self.0)
    }
}

/// Number of a record in its partition. The API carries it as a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber(u64);

impl SequenceNumber {
    /// The largest that there is.
    const MAX: u64 = 9_223_372_036_854_775_807;

    /// The number; `None` when no record has it.
    pub fn new(number: u64) -> Option<Self> {
        (number <= Self::MAX).then_some(Self(number))
    }

    /// The number itself.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl FromStr for SequenceNumber {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = || InvalidName::Sequence(text.to_owned());
        let padded = text.len() > 1 && text.starts_with('0');
        if padded || !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let number = text.parse().map_err(|_| invalid())?;
        Self::new(number).ok_or_else(invalid)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Free text that goes with a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointMetadata(String);

impl CheckpointMetadata {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CheckpointMetadata {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let characters = text.chars().count();
        if characters > MAX_CHECKPOINT_METADATA {
            return Err(InvalidName::Metadata(characters));
        }
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_keep_to_their_characters_and_lengths() {
        assert!("a-_9".parse::<StreamName>().is_ok());
        assert!("s".repeat(64).parse::<StreamName>().is_ok());
        assert!("s".repeat(200).parse::<AppName>().is_ok());
        for bad in ["", "a b", "a/b", "流", "a.b", &"s".repeat(65)] {
            assert!(bad.parse::<StreamName>().is_err(), "{bad}");
        }
        assert!("a".repeat(201).parse::<AppName>().is_err());
    }

    #[test]
    fn both_forms_of_a_partition_are_the_same_one() {
        for text in ["0", "shardId-0000000000"] {
            let partition: PartitionId = text.parse().unwrap();
            assert_eq!(partition.to_string(), "shardId-0000000000");
        }
        let bad = ["", "-1", "+1", "00", "shardId-0", "shardid-0000000000"];
        for bad in bad
            .into_iter()
            .chain(["shardId-00000000000", "10000000000", "1.0"])
        {
            assert!(bad.parse::<PartitionId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sequence_numbers_end_where_the_service_ends_them() {
        let largest = "9223372036854775807";
        assert_eq!(
            largest.parse::<SequenceNumber>().unwrap().to_string(),
            largest
        );
        for bad in [
            "",
            "-1",
            "+1",
            " 1",
            "01",
            "1e3",
            "9223372036854775808",
            "99999999999999999999",
        ] {
            assert!(bad.parse::<SequenceNumber>().is_err(), "{bad}");
        }
    }

    #[test]
    fn metadata_is_counted_in_characters() {
        assert!("耳".repeat(1_000).parse::<CheckpointMetadata>().is_ok());
        let error = "耳"
            .repeat(1_001)
            .parse::<CheckpointMetadata>()
            .unwrap_err();
        assert!(error.to_string().contains("1001 characters"));
    }

    proptest! {
        #[test]
        fn whatever_is_taken_is_written_as_it_was_and_nothing_panics(text in "\\PC{0,24}", number: u64) {
            if let Ok(sequence) = text.parse::<SequenceNumber>() {
                prop_assert_eq!(sequence.to_string(), text.clone());
            }
            if let Ok(partition) = text.parse::<PartitionId>() {
                prop_assert_eq!(partition.to_string().parse(), Ok(partition));
            }
            let taken = number.to_string().parse::<SequenceNumber>().is_ok();
            prop_assert_eq!(taken, i64::try_from(number).is_ok());
        }
    }
}
