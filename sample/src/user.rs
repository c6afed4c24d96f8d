//! One user: factors, sessions, the movies that the user rates, and the stars.
//!
//! A movie is chosen with a weight of `popularity * sigmoid(C * affinity)`, without replacement, where the
//! affinity is the product of user and item factors; the stars then follow
//! `base + user_bias + item_bias + T * affinity + noise`.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Exp1, StandardNormal};

use super::catalogue::{Catalogue, Movie, N_FACTORS, normals};
use super::row::Row;

/// The earliest and the latest start of a session, in seconds since 1970: February 1996, November 2019.
const OPENED: i64 = 823_000_000;
const CLOSED: i64 = 1_574_200_000;

const DAY: f64 = 86_400.0;

/// The influence C of the affinity on the choice of movies.
const CHOICE: f32 = 3.0;

/// The stars at biases and affinity of 0. The value is below the mean of MovieLens, 3.53, since users choose movies of
/// high affinity and popularity, which have more stars than the average movie.
const BASE: f32 = 2.93;

/// Standard deviations in stars: of user biases, of the effect of the affinity, and of the noise.
const USER_BIAS: f32 = 0.42;
const TASTE: f32 = 0.65;
const NOISE: f32 = 0.72;

/// The share of users who never give half stars.
const WHOLE_STARS_ONLY: f64 = 0.41;

/// A user.
#[derive(Debug)]
pub(super) struct User {
    factors: [f32; N_FACTORS],
    bias: f32,
    whole_stars_only: bool,
    /// The start times of sessions, ascending, never empty.
    sessions: Vec<i64>,
}

impl User {
    /// Draws a user with `n_ratings` ratings, among them those of `discoveries`.
    pub(super) fn draw(
        n_ratings: u32,
        discoveries: &[u32],
        catalogue: &Catalogue,
        rng: &mut ChaCha8Rng,
    ) -> Self {
        let factors = normals(rng);
        let bias = USER_BIAS * rng.sample::<f32, _>(StandardNormal);
        let whole_stars_only = rng.random_bool(WHOLE_STARS_ONLY);
        let newest = discoveries.iter().map(|&movie| catalogue.movies[movie as usize].released).max();
        let sessions = sessions(n_ratings, newest.unwrap_or(0), catalogue, rng);
        Self { factors, bias, whole_stars_only, sessions }
    }

    fn affinity(&self, movie: &Movie) -> f32 {
        self.factors.iter().zip(&movie.factors).map(|(user, item)| user * item).sum()
    }

    /// The probability that the user rates a drawn movie; 0 for a movie that is released after the last session.
    fn interest(&self, movie: &Movie) -> f32 {
        if self.sessions.last().is_none_or(|&last| movie.released > last) {
            return 0.0;
        }
        1.0 / (1.0 + (-CHOICE * self.affinity(movie)).exp())
    }

    /// Draws the rating of a movie.
    pub(super) fn rate(&self, user: u32, n_ratings: u32, movie: &Movie, rng: &mut ChaCha8Rng) -> Row {
        let stars = BASE
            + self.bias
            + movie.bias
            + TASTE * self.affinity(movie)
            + NOISE * rng.sample::<f32, _>(StandardNormal);
        let step = if self.whole_stars_only { 2 } else { 1 };
        let half_stars = (stars * 2.0 / step as f32).round() as i32 * step;
        let since = self.sessions.partition_point(|&session| session < movie.released);
        let session = rng.random_range(since.min(self.sessions.len() - 1)..self.sessions.len());
        let pause = rng.random_range(0..12 * i64::from(n_ratings) / self.sessions.len() as i64 + 60);
        Row {
            user: user + 1,
            movie: movie.id,
            half_stars: half_stars.clamp(step, 10) as u8,
            timestamp: self.sessions[session] + pause,
        }
    }
}

/// Draws the start times of the sessions of a user: mostly one, sometimes more after months, and many for a user with
/// many ratings. The last session is after the release of enough movies and of the newest assigned one.
fn sessions(n_ratings: u32, newest: i64, catalogue: &Catalogue, rng: &mut ChaCha8Rng) -> Vec<i64> {
    let mut session = rng.random_range(OPENED..CLOSED);
    let mut sessions = vec![session];
    let mut more = n_ratings / 300;
    while more > 0 || rng.random_bool(0.4) {
        session += (150.0 * DAY * rng.sample::<f64, _>(Exp1)) as i64;
        if session >= CLOSED {
            break;
        }
        sessions.push(session);
        more = more.saturating_sub(1);
    }
    if session < newest {
        session = newest + (200.0 * DAY * rng.random::<f64>()) as i64;
        sessions.push(session.min(CLOSED));
    }
    if catalogue.n_released(session) < 3 * n_ratings as usize {
        sessions.push(CLOSED);
    }
    sessions
}

/// Draws the movies of users. The users of a block share the buffers.
#[derive(Debug)]
pub(super) struct MovieSampler {
    seen: Vec<bool>,
    keys: Vec<(f32, u32)>,
    /// The movies of the last user, as ascending indices.
    chosen: Vec<u32>,
}

impl MovieSampler {
    pub(super) fn new(n_movies: u32) -> Self {
        Self { seen: vec![false; n_movies as usize], keys: Vec::new(), chosen: Vec::new() }
    }

    /// Chooses the movies that a user rates: the assigned ones, then by popularity and interest without replacement.
    /// Returns ascending indices.
    ///
    /// Movies are drawn and rejected while that is cheap. A user who has rated most of the popular movies would reject
    /// nearly all, so after as many tries as there are movies the rest is chosen in one pass over the catalogue. Both
    /// have the same distribution. O(movies).
    pub(super) fn choose(
        &mut self,
        user: &User,
        n_ratings: u32,
        discoveries: &[u32],
        catalogue: &Catalogue,
        rng: &mut ChaCha8Rng,
    ) -> &[u32] {
        let n_ratings = n_ratings as usize;
        self.chosen.clear();
        self.chosen.extend_from_slice(discoveries);
        self.chosen.iter().for_each(|&movie| self.seen[movie as usize] = true);
        let mut tries = 0;
        while self.chosen.len() < n_ratings && tries < catalogue.movies.len() {
            tries += 1;
            let movie = rng.sample(&catalogue.by_popularity);
            if !self.seen[movie] && rng.random::<f32>() < user.interest(&catalogue.movies[movie]) {
                self.seen[movie] = true;
                self.chosen.push(movie as u32);
            }
        }
        self.choose_rest(user, n_ratings, catalogue, rng);
        self.chosen.iter().for_each(|&movie| self.seen[movie as usize] = false);
        self.chosen.sort_unstable();
        &self.chosen
    }

    /// Chooses by weight without replacement by exponential keys (Efraimidis and Spirakis, 2006): the movies with the
    /// smallest `Exp(1) / weight` have the distribution of successive draws.
    fn choose_rest(&mut self, user: &User, n_ratings: usize, catalogue: &Catalogue, rng: &mut ChaCha8Rng) {
        let missing = n_ratings - self.chosen.len();
        if missing == 0 {
            return;
        }
        self.keys.clear();
        for (index, (movie, share)) in (0u32..).zip(catalogue.movies.iter().zip(&catalogue.popularity)) {
            let interest = user.interest(movie);
            if interest > 0.0 && !self.seen[index as usize] {
                self.keys.push((rng.sample::<f32, _>(Exp1) / (interest * *share as f32), index));
            }
        }
        if missing < self.keys.len() {
            self.keys.select_nth_unstable_by(missing, |one, other| {
                one.0.total_cmp(&other.0).then(one.1.cmp(&other.1))
            });
        }
        self.chosen.extend(self.keys.iter().take(missing).map(|key| key.1));
    }
}
