//! `rejects export`: the open rejected rows of one date, written as their inputs write rows, so that
//! a person can correct them and `rejects replay` can send them.
//!
//! What is kept cut off is named and left out. Files that exist are never written over: they may
//! hold corrections. The writing of single rows is in `rejects_rows`.

use super::last_line::succeed;
use super::ledger::{nothing, selected};
use super::rejects_replay::{arguments_of, goes_on};
use super::rejects_rows::{Form, Sent, Written, write_rows};
use super::running::ledger_failure;
use super::{Failure, Outcome, Session};
use crate::cli::args::ExportArgs;
use crate::cli::atomic_file::{Existing, Readers, write_with};
use crate::cli::error::UsageError;
use crate::cli::figure::grouped;
use crate::cli::printer::{Level, Printer, visible};
use crate::cli::settings::{input_settings, rules_arguments};
use crate::domain::Partition;
use crate::input::{InputSettings, Layout, layout};
use crate::ledger::{KnownPartition, LedgerError, LedgerReader, OpenRejects};
use crate::upload::carried_options;
use crate::upload::report::Status;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Most places of rows left out that are named.
const MAX_NAMED: usize = 20;

/// Rows of inputs that are written alike.
struct Group {
    form: Form,
    /// The input was in another encoding. What is written is UTF-8 and says so, lest somebody gives
    /// that encoding again and gets other characters.
    says_utf8: bool,
    inputs: Vec<OpenRejects>,
}

/// Runs `rejects export`.
pub(super) fn export(session: &Session, place: &Path, args: &ExportArgs) -> Outcome {
    let (reader, dates) = selected(session, place, &args.selection)?;
    let Some(reader) = reader else {
        return Err(nothing(place));
    };
    let (date, inputs) = only_one(&reader, dates)?;
    warn_of_replay(session, &reader, &date)?;
    let open: u64 = inputs.iter().map(|input| input.count).sum();
    let to_folder = args.output.is_dir();
    let settings = input_settings(&args.reading, &date.partition.topic)?;
    let groups = groups(session, &settings, inputs, to_folder)?;
    let to_output = args.output == Path::new("-");
    if to_output && session.printer.style().json {
        return Err(usage(
            "--json and rows cannot share standard output; give --output FILE".to_owned(),
        ));
    }
    if groups.len() > 1 && !to_folder {
        return Err(usage(format!(
            "the rejected rows of {} are of inputs that are written in different ways; give --output a directory that exists, for one file each",
            date.partition
        )));
    }
    for group in &groups {
        let path = path_of(&args.output, to_folder, group);
        let written = if to_output {
            let mut output = Output(&session.printer);
            fill(&reader, &date, group, &mut output)
        } else {
            write_with(&path, Readers::Owner, Existing::Keep, |file| {
                fill(&reader, &date, group, file)
            })
        };
        let written = written.map_err(|error| failure(&path, error))?;
        if to_output && !session.printer.flush() {
            return Ok(Status::Temporary);
        }
        let rules = rules_arguments(&args.reading.rules);
        tell(
            session,
            &date.partition,
            (group, &rules),
            (&path, open),
            &written,
        );
    }
    Ok(succeed(session))
}

/// Rows whose corrections are on their way are written all the same, and another file with corrections
/// of them would be refused.
fn warn_of_replay(
    session: &Session,
    reader: &LedgerReader,
    date: &KnownPartition,
) -> Result<(), Failure> {
    let replay = reader.being_replaced(date.id).map_err(ledger_failure)?;
    if let Some(replay) = replay {
        let carried = carried_options(&session.invocation.command_line);
        let text = format!(
            "{} of these rows are being replaced by {}, which is not sent to its end: {} goes on with it, byteair-sync ledger drop-input gives it up",
            grouped(replay.rows),
            replay.file,
            goes_on(&date.partition, &replay, &carried),
        );
        session.printer.message(Level::Warning, &visible(&text));
    }
    Ok(())
}

/// The only date with open rejected rows, and where they came from.
fn only_one(
    reader: &LedgerReader,
    dates: Vec<KnownPartition>,
) -> Result<(KnownPartition, Vec<OpenRejects>), Failure> {
    let mut found = Vec::new();
    for date in dates {
        let inputs = reader.open_rejects(date.id).map_err(ledger_failure)?;
        if !inputs.is_empty() {
            found.push((date, inputs));
        }
    }
    if found.len() > 1 {
        let names: Vec<String> = found
            .iter()
            .map(|(date, _)| format!("{} of {}", date.partition, date.partition.target))
            .collect();
        return Err(usage(format!(
            "several dates have rejected rows; name one of them with --topic, --stage and --date: {}",
            names.join("; ")
        )));
    }
    found.pop().ok_or_else(|| {
        Failure::new(
            Status::Nothing,
            anyhow::anyhow!(
                "there is no open rejected row to export; 'byteair-sync rejects list' shows those that were replayed or waived"
            ),
        )
    })
}

/// Puts inputs together whose rows can stand in one file.
fn groups(
    session: &Session,
    settings: &InputSettings,
    inputs: Vec<OpenRejects>,
    to_folder: bool,
) -> Result<Vec<Group>, Failure> {
    let mut groups: Vec<Group> = Vec::new();
    for input in inputs {
        if input.row_options != settings.row_options_digest() {
            return Err(usage(format!(
                "{} was not read with these options; give --format, --encoding, --delimiter, --quote, --escape, --columns, --empty, --max-row-bytes and the options about types, as they were given to 'write'",
                input.name
            )));
        }
        let form = match layout(&input.name, settings) {
            Ok(Layout::JsonLines) => Form::JsonLines,
            Ok(Layout::Csv {
                dialect,
                columns,
                has_header,
            }) => Form::Csv {
                dialect,
                sent: Sent::of(&columns, settings),
                columns,
                has_header,
            },
            Err(error) => {
                session.printer.message(
                    Level::Warning,
                    &format!(
                        "the header of {} cannot be read again, so its rows are written as JSON lines, with the text of those that never were JSON under 'raw': {:#}",
                        input.name,
                        anyhow::Error::new(error)
                    ),
                );
                Form::Wrapped
            }
        };
        match groups.iter_mut().find(|group| group.form == form) {
            Some(group) if !to_folder => group.inputs.push(input),
            _ => groups.push(Group {
                form,
                says_utf8: settings.encoding.is_some_and(|it| it.name() != "UTF-8"),
                inputs: vec![input],
            }),
        }
    }
    Ok(groups)
}

fn path_of(output: &Path, to_folder: bool, group: &Group) -> PathBuf {
    let Some(first) = group.inputs.first().filter(|_| to_folder) else {
        return output.to_owned();
    };
    let name = first.name.rsplit('/').next().unwrap_or_default();
    let stem: String = name
        .split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '_' })
        .collect();
    // Files of one name in several folders are told apart by their number in the ledger.
    output.join(format!(
        "{}-{stem}.{}",
        first.input.0,
        group.form.extension()
    ))
}

fn fill(
    reader: &LedgerReader,
    date: &KnownPartition,
    group: &Group,
    out: &mut dyn Write,
) -> Result<Written, anyhow::Error> {
    let mut written = Written::default();
    if group.says_utf8 {
        out.write_all("\u{feff}".as_bytes())?;
    }
    group.form.write_header(out)?;
    for input in &group.inputs {
        write_rows(
            reader,
            (date.id, input.input),
            &group.form,
            out,
            &mut written,
        )?;
    }
    Ok(written)
}

fn tell(
    session: &Session,
    partition: &Partition,
    (group, rules): (&Group, &str),
    (path, open): (&Path, u64),
    written: &Written,
) {
    if !written.cut_off.is_empty() {
        let named: Vec<&str> = written
            .cut_off
            .iter()
            .take(MAX_NAMED)
            .map(String::as_str)
            .collect();
        session.printer.message(
            Level::Warning,
            &format!(
                "{} row(s) are too large to be kept whole and were left out; correct them where they came from: {}",
                grouped(count(written.cut_off.len())),
                named.join(", ")
            ),
        );
    }
    let rows = count(written.ids.len());
    let ids = if rows == open {
        String::new()
    } else {
        format!(" --id {}", ranges(&written.ids))
    };
    let file = if path == Path::new("-") {
        format!("FILE.{}", group.form.extension())
    } else {
        path.display().to_string()
    };
    session.printer.message(
        Level::Info,
        &format!(
            "{partition}: {} rejected row(s) written; when they are corrected: byteair-sync rejects replay {file} {}{}{}{rules}{ids}",
            grouped(rows),
            arguments_of(partition),
            carried_options(&session.invocation.command_line),
            group.form.options(Path::new(&file)),
        ),
    );
}

/// Numbers as `--id` takes them.
fn ranges(ids: &[i64]) -> String {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for id in sorted {
        match ranges.last_mut() {
            Some((_, last)) if last.saturating_add(1) == id => *last = id,
            _ => ranges.push((id, id)),
        }
    }
    let texts: Vec<String> = ranges
        .into_iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}..{last}")
            }
        })
        .collect();
    texts.join(",")
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Standard output, which a reader may close early.
struct Output<'a>(&'a Printer);

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failure(path: &Path, error: anyhow::Error) -> Failure {
    let error = match error.downcast::<LedgerError>() {
        Ok(error) => return ledger_failure(error),
        Err(error) => error,
    };
    let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
    let (status, advice) = match kind {
        Some(io::ErrorKind::AlreadyExists) => (
            Status::Usage,
            "; it may hold corrected rows, so name another",
        ),
        Some(io::ErrorKind::StorageFull) => (Status::Temporary, "; make room and try again"),
        Some(_) => (Status::Usage, ""),
        None => (Status::Unexpected, ""),
    };
    let what = format!("cannot write {}{advice}", path.display());
    Failure::new(status, error.context(what))
}

fn usage(text: String) -> Failure {
    Failure::from(UsageError::new(text))
}
