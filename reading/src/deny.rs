//! Removes the users and movies of a deny list from clean tables.
//!
//! This is done after cleaning and merging: a rejected or merged row is counted as such, and the counts add up.

use interactions::Ratings;
use rayon::prelude::*;
use store::{DenyList, UserId};

use crate::csv::number::parse_id;
use crate::csv::text::{BYTE_ORDER_MARK, unquote};
use crate::tables::{CleanRatings, Movies, Reason, Reject};

impl CleanRatings {
    /// Removes the ratings of deleted users and of hidden movies, and the text of rejected rows that may be of a
    /// deleted user. O(n); the look-ups run on all threads.
    pub fn deny(&mut self, list: &DenyList) {
        let Self { ratings, rows, rejects, .. } = self;
        let pairs = ratings.users.par_iter().zip(&ratings.movies);
        let denied: Vec<bool> =
            pairs.map(|(&user, &movie)| list.deletes(user) || list.hides(movie)).collect();
        let without_time = |(&time, &denied): (&i64, &bool)| denied && time == Ratings::NO_TIME;
        rows.without_timestamp -=
            ratings.timestamps.iter().zip(&denied).filter(|&row| without_time(row)).count() as u64;
        ratings.retain(|row| !denied[row]);
        rows.kept = ratings.len() as u64;
        rows.denied = denied.len() as u64 - rows.kept;
        for reject in rejects.iter_mut().filter(|reject| may_be_of_deleted(reject, list)) {
            reject.text.clear();
        }
    }
}

impl Movies {
    /// Removes the titles and genres of hidden movies.
    pub fn deny(&mut self, list: &DenyList) {
        for movie in list.movies() {
            self.rows.denied += u64::from(self.by_id.remove(&movie).is_some());
        }
        self.rows.kept = self.by_id.len() as u64;
    }
}

/// Whether a rejected row may be of a deleted user. In a row with missing or surplus columns any cell may be the user.
fn may_be_of_deleted(reject: &Reject, list: &DenyList) -> bool {
    let out_of_place = |reason: &Reason| matches!(reason, Reason::TornRow | Reason::TooManyColumns);
    if !reject.reasons.iter().any(out_of_place) {
        return reject.user.is_some_and(|user| list.deletes(user));
    }
    let text = reject.text.as_bytes();
    let row = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let user = |cell| parse_id(unquote(cell), Reason::MissingUser, Reason::BadUser).map(UserId::new);
    row.split(|&byte| byte == b',').any(|cell| user(cell).is_ok_and(|user| list.deletes(user)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use indicatif::ProgressBar;
    use interactions::Scale;
    use store::MovieId;

    use super::*;
    use crate::{InputFile, read_movies, read_ratings};

    fn list(text: &str) -> DenyList {
        DenyList::parse(Path::new("deny.txt"), text.as_bytes()).unwrap()
    }

    fn denied(rows: &str, deny: &str) -> CleanRatings {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ratings.csv");
        fs::write(&path, format!("userId,movieId,rating,timestamp\n{rows}")).unwrap();
        let mut clean =
            read_ratings(&InputFile::open(&path).unwrap(), Scale::default(), &ProgressBar::hidden()).unwrap();
        clean.deny(&list(deny));
        clean
    }

    #[test]
    fn ratings_of_deleted_users_and_hidden_movies_are_removed_and_counted() {
        let clean = denied(
            "1,5,3,0\n1,6,4,\n2,5,3,0\n2,5,4,9\n2,7,1,\n3,5,2,0\n3,6,2.5,7\n,5,3,0\n2,5,9,0\n",
            "user 2\nmovie 6\nuser 99\nmovie 99",
        );
        let left = &clean.ratings;
        assert_eq!(
            (&left.users, &left.movies),
            (&vec![UserId::new(1), UserId::new(3)], &vec![MovieId::new(5); 2])
        );
        assert_eq!((&left.stars, &left.timestamps), (&vec![3.0, 2.0], &vec![0, 0]));
        let rows = &clean.rows;
        assert_eq!((rows.read, rows.kept, rows.merged, rows.rejected, rows.denied), (9, 2, 1, 2, 4));
        assert_eq!(rows.without_timestamp, 0);
    }

    #[test]
    fn a_list_of_absent_ids_changes_nothing() {
        let rows = "1,5,3,0\n1,6,4,\n,5,3,0\n";
        let (as_it_is, clean) = (denied(rows, ""), denied(rows, "user 5\nmovie 1\n"));
        assert_eq!((as_it_is.ratings, as_it_is.rows), (clean.ratings, clean.rows));
        assert_eq!(as_it_is.rejects, clean.rejects);
    }

    #[test]
    fn rejected_rows_of_a_deleted_user_keep_only_their_line_and_reasons() {
        let rows = "1,5,3,0\n2,5,9,0\n2.0,x,,0\n2,5\n\"2\",5,3,0,7\n9,5,3,0,2,5,3,0\n3,2,9,0\n,2,3,0\n3,5\n";
        let clean = denied(rows, "user 2");
        let texts: Vec<_> = clean.rejects.iter().map(|reject| (reject.line, reject.text.as_str())).collect();
        let blank = [(3, ""), (4, ""), (5, ""), (6, ""), (7, "")];
        assert_eq!(texts, [&blank[..], &[(8, "3,2,9,0"), (9, ",2,3,0"), (10, "3,5")]].concat());
        assert_eq!(clean.rejects[0].reasons, [Reason::RatingOutOfRange]);
        assert_eq!((clean.rows.rejected, clean.rows.denied), (8, 0));
    }

    #[test]
    fn hidden_movies_have_no_title() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("movies.csv");
        fs::write(&path, "movieId,title,genres\n1,One,Drama\n2,Two,\n2,Again,\n3,,\n").unwrap();
        let mut movies = read_movies(&InputFile::open(&path).unwrap()).unwrap();
        movies.deny(&list("movie 2\nmovie 3\nuser 1"));
        assert_eq!(movies.by_id.keys().collect::<Vec<_>>(), [&MovieId::new(1)]);
        let rows = &movies.rows;
        assert_eq!((rows.read, rows.kept, rows.rejected, rows.denied), (4, 1, 2, 1));
    }
}
