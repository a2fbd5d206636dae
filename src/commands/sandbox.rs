//! `sandbox`: a local ByteAir until a signal ends it (`cli.md` section 8).
//!
//! It prints its address and the lines that one needs to try it, never its credentials.

use super::{Failure, Outcome, Session};
use crate::cli::args::SandboxArgs;
use crate::cli::atomic_file::{self, Existing, Readers};
use crate::cli::environment::Environment;
use crate::cli::printer::Level;
use crate::cli::settings::sandbox_settings;
use crate::cli::signals::StopSignals;
use crate::sandbox::Sandbox;
use crate::upload::report::Status;
use anyhow::Context;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Serves until the first signal; a second one does not wait for requests in flight.
pub(super) async fn run(session: &Session, args: &SandboxArgs) -> Outcome {
    let usage = |error: anyhow::Error| Failure::new(Status::Usage, error);
    let environment = &session.invocation.environment;
    let sandbox = Sandbox::new(sandbox_settings(args, environment))
        .context("cannot start the sandbox")
        .map_err(usage)?;
    let mut signals = StopSignals::listen().context("cannot listen to signals")?;
    // From here on the system takes connections, so whoever finds the port file gets an answer.
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}; choose another --listen, port 0 picks a free one",
                args.listen
            )
        })
        .map_err(usage)?;
    let address = listener
        .local_addr()
        .context("cannot learn the port of the sandbox")?;
    if !args.listen.ip().is_loopback() {
        session.printer.message(
            Level::Warning,
            "the sandbox can be reached from other machines; it is made for tests, not for them",
        );
    }
    let certificate = sandbox.certificate_pem();
    session
        .printer
        .result(&announcement(address, certificate, environment));
    if let Some(file) = &args.port_file {
        write_port_file(file, address.port()).map_err(usage)?;
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let until_signal = async {
        signals.next().await;
        // A server that is already gone needs no telling.
        let _gone = stop.send(());
        signals.next().await;
    };
    let shutdown = async {
        let _told_or_dropped = stopped.await;
    };
    let served = tokio::select! {
        served = sandbox.serve(listener, shutdown) => served,
        () = until_signal => Ok(()),
    };
    if let Some(file) = &args.port_file {
        // A file that somebody else has removed is as good as removed.
        let _gone = atomic_file::remove(file);
    }
    served.context("the sandbox stopped by itself")?;
    Ok(Status::Success)
}

fn write_port_file(file: &Path, port: u16) -> anyhow::Result<()> {
    let text = format!("{port}\n");
    atomic_file::write(file, text.as_bytes(), Readers::Everybody, Existing::Replace)
        .with_context(|| format!("cannot write --port-file {}", file.display()))
}

/// The address, and the lines to try it with.
fn announcement(
    address: SocketAddr,
    certificate: Option<&str>,
    environment: &Environment,
) -> String {
    let here = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let host = SocketAddr::new(here, address.port());
    let (scheme, trust, curl_trust) = match certificate {
        Some(_) => (
            "https",
            " BYTEAIR_CA_CERT=sandbox.pem",
            " --cacert sandbox.pem",
        ),
        None => ("http", "", ""),
    };
    // Whoever gave the sandbox secrets of their own knows them, and a terminal should not.
    let unless_set = |names: [&str; 3], keys| {
        let is_set = |name: &str| environment.text(name).is_some();
        if names.into_iter().any(is_set) {
            ""
        } else {
            keys
        }
    };
    let keys = unless_set(
        ["BYTEAIR_AK", "BYTEAIR_SK", "BYTEAIR_TOKEN"],
        " BYTEAIR_AK=sandbox BYTEAIR_SK=sandbox",
    );
    let huawei_keys = unless_set(
        [
            "HUAWEICLOUD_SDK_AK",
            "HUAWEICLOUD_SDK_SK",
            "HUAWEICLOUD_SDK_TOKEN",
        ],
        " HUAWEICLOUD_SDK_AK=sandbox HUAWEICLOUD_SDK_SK=sandbox",
    );
    let save = certificate.map_or_else(String::new, |pem| {
        format!(
            "{}\nSave the certificate above as sandbox.pem.\n",
            pem.trim_end()
        )
    });
    format!(
        "{save}The sandbox answers at {scheme}://{host}; Ctrl-C ends it. In another terminal:\n  \
         export BYTEAIR_HOST={host} BYTEAIR_SCHEME={scheme} BYTEAIR_TENANT_ID=1 \
         BYTEAIR_APPLICATION_ID=1{keys}{trust}\n  \
         export BYTEAIR_ENDPOINT={scheme}://{host} BYTEAIR_PROJECT_ID=1{huawei_keys}\n  \
         byteair-sync write --topic item --stage history_sync --date 2022-01-01 item.jsonl\n  \
         curl -s{curl_trust} {scheme}://{host}/sandbox/state"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_to_try_it_can_be_pasted_and_show_no_secret_of_the_user() {
        let address = "0.0.0.0:7431".parse().unwrap();
        assert_eq!(
            announcement(address, None, &Environment::default()),
            "\
The sandbox answers at http://127.0.0.1:7431; Ctrl-C ends it. In another terminal:
  export BYTEAIR_HOST=127.0.0.1:7431 BYTEAIR_SCHEME=http BYTEAIR_TENANT_ID=1 BYTEAIR_APPLICATION_ID=1 BYTEAIR_AK=sandbox BYTEAIR_SK=sandbox
  export BYTEAIR_ENDPOINT=http://127.0.0.1:7431 BYTEAIR_PROJECT_ID=1 HUAWEICLOUD_SDK_AK=sandbox HUAWEICLOUD_SDK_SK=sandbox
  byteair-sync write --topic item --stage history_sync --date 2022-01-01 item.jsonl
  curl -s http://127.0.0.1:7431/sandbox/state"
        );
        let own = Environment::from([("BYTEAIR_SK", "hidden"), ("HUAWEICLOUD_SDK_SK", "hidden")]);
        let text = announcement(address, Some("PEM\n"), &own);
        assert!(!text.contains("hidden") && !text.contains("_SK"));
        assert!(text.starts_with("PEM\nSave the certificate"));
        assert!(text.contains("--cacert sandbox.pem https://127.0.0.1:7431/"));
    }
}
