//! What an epoch of the ranking model takes: the difference between training one epoch and five, by the number of
//! epochs between them, median of five turns.
//!
//! ```text
//! cargo bench -p pipeline --bench epoch -- data/ml-25m/ratings.csv 64 128
//! ```

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot run stops")]

use std::path::Path;
use std::time::Instant;

use indicatif::ProgressBar;
use pipeline::ingest::{Scale, read_ratings};
use pipeline::interactions::Interactions;
use pipeline::model::{Model, TrainSettings};
use pipeline::vocabulary::Vocabulary;

const TURNS: usize = 5;
const EPOCHS: usize = 4;

fn main() {
    // Cargo adds words of its own, all of which begin with a dash.
    let words: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let path = words.first().map_or("../data/sample/ratings.csv", |path| path);
    let mut ranks: Vec<usize> = words.iter().skip(1).filter_map(|word| word.parse().ok()).collect();
    if ranks.is_empty() {
        ranks = vec![64, 128];
    }
    let table = read_ratings(Path::new(path), Scale::default(), &ProgressBar::hidden()).expect("it is read");
    let vocabulary = Vocabulary::of(&table.ratings);
    let interactions = Interactions::of(&table.ratings, &vocabulary);
    drop(table);
    println!(
        "{} users, {} movies, {} ratings; seconds an epoch, median of {TURNS}",
        interactions.n_users(),
        interactions.n_items(),
        interactions.by_user.n_cells()
    );
    for k in ranks {
        let mut turns: Vec<f64> = (0..TURNS)
            .map(|_| (train(&interactions, k, 1 + EPOCHS) - train(&interactions, k, 1)) / EPOCHS as f64)
            .collect();
        turns.sort_by(f64::total_cmp);
        println!("k = {k:>4}: {:.3}", turns[TURNS / 2]);
    }
}

/// Seconds.
fn train(interactions: &Interactions, n_factors: usize, epochs: usize) -> f64 {
    let mut settings = TrainSettings::default();
    settings.ranking.n_factors = Some(n_factors);
    settings.ranking.epochs = epochs;
    settings.rating.n_factors = 1;
    settings.rating.epochs = 1;
    let begin = Instant::now();
    Model::train(interactions, &settings, &ProgressBar::hidden()).expect("it is trained");
    begin.elapsed().as_secs_f64()
}
