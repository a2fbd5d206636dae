//! A panic that comes from outside: a system that gives the program hardly any memory for its threads.
//!
//! The runtime cannot start them then and panics. The message asks for a report, so it is what people
//! will copy into one: no secret may stand in it, and the status is that of a bug.

use crate::recorder::{ACCESS_KEY, Recorder, SECRET_KEY};
use crate::start::{Place, Ran, WRITE};
use std::process::Command;

const SESSION: &str = "session-very-hidden-0005";

#[test]
fn a_panic_names_no_secret_and_is_status_1() {
    let mut panics = 0;
    // Less is too little to begin with, more is enough; where that lies depends on the machine.
    for kilobytes in (50_000..250_000).step_by(1_500) {
        if panics == 3 {
            break;
        }
        let recorder = Recorder::new();
        let mut place = Place::with(&recorder);
        place.set("BYTEAIR_SESSION_TOKEN", SESSION);
        place.set("RUST_BACKTRACE", "full");
        place.rows("rows.jsonl", 0, 10);
        let mut command = Command::new("sh");
        let program = env!("CARGO_BIN_EXE_byteair-sync");
        let words = format!("{WRITE} -v --json --retry-for 1ms rows.jsonl");
        let line = format!("ulimit -v {kilobytes}; exec timeout -s KILL 10 {program} {words}");
        command.arg("-c").arg(line);
        let ran = Ran::after(place.spawn(command));
        let text = ran.output + &ran.errors;
        if text.contains("this is a bug") {
            panics += usize::from(ran.status == 1);
        }
        assert_ne!(ran.status, 101, "{text}");
        let state = place.path(".local").exists().then(|| place.state_bytes());
        let kept = String::from_utf8_lossy(&state.unwrap_or_default()).into_owned();
        for secret in [SECRET_KEY, SESSION, ACCESS_KEY] {
            assert!(!text.contains(secret), "{text}");
            assert!(!kept.contains(secret));
        }
        // Whatever was lacking, the next run has it and goes on.
        place.end(&format!("{WRITE} rows.jsonl")).expect(0);
        assert_eq!(
            recorder
                .everything()
                .iter()
                .filter(|it| it.is_done())
                .count(),
            1
        );
    }
    println!("{panics} runs ended in a panic");
    assert!(panics > 0, "no panic was provoked");
}
