//! Text in another encoding becomes UTF-8 before it is cut into rows, because the second byte of a
//! GBK character may equal a delimiter.
//!
//! UTF-8 passes by untouched. What is decoded is read from its beginning, and all offsets, ranges and
//! digests of it are those of the UTF-8 text: the same bytes decode to the same text, so resuming and
//! verifying stay exact. A sequence that does not decode becomes one byte 0xFF, which is never UTF-8:
//! its row is rejected and says where in the file the sequence stands.

use super::decompress::{Counted, Source, read_up_to, with_head};
use super::window::wide;
use super::{InputFault, RejectCode};
use encoding_rs::{DecoderResult, UTF_8};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes decoded at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// Undecodable sequences whose places are kept until their row comes.
const MAX_PLACES: usize = 64 << 10;
/// Enough bytes to know every byte order mark.
const BOM_BYTES: usize = 4;
/// Stands for a sequence that does not decode; no byte of UTF-8.
const UNDECODABLE: u8 = 0xff;

/// An encoding of text, one of the WHATWG Encoding Standard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(&'static encoding_rs::Encoding);

impl TextEncoding {
    /// The encoding with this label (`gbk`, `gb18030`, `utf-16le`, `big5`, …); `None` for no label.
    pub fn for_label(label: &str) -> Option<Self> {
        encoding_rs::Encoding::for_label_no_replacement(label.as_bytes()).map(Self)
    }

    /// Its name in the standard.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

/// Where the sequences of an input stand that do not decode.
#[derive(Debug, Clone)]
pub(super) struct Undecodable {
    encoding: &'static str,
    /// Byte of the text and byte of the decompressed input.
    places: Arc<Mutex<VecDeque<(u64, u64)>>>,
}

impl Undecodable {
    /// Why a record is no row that starts at a byte of the text.
    pub(super) fn explain(&self, begin: u64, record: &[u8]) -> (RejectCode, String) {
        let found = memchr::memchr(UNDECODABLE, record);
        let text = begin.saturating_add(wide(found.unwrap_or(0)));
        let place = match self.place(text) {
            Some(byte) => format!("at byte offset {byte} of the (decompressed) file"),
            None => "somewhere in it".to_owned(),
        };
        let encoding = self.encoding;
        let message = format!("not {encoding} {place}; repair the export, or give its --encoding");
        (RejectCode::NotDecodable, message)
    }

    /// The name of the encoding.
    pub(super) const fn encoding(&self) -> &'static str {
        self.encoding
    }

    fn place(&self, text: u64) -> Option<u64> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        while places.front().is_some_and(|(at, _)| *at < text) {
            places.pop_front();
        }
        places
            .front()
            .filter(|(at, _)| *at == text)
            .map(|(_, byte)| *byte)
    }

    fn note(&self, text: u64, byte: u64) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() < MAX_PLACES {
            places.push_back((text, byte));
        }
    }
}

/// The text of a source as UTF-8, decoded by its byte order mark or as an option says.
pub(super) fn decoded(source: Source, named: Option<TextEncoding>) -> Result<Source, InputFault> {
    let (source, head) = peek(source)?;
    if head.starts_with(&[0xff, 0xfe, 0, 0]) || head.starts_with(&[0, 0, 0xfe, 0xff]) {
        return Err(InputFault::Unsupported {
            what: "UTF-32 text",
            advice: "convert it to UTF-8, for example with iconv -f UTF-32 -t UTF-8",
        });
    }
    let marked = encoding_rs::Encoding::for_bom(&head).map(|(encoding, _)| encoding);
    let encoding = match (named, marked) {
        (Some(TextEncoding(named)), Some(marked)) if named != marked => {
            return Err(InputFault::BadOption {
                problem: format!(
                    "it begins with the byte order mark of {}, but --encoding says {}; leave \
                     --encoding out for this file",
                    marked.name(),
                    named.name()
                ),
            });
        }
        (Some(TextEncoding(named)), _) => named,
        (None, marked) => marked.unwrap_or(UTF_8),
    };
    if encoding == UTF_8 {
        return Ok(source);
    }
    let (bytes, fetched, format): (Box<dyn Read + Send>, _, _) = match source {
        Source::Plain(stored) => {
            let (counted, fetched) = Counted::new(stored);
            (Box::new(counted), fetched, "")
        }
        Source::Stream {
            bytes,
            fetched: Some(fetched),
            format,
            ..
        } => (bytes, fetched, format),
        Source::Stream { bytes, format, .. } => {
            let (counted, fetched) = Counted::new(bytes);
            (Box::new(counted), fetched, format)
        }
        // The texts of a columnar file are UTF-8 by definition.
        rows @ Source::Rows(_) => return Ok(rows),
    };
    let undecodable = Undecodable {
        encoding: encoding.name(),
        places: Arc::default(),
    };
    Ok(Source::Stream {
        bytes: Box::new(Decoder::new(bytes, encoding, undecodable.clone())),
        fetched: Some(fetched),
        format,
        undecodable: Some(undecodable),
    })
}

/// The first bytes of a source, and the source with them put back.
fn peek(source: Source) -> Result<(Source, Vec<u8>), InputFault> {
    let mut head = Vec::with_capacity(BOM_BYTES);
    match source {
        Source::Rows(_) => Ok((source, head)),
        Source::Plain(mut stored) => {
            let reading = |source| InputFault::of_io("read", source);
            read_up_to(&mut stored, &mut head, BOM_BYTES).map_err(reading)?;
            stored.go_to(0).map_err(reading)?;
            Ok((Source::Plain(stored), head))
        }
        Source::Stream {
            mut bytes,
            fetched,
            format,
            undecodable,
        } => {
            let outcome = read_up_to(&mut bytes, &mut head, BOM_BYTES);
            let source = Source::Stream {
                bytes: Box::new(with_head(head.clone(), bytes)),
                fetched,
                format,
                undecodable,
            };
            match outcome {
                Ok(()) => Ok((source, head)),
                Err(error) => Err(source.fault(error)),
            }
        }
    }
}

/// Decodes bytes while they are read.
struct Decoder {
    bytes: Box<dyn Read + Send>,
    state: encoding_rs::Decoder,
    undecodable: Undecodable,
    input: Vec<u8>,
    /// The part of `input` that is not decoded yet.
    from: usize,
    to: usize,
    /// Bytes decoded, and bytes of text made of them.
    taken: u64,
    text: u64,
    output: Vec<u8>,
    /// Bytes of `output` that were given away.
    given: usize,
    ended: bool,
    finished: bool,
}

impl Decoder {
    fn new(
        bytes: Box<dyn Read + Send>,
        encoding: &'static encoding_rs::Encoding,
        undecodable: Undecodable,
    ) -> Self {
        Self {
            bytes,
            state: encoding.new_decoder_with_bom_removal(),
            undecodable,
            input: vec![0; CHUNK_BYTES],
            from: 0,
            to: 0,
            taken: 0,
            text: 0,
            output: Vec::new(),
            given: 0,
            ended: false,
            finished: false,
        }
    }

    /// Decodes a piece; nothing may be left of the one before.
    fn decode(&mut self) -> io::Result<()> {
        if self.from == self.to && !self.ended {
            self.from = 0;
            self.to = 0;
            self.to = self.bytes.read(&mut self.input)?;
            self.ended = self.to == 0;
        }
        self.given = 0;
        self.output.resize(CHUNK_BYTES, 0);
        let input = self.input.get(self.from..self.to).unwrap_or_default();
        let (result, read, written) =
            self.state
                .decode_to_utf8_without_replacement(input, &mut self.output, self.ended);
        self.from = self.from.saturating_add(read);
        self.taken = self.taken.saturating_add(wide(read));
        self.text = self.text.saturating_add(wide(written));
        self.output.truncate(written);
        match result {
            DecoderResult::InputEmpty => self.finished = self.ended,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(length, behind) => {
                let back = u64::from(length).saturating_add(u64::from(behind));
                self.undecodable
                    .note(self.text, self.taken.saturating_sub(back));
                self.output.push(UNDECODABLE);
                self.text = self.text.saturating_add(1);
            }
        }
        Ok(())
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.output.len() && !self.finished {
            self.decode()?;
        }
        let mut left = self.output.get(self.given..).unwrap_or_default();
        let read = left.read(buffer)?;
        self.given = self.given.saturating_add(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
