//! Admission of one request by the limiter while the quota is free: the way through the dispatcher
//! and back, without and with the quota file that processes share.

use byteair_sync::limiter::{DEFAULT_GUARD, LimitSettings, Limiter};
use divan::Bencher;
use std::num::NonZeroU32;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// Large enough that a fresh limiter admits at once.
const RATE: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

#[divan::bench]
fn admission_without_limits(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let limiter = Limiter::unlimited();
    bencher.bench_local(|| runtime.block_on(limiter.acquire(1)).unwrap());
}

#[divan::bench(sample_count = 200, sample_size = 1)]
fn admission_in_one_process(bencher: Bencher<'_, '_>) {
    measure(bencher, |_| None);
}

#[divan::bench(sample_count = 200, sample_size = 1)]
fn admission_with_a_quota_file(bencher: Bencher<'_, '_>) {
    measure(bencher, |dir| Some(dir.path().join("quota")));
}

/// Each limiter admits once, so that none has to make anybody wait.
fn measure(bencher: Bencher<'_, '_>, quota_file: impl Fn(&TempDir) -> Option<PathBuf>) {
    let runtime = runtime();
    bencher
        .with_inputs(|| {
            let dir = tempfile::tempdir().unwrap();
            let settings = LimitSettings {
                requests_per_second: RATE,
                rows_per_second: RATE,
                guard: DEFAULT_GUARD,
                quota_file: quota_file(&dir),
            };
            let (limiter, dispatcher) = Limiter::new(settings).unwrap();
            runtime.spawn(dispatcher.run());
            (limiter, dir)
        })
        .bench_local_refs(|(limiter, _)| runtime.block_on(limiter.acquire(1)).unwrap());
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}
