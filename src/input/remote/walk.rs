//! Finding objects: by name, in folders, by globs, with the same rules as for files.
//!
//! A glob is walked folder by folder, so that a bucket full of other things is not listed whole.
//! A folder of a store is only what its keys have in common: one without a key does not exist.

use super::{Entry, ObjectUrl, StoreFault, Stores};
use crate::domain::ObjectIdentity;
use crate::input::discover::{Named, is_left_out};
use crate::input::glob::Glob;
use crate::input::pattern::has_glob;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

/// Objects that patterns name.
#[derive(Debug, Default)]
pub(in crate::input) struct Objects {
    pub(in crate::input) found: BTreeMap<ObjectUrl, ObjectIdentity>,
    /// The folders in which markers are looked for.
    pub(in crate::input) folders: BTreeSet<ObjectUrl>,
}

impl Objects {
    /// Adds what a pattern names.
    pub(in crate::input) fn add_pattern(
        &mut self,
        url: &ObjectUrl,
        stores: &Stores,
    ) -> Result<Named, StoreFault> {
        if url.is_folder() {
            return self.add_folder(url, stores);
        }
        match stores.entry(url)? {
            Some(Entry::Object(url, identity)) => {
                self.add_object(url, identity);
                Ok(Named::Files)
            }
            Some(Entry::Folder(folder)) => self.add_folder(&folder, stores),
            None if url.scheme().is_web() => Ok(Named::Nothing),
            None if has_glob(url.key()) => self.add_glob(url, stores),
            None => self.add_folder(&url.join("/"), stores),
        }
    }

    fn add_object(&mut self, url: ObjectUrl, identity: ObjectIdentity) {
        self.folders.insert(url.folder());
        self.found.insert(url, identity);
    }

    fn add_folder(&mut self, folder: &ObjectUrl, stores: &Stores) -> Result<Named, StoreFault> {
        let entries = stores.list(folder, true)?;
        if entries.is_empty() {
            return Ok(Named::Nothing);
        }
        self.folders.insert(folder.clone());
        let mut named = Named::NoFile;
        for entry in entries {
            let Entry::Object(url, identity) = entry else {
                continue;
            };
            let inside = url.key().strip_prefix(folder.key()).unwrap_or(url.key());
            if !inside.split('/').any(|name| is_left_out(OsStr::new(name))) {
                self.found.insert(url, identity);
                named = Named::Files;
            }
        }
        Ok(named)
    }

    fn add_glob(&mut self, pattern: &ObjectUrl, stores: &Stores) -> Result<Named, StoreFault> {
        let Some(glob) = Glob::new(pattern.key()) else {
            return Ok(Named::Nothing);
        };
        let base = match glob.base().to_str() {
            Some(".") | None => pattern.with_key(""),
            Some(base) => pattern.with_key(&format!("{base}/")),
        };
        let mut named = Named::Nothing;
        let mut left = vec![(base, 0_usize)];
        while let Some((folder, above)) = left.pop() {
            let depth = above.saturating_add(1);
            for entry in stores.list(&folder, false)? {
                let url = entry.url();
                let path = Path::new(url.key().trim_end_matches('/'));
                let is_hidden = path.file_name().is_some_and(is_left_out);
                if *url == folder || (is_hidden && !glob.spells_out(path)) {
                    continue;
                }
                let matches = glob.is_match(path);
                match entry {
                    Entry::Folder(url) if matches => {
                        named = named.max(self.add_folder(&url, stores)?);
                    }
                    Entry::Folder(url) if depth < glob.depth() && glob.leads_on(path, depth) => {
                        left.push((url, depth));
                    }
                    Entry::Object(url, identity) if matches => {
                        self.add_object(url, identity);
                        named = Named::Files;
                    }
                    Entry::Folder(_) | Entry::Object(..) => {}
                }
            }
        }
        Ok(named)
    }
}
