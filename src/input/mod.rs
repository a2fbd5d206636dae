//! Places and bytes become records: finding the files, opening and inflating them, cutting them
//! into rows, and saying exactly which bytes each range of rows came from.
//!
//! Floor 2. A row leaves as the bytes that the file had (CSV cells become JSON strings) unless rules
//! for rows make something else of it; what is not a row leaves as a [`LocalReject`] with its place. Nothing here knows batches, the ledger or
//! the network, and nothing guesses: a format that cannot be told asks for an option.

use crate::domain::RawRange;

mod columnar;
mod compared;
mod copies;
mod csv;
mod csv_dialect;
mod csv_header;
mod csv_quotes;
mod csv_record;
mod csv_split;
mod date_field;
mod dated;
mod dated_text;
mod day_pattern;
mod decompress;
mod discover;
mod encoding;
mod end_mark;
mod error;
mod fingerprint;
mod glob;
mod growing;
mod gzip;
mod json;
mod json_file;
mod json_scan;
mod jsonl;
mod key_order;
mod layout;
mod live;
mod location;
mod nested_keys;
mod open;
mod pattern;
mod plain_row;
mod range;
mod read_options;
mod record_form;
mod records;
mod remote;
mod row;
mod settings;
mod shaped;
mod snappy;
mod stream;
mod verify;
mod window;

pub use columnar::is_contained;
pub use copies::{copies, has_rows, is_repacked, named_format, packing, unpacked_name};
pub use csv_dialect::CsvDialect;
pub use date_field::DateField;
pub use dated_text::{DatedText, InvalidDatedText};
pub use day_pattern::{DayPattern, InvalidDayPattern, NoDay};
pub use discover::{DiscoverError, Discovered, FoundFile, discover, discover_paths};
pub use encoding::TextEncoding;
pub use end_mark::EndMarked;
pub use error::{InputError, InputFault};
pub use fingerprint::{fingerprint_live, fingerprint_stdin};
pub use growing::GrowingFile;
pub use layout::{Layout, count_records, layout};
pub use location::Location;
pub use open::{is_stored_as_read, open_file, open_growing, open_pipe, open_stream};
pub use pattern::{InvalidPattern, PathPattern, ResolvedPattern, covers};
pub use range::Start;
pub use record_form::RecordForm;
pub use records::{RecordFeed, RecordStart, open_records};
pub use remote::{
    InvalidUrl, ObjectUrl, OpenClient, RemoteObject, StoreFault, StoreTrouble, Stores,
};
pub use row::{
    LocalReject, MAX_DEPTH, MAX_REJECT_RAW_BYTES, Next, RejectCode, RowReader, RowWarning,
    WarningKind,
};
pub use settings::{Compression, EmptyCells, Format, InputSettings, Timestamps};
pub use shaped::NOTHING_IS_LEFT;
pub use stream::{
    CheckpointState, Fetched, Listing, RecordStream, StreamAnswer, StreamFault, StreamHold,
    StreamPartition, StreamPlace, StreamRecord, StreamTrouble,
};
pub use verify::{
    HEAD_BYTES, RowBoundary, Verifier, begin_alike, content_digest, prefix_digests, row_boundary,
};

#[cfg(test)]
mod tests;
