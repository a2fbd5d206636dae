//! What the sandbox of `sandbox` is told. Its credentials come from its own environment.

use crate::cli::args::SandboxArgs;
use crate::cli::environment::Environment;
use crate::domain::Secret;
use crate::sandbox::{SandboxCredentials, SandboxSettings};

/// Resolves the options of `sandbox`.
pub fn sandbox_settings(args: &SandboxArgs, environment: &Environment) -> SandboxSettings {
    SandboxSettings {
        qps: args.qps.get(),
        rows_per_second: args.rows_per_second.get(),
        latency: args.latency.map(|range| range.least..=range.most),
        faults: args.fault.clone(),
        fault_on: args.fault_on,
        seed: args.seed,
        tls: args.tls,
        data_dir: args.data_dir.clone(),
        schema_dir: args.schema_dir.clone(),
        remember_refused: args.remember_refused,
        credentials: credentials(environment),
        ..SandboxSettings::default()
    }
}

/// The credentials of the environment; `sandbox` for each when none is set (`cli.md` section 8).
fn credentials(environment: &Environment) -> SandboxCredentials {
    let mut credentials = SandboxCredentials::default();
    if let Some(text) = environment.text("BYTEAIR_AK") {
        text.clone_into(&mut credentials.ak);
    }
    if let Some(text) = environment.text("BYTEAIR_SK") {
        credentials.sk = Secret::new(text);
    }
    if let Some(text) = environment.text("BYTEAIR_TOKEN") {
        credentials.token = Secret::new(text);
    }
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| environment.text(name));
    if let Some(text) = first(["HUAWEICLOUD_SDK_AK", "CLOUD_SDK_AK"]) {
        text.clone_into(&mut credentials.huawei_ak);
    }
    if let Some(text) = first(["HUAWEICLOUD_SDK_SK", "CLOUD_SDK_SK"]) {
        credentials.huawei_sk = Secret::new(text);
    }
    if let Some(text) = environment.text("HUAWEICLOUD_SDK_TOKEN") {
        credentials.huawei_token = Secret::new(text);
    }
    credentials
}
