//! A stream whose writer takes its time: reading it never waits for long.
//!
//! A thread of its own reads ahead, two buffers at most, so that a slow reader still slows the writer
//! down. Whoever reads here learns after a moment that there is nothing yet, and can send what there
//! was before.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// How long a read waits before it says that there is nothing yet.
const PATIENCE: Duration = Duration::from_millis(10);

/// Bytes read at a time; as many as a pipe holds.
const CHUNK_BYTES: usize = 64 << 10;

/// A stream that can say that there is nothing yet (`WouldBlock`).
pub(super) struct LiveStream {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl LiveStream {
    /// Begins to read ahead.
    pub(super) fn new(stream: Box<dyn Read + Send>) -> io::Result<Self> {
        let (sender, chunks) = sync_channel(1);
        // Its last read may never return; it ends with the process.
        let _reading = std::thread::Builder::new()
            .name("stream".to_owned())
            .spawn(move || read_ahead(stream, &sender))?;
        Ok(Self {
            chunks,
            chunk: Vec::new(),
            taken: 0,
            ended: false,
        })
    }
}

impl LiveStream {
    /// Whether all of it was read.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }
}

fn read_ahead(mut stream: Box<dyn Read + Send>, chunks: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = match stream.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) => return,
            Ok(read) => {
                chunk.truncate(read);
                Ok(chunk)
            }
            Err(error) => Err(error),
        };
        let failed = read.is_err();
        if chunks.send(read).is_err() || failed {
            return;
        }
    }
}

impl Read for LiveStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.chunk.len() && !self.ended {
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => (self.chunk, self.taken) = (chunk?, 0),
                Err(RecvTimeoutError::Timeout) => return Err(io::ErrorKind::WouldBlock.into()),
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
            }
        }
        let mut rest = self.chunk.get(self.taken..).unwrap_or_default();
        let read = rest.read(buffer)?;
        self.taken = self.taken.saturating_add(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_slow_writer_is_not_waited_for_and_nothing_is_lost() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut live = LiveStream::new(Box::new(reader)).unwrap();
        let mut buffer = [0; 3];
        let nothing = live.read(&mut buffer).unwrap_err();
        assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
        writer.write_all(b"abcde").unwrap();
        let mut seen = Vec::new();
        while seen.len() < 5 {
            match live.read(&mut buffer) {
                Ok(read) => seen.extend_from_slice(&buffer[..read]),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        assert_eq!(seen, b"abcde");
        drop(writer);
        let ended = std::iter::repeat_with(|| live.read(&mut buffer)).find_map(Result::ok);
        assert_eq!(ended, Some(0));
    }
}
