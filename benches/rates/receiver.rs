//! A server that counts by itself: it stamps each request when its last byte has been read.
//!
//! Plain sockets and threads, nothing of the program or of its sandbox, so that it can testify
//! against both. It gives a rate that changes by a plan, in sliding or fixed seconds, refuses what
//! is beyond it with 429, and answers after a latency. What is refused does not count against later
//! requests.

use crate::arrivals::Arrival;
use flate2::read::MultiGzDecoder;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How each row of the generated data begins; the letter behind it names the file.
pub(crate) const ROW_START: &[u8] = b"{\"goods_id\":\"";
const SECOND: Duration = Duration::from_secs(1);

/// From this moment after the first request on: rows and requests a second.
pub(crate) type Step = (f64, u64, u64);

/// How the server behaves.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Limits in order of time; before the first one there are none.
    pub(crate) steps: Vec<Step>,
    /// Shortest and longest time before an answer.
    pub(crate) latency: (Duration, Duration),
    /// Counts from one full second to the next instead of over the last second.
    pub(crate) fixed_seconds: bool,
    /// Seconds in the `Retry-After` of each 429.
    pub(crate) retry_after: Option<u32>,
}

impl Plan {
    /// No limits, answers at once.
    pub(crate) fn open() -> Self {
        Self {
            steps: Vec::new(),
            latency: (Duration::ZERO, Duration::ZERO),
            fixed_seconds: false,
            retry_after: None,
        }
    }

    /// Rows and requests that are given in a second at this moment.
    pub(crate) fn limits_at(&self, seconds: f64) -> (u64, u64) {
        let begun = self.steps.iter().rev().find(|step| step.0 <= seconds);
        begun.map_or((u64::MAX, u64::MAX), |step| (step.1, step.2))
    }

    /// The latency of the request with this number: any two differ, every run has the same.
    fn latency_of(&self, number: usize) -> Duration {
        let (least, most) = self.latency;
        let mixed = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        least
            + most
                .saturating_sub(least)
                .mul_f64(mixed as f64 / (1_u64 << 24) as f64)
    }
}

/// The server; it listens until the program ends.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    plan: Plan,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    begun: Option<Instant>,
    arrivals: Vec<Arrival>,
    /// Bodies that nobody has looked into yet, with the index of their arrival: without limits there
    /// is no hurry, and inflating would keep other requests from being stamped.
    unread: Vec<(usize, Vec<u8>)>,
}

impl Receiver {
    pub(crate) fn start(plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            plan,
            log: Mutex::default(),
        });
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                // A client that was killed ends its connection in the middle.
                std::thread::spawn(move || shared.serve(&connection).ok());
            }
        });
        Ok(Self { address, shared })
    }

    /// What has arrived so far, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        let mut log = self.shared.log.lock().unwrap();
        for (index, body) in std::mem::take(&mut log.unread) {
            (log.arrivals[index].rows, log.arrivals[index].tag) = look_into(&body);
        }
        let mut arrivals = log.arrivals.clone();
        drop(log);
        arrivals.sort_by(|a, b| a.at.total_cmp(&b.at));
        arrivals
    }

    /// Seconds since the first request, none before it.
    pub(crate) fn now(&self) -> Option<f64> {
        let begun = self.shared.log.lock().unwrap().begun;
        begun.map(|begun| begun.elapsed().as_secs_f64())
    }
}

/// Rows of a body and the letter of their file.
fn look_into(body: &[u8]) -> (u64, u8) {
    let mut plain = Vec::new();
    MultiGzDecoder::new(body).read_to_end(&mut plain).ok();
    let mut rows = memchr::memmem::find_iter(&plain, ROW_START);
    let first = rows.next();
    let tag = first.and_then(|place| plain.get(place + ROW_START.len()));
    (
        first.map_or(0, |_| 1 + rows.count() as u64),
        tag.copied().unwrap_or(0),
    )
}

impl Shared {
    fn serve(&self, connection: &TcpStream) -> io::Result<()> {
        connection.set_nodelay(true)?;
        let mut reader = BufReader::with_capacity(256 << 10, connection);
        loop {
            let mut length = 0;
            let mut line = String::new();
            loop {
                line.clear();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let text = line.trim_end();
                if text.is_empty() {
                    break;
                }
                if let Some((name, value)) = text.split_once(':')
                    && name.eq_ignore_ascii_case("content-length")
                {
                    length = value.trim().parse().unwrap_or(0);
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body)?;
            let at = Instant::now();
            let (number, taken) = self.enter(at, body);
            let waits = self.plan.latency_of(number);
            std::thread::sleep(waits.saturating_sub(at.elapsed()));
            self.reply(connection, taken)?;
        }
    }

    /// Counts a request; its number, and whether it is taken.
    fn enter(&self, at: Instant, body: Vec<u8>) -> (usize, bool) {
        let is_open = self.plan.steps.is_empty();
        let (rows, tag) = if is_open { (0, 0) } else { look_into(&body) };
        let mut log = self.log.lock().unwrap();
        let begun = *log.begun.get_or_insert(at);
        let at = at.saturating_duration_since(begun).as_secs_f64();
        if is_open {
            let index = log.arrivals.len();
            log.unread.push((index, body));
        }
        let (most_rows, most_requests) = self.plan.limits_at(at);
        let from = if self.plan.fixed_seconds {
            at.floor()
        } else {
            at - SECOND.as_secs_f64()
        };
        // Those that were counted out of order are within the last few of the log.
        let recent = log.arrivals.iter().rev().take(4_096);
        let counted = recent.filter(|old| old.taken && old.at > from && old.at <= at);
        let (held_rows, held) =
            counted.fold((0, 0), |(rows, held), old| (rows + old.rows, held + 1));
        let taken = held_rows + rows <= most_rows && held < most_requests;
        log.arrivals.push(Arrival {
            at,
            rows,
            tag,
            taken,
        });
        (log.arrivals.len(), taken)
    }

    fn reply(&self, mut connection: &TcpStream, taken: bool) -> io::Result<()> {
        let (status, code) = if taken {
            ("200 OK", 0)
        } else {
            ("429 Too Many Requests", 429)
        };
        let later = match self.plan.retry_after {
            Some(seconds) if !taken => format!("Retry-After: {seconds}\r\n"),
            _ => String::new(),
        };
        let body =
            format!("{{\"status\":{{\"code\":{code},\"message\":\"\",\"success\":{taken}}}}}");
        let length = body.len();
        write!(
            connection,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{later}\r\n{body}"
        )
    }
}
