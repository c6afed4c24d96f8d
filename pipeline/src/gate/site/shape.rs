//! Figures of an input alone, which a first run is judged by too.

use std::collections::HashSet;

use interactions::Csr;
use rayon::prelude::*;
use reading::Input;
use store::records::Movie;

use super::super::share::Share;

/// The least number of ratings of a history that is looked for twice. Shorter ones are alike by chance.
const LONG: usize = 5;
/// The least number of users for a statement about the longest history.
const ENOUGH_USERS: usize = 100;

/// Figures of an input alone.
#[derive(Debug, Clone, Default)]
pub(in crate::gate) struct Shape {
    /// Movies with metadata, and those of them whose title is that of another or has neither letter nor digit.
    pub(in crate::gate) titles: Share,
    /// Users with at least five ratings, and those of them whose ratings are exactly those of another such user.
    pub(in crate::gate) doubled: Share,
    /// Users, and those of them with one rating.
    pub(in crate::gate) single: Share,
    /// The rated movies, and those of them that the user with the longest history has rated.
    pub(in crate::gate) longest: Share,
    /// The number of ratings of the user with the second longest history.
    pub(in crate::gate) second_longest: u64,
    /// The length of history that one user in a hundred exceeds; `None` with too few users.
    pub(in crate::gate) usual_longest: Option<u64>,
}

impl Shape {
    pub(super) fn of(input: &Input) -> Self {
        let by_user = &input.interactions.by_user;
        let mut lengths: Vec<usize> = (0..by_user.n_rows()).map(|row| by_user.columns(row).len()).collect();
        let n_single = lengths.iter().filter(|&&length| length == 1).count();
        let n_users = lengths.len();
        let (longest, second_longest) = lengths.iter().fold((0, 0), |(first, second), &length| {
            if length > first { (length, first) } else { (first, second.max(length)) }
        });
        let usual_longest = (n_users >= ENOUGH_USERS)
            .then(|| *lengths.select_nth_unstable(n_users - 1 - n_users / ENOUGH_USERS).1 as u64);
        Self {
            titles: unusable_titles(input.movies.by_id.values()),
            doubled: doubled(by_user),
            single: Share::new(n_single, n_users),
            longest: Share::new(longest, input.interactions.n_items()),
            second_longest: second_longest as u64,
            usual_longest,
        }
    }
}

fn unusable_titles<'a>(movies: impl ExactSizeIterator<Item = &'a Movie>) -> Share {
    let n = movies.len();
    let says_something = |title: &&str| title.chars().any(char::is_alphanumeric);
    let usable: HashSet<&str> = movies.map(|movie| movie.title.trim()).filter(says_something).collect();
    Share::new(n - usable.len(), n)
}

/// Counts the users whose movies and stars are exactly those of another user, the first of each such group left out.
fn doubled(by_user: &Csr) -> Share {
    let is_long = |&row: &usize| by_user.columns(row).len() >= LONG;
    let rows = (0..by_user.n_rows()).into_par_iter();
    let mut hashes: Vec<u64> = rows.filter(is_long).map(|row| hash(by_user.row(row))).collect();
    let n = hashes.len();
    hashes.par_sort_unstable();
    hashes.dedup();
    Share::new(n - hashes.len(), n)
}

/// A hash of a history. The items are numbered as in this run, so the hash is not stored.
fn hash((items, stars): (&[u32], &[f32])) -> u64 {
    items.iter().zip(stars).fold(items.len() as u64, |hash, (&item, stars)| {
        let rating = u64::from(item) << 32 | u64::from(stars.to_bits());
        (hash.rotate_left(5) ^ rating).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_that_is_repeated_or_says_nothing_is_unusable() {
        let of = |titles: &[&str]| {
            let movies: Vec<_> =
                titles.iter().map(|&title| Movie { title: title.to_owned(), genres: Vec::new() }).collect();
            unusable_titles(movies.iter())
        };
        assert_eq!(of(&["Heat", "Alien", "千と千尋"]), Share::new(0, 3));
        assert_eq!(of(&["TEST", "TEST", "TEST"]), Share::new(2, 3));
        assert_eq!(of(&["???", "-", "Heat", "Heat "]), Share::new(3, 4));
        assert_eq!(of(&[]), Share::new(0, 0));
    }

    #[test]
    fn a_history_is_doubled_if_another_user_has_the_same_ratings_and_it_is_long() {
        let histories: [(&[u32], f32); 6] = [
            (&[0, 1, 2, 3, 4], 4.0),
            (&[0, 1, 2, 3, 5], 4.0),
            (&[0, 1, 2, 3, 4], 4.0),
            (&[0, 1, 2, 3, 4], 5.0),
            (&[7], 4.0),
            (&[7], 4.0),
        ];
        let cells = histories
            .iter()
            .zip(0u32..)
            .flat_map(|(&(items, stars), row)| items.iter().map(move |_| (row, stars)));
        let (rows, stars): (Vec<_>, Vec<_>) = cells.unzip();
        let items = histories.map(|history| history.0).concat();
        assert_eq!(doubled(&Csr::from_sorted(6, rows, items, stars)), Share::new(1, 4));
    }
}
