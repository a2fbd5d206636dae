//! Files with the same bytes, found without reading more than their sizes and beginnings demand.
//!
//! Files of different sizes are not opened, those whose beginnings differ are read no further, and
//! none is read twice to its end. Digests are XXH3 of 128 bits, as everywhere in the ledger.

use super::open::{format_of_name, open_file};
use super::verify::HEAD_BYTES;
use super::{Format, FoundFile, InputError, InputFault, InputSettings, Next, Start};
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::io::Read;
use xxhash_rust::xxh3::Xxh3;

/// Bytes read at a time.
const BUFFER_BYTES: usize = 512 << 10;

/// Which of these files has the same bytes as an earlier one and is read alike, by their indices. Files
/// without a row are no copies: there is nothing in them to be uploaded twice. No file is read beyond the size that
/// its identity says.
pub fn copies(
    files: &[&FoundFile],
    settings: &InputSettings,
) -> Result<BTreeMap<usize, usize>, InputError> {
    let all: Vec<usize> = (0..files.len()).collect();
    let digest = |index: usize, most: u64| match files.get(index) {
        Some(file) => digest(file, settings, most).map(Some),
        None => Ok(None),
    };
    let size = |index: usize| files.get(index).map_or(0, |file| file.identity.size());
    let mut copies = BTreeMap::new();
    let format = |index: usize| {
        let name = files.get(index).map(|file| file.location.to_string());
        named_format(&name.unwrap_or_default(), settings)
    };
    for of_a_size in alike(all, |index| Ok((size(index), format(index))))? {
        if of_a_size.first().is_none_or(|first| size(*first) == 0) {
            continue;
        }
        for begin_alike in alike(of_a_size, |index| {
            digest(index, HEAD_BYTES.min(size(index)))
        })? {
            let whole = begin_alike.first().is_none_or(|i| size(*i) <= HEAD_BYTES);
            let same = if whole {
                vec![begin_alike]
            } else {
                alike(begin_alike, |index| digest(index, size(index)))?
            };
            for group in same {
                let mut group = group.into_iter();
                let Some(first) = group.next() else { continue };
                if files
                    .get(first)
                    .is_some_and(|file| has_rows(file, settings))
                {
                    copies.extend(group.map(|copy| (copy, first)));
                }
            }
        }
    }
    Ok(copies)
}

/// The format that a file is read in as far as its name decides that: equal bytes that are called .csv
/// and .tsv are other rows.
pub fn named_format(name: &str, settings: &InputSettings) -> Format {
    match (settings.format, format_of_name(name)) {
        (Format::Auto, Some(Format::Tsv)) if settings.delimiter.is_some() => Format::Csv,
        (Format::Auto, named) => named.unwrap_or(Format::Jsonl),
        (format, _) => format,
    }
}

/// Endings of names that say how a file is compressed.
const COMPRESSED: [&str; 6] = [".gz", ".zst", ".bz2", ".xz", ".lzma", ".zstd"];

/// What a file is called before it is compressed: `rows.jsonl` of `rows.jsonl.gz`.
pub fn unpacked_name(name: &str) -> &str {
    let endings = COMPRESSED.iter();
    let mut names = endings.filter_map(|ending| name.strip_suffix(ending));
    names.next().unwrap_or(name)
}

/// How a file is compressed as far as its name says so: the ending of it, or nothing.
pub fn packing(name: &str) -> &str {
    name.get(unpacked_name(name).len()..).unwrap_or_default()
}

/// Whether two files are called alike but for how they are compressed: likely the same rows, whatever
/// their sizes.
pub fn is_repacked(name: &str, other: &str) -> bool {
    name != other && unpacked_name(name) == unpacked_name(other)
}

/// Groups of at least two with the same key, each in order.
fn alike<K: Eq + Hash>(
    indices: Vec<usize>,
    key: impl Fn(usize) -> Result<K, InputError>,
) -> Result<Vec<Vec<usize>>, InputError> {
    let mut groups: HashMap<K, Vec<usize>> = HashMap::new();
    for index in indices {
        groups.entry(key(index)?).or_default().push(index);
    }
    groups.retain(|_, group| group.len() > 1);
    Ok(groups.into_values().collect())
}

/// The digest of so many bytes as stored, or of all if there are fewer.
fn digest(file: &FoundFile, settings: &InputSettings, most: u64) -> Result<u128, InputError> {
    let failed = |fault| InputError::of(&file.location, fault);
    let stored = file.location.open(&settings.stores).map_err(failed)?;
    let mut stored = stored.take(most);
    let mut hasher = Xxh3::new();
    let mut buffer = vec![0; BUFFER_BYTES.min(usize::try_from(most).unwrap_or(usize::MAX))];
    loop {
        match stored.read(&mut buffer) {
            Ok(0) => return Ok(hasher.digest128()),
            Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(InputFault::of_io("read", error))),
        }
    }
}

/// Whether there is any row. What cannot be read is told when it is uploaded.
pub fn has_rows(file: &FoundFile, settings: &InputSettings) -> bool {
    open_file(&file.location, settings, Start::BEGINNING)
        .and_then(|mut reader| {
            reader
                .next(&mut Vec::new())
                .map(|next| !matches!(next, Next::End))
        })
        .unwrap_or(false)
}
