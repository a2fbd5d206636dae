//! URLs of objects: `s3://bucket/key` and its like.
//!
//! A URL is part of messages and of the ledger, so one that holds a password or a signature is
//! refused, and the refusal does not repeat them. Keys of stores are taken as they are written; the
//! path of an `https` URL is percent-encoded, as everywhere.

use percent_encoding::percent_decode_str;
use std::fmt;
use std::net::IpAddr;

/// The kinds of stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Scheme {
    S3,
    Tos,
    Obs,
    Oss,
    Hdfs,
    WebHdfs,
    Https,
    Http,
}

const SCHEMES: [(&str, Scheme); 8] = [
    ("s3", Scheme::S3),
    ("tos", Scheme::Tos),
    ("obs", Scheme::Obs),
    ("oss", Scheme::Oss),
    ("hdfs", Scheme::Hdfs),
    ("webhdfs", Scheme::WebHdfs),
    ("https", Scheme::Https),
    ("http", Scheme::Http),
];

impl Scheme {
    const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Tos => "tos",
            Self::Obs => "obs",
            Self::Oss => "oss",
            Self::Hdfs => "hdfs",
            Self::WebHdfs => "webhdfs",
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// Whether it is a web server, which has no folders to list.
    pub(super) const fn is_web(self) -> bool {
        matches!(self, Self::Https | Self::Http)
    }
}

/// Where an object, a folder of them or, with a glob in its key, several are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectUrl {
    scheme: Scheme,
    /// Bucket, or host and port.
    authority: String,
    /// Without a slash in front; a folder ends with one, and the root is empty.
    key: String,
}

/// Why a text that looks like a URL is none of an object. No message repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// A scheme that nothing here speaks.
    #[error(
        "'{0}://' cannot be read; inputs are files, s3://, tos://, obs://, oss://, hdfs://, \
         webhdfs:// and https:// (write ./{0}:// for a file of that name)"
    )]
    Scheme(String),
    /// No bucket or host.
    #[error("'{0}' names no bucket or host")]
    NoAuthority(String),
    /// A user or password in front of the host.
    #[error(
        "a URL of {0} has a user or password in it, which would reach the ledger and the process \
         list; leave it out and give credentials by the store's environment variables"
    )]
    UserInfo(&'static str),
    /// A query, which may be a signature.
    #[error(
        "'{0}' goes on with a query or fragment, which may be a secret and would reach the ledger; \
         name the object by its store (s3://…), or pipe it in: curl URL | byteair-sync write … -"
    )]
    Query(String),
    /// A glob in front of the path.
    #[error("'{0}': a bucket or host cannot be a glob; only what follows it can")]
    GlobAuthority(String),
    /// A folder or glob of a web server.
    #[error(
        "'{0}' stands for several files, but a web server has no list of them; name each file, in \
         --files-from if they are many"
    )]
    NoList(String),
}

impl ObjectUrl {
    /// Parses a URL, with placeholders or globs in it or not; `None` for the path of a file.
    pub fn parse(text: &str) -> Option<Result<Self, InvalidUrl>> {
        let (scheme, rest) = text.split_once("://")?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
            && scheme
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c));
        is_scheme.then(|| Self::of_parts(scheme, rest))
    }

    fn of_parts(word: &str, rest: &str) -> Result<Self, InvalidUrl> {
        let known = SCHEMES.iter().find(|(name, _)| *name == word);
        let Some((name, scheme)) = known.copied() else {
            return Err(InvalidUrl::Scheme(word.to_owned()));
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(InvalidUrl::UserInfo(name));
        }
        let shown = format!("{name}://{authority}/{path}");
        if scheme.is_web()
            && let Some(at) = shown.find(['?', '#'])
        {
            let shown = shown.get(..at).unwrap_or_default();
            return Err(InvalidUrl::Query(shown.to_owned()));
        }
        // The name node of hdfs:///path stands in Hadoop's own configuration.
        if authority.is_empty() && scheme != Scheme::Hdfs {
            return Err(InvalidUrl::NoAuthority(shown));
        }
        if has_glob(authority) {
            return Err(InvalidUrl::GlobAuthority(shown));
        }
        // `{date}` may stand in it; whatever a day puts there is parsed again.
        let several = path.is_empty() || path.ends_with('/') || path.contains(['*', '[']);
        if scheme.is_web() && several {
            return Err(InvalidUrl::NoList(shown));
        }
        Ok(Self {
            scheme,
            authority: authority.to_owned(),
            key: path.trim_start_matches('/').to_owned(),
        })
    }

    pub(super) const fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The key as the library takes it: not percent-encoded.
    pub(super) fn path(&self) -> String {
        if self.scheme.is_web() {
            percent_decode_str(&self.key)
                .decode_utf8_lossy()
                .into_owned()
        } else {
            self.key.clone()
        }
    }

    /// Another key of the same store.
    pub(super) fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// Whether it names a folder by itself.
    pub(super) fn is_folder(&self) -> bool {
        self.key.is_empty() || self.key.ends_with('/')
    }

    /// The folder that it is in, or itself when it is one.
    pub(super) fn folder(&self) -> Self {
        let end = self.key.rfind('/').map_or(0, |at| at.saturating_add(1));
        self.with_key(self.key.get(..end).unwrap_or_default())
    }

    /// The folders that it is in, the nearest first; the last one is the store as a whole.
    pub(in crate::input) fn folders(&self) -> Vec<Self> {
        let ends = self
            .key
            .match_indices('/')
            .map(|(at, _)| at.saturating_add(1));
        let mut ends: Vec<usize> = std::iter::once(0).chain(ends).collect();
        ends.reverse();
        ends.into_iter()
            .filter_map(|end| self.key.get(..end))
            .map(|key| self.with_key(key))
            .collect()
    }

    /// What begins with this key.
    pub(in crate::input) fn join(&self, name: &str) -> Self {
        self.with_key(&format!("{}{name}", self.key))
    }

    /// Whether it is spoken to without encryption, beyond this machine.
    pub(super) fn is_plain_and_far(&self) -> bool {
        matches!(self.scheme, Scheme::Http | Scheme::WebHdfs) && !is_loopback(&self.authority)
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}://{}/{}",
            self.scheme.as_str(),
            self.authority,
            self.key
        )
    }
}

/// Whether `host` or `host:port` is this machine.
pub(super) fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn has_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Result<String, InvalidUrl>> {
        let parsed = ObjectUrl::parse(text)?;
        Some(parsed.map(|url| url.to_string()))
    }

    #[test]
    fn a_url_is_written_as_it_was_read_and_a_path_is_none() {
        for text in [
            "s3://bucket/a/b.jsonl",
            "tos://bucket/dt={date}/*.csv",
            "s3://bucket/",
            "hdfs:///user/x",
            "https://host:8443/a%20b.csv.gz",
        ] {
            assert_eq!(parse(text), Some(Ok(text.to_owned())), "{text}");
        }
        assert_eq!(parse("s3://bucket"), Some(Ok("s3://bucket/".to_owned())));
        for path in ["a/b", "./s3://x", "C:/x", "", "://x", "S3://x/y"] {
            assert_eq!(parse(path), None, "{path}");
        }
    }

    #[test]
    fn what_cannot_be_an_object_or_holds_a_secret_is_refused_without_the_secret() {
        for text in [
            "https://user:hunter2@host/x",
            "s3://hunter2@bucket/x",
            "https://host/x?X-Amz-Signature=hunter2",
            "https://host?hunter2",
            "https://host/x#hunter2",
            "ftp://host/x",
            "s3:///x",
            "s3://*/x",
            "https://host/",
            "https://host/*.csv",
        ] {
            let refused = parse(text).unwrap().unwrap_err().to_string();
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (authority, expected) in [
            ("127.0.0.1:80", true),
            ("localhost", true),
            ("[::1]:9000", true),
            ("127.0.0.1.example.com", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(authority), expected, "{authority}");
        }
    }
}
