//! The answers of a program that was built without remote stores.

#![allow(
    clippy::unused_self,
    reason = "these stand in for the stores that are not built in"
)]

use super::{Entry, ObjectUrl, StoreFault, StoreTrouble, Stores};
use crate::domain::ObjectIdentity;
use bytes::Bytes;

fn absent() -> StoreFault {
    StoreFault::new(
        StoreTrouble::Usage,
        "this program was built without remote stores; build it with: cargo install --features full",
    )
}

impl Stores {
    pub(super) fn entry(&self, _url: &ObjectUrl) -> Result<Option<Entry>, StoreFault> {
        Err(absent())
    }

    pub(super) fn list(&self, _folder: &ObjectUrl, _deep: bool) -> Result<Vec<Entry>, StoreFault> {
        Err(absent())
    }

    pub(super) fn read_at(
        &self,
        _url: &ObjectUrl,
        _identity: &ObjectIdentity,
        _offset: u64,
        _length: u64,
    ) -> Result<Bytes, StoreFault> {
        Err(absent())
    }
}
