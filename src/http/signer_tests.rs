//! When another attempt makes sense after a 401, also with many attempts in flight.

use super::*;
use crate::domain::Secret;
use std::sync::Mutex;

/// Credentials that a test can rotate.
struct Rotating(Mutex<Result<Credentials, CredentialError>>);

impl CredentialSource for Rotating {
    fn load(&self) -> Result<Credentials, CredentialError> {
        self.0.lock().unwrap().clone()
    }
}

fn key(access_key: &str) -> Credentials {
    Credentials::AkSk {
        access_key: access_key.to_owned(),
        secret_key: Secret::new("sk"),
        session_token: None,
        region: "placeholder".to_owned(),
    }
}

fn signer() -> (Arc<Rotating>, Signer) {
    let source = Arc::new(Rotating(Mutex::new(Ok(key("ak")))));
    let shared: Arc<dyn CredentialSource> = source.clone();
    let signer = Signer::new(shared).unwrap();
    (source, signer)
}

#[test]
fn without_a_change_another_attempt_makes_no_sense() {
    let (_, signer) = signer();
    let now = Utc::now();
    let refresh = signer.refresh(signer.generation(), Some(now), now);
    assert!(!refresh.try_again);
    assert_eq!((refresh.clock_offset, refresh.error), (None, None));
    assert!(!signer.refresh(signer.generation(), None, now).try_again);
}

#[test]
fn rotated_credentials_are_tried_by_everybody_who_was_refused() {
    let (source, signer) = signer();
    let before = signer.generation();
    *source.0.lock().unwrap() = Ok(key("new"));
    assert!(signer.refresh(before, None, Utc::now()).try_again);
    assert!(signer.refresh(before, None, Utc::now()).try_again);
    let after = signer.generation();
    assert!(!signer.refresh(after, None, Utc::now()).try_again);
}

#[test]
fn a_small_offset_is_adopted_once() {
    let (_, signer) = signer();
    let now = Utc::now();
    let server = now + TimeDelta::seconds(600);
    let before = signer.generation();
    let refresh = signer.refresh(before, Some(server), now);
    assert!(refresh.try_again);
    assert_eq!(refresh.clock_offset, Some(TimeDelta::seconds(600)));
    assert!(signer.refresh(before, Some(server), now).try_again);
    let after = signer.generation();
    assert!(!signer.refresh(after, Some(server), now).try_again);
    assert_eq!(signer.read().clock_offset, TimeDelta::seconds(600));
}

#[test]
fn a_large_offset_is_reported_and_not_adopted() {
    let (_, signer) = signer();
    let now = Utc::now();
    let server = now - TimeDelta::seconds(3600);
    let refresh = signer.refresh(signer.generation(), Some(server), now);
    assert!(!refresh.try_again);
    assert_eq!(refresh.clock_offset, Some(TimeDelta::seconds(-3600)));
    assert_eq!(signer.read().clock_offset, TimeDelta::zero());
}

#[test]
fn credentials_that_cannot_be_read_again_leave_the_old_ones_in_use() {
    let (source, signer) = signer();
    let gone = CredentialError("BYTEAIR_SK_FILE is gone".to_owned());
    *source.0.lock().unwrap() = Err(gone.clone());
    let refresh = signer.refresh(signer.generation(), None, Utc::now());
    assert_eq!((refresh.try_again, refresh.error), (false, Some(gone)));
    assert_eq!(signer.read().credentials, key("ak"));
}

#[test]
fn keys_that_do_not_fit_into_a_header_are_refused_without_being_shown() {
    for bad in ["ak\nX-Evil: 1", "a k", "密"] {
        let source = Arc::new(Rotating(Mutex::new(Ok(key(bad)))));
        let error = Signer::new(source).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("access key") && !shown.contains(bad),
            "{shown}"
        );
    }
}
