//! Rows made to be what a schema of twenty fields says: from JSON lines, which mostly are so already,
//! and from CSV, where every value is text at first.

use crate::rows::{Rows, SCHEMA, Shape};
use byteair_sync::schema::{RowRules, Schema, SchemaFile, Shaped, Shaper};
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};

/// Rows of a round.
const ROWS: usize = 20_000;

fn rows(as_text: bool) -> Vec<Vec<u8>> {
    let mut source = Rows::new(Shape::Typed);
    let row = |_| {
        let mut row = Vec::new();
        source.push_json(&mut row);
        if as_text {
            let members: serde_json::Map<String, serde_json::Value> =
                serde_json::from_slice(&row).unwrap();
            let quoted = members.into_iter().map(|(name, value)| match value {
                serde_json::Value::String(text) => (name, text.into()),
                other => (name, other.to_string().into()),
            });
            let quoted: serde_json::Map<String, serde_json::Value> = quoted.collect();
            row = serde_json::to_vec(&quoted).unwrap();
        }
        row
    };
    (0..ROWS).map(row).collect()
}

fn measure(bencher: Bencher<'_, '_>, as_text: bool) {
    let file = SchemaFile::read(SCHEMA).unwrap();
    let rules = RowRules {
        schema: Schema::combine([file]).unwrap(),
        ..RowRules::default()
    };
    let rows = rows(as_text);
    let bytes: usize = rows.iter().map(Vec::len).sum();
    let mut shaper = Shaper::new(&rules);
    bencher
        .counter(BytesCount::new(bytes))
        .counter(ItemsCount::new(rows.len()))
        .bench_local(|| {
            for row in &rows {
                let shaped = black_box(shaper.shape(row));
                assert!(!matches!(shaped, Shaped::Refused(_)));
            }
        });
}

#[divan::bench(sample_count = 20)]
fn of_json_lines(bencher: Bencher<'_, '_>) {
    measure(bencher, false);
}

#[divan::bench(sample_count = 20)]
fn of_cells(bencher: Bencher<'_, '_>) {
    measure(bencher, true);
}
