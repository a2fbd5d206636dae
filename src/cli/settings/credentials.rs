//! Where secrets are, and reading them from there whenever they are asked for.
//!
//! Environment or a file of its own, never a flag or the config file. Files are read again on each
//! [`CredentialSource::load`], so that a rotated secret is found in the middle of a run.

use crate::cli::args::AuthMode;
use crate::cli::error::UsageError;
use crate::cli::invocation::Invocation;
use crate::domain::Secret;
use crate::http::{CredentialError, CredentialSource};
use crate::protocol::sign::{Credentials, DEFAULT_SIGN_REGION};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that holds one secret, in bytes.
const MAX_SECRET_BYTES: u64 = 64 << 10;

/// Text of every credential of the sandbox (`cli.md` section 8).
const SANDBOX_SECRET: &str = "sandbox";

/// One value that is secret, or belongs to one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// For messages.
    pub(super) what: &'static str,
    /// Our variable; with `_FILE` it names a file.
    pub(super) variable: &'static str,
    /// The vendor's own variable.
    pub(super) vendor: Option<&'static str>,
    /// The profile's key, which names a file.
    pub(super) key: &'static str,
}

/// Variables that hold secrets; a hook does not see them.
pub const SECRET_VARIABLES: [&str; 12] = [
    // Its URL may hold a password.
    "BYTEAIR_METRICS_PUSH",
    super::part::QUOTA_SECRET,
    "BYTEAIR_AK",
    "BYTEAIR_SK",
    "BYTEAIR_SESSION_TOKEN",
    "BYTEAIR_TOKEN",
    "VOLC_ACCESSKEY",
    "VOLC_SECRETKEY",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_TOKEN",
    "CLOUD_SDK_SK",
];

const ACCESS_KEY: Name = Name {
    what: "access key",
    variable: "BYTEAIR_AK",
    vendor: Some("VOLC_ACCESSKEY"),
    key: "ak_file",
};
const SECRET_KEY: Name = Name {
    what: "secret key",
    variable: "BYTEAIR_SK",
    vendor: Some("VOLC_SECRETKEY"),
    key: "sk_file",
};
const SESSION_TOKEN: Name = Name {
    what: "session token",
    variable: "BYTEAIR_SESSION_TOKEN",
    vendor: None,
    key: "session_token_file",
};
const TOKEN: Name = Name {
    what: "token",
    variable: "BYTEAIR_TOKEN",
    vendor: None,
    key: "token_file",
};

/// Where one value is.
#[derive(Debug, Clone)]
pub(super) enum Location {
    Text { said_by: String, secret: Secret },
    File { said_by: String, path: PathBuf },
}

impl Location {
    pub(super) fn find(invocation: &Invocation, name: Name) -> Result<Option<Self>, UsageError> {
        let environment = &invocation.environment;
        let file_variable = format!("{}_FILE", name.variable);
        let text = environment.text(name.variable);
        let path = environment.path(&file_variable);
        match (text, path) {
            (Some(_), Some(_)) => {
                return Err(UsageError::new(format!(
                    "{} and {file_variable} are both set; unset one of them",
                    name.variable
                )));
            }
            (Some(text), None) => return Ok(Some(Self::text(name.variable, text))),
            (None, Some(path)) => {
                return Ok(Some(Self::File {
                    said_by: format!("environment {file_variable}"),
                    path,
                }));
            }
            (None, None) => {}
        }
        if let Some((vendor, text)) = name
            .vendor
            .and_then(|vendor| Some((vendor, environment.text(vendor)?)))
        {
            return Ok(Some(Self::text(vendor, text)));
        }
        let of_profile = invocation.profile.as_ref().and_then(|profile| {
            let path = profile.extra(name.key)?;
            Some(Self::File {
                said_by: format!(
                    "{} of profile '{}' in {}",
                    name.key,
                    profile.name,
                    profile.file.display()
                ),
                path: path.into(),
            })
        });
        Ok(of_profile)
    }

    fn text(variable: &str, text: &str) -> Self {
        Self::Text {
            said_by: format!("environment {variable}"),
            secret: Secret::new(text.trim()),
        }
    }

    pub(super) fn read(&self, name: Name) -> Result<Secret, CredentialError> {
        match self {
            Self::Text { secret, .. } => Ok(secret.clone()),
            Self::File { said_by, path } => read_secret(path).map_err(|why| {
                CredentialError(format!(
                    "cannot read the {} from {}, which {said_by} names: {why}",
                    name.what,
                    path.display()
                ))
            }),
        }
    }

    fn origin(&self) -> String {
        match self {
            Self::Text { said_by, .. } => said_by.clone(),
            Self::File { said_by, path } => format!("file {}, {said_by}", path.display()),
        }
    }
}

fn read_secret(path: &Path) -> Result<Secret, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut text = String::new();
    file.take(MAX_SECRET_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if secret.contains(char::is_whitespace)
        || u64::try_from(text.len()).is_ok_and(|length| length > MAX_SECRET_BYTES)
    {
        return Err("the file holds more than one word".to_owned());
    }
    Ok(Secret::new(secret))
}

/// Where the credentials of a run are.
#[derive(Debug, Clone)]
pub(super) struct CredentialPlaces(Mode);

#[derive(Debug, Clone)]
enum Mode {
    AkSk {
        access_key: Location,
        secret_key: Location,
        session_token: Option<Location>,
        region: String,
    },
    Token(Location),
}

impl CredentialPlaces {
    /// Finds the credentials, and reads them once to see that they are there.
    pub(super) fn resolve(invocation: &Invocation) -> Result<Self, UsageError> {
        let find = |name| Location::find(invocation, name);
        let (access_key, secret_key, token) = (find(ACCESS_KEY)?, find(SECRET_KEY)?, find(TOKEN)?);
        let mode = match invocation.cli.global.auth {
            Some(mode) => mode,
            None if access_key.is_some() => AuthMode::AkSk,
            None if token.is_some() => AuthMode::Token,
            // Half of a pair: the other half is what is missing.
            None if secret_key.is_some() => AuthMode::AkSk,
            None => {
                return Err(UsageError::new(
                    "there are no credentials; set BYTEAIR_AK and BYTEAIR_SK, or BYTEAIR_TOKEN, or \
                     the same with _FILE to name files that hold them",
                ));
            }
        };
        let places = Self(match mode {
            AuthMode::Token => Mode::Token(token.ok_or_else(|| missing(TOKEN))?),
            AuthMode::AkSk => Mode::AkSk {
                access_key: access_key.ok_or_else(|| missing(ACCESS_KEY))?,
                secret_key: secret_key.ok_or_else(|| missing(SECRET_KEY))?,
                session_token: find(SESSION_TOKEN)?,
                region: invocation.cli.global.sign_region.clone(),
            },
        });
        places
            .load()
            .map_err(|error| UsageError::new(error.to_string()))?;
        Ok(places)
    }

    /// The credentials that a sandbox of our own believes.
    pub(super) fn of_sandbox() -> Self {
        let place = || Location::text("", SANDBOX_SECRET);
        Self(Mode::AkSk {
            access_key: place(),
            secret_key: place(),
            session_token: None,
            region: DEFAULT_SIGN_REGION.to_owned(),
        })
    }
}

pub(super) fn missing(name: Name) -> UsageError {
    UsageError::new(format!(
        "the {} is missing; set {variable}, or {variable}_FILE to name a file that holds it",
        name.what,
        variable = name.variable
    ))
}

impl CredentialSource for CredentialPlaces {
    fn load(&self) -> Result<Credentials, CredentialError> {
        Ok(match &self.0 {
            Mode::AkSk {
                access_key,
                secret_key,
                session_token,
                region,
            } => Credentials::AkSk {
                access_key: access_key.read(ACCESS_KEY)?.reveal().to_owned(),
                secret_key: secret_key.read(SECRET_KEY)?,
                session_token: session_token
                    .as_ref()
                    .map(|place| place.read(SESSION_TOKEN))
                    .transpose()?,
                region: region.clone(),
            },
            Mode::Token(token) => Credentials::Token {
                token: token.read(TOKEN)?,
            },
        })
    }
}

/// For `config show`: each credential's name and where it is, or `None` when it is nowhere. The
/// values themselves are not read.
pub fn describe(
    invocation: &Invocation,
) -> Result<Vec<(&'static str, Option<String>)>, UsageError> {
    [ACCESS_KEY, SECRET_KEY, SESSION_TOKEN, TOKEN]
        .into_iter()
        .map(|name| {
            let place = Location::find(invocation, name)?;
            Ok((name.what, place.map(|place| place.origin())))
        })
        .collect()
}
