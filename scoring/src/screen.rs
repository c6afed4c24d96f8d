//! The screen: scores in 8 bits, four times as fast as exact ones. It finds the scores that may reach a
//! threshold. These are then computed in full; the others cannot be among the best.
//!
//! A user's factors p are quantized to `p' = scale * a`, a tile's items q to `q' = scale * b`, where a and b
//! are integers from -127 to 127. The sum of a[d] b[d] is exact, and
//!
//! ```text
//! p.q = p'.q' + (p - p').q + p'.(q - q')   <=   p'.q' + |p - p'| |q| + |p'| |q - q'|
//! ```
//!
//! So, with the margin of [`Bound`] for the rounding of the score itself, there is an integer that the sum
//! must reach if the score reaches the threshold. The screen needs AVX-512 with VNNI; other machines compute
//! every score in full.

use ranking::tile::ROWS;

use super::bounds::{Bound, norm};

/// Items in a tile: two vectors of 16 sums.
const WIDTH: usize = 32;
/// Factors that one instruction multiplies and adds up.
const STEP: usize = 4;
/// The greatest integer that a factor is quantized to.
const MAX_LEVEL: f64 = 127.0;
/// Zero in the integers of items, which are unsigned for the instruction.
const ZERO_POINT: i32 = 128;
/// A bound of the relative error of everything that is computed here in f64.
const SLACK: f64 = 1e-9;
/// Most factors for which no sum overflows.
const MOST_FACTORS: usize = 1 << 15;

/// The screen; it exists only on machines with the instructions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen(());

/// The quantized factors of at most [`ROWS`] users.
#[derive(Debug, Default)]
pub(super) struct ScreenUsers {
    /// Integers of [`STEP`] factors of each row.
    numbers: Vec<[[i8; STEP]; ROWS]>,
    /// One over the scale of each row.
    inverse_scale: [f64; ROWS],
    /// The error of a score for each unit of the item's norm, by row.
    per_norm: [f64; ROWS],
    /// The error of a score for each unit of the item's quantization error, by row.
    per_error: [f64; ROWS],
    /// The part of a sum that is due to the items' zero point, by row.
    zero_point: [f64; ROWS],
    /// See [`Bound::absolute`].
    absolute: f64,
}

/// The quantized factors of a tile of items, with one scale.
#[derive(Debug)]
pub(super) struct ScreenTile {
    /// Integers of [`STEP`] factors of each item.
    numbers: Vec<[[u8; STEP]; WIDTH]>,
    /// One over the scale.
    inverse_scale: f64,
    /// The greatest norm of an item.
    norm: f64,
    /// The greatest norm of the quantization error of an item.
    error: f64,
}

impl Screen {
    /// Returns the screen if it supports this number of factors, this width of tiles, and this machine.
    pub(super) fn available(n_factors: usize, width: usize) -> Option<Self> {
        (width == WIDTH && n_factors <= MOST_FACTORS && machine_has_vnni()).then_some(Self(()))
    }

    /// By row, a bit for each item of a tile whose score may reach the row's threshold.
    #[inline(always)]
    pub(super) fn reach(
        self,
        rows: &ScreenUsers,
        tile: &ScreenTile,
        thresholds: &[f32; ROWS],
    ) -> [u32; ROWS] {
        let least = rows.least(tile, thresholds);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a `Screen` is made by `available` alone, which has detected these instructions.
        unsafe {
            vnni::reach(&rows.numbers, &tile.numbers, &least)
        }
        #[cfg(not(target_arch = "x86_64"))]
        by_definition(&rows.numbers, &tile.numbers, &least)
    }
}

#[cfg(target_arch = "x86_64")]
fn machine_has_vnni() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni")
}

#[cfg(not(target_arch = "x86_64"))]
fn machine_has_vnni() -> bool {
    false
}

impl ScreenUsers {
    /// Quantizes the factors of at most [`ROWS`] users; missing users are zero.
    #[inline(always)]
    pub(super) fn fill<'a>(
        &mut self,
        users: impl Iterator<Item = &'a [f32]>,
        n_factors: usize,
        bound: Bound,
    ) {
        self.numbers.clear();
        self.numbers.resize(n_factors.div_ceil(STEP), [[0; STEP]; ROWS]);
        *self = Self {
            numbers: std::mem::take(&mut self.numbers),
            absolute: bound.absolute(),
            ..Self::default()
        };
        self.inverse_scale = [1.0; ROWS];
        let mut numbers = vec![[0; STEP]; n_factors.div_ceil(STEP)];
        for (row, factors) in users.enumerate() {
            let scale = scale(greatest(factors));
            let error = quantize(factors, scale, numbers.as_flattened_mut());
            for (rows, &numbers) in self.numbers.iter_mut().zip(&numbers) {
                rows[row] = numbers;
            }
            let sum: i32 = numbers.as_flattened().iter().map(|&number| i32::from(number)).sum();
            let norm = norm(factors);
            self.inverse_scale[row] = 1.0 / scale;
            self.per_norm[row] = error + norm * (bound.relative() - 1.0 + SLACK);
            self.per_error[row] = (norm + error) * (1.0 + SLACK);
            self.zero_point[row] = f64::from(ZERO_POINT * sum);
        }
    }

    /// The least sum of each row that may reach the row's threshold.
    #[inline(always)]
    fn least(&self, tile: &ScreenTile, thresholds: &[f32; ROWS]) -> [i32; ROWS] {
        let mut least = [0; ROWS];
        for row in 0..ROWS {
            let error = self.per_norm[row] * tile.norm + self.per_error[row] * tile.error + self.absolute;
            let sum = (f64::from(thresholds[row]) - error) * self.inverse_scale[row] * tile.inverse_scale;
            // Two cover the rounding of this number. Infinities become the ends of the range.
            let least_sum = sum - sum.abs() * SLACK - 2.0 + self.zero_point[row];
            least[row] = nearest(least_sum.clamp(f64::from(i32::MIN), f64::from(i32::MAX)));
        }
        least
    }
}

impl ScreenTile {
    /// Quantizes the factors of at most [`WIDTH`] items; missing items are zero.
    #[inline(always)]
    pub(super) fn new<'a>(items: impl Iterator<Item = &'a [f32]> + Clone, n_factors: usize) -> Self {
        let scale = scale(items.clone().map(greatest).fold(0.0, f32::max));
        let mut tile = Self {
            numbers: vec![[[ZERO_POINT as u8; STEP]; WIDTH]; n_factors.div_ceil(STEP)],
            inverse_scale: 1.0 / scale,
            norm: 0.0,
            error: 0.0,
        };
        let mut numbers = vec![[0; STEP]; n_factors.div_ceil(STEP)];
        for (lane, factors) in items.enumerate() {
            let error = quantize(factors, scale, numbers.as_flattened_mut());
            for (lanes, numbers) in tile.numbers.iter_mut().zip(&numbers) {
                lanes[lane] = numbers.map(|number| (i32::from(number) + ZERO_POINT) as u8);
            }
            let norm = norm(factors) * (1.0 + SLACK);
            tile.norm = tile.norm.max(norm);
            tile.error = tile.error.max(error + norm * SLACK);
        }
        tile
    }
}

/// The integer nearest to a number in the range of `i32`. A cast would not be vectorized.
#[inline(always)]
fn nearest(number: f64) -> i32 {
    /// After it is added, the lower bits are the integer.
    const WHOLE: f64 = 1.5 * (1u64 << 52) as f64;
    (number + WHOLE).to_bits() as i32
}

/// The scale of factors with this greatest absolute value.
fn scale(greatest: f32) -> f64 {
    if greatest > 0.0 { f64::from(greatest) / MAX_LEVEL } else { 1.0 }
}

#[inline(always)]
fn greatest(factors: &[f32]) -> f32 {
    // In lanes, because a sequential maximum is slow.
    let mut greatest = [0.0f32; 16];
    for factors in factors.chunks(16) {
        for (greatest, factor) in greatest.iter_mut().zip(factors) {
            *greatest = if factor.abs() > *greatest { factor.abs() } else { *greatest };
        }
    }
    greatest.into_iter().fold(0.0, f32::max)
}

/// Quantizes factors to integers of a scale. Returns the norm of the quantization error.
#[inline(always)]
fn quantize(factors: &[f32], scale: f64, numbers: &mut [i8]) -> f64 {
    /// After it is added and subtracted, the number is an integer.
    const WHOLE: f32 = 1.5 * (1 << 23) as f32;
    let per_unit = (1.0 / scale) as f32;
    let mut squares = [0.0f64; 16];
    for (factors, numbers) in factors.chunks(16).zip(numbers.chunks_mut(16)) {
        for ((&factor, number), square) in factors.iter().zip(numbers).zip(&mut squares) {
            let units = (factor * per_unit).clamp(-MAX_LEVEL as f32, MAX_LEVEL as f32);
            // Any integer is correct here, because the error is measured.
            let whole = (units + WHOLE) - WHOLE;
            *number = whole as i8;
            let error = f64::from(factor) - scale * f64::from(*number);
            *square += error * error;
        }
    }
    squares.iter().sum::<f64>().sqrt()
}

/// [`Screen::reach`] by plain loops: the reference for tests, and the code of other processors.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn by_definition(
    rows: &[[[i8; STEP]; ROWS]],
    tile: &[[[u8; STEP]; WIDTH]],
    least: &[i32; ROWS],
) -> [u32; ROWS] {
    std::array::from_fn(|row| {
        let reaches = |lane: usize| -> bool {
            let factors = rows.iter().flat_map(|numbers| numbers[row]);
            let items = tile.iter().flat_map(|numbers| numbers[lane]);
            factors.zip(items).map(|(a, b)| i32::from(a) * i32::from(b)).sum::<i32>() >= least[row]
        };
        (0..WIDTH).fold(0, |reach, lane| reach | u32::from(reaches(lane)) << lane)
    })
}

#[cfg(target_arch = "x86_64")]
mod vnni {
    use std::arch::x86_64::{
        __m512i, _mm512_cmpge_epi32_mask, _mm512_dpbusd_epi32, _mm512_set1_epi32, _mm512_setzero_si512,
    };

    use super::{ROWS, STEP, WIDTH};

    /// [`Screen::reach`] with sums in registers, 16 items to a vector, [`STEP`] factors to an instruction.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) fn reach(
        rows: &[[[i8; STEP]; ROWS]],
        tile: &[[[u8; STEP]; WIDTH]],
        least: &[i32; ROWS],
    ) -> [u32; ROWS] {
        let mut sums = [[_mm512_setzero_si512(); 2]; ROWS];
        for (rows, items) in rows.iter().zip(tile) {
            let items: [__m512i; 2] = pulp::cast(*items);
            for (sums, &factors) in sums.iter_mut().zip(rows) {
                let factors = _mm512_set1_epi32(i32::from_ne_bytes(pulp::cast(factors)));
                for (sum, items) in sums.iter_mut().zip(items) {
                    *sum = _mm512_dpbusd_epi32(*sum, items, factors);
                }
            }
        }
        let mut reach = [0; ROWS];
        for ((reach, sums), &least) in reach.iter_mut().zip(sums).zip(least) {
            let least = _mm512_set1_epi32(least);
            let [low, high] = sums.map(|sums| u32::from(_mm512_cmpge_epi32_mask(sums, least)));
            *reach = low | high << 16;
        }
        reach
    }
}

#[cfg(test)]
mod tests;
