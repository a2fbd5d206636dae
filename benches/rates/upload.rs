//! Runs of the release binary: its data, its surroundings, what it costs.
//!
//! Every run has a state directory of its own, the quota file is shared by all that go to one
//! receiver, as for one user on one machine. Data is the same in every run.

use crate::receiver::Receiver;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How often a running program is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A directory with data and state that goes away in the end.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    program: PathBuf,
}

/// What one process cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// User and system time in seconds.
    pub(crate) processor: f64,
    /// Most resident memory in MiB.
    pub(crate) memory: f64,
}

/// A started upload; it is killed when dropped.
pub(crate) struct Upload {
    child: Child,
    _state: tempfile::TempDir,
    pub(crate) cost: Cost,
}

impl Place {
    pub(crate) fn new(program: PathBuf) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("runtime"))?;
        Ok(Self { folder, program })
    }

    /// A file of so many rows of about so many bytes, made when first asked for.
    pub(crate) fn rows(&self, tag: char, rows: u32, bytes: usize) -> io::Result<PathBuf> {
        let path = self
            .folder
            .path()
            .join(format!("{tag}-{rows}-{bytes}.jsonl"));
        if !path.exists() {
            let mut file = BufWriter::with_capacity(1 << 20, File::create(&path)?);
            let mut mixed = u64::from(tag) << 32;
            let mut filler = String::new();
            for row in 0..rows {
                filler.clear();
                while filler.len() + 45 < bytes {
                    mixed = mixed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    filler.push_str(
                        ["shoe", "red ", "42 ", "new-", "sale", "x7"][(mixed >> 33) as usize % 6],
                    );
                }
                writeln!(
                    file,
                    "{{\"goods_id\":\"{tag}{row:09}\",\"n\":{},\"t\":\"{filler}\"}}",
                    mixed >> 40
                )?;
            }
            file.flush()?;
        }
        Ok(path)
    }

    /// Starts `write` of a file to a receiver.
    pub(crate) fn start(&self, to: &Receiver, file: &Path, options: &[&str]) -> io::Result<Upload> {
        let state = tempfile::tempdir_in(self.folder.path())?;
        let child = Command::new(&self.program)
            .args("write -q -t item -s history_sync -d 2022-01-01".split(' '))
            .args(options)
            .arg(file)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", state.path())
            .env("XDG_RUNTIME_DIR", self.folder.path().join("runtime"))
            .env("BYTEAIR_HOST", to.address.to_string())
            .env("BYTEAIR_SCHEME", "http")
            .env("BYTEAIR_AK", "bench")
            .env("BYTEAIR_SK", "bench")
            .env("BYTEAIR_TENANT_ID", "1")
            .env("BYTEAIR_APPLICATION_ID", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Upload {
            child,
            _state: state,
            cost: Cost::default(),
        })
    }
}

impl Upload {
    /// Waits for the end; whether it was a success.
    pub(crate) fn finish(&mut self) -> io::Result<bool> {
        loop {
            self.look();
            if let Some(status) = self.child.try_wait()? {
                return Ok(status.success());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until the receiver's clock shows this moment, or the upload has ended.
    pub(crate) fn watch(&mut self, receiver: &Receiver, until: f64) -> io::Result<()> {
        let patience = Instant::now() + Duration::from_secs_f64(until + 60.0);
        while receiver.now().is_none_or(|now| now < until) && Instant::now() < patience {
            self.look();
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Notes what it has cost so far.
    fn look(&mut self) {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        if let Some(ticks) = fs::read_to_string(folder.join("stat"))
            .ok()
            .and_then(|text| {
                let (_, fields) = text.rsplit_once(") ")?;
                let fields: Vec<f64> = fields
                    .split(' ')
                    .skip(11)
                    .take(2)
                    .flat_map(str::parse)
                    .collect();
                (fields.len() == 2).then(|| fields.iter().sum::<f64>())
            })
        {
            self.cost.processor = self.cost.processor.max(ticks / 100.0);
        }
        if let Some(peak) = fs::read_to_string(folder.join("status"))
            .ok()
            .and_then(|text| {
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
                line.trim().strip_suffix(" kB")?.parse::<f64>().ok()
            })
        {
            self.cost.memory = self.cost.memory.max(peak / 1024.0);
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// How busy the whole machine was, in percent, from making this until asking.
pub(crate) struct Load(Option<(f64, f64)>);

impl Load {
    pub(crate) fn begin() -> Self {
        Self(Self::ticks())
    }

    pub(crate) fn percent(&self) -> f64 {
        match (&self.0, Self::ticks()) {
            (Some((busy, all)), Some((busy_now, all_now))) if all_now > *all => {
                100.0 * (busy_now - busy) / (all_now - all)
            }
            _ => 0.0,
        }
    }

    fn ticks() -> Option<(f64, f64)> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let fields = text.lines().next()?.split_whitespace().skip(1).take(8);
        let fields: Vec<f64> = fields.flat_map(str::parse).collect();
        let all: f64 = fields.iter().sum();
        // Idle and waiting for disks.
        Some((all - fields.get(3)? - fields.get(4)?, all))
    }
}
