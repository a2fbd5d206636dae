//! What `--help` says of inputs in remote stores: nothing in a program that reads none.

/// Where they lie, and where their credentials come from.
#[cfg(feature = "remote")]
const STORES: &str = "\
Remote stores: a PATH may be s3://BUCKET/KEY, tos://, obs://, oss://,
hdfs://NAMENODE:PORT/PATH, webhdfs:// or https://, with {date}, and but for
https:// with globs and folders. Credentials come from the environment, never
from the URL:
  s3://    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (or
           ~/.aws, or the role of the machine), AWS_REGION, AWS_ENDPOINT_URL
  tos://   TOS_ACCESS_KEY, TOS_SECRET_KEY, TOS_SECURITY_TOKEN, TOS_REGION,
           TOS_ENDPOINT
  obs://   OBS_ACCESS_KEY_ID, OBS_SECRET_ACCESS_KEY, OBS_ENDPOINT
  oss://   OSS_ACCESS_KEY_ID, OSS_ACCESS_KEY_SECRET, OSS_SESSION_TOKEN,
           OSS_ENDPOINT or OSS_REGION
  hdfs://, webhdfs://
           HADOOP_CONF_DIR, HADOOP_USER_NAME

";

#[cfg(not(feature = "remote"))]
const STORES: &str = "";

/// What the `--help` of a command that reads inputs ends with.
pub(super) fn with_stores(examples: &str) -> String {
    format!("{STORES}{examples}")
}
