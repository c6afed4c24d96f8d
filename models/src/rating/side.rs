//! One side of the model, users or items, and its part of a sweep: everything of this side is drawn while the
//! other is held.
//!
//! A draw from a normal distribution is made by solving a least-squares problem whose data have been perturbed: each
//! rating by an error of its own size, each prior mean by its spread (Papandreou, Yuille: "Gaussian Sampling by
//! Local Perturbations", NIPS 2010). So implicit factors, which all rows of a side share, are drawn by the same
//! equations as a row's own, with those integrated out.

use interactions::Csr;
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::hyper::Prior;
use super::implicit;
use super::random::{Draw, Streams, normal};
use super::rows::{Row, Square, add, invert, multiply, plus, product};

/// Rows that a thread takes at a time, at least.
pub(super) const MIN_ROWS: usize = 16;

/// A side. The first number of a row is its bias, the next are its factors.
#[derive(Debug, Clone)]
pub(super) struct Side<'a, const W: usize> {
    /// This side by the other.
    pub(super) ratings: &'a Csr,
    /// The other by this.
    pub(super) transposed: &'a Csr,
    /// What a row's implicit factors are weighed by: one over the square root of its ratings, or 0.
    pub(super) weight: Vec<f32>,
    /// The rows as drawn, implicit factors included.
    pub(super) rows: Vec<Row<W>>,
    /// Their means, given all else that was drawn. Averages of these settle faster than those of the draws.
    pub(super) expected: Vec<Row<W>>,
    /// What the implicit factors of those that a row has ratings with add up to.
    pub(super) implied: Vec<Row<W>>,
    /// Of each row of the other side, what a rating by it or of it says, whatever its stars.
    pub(super) implicit_factors: Vec<Row<W>>,
    /// The prior by which rows were drawn. Its mean is what a row without ratings is.
    pub(super) drawn_from: Prior<W>,
    /// Whence a row's own part comes.
    pub(super) prior: Prior<W>,
    /// Whence the implicit factors come.
    pub(super) implicit_prior: Prior<W>,
}

/// What a side is drawn by.
pub(super) struct Given<'a, const W: usize, L, P> {
    /// The other side's rows.
    pub(super) other: &'a [Row<W>],
    /// A rating in standard deviations above the mean, by its stars.
    pub(super) level: L,
    /// How precise a rating is, by row and column.
    pub(super) precision: P,
    pub(super) streams: &'a Streams,
}

/// What is known of a side's rows before their implicit factors are.
#[derive(Debug, Clone)]
pub(super) struct Pending<const W: usize> {
    /// The covariance of a row, given its implicit factors.
    pub(super) covariance: Square<W>,
    /// How far its ratings move a row from its prior mean, times the prior's precision: what the row tells the
    /// implicit factors.
    pub(super) news: Row<W>,
}

impl<'a, const W: usize> Side<'a, W> {
    /// Where the chain starts: at small factors, never all alike.
    pub(super) fn start(ratings: &'a Csr, transposed: &'a Csr, depth: usize, streams: &Streams) -> Self {
        let small = |row| {
            let (mut small, mut stream) = ([0.0; W], streams.of(Draw::Start, row));
            small[1..depth].iter_mut().for_each(|factor| *factor = 0.1 * normal(&mut stream));
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
            implied: vec![[0.0; W]; n_rows],
            implicit_factors: vec![[0.0; W]; n_columns],
            rows,
            drawn_from: Prior::start(depth, 10.0),
            prior: Prior::start(depth, 10.0),
            implicit_prior: Prior::start(depth, 20.0),
        }
    }

    /// Draws implicit factors, rows and priors. `pending` is scratch of at least as many rows. Fails where numbers
    /// stop being numbers.
    ///
    /// Cost: W^2 multiplications a rating, W^3 a row, and those of [`implicit::draw`].
    pub(super) fn draw<L, P>(&mut self, given: &Given<'_, W, L, P>, pending: &mut [Pending<W>]) -> Option<()>
    where
        L: Fn(f32) -> f32 + Sync,
        P: Fn(usize, u32) -> f32 + Sync,
    {
        let pending = &mut pending[..self.rows.len()];
        self.drawn_from = self.prior.clone();
        self.draw_without_implicit(given, pending)?;
        implicit::draw(self, pending, given.streams)?;
        self.add_implied(pending);
        let mut stream = given.streams.of(Draw::Hyperparameters, 0);
        let own = |row: usize| {
            let own = plus(self.rows[row], -1.0, &self.implied[row]);
            (self.weight[row] > 0.0).then_some(own)
        };
        self.prior.draw(self.rows.len(), own, &mut stream)?;
        let implicit = |row| (!self.transposed.columns(row).is_empty()).then_some(self.implicit_factors[row]);
        self.implicit_prior.draw_precision(self.implicit_factors.len(), implicit, &mut stream)
    }

    /// What rows would be if nothing were implied by whom or what they have ratings with: a ridge regression each.
    fn draw_without_implicit<L, P>(
        &mut self,
        given: &Given<'_, W, L, P>,
        pending: &mut [Pending<W>],
    ) -> Option<()>
    where
        L: Fn(f32) -> f32 + Sync,
        P: Fn(usize, u32) -> f32 + Sync,
    {
        let Self { ratings, prior, rows, expected, .. } = self;
        let (ratings, prior) = (&**ratings, &*prior);
        let drawn = rows.par_iter_mut().zip(expected).zip(pending).enumerate();
        drawn.with_min_len(MIN_ROWS).try_for_each(|(row, ((drawn, expected), pending))| {
            let draw = DrawRow { ratings, given, prior, row, pending };
            [*drawn, *expected] = Arch::new().dispatch(draw)?;
            Some(())
        })
    }

    /// Moves rows by what their implicit factors have turned out to add to their prior means.
    fn add_implied(&mut self, pending: &[Pending<W>]) {
        let drawn = self.rows.par_iter_mut().zip(&mut self.expected).zip(&self.implied).zip(pending);
        drawn.zip(&self.weight).with_min_len(MIN_ROWS).for_each(
            |((((drawn, expected), implied), pending), &weight)| {
                if weight > 0.0 {
                    let moved = Arch::new().dispatch(Move {
                        covariance: &pending.covariance,
                        by: product(implied, &self.prior.precision),
                    });
                    *drawn = plus(*drawn, 1.0, &moved);
                    *expected = plus(*expected, 1.0, &moved);
                }
            },
        );
    }
}

/// Draws a row as its ratings alone would have it, with the vectors of the machine: a draw and its mean.
struct DrawRow<'a, 'b, const W: usize, L, P> {
    ratings: &'a Csr,
    given: &'a Given<'b, W, L, P>,
    prior: &'a Prior<W>,
    row: usize,
    pending: &'a mut Pending<W>,
}

impl<const W: usize, L, P> WithSimd for DrawRow<'_, '_, W, L, P>
where
    L: Fn(f32) -> f32,
    P: Fn(usize, u32) -> f32,
{
    type Output = Option<[Row<W>; 2]>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { ratings, given, prior, row, pending } = self;
        let (columns, stars) = ratings.row(row);
        if columns.is_empty() {
            // Nothing depends on it.
            return Some([prior.mean; 2]);
        }
        let mut stream = given.streams.of(Draw::Factors, row);
        let system = &mut pending.covariance;
        system.fill([0.0; W]);
        let (mut observed, mut perturbed) = ([0.0; W], [0.0; W]);
        for (&column, &stars) in columns.iter().zip(stars) {
            // The bias has a regressor of 1; the other side's bias is no part of what is to be explained.
            let other = &given.other[column as usize];
            let rest = (given.level)(stars) - other[0];
            let regressors = std::array::from_fn(|place| if place == 0 { 1.0 } else { other[place] });
            let precision = (given.precision)(row, column);
            add(simd, &mut observed, precision * rest, &regressors);
            add(simd, &mut perturbed, precision * rest + precision.sqrt() * normal(&mut stream), &regressors);
            for (line, &regressor) in system.iter_mut().zip(&regressors) {
                add(simd, line, precision * regressor, &regressors);
            }
        }
        let start = prior.sample(&mut stream);
        add(simd, &mut observed, 1.0, &product(&prior.precision, &prior.mean));
        add(simd, &mut perturbed, 1.0, &product(&prior.precision, &start));
        for (place, line) in system.iter_mut().enumerate() {
            line[place] += prior.precision[place];
        }
        if !invert(simd, system) {
            return None;
        }
        let drawn = multiply(simd, system, &perturbed);
        pending.news = product(&plus(drawn, -1.0, &start), &prior.precision);
        drawn.iter().sum::<f32>().is_finite().then(|| [drawn, multiply(simd, system, &observed)])
    }
}

/// A covariance times a row, with the vectors of the machine.
struct Move<'a, const W: usize> {
    covariance: &'a Square<W>,
    by: Row<W>,
}

impl<const W: usize> WithSimd for Move<'_, W> {
    type Output = Row<W>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        multiply(simd, self.covariance, &self.by)
    }
}

impl<const W: usize> Pending<W> {
    pub(super) const NOTHING: Self = Self { covariance: [[0.0; W]; W], news: [0.0; W] };
}
