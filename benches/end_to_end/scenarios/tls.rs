//! What TLS adds to the CPU of an upload.

use crate::data::Form;
use crate::sink::SinkOptions;
use crate::table::{Line, median};
use crate::uploader::{Upload, upload};
use crate::workbench::Workbench;

/// Runs the scenario.
pub(super) fn run(bench: &Workbench) -> Vec<Line> {
    let file = bench.file(bench.options.rows, Form::Jsonl);
    let (mut plain, mut secret) = (Vec::new(), Vec::new());
    for _ in 0..bench.options.runs {
        let over = |tls| {
            let sink = SinkOptions {
                tls,
                ..SinkOptions::default()
            };
            let how = Upload {
                sink,
                ..Upload::default()
            };
            upload(bench, &file, how).cost.cpu()
        };
        plain.push(over(false));
        secret.push(over(true));
    }
    let ratio = median(secret.iter().zip(&plain).map(|(tls, http)| tls / http));
    let figure = format!(
        "{ratio:.2} ({:.2} s, {:.2} s)",
        median(secret),
        median(plain)
    );
    vec![Line::new("CPU, TLS / plain HTTP", figure, "≤ 1.15")]
}
