//! By what an input is known, and which part of it a piece of the ledger speaks of.

/// What the file system says of a file. Two equal identities are trusted to be the same content;
/// everything else is compared by digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size in bytes, as stored.
    pub size: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Last change of the inode, nanoseconds since 1970.
    pub ctime_ns: i64,
}

impl FileIdentity {
    /// Reads the identity out of a file's metadata.
    pub fn of(metadata: &std::fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanoseconds =
            |seconds: i64, part: i64| seconds.saturating_mul(1_000_000_000).saturating_add(part);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What a remote store says of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectIdentity {
    /// Its entity tag with the quotes (RFC 9110, 8.8.3); stores without versions have none.
    pub etag: Option<String>,
    /// Size in bytes, as stored.
    pub size: u64,
    /// Last change, nanoseconds since 1970.
    pub mtime_ns: Option<i64>,
}

impl ObjectIdentity {
    /// Whether the store says that this is the same content as at another time under the same name.
    pub fn is_same(&self, other: &Self) -> bool {
        let unchanged = match (&self.etag, &other.etag) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => self.mtime_ns.is_some() && self.mtime_ns == other.mtime_ns,
        };
        unchanged && self.size == other.size
    }
}

/// By what an input that can be read again is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum InputIdentity {
    /// A file of this machine.
    File(FileIdentity),
    /// An object of a remote store.
    Object(ObjectIdentity),
}

impl InputIdentity {
    /// Size in bytes, as stored.
    pub const fn size(&self) -> u64 {
        match self {
            Self::File(file) => file.size,
            Self::Object(object) => object.size,
        }
    }

    /// Whether the content is trusted to be the same without being read, given the same name.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(mine), Self::File(theirs)) => mine == theirs,
            (Self::Object(mine), Self::Object(theirs)) => mine.is_same(theirs),
            _ => false,
        }
    }

    /// When it was changed last, in nanoseconds since 1970, if that is known.
    pub const fn mtime_ns(&self) -> Option<i64> {
        match self {
            Self::File(file) => Some(file.mtime_ns),
            Self::Object(object) => object.mtime_ns,
        }
    }

    /// Device and inode of a file, which a renamed file keeps.
    pub const fn place(&self) -> Option<(u64, u64)> {
        match self {
            Self::File(file) => Some((file.device, file.inode)),
            Self::Object(_) => None,
        }
    }
}

/// A contiguous stretch of an input, in whole records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawRange {
    /// 1-based ordinal of the first record.
    pub first_record: u64,
    /// Records in the stretch, valid and invalid ones.
    pub records: u64,
    /// Byte at which it starts, in the decompressed input.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u64,
    /// Line on which it starts, from 1.
    pub line: u64,
    /// Line breaks in it.
    pub lines: u64,
    /// XXH3 (128 bits) of its bytes.
    pub digest: u128,
}

impl RawRange {
    /// Byte after the last one.
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.length)
    }
}
