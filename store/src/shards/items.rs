//! The item side of both models, from which any machine computes users: one row per item, in the columns of Spark's ALS,
//! with the item of the rating model beside them.

use std::path::Path;

use super::Lists;
use super::columns::{ColumnsReader, ColumnsWriter, wrong};
use crate::error::Result;
use crate::ids::MovieId;

const SCHEMA: &str = "message items {
    required int32 id (INTEGER(32, false));
    required group features (LIST) { repeated group list { required float element; } }
    required group rating (LIST) { repeated group list { required float element; } }
}";

/// The property of the file that holds the terms.
const TERMS: &str = "terms";
/// Items of a batch.
const BATCH: usize = 65_536;

/// Items, ids ascending, with a row of each model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Items {
    /// The items.
    pub ids: Vec<MovieId>,
    /// The factors of the ranking model (n_items x n_factors, row-major).
    pub features: Vec<f32>,
    /// The items of the rating model (n_items x `rating.len() / n_items`, row-major). The pipeline defines the width.
    pub rating: Vec<f32>,
    /// The parts of the models that belong to no item, as JSON.
    pub terms: String,
}

/// Writes items to a new file and syncs it.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io).
pub fn write_items(path: &Path, items: &Items) -> Result<()> {
    let Items { ids, features, rating, terms } = items;
    let mut writer = ColumnsWriter::create(path, SCHEMA, &[(TERMS, terms.clone())])?;
    let n_items = ids.len().max(1);
    let widths = [features.len() / n_items, rating.len() / n_items];
    for (number, ids) in ids.chunks(BATCH).enumerate() {
        let mut columns = writer.batch()?;
        columns.ids(ids.iter().map(|id| id.get()))?;
        for (values, width) in [features, rating].into_iter().zip(widths) {
            let values = &values[number * BATCH * width..][..ids.len() * width];
            let indptr: Vec<usize> = (0..=ids.len()).map(|row| row * width).collect();
            columns.number_lists(&indptr, values)?;
        }
        columns.finish()?;
    }
    writer.finish()
}

/// Reads items back.
///
/// # Errors
/// [`Error::Damaged`](crate::Error::Damaged) for a file that has no items, or rows of different lengths.
pub fn read_items(path: &Path) -> Result<Items> {
    let reader = ColumnsReader::open(path)?;
    let mut items = Items {
        terms: reader.property(TERMS).ok_or_else(|| wrong(path, "it has no terms"))?.to_owned(),
        ..Items::default()
    };
    for number in 0..reader.n_batches() {
        let batch = reader.batch(number)?;
        items.ids.extend(batch.ids(&["id"])?.into_iter().map(MovieId::new));
        for (column, values) in [("features", &mut items.features), ("rating", &mut items.rating)] {
            let lists: Lists<f32> = batch.number_lists(&[column])?;
            let width = lists.indptr.get(1).copied().unwrap_or_default();
            if lists.indptr.iter().enumerate().any(|(row, &start)| start != row * width) {
                return Err(batch.wrong(&[column], "has rows of different lengths"));
            }
            values.extend(lists.values);
        }
    }
    let n_items = items.ids.len();
    if n_items == 0 || [&items.features, &items.rating].iter().any(|values| values.len() % n_items != 0) {
        return Err(wrong(path, "it has no items, or rows of different lengths"));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_as_they_were_written_and_other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("items.parquet");
        let n = BATCH + 3;
        let items = Items {
            ids: (0..n as u32).map(|id| MovieId::new(2 * id)).collect(),
            features: (0..2 * n).map(|number| number as f32).collect(),
            rating: (0..3 * n).map(|number| -(number as f32)).collect(),
            terms: "{\"depth\": 2}".to_owned(),
        };
        write_items(&path, &items).unwrap();
        assert_eq!(read_items(&path).unwrap(), items);

        let other = dir.path().join("other.parquet");
        super::super::RatingsWriter::create(&other).unwrap().finish().unwrap();
        assert!(read_items(&other).unwrap_err().to_string().contains("terms"));
    }
}
