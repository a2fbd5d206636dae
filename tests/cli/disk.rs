//! A small file system in memory that stands for a disk. Mounting one takes the rights of root; tests
//! that get none say so and leave it at that.

use std::path::PathBuf;
use std::process::Command;

/// A mounted file system; it goes away with this value.
pub(crate) struct Disk(pub(crate) PathBuf);

impl Disk {
    #[expect(
        clippy::print_stdout,
        reason = "whoever reads the log has to see what was not tried"
    )]
    pub(crate) fn mount(path: PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&path).unwrap();
        let words = ["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs"];
        let mounted = Command::new("mount").args(words).arg(&path).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(path));
        }
        println!("skipped: no file system can be mounted here");
        None
    }

    /// Leaves this many bytes free.
    pub(crate) fn fill(&self, free: usize) {
        let facts = rustix::fs::statvfs(&self.0).unwrap();
        let room = usize::try_from(facts.f_bavail * facts.f_frsize).unwrap();
        std::fs::write(self.0.join("filler"), vec![0; room - free]).unwrap();
    }

    pub(crate) fn make_read_only(&self) {
        let mut command = Command::new("mount");
        let status = command.args(["-o", "remount,ro"]).arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what is still open must not keep the directory.
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
