//! Places whose Huawei services are a recorder, or a sandbox of the real binary.

use crate::recorder::{Received, Recorder, eventually};
use crate::reply::Reply;
use crate::start::Place;
use byteair_sync::domain::Secret;
use byteair_sync::protocol::huawei::{HuaweiKey, HuaweiRequest, verify};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Child;

pub(crate) const ACCESS_KEY: &str = "AKHUAWEI000000000001";
pub(crate) const SECRET_KEY: &str = "huawei-very-hidden-0006";
pub(crate) const TOKEN: &str = "huawei-token-very-hidden-0007";
pub(crate) const PROJECT: &str = "0123456789abcdef0123456789abcdef";

/// A checkpoint of one consumer.
pub(crate) const CONSUMER: &str = "--stream newstream --app newapp --partition 0";

/// A place whose Huawei services are at this address.
pub(crate) fn place_at(address: SocketAddr) -> Place {
    let mut place = Place::new();
    for (name, value) in [
        ("BYTEAIR_ENDPOINT", format!("http://{address}").as_str()),
        ("BYTEAIR_PROJECT_ID", PROJECT),
        ("HUAWEICLOUD_SDK_AK", ACCESS_KEY),
        ("HUAWEICLOUD_SDK_SK", SECRET_KEY),
        ("BYTEAIR_RETRY_MAX_DELAY", "20ms"),
    ] {
        place.set(name, value);
    }
    place
}

/// The same with a recorder.
pub(crate) fn place_with(recorder: &Recorder) -> Place {
    place_at(recorder.address)
}

/// Fails unless the request is signed with our key.
#[track_caller]
pub(crate) fn assert_signed(request: &Received) {
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let received = HuaweiRequest {
        method: &request.method,
        host: request.header("host").unwrap(),
        path: &request.path,
        query: &request.query,
        headers: &headers,
        body: &request.text,
    };
    let key = HuaweiKey {
        access_key: ACCESS_KEY,
        secret_key: &Secret::new(SECRET_KEY),
        security_token: None,
    };
    assert_eq!(
        verify(&received, &key, chrono::Utc::now()),
        Ok(()),
        "{request:#?}"
    );
    let authorization = request.header("authorization").unwrap();
    assert!(
        authorization.contains("SignedHeaders=content-type;host;x-project-id;x-sdk-date,"),
        "{authorization}"
    );
}

/// A reply of one of Huawei's services.
pub(crate) fn json(status: u16, body: &str) -> Reply {
    Reply::http(status, "application/json", body)
}

/// A sandbox of its own process; ends with this value.
pub(crate) struct Sandbox {
    pub(crate) address: SocketAddr,
    place: Place,
    child: Child,
}

impl Sandbox {
    /// Started with these words; it believes the key and the token above.
    pub(crate) fn start(words: &str) -> Self {
        let mut place = Place::new();
        place.set("HUAWEICLOUD_SDK_AK", ACCESS_KEY);
        place.set("HUAWEICLOUD_SDK_SK", SECRET_KEY);
        place.set("HUAWEICLOUD_SDK_TOKEN", TOKEN);
        let (address, child) = Self::serve(&place, words);
        Self {
            address,
            place,
            child,
        }
    }

    fn serve(place: &Place, words: &str) -> (SocketAddr, Child) {
        let _none = std::fs::remove_file(place.path("port"));
        let child = place.start(&format!(
            "sandbox --listen 127.0.0.1:0 --port-file port --data-dir data {words}"
        ));
        eventually("the port file", || place.path("port").exists());
        let port = std::fs::read_to_string(place.path("port")).unwrap();
        let address = ([127, 0, 0, 1], port.trim().parse().unwrap()).into();
        (address, child)
    }

    /// Kills it and starts it again on the same data, at another port.
    pub(crate) fn restart(&mut self) {
        self.end();
        (self.address, self.child) = Self::serve(&self.place, "");
    }

    fn end(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What it answers to a GET of its own endpoints.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut connection = TcpStream::connect(self.address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        let mut reply = String::new();
        connection.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{reply}");
        if !head.contains("transfer-encoding: chunked") {
            return body.to_owned();
        }
        let mut text = String::new();
        let mut rest = body;
        while let Some((length, after)) = rest.split_once("\r\n") {
            let length = usize::from_str_radix(length, 16).unwrap();
            text.push_str(&after[..length]);
            rest = after[length..].trim_start_matches("\r\n");
        }
        text
    }

    /// What it answers to a POST of its own endpoints.
    pub(crate) fn post(&self, path: &str, body: &[u8]) -> Value {
        let mut connection = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        let head = format!("POST {path} HTTP/1.0\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        connection.write_all(body).unwrap();
        let mut reply = String::new();
        connection.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 "), "{reply}");
        serde_json::from_str(body).unwrap()
    }

    pub(crate) fn state(&self) -> Value {
        serde_json::from_str(&self.get("/sandbox/state")).unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.end();
    }
}
