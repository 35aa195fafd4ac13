//! Record batches to the bytes of a Parquet file. The Arrow schema is left out of the file, so any reader sees the plain
//! Parquet types.

use anyhow::Result;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

/// Small enough that one file gives work to several tasks.
const ROWS_IN_A_GROUP: usize = 128 * 1024;

/// Writes all batches into one file.
pub fn parquet(schema: SchemaRef, batches: impl Iterator<Item = Result<RecordBatch, ArrowError>>) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROWS_IN_A_GROUP))
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options)?;
    for batch in batches {
        writer.write(&batch?)?;
    }
    Ok(writer.into_inner()?)
}
