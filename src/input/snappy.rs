//! Snappy: the framing format, which begins with its name, or one raw block, which has no beginning of its
//! own and is decompressed as a whole. Records of streams come as either.

use super::decompress::read_up_to;
use snap::raw::{Decoder, decompress_len};
use snap::read::FrameDecoder;
use std::io::{self, BufRead, Cursor, Read};

/// Beginning of the framing format.
pub(super) const SNAPPY_MAGIC: &[u8] = &[0xff, 6, 0, 0, b's', b'N'];
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

/// A raw block, decompressed when it is first read.
enum RawBlock<R> {
    Compressed(R),
    Decompressed(Cursor<Vec<u8>>),
}

impl<R: Read> Read for RawBlock<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Compressed(stored) = self {
            let mut block = Vec::new();
            read_up_to(stored, &mut block, MAX_BLOCK_BYTES.saturating_add(1))?;
            if block.len() > MAX_BLOCK_BYTES || decompress_len(&block)? > MAX_BLOCK_BYTES {
                return Err(io::Error::other("a raw block of more than 32 MiB"));
            }
            *self = Self::Decompressed(Cursor::new(Decoder::new().decompress_vec(&block)?));
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
