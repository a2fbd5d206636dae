//! Snappy: the framing format and the one of Java's `SnappyOutputStream`, which begin with their names, or
//! one raw block, which has no beginning of its own and is decompressed as a whole. Records of streams come
//! as any of them.

use super::Compression;
use super::decompress::read_up_to;
use snap::raw::{Decoder, decompress_len};
use snap::read::FrameDecoder;
use std::io::{self, BufRead, Cursor, Read};

/// Beginning of the framing format.
pub(super) const SNAPPY_MAGIC: &[u8] = &[0xff, 6, 0, 0, b's', b'N'];
/// Beginning of what Java's `SnappyOutputStream` writes; two numbers, its versions, follow.
pub(super) const JAVA_MAGIC: &[u8] = &[0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Bytes of the two numbers.
const JAVA_VERSIONS_BYTES: usize = 8;
/// Most bytes of a raw block; records of streams are far smaller.
const MAX_BLOCK_BYTES: usize = 32 << 20;

/// The decompressed bytes.
pub(super) fn unpacked(
    mut stored: impl BufRead + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    if stored.fill_buf()?.starts_with(SNAPPY_MAGIC) {
        return Ok(Box::new(FrameDecoder::new(stored)));
    }
    Ok(Box::new(RawBlock::Compressed(stored)))
}

/// How a record is stored that is said to be. What begins as JSON and is no raw block is as its producer
/// has written it, although the stream calls its records Snappy.
pub(super) fn compression_of_record(said: Compression, data: &[u8]) -> Compression {
    let is_json = || matches!(data.trim_ascii_start().first(), Some(b'{' | b'['));
    if said == Compression::Snappy && is_json() && decompressed_block(data).is_err() {
        return Compression::None;
    }
    said
}

/// What is in a raw block, or in those that Java has written one behind the other, each with its length.
fn decompressed(stored: &[u8]) -> io::Result<Vec<u8>> {
    let Some(rest) = stored.strip_prefix(JAVA_MAGIC) else {
        return decompressed_block(stored);
    };
    let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut rest = rest.get(JAVA_VERSIONS_BYTES..).ok_or_else(cut_off)?;
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (length, behind) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| cut_off())?;
        let (block, behind) = behind.split_at_checked(length).ok_or_else(cut_off)?;
        all.append(&mut decompressed_block(block)?);
        if all.len() > MAX_BLOCK_BYTES {
            return Err(too_large());
        }
        rest = behind;
    }
    Ok(all)
}

fn decompressed_block(block: &[u8]) -> io::Result<Vec<u8>> {
    if decompress_len(block)? > MAX_BLOCK_BYTES {
        return Err(too_large());
    }
    Ok(Decoder::new().decompress_vec(block)?)
}

fn too_large() -> io::Error {
    io::Error::other("a raw block of more than 32 MiB")
}

/// A raw block, or several of Java's, decompressed when it is first read.
enum RawBlock<R> {
    Compressed(R),
    Decompressed(Cursor<Vec<u8>>),
}

impl<R: Read> Read for RawBlock<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Compressed(stored) = self {
            let mut block = Vec::new();
            read_up_to(stored, &mut block, MAX_BLOCK_BYTES.saturating_add(1))?;
            if block.len() > MAX_BLOCK_BYTES {
                return Err(too_large());
            }
            *self = Self::Decompressed(Cursor::new(decompressed(&block)?));
        }
        match self {
            Self::Compressed(_) => Ok(0),
            Self::Decompressed(bytes) => bytes.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_block_that_says_that_it_is_huge_is_refused() {
        let huge = [0xff, 0xff, 0xff, 0xff, 0x0f, 0];
        let mut unpacked = unpacked(Cursor::new(huge)).unwrap();
        let error = unpacked.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("32 MiB"), "{error}");
    }

    #[test]
    fn blocks_of_java_are_unpacked_one_behind_the_other() {
        let mut stored = [JAVA_MAGIC, &[0, 0, 0, 1, 0, 0, 0, 1]].concat();
        for part in [b"one ".as_slice(), b"two"] {
            let block = snap::raw::Encoder::new().compress_vec(part).unwrap();
            stored.extend(u32::try_from(block.len()).unwrap().to_be_bytes());
            stored.extend(block);
        }
        let mut plain = Vec::new();
        let whole = Cursor::new(stored.clone());
        unpacked(whole).unwrap().read_to_end(&mut plain).unwrap();
        assert_eq!(plain, b"one two");
        stored.pop();
        let cut = unpacked(Cursor::new(stored))
            .unwrap()
            .read_to_end(&mut plain);
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn any_bytes_are_unpacked_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut plain = Vec::new();
            let _refused = unpacked(Cursor::new(bytes.clone())).unwrap().read_to_end(&mut plain);
            let block = snap::raw::Encoder::new().compress_vec(&bytes).unwrap();
            plain.clear();
            unpacked(Cursor::new(block)).unwrap().read_to_end(&mut plain).unwrap();
            prop_assert_eq!(plain, bytes);
        }
    }
}
