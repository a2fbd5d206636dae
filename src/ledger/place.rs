//! Where a ledger may lie: a private directory on a local disk.

use super::error::{LedgerError, in_file};
use std::path::Path;

/// File systems on which neither kernel locks nor SQLite's shared memory can be relied on, by the
/// magic numbers of `statfs(2)`.
const NETWORK_FILE_SYSTEMS: [(u64, &str); 9] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "Ceph"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x5346_414f, "AFS"),
];

/// Makes sure that the state directory exists, is private to this user, and lies on a local disk.
pub(super) fn prepare(state_dir: &Path) -> Result<(), LedgerError> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state_dir)
        .map_err(in_file("create the state directory", state_dir))?;
    must_be_local(state_dir)
}

/// Makes sure that a directory lies on a local disk.
pub(super) fn must_be_local(state_dir: &Path) -> Result<(), LedgerError> {
    let facts = rustix::fs::statfs(state_dir)
        .map_err(|e| in_file("look at the state directory", state_dir)(e.into()))?;
    // The type is signed; only its low 32 bits are defined.
    let magic = u64::from_ne_bytes(facts.f_type.to_ne_bytes()) & 0xffff_ffff;
    match NETWORK_FILE_SYSTEMS
        .iter()
        .find(|(known, _)| *known == magic)
    {
        Some((_, kind)) => Err(LedgerError::NetworkFileSystem {
            path: state_dir.to_owned(),
            kind,
        }),
        None => Ok(()),
    }
}
