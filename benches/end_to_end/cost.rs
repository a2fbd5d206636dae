//! What a process cost: CPU time, wall time, memory.
//!
//! The kernel tells it of a process's children all together, so each measured process is the only
//! child of a process of its own, the role `measure`. That one also chooses the CPUs.

use crate::roles;
use crate::table::median;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::unistd::Pid;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What one run cost.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cost {
    /// Seconds of CPU, in user space and in the kernel.
    pub(crate) user: f64,
    pub(crate) system: f64,
    /// Seconds from the start to the end.
    pub(crate) wall: f64,
    /// Most bytes in memory at one time.
    pub(crate) peak: u64,
}

impl Cost {
    /// All seconds of CPU.
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// The median of each figure.
    pub(crate) fn median_of(runs: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| median(runs.iter().map(figure));
        Self {
            user: of(|run| run.user),
            system: of(|run| run.system),
            wall: of(|run| run.wall),
            peak: runs.iter().map(|run| run.peak).max().unwrap_or_default(),
        }
    }
}

/// Which CPUs a measured process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cpus {
    /// Those that this process may use.
    All,
    /// The first one of them.
    One,
}

/// Runs a command to its end. It has to end with status 0 and may say why it did not.
pub(crate) fn measure(command: &Command, cpus: Cpus, scratch: &Path) -> Cost {
    let report = scratch.join("cost");
    let mut measuring = roles::command("measure");
    measuring.arg(&report);
    measuring.arg(if cpus == Cpus::One { "one" } else { "all" });
    measuring
        .arg(command.get_program())
        .args(command.get_args());
    measuring.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            measuring.env(name, value);
        }
    }
    let output = measuring.output().expect("the measuring process starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
    let text = std::fs::read_to_string(&report).expect("it reports");
    let figures: Vec<f64> = text.split(' ').map(|word| word.parse().unwrap()).collect();
    let kibibytes: u64 = text.rsplit(' ').next().unwrap().parse().unwrap();
    Cost {
        user: figures[0],
        system: figures[1],
        wall: figures[2],
        peak: kibibytes * 1024,
    }
}

/// The role `measure`: report file, `one` or `all`, the command.
pub(crate) fn play(arguments: &[String]) {
    let [report, cpus, program, rest @ ..] = arguments else {
        panic!("measure wants a report, CPUs and a command");
    };
    if cpus == "one" {
        let mut only = CpuSet::new();
        only.set(first_cpu()).unwrap();
        sched_setaffinity(Pid::from_raw(0), &only).unwrap();
    }
    let begun = Instant::now();
    let mut child = Command::new(program);
    child.args(rest).stdin(Stdio::null()).stdout(Stdio::null());
    let status = child.status().expect("the measured program starts");
    let wall = begun.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let (user, system) = (seconds(usage.user_time()), seconds(usage.system_time()));
    let text = format!("{user} {system} {wall} {}", usage.max_rss());
    std::fs::write(report, text).unwrap();
    assert!(status.success(), "{program} ended with {status}");
}

fn first_cpu() -> usize {
    let allowed = nix::sched::sched_getaffinity(Pid::from_raw(0)).unwrap();
    let mut all = 0..CpuSet::count();
    all.find(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .unwrap()
}

fn seconds(time: TimeVal) -> f64 {
    let (whole, part) = (time.tv_sec(), time.tv_usec());
    let part = f64::from(i32::try_from(part).unwrap());
    f64::from(i32::try_from(whole).unwrap()) + part / 1e6
}
