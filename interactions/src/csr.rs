//! A sparse matrix by row. It knows indices only, no ids.

/// A compressed sparse row matrix. Row `r` has the columns `indices[indptr[r]..indptr[r + 1]]`, ascending,
/// and the values at the same positions. Memory: 8 bytes a cell and 8 a row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Csr {
    indptr: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Csr {
    /// A matrix of `n_rows` rows from cells that are sorted by row, then column. `rows`, `indices` and
    /// `values` have one entry a cell. Cost: a counting pass over `rows`.
    #[must_use]
    pub fn from_sorted(
        n_rows: usize,
        rows: impl IntoIterator<Item = u32>,
        indices: Vec<u32>,
        values: Vec<f32>,
    ) -> Self {
        let mut indptr = vec![0; n_rows + 1];
        for row in rows {
            indptr[row as usize + 1] += 1;
        }
        accumulate(&mut indptr);
        debug_assert_eq!(indptr[n_rows], indices.len());
        debug_assert_eq!(indices.len(), values.len());
        Self { indptr, indices, values }
    }

    /// A matrix of the same shape with the cells for which `keep` returns true. `keep` is called with the
    /// position of each cell, in order.
    #[must_use]
    pub fn filter(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut kept = Self { indptr: Vec::with_capacity(self.indptr.len()), ..Self::default() };
        kept.indptr.push(0);
        for row in self.indptr.windows(2) {
            for position in (row[0]..row[1]).filter(|&position| keep(position)) {
                kept.indices.push(self.indices[position]);
                kept.values.push(self.values[position]);
            }
            kept.indptr.push(kept.indices.len());
        }
        kept
    }

    /// A matrix of the rows for which `keep` returns true, with new row indices and the same order.
    #[must_use]
    pub fn rows(&self, keep: impl Fn(usize) -> bool) -> Self {
        let mut kept = Self { indptr: vec![0], ..Self::default() };
        for row in (0..self.n_rows()).filter(|&row| keep(row)) {
            let (columns, values) = self.row(row);
            kept.indices.extend_from_slice(columns);
            kept.values.extend_from_slice(values);
            kept.indptr.push(kept.indices.len());
        }
        kept
    }

    /// All cells in order, as (row, column, value).
    pub fn cells(&self) -> impl Iterator<Item = (usize, usize, f32)> + '_ {
        (0..self.n_rows()).flat_map(|row| {
            let (columns, values) = self.row(row);
            columns.iter().zip(values).map(move |(&column, &value)| (row, column as usize, value))
        })
    }

    /// Every `step`-th cell from the first, in order, as (row, column, value). Cost: a step for each of these
    /// cells and for each row.
    pub fn every(&self, step: usize) -> impl Iterator<Item = (usize, usize, f32)> + '_ {
        let mut row = 0;
        (0..self.n_cells()).step_by(step).map(move |cell| {
            while self.indptr[row + 1] <= cell {
                row += 1;
            }
            (row, self.indices[cell] as usize, self.values[cell])
        })
    }

    /// The number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.indptr.len().saturating_sub(1)
    }

    /// The number of stored cells.
    #[must_use]
    pub fn n_cells(&self) -> usize {
        self.indices.len()
    }

    /// The columns of a row, ascending.
    #[must_use]
    pub fn columns(&self, row: usize) -> &[u32] {
        &self.indices[self.indptr[row]..self.indptr[row + 1]]
    }

    /// The columns of a row, ascending, and their values.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let cells = self.indptr[row]..self.indptr[row + 1];
        (&self.indices[cells.clone()], &self.values[cells])
    }

    /// The transposed matrix, of `n_columns` rows. Cost: two passes over the cells in row order, so that the
    /// columns of the result ascend as well.
    #[must_use]
    pub fn transpose(&self, n_columns: usize) -> Self {
        let mut indptr = vec![0; n_columns + 1];
        for &column in &self.indices {
            indptr[column as usize + 1] += 1;
        }
        accumulate(&mut indptr);
        let mut next = indptr.clone();
        let mut indices = vec![0; self.n_cells()];
        let mut values = vec![0.0; self.n_cells()];
        for (row, number) in (0..self.n_rows()).zip(0u32..) {
            let (columns, cells) = self.row(row);
            for (&column, &value) in columns.iter().zip(cells) {
                let slot = next[column as usize];
                next[column as usize] += 1;
                indices[slot] = number;
                values[slot] = value;
            }
        }
        Self { indptr, indices, values }
    }
}

/// Replaces counts at `1..` by their prefix sums, the offsets of the rows.
fn accumulate(counts: &mut [usize]) {
    let mut sum = 0;
    for count in counts {
        sum += *count;
        *count = sum;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_have_their_columns_and_an_empty_row_has_none() {
        let matrix = Csr::from_sorted(3, [0, 0, 2], vec![1, 3, 0], vec![5.0, 4.0, 3.0]);
        assert_eq!(matrix.row(0), (&[1, 3][..], &[5.0, 4.0][..]));
        assert_eq!(matrix.columns(1), [0u32; 0]);
        assert_eq!(matrix.row(2), (&[0][..], &[3.0][..]));
    }

    proptest! {
        #[test]
        fn a_matrix_transposed_twice_is_itself(
            cells in prop::collection::btree_map((0u32..20, 0u32..30), 0.5f32..5.0, 0..200)
        ) {
            let rows: Vec<_> = cells.keys().map(|key| key.0).collect();
            let columns = cells.keys().map(|key| key.1).collect();
            let matrix = Csr::from_sorted(20, rows, columns, cells.values().copied().collect());
            prop_assert_eq!(&matrix.transpose(30).transpose(20), &matrix);
            let even = matrix.filter(|position| position % 2 == 0);
            prop_assert_eq!(even.cells().collect::<Vec<_>>(), matrix.cells().step_by(2).collect::<Vec<_>>());
        }
    }
}
