//! The options by which stored bytes become the stream that ranges and their digests are of.
//!
//! The ledger keeps them with each input, so that a command which is not given them (`done`) can
//! still see whether a file that was touched has the content that was uploaded. What rows are made
//! of the stream is not among them.

use super::{Compression, Format, InputSettings, TextEncoding, Timestamps};
use serde::{Deserialize, Serialize};

/// As the ledger has them. What is missing has its default, so that later versions may add to it.
#[derive(Serialize, Deserialize)]
#[serde(default)]
struct ReadOptions {
    format: Format,
    compression: Compression,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<String>,
    timestamps: Timestamps,
    max_row_bytes: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self::of(&InputSettings::default())
    }
}

impl ReadOptions {
    fn of(settings: &InputSettings) -> Self {
        Self {
            format: settings.format,
            compression: settings.compression,
            encoding: settings.encoding.map(|it| it.name().to_owned()),
            timestamps: settings.timestamps,
            max_row_bytes: settings.max_row_bytes,
        }
    }
}

impl InputSettings {
    /// The options that decide which bytes the stream of an input has, as a JSON object.
    pub fn read_options(&self) -> String {
        serde_json::to_string(&ReadOptions::of(self)).unwrap_or_default()
    }

    /// Settings that give the stream that was read with such options; with those of the defaults
    /// where nothing is recorded, as of inputs of earlier versions.
    #[must_use]
    pub fn of_read_options(recorded: Option<&str>) -> Self {
        let options: ReadOptions = recorded
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default();
        Self {
            format: options.format,
            compression: options.compression,
            encoding: options
                .encoding
                .and_then(|name| TextEncoding::for_label(&name)),
            timestamps: options.timestamps,
            max_row_bytes: options.max_row_bytes,
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_comes_back_and_what_is_not_has_its_default() {
        let settings = InputSettings {
            format: Format::Parquet,
            compression: Compression::None,
            encoding: TextEncoding::for_label("gbk"),
            timestamps: Timestamps::Seconds,
            max_row_bytes: 77,
            ..InputSettings::default()
        };
        let recorded = settings.read_options();
        assert_eq!(
            recorded,
            r#"{"format":"parquet","compression":"none","encoding":"GBK","timestamps":"seconds","max_row_bytes":77}"#
        );
        let again = InputSettings::of_read_options(Some(&recorded));
        assert_eq!(again.read_options(), recorded);
        let default = InputSettings::default().read_options();
        for nothing in [None, Some("{}"), Some("")] {
            let settings = InputSettings::of_read_options(nothing);
            assert_eq!(settings.read_options(), default);
        }
    }
}
