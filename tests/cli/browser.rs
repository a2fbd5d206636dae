//! A real browser that looks at pages, where there is one.
//!
//! What it shows after the scripts of a page ran is read as text, and what it paints as a picture.

use crate::start::Place;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Names under which Chromium is installed.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// The colours that a reader prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colours {
    Dark,
    Light,
}

/// A browser with a profile of its own.
pub(crate) struct Browser {
    program: PathBuf,
    profile: tempfile::TempDir,
}

/// What a page looks like.
pub(crate) struct Picture {
    pub(crate) width: usize,
    /// Brightness of each pixel, 0 to 255.
    pub(crate) pixels: Vec<u8>,
}

impl Browser {
    /// A browser, or a word that this machine has none.
    #[expect(clippy::print_stdout, reason = "how a test says that it was skipped")]
    pub(crate) fn find() -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path)
            .flat_map(|folder| NAMES.map(|name| folder.join(name)))
            .find(|program| program.is_file());
        if found.is_none() {
            println!("skipped: there is no Chromium to look at the page with");
        }
        found.map(|program| Self {
            program,
            profile: tempfile::tempdir().unwrap(),
        })
    }

    /// The page as it stands after its scripts ran.
    pub(crate) fn document(&self, address: &str) -> String {
        let (output, errors) = self.run(&["--dump-dom", address]);
        assert!(output.contains("</html>"), "{output}\n{errors}");
        output
    }

    /// The page as it is painted in a window of this width.
    pub(crate) fn picture(&self, address: &str, colours: Colours, width: u32) -> Picture {
        let file = self.profile.path().join("page.png");
        let _from_before = std::fs::remove_file(&file);
        let scheme = u8::from(colours == Colours::Light);
        let (output, errors) = self.run(&[
            &format!("--screenshot={}", file.display()),
            &format!("--window-size={width},1000"),
            &format!("--blink-settings=preferredColorScheme={scheme}"),
            address,
        ]);
        let Ok(bytes) = std::fs::read(&file) else {
            panic!("no picture of {address}: {output}\n{errors}");
        };
        Picture::decode(&bytes)
    }

    fn run(&self, words: &[&str]) -> (String, String) {
        let output = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu"])
            .args([
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-extensions",
            ])
            // Time of the page: it passes as soon as nothing is loading.
            .arg("--virtual-time-budget=3000")
            .arg(format!("--user-data-dir={}", self.profile.path().display()))
            .args(words)
            .env("HOME", self.profile.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    }
}

impl Picture {
    /// A PNG of 8 bits a channel, not interlaced, as browsers write it.
    fn decode(png: &[u8]) -> Self {
        assert!(png.starts_with(b"\x89PNG"));
        let number = |at: usize| {
            let bytes: [u8; 4] = png[at..at + 4].try_into().unwrap();
            usize::try_from(u32::from_be_bytes(bytes)).unwrap()
        };
        let (width, height, channels) = (number(16), number(20), if png[25] == 6 { 4 } else { 3 });
        let (mut packed, mut at) = (Vec::new(), 8);
        while at < png.len() {
            let length = number(at);
            if &png[at + 4..at + 8] == b"IDAT" {
                packed.extend_from_slice(&png[at + 8..at + 8 + length]);
            }
            at += length + 12;
        }
        let mut raw = Vec::new();
        let mut inflating = flate2::read::ZlibDecoder::new(packed.as_slice());
        inflating.read_to_end(&mut raw).unwrap();
        let row_bytes = width * channels;
        assert_eq!(raw.len(), (row_bytes + 1) * height);
        let mut above = vec![0_u8; row_bytes];
        let mut pixels = Vec::with_capacity(width * height);
        for line in raw.chunks(row_bytes + 1) {
            let mut row = line[1..].to_vec();
            for x in 0..row_bytes {
                let left = x.checked_sub(channels).map_or(0, |before| row[before]);
                let corner = x.checked_sub(channels).map_or(0, |before| above[before]);
                let guess = predicted(line[0], left, above[x], corner);
                row[x] = row[x].wrapping_add(guess);
            }
            pixels.extend(row.chunks(channels).map(|pixel| {
                let sum: u32 = pixel[..3].iter().map(|part| u32::from(*part)).sum();
                u8::try_from(sum / 3).unwrap()
            }));
            above = row;
        }
        Self { width, pixels }
    }

    /// The brightness that most of the page has.
    pub(crate) fn background(&self) -> u8 {
        let mut counts = [0_usize; 256];
        for pixel in &self.pixels {
            counts[usize::from(*pixel)] += 1;
        }
        let most = counts.iter().enumerate().max_by_key(|(_, count)| **count);
        u8::try_from(most.unwrap().0).unwrap()
    }

    /// Pixels that stand out from the background as text and charts do.
    pub(crate) fn contrasting(&self) -> usize {
        let background = self.background();
        let differs = |pixel: &&u8| pixel.abs_diff(background) > 60;
        self.pixels.iter().filter(differs).count()
    }
}

/// What a PNG's filter takes for the next byte.
fn predicted(filter: u8, left: u8, above: u8, corner: u8) -> u8 {
    match filter {
        0 => 0,
        1 => left,
        2 => above,
        3 => u8::midpoint(left, above),
        4 => {
            let [a, b, c] = [left, above, corner].map(i16::from);
            let near = a + b - c;
            let distance = |it: i16| (near - it).abs();
            if distance(a) <= distance(b) && distance(a) <= distance(c) {
                left
            } else if distance(b) <= distance(c) {
                above
            } else {
                corner
            }
        }
        other => panic!("PNG filter {other}"),
    }
}

/// The address of a file of a place.
pub(crate) fn address_of(place: &Place, file: &str) -> String {
    format!("file://{}", place.path(file).display())
}
