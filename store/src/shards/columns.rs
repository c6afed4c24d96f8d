//! Parquet columns of numbers and of lists of numbers, by definition and repetition levels. The server does not need Arrow
//! for them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, Repetition};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{DataType, FloatType, Int32Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

use super::Lists;
use crate::error::{Error, Result};
use crate::files;

/// Writes a Parquet file, a row group per batch. An unfinished file has no footer, so that no reader accepts it.
pub(super) struct ColumnsWriter {
    writer: SerializedFileWriter<File>,
    path: PathBuf,
}

/// Writes the columns of one batch, in the order of the schema.
pub(super) struct BatchWriter<'a> {
    group: SerializedRowGroupWriter<'a, File>,
    path: &'a Path,
}

impl ColumnsWriter {
    /// Begins a file with the columns of a Parquet message type, and with key-value metadata.
    pub(super) fn create(path: &Path, schema: &str, properties: &[(&str, String)]) -> Result<Self> {
        let failed = failed("write", path);
        let schema = Arc::new(parse_message_type(schema).map_err(&failed)?);
        let metadata = properties
            .iter()
            .map(|(key, value)| parquet::file::metadata::KeyValue::new((*key).to_owned(), value.clone()))
            .collect();
        let settings = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(metadata))
            // Nearly all numbers differ and all are read: a dictionary would be built and dropped, statistics are unused.
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .build();
        let file = File::create(path).map_err(Error::io("create", path))?;
        let writer = SerializedFileWriter::new(file, schema, Arc::new(settings)).map_err(failed)?;
        Ok(Self { writer, path: path.to_path_buf() })
    }

    pub(super) fn batch(&mut self) -> Result<BatchWriter<'_>> {
        let Self { writer, path } = self;
        Ok(BatchWriter { group: writer.next_row_group().map_err(failed("write", path))?, path })
    }

    /// Writes the footer and syncs the file.
    pub(super) fn finish(self) -> Result<()> {
        let Self { writer, path } = self;
        let file = writer.into_inner().map_err(failed("write", &path))?;
        file.sync_all().map_err(Error::io("sync", &path))
    }
}

impl BatchWriter<'_> {
    pub(super) fn ids(&mut self, ids: impl Iterator<Item = u32>) -> Result<()> {
        let ids: Vec<i32> = ids.map(u32::cast_signed).collect();
        self.column::<Int32Type>(&ids, None)
    }

    pub(super) fn id_lists(&mut self, indptr: &[usize], ids: impl Iterator<Item = u32>) -> Result<()> {
        let ids: Vec<i32> = ids.map(u32::cast_signed).collect();
        self.column::<Int32Type>(&ids, Some(indptr))
    }

    pub(super) fn number_lists(&mut self, indptr: &[usize], numbers: &[f32]) -> Result<()> {
        self.column::<FloatType>(numbers, Some(indptr))
    }

    fn column<T: DataType>(&mut self, values: &[T::T], indptr: Option<&[usize]>) -> Result<()> {
        let failed = failed("write", self.path);
        let missing = || parquet::errors::ParquetError::General("the schema has no such column".to_owned());
        let mut column = self.group.next_column().map_err(&failed)?.ok_or_else(|| failed(missing()))?;
        let (definitions, repetitions) = indptr.map(levels).unzip();
        column
            .typed::<T>()
            .write_batch(values, definitions.as_deref(), repetitions.as_deref())
            .map_err(&failed)?;
        column.close().map_err(failed)
    }

    pub(super) fn finish(self) -> Result<()> {
        let Self { group, path } = self;
        group.close().map(|_| ()).map_err(failed("write", path))
    }
}

/// The definition and repetition levels of lists without nulls: an empty list has one entry with the levels 0 and 0.
fn levels(indptr: &[usize]) -> (Vec<i16>, Vec<i16>) {
    let (mut definitions, mut repetitions) = (Vec::new(), Vec::new());
    for row in indptr.windows(2) {
        let n = row[1] - row[0];
        definitions.resize(definitions.len() + n.max(1), i16::from(n > 0));
        repetitions.push(0);
        repetitions.resize(repetitions.len() + n.saturating_sub(1), 1);
    }
    (definitions, repetitions)
}

/// Reads a Parquet file of any writer.
pub(super) struct ColumnsReader {
    reader: SerializedFileReader<File>,
    path: PathBuf,
}

/// One row group.
pub(super) struct Batch<'a> {
    group: Box<dyn RowGroupReader + 'a>,
    schema: &'a Type,
    path: &'a Path,
}

impl ColumnsReader {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let (file, _) = files::open(path).map_err(Error::of_object)?;
        let reader = SerializedFileReader::new(file).map_err(damaged(path))?;
        Ok(Self { reader, path: path.to_path_buf() })
    }

    pub(super) fn n_batches(&self) -> usize {
        self.reader.num_row_groups()
    }

    /// A value of the key-value metadata.
    pub(super) fn property(&self, key: &str) -> Option<&str> {
        let pairs = self.reader.metadata().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// [`Error::Damaged`] for the file.
    pub(super) fn wrong(&self, detail: &str) -> Error {
        wrong(&self.path, detail)
    }

    pub(super) fn batch(&self, number: usize) -> Result<Batch<'_>> {
        let group = self.reader.get_row_group(number).map_err(damaged(&self.path))?;
        let schema = self.reader.metadata().file_metadata().schema();
        Ok(Batch { group, schema, path: &self.path })
    }
}

impl Batch<'_> {
    pub(super) fn ids(&self, column: &[&str]) -> Result<Vec<u32>> {
        let lists = self.lists::<Int32Type>(column)?;
        if lists.indptr.iter().enumerate().any(|(row, &start)| row != start) {
            return Err(self.wrong(column, "is a list where a number is needed"));
        }
        Ok(lists.values.into_iter().map(i32::cast_unsigned).collect())
    }

    pub(super) fn id_lists(&self, column: &[&str]) -> Result<Lists<u32>> {
        let Lists { indptr, values } = self.lists::<Int32Type>(column)?;
        Ok(Lists { indptr, values: values.into_iter().map(i32::cast_unsigned).collect() })
    }

    pub(super) fn number_lists(&self, column: &[&str]) -> Result<Lists<f32>> {
        self.lists::<FloatType>(column)
    }

    /// Reads the column whose path begins with `column` as lists. The rows of a plain column are lists of one number.
    fn lists<T: DataType>(&self, column: &[&str]) -> Result<Lists<T::T>> {
        let columns = self.group.metadata().columns();
        let place = columns.iter().position(|found| {
            let parts = found.column_path().parts();
            parts.len() >= column.len() && parts.iter().zip(column).all(|(part, name)| part == name)
        });
        let place = place.ok_or_else(|| self.wrong(column, "is missing"))?;
        if columns[place].column_type() != T::get_physical_type() {
            let needed = format!("holds {}, not {}", columns[place].column_type(), T::get_physical_type());
            return Err(self.wrong(column, &needed));
        }
        let descriptor = columns[place].column_descr();
        let (whole, empty) = (descriptor.max_def_level(), self.empty_level(descriptor.path().parts()));
        let n_rows = usize::try_from(self.group.metadata().num_rows())
            .map_err(|_| self.wrong(column, "has a negative number of rows"))?;
        let reader = self.group.get_column_reader(place).map_err(damaged(self.path))?;
        let mut reader = get_typed_column_reader::<T>(reader);
        let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
        let mut n_read = 0;
        while n_read < n_rows {
            let (n, _, _) = reader
                .read_records(n_rows - n_read, Some(&mut definitions), Some(&mut repetitions), &mut values)
                .map_err(damaged(self.path))?;
            if n == 0 {
                return Err(self.wrong(column, "has fewer rows than the file"));
            }
            n_read += n;
        }
        if whole == 0 {
            // Without lists and nulls there are no levels.
            return Ok(Lists { indptr: (0..=values.len()).collect(), values });
        }
        let mut indptr = Vec::with_capacity(n_rows + 1);
        let mut n_values = 0;
        for (at, &definition) in definitions.iter().enumerate() {
            if repetitions.get(at).is_none_or(|&level| level == 0) {
                indptr.push(n_values);
            }
            if definition == whole {
                n_values += 1;
            } else if Some(definition) != empty {
                return Err(self.wrong(column, "has a null in it"));
            }
        }
        indptr.push(n_values);
        Ok(Lists { indptr, values })
    }

    /// The definition level of an empty list: the number of optional groups above its repeated group.
    fn empty_level(&self, path: &[String]) -> Option<i16> {
        let (mut of, mut level) = (self.schema, 0);
        for name in path {
            of = of.get_fields().iter().find(|field| field.name() == name)?;
            match of.get_basic_info().repetition() {
                Repetition::REPEATED => return Some(level),
                Repetition::OPTIONAL => level += 1,
                Repetition::REQUIRED => {}
            }
        }
        None
    }

    /// [`Error::Damaged`] for a column.
    pub(super) fn wrong(&self, column: &[&str], problem: &str) -> Error {
        wrong(self.path, &format!("the column {} {problem}", column.join(".")))
    }
}

/// [`Error::Damaged`] for a file.
pub(super) fn wrong(path: &Path, detail: &str) -> Error {
    Error::Damaged { path: path.to_path_buf(), detail: detail.to_owned() }
}

fn damaged(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> Error {
    move |e| wrong(path, &e.to_string())
}

fn failed(action: &'static str, path: &Path) -> impl Fn(parquet::errors::ParquetError) -> Error {
    move |e| Error::io(action, path)(std::io::Error::other(e))
}
