//! Files of users and of results.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Float32Builder, Int32Builder, ListBuilder, RecordBatch, UInt32Array, UInt32Builder,
};
use datafusion::arrow::datatypes::Float32Type;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::Compression;

/// Writes three users, of whom the second has no ratings.
pub(crate) fn write_users(path: &Path, is_spark: bool) {
    let rows: [&[u32]; 3] = [&[1, 2, 3], &[], &[7]];
    let mut ratings = ListBuilder::new(Float32Builder::new());
    let mut unsigned = ListBuilder::new(UInt32Builder::new());
    let mut signed = ListBuilder::new(Int32Builder::new());
    for row in rows {
        for &movie in row {
            unsigned.values().append_value(movie);
            signed.values().append_value(i32::try_from(movie).unwrap());
            ratings.values().append_value(0.5);
        }
        unsigned.append(true);
        signed.append(true);
        ratings.append(true);
    }
    let movies: ArrayRef = if is_spark { Arc::new(signed.finish()) } else { Arc::new(unsigned.finish()) };
    let users: ArrayRef = Arc::new(UInt32Array::from(vec![10, 11, 12]));
    let columns =
        [("user_id", users), ("movies", movies), ("ratings", Arc::new(ratings.finish()) as ArrayRef)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

pub(crate) fn n_rows(path: &Path) -> i64 {
    let file = std::fs::File::open(path).unwrap();
    ParquetRecordBatchReaderBuilder::try_new(file).unwrap().metadata().file_metadata().num_rows()
}

pub(crate) fn read(path: &Path) -> RecordBatch {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(reader.metadata().row_group(0).column(0).compression(), Compression::SNAPPY);
    let mut reader = reader.build().unwrap();
    let batch = reader.next().unwrap().unwrap();
    assert!(reader.next().is_none());
    batch
}

pub(crate) fn numbers(column: &ArrayRef, field: usize) -> &[f32] {
    column.as_struct().column(field).as_list::<i32>().values().as_primitive::<Float32Type>().values()
}
