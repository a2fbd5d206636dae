//! The sandbox as a process: its port file, its address, its end.

use crate::recorder::eventually;
use crate::start::{Place, WRITE, finish};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

#[test]
fn whoever_finds_the_port_file_gets_an_answer_and_a_signal_ends_it() {
    let place = Place::new();
    let port_file = place.folder.path().join("port");
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("byteair-sync"))
        .args(["sandbox", "--listen", "127.0.0.1:0", "--port-file", "port"])
        .env_clear()
        .current_dir(place.folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    while lines.len() < 4 {
        let mut line = String::new();
        assert!(output.read_line(&mut line).unwrap() > 0, "{lines:?}");
        lines.push(line);
    }
    let mut waited = 0;
    while !port_file.exists() {
        waited += 1;
        assert!(waited < 1_000, "there is no port file");
        std::thread::yield_now();
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let port: u16 = std::fs::read_to_string(&port_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(
        lines[0].contains(&format!("http://127.0.0.1:{port}")),
        "{lines:?}"
    );
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection
        .write_all(b"GET /sandbox/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!port_file.exists());
}

#[test]
fn what_the_sandbox_cannot_do_is_said_at_once() {
    let place = Place::new();
    for (words, expected) in [
        ("sandbox --fault http:99=1", "'http:99' is not a fault"),
        ("sandbox --latency 2s..1s", "must not be longer"),
        (
            "sandbox --listen 127.0.0.1:0 --schema-dir none",
            "cannot start the sandbox",
        ),
    ] {
        let (_, errors, status) = finish(&mut place.run(words));
        assert_eq!(status, 2, "{errors}");
        assert!(errors.contains(expected), "{errors}");
    }
}

#[test]
fn an_upload_over_tls_trusts_the_sandbox_only_with_its_certificate() {
    let place = Place::new();
    let mut child = place.start("sandbox --tls --listen 127.0.0.1:0 --port-file port");
    eventually("the port file", || place.path("port").exists());
    let port = std::fs::read_to_string(place.path("port")).unwrap();
    let mut certificate = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    while !certificate.contains("END CERTIFICATE") {
        assert!(
            output.read_line(&mut certificate).unwrap() > 0,
            "{certificate}"
        );
    }
    place.file("sandbox.pem", certificate);
    let mut client = Place::at(([127, 0, 0, 1], port.trim().parse().unwrap()).into());
    client.set("BYTEAIR_SCHEME", "https");
    client.set("BYTEAIR_AK", "sandbox");
    client.set("BYTEAIR_SK", "sandbox");
    client.rows("rows.jsonl", 0, 10);
    // Nothing was sent to a server that cannot prove who it is.
    client
        .end(&format!("{WRITE} --retry-for 1ms rows.jsonl"))
        .expect(5)
        .says("certificate");
    let trust = place.path("sandbox.pem");
    let trusting = format!("{WRITE} --ca-cert {} rows.jsonl", trust.display());
    client.end(&trusting).expect(0);
    child.kill().unwrap();
    child.wait().unwrap();
}
