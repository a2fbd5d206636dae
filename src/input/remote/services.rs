//! The stores themselves: one operator of `OpenDAL` for each bucket or host, set up by the variables
//! that the store's own tools read.
//!
//! Credentials that are not named here are looked for by the library: `~/.aws`, instance roles and
//! the like. Nothing is kept in files, and no secret is part of a message.

use super::url::{Scheme, is_loopback};
use super::{ObjectUrl, StoreFault, StoreTrouble, Stores};
use opendal::services::{HdfsNative, Http, Obs, Oss, S3, Tos, Webhdfs};
use opendal::{HttpTransporter, OperationContext, Operator};
use opendal_http_transport_reqwest::ReqwestTransport;
use std::collections::HashMap;
use std::env;
use std::sync::{Arc, Mutex, PoisonError};

/// The stores that were used, by scheme and bucket or host, and the client of them all.
pub(super) type Opened = Arc<Mutex<OpenedStores>>;

/// See [`Opened`].
#[derive(Default)]
pub(super) struct OpenedStores {
    client: Option<reqwest::Client>,
    operators: HashMap<(Scheme, String), Operator>,
}

/// Where S3 is when nobody says otherwise; any region serves for an endpoint of one's own.
const DEFAULT_S3_REGION: &str = "us-east-1";

/// Hadoop's own default takes three minutes to find out that nobody is there.
const NAME_NODE_ATTEMPTS: &str = "4";

impl Stores {
    /// The operator of the store that a URL names.
    pub(super) fn operator(&self, url: &ObjectUrl) -> Result<Operator, StoreFault> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (url.scheme(), url.authority().to_owned());
        if let Some(operator) = opened.operators.get(&key) {
            return Ok(operator.clone());
        }
        let client = match &opened.client {
            Some(client) => client.clone(),
            None => opened.client.insert(self.client()?).clone(),
        };
        self.check_plain(url.is_plain_and_far(), url.authority())?;
        let transport = HttpTransporter::new(ReqwestTransport::new(client));
        let context = OperationContext::new().with_http_transport(transport);
        let operator = self.build(url)?.with_context(context);
        opened.operators.insert(key, operator.clone());
        Ok(operator)
    }

    fn client(&self) -> Result<reqwest::Client, StoreFault> {
        let Some(open_client) = &self.open_client else {
            return Err(StoreFault::new(
                StoreTrouble::Usage,
                "this command reads files only; copy the object to a file first",
            ));
        };
        open_client().map_err(|error| {
            let mut problem = format!("its client cannot be set up: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                problem = format!("{problem}: {inner}");
                cause = inner.source();
            }
            StoreFault::new(StoreTrouble::Usage, problem)
        })
    }

    fn build(&self, url: &ObjectUrl) -> Result<Operator, StoreFault> {
        let host = url.authority();
        let built = match url.scheme() {
            Scheme::S3 => Operator::new(self.s3(host)?),
            Scheme::Tos => Operator::new(self.tos(host)?),
            Scheme::Obs => Operator::new(self.obs(host)?),
            Scheme::Oss => Operator::new(self.oss(host)?),
            Scheme::Hdfs => Operator::new(name_node(host)),
            Scheme::WebHdfs => {
                let mut builder = Webhdfs::default().endpoint(&format!("http://{host}"));
                if let Some(user) = variable(&["HADOOP_USER_NAME"]) {
                    builder = builder.user_name(&user);
                }
                Operator::new(builder)
            }
            Scheme::Https => Operator::new(Http::default().endpoint(&format!("https://{host}"))),
            Scheme::Http => Operator::new(Http::default().endpoint(&format!("http://{host}"))),
        };
        built.map_err(|error| {
            let why = match error.kind() {
                opendal::ErrorKind::ConfigInvalid => "its settings are incomplete or malformed",
                _ => "it cannot be set up",
            };
            let problem = format!("{why}; check {}", variables(url.scheme()));
            StoreFault::new(StoreTrouble::Usage, problem)
        })
    }

    fn s3(&self, bucket: &str) -> Result<S3, StoreFault> {
        let region = variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
        let mut builder = S3::default()
            .bucket(bucket)
            .region(region.as_deref().unwrap_or(DEFAULT_S3_REGION));
        if let Some(endpoint) = self.endpoint(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])? {
            builder = builder.endpoint(&endpoint);
        }
        if variable(&["AWS_EC2_METADATA_DISABLED"]).is_some_and(|it| it == "true") {
            builder = builder.disable_ec2_metadata();
        }
        Ok(builder)
    }

    fn tos(&self, bucket: &str) -> Result<Tos, StoreFault> {
        let region = variable(&["TOS_REGION", "VOLCENGINE_REGION"]);
        let endpoint = self.endpoint(&["TOS_ENDPOINT"])?;
        let mut builder = Tos::default().bucket(bucket);
        match (&region, &endpoint) {
            (None, None) => return Err(missing("TOS_REGION or TOS_ENDPOINT")),
            (Some(region), _) => builder = builder.region(region),
            (None, Some(_)) => {}
        }
        if let Some(endpoint) = &endpoint {
            builder = builder.endpoint(endpoint);
        }
        if let Some((key, secret)) = key_pair("TOS_ACCESS_KEY", "TOS_SECRET_KEY") {
            builder = builder.access_key_id(&key).secret_access_key(&secret);
        }
        if let Some(token) = variable(&["TOS_SECURITY_TOKEN"]) {
            builder = builder.security_token(&token);
        }
        Ok(builder)
    }

    fn obs(&self, bucket: &str) -> Result<Obs, StoreFault> {
        let endpoint = self.endpoint(&["OBS_ENDPOINT"])?;
        let endpoint = endpoint.ok_or_else(|| missing("OBS_ENDPOINT"))?;
        let mut builder = Obs::default().bucket(bucket).endpoint(&endpoint);
        if variable(&["OBS_SECURITY_TOKEN"]).is_some() {
            return Err(StoreFault::new(
                StoreTrouble::Usage,
                "temporary credentials are read from HUAWEI_CLOUD_ACCESS_KEY_ID, \
                 HUAWEI_CLOUD_SECRET_ACCESS_KEY and HUAWEI_CLOUD_SECURITY_TOKEN; set these instead \
                 of OBS_SECURITY_TOKEN",
            ));
        }
        if let Some((key, secret)) = key_pair("OBS_ACCESS_KEY_ID", "OBS_SECRET_ACCESS_KEY") {
            builder = builder.access_key_id(&key).secret_access_key(&secret);
        }
        Ok(builder)
    }

    fn oss(&self, bucket: &str) -> Result<Oss, StoreFault> {
        let region = variable(&["OSS_REGION"]);
        let endpoint = self.endpoint(&["OSS_ENDPOINT"])?;
        let endpoint = match (endpoint, region) {
            (Some(endpoint), _) => endpoint,
            (None, Some(region)) => {
                format!(
                    "https://oss-{}.aliyuncs.com",
                    region.trim_start_matches("oss-")
                )
            }
            (None, None) => return Err(missing("OSS_ENDPOINT or OSS_REGION")),
        };
        Ok(Oss::default().bucket(bucket).endpoint(&endpoint))
    }

    /// The endpoint that the first of these variables names, with its scheme.
    fn endpoint(&self, names: &[&str]) -> Result<Option<String>, StoreFault> {
        let Some(named) = variable(names) else {
            return Ok(None);
        };
        let endpoint = named.trim_end_matches('/');
        let Some(host) = endpoint.strip_prefix("http://") else {
            let host = endpoint.strip_prefix("https://").unwrap_or(endpoint);
            return Ok(Some(format!("https://{host}")));
        };
        self.check_plain(!is_loopback(host), host)?;
        Ok(Some(endpoint.to_owned()))
    }
}

/// Hadoop's own configuration (`HADOOP_CONF_DIR`) names it where the URL does not.
fn name_node(host: &str) -> HdfsNative {
    let patience = (
        "dfs.client.failover.max.attempts".to_owned(),
        NAME_NODE_ATTEMPTS.to_owned(),
    );
    let builder = HdfsNative::default().options(HashMap::from([patience]));
    if host.is_empty() {
        builder
    } else {
        builder.name_node(&format!("hdfs://{host}"))
    }
}

/// The variables that say how a store is reached, for messages.
pub(super) const fn variables(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::S3 => {
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION and \
             AWS_ENDPOINT_URL"
        }
        Scheme::Tos => {
            "TOS_ACCESS_KEY, TOS_SECRET_KEY, TOS_SECURITY_TOKEN, TOS_REGION and TOS_ENDPOINT"
        }
        Scheme::Obs => "OBS_ACCESS_KEY_ID, OBS_SECRET_ACCESS_KEY and OBS_ENDPOINT",
        Scheme::Oss => {
            "OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN, OSS_REGION and \
             OSS_ENDPOINT"
        }
        Scheme::Hdfs => "HADOOP_CONF_DIR and HADOOP_USER_NAME",
        Scheme::WebHdfs => "HADOOP_USER_NAME",
        Scheme::Https | Scheme::Http => "that the server gives the file to everybody",
    }
}

fn missing(names: &str) -> StoreFault {
    StoreFault::new(
        StoreTrouble::Usage,
        format!("it is not known where the store is; set {names}"),
    )
}

/// The value of the first variable that is set and not empty.
fn variable(names: &[&str]) -> Option<String> {
    names
        .iter()
        .find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

fn key_pair(key: &str, secret: &str) -> Option<(String, String)> {
    variable(&[key]).zip(variable(&[secret]))
}
