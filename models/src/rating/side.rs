//! The state of one side of the model, users or items: rows, implicit factors, priors.
//!
//! [`super::sweep`] draws it; [`super::normal_equations`] reads it. Nothing here draws but the start of the chain.

use interactions::Csr;

use super::prior::Prior;
use super::random::{Draw, Streams, normal};
use super::rows::{Row, Square};

/// One side. The first number of a row is its bias, the next are its factors.
#[derive(Debug, Clone)]
pub(super) struct Side<'a, const W: usize> {
    /// Ratings, this side by the other.
    pub(super) ratings: &'a Csr,
    /// Ratings, the other side by this.
    pub(super) transposed: &'a Csr,
    /// Weight of implicit factors, by row: one over the square root of its number of ratings, or 0 without ratings.
    pub(super) weight: Vec<f32>,
    /// Rows as drawn, the implicit part included.
    pub(super) rows: Vec<Row<W>>,
    /// Means of the rows, given everything else that was drawn. Averages of these settle faster than averages
    /// of draws.
    pub(super) expected: Vec<Row<W>>,
    /// Implicit part of each row, `Z y`: the weighted sum of the implicit factors of its columns.
    pub(super) implicit_part: Vec<Row<W>>,
    /// Implicit factors y, a row for each column: what a rating in this column adds to a row, whatever its stars.
    pub(super) implicit_factors: Vec<Row<W>>,
    /// The prior that the rows were drawn with. Its mean is the value of a row without ratings.
    pub(super) sampling_prior: Prior<W>,
    /// The prior of a row's own part.
    pub(super) prior: Prior<W>,
    /// The prior of the implicit factors.
    pub(super) implicit_prior: Prior<W>,
}

/// The posterior of a row before the implicit factors of its side are known.
#[derive(Debug, Clone)]
pub(super) struct RowPosterior<const W: usize> {
    /// C: the covariance of the row, given its implicit part.
    pub(super) covariance: Square<W>,
    /// The row's right-hand side in the equations of the implicit factors: the prior's precision times the
    /// distance that the ratings move the row from its prior mean.
    pub(super) rhs: Row<W>,
}

impl<const W: usize> RowPosterior<W> {
    pub(super) const ZERO: Self = Self { covariance: [[0.0; W]; W], rhs: [0.0; W] };
}

impl<'a, const W: usize> Side<'a, W> {
    /// The start of the chain: small random factors, all different.
    pub(super) fn start(ratings: &'a Csr, transposed: &'a Csr, rank: usize, streams: &Streams) -> Self {
        let small = |row| {
            let (mut small, mut stream) = ([0.0; W], streams.of(Draw::Start, row));
            small[1..rank].iter_mut().for_each(|factor| *factor = 0.1 * normal(&mut stream));
            small
        };
        let weight = |row| match ratings.columns(row).len() {
            0 => 0.0,
            n => (n as f32).sqrt().recip(),
        };
        let (n_rows, n_columns) = (ratings.n_rows(), transposed.n_rows());
        let rows: Vec<_> = (0..n_rows).map(small).collect();
        Self {
            ratings,
            transposed,
            weight: (0..n_rows).map(weight).collect(),
            expected: rows.clone(),
            implicit_part: vec![[0.0; W]; n_rows],
            implicit_factors: vec![[0.0; W]; n_columns],
            rows,
            sampling_prior: Prior::start(rank, 10.0),
            prior: Prior::start(rank, 10.0),
            implicit_prior: Prior::start(rank, 20.0),
        }
    }
}
