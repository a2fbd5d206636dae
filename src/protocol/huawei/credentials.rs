//! The two ways of telling Huawei's services who calls: a signature, or an IAM token that is sent as it
//! is. The sandbox checks both.

use super::sign::{HuaweiKey, HuaweiRequest, sign, verify};
use crate::domain::Secret;
use crate::protocol::Mask;
use crate::protocol::sign::SignatureFault;
use chrono::{DateTime, Utc};

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HuaweiCredentials {
    /// An access key, permanent or temporary.
    AkSk {
        /// Public half.
        access_key: String,
        /// Secret half.
        secret_key: Secret,
        /// Of temporary keys.
        security_token: Option<Secret>,
    },
    /// An IAM user token.
    Token(Secret),
}

impl HuaweiCredentials {
    /// The headers that make a request authentic, to be added to those in it, and what no message may
    /// quote of them.
    pub fn sign(
        &self,
        request: &HuaweiRequest<'_>,
        now: DateTime<Utc>,
    ) -> (Vec<(&'static str, String)>, Mask) {
        match self {
            Self::Token(token) => {
                let header = ("X-Auth-Token", token.reveal().to_owned());
                (vec![header], Mask::new([token.reveal()]))
            }
            Self::AkSk {
                access_key,
                secret_key,
                security_token,
            } => {
                let key = HuaweiKey {
                    access_key,
                    secret_key,
                    security_token: security_token.as_ref(),
                };
                let added = sign(request, &key, now);
                let signature = added
                    .iter()
                    .filter(|(name, _)| *name == "Authorization")
                    .flat_map(|(_, value)| {
                        [value.as_str(), value.rsplit('=').next().unwrap_or_default()]
                    });
                let kept = [access_key.as_str(), secret_key.reveal()];
                let token = security_token.iter().map(Secret::reveal);
                let mask = Mask::new(kept.into_iter().chain(token).chain(signature));
                (added, mask)
            }
        }
    }

    /// Checks a received request against these credentials, at a server's `now`.
    pub fn verify(
        &self,
        request: &HuaweiRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), SignatureFault> {
        match self {
            Self::Token(token) => match request.header("x-auth-token") {
                None => Err(SignatureFault::Missing),
                Some(sent) if sent == token.reveal() => Ok(()),
                Some(_) => Err(SignatureFault::UnknownKey),
            },
            Self::AkSk {
                access_key,
                secret_key,
                security_token,
            } => {
                let key = HuaweiKey {
                    access_key,
                    secret_key,
                    security_token: security_token.as_ref(),
                };
                verify(request, &key, now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_as_it_is_and_is_hidden_in_messages() {
        let token = HuaweiCredentials::Token(Secret::new("token-0001"));
        let request = HuaweiRequest {
            method: "GET",
            host: "h",
            path: "/",
            query: "",
            headers: &[],
            body: b"",
        };
        let (headers, mask) = token.sign(&request, Utc::now());
        assert_eq!(headers, [("X-Auth-Token", "token-0001".to_owned())]);
        assert_eq!(mask.hide("token-0001 is bad"), "*** is bad");
        assert_eq!(
            token.verify(&request, Utc::now()),
            Err(SignatureFault::Missing)
        );
        for (sent, expected) in [
            ("token-0001", Ok(())),
            ("token-0002", Err(SignatureFault::UnknownKey)),
        ] {
            let request = HuaweiRequest {
                headers: &[("X-Auth-Token", sent)],
                ..request
            };
            assert_eq!(token.verify(&request, Utc::now()), expected);
        }
    }
}
