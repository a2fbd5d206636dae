//! The log of a run: a file always, standard error as well with `--verbose`.
//!
//! Lines on standard error go through the printer, so that they scroll above a progress display.
//! Nothing here filters secrets: none can arrive, because the types that hold them do not format.

use super::printer::Printer;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Mutex;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

/// Target of what is shown on the screen anyway: it belongs in the file, and not on the screen twice.
pub const SHOWN: &str = "shown";

/// Where a log goes and in which form.
pub struct LogSettings {
    /// JSON objects instead of text.
    pub json: bool,
    /// The run's own file.
    pub file: Option<File>,
    /// Standard error as well.
    pub verbose: Option<Printer>,
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[error("cannot start logging: this process has a log already")]
pub struct LoggingError(#[source] tracing::subscriber::SetGlobalDefaultError);

/// Makes this log the log of the process. Works once in a process.
pub fn install(settings: LogSettings) -> Result<(), LoggingError> {
    tracing::subscriber::set_global_default(subscriber(settings)).map_err(LoggingError)
}

fn subscriber(settings: LogSettings) -> impl tracing::Subscriber + Send + Sync {
    let json = settings.json;
    let file = settings
        .file
        .map(|file| layer(Mutex::new(file), json, |_| true));
    let screen = settings.verbose.map(|printer| {
        let is_new = |metadata: &Metadata<'_>| metadata.target() != SHOWN;
        layer(AboveDisplay(printer), json, is_new)
    });
    let layers: Vec<_> = file.into_iter().chain(screen).collect();
    Registry::default().with(layers)
}

fn layer<W>(
    writer: W,
    json: bool,
    wanted: fn(&Metadata<'_>) -> bool,
) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false);
    // Libraries speak of single packets at debug level; a run of millions of rows cannot.
    let filter =
        filter_fn(move |metadata| *metadata.level() <= LevelFilter::INFO && wanted(metadata));
    if json {
        layer.json().with_filter(filter).boxed()
    } else {
        layer.with_filter(filter).boxed()
    }
}

struct AboveDisplay(Printer);

impl<'a> MakeWriter<'a> for AboveDisplay {
    type Writer = LineWriter;

    fn make_writer(&'a self) -> LineWriter {
        LineWriter {
            printer: self.0.clone(),
        }
    }
}

/// Hands each formatted event, which the formatter writes in one piece, to the printer.
struct LineWriter {
    printer: Printer,
}

impl Write for LineWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.printer.log_line(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::printer::PrintStyle;
    use crate::cli::printer::tests::captured;
    use std::io::{Read, Seek};

    fn logged(json: bool) -> (String, String) {
        let mut file = tempfile::tempfile().unwrap();
        let (printer, _, err) = captured(PrintStyle::default());
        let settings = LogSettings {
            json,
            file: Some(file.try_clone().unwrap()),
            verbose: Some(printer),
        };
        tracing::subscriber::with_default(subscriber(settings), || {
            tracing::info!(rows = 10, "batch accepted");
            tracing::debug!("noise");
        });
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        (text, err.text())
    }

    #[test]
    fn file_and_screen_get_the_same_lines_without_noise() {
        let (file, screen) = logged(false);
        for text in [file, screen] {
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(text.ends_with("batch accepted rows=10\n"), "{text}");
            assert!(!text.contains('\u{1b}'));
        }
    }

    #[test]
    fn what_is_on_the_screen_anyway_is_only_in_the_file() {
        let mut file = tempfile::tempfile().unwrap();
        let (printer, _, err) = captured(PrintStyle::default());
        let settings = LogSettings {
            json: false,
            file: Some(file.try_clone().unwrap()),
            verbose: Some(printer),
        };
        tracing::subscriber::with_default(subscriber(settings), || {
            tracing::warn!(target: SHOWN, "done withheld");
        });
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert!(text.contains("WARN done withheld"), "{text}");
        assert_eq!(err.text(), "");
    }

    #[test]
    fn json_lines_are_json() {
        let (file, _) = logged(true);
        let value: serde_json::Value = serde_json::from_str(&file).unwrap();
        assert_eq!(value["fields"]["rows"], 10);
    }
}
