//! Texts that must not be repeated, whoever says them.
//!
//! A server, or a gateway that wants to be helpful, may quote the headers of a request in its message:
//! the signature, the access key, the token of temporary keys. Messages are shown and logged, so what
//! they quote is taken out before.

use super::sign::percent_encode;
use std::borrow::Cow;

/// Shorter texts are no credentials, but words that a message may need.
const MIN_SECRET_BYTES: usize = 8;

/// What stands in their place.
const HIDDEN: &str = "***";

/// Texts to hide. Cannot be printed.
#[derive(Default)]
pub struct Mask(Vec<String>);

impl Mask {
    /// Hides these, also percent-encoded.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut texts: Vec<String> = secrets
            .into_iter()
            .filter(|secret| secret.len() >= MIN_SECRET_BYTES)
            .flat_map(|secret| [secret.to_owned(), percent_encode(secret)])
            .collect();
        // A text within another one goes with it.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self(texts)
    }

    /// The text without what is hidden.
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut shown = Cow::Borrowed(text);
        for secret in &self.0 {
            if shown.contains(secret) {
                shown = shown.replace(secret, HIDDEN).into();
            }
        }
        shown
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_secrets_are_hidden_in_both_spellings() {
        let mask = Mask::new(["secret/0001=", "short", "secret/0001=and-more"]);
        for (text, shown) in [
            ("a secret/0001= b", "a *** b"),
            ("secret%2F0001%3D", "***"),
            ("secret/0001=and-more", "***"),
            ("short and plain", "short and plain"),
        ] {
            assert_eq!(mask.hide(text), shown);
        }
        assert_eq!(format!("{mask:?}"), "Mask(***)");
    }
}
