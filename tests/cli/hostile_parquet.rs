//! Parquet files whose headers lie: each ends with a plain message and takes no more memory than others.

use crate::start::Place;
use crate::watched::watched;
use std::io::Write;

/// More than a run takes, and far less than what these files claim.
const MAX_MEMORY: u64 = 128 << 20;

const DATA_PAGE: i64 = 0;
const DICTIONARY_PAGE: i64 = 2;
const PLAIN: i64 = 0;
const UNCOMPRESSED: i64 = 0;
const SNAPPY: i64 = 1;
const GZIP: i64 = 2;
const BROTLI: i64 = 4;
const LZ4_RAW: i64 = 7;
const INT64: i64 = 2;

/// The compact encoding of Thrift: a structure with its fields in order.
#[derive(Default)]
struct Thrift {
    bytes: Vec<u8>,
    last: u8,
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

fn zigzag(number: i64) -> Vec<u8> {
    varint(((number << 1) ^ (number >> 63)).cast_unsigned())
}

impl Thrift {
    fn field(mut self, id: u8, kind: u8, value: &[u8]) -> Self {
        self.bytes.push((id - self.last) << 4 | kind);
        self.bytes.extend_from_slice(value);
        self.last = id;
        self
    }

    fn int(self, id: u8, number: i64) -> Self {
        self.field(id, 5, &zigzag(number))
    }

    fn long(self, id: u8, number: i64) -> Self {
        self.field(id, 6, &zigzag(number))
    }

    fn text(self, id: u8, text: &str) -> Self {
        let value = [
            varint(text.len().try_into().unwrap()),
            text.as_bytes().to_vec(),
        ]
        .concat();
        self.field(id, 8, &value)
    }

    fn list(self, id: u8, kind: u8, elements: &[Vec<u8>]) -> Self {
        let head = [
            vec![0xf0 | kind],
            varint(elements.len().try_into().unwrap()),
        ]
        .concat();
        self.field(id, 9, &[head, elements.concat()].concat())
    }

    fn inner(self, id: u8, inner: Self) -> Self {
        self.field(id, 12, &inner.end())
    }

    fn end(mut self) -> Vec<u8> {
        self.bytes.push(0);
        self.bytes
    }
}

fn group(name: &str, children: i64) -> Vec<u8> {
    Thrift::default()
        .int(3, 0)
        .text(4, name)
        .int(5, children)
        .end()
}

fn leaf(name: &str) -> Vec<u8> {
    Thrift::default()
        .int(1, INT64)
        .int(3, 0)
        .text(4, name)
        .end()
}

fn file(pages: &[u8], footer: &[u8]) -> Vec<u8> {
    let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
    [b"PAR1", pages, footer, &length, b"PAR1"].concat()
}

/// A column `a` below groups, stored from a place on.
struct Column<'a> {
    groups: usize,
    codec: i64,
    rows: i64,
    at: i64,
    pages: &'a [u8],
}

impl Column<'_> {
    fn chunk(&self) -> Vec<u8> {
        let mut path = vec![[varint(1), b"g".to_vec()].concat(); self.groups];
        path.push([varint(1), b"a".to_vec()].concat());
        let column = Thrift::default()
            .int(1, INT64)
            .list(2, 5, &[zigzag(PLAIN)])
            .list(3, 8, &path)
            .int(4, self.codec)
            .long(5, self.rows)
            .long(6, 16)
            .long(7, signed(self.pages.len()))
            .long(9, self.at);
        Thrift::default().long(2, 4).inner(3, column).end()
    }
}

/// A footer of one row group.
fn footer(schema: &[Vec<u8>], chunks: &[Vec<u8>], rows: i64) -> Vec<u8> {
    let row_group = Thrift::default()
        .list(1, 12, chunks)
        .long(2, 16)
        .long(3, rows);
    Thrift::default()
        .int(1, 1)
        .list(2, 12, schema)
        .long(3, rows)
        .list(4, 12, &[row_group.end()])
        .end()
}

/// A file of one column below so many groups, with one row group of so many rows.
fn one_column(pages: &[u8], codec: i64, rows: i64, groups: usize) -> Vec<u8> {
    let mut schema = vec![group("root", 1)];
    schema.resize(groups + 1, group("g", 1));
    schema.push(leaf("a"));
    let column = Column {
        groups,
        codec,
        rows,
        at: 4,
        pages,
    };
    file(pages, &footer(&schema, &[column.chunk()], rows))
}

/// A file of so many columns of 64-bit integers, each in pages of so many rows.
pub(crate) fn wide(columns: usize, pages: usize, rows_of_page: i64) -> Vec<u8> {
    let rows = rows_of_page * signed(pages);
    let (mut body, mut chunks) = (Vec::new(), Vec::new());
    for number in 0..columns {
        let mut of_column = Vec::new();
        for of_page in 0..pages {
            let first = signed(number * pages + of_page) * rows_of_page;
            let values: Vec<u8> = (first..first + rows_of_page)
                .flat_map(i64::to_le_bytes)
                .collect();
            let size = signed(values.len());
            of_column.extend(page(DATA_PAGE, size, rows_of_page, &values));
        }
        let column = Column {
            groups: 1,
            codec: UNCOMPRESSED,
            rows,
            at: 4 + signed(body.len()),
            pages: &of_column,
        };
        chunks.push(column.chunk());
        body.extend(of_column);
    }
    let mut schema = vec![group("root", signed(columns))];
    for number in 0..columns {
        schema.extend([group(&format!("g{number}"), 1), leaf("a")]);
    }
    file(&body, &footer(&schema, &chunks, rows))
}

/// A page that says what it likes of its size in memory and of its number of values.
fn page(kind: i64, inflated: i64, values: i64, content: &[u8]) -> Vec<u8> {
    let header = Thrift::default()
        .int(1, kind)
        .int(2, inflated)
        .int(3, signed(content.len()));
    let own = Thrift::default().int(1, values).int(2, PLAIN);
    let header = if kind == DICTIONARY_PAGE {
        header.inner(7, own)
    } else {
        header.inner(5, own.int(3, 3).int(4, 3))
    };
    [header.end(), content.to_vec()].concat()
}

fn numbers() -> Vec<u8> {
    [1_i64.to_le_bytes(), 2_i64.to_le_bytes()].concat()
}

fn gzipped(bytes: &[u8], times: usize) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..times {
        packed.write_all(bytes).unwrap();
    }
    packed.finish().unwrap()
}

/// As brotli keeps what it cannot make smaller: a length of 16 bits among flags, the bytes, an end.
fn in_brotli(bytes: &[u8]) -> Vec<u8> {
    let head = (u32::try_from(bytes.len() - 1).unwrap() << 4) | 1 << 20;
    [&head.to_le_bytes()[..3], bytes, b"\x03"].concat()
}

/// What a file comes to and how much memory that takes.
fn judged(name: &str, bytes: &[u8], status: i32, says: &str) {
    let place = Place::new();
    place.file("rows.parquet", bytes);
    let (ran, peak) = watched(&place, "validate rows.parquet");
    ran.expect(status).says(says);
    assert!(peak < MAX_MEMORY, "{name}: {} MiB", peak >> 20);
}

#[test]
fn pages_whose_sizes_lie_are_refused_before_memory_is_taken_for_them() {
    let most = i64::from(i32::MAX);
    let good = page(DATA_PAGE, 16, 2, &numbers());
    judged("good", &one_column(&good, UNCOMPRESSED, 2, 0), 0, "2 rows");
    let packed = page(DATA_PAGE, 16, 2, &gzipped(&numbers(), 1));
    judged("gzip", &one_column(&packed, GZIP, 2, 0), 0, "2 rows");
    let packed = page(DATA_PAGE, 16, 2, &in_brotli(&numbers()));
    judged("brotli", &one_column(&packed, BROTLI, 2, 0), 0, "2 rows");
    for codec in [UNCOMPRESSED, SNAPPY, GZIP, BROTLI, LZ4_RAW] {
        let lie = page(DATA_PAGE, most, 2, b"\xff\xff\xff\xff\x07 and more");
        let says = "says that it takes 2047 MiB of memory";
        judged("huge page", &one_column(&lie, codec, 2, 0), 4, says);
    }
    let dictionary = [page(DICTIONARY_PAGE, 16, most, &numbers()), good].concat();
    let bytes = one_column(&dictionary, UNCOMPRESSED, 2, 0);
    judged("dictionary", &bytes, 4, "MiB of memory");
    let bomb = page(DATA_PAGE, 16, 2, &gzipped(&vec![0; 1 << 20], 512));
    let says = "a page is longer than its header says";
    judged("bomb", &one_column(&bomb, GZIP, 2, 0), 4, says);
    let longer = page(DATA_PAGE, 16, 2, &in_brotli(&numbers().repeat(2)));
    judged("longer", &one_column(&longer, BROTLI, 2, 0), 4, says);
    let shorter = page(DATA_PAGE, 24, 2, &in_brotli(&numbers()));
    let says = "a page is shorter than its header says";
    judged("shorter", &one_column(&shorter, BROTLI, 2, 0), 4, says);
    let negative = page(DATA_PAGE, -1, 2, &numbers());
    let bytes = one_column(&negative, UNCOMPRESSED, 2, 0);
    judged("negative", &bytes, 4, "a negative size");
    let empty = page(DATA_PAGE, 16, most, &numbers());
    let bytes = one_column(&empty, UNCOMPRESSED, most, 0);
    judged("values", &bytes, 4, "this Parquet file cannot be read");
}

#[test]
fn schemas_and_footers_that_never_end_are_refused() {
    let good = page(DATA_PAGE, 16, 2, &numbers());
    let nested = |groups| one_column(&good, UNCOMPRESSED, 2, groups);
    judged("nested", &nested(100), 0, "2 rows");
    for groups in [130, 250] {
        // Deeper than JSON rows may be, and as deep as the decoder has to go down.
        judged("too deep for a row", &nested(groups), 3, "too_deep");
    }
    judged("too deep", &nested(300), 4, "its schema is nested too deep");
    judged(
        "endless",
        &nested(200_000),
        4,
        "its schema is nested too deep",
    );
    let rows = Thrift::default().int(1, 1);
    let huge_list = [rows.bytes, vec![0x19, 0xfc], varint(1 << 31)].concat();
    let says = "its footer makes no sense";
    judged("huge list", &file(b"", &huge_list), 4, says);
    judged("no footer", &file(b"", b""), 4, says);
    let mut long = file(b"", b"1234");
    let length = long.len() - 8..long.len() - 4;
    long[length].copy_from_slice(&u32::MAX.to_le_bytes());
    judged("long", &long, 4, "its footer is longer than the file");
}

#[test]
fn a_column_without_a_name_is_refused_as_it_is_in_csv() {
    let pages = numbers();
    let column = Column {
        groups: 0,
        codec: 0,
        rows: 1,
        at: 4,
        pages: &pages,
    };
    let schema = [group("root", 1), leaf("")];
    let bytes = file(&pages, &footer(&schema, &[column.chunk()], 1));
    judged("unnamed.parquet", &bytes, 4, "column '' has no name");
}
