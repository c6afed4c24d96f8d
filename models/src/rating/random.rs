//! Random numbers: a stream for every row of every draw of every sweep.
//!
//! No two rows share a stream, so threads may take rows in any order without a change of the bits.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The quantity that is drawn, row by row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Draw {
    Start,
    Factors,
    ImplicitFactors,
    Hyperparameters,
    Noise,
}

/// The side whose rows are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum SideName {
    Users,
    Items,
}

/// The streams of one sweep for one side.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    origin: ChaCha8Rng,
    number: u64,
}

impl Streams {
    /// The streams of a sweep. The start of the chain is sweep 0.
    pub(super) fn new(seed: u64, sweep: usize, side: SideName) -> Self {
        Self { origin: ChaCha8Rng::seed_from_u64(seed), number: (sweep as u64) << 4 | (side as u64) << 3 }
    }

    /// The stream of a row.
    pub(super) fn of(&self, draw: Draw, row: usize) -> ChaCha8Rng {
        let mut stream = self.origin.clone();
        stream.set_stream((self.number | draw as u64) << 32 | row as u64);
        stream
    }
}

/// A number drawn from the standard normal distribution.
#[inline(always)]
pub(super) fn normal(stream: &mut ChaCha8Rng) -> f32 {
    StandardNormal.sample(stream)
}
