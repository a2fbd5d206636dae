//! The client against real sockets: what leaves, what an ending of the connection means.

mod server;
mod tls;
mod transport;

use super::*;
use crate::domain::{
    Epoch, Generation, Partition, RequestId, Secret, Stage, Target, done_request_id,
};
use crate::protocol::sign::Credentials;
use crate::protocol::{Call, DEFAULT_GZIP_LEVEL, Gzip};
use bytes::Bytes;
use std::time::Duration;

/// Far longer than any test takes; only tests of a hang use less.
const LONG: Duration = Duration::from_secs(60);

struct Fixed;

impl CredentialSource for Fixed {
    fn load(&self) -> Result<Credentials, CredentialError> {
        Ok(Credentials::AkSk {
            access_key: "ak".to_owned(),
            secret_key: Secret::new("sk"),
            session_token: None,
            region: "placeholder".to_owned(),
        })
    }
}

fn target() -> Target {
    Target::new("2100021", "20013144", "test").unwrap()
}

fn settings(hosts: Vec<String>) -> ConnectionSettings {
    ConnectionSettings {
        scheme: Scheme::Http,
        hosts,
        target: target(),
        timeout: LONG,
        connect_timeout: LONG,
        ca_cert: None,
        proxy: None,
        reports_figures: false,
        credentials: Arc::new(Fixed),
    }
}

fn client(host: &str) -> Client {
    Client::new(&settings(vec![host.to_owned()])).unwrap()
}

fn stage() -> Stage {
    Stage::PreSync("2022-01-01".parse().unwrap())
}

fn request_id() -> RequestId {
    let partition = Partition {
        target: target(),
        topic: "item".parse().unwrap(),
        stage: stage(),
    };
    done_request_id(Epoch([7; 16]), &partition, Generation(0))
}

fn write_of(plain: &[u8]) -> Outgoing {
    let body = Gzip::new(DEFAULT_GZIP_LEVEL).compress(plain);
    let call = Call::Write {
        topic: "item".parse().unwrap(),
        stage: stage(),
    };
    Outgoing::new(call, request_id(), Bytes::from(body))
}

fn write() -> Outgoing {
    write_of(br#"[{"id":"38","status":1}]"#)
}
