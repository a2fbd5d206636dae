//! Fuzz target `job_file`: bytes of the fuzzer go to the checks of that name.

#![no_main]

#[path = "../checks/mod.rs"]
#[allow(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::job_file::check(bytes));
