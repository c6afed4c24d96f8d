//! The generation that benchmarks serve: random records, with the record sizes of a real one, for any number of users.

use std::path::Path;

use harness::user_terms;
use rand::RngExt;
use store::draft::DraftGeneration;
use store::manifest::{Account, Counts};
use store::records::{Factors, History, Movie, Similar, TopN};
use store::{GenerationId, MovieId, UserId};

/// The default number of movies.
pub(crate) const N_MOVIES: u32 = 10_000;
const DEPTH: u32 = 100;
const N_RATED: usize = 100;
const N_SIMILAR: usize = 50;
const N_FACTORS: usize = 64;

/// The arguments of the benchmark. Cargo adds options of its own, which begin with a dash.
pub(crate) fn arguments() -> Vec<String> {
    std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect()
}

/// The argument at a position as a number.
pub(crate) fn number(arguments: &[String], place: usize, usual: u32) -> u32 {
    arguments.get(place).map_or(usual, |word| word.parse().unwrap())
}

/// Writes and seals such a generation.
pub(crate) fn write_generation(output: &Path, n_users: u32, n_movies: u32) -> GenerationId {
    let mut rng = rand::rng();
    let mut movies = |n: usize| -> Vec<_> {
        let mut ids: Vec<_> = (0..n).map(|_| rng.random_range(0..n_movies)).map(MovieId::new).collect();
        ids.sort_unstable();
        ids
    };
    let list = |movies: Vec<MovieId>| TopN {
        scores: (0..movies.len()).map(|rank| 1.0 / (1 + rank) as f32).collect(),
        stars: vec![4.0; movies.len()],
        movies,
    };
    let factors = || Factors(rand::rng().random_iter().take(N_FACTORS).collect());
    let users = || (0..n_users).map(UserId::new);

    let mut writer = DraftGeneration::create(output).unwrap();
    writer.top_n.announce(users()).unwrap();
    writer.histories.announce(users()).unwrap();
    writer.user_factors.announce(users()).unwrap();
    for user in users() {
        writer.top_n.put(user, &list(movies(DEPTH as usize))).unwrap();
        writer.histories.put(user, &History { movies: movies(N_RATED), stars: vec![4.0; N_RATED] }).unwrap();
        writer.user_factors.put(user, &factors()).unwrap();
    }
    for id in (0..n_movies).map(MovieId::new) {
        let movie = Movie {
            title: format!("The Return of Movie {id} (1994)"),
            genres: ["Adventure", "Drama"].map(str::to_owned).to_vec(),
        };
        writer.movies.put(id, &movie).unwrap();
        writer.item_factors.put(id, &factors()).unwrap();
        let similar = Similar { movies: movies(N_SIMILAR), cosines: vec![0.5; N_SIMILAR] };
        writer.similar.put(id, &similar).unwrap();
    }
    writer.put_fallback(&list(movies(DEPTH as usize))).unwrap();
    let gram = (1..=N_FACTORS).map(|axis| 2000.0 / axis as f32).collect();
    writer.put_user_terms(&user_terms(N_MOVIES as f32, gram)).unwrap();
    let counts = Counts { depth: DEPTH.into(), ..Counts::default() };
    writer.finish().unwrap().seal(Account { counts, ..Account::default() }).unwrap().generation
}
