//! The disk under the state directory is full, or cannot be written: a clear error, nothing lost,
//! and the same command goes on once there is room.
//!
//! A small file system in memory stands for the disk. Mounting one takes the rights of root; without
//! them these tests say so and leave it at that.

use crate::comparison::violations;
use crate::place::Place;
use crate::server::{Server, unlimited};
use crate::upload::{Form, Upload};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// Room for about the ledger's tables, and how much more there is each time: one page.
const FREE_BEGIN_BYTES: usize = 160 * 1024;
const FREE_STEP_BYTES: usize = 4 * 1024;

/// Size of the disk.
const DISK_BYTES: u64 = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(60);

/// A mounted file system; it goes away with this value.
struct Disk(PathBuf);

impl Disk {
    fn mount(place: &Place) -> Option<Self> {
        let path = place.state();
        std::fs::create_dir_all(&path).unwrap();
        let options = format!("size={DISK_BYTES},mode=0700");
        let words = ["-t", "tmpfs", "-o", &options, "tmpfs"];
        let mounted = Command::new("mount").args(words).arg(&path).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(path)),
            _ => {
                println!("skipped: no file system can be mounted here");
                None
            }
        }
    }

    /// Leaves this many bytes free.
    fn fill(&self, free: usize) {
        let filler = vec![0_u8; usize::try_from(self.free()).unwrap().saturating_sub(free)];
        std::fs::write(self.0.join("filler"), filler).unwrap();
    }

    /// A child that another test has begun and that is not yet itself may hold the file open for a
    /// while.
    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
        let begun = Instant::now();
        while self.free() < DISK_BYTES / 2 {
            assert!(begun.elapsed() < PATIENCE, "the room does not come back");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn free(&self) -> u64 {
        let facts = rustix::fs::statvfs(&self.0).unwrap();
        facts.f_bavail * facts.f_frsize
    }

    fn remount(&self, how: &str) {
        let how = format!("remount,{how}");
        let mut command = Command::new("mount");
        assert!(
            command
                .args(["-o", &how])
                .arg(&self.0)
                .status()
                .unwrap()
                .success()
        );
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what is still open must not keep the directory.
        let _gone = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_stops_a_run_with_a_clear_error_and_the_next_one_goes_on() {
    let mut stopped = 0;
    // A little more room each time, so that it ends at every step of an upload, `done` included.
    for free in [0]
        .into_iter()
        .chain((FREE_BEGIN_BYTES..).step_by(FREE_STEP_BYTES))
    {
        let server = Server::start(unlimited(1));
        let place = Place::of(&server);
        let Some(disk) = Disk::mount(&place) else {
            return;
        };
        let upload = Upload::generate(&place, &[&[Form::Jsonl], &[Form::CsvGzip]], 60);
        let words = upload.words("--batch-rows 10");
        disk.fill(free);
        let status = place.end(&words);
        let said = place.said();
        let state = server.state();
        let dones: u64 = state.partitions.iter().map(|it| it.done_requests).sum();
        println!(
            "{free} bytes free: status {status}, {} rows and {dones} done stored",
            state.rows_total
        );
        let enough = status == 0;
        if !enough {
            stopped += 1;
            assert_ne!(status, 101, "{free}\n{said}");
            assert!(said.contains("disk is full"), "{free}\n{said}");
            assert!(!said.contains("ledger is closed"), "{free}\n{said}");
        }
        disk.make_room();
        assert_eq!(place.end(&words), 0, "{free}\n{}", place.said());
        assert_eq!(
            violations(&upload, &server),
            [""; 0],
            "{free}\n{}",
            place.said()
        );
        if enough {
            break;
        }
    }
    assert!(stopped > 0);
}

#[test]
fn a_read_only_state_directory_stops_a_run_before_anything_is_sent() {
    let server = Server::start(unlimited(1));
    let place = Place::of(&server);
    let Some(disk) = Disk::mount(&place) else {
        return;
    };
    let upload = Upload::generate(&place, &[&[Form::Jsonl]], 20);
    let words = upload.words("");
    disk.remount("ro");
    let status = place.end(&words);
    let said = place.said();
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("ead-only"), "{said}");
    assert_eq!(server.state().requests_total, 0, "{said}");
    disk.remount("rw");
    assert_eq!(place.end(&words), 0, "{}", place.said());
    assert_eq!(violations(&upload, &server), [""; 0], "{}", place.said());
}
