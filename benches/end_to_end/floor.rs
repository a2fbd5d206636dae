//! The floor: one thread that does only what no uploader can leave out.
//!
//! It reads the file, splits lines, checks UTF-8 and JSON, wraps 10,000 rows in an array, compresses
//! with libdeflate and hashes with SHA-256. It sends nothing, remembers nothing and says nothing
//! useful about a bad row.

use libdeflater::{CompressionLvl, Compressor};
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;

const BATCH_ROWS: u32 = 10_000;
const BUFFER_BYTES: usize = 256 << 10;

struct Batch {
    body: Vec<u8>,
    rows: u32,
    compressor: Compressor,
    compressed: Vec<u8>,
    hashed: u64,
}

/// The role `floor`: file, level.
pub(crate) fn play(arguments: &[String]) {
    let [path, level] = arguments else {
        panic!("floor wants a file and a level");
    };
    let level = CompressionLvl::new(level.parse().unwrap()).unwrap();
    let mut file = File::open(path).unwrap();
    let mut batch = Batch {
        body: Vec::new(),
        rows: 0,
        compressor: Compressor::new(level),
        compressed: Vec::new(),
        hashed: 0,
    };
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut filled = 0;
    loop {
        let read = file.read(&mut buffer[filled..]).unwrap();
        if read == 0 {
            break;
        }
        filled += read;
        let mut begin = 0;
        while let Some(length) = memchr::memchr(b'\n', &buffer[begin..filled]) {
            batch.take(&buffer[begin..begin + length]);
            begin += length + 1;
        }
        buffer.copy_within(begin..filled, 0);
        filled -= begin;
        if filled == buffer.len() {
            buffer.resize(2 * filled, 0);
        }
    }
    batch.finish();
    println!("{}", batch.hashed);
}

impl Batch {
    fn take(&mut self, row: &[u8]) {
        assert_eq!(row.first(), Some(&b'{'), "not an object");
        let text = simdutf8::basic::from_utf8(row).expect("UTF-8");
        serde_json::from_str::<IgnoredAny>(text).expect("JSON");
        self.body.push(if self.rows == 0 { b'[' } else { b',' });
        self.body.extend_from_slice(row);
        self.rows += 1;
        if self.rows == BATCH_ROWS {
            self.finish();
        }
    }

    fn finish(&mut self) {
        if self.rows == 0 {
            return;
        }
        self.body.push(b']');
        let room = self.compressor.gzip_compress_bound(self.body.len());
        if self.compressed.len() < room {
            self.compressed.resize(room, 0);
        }
        let compressor = &mut self.compressor;
        let length = compressor.gzip_compress(&self.body, &mut self.compressed);
        let digest = Sha256::digest(&self.compressed[..length.unwrap()]);
        self.hashed = self.hashed.wrapping_add(u64::from(digest[0]));
        self.body.clear();
        self.rows = 0;
    }
}

/// The role `inflate`: reads a gzip file to its end with the inflater that the program uses.
pub(crate) fn inflate(arguments: &[String]) {
    let file = File::open(&arguments[0]).unwrap();
    let mut inflated = flate2::read::MultiGzDecoder::new(std::io::BufReader::new(file));
    let bytes = std::io::copy(&mut inflated, &mut std::io::sink()).unwrap();
    println!("{bytes}");
}
