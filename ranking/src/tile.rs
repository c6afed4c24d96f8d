//! The inner loop of training and scoring: a small matrix product that stays in registers.
//!
//! A tile is [`ROWS`] by [`width`] sums. A sum runs over the inner dimension from first to last with fused multiply-adds,
//! so that it has the same bits on every instruction set with fused multiply-add, whatever its width. pulp selects the
//! instruction set at run time.

use pulp::{Arch, Simd, WithSimd};

/// Rows of a tile. With two vectors each, there are sixteen sums, as many as the smaller register files hold.
pub const ROWS: usize = 8;
/// Vectors in a row of a tile.
const VECTORS: usize = 2;

/// Columns of a tile on an instruction set.
pub const fn width<S: Simd>() -> usize {
    VECTORS * S::F32_LANES
}

/// Columns of a tile on the instruction set of this machine.
pub fn machine_width() -> usize {
    VECTORS * machine_lanes()
}

/// Numbers in a vector on the instruction set of this machine.
pub(crate) fn machine_lanes() -> usize {
    struct Lanes;

    impl WithSimd for Lanes {
        type Output = usize;

        fn with_simd<S: Simd>(self, _: S) -> usize {
            S::F32_LANES
        }
    }

    Arch::new().dispatch(Lanes)
}

/// The sums of a tile.
pub type Tile<S> = [[<S as Simd>::f32s; VECTORS]; ROWS];

/// `tile[r][c] = sum over k of left[k][r] * right[k][c]`, where `left[k]` begins at `k * left_stride`, and `right[k]` at
/// `k * right_stride`. The inner dimension is that of the shorter.
#[inline(always)]
pub fn product<S: Simd>(
    simd: S,
    left: &[f32],
    left_stride: usize,
    right: &[f32],
    right_stride: usize,
) -> Tile<S> {
    let mut tile = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (left, right) in left.chunks(left_stride).zip(right.chunks(right_stride)) {
        let left = &left[..ROWS];
        let (right, _) = S::as_simd_f32s(&right[..width::<S>()]);
        let right = [right[0], right[1]];
        for (sums, &factor) in tile.iter_mut().zip(left) {
            let factor = simd.splat_f32s(factor);
            for (sum, column) in sums.iter_mut().zip(right) {
                *sum = simd.mul_add_f32s(factor, column, *sum);
            }
        }
    }
    tile
}

/// The sums of one row of a tile (`width`).
#[inline(always)]
pub fn lanes<S: Simd>(sums: &[S::f32s; VECTORS]) -> &[f32] {
    pulp::bytemuck::cast_slice(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Product<'a> {
        left: &'a [f32],
        right: &'a [f32],
        depth: usize,
    }

    impl WithSimd for Product<'_> {
        type Output = (usize, Vec<f32>);

        fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
            let n = width::<S>();
            let tile = product(simd, self.left, ROWS, &self.right[..self.depth * n], n);
            (n, tile.iter().flat_map(|sums| lanes::<S>(sums).to_vec()).collect())
        }
    }

    #[test]
    fn a_tile_holds_the_sums_of_a_plain_loop_to_the_bit() {
        for depth in [0, 1, 2, 17, 100] {
            let numbers =
                |seed: f32, n: usize| -> Vec<f32> { (0..n).map(|x| (x as f32 * seed).sin()).collect() };
            let left = numbers(0.37, depth * ROWS);
            let right = numbers(0.73, depth * 64);
            let (n, tile) = Arch::new().dispatch(Product { left: &left, right: &right, depth });
            for (cell, &found) in tile.iter().enumerate() {
                let (r, c) = (cell / n, cell % n);
                let expected =
                    (0..depth).fold(0.0f32, |sum, d| left[d * ROWS + r].mul_add(right[d * n + c], sum));
                assert_eq!(found.to_bits(), expected.to_bits(), "depth {depth}, row {r}, column {c}");
            }
        }
    }
}
