//! The quota file: shared, damaged, from another boot, removed, in the wrong place.

use crate::domain::Target;
use crate::limiter::clock::Moment;
use crate::limiter::layout::{self, FILE_BYTES};
use crate::limiter::place::file_below;
use crate::limiter::shared::QuotaFile;
use crate::limiter::turns::{MAX_GUARD, Quota, SECOND, Ticket};
use crate::limiter::window::{Limits, Slot};
use crate::limiter::{LimitSettings, Limiter, LimiterError};
use std::num::NonZeroU32;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

const OCCUPIED: Duration = Duration::from_millis(1_010);

fn settings(path: &Path) -> LimitSettings {
    LimitSettings {
        requests_per_second: NonZeroU32::new(100).unwrap(),
        rows_per_second: NonZeroU32::new(50_000).unwrap(),
        guard: Duration::from_millis(10),
        quota_file: Some(path.to_owned()),
    }
}

async fn look(file: &mut QuotaFile) -> (Quota, Moment) {
    file.lock().await.unwrap();
    file.update(|quota, now| (quota.clone(), now)).unwrap()
}

fn sample(now: Moment) -> Quota {
    let mut quota = Quota::unused();
    for id in 1..=3 {
        let expires = now.after(SECOND);
        quota.stamp(
            now,
            Slot {
                id,
                expires,
                rows: 7,
            },
        );
    }
    quota.tickets[5] = Ticket {
        process: 9,
        since: now,
        expires: now.after(SECOND),
        rows: 10_000,
        limits: Limits {
            requests: 100,
            rows: 50_000,
        },
    };
    quota.not_before = now;
    quota
}

#[test]
fn a_quota_reads_back_as_written_and_patches_lead_to_the_same_file() {
    let quota = sample(Moment::now());
    let whole = layout::encode(&quota, [1; 16]);
    assert_eq!(layout::decode(&whole, [1; 16]), Some(quota.clone()));
    let mut patched = layout::encode(&Quota::unused(), [1; 16]);
    for (at, bytes) in layout::patches(&Quota::unused(), &quota, [1; 16]) {
        patched[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    assert!(patched == whole);
}

#[test]
fn any_flipped_byte_that_matters_is_noticed() {
    let quota = sample(Moment::now());
    let whole = layout::encode(&quota, [1; 16]);
    for at in 0..FILE_BYTES {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        let padding = (48..4096).contains(&at);
        assert_eq!(layout::decode(&damaged, [1; 16]).is_some(), padding, "{at}");
    }
    assert_eq!(layout::decode(&whole, [2; 16]), None);
    assert_eq!(layout::decode(&whole[..FILE_BYTES - 1], [1; 16]), None);
}

#[tokio::test]
async fn a_new_file_is_private_and_lets_requests_in_at_once() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("quota.bin");
    let (quota, now) = look(&mut QuotaFile::open(&path, OCCUPIED).unwrap()).await;
    assert!(quota.not_before <= now);
    assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_that_says_nothing_costs_one_window_of_silence() {
    let far = Moment::now().after((SECOND + MAX_GUARD) * 10);
    let mut other_clock = Quota::unused();
    other_clock.stamp(
        Moment::now(),
        Slot {
            id: 1,
            expires: far,
            rows: 1,
        },
    );
    let files = [
        Vec::new(),
        b"not a quota".to_vec(),
        vec![0; FILE_BYTES],
        layout::encode(&sample(Moment::now()), [7; 16]),
        layout::encode(&other_clock, [1; 16]),
    ];
    for bytes in files {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("quota.bin");
        std::fs::write(&path, bytes).unwrap();
        let mut file = QuotaFile::open_in_boot(&path, OCCUPIED, [1; 16]).unwrap();
        let (quota, now) = look(&mut file).await;
        assert_eq!(quota, Quota::of_unknown_past(now, OCCUPIED));
        // It is whole again, and the silence is not begun anew.
        assert_eq!(look(&mut file).await.0, quota);
    }
}

#[tokio::test]
async fn a_change_by_one_is_seen_by_the_other() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("quota.bin");
    let mut one = QuotaFile::open(&path, OCCUPIED).unwrap();
    let mut two = QuotaFile::open(&path, OCCUPIED).unwrap();
    one.lock().await.unwrap();
    assert!(std::fs::File::open(&path).unwrap().try_lock().is_err());
    let written = one.update(|quota, now| {
        *quota = sample(now);
        quota.clone()
    });
    assert_eq!(look(&mut two).await.0, written.unwrap());
}

#[tokio::test]
async fn a_removed_file_is_made_again_after_one_window_of_silence() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("quota.bin");
    let mut one = QuotaFile::open(&path, OCCUPIED).unwrap();
    let mut two = QuotaFile::open(&path, OCCUPIED).unwrap();
    std::fs::remove_file(&path).unwrap();
    let (quota, now) = look(&mut one).await;
    assert_eq!(quota.not_before, now.after(OCCUPIED));
    // Both meet in the new file.
    assert!(look(&mut two).await.0.not_before >= quota.not_before);
    assert_eq!(look(&mut one).await.0, look(&mut two).await.0);
}

#[tokio::test]
async fn slots_of_one_limiter_hold_the_other_back_until_they_lapse() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("quota.bin");
    let (one, first) = Limiter::new(settings(&path)).unwrap();
    let (two, second) = Limiter::new(settings(&path)).unwrap();
    let (first, second) = (tokio::spawn(first.run()), tokio::spawn(second.run()));
    let permits = [
        one.acquire(25_000).await.unwrap(),
        one.acquire(25_000).await.unwrap(),
    ];
    let taken = Moment::now();
    // Dies without a trace: nothing renews or marks what it held.
    first.abort();
    drop(two.acquire(1).await.unwrap());
    let waited = Moment::now().since(taken);
    assert!(waited > Duration::from_millis(900), "{waited:?}");
    drop(permits);
    drop(two);
    second.await.unwrap();
    assert!(matches!(one.acquire(1).await, Err(LimiterError::Stopped)));
}

#[tokio::test]
async fn an_unsent_request_keeps_its_place_however_long_it_takes() {
    let place = tempfile::tempdir().unwrap();
    let (limiter, dispatcher) = Limiter::new(settings(&place.path().join("q.bin"))).unwrap();
    let task = tokio::spawn(dispatcher.run());
    let permit = limiter.acquire(50_000).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(1_500), limiter.acquire(1)).await;
    assert!(early.is_err());
    assert_eq!(limiter.waiting_for(), Some(crate::limiter::Waiting::Rows));
    permit.sent();
    let sent = Moment::now();
    drop(limiter.acquire(1).await.unwrap());
    assert!(Moment::now().since(sent) > Duration::from_millis(1_009));
    drop(limiter);
    task.await.unwrap();
}

#[tokio::test]
async fn what_can_never_fit_is_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("q.bin");
    let (limiter, _dispatcher) = Limiter::new(settings(&path)).unwrap();
    let error = limiter.acquire(50_001).await.unwrap_err();
    assert!(matches!(
        error,
        LimiterError::BatchTooLarge {
            rows: 50_001,
            most: 50_000
        }
    ));
    let many = LimitSettings {
        requests_per_second: NonZeroU32::new(1_001).unwrap(),
        ..settings(&path)
    };
    assert!(matches!(
        Limiter::new(many),
        Err(LimiterError::TooManyRequests { .. })
    ));
    let long = LimitSettings {
        guard: Duration::from_secs(2),
        ..settings(&path)
    };
    assert!(matches!(
        Limiter::new(long),
        Err(LimiterError::GuardTooLong { .. })
    ));
}

#[test]
fn the_file_lies_in_a_directory_of_ours_alone() {
    let place = tempfile::tempdir().unwrap();
    let user = place.path().metadata().unwrap().uid();
    let target = Target::new("1", "2", "cn").unwrap();
    let other = Target::new("1", "2", "127.0.0.1:80").unwrap();
    let nowhere = place.path().join("nowhere");
    let path = file_below(place.path(), &nowhere, user, &target).unwrap();
    assert_eq!(path.parent().unwrap(), place.path().join("byteair-sync"));
    assert_eq!(
        path.parent().unwrap().metadata().unwrap().mode() & 0o777,
        0o700
    );
    assert_eq!(
        file_below(place.path(), &nowhere, user, &target).unwrap(),
        path
    );
    assert_ne!(
        file_below(place.path(), &nowhere, user, &other).unwrap(),
        path
    );

    let directory = place.path().join(format!("byteair-sync-{user}"));
    let below = file_below(&nowhere, place.path(), user, &target).unwrap();
    assert_eq!(below.parent().unwrap(), directory);
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&directory, open).unwrap();
    let error = file_below(&nowhere, place.path(), user, &target).unwrap_err();
    assert!(error.to_string().contains(directory.to_str().unwrap()));

    std::fs::remove_dir(&directory).unwrap();
    let elsewhere = place.path().join("elsewhere");
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&elsewhere)
        .unwrap();
    std::os::unix::fs::symlink(&elsewhere, &directory).unwrap();
    assert!(file_below(&nowhere, place.path(), user, &target).is_err());
}
