//! Real sockets, real time: a receiver on the same machine notes when requests arrive.
//!
//! Only the upper bound is asserted; how fast the machine is does not matter.

use super::simulation::worst_second;
use crate::limiter::clock::Moment;
use crate::limiter::{LimitSettings, Limiter};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Uploads for some seconds through `uploads` limiters at once, as as many processes would.
async fn arrivals(
    uploads: usize,
    sizes: &'static [u32],
    length: Duration,
    quota_file: Option<PathBuf>,
) -> Vec<(Moment, u32)> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (note, mut noted) = mpsc::unbounded_channel();
    let receiver = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(receive(stream, note.clone()));
        }
    });
    let mut tasks = JoinSet::new();
    for _ in 0..uploads {
        let settings = LimitSettings {
            requests_per_second: NonZeroU32::new(100).unwrap(),
            rows_per_second: NonZeroU32::new(50_000).unwrap(),
            // The whole test suite shares few cores: the receiver may be late by more than the
            // default covers.
            guard: Duration::from_millis(250),
            quota_file: quota_file.clone(),
        };
        let (limiter, dispatcher) = Limiter::new(settings).unwrap();
        tasks.spawn(dispatcher.run());
        for worker in 0..16 {
            tasks.spawn(send(limiter.clone(), address, sizes, worker, length));
        }
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    receiver.abort();
    let mut seen = Vec::new();
    while let Ok(Some(arrival)) =
        tokio::time::timeout(Duration::from_millis(500), noted.recv()).await
    {
        seen.push(arrival);
    }
    seen.sort_unstable();
    seen
}

/// Notes the moment at which the last byte of each request was read.
async fn receive(mut stream: TcpStream, note: mpsc::UnboundedSender<(Moment, u32)>) {
    let mut body = Vec::new();
    while let Ok(rows) = stream.read_u32().await {
        body.resize(usize::try_from(rows).unwrap() * 10, 0);
        if stream.read_exact(&mut body).await.is_err() {
            return;
        }
        note.send((Moment::now(), rows)).unwrap();
    }
}

async fn send(limiter: Limiter, to: SocketAddr, sizes: &[u32], worker: usize, length: Duration) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let start = Moment::now();
    for rows in sizes.iter().cycle().skip(worker) {
        let permit = limiter.acquire(*rows).await.unwrap();
        let mut request = rows.to_be_bytes().to_vec();
        request.resize(4 + usize::try_from(*rows).unwrap() * 10, 0);
        stream.write_all(&request).await.unwrap();
        permit.sent();
        if Moment::now().since(start) > length {
            return;
        }
    }
}

fn assert_within_quota(title: &str, seen: &[(Moment, u32)]) {
    let (first, last) = (seen.first().unwrap().0, seen.last().unwrap().0);
    let rows: u64 = seen.iter().map(|(_, rows)| u64::from(*rows)).sum();
    let worst = worst_second(seen);
    println!(
        "{title}: {} requests, {rows} rows in {:?}, worst second {worst:?}",
        seen.len(),
        last.since(first)
    );
    assert!(worst.0 <= 100 && worst.1 <= 50_000, "{worst:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_second_at_a_receiver_exceeds_the_quota() {
    let length = Duration::from_secs(3);
    for sizes in [&[10_000][..], &[300], &[10_000, 1, 7_000, 300, 2_500]] {
        let seen = arrivals(1, sizes, length, None).await;
        assert!(seen.len() > 10);
        assert_within_quota(&format!("{sizes:?}"), &seen);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_uploads_that_share_a_quota_file_stay_within_it_together() {
    let place = tempfile::tempdir().unwrap();
    let length = Duration::from_secs(3);
    for sizes in [&[10_000][..], &[300], &[10_000, 1, 7_000, 300, 2_500]] {
        let file = place.path().join("quota.bin");
        let seen = arrivals(2, sizes, length, Some(file)).await;
        assert!(seen.len() > 10);
        assert_within_quota(&format!("two, {sizes:?}"), &seen);
    }
}
