//! The time of one epoch of the ranking model: the time of training five epochs less that of one, divided by four. The
//! result is the median over several turns. The arguments are a ratings table, the number of turns, and numbers of
//! factors.
//!
//! ```text
//! cargo bench -p pipeline --bench epoch -- data/ml-25m/ratings.csv 5 64 128
//! ```

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot run stops")]

use std::path::Path;
use std::time::Instant;

use indicatif::ProgressBar;
use interactions::Interactions;
use interactions::Scale;
use interactions::Vocabulary;
use models::{Model, TrainSettings};
use reading::{InputFile, read_ratings};

const EPOCHS: usize = 4;

fn main() {
    // Cargo adds words of its own, all of which begin with a dash.
    let words: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let path = words.first().map_or("../data/sample/ratings.csv", |path| path);
    let numbers: Vec<usize> = words.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
    let (n_turns, ranks) = match numbers.split_first() {
        Some((&n_turns, ranks)) if !ranks.is_empty() => (n_turns, ranks),
        _ => (5, &[64, 128][..]),
    };
    let table = read_ratings(
        &InputFile::open(Path::new(path)).expect("it is opened"),
        Scale::default(),
        &ProgressBar::hidden(),
    )
    .expect("it is read");
    let vocabulary = Vocabulary::of(&table.ratings);
    let interactions = Interactions::of(&table.ratings, &vocabulary);
    drop(table);
    println!(
        "{} users, {} movies, {} ratings; seconds an epoch, median of {n_turns}",
        interactions.n_users(),
        interactions.n_items(),
        interactions.by_user.n_cells()
    );
    for &k in ranks {
        let mut turns: Vec<f64> = (0..n_turns)
            .map(|_| (train(&interactions, k, 1 + EPOCHS) - train(&interactions, k, 1)) / EPOCHS as f64)
            .collect();
        turns.sort_by(f64::total_cmp);
        println!("k = {k:>4}: {:.3}", turns[n_turns / 2]);
    }
}

/// Seconds.
fn train(interactions: &Interactions, n_factors: usize, epochs: usize) -> f64 {
    let mut settings = TrainSettings::default();
    settings.ranking.n_factors = Some(n_factors);
    settings.ranking.epochs = epochs;
    settings.rating.n_factors = 1;
    settings.rating.sweeps = Some(1);
    let begin = Instant::now();
    Model::train(interactions, &settings, &ProgressBar::hidden()).expect("it is trained");
    begin.elapsed().as_secs_f64()
}
