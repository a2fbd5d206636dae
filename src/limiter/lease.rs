//! What a quota service and its clients say to each other, and a place that is held there.
//!
//! Lines of text over TCP. A client begins with `hello SECRET` and is answered `welcome`; then it
//! sends `take ID ROWS`, `sent ID`, `answered ID`, `over ID` and, as a sign of life, `ping`, and the
//! service `granted ID` and `pong`. A place counts from the grant until one second after `sent`, as
//! the service hears it, so delays on the way cost rate and never the bound.

use std::time::Duration;
use tokio::sync::mpsc;

/// How often a client gives a sign of life.
pub(super) const PING: Duration = Duration::from_secs(1);
/// A service that a client has not heard for so long is gone.
pub(super) const SERVICE_SILENCE: Duration = Duration::from_secs(6);
/// A client that the service has not heard for so long is gone, and has sent what it was going to.
pub(super) const CLIENT_SILENCE: Duration = Duration::from_secs(10);
/// Places that one client may ask for or hold at one time.
pub(super) const MAX_PLACES: usize = 2_000;
/// Longest first line.
pub(super) const MAX_HELLO_BYTES: u64 = 512;

/// What a client says about a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Sent,
    Answered,
    Over,
}

impl Mark {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Answered => "answered",
            Self::Over => "over",
        }
    }
}

/// A line of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Ping,
    Take(u64, u32),
    Marked(u64, Mark),
}

impl Said {
    /// `None` for what is no such line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let said = match (words.next()?, words.next(), words.next()) {
            ("ping", None, None) => Self::Ping,
            ("take", Some(id), Some(rows)) => Self::Take(id.parse().ok()?, rows.parse().ok()?),
            (word, Some(id), None) => {
                let marks = [Mark::Sent, Mark::Answered, Mark::Over];
                let mark = marks.into_iter().find(|mark| mark.word() == word)?;
                Self::Marked(id.parse().ok()?, mark)
            }
            _ => return None,
        };
        words.next().is_none().then_some(said)
    }
}

/// A place in a service's window; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    id: u64,
    marks: mpsc::UnboundedSender<(u64, Mark)>,
}

impl Lease {
    pub(super) const fn new(id: u64, marks: mpsc::UnboundedSender<(u64, Mark)>) -> Self {
        Self { id, marks }
    }

    /// Tells the service. When it is gone there is nobody to tell.
    pub(super) fn mark(&self, mark: Mark) {
        let _gone = self.marks.send((self.id, mark));
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.mark(Mark::Over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_are_understood() {
        assert_eq!(Said::parse("ping"), Some(Said::Ping));
        assert_eq!(Said::parse("take 7 10000"), Some(Said::Take(7, 10_000)));
        for mark in [Mark::Sent, Mark::Answered, Mark::Over] {
            let line = format!("{} 3", mark.word());
            assert_eq!(Said::parse(&line), Some(Said::Marked(3, mark)));
        }
        for wrong in [
            "",
            "ping 1",
            "take",
            "take 1",
            "take 1 -1",
            "take 1 1 1",
            "sent",
            "sent x",
            "held 1",
        ] {
            assert_eq!(Said::parse(wrong), None, "{wrong}");
        }
    }
}
