//! The movies: ids, years, genres, popularity, factors and biases.
//!
//! About half of the factors of a movie comes from its genres and the rest is its own. The bias rises with the
//! popularity. Ids ascend with the time at which a movie enters the catalogue, so early ids are older and more popular.
//! No rating depends on the [`titles`](super::titles).

use std::ops::Range;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::weighted::WeightedAliasIndex;
use rand_distr::{Exp1, StandardNormal};

use super::{Shape, Stream, popularity, rng};
use crate::error::{Error, Result};

/// Dimensions of taste.
pub(super) const N_FACTORS: usize = 10;

/// The years in which movies enter the catalogue.
pub(super) const YEARS: Range<u16> = 1996..2020;

/// The genres of MovieLens with their frequencies.
const GENRES: [(&str, f32); 19] = [
    ("Action", 0.12),
    ("Adventure", 0.07),
    ("Animation", 0.05),
    ("Children", 0.05),
    ("Comedy", 0.28),
    ("Crime", 0.09),
    ("Documentary", 0.09),
    ("Drama", 0.42),
    ("Fantasy", 0.05),
    ("Film-Noir", 0.01),
    ("Horror", 0.10),
    ("IMAX", 0.01),
    ("Musical", 0.02),
    ("Mystery", 0.05),
    ("Romance", 0.13),
    ("Sci-Fi", 0.06),
    ("Thriller", 0.14),
    ("War", 0.03),
    ("Western", 0.02),
];

/// The share of movies without genres.
const WITHOUT_GENRES: f64 = 0.02;

/// The standard deviation of the item biases, in stars, and their correlation with popularity.
const BIAS: f32 = 0.45;
const BIAS_BY_POPULARITY: f32 = 0.35;

/// The share of the variance of the factors of a movie that its genres explain.
const EXPLAINED_BY_GENRES: f32 = 0.55;

/// A movie. The fields that the draw of a user reads fit one cache line.
#[derive(Debug, Clone)]
pub(super) struct Movie {
    /// The item factors, scaled so that the product with those of a standard normal user has a variance of about 1.
    pub(super) factors: [f32; N_FACTORS],
    /// The item bias in stars.
    pub(super) bias: f32,
    /// The earliest time of a rating, in seconds since 1970; 0 for a release before MovieLens opened.
    pub(super) released: i64,
    /// The id in the files.
    pub(super) id: u32,
    /// The year of release.
    pub(super) year: u16,
    /// Indices into the genres, ascending.
    genres: Vec<u8>,
}

impl Movie {
    /// The genres as in `movies.csv`: `Comedy|Drama`.
    pub(super) fn genres(&self) -> String {
        if self.genres.is_empty() {
            return "(no genres listed)".to_owned();
        }
        let names: Vec<&str> = self.genres.iter().map(|&genre| GENRES[usize::from(genre)].0).collect();
        names.join("|")
    }
}

/// All movies, by ascending id, with their popularity.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) movies: Vec<Movie>,
    /// The probability of each movie, in the order of `movies`; the sum is 1.
    pub(super) popularity: Vec<f64>,
    /// Draws the index of a movie by popularity in constant time.
    pub(super) by_popularity: WeightedAliasIndex<f64>,
    /// The release times, ascending.
    releases: Vec<i64>,
}

impl Catalogue {
    /// Draws the movies of a shape. O(movies).
    ///
    /// # Errors
    /// [`Error::Internal`] if the popularity is not a distribution, which is a fault of the program.
    pub(super) fn draw(shape: &Shape) -> Result<Self> {
        let mut rng = rng(shape.seed, Stream::Catalogue);
        let genre_factors: Vec<[f32; N_FACTORS]> = GENRES.iter().map(|_| normals(&mut rng)).collect();
        let ranks = ranks(shape.movies, &mut rng);
        let weights = popularity::weights(shape.movies, shape.ratings as f64 / f64::from(shape.users));
        let popularity: Vec<f64> = ranks.iter().map(|&rank| weights[rank as usize]).collect();
        let by_popularity = WeightedAliasIndex::new(popularity.clone())
            .map_err(|error| Error::Internal { what: "sample popularity", detail: error.to_string() })?;
        let movies: Vec<Movie> = (0..shape.movies)
            .zip(&ranks)
            .map(|(index, &rank)| movie(index, rank, shape.movies, &genre_factors, &mut rng))
            .collect();
        let mut releases: Vec<i64> = movies.iter().map(|movie| movie.released).collect();
        releases.sort_unstable();
        Ok(Self { movies, popularity, by_popularity, releases })
    }

    /// The number of movies released by a time.
    pub(super) fn n_released(&self, time: i64) -> usize {
        self.releases.partition_point(|&released| released <= time)
    }
}

fn movie(
    index: u32,
    rank: u32,
    n_movies: u32,
    genre_factors: &[[f32; N_FACTORS]],
    rng: &mut ChaCha8Rng,
) -> Movie {
    let position = f64::from(index) / f64::from(n_movies);
    let year = year(position, rng);
    let genres = genres(rng);
    // Uniform ranks have a standard deviation of 1 / sqrt(12) of their number.
    let fame = (0.5 - rank as f32 / n_movies as f32) * 12f32.sqrt();
    let own: f32 = rng.sample(StandardNormal);
    let bias = BIAS * (BIAS_BY_POPULARITY * fame + (1.0 - BIAS_BY_POPULARITY.powi(2)).sqrt() * own);
    let factors = factors(&genres, genre_factors, rng);
    Movie { factors, bias, released: released(year), id: id(index, n_movies), year, genres }
}

/// Ids as in ML-25M: nearly dense at first, every sixth at last.
fn id(index: u32, n_movies: u32) -> u32 {
    let index = u64::from(index);
    let gaps = 5 * index * index / (2 * u64::from(n_movies));
    // At most 3.5 times the number of movies, which `Shape::check` keeps within 32 bits.
    (1 + index + gaps) as u32
}

/// The popularity rank of each movie: a random order in which early ids tend to the front.
fn ranks(n_movies: u32, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut order: Vec<(f64, u32)> = (0..n_movies)
        .map(|index| (0.7 * f64::from(index) / f64::from(n_movies) + rng.random::<f64>(), index))
        .collect();
    order.sort_unstable_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let mut ranks = vec![0; order.len()];
    for (rank, (_, index)) in (0..).zip(order) {
        ranks[index as usize] = rank;
    }
    ranks
}

/// The year of release: that in which the movie enters the catalogue, or some years earlier.
fn year(position: f64, rng: &mut ChaCha8Rng) -> u16 {
    let entered = f64::from(YEARS.start) + position * YEARS.len() as f64;
    let age = 9.0 * rng.sample::<f64, _>(Exp1);
    (entered - age).max(1915.0) as u16
}

/// One to four genres, or none listed.
fn genres(rng: &mut ChaCha8Rng) -> Vec<u8> {
    if rng.random_bool(WITHOUT_GENRES) {
        return Vec::new();
    }
    let n_genres = match rng.random::<f32>() {
        0.0..0.38 => 1,
        0.38..0.74 => 2,
        0.74..0.93 => 3,
        _ => 4,
    };
    let all: Vec<u8> = (0..).take(GENRES.len()).collect();
    let weight = |&genre: &u8| GENRES[usize::from(genre)].1;
    // The weights are positive constants, so the draw cannot fail.
    let mut genres: Vec<u8> = all
        .sample_weighted(rng, n_genres, weight)
        .map(|chosen| chosen.copied().collect())
        .unwrap_or_default();
    genres.sort_unstable();
    genres
}

/// `q[k] = scale[k] * (sqrt(T) * sum of the factors of g genres / sqrt(g) + sqrt(1 - T) * own)`, with
/// scales that fall by a factor of 5 from the first dimension to the last and whose squares sum to 1.
fn factors(genres: &[u8], genre_factors: &[[f32; N_FACTORS]], rng: &mut ChaCha8Rng) -> [f32; N_FACTORS] {
    let own: [f32; N_FACTORS] = normals(rng);
    let scales: [f32; N_FACTORS] = std::array::from_fn(|k| 5f32.powf(-(k as f32) / (N_FACTORS - 1) as f32));
    let norm = scales.iter().map(|scale| scale * scale).sum::<f32>().sqrt();
    let share = (genres.len().max(1) as f32).sqrt();
    std::array::from_fn(|k| {
        let of_genres = genres.iter().map(|&genre| genre_factors[usize::from(genre)][k]).sum::<f32>() / share;
        (EXPLAINED_BY_GENRES.sqrt() * of_genres + (1.0 - EXPLAINED_BY_GENRES).sqrt() * own[k]) * scales[k]
            / norm
    })
}

pub(super) fn normals(rng: &mut ChaCha8Rng) -> [f32; N_FACTORS] {
    std::array::from_fn(|_| rng.sample(StandardNormal))
}

/// The first second of a year from 1996 on, since 1970; 0 for an earlier year.
pub(super) fn released(year: u16) -> i64 {
    if year < YEARS.start {
        return 0;
    }
    let year = i64::from(year);
    let leap_days = (year - 1969) / 4 - (year - 1901) / 100 + (year - 1601) / 400;
    ((year - 1970) * 365 + leap_days) * 86_400
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        Catalogue::draw(&Shape { users: 600, movies: 2_000, ratings: 40_000, seed: 1, dirt: 0.0 }).unwrap()
    }

    #[test]
    fn ids_ascend_in_growing_gaps() {
        let movies = catalogue().movies;
        assert!(movies.is_sorted_by(|one, next| one.id < next.id));
        assert_eq!(movies[0].id, 1);
        assert_eq!(movies[1].id, 2);
        assert!(movies[1_999].id - movies[1_998].id >= 5);
    }

    #[test]
    fn every_movie_has_one_to_four_genres_or_none_listed() {
        let movies = catalogue().movies;
        assert!(movies.iter().all(|movie| movie.genres.len() <= 4));
        assert!(movies.iter().all(|movie| movie.genres.is_sorted_by(|one, next| one < next)));
        let unlisted = movies.iter().filter(|movie| movie.genres() == "(no genres listed)").count();
        assert!((10..100).contains(&unlisted), "{unlisted}");
    }

    #[test]
    fn years_begin_as_in_the_calendar() {
        assert_eq!(released(1996), 820_454_400);
        assert_eq!(released(2001), 978_307_200);
        assert_eq!(released(2019), 1_546_300_800);
        assert_eq!(released(1995), 0);
    }

    #[test]
    fn affinity_has_about_unit_variance() {
        let movies = catalogue().movies;
        let squares: f32 = movies.iter().flat_map(|movie| movie.factors).map(|factor| factor * factor).sum();
        let variance = squares / movies.len() as f32;
        assert!((0.4..2.0).contains(&variance), "{variance}");
    }
}
