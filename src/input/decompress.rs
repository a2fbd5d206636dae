//! Bytes as stored become bytes as written: gzip, bzip2 and xz of many members, Zstandard of many
//! frames, Snappy, or none.
//!
//! A stream that ends early or does not decode is an error, never a short input; zeros behind the
//! last gzip member (tapes and block devices pad with them) are passed over. What the bytes mean is
//! not looked at here, except for the magic bytes that name the compression.

use super::columnar::RowLines;
use super::compared::{Compared, Differs};
use super::encoding::Undecodable;
use super::gzip::{GZIP_MAGIC, Members};
use super::location::Stored;
use super::snappy::{JAVA_MAGIC, SNAPPY_MAGIC, unpacked};
use super::{Compression, Format, InputFault, Start, StoreFault};
use crate::domain::RawRange;
use bzip2::bufread::MultiBzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::{CONCATENATED, Stream as XzStream};
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes fetched from a compressed input at a time.
const FETCH_BYTES: usize = 128 << 10;
/// Enough bytes to know every magic.
const MAGIC_BYTES: usize = 8;
const XZ_MAGIC: &[u8] = b"\xfd7zXZ\0";
/// Memory that an xz stream may ask for; `xz -9` needs 65 MiB.
const MAX_XZ_BYTES: u64 = 256 << 20;

/// What the decoder of zstd says of a frame whose window is beyond its limit of 128 MiB.
const WINDOW_TOO_LARGE: &str = "requires too much memory";

const LONG_WINDOW: InputFault = InputFault::Unsupported {
    what: "a zstd stream with a window of more than 128 MiB (made with --long=28 or more)",
    advice: "it is whole, but takes too much memory; pack it again with a smaller window: zstd -dc --long=31 OLD.zst | zstd --long=27 -o NEW.zst",
};

/// The decompressed bytes of an input.
pub(super) enum Source {
    /// Bytes as they were written, which can be read from anywhere.
    Plain(Stored),
    /// A stream, read from its beginning only.
    Stream {
        bytes: Box<dyn Read + Send>,
        /// Bytes fetched as stored; `None` where they are the same as the decompressed ones.
        fetched: Option<Arc<AtomicU64>>,
        /// gzip or zstd, empty for a plain stream.
        format: &'static str,
        /// What does not decode, of text in another encoding than UTF-8.
        undecodable: Option<Undecodable>,
    },
    /// Lines of a columnar file, which can be read from any row.
    Rows(Box<dyn RowLines>),
}

impl Source {
    /// The source in a file or object.
    pub(super) fn of_stored(
        mut stored: Stored,
        compression: Compression,
    ) -> Result<Self, InputFault> {
        let mut head = Vec::with_capacity(MAGIC_BYTES);
        read_up_to(&mut stored, &mut head, MAGIC_BYTES).map_err(reading)?;
        let compression = resolve(compression, &head)?;
        stored.go_to(0).map_err(reading)?;
        match compression {
            Compression::Auto | Compression::None => Ok(Self::Plain(stored)),
            _ => inflate(stored, compression),
        }
    }

    /// The source in a stream.
    pub(super) fn of_stream(
        mut stream: Box<dyn Read + Send>,
        compression: Compression,
    ) -> Result<Self, InputFault> {
        let mut head = Vec::with_capacity(MAGIC_BYTES);
        read_up_to(&mut stream, &mut head, MAGIC_BYTES).map_err(reading)?;
        let compression = resolve(compression, &head)?;
        inflate(Cursor::new(head).chain(stream), compression)
    }

    /// The same stream, compared with what was recorded of it.
    pub(super) fn compared_with(self, recorded: &[RawRange], rows: Format) -> Self {
        match self {
            Self::Stream {
                bytes,
                fetched,
                format,
                undecodable,
            } if !recorded.is_empty() => Self::Stream {
                bytes: Box::new(Compared::new(bytes, recorded, rows)),
                fetched,
                format,
                undecodable,
            },
            same => same,
        }
    }

    /// Goes to a byte of a plain file or object; false for a stream, which has to be read up to there.
    pub(super) fn seek(&mut self, offset: u64) -> Result<bool, InputFault> {
        match self {
            Self::Plain(stored) => {
                if stored.size().map_err(reading)? < offset {
                    return Err(InputFault::Shorter { offset });
                }
                stored.go_to(offset).map_err(reading)?;
                Ok(true)
            }
            Self::Stream { .. } | Self::Rows(_) => Ok(false),
        }
    }

    /// Goes to the row of a columnar file that stands at a place; false for everything else.
    pub(super) fn go_to_row(&mut self, start: Start) -> Result<bool, InputFault> {
        let Self::Rows(lines) = self else {
            return Ok(false);
        };
        if lines.go_to_row(start.record)? {
            Ok(true)
        } else {
            Err(InputFault::Shorter {
                offset: start.offset,
            })
        }
    }

    /// Where bytes are that do not decode, of text in another encoding than UTF-8.
    pub(super) const fn undecodable(&self) -> Option<&Undecodable> {
        match self {
            Self::Stream { undecodable, .. } => undecodable.as_ref(),
            Self::Plain(_) | Self::Rows(_) => None,
        }
    }

    /// Bytes fetched as stored, where they differ from the decompressed ones.
    pub(super) fn fetched(&self) -> Option<u64> {
        match self {
            Self::Stream {
                fetched: Some(fetched),
                ..
            } => Some(fetched.load(Ordering::Relaxed)),
            Self::Rows(lines) => Some(lines.consumed()),
            _ => None,
        }
    }

    /// Reads some bytes; 0 at the end. Of an input that others still write to there may be none yet,
    /// which is an error that [`InputFault::is_nothing_yet`] tells from others.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, InputFault> {
        loop {
            let read = match self {
                Self::Plain(stored) => stored.read(buffer),
                Self::Stream { bytes, .. } => bytes.read(buffer),
                Self::Rows(lines) => lines.read(buffer),
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(reading(error));
                }
                Err(error) => return Err(self.fault(error)),
                Ok(read) => return Ok(read),
            }
        }
    }

    /// What a failed read means.
    pub(super) fn fault(&self, error: io::Error) -> InputFault {
        if let Some(differs) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Differs>())
        {
            return InputFault::Changed {
                line: differs.line,
                how: differs.how,
            };
        }
        if let Some(fault) = StoreFault::in_io(&error) {
            return InputFault::Store(fault);
        }
        let error = match error.downcast::<InputFault>() {
            Ok(fault) => return fault,
            Err(error) => error,
        };
        match self {
            // What the operating system says is about the device, not about the data.
            Self::Stream { format, .. } if !format.is_empty() && error.raw_os_error().is_none() => {
                if error.kind() == io::ErrorKind::UnexpectedEof {
                    InputFault::Truncated { format }
                } else if error.to_string().contains(WINDOW_TOO_LARGE) {
                    LONG_WINDOW
                } else {
                    InputFault::Corrupt {
                        format,
                        source: error,
                    }
                }
            }
            _ => reading(error),
        }
    }
}

fn reading(source: io::Error) -> InputFault {
    InputFault::of_io("read", source)
}

/// Reads until `head` holds `limit` bytes, the input ends, or there is nothing more yet.
pub(super) fn read_up_to(
    stream: &mut impl Read,
    head: &mut Vec<u8>,
    limit: usize,
) -> io::Result<()> {
    let missing = u64::try_from(limit.saturating_sub(head.len())).unwrap_or(u64::MAX);
    match stream.take(missing).read_to_end(head) {
        Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        _ => Ok(()),
    }
}

fn resolve(compression: Compression, head: &[u8]) -> Result<Compression, InputFault> {
    match compression {
        Compression::Auto if head.starts_with(&GZIP_MAGIC) => Ok(Compression::Gzip),
        Compression::Auto if is_zstd(head) => Ok(Compression::Zstd),
        Compression::Auto if is_bzip2(head) => Ok(Compression::Bzip2),
        Compression::Auto if head.starts_with(XZ_MAGIC) => Ok(Compression::Xz),
        Compression::Auto if head.starts_with(&[0x04, 0x22, 0x4d, 0x18]) => {
            Err(unsupported("an lz4 file"))
        }
        Compression::Auto if head.starts_with(SNAPPY_MAGIC) || head.starts_with(JAVA_MAGIC) => {
            Ok(Compression::Snappy)
        }
        Compression::Auto if head.starts_with(&[0x89, b'L', b'Z', b'O']) => {
            Err(unsupported("an lzop file"))
        }
        Compression::Auto => Ok(Compression::None),
        Compression::Gzip if is_other(head, &GZIP_MAGIC) => Err(misnamed("no gzip file")),
        Compression::Bzip2 if is_other(head, b"BZh") => Err(misnamed("no bzip2 file")),
        Compression::Xz if is_other(head, XZ_MAGIC) => Err(misnamed("no xz file")),
        named => Ok(named),
    }
}

/// Whether something is there, and not even the beginning of what begins so.
fn is_other(head: &[u8], magic: &[u8]) -> bool {
    head.iter().zip(magic).any(|(byte, magic)| byte != magic)
}

const fn misnamed(what: &'static str) -> InputFault {
    InputFault::Unsupported {
        what,
        advice: "--compression says something else; leave it out, then the file itself is looked at",
    }
}

const fn unsupported(what: &'static str) -> InputFault {
    InputFault::Unsupported {
        what,
        advice: "this compression cannot be read; decompress it, or use gzip, zstd, bzip2, xz or snappy",
    }
}

/// Whether a frame begins here, or one that is passed over: pzstd puts such a one before each.
fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Whether these are a bzip2 header and the magic of a block or of an empty stream's end, so that
/// text which begins with `BZh` is text.
fn is_bzip2(head: &[u8]) -> bool {
    let level = head
        .strip_prefix(b"BZh")
        .and_then(|rest| rest.split_first());
    level.is_some_and(|(level, magic)| {
        level.is_ascii_digit()
            && (b"1AY&SY".starts_with(magic) || b"\x17rE8P\x90".starts_with(magic))
    })
}

fn inflate<R: Read + Send + 'static>(
    stored: R,
    compression: Compression,
) -> Result<Source, InputFault> {
    let (counted, fetched) = Counted::new(stored);
    let source = |bytes, format| Source::Stream {
        bytes,
        fetched: Some(fetched),
        format,
        undecodable: None,
    };
    let buffered = |counted| BufReader::with_capacity(FETCH_BYTES, counted);
    Ok(match compression {
        Compression::Gzip => source(Box::new(Members::new(buffered(counted))), "gzip"),
        Compression::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(buffered(counted));
            source(Box::new(decoder.map_err(reading)?), "zstd")
        }
        Compression::Bzip2 => source(Box::new(MultiBzDecoder::new(buffered(counted))), "bzip2"),
        Compression::Xz => {
            let stream = XzStream::new_stream_decoder(MAX_XZ_BYTES, CONCATENATED);
            let stream = stream.map_err(|error| reading(error.into()))?;
            source(
                Box::new(XzDecoder::new_stream(buffered(counted), stream)),
                "xz",
            )
        }
        Compression::Snappy => source(unpacked(buffered(counted)).map_err(reading)?, "snappy"),
        Compression::Auto | Compression::None => Source::Stream {
            bytes: Box::new(counted.stored),
            fetched: None,
            format: "",
            undecodable: None,
        },
    })
}

/// Counts what is fetched.
pub(super) struct Counted<R> {
    stored: R,
    fetched: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    /// A reader and the number of bytes that were read from it.
    pub(super) fn new(stored: R) -> (Self, Arc<AtomicU64>) {
        let fetched = Arc::new(AtomicU64::new(0));
        let counted = Self {
            stored,
            fetched: Arc::clone(&fetched),
        };
        (counted, fetched)
    }

    /// Bytes that were read so far.
    pub(super) fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.stored.read(buffer)?;
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        self.fetched.fetch_add(bytes, Ordering::Relaxed);
        Ok(read)
    }
}

/// A stream with its first bytes put back.
pub(super) fn with_head(
    head: Vec<u8>,
    stream: Box<dyn Read + Send>,
) -> Chain<Cursor<Vec<u8>>, Box<dyn Read + Send>> {
    Cursor::new(head).chain(stream)
}
