//! The sandbox itself is killed and comes back on its port while the client retries.

use crate::comparison::compare;
use crate::place::{Place, kill, until, within};
use crate::server::{Server, unlimited};
use crate::upload::{Form, Upload};
use byteair_sync::sandbox::SandboxSettings;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::process::{Pid, Signal, kill_process_group};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const KILLS: usize = 12;

/// Starts the sandbox of the binary in a directory; its address once it answers. On a port of the
/// past it is tried again while the system still holds it.
fn sandbox(folder: &Path, port: u16) -> (Child, SocketAddr) {
    let port_file = folder.join("port");
    let start = || {
        // A killed sandbox leaves its port behind.
        let _gone = std::fs::remove_file(&port_file);
        Command::new(env!("CARGO_BIN_EXE_byteair-sync"))
            .args(["sandbox", "--listen", &format!("127.0.0.1:{port}")])
            .args(["--qps", "1000000", "--rows-per-second", "1000000000"])
            .args(["--latency", "2ms..10ms", "--port-file", "port"])
            .args(["--data-dir", "kept"])
            .env_clear()
            // A group of its own, which a client may join.
            .process_group(0)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut child = start();
    let port = until(|| {
        if child.try_wait().unwrap().is_some() {
            child = start();
        }
        let text = std::fs::read_to_string(&port_file).ok()?;
        text.trim().parse::<u16>().ok()
    });
    let port = port.expect("the sandbox does not answer");
    (child, SocketAddr::from(([127, 0, 0, 1], port)))
}

#[test]
fn a_server_that_is_killed_and_comes_back_has_every_row_once_and_one_done() {
    let mut random = StdRng::seed_from_u64(7);
    let folder = tempfile::tempdir().unwrap();
    let (mut server, address) = sandbox(folder.path(), 0);
    let place = Place::new(address);
    let days: [&[Form]; 3] = [&[Form::Jsonl], &[Form::Csv], &[Form::JsonlGzip]];
    let upload = Upload::generate(&place, &days, 2_000);
    let words = upload.words("--batch-rows 20 --max-in-flight 3");
    let mut client = place.start(&words);
    for _ in 0..KILLS {
        std::thread::sleep(within(&mut random, Duration::from_millis(150)));
        assert!(kill(server).is_none(), "the sandbox ended by itself");
        std::thread::sleep(within(&mut random, Duration::from_millis(50)));
        (server, _) = sandbox(folder.path(), address.port());
    }
    let status = until(|| client.try_wait().unwrap()).expect("no end");
    assert_eq!(status.code(), Some(0), "{}", place.said());
    kill(server);
    let kept = Server::start(SandboxSettings {
        data_dir: Some(folder.path().join("kept")),
        ..unlimited(1)
    });
    let (state, rows) = (kept.state(), kept.rows(&upload));
    println!(
        "{KILLS} kills of the server: {} requests were refused as sent before",
        state.partitions.iter().map(|it| it.duplicates).sum::<u64>()
    );
    assert_eq!(compare(&upload, &state, &rows), [""; 0], "{}", place.said());
}

#[test]
fn client_and_server_that_are_killed_together_end_with_every_row_once_and_one_done() {
    let mut random = StdRng::seed_from_u64(11);
    let folder = tempfile::tempdir().unwrap();
    let (mut server, address) = sandbox(folder.path(), 0);
    let place = Place::new(address);
    let days: [&[Form]; 3] = [&[Form::Csv], &[Form::JsonlZstd], &[Form::CsvGzip]];
    let upload = Upload::generate(&place, &days, 1_200);
    let words = upload.words("--batch-rows 20 --max-in-flight 3");
    for _ in 0..KILLS {
        let group = Pid::from_child(&server);
        let mut command = place.command(&words);
        let mut client = command.process_group(group.as_raw_pid()).spawn().unwrap();
        std::thread::sleep(within(&mut random, Duration::from_millis(400)));
        // One signal for all, as when a machine dies.
        kill_process_group(group, Signal::KILL).unwrap();
        let ended = client.wait().unwrap().code();
        assert!(matches!(ended, None | Some(0)), "{}", place.said());
        server.wait().unwrap();
        (server, _) = sandbox(folder.path(), address.port());
    }
    assert_eq!(place.end(&words), 0, "{}", place.said());
    kill(server);
    let kept = Server::start(SandboxSettings {
        data_dir: Some(folder.path().join("kept")),
        ..unlimited(1)
    });
    let (state, rows) = (kept.state(), kept.rows(&upload));
    assert_eq!(compare(&upload, &state, &rows), [""; 0], "{}", place.said());
}
