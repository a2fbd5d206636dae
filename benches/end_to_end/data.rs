//! The files that are uploaded: generated once, always the same for a shape and a number of rows.

use crate::rows::{Rows, Shape};
use clap::ValueEnum;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// How the rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Jsonl,
    Csv,
    Gzip,
}

impl Form {
    /// What the file's name ends in.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Gzip => "jsonl.gz",
        }
    }
}

/// The name of a shape on the command line.
pub(crate) fn name_of(shape: Shape) -> String {
    let value = shape.to_possible_value().expect("no shape is hidden");
    value.get_name().to_owned()
}

/// The file with so many rows of a shape, written unless it is there.
pub(crate) fn file(dir: &Path, shape: Shape, rows: usize, form: Form) -> PathBuf {
    let name = format!("{}-{rows}.{}", name_of(shape), form.extension());
    let path = dir.join(name);
    if !path.exists() {
        write(&path, shape, rows, form);
    }
    path
}

/// Writes so many rows of a shape to a file.
pub(crate) fn write(path: &Path, shape: Shape, rows: usize, form: Form) {
    let plain = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    let mut out: Box<dyn Write> = match form {
        Form::Gzip => Box::new(GzEncoder::new(plain, Compression::fast())),
        Form::Jsonl | Form::Csv => Box::new(plain),
    };
    let mut source = Rows::new(shape);
    let mut line = Vec::new();
    for _ in 0..rows {
        line.clear();
        if form == Form::Csv {
            source.push_csv(&mut line);
        } else {
            source.push_json(&mut line);
            line.push(b'\n');
        }
        out.write_all(&line).unwrap();
    }
    out.flush().unwrap();
}
