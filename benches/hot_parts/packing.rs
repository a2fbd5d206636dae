//! From a body to what is sent: the digest that tells a batch from others, compression, the hash
//! for the signature, and the Request-Id.

use crate::SHAPES;
use crate::rows::{Rows, Shape};
use byteair_sync::domain::{BatchIdentity, Epoch, Generation, Partition, Stage, Target};
use byteair_sync::protocol::Gzip;
use byteair_sync::protocol::sign::payload_digest;
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use xxhash_rust::xxh3::xxh3_128;

/// Most rows and bytes of a batch.
const BATCH_ROWS: usize = 10_000;
const BATCH_BYTES: usize = 8 << 20;

/// A full batch.
fn body(shape: Shape) -> Vec<u8> {
    let mut rows = Rows::new(shape);
    let mut body = Vec::new();
    for _ in 0..BATCH_ROWS {
        body.push(if body.is_empty() { b'[' } else { b',' });
        rows.push_json(&mut body);
        if body.len() > BATCH_BYTES {
            break;
        }
    }
    body.push(b']');
    body
}

fn compress(bencher: Bencher<'_, '_>, shape: Shape, level: i32) {
    let (body, mut gzip) = (body(shape), Gzip::new(level));
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| gzip.compress(black_box(&body)));
}

#[divan::bench(args = SHAPES, sample_count = 20)]
fn gzip_level_1(bencher: Bencher<'_, '_>, shape: Shape) {
    compress(bencher, shape, 1);
}

#[divan::bench(args = SHAPES, sample_count = 10)]
fn gzip_level_6(bencher: Bencher<'_, '_>, shape: Shape) {
    compress(bencher, shape, 6);
}

#[divan::bench]
fn digest_of_a_body(bencher: Bencher<'_, '_>) {
    let body = body(Shape::Item);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| xxh3_128(black_box(&body)));
}

#[divan::bench]
fn hash_of_a_compressed_body(bencher: Bencher<'_, '_>) {
    let body = Gzip::new(1).compress(&body(Shape::Item));
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench_local(|| payload_digest(black_box(&body)));
}

#[divan::bench]
fn request_id(bencher: Bencher<'_, '_>) {
    let partition = Partition {
        target: Target::new("2100021", "20013144", "cn").unwrap(),
        topic: "item".parse().unwrap(),
        stage: Stage::HistorySync("2022-01-01".parse().unwrap()),
    };
    let identity = BatchIdentity {
        input: 1,
        first_record: 10_001,
        rows: 10_000,
        digest: 7,
    };
    bencher.bench_local(|| {
        black_box(identity).request_id(Epoch([7; 16]), &partition, Generation::default())
    });
}
