//! gzip files of any number of members (RFC 1952), with zeros behind the last.

use super::InputFault;
use super::decompress::Counted;
use flate2::bufread::GzDecoder;
use std::io::{self, BufRead, BufReader, Read};

/// The first bytes of each member.
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The members of a gzip file, one after the other. flate2's own multi-member reader takes zeros
/// behind the last member for a broken one.
pub(super) struct Members<R> {
    member: Option<GzDecoder<BufReader<Counted<R>>>>,
}

impl<R: Read> Members<R> {
    pub(super) fn new(stored: BufReader<Counted<R>>) -> Self {
        Self {
            member: Some(GzDecoder::new(stored)),
        }
    }
}

impl<R: Read> Read for Members<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let read = member.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let more = skip_zeros(member.get_mut())?;
            if more {
                check_next(member.get_ref())?;
            }
            self.member = self
                .member
                .take()
                .filter(|_| more)
                .map(|ended| GzDecoder::new(ended.into_inner()));
        }
        Ok(0)
    }
}

/// Whether the bytes at hand may begin a member; the first of them is there.
fn check_next<R>(stored: &BufReader<Counted<R>>) -> io::Result<()> {
    let rest = stored.buffer();
    if rest
        .iter()
        .zip(&GZIP_MAGIC)
        .all(|(byte, magic)| byte == magic)
    {
        return Ok(());
    }
    let fetched = stored.get_ref().fetched();
    let ahead = u64::try_from(rest.len()).unwrap_or(u64::MAX);
    Err(io::Error::other(InputFault::BehindEnd {
        format: "gzip",
        offset: fetched.saturating_sub(ahead),
    }))
}

/// Passes over zeros; whether anything follows them.
fn skip_zeros(stored: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = stored.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros == 0 {
            return Ok(true);
        }
        stored.consume(zeros);
    }
}
