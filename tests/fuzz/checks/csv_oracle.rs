//! A second reader of CSV (RFC 4180 with any line ends), written for comparison: byte by byte, with
//! everything in memory. It tells the cells of each record and exactly where the record lies.

/// A record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) offset: usize,
    /// Bytes without the line end.
    pub(crate) length: usize,
    /// 1-based.
    pub(crate) line: u64,
    pub(crate) cells: Vec<Vec<u8>>,
    /// The first cell with text behind its closing quote.
    pub(crate) bad_quotes: Option<usize>,
    /// The input ends inside a quoted cell.
    pub(crate) is_open: bool,
}

/// The records from a byte on.
pub(crate) fn records(bytes: &[u8], from: usize, delimiter: u8) -> Vec<Record> {
    let mut reader = Reader {
        bytes,
        at: from,
        line: 1,
        delimiter,
    };
    let mut records = Vec::new();
    loop {
        while reader.line_end() {}
        if reader.at == bytes.len() {
            return records;
        }
        records.push(reader.record());
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
    delimiter: u8,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Passes over one line end, if there is one.
    fn line_end(&mut self) -> bool {
        let length = match self.bytes.get(self.at..).unwrap_or_default() {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return false,
        };
        self.at += length;
        self.line += 1;
        true
    }

    fn record(&mut self) -> Record {
        let mut record = Record {
            offset: self.at,
            line: self.line,
            ..Record::default()
        };
        loop {
            let cell = self.cell(&mut record);
            record.cells.push(cell);
            if self.peek() != Some(self.delimiter) || record.is_open {
                break;
            }
            self.at += 1;
        }
        record.length = self.at - record.offset;
        self.line_end();
        record
    }

    fn cell(&mut self, record: &mut Record) -> Vec<u8> {
        let mut cell = Vec::new();
        if self.peek() == Some(b'"') {
            self.at += 1;
            self.quoted(record, &mut cell);
        }
        let quoted = self.at > record.offset && self.bytes[self.at - 1] == b'"';
        let begin = self.at;
        while let Some(byte) = self.peek() {
            if byte == self.delimiter || matches!(byte, b'\r' | b'\n') {
                break;
            }
            cell.push(byte);
            self.at += 1;
        }
        // A cell that does not begin with a quote begins behind a delimiter, which is no quote.
        if quoted && self.at > begin && record.bad_quotes.is_none() {
            record.bad_quotes = Some(record.cells.len());
        }
        cell
    }

    /// The inside of quotes, and the closing one.
    fn quoted(&mut self, record: &mut Record, cell: &mut Vec<u8>) {
        loop {
            let Some(byte) = self.peek() else {
                record.is_open = true;
                return;
            };
            self.at += 1;
            match byte {
                b'"' if self.peek() == Some(b'"') => self.at += 1,
                b'"' => return,
                b'\n' => self.line += 1,
                _ => {}
            }
            cell.push(byte);
        }
    }
}
