//! The process of the sink: HTTP/1.1 with a thread for each connection, and no more of it than the
//! uploader needs. A body is read and thrown away.

use super::answer::{refusal, success};
use super::report::SinkReport;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

struct Shared {
    tls: Option<Arc<ServerConfig>>,
    latency: Duration,
    answers: u64,
    refuses: bool,
    seen: Mutex<SinkReport>,
}

/// The head of a request.
struct Head {
    is_write: bool,
    length: u64,
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// The role `sink`: certificate file or `-`, latency, number of answers, `take` or `refuse`, port.
/// It says its port, `full` when it answers no more, and its report when its standard input ends.
pub(crate) fn play(arguments: &[String]) {
    let [certificate, latency, answers, manner, port] = arguments else {
        panic!("sink wants a certificate, a latency, a number of answers, a manner and a port");
    };
    let shared = Arc::new(Shared {
        tls: (certificate != "-").then(|| make_tls(certificate)),
        latency: Duration::from_millis(latency.parse().unwrap()),
        answers: answers.parse().unwrap(),
        refuses: manner == "refuse",
        seen: Mutex::default(),
    });
    let listener = TcpListener::bind(("127.0.0.1", port.parse().unwrap())).unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let accepting = Arc::clone(&shared);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&accepting);
            std::thread::spawn(move || shared.serve(stream));
        }
    });
    // Ends when whoever started this process does.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    shared.seen.lock().unwrap().print();
}

fn make_tls(certificate: &str) -> Arc<ServerConfig> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(certificate, cert.pem()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        stream.set_nodelay(true).unwrap();
        let wire: Box<dyn Wire> = match &self.tls {
            Some(tls) => {
                let connection = ServerConnection::new(Arc::clone(tls)).unwrap();
                Box::new(StreamOwned::new(connection, stream))
            }
            None => Box::new(stream),
        };
        let mut wire = BufReader::with_capacity(256 << 10, wire);
        let fixed = success();
        let mut body = Vec::new();
        while let Some(head) = read_head(&mut wire) {
            body.clear();
            let mut rest = (&mut wire).take(head.length);
            if self.refuses {
                rest.read_to_end(&mut body).unwrap();
            } else {
                std::io::copy(&mut rest, &mut std::io::sink()).unwrap();
            }
            self.count(&head);
            if !self.latency.is_zero() {
                std::thread::sleep(self.latency);
            }
            let answer = if self.refuses && head.is_write {
                refusal(&body)
            } else {
                fixed.clone()
            };
            if wire.get_mut().write_all(&answer).is_err() {
                return;
            }
        }
    }

    /// Counts a request; does not return when it is one too many.
    fn count(&self, head: &Head) {
        let mut seen = self.seen.lock().unwrap();
        seen.count(head.is_write, head.length);
        let writes = seen.writes;
        drop(seen);
        if head.is_write && writes > self.answers {
            if writes == self.answers + 1 {
                println!("full");
            }
            loop {
                std::thread::park();
            }
        }
    }
}

/// Reads a head; `None` when the connection ended.
fn read_head(wire: &mut impl BufRead) -> Option<Head> {
    let mut line = String::new();
    if wire.read_line(&mut line).ok()? == 0 {
        return None;
    }
    let mut head = Head {
        is_write: line.contains("method=write"),
        length: 0,
    };
    loop {
        line.clear();
        wire.read_line(&mut line).ok()?;
        let Some((name, value)) = line.split_once(':') else {
            return Some(head);
        };
        if name.eq_ignore_ascii_case("content-length") {
            head.length = value.trim().parse().ok()?;
        }
    }
}
