//! The shapes of the uploads that are killed: how many files of how many rows, how they are packed,
//! by which way they go in and out.
//!
//! A campaign takes one after the other, so even a short one meets all of them; what is left open
//! here, the seed of the round decides.

use crate::place::Place;
use crate::server::Server;
use crate::upload::{Form, MIXED, Upload};
use rand::Rng;
use rand::rngs::StdRng;
use std::ops::RangeInclusive;

/// What uploads of one kind have in common.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    days: RangeInclusive<usize>,
    files: RangeInclusive<usize>,
    rows: RangeInclusive<usize>,
    batch: RangeInclusive<u32>,
    forms: &'static [Form],
    /// By standard input, under a name.
    piped: bool,
    /// The stage without dates and `done`.
    streaming: bool,
    /// Dates one by one instead of a range.
    listed: bool,
    /// Rows of all days in each file.
    mixed: bool,
    pub(crate) tls: bool,
}

const PLAIN: Shape = Shape {
    name: "plain files",
    days: 1..=3,
    files: 1..=3,
    rows: 30..=600,
    batch: 10..=50,
    forms: &[Form::Jsonl, Form::Csv],
    piped: false,
    streaming: false,
    listed: false,
    mixed: false,
    tls: false,
};

/// Every shape.
pub(crate) const SHAPES: [Shape; 12] = [
    PLAIN,
    Shape {
        name: "large batches",
        rows: 2_000..=4_000,
        batch: 500..=1_000,
        forms: &Form::ALL,
        ..PLAIN
    },
    Shape {
        name: "many small files",
        files: 10..=30,
        rows: 3..=20,
        batch: 30..=80,
        forms: &Form::ALL,
        ..PLAIN
    },
    Shape {
        name: "gzip of many members",
        forms: &[Form::JsonlGzip, Form::CsvGzip],
        ..PLAIN
    },
    Shape {
        name: "zstd of many frames",
        forms: &[Form::JsonlZstd, Form::CsvZstd],
        ..PLAIN
    },
    Shape {
        name: "standard input",
        days: 1..=1,
        files: 1..=1,
        rows: 300..=2_000,
        forms: &Form::ALL,
        piped: true,
        ..PLAIN
    },
    Shape {
        name: "streaming stage",
        days: 1..=1,
        rows: 100..=900,
        forms: &Form::ALL,
        streaming: true,
        ..PLAIN
    },
    Shape {
        name: "streaming by standard input",
        days: 1..=1,
        files: 1..=1,
        rows: 300..=1_500,
        forms: &Form::ALL,
        piped: true,
        streaming: true,
        ..PLAIN
    },
    Shape {
        name: "TLS",
        forms: &Form::ALL,
        tls: true,
        ..PLAIN
    },
    Shape {
        name: "a list of dates",
        days: 3..=8,
        files: 1..=2,
        rows: 20..=120,
        forms: &Form::ALL,
        listed: true,
        ..PLAIN
    },
    Shape {
        name: "rows of many dates in a file",
        days: 2..=9,
        files: 1..=4,
        batch: 5..=60,
        forms: &Form::ALL,
        mixed: true,
        ..PLAIN
    },
    Shape {
        name: "standard input with many dates",
        days: 2..=6,
        files: 1..=1,
        rows: 300..=2_000,
        forms: &Form::ALL,
        piped: true,
        mixed: true,
        ..PLAIN
    },
];

/// One upload of a shape.
pub(crate) struct Shaped {
    pub(crate) place: Place,
    pub(crate) upload: Upload,
    pub(crate) words: Vec<String>,
    /// What is piped in, if anything.
    pub(crate) piped: Option<String>,
}

impl Shape {
    /// Files and command of an upload to this server.
    pub(crate) fn prepare(&self, random: &mut StdRng, server: &Server) -> Shaped {
        let place = Place::of(server);
        let days: Vec<Vec<Form>> = (0..random.random_range(self.days.clone()))
            .map(|_| {
                let files = random.random_range(self.files.clone());
                let form = |_| self.forms[random.random_range(0..self.forms.len())];
                (0..files).map(form).collect()
            })
            .collect();
        let days: Vec<&[Form]> = days.iter().map(Vec::as_slice).collect();
        let rows = random.random_range(self.rows.clone());
        let mut upload = if self.mixed {
            Upload::generate_mixed(&place, days.len(), days[0], rows)
        } else {
            Upload::generate(&place, &days, rows)
        };
        upload.streaming = self.streaming;
        upload.listed = self.listed;
        let options = format!(
            "--batch-rows {} --max-in-flight {}",
            random.random_range(self.batch.clone()),
            random.random_range(1..=4)
        );
        let mut words = upload.words(&options);
        let mut piped = None;
        if self.piped {
            let form = days[0][0];
            words.pop();
            words
                .extend(["--input-id", "nightly", "--format", form.name(), "-"].map(str::to_owned));
            let folder = if self.mixed { MIXED } else { &upload.days[0] };
            piped = Some(form.path(folder, 0));
        }
        Shaped {
            place,
            upload,
            words,
            piped,
        }
    }
}
