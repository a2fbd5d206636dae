//! A real S3-compatible server on loopback, and a wire in front of it that can be listened to and cut.
//!
//! The server is moto from `PyPI`, in a virtual environment that the first test makes below `target`;
//! it is one for all tests and ends with their process. Where there is no Python, or `PyPI` is out of
//! reach, the tests say that they were skipped; with `CI=true` they fail instead.

use crate::python::{environment, or_skip};
use crate::recorder::{Recorder, eventually};
use crate::start::Place;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

pub(crate) const ACCESS_KEY: &str = "AKOBJECTSTORE0000001";
pub(crate) const SECRET_KEY: &str = "object-store-very-hidden-0005";

const PACKAGES: [&str; 3] = ["moto[s3]==5.2.5", "flask", "flask-cors"];

/// Prints its port and lives as long as its standard input.
const SERVER: &str = "
import os, sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address='127.0.0.1', port=0)
server.start()
print('port', server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
";

/// The server of this process; `None` where there can be none.
fn server() -> Option<SocketAddr> {
    static SERVER: OnceLock<Option<SocketAddr>> = OnceLock::new();
    *SERVER.get_or_init(|| or_skip("object store", start()))
}

fn start() -> Result<SocketAddr, String> {
    let python = environment("moto-5.2.5", &PACKAGES)?;
    let mut child = Command::new(python)
        .args(["-c", SERVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| line.ok()?.strip_prefix("port ")?.parse::<u16>().ok());
    // Its standard input stays open until this process ends, however it does.
    std::mem::forget(child);
    let port = port.ok_or("moto did not start")?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

/// A bucket of a test's own, behind a wire of its own.
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) wire: Wire,
    server: SocketAddr,
}

impl Bucket {
    /// A new bucket, and a place whose platform is the recorder and whose object store is behind the
    /// wire; `None` where the test has to be skipped.
    pub(crate) fn new(recorder: &Recorder) -> Option<(Self, Place)> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let server = server()?;
        let bucket = Self {
            name: format!("bucket-{}", COUNT.fetch_add(1, Ordering::Relaxed)),
            wire: Wire::to(server),
            server,
        };
        bucket.ask("PUT", "", b"");
        let mut place = Place::with(recorder);
        for (name, value) in [
            (
                "AWS_ENDPOINT_URL",
                format!("http://{}", bucket.wire.address),
            ),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ] {
            place.set(name, &value);
        }
        Some((bucket, place))
    }

    /// The URL of a key.
    pub(crate) fn url(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }

    pub(crate) fn put(&self, key: &str, content: impl AsRef<[u8]>) {
        self.ask("PUT", &format!("/{key}"), content.as_ref());
    }

    pub(crate) fn put_rows(&self, key: &str, rows: &[String]) {
        self.put(key, rows.join("\n") + "\n");
    }

    pub(crate) fn delete(&self, key: &str) {
        self.ask("DELETE", &format!("/{key}"), b"");
    }

    /// From now on nobody may do anything with what is in it.
    pub(crate) fn close(&self) {
        let name = &self.name;
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:*",
            "Resource":["arn:aws:s3:::{name}","arn:aws:s3:::{name}/*"]}}]}}"#
        );
        self.ask("PUT", "?policy", policy.as_bytes());
    }

    /// Asks the server itself, not over the wire.
    fn ask(&self, method: &str, what: &str, body: &[u8]) {
        Asking {
            server: self.server,
            bucket: self.name.clone(),
        }
        .ask(method, what, body);
    }

    /// What can replace an object from another thread.
    pub(crate) fn replacing(&self, key: &str, content: String) -> impl FnOnce() + Send + use<> {
        let (server, bucket) = (self.server, self.name.clone());
        let what = format!("/{key}");
        move || Asking { server, bucket }.ask("PUT", &what, content.as_bytes())
    }
}

struct Asking {
    server: SocketAddr,
    bucket: String,
}

impl Asking {
    fn ask(&self, method: &str, what: &str, body: &[u8]) {
        let mut socket = TcpStream::connect(self.server).unwrap();
        let head = format!(
            "{method} /{}{what} HTTP/1.1\r\nHost: {}\r\nAuthorization: AWS4-HMAC-SHA256 Credential=test/20220101/us-east-1/s3/aws4_request\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.bucket,
            self.server,
            body.len()
        );
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(body).unwrap();
        let mut reply = String::new();
        socket.read_to_string(&mut reply).unwrap();
        assert!(reply.starts_with("HTTP/1.1 2"), "{head}{reply}");
    }
}

/// One request to the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    /// First and last byte.
    pub(crate) range: Option<(u64, u64)>,
}

type Hook = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct Tapped {
    asked: Mutex<Vec<Asked>>,
    /// Bytes of answers after which a connection is cut; 0 for never.
    cut_after: AtomicUsize,
    /// Bytes that may still come over the wire at all.
    left: Mutex<Option<usize>>,
    /// What happens before the GET of this number gets through, counted from 1.
    before_get: Mutex<Option<(usize, Hook)>>,
}

/// A TCP proxy that knows HTTP just well enough to write down what was asked.
pub(crate) struct Wire {
    address: SocketAddr,
    tapped: Arc<Tapped>,
}

impl Wire {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let tapped = Arc::new(Tapped::default());
        let shared = Arc::clone(&tapped);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(store) = TcpStream::connect(server) else {
                    continue;
                };
                let (tapped, again) = (Arc::clone(&shared), Arc::clone(&shared));
                let (from, to) = (client.try_clone().unwrap(), store.try_clone().unwrap());
                std::thread::spawn(move || tapped.forth(from, to));
                std::thread::spawn(move || again.back(store, client));
            }
        });
        Self { address, tapped }
    }

    /// What was asked since the last time that this was called.
    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.tapped.asked.lock().unwrap())
    }

    /// Cuts each connection after so many bytes of answers.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.tapped.cut_after.store(bytes, Ordering::Relaxed);
    }

    /// Lets no more than so many bytes of answers through; `None` mends the wire.
    pub(crate) fn let_through(&self, bytes: Option<usize>) {
        *self.tapped.left.lock().unwrap() = bytes;
    }

    /// Does something before the GET of a number gets through.
    pub(crate) fn before_get(&self, number: usize, hook: impl FnOnce() + Send + 'static) {
        *self.tapped.before_get.lock().unwrap() = Some((number, Box::new(hook)));
    }

    /// Waits until so many GETs were asked.
    pub(crate) fn wait_for_gets(&self, count: usize) {
        eventually("the object is read", || {
            let asked = self.tapped.asked.lock().unwrap();
            asked.iter().filter(|it| it.method == "GET").count() >= count
        });
    }
}

impl Tapped {
    /// From the client to the store.
    fn forth(&self, client: TcpStream, mut store: TcpStream) {
        let mut reader = BufReader::new(client);
        let mut head = String::new();
        // Nothing that is asked here has a body.
        while reader.read_line(&mut head).is_ok_and(|read| read > 0) {
            if !head.ends_with("\r\n\r\n") {
                continue;
            }
            self.write_down(&head);
            if store.write_all(head.as_bytes()).is_err() {
                break;
            }
            head.clear();
        }
        store.shutdown(Shutdown::Both).ok();
    }

    fn write_down(&self, head: &str) {
        let mut words = head.split_whitespace();
        let (method, path) = (words.next().unwrap(), words.next().unwrap());
        let range = head.lines().find_map(|line| {
            let (first, last) = line.strip_prefix("range: bytes=")?.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        });
        let gets = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(Asked {
                method: method.to_owned(),
                path: path.to_owned(),
                range,
            });
            asked.iter().filter(|it| it.method == "GET").count()
        };
        let due = {
            let mut waiting = self.before_get.lock().unwrap();
            waiting.take_if(|(number, _)| *number <= gets && method == "GET")
        };
        if let Some((_, hook)) = due {
            hook();
        }
    }

    /// From the store to the client.
    fn back(&self, mut store: TcpStream, mut client: TcpStream) {
        let (mut buffer, mut sent) = ([0; 4096], 0_usize);
        while let Ok(read @ 1..) = store.read(&mut buffer) {
            let cut = self.cut_after.load(Ordering::Relaxed);
            let mut allowed = match cut {
                0 => read,
                cut => read.min(cut.saturating_sub(sent)),
            };
            if let Some(left) = self.left.lock().unwrap().as_mut() {
                allowed = allowed.min(*left);
                *left -= allowed;
            }
            sent += allowed;
            if client.write_all(&buffer[..allowed]).is_err() || allowed < read {
                break;
            }
        }
        client.shutdown(Shutdown::Both).ok();
        store.shutdown(Shutdown::Both).ok();
    }
}
