//! Credentials and clock in use, and what to do when the server accepts them no longer.
//!
//! Many attempts are in flight when a key is rotated or a clock turns out wrong. Each remembers
//! the generation it was signed with, so only the first to fail changes anything and the others
//! simply try again with what it found.

use super::settings::{CredentialError, CredentialSource, HttpError};
use crate::protocol::Mask;
use crate::protocol::sign::{Credentials, Moment, RequestToSign};
use chrono::{DateTime, TimeDelta, Utc};
use rand::Rng;
use rand::distr::Alphanumeric;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Characters of a nonce, as in the SDKs.
const NONCE_CHARS: usize = 8;

/// Smaller offsets are not why a request was refused: the Date header has whole seconds and the
/// reply took its time.
const MIN_ADOPTED_OFFSET: TimeDelta = TimeDelta::seconds(5);

/// Larger offsets are a broken clock, for a person to mend.
const MAX_ADOPTED_OFFSET: TimeDelta = TimeDelta::minutes(15);

/// Which credentials and clock a request was signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SigningGeneration(u64);

/// What came of looking for better credentials and a better clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refresh {
    /// Something changed since the refused request was signed: another attempt makes sense.
    pub try_again: bool,
    /// The server's clock minus this machine's, when the reply told and it is 5 s or more.
    pub clock_offset: Option<TimeDelta>,
    /// Why the credentials could not be read again; the old ones stay in use.
    pub error: Option<CredentialError>,
}

struct State {
    credentials: Credentials,
    clock_offset: TimeDelta,
    generation: u64,
}

pub(super) struct Signer {
    source: Arc<dyn CredentialSource>,
    state: RwLock<State>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(source: Arc<dyn CredentialSource>) -> Result<Self, HttpError> {
        let credentials = load(source.as_ref()).map_err(HttpError::Credentials)?;
        Ok(Self {
            source,
            state: RwLock::new(State {
                credentials,
                clock_offset: TimeDelta::zero(),
                generation: 0,
            }),
        })
    }

    /// Signs with the clock as it is now. Also tells what of the signature and its key must not be
    /// shown when the server quotes it.
    pub(super) fn sign(&self, request: &RequestToSign<'_>) -> (Vec<(&'static str, String)>, Mask) {
        let nonce: String = rand::rng()
            .sample_iter(Alphanumeric)
            .take(NONCE_CHARS)
            .map(char::from)
            .collect();
        let state = self.read();
        let moment = Moment {
            now: Utc::now() + state.clock_offset,
            nonce: &nonce,
        };
        let signature = state.credentials.sign(request, moment);
        let mask = mask(&state.credentials, &signature);
        (signature, mask)
    }

    /// What was adopted of the server's clock.
    pub(super) fn clock_offset(&self) -> Option<TimeDelta> {
        let offset = self.read().clock_offset;
        (!offset.is_zero()).then_some(offset)
    }

    pub(super) fn generation(&self) -> SigningGeneration {
        SigningGeneration(self.read().generation)
    }

    pub(super) fn refresh(
        &self,
        signed_with: SigningGeneration,
        server_time: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Refresh {
        let loaded = load(self.source.as_ref());
        let offset = server_time.map(|time| time.signed_duration_since(now));
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        let error = match loaded {
            Ok(credentials) => {
                changed |= credentials != state.credentials;
                state.credentials = credentials;
                None
            }
            Err(error) => Some(error),
        };
        if let Some(offset) = offset {
            let beside = (offset - state.clock_offset).abs();
            if beside >= MIN_ADOPTED_OFFSET && offset.abs() <= MAX_ADOPTED_OFFSET {
                state.clock_offset = offset;
                changed = true;
            }
        }
        if changed {
            state.generation += 1;
        }
        Refresh {
            try_again: state.generation != signed_with.0,
            clock_offset: offset.filter(|offset| offset.abs() >= MIN_ADOPTED_OFFSET),
            error,
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whatever is secret for good, and whatever the signature's headers say that is for one server only.
fn mask(credentials: &Credentials, signature: &[(&'static str, String)]) -> Mask {
    let kept = match credentials {
        Credentials::AkSk {
            access_key,
            secret_key,
            session_token,
            ..
        } => [
            access_key.as_str(),
            secret_key.reveal(),
            session_token.as_ref().map_or("", |token| token.reveal()),
        ],
        Credentials::Token { token } => [token.reveal(), "", ""],
    };
    let sent = signature
        .iter()
        .filter(|(name, _)| ["Authorization", "Tenant-Signature"].contains(name))
        .flat_map(|(_, value)| [value.as_str(), value.rsplit('=').next().unwrap_or_default()]);
    Mask::new(kept.into_iter().chain(sent))
}

/// Loads credentials and makes sure that they fit into headers; otherwise every attempt would fail
/// with a message about headers instead of about a key.
fn load(source: &dyn CredentialSource) -> Result<Credentials, CredentialError> {
    let credentials = source.load()?;
    if let Credentials::AkSk {
        access_key,
        session_token,
        region,
        ..
    } = &credentials
    {
        let token = session_token.as_ref().map_or("", |token| token.reveal());
        for (what, text) in [
            ("access key", access_key.as_str()),
            ("session token", token),
            ("signing region", region),
        ] {
            if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(CredentialError(format!(
                    "the {what} holds a space or another character that no key has; check where it was copied from"
                )));
            }
        }
    }
    Ok(credentials)
}

#[cfg(test)]
#[path = "signer_tests.rs"]
mod tests;
