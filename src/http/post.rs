//! One POST of a text to a URL that a person named, for hooks and monitoring. It has nothing
//! to do with the platform: no signature, no credentials, no ledger.

use super::settings::HttpError;
use reqwest::{Url, redirect};
use std::time::Duration;

/// Posts a text and returns the HTTP status of the answer, whose body is not read. No redirect
/// is followed.
pub async fn post(
    url: &str,
    content_type: &'static str,
    body: Vec<u8>,
    within: Duration,
) -> Result<u16, HttpError> {
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let url = Url::parse(url).map_err(|_| HttpError::Address)?;
    let client = reqwest::Client::builder()
        .user_agent(concat!("byteair-sync/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .timeout(within)
        .build()
        .map_err(HttpError::Tls)?;
    let request = client
        .post(url)
        .header(http::header::CONTENT_TYPE, content_type)
        .body(body);
    // The URL may hold a password or a key, so no message repeats it.
    let response = request
        .send()
        .await
        .map_err(|error| HttpError::Post(error.without_url()))?;
    Ok(response.status().as_u16())
}
