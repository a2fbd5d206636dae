//! The reply to `done` is lost after it was stored: one `done` is accepted, and the run says so.

use crate::comparison::violations;
use crate::place::Place;
use crate::server::{Server, faulty};
use crate::upload::{Form, Upload};
use byteair_sync::sandbox::FaultOn;

#[test]
fn a_done_whose_reply_was_lost_is_accepted_once_and_told_as_unconfirmed() {
    let (mut lost, mut heard) = (0, 0);
    for (at, fault) in ["lost-reply=0.5", "lost-reply:502=0.5", "garbage=0.5"]
        .iter()
        .enumerate()
    {
        for seed in 0..4 {
            let seed = seed + 100 * u64::try_from(at).unwrap();
            let server = Server::start(faulty(seed, &[fault], Some(FaultOn::Done)));
            let place = Place::of(&server);
            let upload = Upload::generate(&place, &[&[Form::Jsonl]], 20);
            let words = upload.words("");
            let (status, summary) = place.summary(&words);
            assert_eq!(status, 0, "{}", place.said());
            assert_eq!(violations(&upload, &server), [""; 0], "{}", place.said());
            let told = &summary["dates"][0];
            if server.state().faults.is_empty() {
                heard += 1;
                assert_eq!(told["done"], "sent", "{fault} {seed}");
            } else {
                lost += 1;
                assert_eq!(told["done"], "unconfirmed", "{fault} {seed}");
            }
            let before = server.state().requests_total;
            let (status, summary) = place.summary(&words);
            assert_eq!(
                (status, &summary["dates"][0]["done"]),
                (0, &"already".into())
            );
            assert_eq!(server.state().requests_total, before);
        }
    }
    assert!(lost > 0 && heard > 0, "{lost} lost, {heard} heard");
}
