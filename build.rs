//! Makes the program smaller where the loader of the system and the linker can take it.
//!
//! A position-independent program lists every address in its data that has to be moved when it is
//! loaded. Packed (`DT_RELR`), that list takes 60 KB instead of 1.7 MB. glibc reads it from version
//! 2.36 on, and Rust's own musl, in static programs, as well. Functions of the same machine code, of
//! which generic ones leave many, are kept once by linkers that can fold them (LLD); that saves 0.4 MB.

use std::env;
use std::path::Path;
use std::process::Command;

/// Folds identical code, whether or not somebody compares addresses of functions; no Rust program may
/// rely on those.
const FOLD: &str = "-Wl,--icf=all";

/// The first glibc whose loader reads packed relocations.
const FIRST_GLIBC: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if reads_packed_relocations() {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    if variable("PROFILE") == "release" && linker_folds().unwrap_or(false) {
        println!("cargo:rustc-link-arg-bins={FOLD}");
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

/// Tries it with an empty program, as only the linker knows.
fn linker_folds() -> std::io::Result<bool> {
    let folder = variable("OUT_DIR");
    let source = Path::new(&folder).join("empty.rs");
    std::fs::write(&source, "fn main() {}\n")?;
    let mut compiler = Command::new(variable("RUSTC"));
    compiler
        .arg(&source)
        .args(["--target", &variable("TARGET"), "--out-dir", &folder])
        .arg(format!("-Clink-arg={FOLD}"));
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        compiler.arg(format!("-Clinker={linker}"));
    }
    let flags = variable("CARGO_ENCODED_RUSTFLAGS");
    compiler.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    Ok(compiler.output()?.status.success())
}

fn reads_packed_relocations() -> bool {
    if variable("CARGO_CFG_TARGET_OS") != "linux" {
        return false;
    }
    match variable("CARGO_CFG_TARGET_ENV").as_str() {
        "musl" => true,
        // Of another machine's glibc nothing is known here.
        "gnu" => variable("HOST") == variable("TARGET") && glibc() >= Some(FIRST_GLIBC),
        _ => false,
    }
}

/// The version of this machine's glibc.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf")
        .arg("GNU_LIBC_VERSION")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
