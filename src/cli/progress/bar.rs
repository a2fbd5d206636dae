//! A few lines at the bottom of a terminal, drawn by indicatif.

use super::fold::fitting;
use super::screen::{Screen, Size, width_of};
use crate::cli::printer::{Printer, visible};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

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

    /// Columns of the screen now.
    pub(super) fn width(&self) -> u16 {
        width_of(self.size)
    }

    /// Shows these lines instead of the former ones.
    pub(super) fn draw(&mut self, frame: Vec<String>) {
        for line in self.lines.drain(frame.len().min(self.lines.len())..) {
            self.display.remove(&line);
        }
        while self.lines.len() < frame.len() {
            // The template is fixed text; the default style would show the message as well.
            let style = ProgressStyle::with_template("{msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = ProgressBar::new_spinner().with_style(style);
            self.lines.push(self.display.add(line));
        }
        let width = self.width();
        for (line, text) in self.lines.iter().zip(frame) {
            line.set_message(fitting(&visible(&text), width));
        }
    }
}
