//! A neutral server: it records what arrives and answers what the test says.
//!
//! Written on plain sockets, so that nothing between the wire and the test is the client's own
//! library. Each request is checked for what must hold always (signature, header set, gzip,
//! Content-Length); whoever looks at the requests fails when one was wrong.

pub(crate) use crate::reply::Reply;
use byteair_sync::domain::Secret;
use byteair_sync::protocol::messages::DoneRequest;
use byteair_sync::protocol::sign::{Credentials, RequestToSign, payload_digest, verify};
use prost::Message;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

pub(crate) const ACCESS_KEY: &str = "AKBLACKBOX0000000001";
/// Known as well, with the same secret.
pub(crate) const ROTATED_ACCESS_KEY: &str = "AKBLACKBOX0000000000";
pub(crate) const SECRET_KEY: &str = "sk-very-hidden-0001";
pub(crate) const TOKEN: &str = "token-very-hidden-0002";
pub(crate) const TENANT: &str = "2100021";
pub(crate) const APPLICATION: &str = "20013144";

/// One request as it came from the wire.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// When its last byte had arrived.
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The body after gzip is undone; as it came when it is none.
    pub(crate) text: Vec<u8>,
    /// The HTTP status of the reply, 0 while there is none.
    pub(crate) answered: Arc<AtomicU16>,
    /// What was wrong with it.
    pub(crate) faults: Vec<String>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(key, _)| key == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn id(&self) -> String {
        self.header("request-id").unwrap().to_owned()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.path.ends_with("/done")
    }

    /// The day: `Content-Date` of a write, the protobuf date of `done`.
    pub(crate) fn day(&self) -> Option<String> {
        if !self.is_done() {
            return self.header("content-date").map(str::to_owned);
        }
        if self.header("content-type") == Some("application/json") {
            let body: serde_json::Value = serde_json::from_slice(&self.text).unwrap();
            let day = body[0]["partition_date"].as_str().unwrap();
            assert_eq!(body.as_array().unwrap().len(), 1, "{body}");
            return Some(format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]));
        }
        let body = DoneRequest::decode(self.text.as_slice()).unwrap();
        assert_eq!(body.data_dates.len(), 1, "{body:?}");
        let day = body.data_dates[0];
        Some(format!("{:04}-{:02}-{:02}", day.year, day.month, day.day))
    }

    /// Each row's own bytes.
    pub(crate) fn rows(&self) -> Vec<String> {
        let rows: Vec<&RawValue> = serde_json::from_slice(&self.text).unwrap();
        rows.iter().map(|row| row.get().to_owned()).collect()
    }
}

/// What to answer to a request; the number counts from 0 over all requests of the recorder.
type Script = dyn Fn(&Received, usize) -> Reply + Send + Sync;

/// The server; it listens until the test's process ends.
pub(crate) struct Recorder {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    script: Mutex<Arc<Script>>,
    requests: Mutex<Vec<Received>>,
}

impl Recorder {
    /// A server that accepts everything.
    pub(crate) fn new() -> Self {
        Self::answering(|_, _| Reply::ok())
    }

    pub(crate) fn answering(
        script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Mutex::new(Arc::new(script)),
            requests: Mutex::default(),
        });
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                // A client that was killed ends its connection in the middle.
                std::thread::spawn(move || shared.serve(connection).ok());
            }
        });
        Self { address, shared }
    }

    /// From now on answers by another script.
    pub(crate) fn answer(
        &self,
        script: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
    ) {
        *self.shared.script.lock().unwrap() = Arc::new(script);
    }

    /// Everything so far, each request as it has to be.
    pub(crate) fn requests(&self) -> Vec<Received> {
        let requests = self.shared.requests.lock().unwrap().clone();
        for request in &requests {
            assert!(request.faults.is_empty(), "{request:#?}");
        }
        requests
    }

    /// The same without the check, for clients with credentials of their own.
    pub(crate) fn everything(&self) -> Vec<Received> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub(crate) fn writes(&self) -> Vec<Received> {
        let mut requests = self.requests();
        requests.retain(|request| !request.is_done());
        requests
    }

    pub(crate) fn dones(&self) -> Vec<Received> {
        let mut requests = self.requests();
        requests.retain(Received::is_done);
        requests
    }

    /// Waits until so many requests have arrived.
    pub(crate) fn wait_for(&self, count: usize) {
        eventually("a request", || self.requests().len() >= count);
    }

    /// The rows of a server that stores each Request-Id once, sorted.
    pub(crate) fn stored(&self) -> Vec<String> {
        let mut ids = BTreeSet::new();
        let mut rows: Vec<String> = self
            .writes()
            .iter()
            .filter(|write| ids.insert(write.id()))
            .flat_map(Received::rows)
            .collect();
        rows.sort();
        rows
    }

    /// The rows that were answered 200, sorted: what a server holds that stores nothing else.
    pub(crate) fn accepted(&self) -> Vec<String> {
        let writes = self.writes();
        let accepted = writes
            .iter()
            .filter(|write| write.answered.load(Ordering::Acquire) == 200);
        let mut rows: Vec<String> = accepted.flat_map(Received::rows).collect();
        rows.sort();
        rows
    }

    /// All rows of all writes, sorted, for the comparison of multisets.
    pub(crate) fn rows(&self) -> Vec<String> {
        let mut rows: Vec<String> = self.writes().iter().flat_map(Received::rows).collect();
        rows.sort();
        rows
    }
}

impl Shared {
    fn serve(&self, connection: TcpStream) -> std::io::Result<()> {
        let mut writer = connection.try_clone()?;
        let mut reader = BufReader::new(connection);
        while let Some(request) = read_request(&mut reader)? {
            let number = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request.clone());
                requests.len() - 1
            };
            let script = Arc::clone(&self.script.lock().unwrap());
            match script(&request, number) {
                Reply::Cut => return writer.shutdown(Shutdown::Both),
                Reply::Raw(script) => {
                    // A client that has read enough ends the connection.
                    let _ended = script(&mut writer);
                    return writer.shutdown(Shutdown::Both);
                }
                Reply::OkThenCut => {
                    request.answered.store(200, Ordering::Release);
                    answer(&mut writer, Reply::ok())?;
                    return writer.shutdown(Shutdown::Both);
                }
                reply @ Reply::Http { status, .. } => {
                    request.answered.store(status, Ordering::Release);
                    answer(&mut writer, reply)?;
                }
            }
        }
        Ok(())
    }
}

fn answer(writer: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    let Reply::Http {
        status,
        headers,
        body,
    } = reply
    else {
        return Ok(());
    };
    let mut text = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        text.extend([name, ": ", &value, "\r\n"]);
    }
    text.extend(["Content-Length: ", &body.len().to_string(), "\r\n\r\n"]);
    writer.write_all(&[text.as_bytes(), &body].concat())
}

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Received>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap_or(0));
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut received = Received {
        at: Instant::now(),
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        text: Vec::new(),
        answered: Arc::default(),
        faults: Vec::new(),
    };
    let faults = check(&mut received, &body);
    received.faults = faults;
    Ok(Some(received))
}

/// What must hold for every request (`byteair-api.md` sections 2 to 4).
fn check(request: &mut Received, body: &[u8]) -> Vec<String> {
    let mut faults = Vec::new();
    match inflate(body) {
        Ok(text) => request.text = text,
        Err(error) => {
            request.text = body.to_vec();
            faults.push(format!("the body is not gzip: {error}"));
        }
    }
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let signed = RequestToSign {
        method: &request.method,
        authority: request.header("host").unwrap_or_default(),
        path: &request.path,
        query: &request.query,
        headers: &headers,
        body,
        payload_sha256: &payload_digest(body),
    };
    if let Err(fault) = verify(&signed, &known(), chrono::Utc::now()) {
        faults.push(format!("signature: {fault}"));
    }
    let by_token = request.header("tenant-signature").is_some();
    let mut wanted: BTreeSet<&str> = [
        "tenant-id request-id content-type content-encoding accept accept-encoding host",
        "content-length user-agent",
        if by_token {
            "tenant-ts tenant-nonce tenant-signature"
        } else {
            "x-date x-content-sha256 authorization"
        },
    ]
    .iter()
    .flat_map(|names| names.split_whitespace())
    .collect();
    if !request.is_done() && !request.query.contains("incremental_sync_streaming") {
        wanted.insert("content-date");
    }
    let there: BTreeSet<&str> = headers.iter().map(|(name, _)| *name).collect();
    if there != wanted || there.len() != headers.len() {
        faults.push(format!("headers {there:?} instead of {wanted:?}"));
    }
    for (name, value) in [
        ("tenant-id", TENANT),
        ("content-encoding", "gzip"),
        ("accept-encoding", "gzip"),
        ("accept", "application/x-protobuf"),
    ] {
        if request.header(name) != Some(value) {
            faults.push(format!("{name}: {:?}", request.header(name)));
        }
    }
    if !by_token {
        let authorization = request.header("authorization").unwrap_or_default();
        if !authorization.contains("SignedHeaders=content-type;host;x-content-sha256;x-date,") {
            faults.push(authorization.to_owned());
        }
    }
    faults
}

fn inflate(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut text)?;
    Ok(text)
}

fn known() -> [Credentials; 3] {
    let keys = |access_key: &str| Credentials::AkSk {
        access_key: access_key.to_owned(),
        secret_key: Secret::new(SECRET_KEY),
        session_token: None,
        region: "placeholder".to_owned(),
    };
    let token = Secret::new(TOKEN);
    [
        keys(ACCESS_KEY),
        keys(ROTATED_ACCESS_KEY),
        Credentials::Token { token },
    ]
}

/// Holds back whoever waits until it is opened; clones are one latch.
#[derive(Clone, Default)]
pub(crate) struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    pub(crate) fn wait(&self) {
        let (open, changed) = &*self.0;
        let waiting = changed.wait_while(open.lock().unwrap(), |open| !*open);
        drop(waiting.unwrap());
    }

    pub(crate) fn open(&self) {
        let (open, changed) = &*self.0;
        *open.lock().unwrap() = true;
        changed.notify_all();
    }
}

/// Whether something comes true before the patience of a whole test suite ends.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
