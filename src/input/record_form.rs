//! What a stream says of its records, and what that means for reading them.
//!
//! An option that was given goes before it. Each record is read by itself, so that none has a header:
//! columns of CSV have to be named, or the first line of every record would be taken for one.

use super::{Compression, Format, InputSettings};

/// What a stream says of its records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordForm {
    /// Their lines are CSV.
    pub is_csv: bool,
    /// What stands between cells; `None` is a comma.
    pub delimiter: Option<String>,
    /// How each of them is compressed, in the service's words.
    pub compression: Option<String>,
}

impl RecordForm {
    /// How records are read by what was asked for and by what the stream says; why they cannot be.
    pub fn apply(&self, asked: &InputSettings) -> Result<InputSettings, String> {
        let mut settings = asked.clone();
        if self.is_csv && settings.format == Format::Auto {
            settings.format = Format::Csv;
        }
        if settings.format == Format::Csv && self.is_csv && settings.delimiter.is_none() {
            settings.delimiter.clone_from(&self.delimiter);
        }
        if matches!(settings.format, Format::Csv | Format::Tsv) && settings.columns.is_none() {
            let whose = if asked.format == Format::Auto {
                "the stream says that its records are CSV, and they have no header"
            } else {
                "records have no header"
            };
            let otherwise = if asked.format == Format::Auto {
                "; if they are JSON all the same, say --format jsonl"
            } else {
                ""
            };
            return Err(format!(
                "{whose}: name the columns with --columns a,b,c{otherwise}"
            ));
        }
        if settings.compression == Compression::Auto {
            match self.compression.as_deref() {
                // It has no beginning of its own by which it could be known.
                Some("snappy") => settings.compression = Compression::Snappy,
                Some("zip") => {
                    return Err(
                        "the stream says that its records are zip archives, which cannot be read; \
                         have them written plain, as gzip or as snappy, or say --compression none if they are plain"
                            .to_owned(),
                    );
                }
                // Everything else is known by its first bytes.
                _ => {}
            }
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv() -> RecordForm {
        RecordForm {
            is_csv: true,
            delimiter: Some("|".to_owned()),
            compression: Some("snappy".to_owned()),
        }
    }

    fn named() -> InputSettings {
        InputSettings {
            columns: Some(vec!["a".to_owned(), "b".to_owned()]),
            ..InputSettings::default()
        }
    }

    #[test]
    fn what_the_stream_says_fills_in_what_was_not_asked_for() {
        let read = csv().apply(&named()).unwrap();
        assert_eq!(
            (read.format, read.delimiter.as_deref(), read.compression),
            (Format::Csv, Some("|"), Compression::Snappy)
        );
        let asked = InputSettings {
            format: Format::Jsonl,
            compression: Compression::None,
            ..InputSettings::default()
        };
        let read = csv().apply(&asked).unwrap();
        assert_eq!(
            (read.format, read.delimiter, read.compression),
            (Format::Jsonl, None, Compression::None)
        );
    }

    #[test]
    fn csv_without_columns_and_zip_archives_are_refused() {
        let refused = csv().apply(&InputSettings::default()).unwrap_err();
        assert!(refused.contains("--columns"), "{refused}");
        let zip = RecordForm {
            compression: Some("zip".to_owned()),
            ..RecordForm::default()
        };
        let refused = zip.apply(&InputSettings::default()).unwrap_err();
        assert!(refused.contains("--compression none"), "{refused}");
    }
}
