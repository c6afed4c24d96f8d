//! Conversions between Arrow columns and the slices and vectors of the kernels.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, PrimitiveArray, StructArray};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Field, Fields, Float32Type, UInt32Type};
use datafusion::error::Result;

use crate::functions::refused;
use crate::kernels::{Factors, Lists, Table};

/// The type of a column of lists. [`Ragged::of`] rejects null lists and null values.
fn list(value: DataType) -> DataType {
    DataType::List(item(value))
}

fn item(value: DataType) -> Arc<Field> {
    // Nullable, as in the Parquet files of most other programs, so that these files need no conversion.
    Arc::new(Field::new_list_field(value, true))
}

pub(crate) fn movies_type() -> DataType {
    list(DataType::UInt32)
}

pub(crate) fn numbers_type() -> DataType {
    list(DataType::Float32)
}

fn factors_fields() -> Fields {
    Fields::from(vec![
        Field::new("ranking", numbers_type(), false),
        Field::new("rating", numbers_type(), false),
    ])
}

pub(crate) fn factors_type() -> DataType {
    DataType::Struct(factors_fields())
}

fn lists_fields() -> Fields {
    Fields::from(vec![
        Field::new("movies", movies_type(), false),
        Field::new("scores", numbers_type(), false),
        Field::new("ratings", numbers_type(), false),
    ])
}

pub(crate) fn lists_type() -> DataType {
    DataType::Struct(lists_fields())
}

/// A column of lists: their offsets from 0, and their values. A batch may be a slice of a larger one, so that its first
/// list does not begin at the first value of the array.
pub(crate) struct Ragged<'a, T: ArrowPrimitiveType> {
    pub(crate) indptr: Vec<usize>,
    pub(crate) values: &'a [T::Native],
}

impl<'a, T: ArrowPrimitiveType> Ragged<'a, T> {
    pub(crate) fn of(name: &str, column: &'a ArrayRef) -> Result<Self> {
        let Some(lists) = column.as_list_opt::<i32>() else {
            return Err(refused(&format!("`{name}` is {}, not lists", column.data_type())));
        };
        let Some(values) = lists.values().as_primitive_opt::<T>() else {
            return Err(refused(&format!("`{name}` is {}", column.data_type())));
        };
        let offsets = lists.value_offsets();
        let (Some(&first), Some(&last)) = (offsets.first(), offsets.last()) else {
            return Err(refused(&format!("`{name}` has no offsets")));
        };
        let indptr = offsets.iter().map(|offset| (offset - first) as usize).collect();
        let (first, n) = (first as usize, (last - first) as usize);
        if lists.null_count() > 0 || values.slice(first, n).null_count() > 0 {
            return Err(refused(&format!("`{name}` has rows or values that are null")));
        }
        Ok(Self { indptr, values: &values.values()[first..first + n] })
    }
}

fn column<T: ArrowPrimitiveType>(
    name: &str,
    n_rows: usize,
    indptr: &[usize],
    values: Vec<T::Native>,
) -> Result<ArrayRef> {
    let is_cut = indptr.len() == n_rows + 1
        && indptr.first() == Some(&0)
        && indptr.last() == Some(&values.len())
        && indptr.is_sorted();
    let offsets = indptr.iter().map(|&offset| i32::try_from(offset)).collect::<Result<Vec<_>, _>>();
    let (true, Ok(offsets)) = (is_cut, offsets) else {
        return Err(refused(&format!(
            "`{name}` of {n_rows} users has {} values and {} offsets, which do not fit",
            values.len(),
            indptr.len()
        )));
    };
    let values = Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(values), None));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(ListArray::try_new(item(T::DATA_TYPE), offsets, values, None)?))
}

pub(crate) fn factors_column(n_rows: usize, factors: Factors) -> Result<ArrayRef> {
    let table = |name: &str, table: Table| column::<Float32Type>(name, n_rows, &table.indptr, table.values);
    let columns = vec![table("ranking", factors.ranking)?, table("rating", factors.rating)?];
    Ok(Arc::new(StructArray::try_new(factors_fields(), columns, None)?))
}

pub(crate) fn lists_column(n_rows: usize, lists: Lists) -> Result<ArrayRef> {
    let columns = vec![
        column::<UInt32Type>("movies", n_rows, &lists.indptr, lists.movies)?,
        column::<Float32Type>("scores", n_rows, &lists.indptr, lists.scores)?,
        column::<Float32Type>("ratings", n_rows, &lists.indptr, lists.ratings)?,
    ];
    Ok(Arc::new(StructArray::try_new(lists_fields(), columns, None)?))
}
