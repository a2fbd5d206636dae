//! Parquet objects of a real S3-compatible server: read by parts, bound to one version, resumed in the
//! middle.

use crate::hostile_parquet::wide;
use crate::object_store::Bucket;
use crate::recorder::{Latch, Recorder, Reply};
use crate::start::{Place, WRITE};
use std::fs;
use std::path::PathBuf;

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/parquet");
    fs::read(folder.join(name)).unwrap()
}

fn expected(name: &str) -> Vec<String> {
    let text = String::from_utf8(fixture(name)).unwrap();
    let mut rows: Vec<String> = text.lines().map(str::to_owned).collect();
    rows.sort_unstable();
    rows
}

/// Bytes that were fetched of objects.
fn fetched(bucket: &Bucket) -> u64 {
    let asked = bucket.wire.take();
    let ranges = asked.iter().filter_map(|it| it.range);
    ranges.map(|(first, last)| last - first + 1).sum()
}

fn upload(place: &Place, bucket: &Bucket, key: &str) -> String {
    place.end(&format!("{WRITE} {}", bucket.url(key))).expect(0);
    place.end("ledger list").expect(0).output
}

#[test]
fn every_row_of_an_object_arrives_also_over_a_wire_that_breaks_and_a_killed_upload_goes_on() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    bucket.put("nested.parquet", fixture("nested_pages.parquet"));
    bucket.wire.cut_after(20_000);
    assert!(upload(&place, &bucket, "nested.parquet").contains("done"));
    assert_eq!(recorder.stored(), expected("nested_pages.jsonl"));
    bucket.wire.cut_after(0);

    let latch = Latch::default();
    let held = latch.clone();
    let recorder = Recorder::answering(move |_, number| {
        if number == 5 {
            held.wait();
        }
        Reply::ok()
    });
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    bucket.put("items.parquet", fixture("items_zstd.parquet"));
    let words = format!(
        "{WRITE} --batch-rows 70 --max-in-flight 1 {}",
        bucket.url("items.parquet")
    );
    let mut child = place.start(&words);
    recorder.wait_for(6);
    child.kill().unwrap();
    child.wait().unwrap();
    latch.open();
    place.end(&words).expect(0);
    assert_eq!(recorder.stored(), expected("items.jsonl"));
    assert_eq!(recorder.dones().len(), 1);
}

#[test]
fn columns_that_are_read_in_turn_cost_little_more_than_the_object_itself() {
    let recorder = Recorder::new();
    let Some((bucket, place)) = Bucket::new(&recorder) else {
        return;
    };
    let object = wide(4, 6, 25_000);
    let size = u64::try_from(object.len()).unwrap();
    bucket.put("wide.parquet", &object);
    bucket.wire.take();
    upload(&place, &bucket, "wide.parquet");
    let fetched = fetched(&bucket);
    println!("{fetched} bytes of {size} were fetched");
    assert_eq!(recorder.rows().len(), 150_000);
    assert!(fetched < 2 * size, "{fetched} bytes of {size} were fetched");
}
