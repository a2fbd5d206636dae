//! A few lines at the bottom of a terminal, drawn by indicatif.

use super::screen::{Screen, Size, fitting, width_of};
use crate::cli::printer::{Printer, visible};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Most lines of the display (`cli.md` section 7).
const MAX_LINES: usize = 6;
/// Frames a second.
const FRAME_RATE: u8 = 20;

/// The lines on the screen.
pub(super) struct Bar {
    display: MultiProgress,
    lines: Vec<ProgressBar>,
    size: Size,
}

impl Bar {
    /// Takes the bottom of the screen.
    pub(super) fn new(printer: &Printer, size: Size) -> Self {
        let screen = Box::new(Screen::new(printer.clone(), size));
        let target = ProgressDrawTarget::term_like_with_hz(screen, FRAME_RATE);
        let display = MultiProgress::with_draw_target(target);
        printer.claim_display(display.clone());
        Self {
            display,
            lines: Vec::new(),
            size,
        }
    }

    /// Shows these lines instead of the former ones.
    pub(super) fn draw(&mut self, frame: Vec<String>) {
        let frame: Vec<String> = frame.into_iter().take(MAX_LINES).collect();
        while self.lines.len() < frame.len() {
            // The template is fixed text; the default style would show the message as well.
            let style = ProgressStyle::with_template("{msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = ProgressBar::new_spinner().with_style(style);
            self.lines.push(self.display.add(line));
        }
        let width = width_of(self.size);
        for (line, text) in self.lines.iter().zip(frame) {
            line.set_message(fitting(&visible(&text), width));
        }
    }
}
