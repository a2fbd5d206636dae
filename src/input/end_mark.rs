//! Standard input whose writer says when it is complete.
//!
//! A pipe ends the same whether its writer has finished or was killed. Where a mark is agreed on,
//! an end without it is an error, so that the rows of a half-written stream are not taken for all.

use std::io::{self, Read};

/// The last line: the character EOT alone.
const MARK: [u8; 2] = [0x04, b'\n'];

/// A stream without its mark; reading fails at an end where there is none.
#[derive(Debug)]
pub struct EndMarked<R> {
    inner: R,
    /// The last bytes, which may be the mark.
    held: Vec<u8>,
    ended: bool,
}

impl<R: Read> EndMarked<R> {
    /// Expects the mark at the end of a stream.
    pub fn new(inner: R) -> Self {
        Self {
            inner,
            held: Vec::new(),
            ended: false,
        }
    }
}

impl<R: Read> Read for EndMarked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() || self.ended {
            return Ok(0);
        }
        let mut chunk = vec![0; into.len()];
        loop {
            let got = self.inner.read(&mut chunk)?;
            if got == 0 {
                if self.held != MARK {
                    return Err(io::Error::new(
                        io::ErrorKind::UnexpectedEof,
                        "standard input ended without its mark (--end-mark): whoever wrote it was interrupted",
                    ));
                }
                self.ended = true;
                return Ok(0);
            }
            self.held
                .extend_from_slice(chunk.get(..got).unwrap_or_default());
            // As many bytes come out as went in, once the mark's length is held back.
            let free = self.held.len().saturating_sub(MARK.len()).min(into.len());
            if free == 0 {
                continue;
            }
            for (to, from) in into.iter_mut().zip(self.held.drain(..free)) {
                *to = from;
            }
            return Ok(free);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let (now, later) = self.0.split_at(self.1.min(into.len()).min(self.0.len()));
            into[..now.len()].copy_from_slice(now);
            self.0 = later;
            Ok(now.len())
        }
    }

    #[test]
    fn a_stream_is_whole_only_with_its_mark_however_it_arrives() {
        for step in 1..6 {
            for size in 1..6 {
                let read = |bytes: &[u8]| {
                    let mut marked = EndMarked::new(Slow(bytes, step));
                    let (mut all, mut part) = (Vec::new(), vec![0; size]);
                    loop {
                        match marked.read(&mut part) {
                            Ok(0) => return Ok(all),
                            Ok(got) => all.extend_from_slice(&part[..got]),
                            Err(error) => return Err(error.kind()),
                        }
                    }
                };
                assert_eq!(read(b"{}\n{}\n\x04\n"), Ok(b"{}\n{}\n".to_vec()));
                assert_eq!(read(b"\x04\n"), Ok(Vec::new()));
                for cut in [&b""[..], b"{}\n", b"{}\n\x04", b"\x04\n{}\n", b"{"] {
                    assert_eq!(read(cut), Err(io::ErrorKind::UnexpectedEof));
                }
            }
        }
    }
}
