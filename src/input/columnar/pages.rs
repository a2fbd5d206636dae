//! The pages of a column, unpacked.
//!
//! Of brotli the decoder's own feature brings the compressor along, and 0.9 MB of program with it. So
//! the decoder is told that such pages are not compressed, and what it hands on is unpacked here.

use super::cursor::damaged;
use super::stored::Pages;
use bytes::Bytes;
use parquet::basic::Compression as Codec;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::Result;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use std::sync::Arc;

/// Reads the pages of a column that has so many rows.
pub(super) fn page_reader(
    pages: Pages,
    column: &ColumnChunkMetaData,
    rows: usize,
) -> Result<Box<dyn PageReader>> {
    let pages = Arc::new(pages);
    if !matches!(column.compression(), Codec::BROTLI(_)) {
        return Ok(Box::new(SerializedPageReader::new(
            pages, column, rows, None,
        )?));
    }
    let as_stored = column.clone().into_builder();
    let as_stored = as_stored.set_compression(Codec::UNCOMPRESSED).build()?;
    let reader = SerializedPageReader::new(Arc::clone(&pages), &as_stored, rows, None)?;
    Ok(Box::new(BrotliPages { reader, pages }))
}

/// Pages that are compressed with brotli.
struct BrotliPages {
    reader: SerializedPageReader<Pages>,
    pages: Arc<Pages>,
}

impl BrotliPages {
    /// Unpacks the page that was read last.
    fn unpacked(&self, mut page: Page) -> Result<Page> {
        let (Page::DataPage { buf, .. }
        | Page::DataPageV2 { buf, .. }
        | Page::DictionaryPage { buf, .. }) = &mut page;
        let claim = self.pages.handed_on();
        let claim = claim.ok_or_else(|| damaged("the header of a page makes no sense"))?;
        *buf = Bytes::from(claim.unbrotli(buf)?);
        Ok(page)
    }
}

impl Iterator for BrotliPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for BrotliPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.reader.get_next_page()?;
        page.map(|page| self.unpacked(page)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.reader.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.reader.skip_next_page()
    }

    fn supports_deferred_dictionary(&self) -> bool {
        self.reader.supports_deferred_dictionary()
    }

    fn take_deferred_dictionary(&mut self) -> Result<Option<Page>> {
        let page = self.reader.take_deferred_dictionary()?;
        page.map(|page| self.unpacked(page)).transpose()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.reader.at_record_boundary()
    }
}
