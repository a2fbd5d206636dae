//! What the sandbox has accepted: partitions with their states, Request-Ids, rows.
//!
//! One journal entry describes each change; the same [`Store::apply`] runs when a request is
//! accepted and when a data directory is read again, so a restart cannot disagree with what was
//! answered. Nothing here judges a request; it only says what it knows.

use super::SandboxError;
use super::journal::{Entry, FILE_NAME, Journal, PartitionName, target};
use super::rows::{MAX_ROW_MEMORY_BYTES, Piece, Rows};
use crate::domain::{Partition, Target};
use bytes::Bytes;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::path::Path;

/// Request-Ids remembered; the oldest are forgotten first. The platform's own memory is unpublished
/// ("within a short period", `BytePlus` error page).
const MAX_REMEMBERED_IDS: usize = 1_000_000;

/// What is known of one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PartitionRecord {
    /// Rows stored.
    pub(super) rows: u64,
    /// Bytes of those rows, line breaks included.
    pub(super) bytes: u64,
    /// Write requests accepted.
    pub(super) requests: u64,
    /// Requests refused because their id was known.
    pub(super) duplicates: u64,
    /// `done` requests accepted: 0 or 1.
    pub(super) dones: u64,
    /// When `done` was accepted, RFC 3339; the partition is acknowledged from then on.
    pub(super) done_at: Option<String>,
}

/// The memory of a sandbox.
#[derive(Debug)]
pub(super) struct Store {
    partitions: BTreeMap<Partition, PartitionRecord>,
    ids: HashSet<(Target, String)>,
    ids_by_age: VecDeque<(Target, String)>,
    rows: Rows,
    journal: Option<Journal<Entry>>,
}

impl Store {
    /// An empty store in memory, or the one that a directory holds.
    pub(super) fn open(directory: Option<&Path>) -> Result<Self, SandboxError> {
        let mut store = Self {
            partitions: BTreeMap::new(),
            ids: HashSet::new(),
            ids_by_age: VecDeque::new(),
            rows: Rows::own(MAX_ROW_MEMORY_BYTES),
            journal: None,
        };
        if let Some(directory) = directory {
            let (journal, entries) = Journal::open(directory, FILE_NAME)?;
            for entry in entries {
                store.apply(&entry);
            }
            store.rows = Rows::Directory(directory.to_owned());
            store.journal = Some(journal);
            for (partition, record) in &store.partitions {
                if !store.rows.holds(partition, record.bytes) {
                    return Err(SandboxError::RowsMissing {
                        path: directory.to_owned(),
                        partition: partition.to_string(),
                    });
                }
            }
        }
        Ok(store)
    }

    /// Whether a caller has used an id before.
    pub(super) fn knows(&self, caller: &Target, request_id: &str) -> bool {
        self.ids.contains(&(caller.clone(), request_id.to_owned()))
    }

    /// Whether a date was ended by `done`.
    pub(super) fn is_acked(&self, partition: &Partition) -> bool {
        self.partitions
            .get(partition)
            .is_some_and(|record| record.done_at.is_some())
    }

    /// Stores the rows of a write; each line of `lines` is one row.
    pub(super) fn accept_write(
        &mut self,
        partition: &Partition,
        request_id: &str,
        rows: u64,
        lines: Bytes,
    ) -> io::Result<()> {
        let end = self
            .partitions
            .get(partition)
            .map_or(0, |record| record.bytes);
        let bytes = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if rows > 0 {
            self.rows.append(partition, end, lines)?;
        }
        self.record(&Entry::Write {
            partition: partition.into(),
            request_id: request_id.to_owned(),
            rows,
            bytes,
        })
    }

    /// Acknowledges partitions, all or none.
    pub(super) fn accept_done(
        &mut self,
        caller: &Target,
        partitions: &[Partition],
        request_id: &str,
        at: String,
    ) -> io::Result<()> {
        self.record(&Entry::Done {
            partitions: partitions.iter().map(PartitionName::from).collect(),
            tenant: caller.tenant().to_owned(),
            application: caller.application().to_owned(),
            request_id: request_id.to_owned(),
            at,
        })
    }

    /// Counts a request that was refused because of its id.
    pub(super) fn count_duplicate(&mut self, partition: &Partition) -> io::Result<()> {
        self.record(&Entry::Duplicate {
            partition: partition.into(),
        })
    }

    /// Lets a refused request occupy its id.
    pub(super) fn remember_refused(&mut self, caller: &Target, request_id: &str) -> io::Result<()> {
        self.record(&Entry::Refused {
            tenant: caller.tenant().to_owned(),
            application: caller.application().to_owned(),
            request_id: request_id.to_owned(),
        })
    }

    /// Partitions in order.
    pub(super) const fn partitions(&self) -> &BTreeMap<Partition, PartitionRecord> {
        &self.partitions
    }

    /// The rows of a partition, to be read without holding the store.
    pub(super) fn rows_of(&self, partition: &Partition) -> Vec<Piece> {
        let end = self
            .partitions
            .get(partition)
            .map_or(0, |record| record.bytes);
        self.rows.of(partition, end)
    }

    /// Starts over, on disk too.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.clear()?;
        }
        self.partitions.clear();
        self.ids.clear();
        self.ids_by_age.clear();
        self.rows.clear()
    }

    fn record(&mut self, entry: &Entry) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(entry)?;
        }
        self.apply(entry);
        Ok(())
    }

    fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Write {
                partition,
                request_id,
                rows,
                bytes,
            } => {
                self.occupy(&partition.tenant, &partition.application, request_id);
                if let Some(record) = self.record_of(partition) {
                    record.rows = record.rows.saturating_add(*rows);
                    record.bytes = record.bytes.saturating_add(*bytes);
                    record.requests = record.requests.saturating_add(1);
                }
            }
            Entry::Done {
                partitions,
                tenant,
                application,
                request_id,
                at,
            } => {
                self.occupy(tenant, application, request_id);
                for partition in partitions {
                    if let Some(record) = self.record_of(partition) {
                        record.dones = record.dones.saturating_add(1);
                        record.done_at = Some(at.clone());
                    }
                }
            }
            Entry::Duplicate { partition } => {
                if let Some(record) = self.record_of(partition) {
                    record.duplicates = record.duplicates.saturating_add(1);
                }
            }
            Entry::Refused {
                tenant,
                application,
                request_id,
            } => self.occupy(tenant, application, request_id),
        }
    }

    fn record_of(&mut self, name: &PartitionName) -> Option<&mut PartitionRecord> {
        Some(self.partitions.entry(name.to_partition()?).or_default())
    }

    fn occupy(&mut self, tenant: &str, application: &str, request_id: &str) {
        let Some(caller) = target(tenant, application) else {
            return;
        };
        let id = (caller, request_id.to_owned());
        if self.ids.insert(id.clone()) {
            self.ids_by_age.push_back(id);
        }
        if self.ids_by_age.len() > MAX_REMEMBERED_IDS
            && let Some(oldest) = self.ids_by_age.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn partition() -> Partition {
        PartitionName {
            tenant: "1".into(),
            application: "2".into(),
            topic: "item".into(),
            stage: "history_sync".into(),
            date: Some("2022-01-01".into()),
        }
        .to_partition()
        .unwrap()
    }

    fn filled(directory: Option<&Path>) -> Store {
        let mut store = Store::open(directory).unwrap();
        let lines = Bytes::from_static(b"{\"id\":1}\n{\"id\":2}\n");
        store.accept_write(&partition(), "a", 2, lines).unwrap();
        store
    }

    #[test]
    fn a_directory_read_again_says_what_was_answered() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = filled(Some(directory.path()));
        store.count_duplicate(&partition()).unwrap();
        store.remember_refused(&partition().target, "r").unwrap();
        let at = "2022-01-02T00:00:00Z".to_owned();
        store
            .accept_done(&partition().target, &[partition()], "d", at)
            .unwrap();
        let before = store.partitions().clone();
        drop(store);
        let again = Store::open(Some(directory.path())).unwrap();
        assert_eq!(*again.partitions(), before);
        assert!(again.is_acked(&partition()));
        for id in ["a", "d", "r"] {
            assert!(again.knows(&partition().target, id), "{id}");
        }
        assert!(!again.knows(&partition().target, "b"));
    }

    #[test]
    fn rows_and_lines_that_a_kill_cut_short_are_dropped() {
        let directory = tempfile::tempdir().unwrap();
        drop(filled(Some(directory.path())));
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(b"{\"torn\":").unwrap();
        }
        let mut store = Store::open(Some(directory.path())).unwrap();
        let lines = Bytes::from_static(b"{\"id\":3}\n");
        store.accept_write(&partition(), "b", 1, lines).unwrap();
        let piece = store.rows_of(&partition()).remove(0);
        let (bytes, rest) = piece.read(1_000).unwrap();
        assert_eq!(bytes, "{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n");
        assert!(rest.is_none());
    }

    #[test]
    fn a_second_sandbox_cannot_open_the_same_directory() {
        let directory = tempfile::tempdir().unwrap();
        let _first = filled(Some(directory.path()));
        assert!(matches!(
            Store::open(Some(directory.path())),
            Err(SandboxError::DataDirectoryInUse(_))
        ));
    }

    #[test]
    fn a_reset_forgets_rows_ids_and_states() {
        let directory = tempfile::tempdir().unwrap();
        for place in [None, Some(directory.path())] {
            let mut store = filled(place);
            store.clear().unwrap();
            assert!(store.partitions().is_empty());
            assert!(!store.knows(&partition().target, "a"));
            drop(store);
        }
        assert!(
            Store::open(Some(directory.path()))
                .unwrap()
                .partitions()
                .is_empty()
        );
    }
}
