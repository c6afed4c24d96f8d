//! A row with many ratings: the system of its factors.

use pulp::Simd;

use super::{Observation, PANEL, Side, Workspace, begin};
use crate::model::als::products::add_products;
use crate::model::cholesky;

impl<O, R> Side<'_, O, R>
where
    O: Fn(usize, u32, f32) -> Observation,
    R: Fn(usize) -> f32,
{
    /// By the system as it stands, k x k.
    #[inline(always)]
    pub(super) fn solve_many<S: Simd>(
        &self,
        simd: S,
        row: usize,
        factors: &mut [f32],
        workspace: &mut Workspace,
    ) -> bool {
        let Workspace { stride, system, gathered, weighted } = workspace;
        let (k, stride) = (self.n_factors, *stride);
        let (columns, stars) = self.matrix.row(row);
        begin(self.base, (self.ridge)(columns.len()), k, stride, system);
        factors.fill(0.0);
        for (columns, stars) in columns.chunks(PANEL).zip(stars.chunks(PANEL)) {
            let gathered = &mut gathered[..columns.len() * stride];
            let weighted = &mut weighted[..columns.len() * stride];
            let places = gathered.chunks_exact_mut(stride).zip(weighted.chunks_exact_mut(stride));
            for ((&column, &stars), (plain, weighted)) in columns.iter().zip(stars).zip(places) {
                let Observation { weight, target } = (self.observe)(row, column, stars);
                let q = &self.other[column as usize * k..][..k];
                plain[..k].copy_from_slice(q);
                plain[k..].fill(0.0);
                weighted[k..].fill(0.0);
                for ((weighted, sum), q) in weighted.iter_mut().zip(factors.iter_mut()).zip(q) {
                    *weighted = weight * q;
                    *sum += weight * target * q;
                }
            }
            add_products(simd, weighted, gathered, stride, system);
        }
        cholesky::solve(simd, system, stride, factors)
    }
}
