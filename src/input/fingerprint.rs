//! By what a stream without a name is known again: its first 64 KiB.

use super::decompress::{read_up_to, with_head};
use super::live::LiveStream;
use super::{InputError, InputFault};
use std::io::Read;
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::xxh3_128;

/// Bytes of a stream that tell it from other streams.
const FINGERPRINT_BYTES: usize = 64 << 10;

/// The digest (XXH3, 128 bits) of a stream's first 64 KiB, by which a stream without a name is
/// known again, and the stream with those bytes put back.
pub fn fingerprint_stdin(
    mut stream: Box<dyn Read + Send>,
) -> Result<(u128, Box<dyn Read + Send>), InputError> {
    let mut head = Vec::with_capacity(FINGERPRINT_BYTES);
    let doing = "read";
    read_up_to(&mut stream, &mut head, FINGERPRINT_BYTES)
        .map_err(|source| failed(InputFault::Io { doing, source }))?;
    let digest = xxh3_128(&head);
    Ok((digest, Box::new(with_head(head, stream))))
}

/// The same of a stream that is not waited for, as soon as its first line is there; no digest if the
/// 64 KiB, or all of it, do not come within `patience`.
pub fn fingerprint_live(
    stream: Box<dyn Read + Send>,
    patience: Duration,
) -> Result<(Option<u128>, Box<dyn Read + Send>), InputError> {
    let unread = |source| failed(InputFault::of_reading(source));
    let mut live = LiveStream::new(stream).map_err(unread)?;
    let mut head = Vec::with_capacity(FINGERPRINT_BYTES);
    let mut begun = None;
    loop {
        let before = head.len();
        read_up_to(&mut live, &mut head, FINGERPRINT_BYTES).map_err(unread)?;
        if head.len() > before {
            begun.get_or_insert_with(Instant::now);
        }
        if live.has_ended() || head.len() >= FINGERPRINT_BYTES {
            let digest = xxh3_128(&head);
            return Ok((Some(digest), Box::new(with_head(head, Box::new(live)))));
        }
        let waited = begun.is_some_and(|begun: Instant| begun.elapsed() >= patience);
        if waited && head.contains(&b'\n') {
            return Ok((None, Box::new(with_head(head, Box::new(live)))));
        }
    }
}

fn failed(fault: InputFault) -> InputError {
    InputError {
        input: "standard input".to_owned(),
        line: None,
        fault,
    }
}
