//! The sandbox as a process of its own, which can go away and come back with all that it knew.

use crate::recorder::eventually;
use crate::start::{Place, signal};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;

/// A running sandbox with a data directory.
pub(crate) struct Platform {
    place: Place,
    child: Child,
    port: u16,
}

impl Platform {
    pub(crate) fn start() -> Self {
        let place = Place::new();
        let child = serve(&place, 0);
        eventually("the port file", || place.path("port").exists());
        let port = std::fs::read_to_string(place.path("port")).unwrap();
        let port = port.trim().parse().unwrap();
        Self { place, child, port }
    }

    /// A place for clients of it.
    pub(crate) fn client(&self) -> Place {
        let mut client = Place::at(([127, 0, 0, 1], self.port).into());
        client.set("BYTEAIR_AK", "sandbox");
        client.set("BYTEAIR_SK", "sandbox");
        client
    }

    pub(crate) fn go_away(&mut self) {
        signal(&self.child, rustix::process::Signal::TERM);
        self.child.wait().unwrap();
    }

    pub(crate) fn come_back(&mut self) {
        self.child = serve(&self.place, self.port);
        eventually("the sandbox", || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    /// The streamed behavior rows that it has accepted, sorted, each as often as it was stored.
    pub(crate) fn stored(&self) -> Vec<String> {
        // A reply to HTTP/1.0 comes in one piece.
        let question = "GET /sandbox/rows?topic=behavior&stage=incremental_sync_streaming HTTP/1.0\r\nHost: x\r\n\r\n";
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        connection.write_all(question.as_bytes()).unwrap();
        let mut reply = Vec::new();
        connection.read_to_end(&mut reply).unwrap();
        let reply = String::from_utf8(reply).unwrap();
        let mut rows: Vec<String> = reply
            .lines()
            .map(|line| line.trim_end_matches('\r'))
            .filter(|line| line.starts_with('{'))
            .map(str::to_owned)
            .collect();
        rows.sort();
        rows
    }

    /// Waits until all of these are stored, and sees that nothing else is.
    #[track_caller]
    pub(crate) fn expect(&self, mut rows: Vec<String>) {
        rows.sort();
        eventually("all rows stored", || self.stored().len() >= rows.len());
        let stored = self.stored();
        let twice: Vec<_> = stored.windows(2).filter(|two| two[0] == two[1]).collect();
        assert_eq!(twice, Vec::<&[String]>::new(), "stored twice");
        let unknown: Vec<_> = stored.iter().filter(|row| !rows.contains(row)).collect();
        assert!(unknown.is_empty(), "stored and never written: {unknown:?}");
        assert_eq!(stored.len(), rows.len());
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        // It may be away.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

fn serve(place: &Place, port: u16) -> Child {
    place.start(&format!(
        "sandbox --listen 127.0.0.1:{port} --port-file port --data-dir data"
    ))
}
