//! Where one of Huawei's services is, who asks it, and with how much patience.

use super::Context;
use super::credentials::{Location, Name, missing};
use crate::cli::args::{HuaweiPlaceArgs, RetryArgs};
use crate::cli::error::UsageError;
use crate::cli::value::{Endpoint, HostName, host_name};
use crate::http::{CredentialError, HuaweiCredentialSource, HuaweiSettings, Scheme};
use crate::protocol::huawei::{HuaweiCredentials, ProjectId};
use crate::retry::Backoff;
use std::sync::Arc;
use std::time::Duration;

/// Upper end of the first wait between two attempts.
const FIRST_DELAY: Duration = Duration::from_millis(500);

const ACCESS_KEY: Name = Name {
    what: "Huawei access key",
    variable: "HUAWEICLOUD_SDK_AK",
    vendor: Some("CLOUD_SDK_AK"),
    key: "huawei_ak_file",
};
const SECRET_KEY: Name = Name {
    what: "Huawei secret key",
    variable: "HUAWEICLOUD_SDK_SK",
    vendor: Some("CLOUD_SDK_SK"),
    key: "huawei_sk_file",
};
const SECURITY_TOKEN: Name = Name {
    what: "Huawei security token",
    variable: "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    vendor: None,
    key: "huawei_security_token_file",
};
const TOKEN: Name = Name {
    what: "Huawei IAM token",
    variable: "HUAWEICLOUD_SDK_TOKEN",
    vendor: None,
    key: "huawei_token_file",
};

/// A service of Huawei's.
#[derive(Debug, Clone, Copy)]
pub enum HuaweiService {
    /// Streams and checkpoints.
    Dis,
    /// The catalog of `DataArts` Studio.
    DataArts,
}

impl HuaweiService {
    /// First part of its host names; that of `DataArts` is an older name (V3 region files).
    const fn host_prefix(self) -> &'static str {
        match self {
            Self::Dis => "dis",
            Self::DataArts => "dayu",
        }
    }
}

/// A resolved connection.
#[derive(Clone)]
pub struct HuaweiConnection {
    /// For the client.
    pub settings: HuaweiSettings,
    /// When and for how long to ask again.
    pub backoff: Backoff,
}

impl HuaweiConnection {
    /// Resolves the connection to a service, and reads the credentials once to see that they are there.
    pub fn resolve(
        context: Context<'_>,
        (args, retry): (&HuaweiPlaceArgs, &RetryArgs),
        service: HuaweiService,
    ) -> Result<Self, UsageError> {
        let global = &context.invocation.cli.global;
        let place = place(context, args, service)?;
        let project = args.project_id.clone().ok_or_else(|| {
            UsageError::new(
                "the project id is missing; give --project-id, set BYTEAIR_PROJECT_ID, or put it into a \
                 profile",
            )
        })?;
        if place.is_plain && !place.host.is_loopback() && !global.allow_plain_http {
            return Err(UsageError::new(format!(
                "plain http to {} would show credentials to the network; use https in --endpoint, or \
                 --allow-plain-http if that is meant",
                place.host
            )));
        }
        let credentials = Places::resolve(context)?;
        Ok(Self {
            settings: HuaweiSettings {
                scheme: if place.is_plain {
                    Scheme::Http
                } else {
                    Scheme::Https
                },
                host: place.host.to_string(),
                project,
                timeout: retry.timeout,
                ca_cert: global.ca_cert.clone(),
                proxy: global.proxy.clone(),
                credentials: Arc::new(credentials),
            },
            backoff: Backoff {
                base: FIRST_DELAY.min(retry.retry_max_delay),
                max_delay: retry.retry_max_delay,
                budget: retry.retry_for,
            },
        })
    }

    /// The project.
    pub fn project(&self) -> &ProjectId {
        &self.settings.project
    }
}

/// The endpoint that was named, or that of the region. A region of a stronger origin wins.
fn place(
    context: Context<'_>,
    args: &HuaweiPlaceArgs,
    service: HuaweiService,
) -> Result<Endpoint, UsageError> {
    let rank = |key| context.invocation.origin(key).rank();
    match (&args.endpoint, &args.huawei_region) {
        (Some(endpoint), None) => Ok(endpoint.clone()),
        (Some(endpoint), Some(_)) if rank("endpoint") >= rank("huawei_region") => {
            Ok(endpoint.clone())
        }
        (_, Some(region)) => Ok(Endpoint {
            is_plain: false,
            host: host_of(service, region.as_str())?,
        }),
        (None, None) => Err(UsageError::new(
            "there is no service to ask; give --huawei-region, such as cn-north-4, or --endpoint",
        )),
    }
}

fn host_of(service: HuaweiService, region: &str) -> Result<HostName, UsageError> {
    let name = format!("{}.{region}.myhuaweicloud.com", service.host_prefix());
    host_name(&name).map_err(UsageError::new)
}

/// Where the secrets are.
#[derive(Debug)]
enum Places {
    AkSk {
        access_key: Location,
        secret_key: Location,
        security_token: Option<Location>,
    },
    Token(Location),
}

impl Places {
    fn resolve(context: Context<'_>) -> Result<Self, UsageError> {
        let find = |name| Location::find(context.invocation, name);
        let (access_key, secret_key, token) = (find(ACCESS_KEY)?, find(SECRET_KEY)?, find(TOKEN)?);
        let places = match (access_key, secret_key, token) {
            (Some(access_key), Some(secret_key), _) => Self::AkSk {
                access_key,
                secret_key,
                security_token: find(SECURITY_TOKEN)?,
            },
            (Some(_), None, _) => return Err(missing(SECRET_KEY)),
            (None, _, Some(token)) => Self::Token(token),
            (None, Some(_), None) => return Err(missing(ACCESS_KEY)),
            (None, None, None) => {
                return Err(UsageError::new(
                    "there are no credentials for Huawei Cloud; set HUAWEICLOUD_SDK_AK and \
                     HUAWEICLOUD_SDK_SK, or HUAWEICLOUD_SDK_TOKEN, or the same with _FILE to name files \
                     that hold them",
                ));
            }
        };
        places
            .load()
            .map_err(|error| UsageError::new(error.to_string()))?;
        Ok(places)
    }
}

impl HuaweiCredentialSource for Places {
    fn load(&self) -> Result<HuaweiCredentials, CredentialError> {
        let credentials = match self {
            Self::Token(token) => HuaweiCredentials::Token(token.read(TOKEN)?),
            Self::AkSk {
                access_key,
                secret_key,
                security_token,
            } => HuaweiCredentials::AkSk {
                access_key: access_key.read(ACCESS_KEY)?.reveal().to_owned(),
                secret_key: secret_key.read(SECRET_KEY)?,
                security_token: security_token
                    .as_ref()
                    .map(|place| place.read(SECURITY_TOKEN))
                    .transpose()?,
            },
        };
        fits_into_headers(&credentials)?;
        Ok(credentials)
    }
}

/// Otherwise every attempt would fail with a message about headers instead of about a key.
fn fits_into_headers(credentials: &HuaweiCredentials) -> Result<(), CredentialError> {
    let texts = match credentials {
        HuaweiCredentials::Token(token) => vec![(TOKEN.what, token.reveal())],
        HuaweiCredentials::AkSk {
            access_key,
            security_token,
            ..
        } => {
            let token = security_token.iter();
            let token = token.map(|token| (SECURITY_TOKEN.what, token.reveal()));
            std::iter::once((ACCESS_KEY.what, access_key.as_str()))
                .chain(token)
                .collect()
        }
    };
    let bad = texts
        .into_iter()
        .find(|(_, text)| !text.bytes().all(|byte| byte.is_ascii_graphic()));
    match bad {
        None => Ok(()),
        Some((what, _)) => Err(CredentialError(format!(
            "the {what} holds a space or another character that no key has; check where it was copied from"
        ))),
    }
}
