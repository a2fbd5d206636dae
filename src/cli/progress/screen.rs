//! The bottom of a terminal as indicatif draws on it.
//!
//! indicatif fills every line with blanks to the right edge and lets the terminal wrap. Then the `^C`
//! that a terminal echoes lands on a line of its own, and a terminal whose width changes joins the
//! lines and breaks them anew: both leave old lines behind. Here lines end where their text ends,
//! with a line break between them, and lines that a narrower terminal has broken are cleared.

use super::fold::columns;
use crate::cli::printer::Printer;
use indicatif::TermLike;
use std::fmt;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Columns when the terminal does not tell.
const USUAL_WIDTH: u16 = 80;
/// Rows when the terminal does not tell.
const USUAL_HEIGHT: u16 = 24;

/// Columns and rows of the terminal now.
pub(super) type Size = fn() -> Option<(u16, u16)>;

/// The size of the terminal behind standard error.
pub(super) fn size_of_terminal() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((size.ws_col, size.ws_row))
}

/// Columns of a terminal, or of a usual one.
pub(super) fn width_of(size: Size) -> u16 {
    size().map_or(USUAL_WIDTH, |(width, _)| width)
}

/// Where indicatif draws.
pub(super) struct Screen {
    printer: Printer,
    size: Size,
    pen: Mutex<Pen>,
}

struct Pen {
    /// What the next flush writes.
    text: String,
    /// The cursor stands at the beginning of a cleared line.
    at_start: bool,
    /// Nothing was written since the last flush.
    is_fresh: bool,
    /// Columns of each line of the frame on the screen.
    columns: Vec<usize>,
    /// Width of the terminal when that frame was drawn.
    width: u16,
}

impl Screen {
    /// A screen that is written through the printer.
    pub(super) fn new(printer: Printer, size: Size) -> Self {
        Self {
            printer,
            size,
            pen: Mutex::new(Pen {
                text: String::new(),
                at_start: true,
                is_fresh: true,
                columns: Vec::new(),
                width: 0,
            }),
        }
    }

    fn pen(&self) -> MutexGuard<'_, Pen> {
        self.pen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pen {
    /// Rows that a narrower terminal has added to the frame by breaking its lines.
    fn added_rows(&self, width: u16) -> usize {
        let width = usize::from(width.max(1));
        self.columns
            .iter()
            .map(|columns| columns.div_ceil(width).saturating_sub(1))
            .sum()
    }

    fn escape(&mut self, count: usize, code: char) {
        if count > 0 {
            self.text.extend(["\u{1b}[", &count.to_string()]);
            self.text.push(code);
        }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        width_of(self.size)
    }

    fn height(&self) -> u16 {
        (self.size)().map_or(USUAL_HEIGHT, |(_, height)| height)
    }

    fn move_cursor_up(&self, rows: usize) -> io::Result<()> {
        let width = self.width();
        let mut pen = self.pen();
        let added = if pen.is_fresh && width < pen.width {
            pen.added_rows(width)
        } else {
            0
        };
        pen.is_fresh = false;
        pen.escape(rows + added, 'A');
        if added > 0 {
            pen.text.push_str("\r\u{1b}[J");
            pen.columns.clear();
        }
        Ok(())
    }

    fn move_cursor_down(&self, rows: usize) -> io::Result<()> {
        self.pen().escape(rows, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.pen().escape(columns, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.pen().escape(columns, 'D');
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        let mut pen = self.pen();
        pen.text.push_str(text);
        pen.text.push_str("\r\n");
        pen.at_start = true;
        Ok(())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        let width = self.width();
        let mut pen = self.pen();
        if text == "\r" {
            pen.text.push_str(text);
            pen.at_start = true;
        } else if text.chars().all(|c| c == ' ') {
            // The blanks to the edge: whatever stood there goes, and the cursor stays.
            pen.text.push_str("\u{1b}[K");
        } else {
            if pen.at_start {
                pen.columns.clear();
            } else {
                pen.text.push_str("\r\n");
            }
            pen.at_start = false;
            pen.columns.push(columns(text));
            pen.width = width;
            pen.text.push_str(text);
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut pen = self.pen();
        pen.text.push_str("\r\u{1b}[2K");
        pen.at_start = true;
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let text = {
            let mut pen = self.pen();
            pen.is_fresh = true;
            std::mem::take(&mut pen.text)
        };
        if !text.is_empty() {
            self.printer.draw(&text);
        }
        Ok(())
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").finish_non_exhaustive()
    }
}
