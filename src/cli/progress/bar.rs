//! A few lines at the bottom of a terminal, drawn by indicatif, which also cuts them to its width.

use crate::cli::printer::{Printer, printable};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Most lines of the display (`cli.md` section 7).
const MAX_LINES: usize = 6;

/// The lines on the screen.
pub(super) struct Bar {
    display: MultiProgress,
    lines: Vec<ProgressBar>,
}

impl Bar {
    /// Takes the bottom of the screen.
    pub(super) fn new(printer: &Printer) -> Self {
        Self {
            display: printer.claim_display(),
            lines: Vec::new(),
        }
    }

    /// Shows these lines instead of the former ones.
    pub(super) fn draw(&mut self, frame: Vec<String>) {
        let frame: Vec<String> = frame.into_iter().take(MAX_LINES).collect();
        while self.lines.len() < frame.len() {
            // The template is fixed text; the default style would show the message as well.
            let style = ProgressStyle::with_template("{wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = ProgressBar::new_spinner().with_style(style);
            self.lines.push(self.display.add(line));
        }
        for (line, text) in self.lines.iter().zip(frame) {
            line.set_message(printable(&text).into_owned());
        }
    }
}
