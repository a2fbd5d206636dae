//! Objects of remote stores: what they are called, how they are found, and their bytes.
//!
//! Everything above asks a store three things: what is under a name, which names there are, and some
//! bytes from a place. [`Stores`] answers these by Apache `OpenDAL` when the feature `remote` is built
//! in, and otherwise says that it is not. Nothing here knows formats or compressions.

#![cfg_attr(
    not(feature = "remote"),
    allow(
        dead_code,
        reason = "only the stores that are not built in would use it"
    )
)]

#[cfg(not(feature = "remote"))]
mod absent;
#[cfg(feature = "remote")]
mod ask;
#[cfg(feature = "remote")]
mod explain;
mod fault;
mod reader;
#[cfg(feature = "remote")]
mod services;
mod stores;
mod url;
mod walk;

pub use fault::{StoreFault, StoreTrouble};
pub use stores::{OpenClient, Stores};
pub use url::{InvalidUrl, ObjectUrl};

pub(super) use reader::ObjectReader;
pub(super) use walk::Objects;

use crate::domain::ObjectIdentity;

/// An object as it is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RemoteObject {
    /// Where it is.
    pub url: ObjectUrl,
    /// As it was when it was found, so that a replaced one is noticed; `None` asks for it when the
    /// object is opened.
    pub identity: Option<ObjectIdentity>,
}

/// What a store has under a name or in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// A folder; its key ends with a slash.
    Folder(ObjectUrl),
    /// Something to read.
    Object(ObjectUrl, ObjectIdentity),
}

impl Entry {
    const fn url(&self) -> &ObjectUrl {
        match self {
            Self::Folder(url) | Self::Object(url, _) => url,
        }
    }
}
