//! A page for a browser that stands by itself: one style, light and dark, and nothing from elsewhere.
//!
//! Whatever comes from outside is escaped on its one way into the page, and the page forbids
//! connections, and scripts unless it brings its own, so what it shows cannot do more than be read.

use super::visible;
use std::fmt::Write;

const STYLE: &str = include_str!("page.css");
/// Height of a chart, in its own units.
const CHART_HEIGHT: u64 = 100;
/// Columns for which a chart has room at least, so that a few are not as broad as the page.
const MIN_COLUMNS: usize = 24;

/// Whether a page may do something by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    /// No script at all.
    None,
    /// Those that stand in the page, which may ask the server that it came from.
    Own,
}

/// A page that grows.
#[derive(Debug)]
pub struct Page(String);

/// A column of a chart: parts upon one another, the lowest first.
#[derive(Debug, Clone)]
pub struct Column {
    /// What is told of it when somebody points at it.
    pub about: String,
    /// The class of each part, and how much it is.
    pub parts: Vec<(&'static str, u64)>,
}

impl Page {
    /// A page without content.
    pub fn new(title: &str, scripts: Scripts) -> Self {
        let mut page = Self(String::new());
        page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.raw(
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'",
        );
        if scripts == Scripts::Own {
            page.raw("; script-src 'unsafe-inline'; connect-src 'self'");
        }
        page.element("\">\n<title>", title, "</title>\n<style>\n");
        page.raw(STYLE);
        page.raw("</style>\n</head>\n<body>\n");
        page
    }

    /// The whole page.
    pub fn end(mut self) -> String {
        self.raw("</body>\n</html>\n");
        self.0
    }

    /// Adds what is written in the program, never what comes from outside.
    pub fn raw(&mut self, html: &str) {
        self.0.push_str(html);
    }

    /// Adds a text from anywhere.
    pub fn text(&mut self, text: &str) {
        for c in visible(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
    }

    /// Adds a text in an element whose tag is written in the program.
    pub fn element(&mut self, open: &str, text: &str, close: &str) {
        self.raw(open);
        self.text(text);
        self.raw(close);
    }

    /// Numbers with their names, side by side.
    pub fn tiles(&mut self, tiles: &[(String, &str)]) {
        self.raw("<div class=\"tiles\">\n");
        for (value, name) in tiles {
            self.element("<div class=\"tile\"><b>", value, "</b>");
            self.element("<span class=\"soft\">", name, "</span></div>\n");
        }
        self.raw("</div>\n");
    }

    /// A bar of parts, each a class and a share of 1,000.
    pub fn bar(&mut self, parts: &[(&str, u64)], height: u64) {
        let _never_fails = write!(
            self.0,
            "<svg viewBox=\"0 0 1000 {height}\" height=\"{height}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
        );
        let mut from = 0;
        for (class, width) in parts {
            self.rectangle(class, (from, 0), (*width, height));
            from += width;
        }
        self.raw("</svg>");
    }

    /// Columns side by side. `full` is what reaches the top; `about` says what they are, for those
    /// who cannot see them.
    pub fn chart(&mut self, columns: &[Column], full: u64, about: &str) {
        let room = columns.len().max(MIN_COLUMNS) * 10;
        let _never_fails = write!(
            self.0,
            "<svg class=\"chart\" viewBox=\"0 0 {room} {CHART_HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\""
        );
        self.element(" aria-label=\"", about, "\">");
        let mut from = 0;
        for column in columns {
            self.element("<g><title>", &column.about, "</title>");
            let (mut sum, mut below) = (0_u64, 0);
            for (class, amount) in &column.parts {
                sum = sum.saturating_add(*amount);
                let seen = below + u64::from(*amount > 0);
                let top = share(sum, full, CHART_HEIGHT).max(seen).min(CHART_HEIGHT);
                self.rectangle(class, (from, CHART_HEIGHT - top), (9, top - below));
                below = top;
            }
            self.raw("</g>");
            from += 10;
        }
        self.raw("</svg>\n");
    }

    /// What the first and the last column of a chart are, written below it; `columns` is how many.
    pub fn ends(&mut self, columns: usize, first: &str, last: &str) {
        let width = (columns * 100).div_ceil(MIN_COLUMNS).min(100);
        let _never_fails = write!(self.0, "<p class=\"ends soft\" style=\"width:{width}%\">");
        self.element("<span>", first, "</span>");
        if first != last {
            self.element("<span>", last, "</span>");
        }
        self.raw("</p>\n");
    }

    fn rectangle(&mut self, class: &str, (x, y): (u64, u64), (width, height): (u64, u64)) {
        if width > 0 && height > 0 {
            let _never_fails = write!(
                self.0,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
            );
        }
    }
}

/// Shares are drawn, not computed with; what is there at all is seen.
fn share(count: u64, all: u64, scale: u64) -> u64 {
    let scaled = u128::from(count) * u128::from(scale);
    let share = scaled.checked_div(u128::from(all)).unwrap_or(0);
    u64::try_from(share)
        .unwrap_or(scale)
        .max(u64::from(count > 0))
}

/// How much of 1,000 a count is; what is there at all is seen.
pub fn per_mille(count: u64, all: u64) -> u64 {
    share(count, all, 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chart(columns: &[Vec<(&'static str, u64)>], full: u64) -> String {
        let columns: Vec<Column> = columns
            .iter()
            .map(|parts| Column {
                about: "one".to_owned(),
                parts: parts.clone(),
            })
            .collect();
        let mut page = Page(String::new());
        page.chart(&columns, full, "all");
        page.0
    }

    #[test]
    fn parts_stand_upon_one_another_and_the_smallest_is_seen() {
        let drawn = chart(&[vec![("bar", 50), ("empty", 1)], vec![("bar", 1)]], 1_000);
        for wanted in [
            "<rect class=\"bar\" x=\"0\" y=\"95\" width=\"9\" height=\"5\"/>",
            "<rect class=\"empty\" x=\"0\" y=\"94\" width=\"9\" height=\"1\"/>",
            "<rect class=\"bar\" x=\"10\" y=\"99\" width=\"9\" height=\"1\"/>",
        ] {
            assert!(drawn.contains(wanted), "{wanted}: {drawn}");
        }
        assert!(chart(&[vec![("bar", 5)]], 0).contains("height=\"1\""));
    }

    #[test]
    fn the_ends_of_a_chart_are_written_below_its_columns() {
        let ends = |columns, last| {
            let mut page = Page(String::new());
            page.ends(columns, "a", last);
            page.0
        };
        assert!(ends(6, "b").contains("width:25%\"><span>a</span><span>b</span>"));
        assert!(ends(400, "b").contains("width:100%"));
        assert!(ends(1, "a").ends_with("<span>a</span></p>\n"));
    }

    proptest! {
        #[test]
        fn no_text_can_leave_its_element(text in any::<String>()) {
            let mut page = Page(String::new());
            page.text(&text);
            let escaping = ['<', '>', '"', '\'', '\n', '\u{202e}'];
            prop_assert!(!page.0.contains(escaping));
        }
    }
}
