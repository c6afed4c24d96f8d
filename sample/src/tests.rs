//! Tests of whole data sets.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use indicatif::ProgressBar;

use super::*;

fn small() -> Shape {
    Shape { users: 200, movies: 500, ratings: 10_000, seed: 7, dirt: 0.0 }
}

/// Writes a shape into a directory of its own.
fn made(shape: &Shape) -> (tempfile::TempDir, Summary) {
    let dir = tempfile::tempdir().unwrap();
    let summary = write(shape, dir.path(), &ProgressBar::hidden()).unwrap();
    (dir, summary)
}

fn ratings_bytes(dir: &Path) -> Vec<u8> {
    fs::read(dir.join("ratings.csv")).unwrap()
}

/// The rows after the header, as fields.
fn ratings(dir: &Path) -> Vec<[String; 4]> {
    let text = String::from_utf8(ratings_bytes(dir)).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("userId,movieId,rating,timestamp"));
    lines.map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()).collect()
}

/// The ids in the first two fields, written as 18 or 18.0.
fn pair(row: &[impl AsRef<str>]) -> (u32, u32) {
    let id = |text: &str| text.strip_suffix(".0").unwrap_or(text).parse().unwrap();
    (id(row[0].as_ref()), id(row[1].as_ref()))
}

fn movies(dir: &Path) -> BTreeMap<u32, (String, String)> {
    let mut table = csv::Reader::from_path(dir.join("movies.csv")).unwrap();
    table.deserialize().map(|row| row.unwrap()).map(|(id, title, genres)| (id, (title, genres))).collect()
}

#[test]
fn a_data_set_has_the_requested_shape() {
    let (dir, summary) = made(&small());
    let rows = ratings(dir.path());
    assert_eq!(rows.len(), 10_000);
    let pairs: Vec<(u32, u32)> = rows.iter().map(|row| pair(row)).collect();
    assert!(pairs.is_sorted_by(|one, next| one < next), "ascending by user, then movie, no pair twice");

    let mut activity: BTreeMap<u32, u32> = BTreeMap::new();
    pairs.iter().for_each(|&(user, _)| *activity.entry(user).or_default() += 1);
    assert!(activity.keys().copied().eq(1..=200));
    assert!(activity.values().all(|count| (20..=250).contains(count)));

    let rated: BTreeSet<u32> = pairs.iter().map(|&(_, movie)| movie).collect();
    let described: BTreeSet<u32> = movies(dir.path()).into_keys().collect();
    assert_eq!(rated, described, "every movie has a rating and every rating a movie");
    assert_eq!((summary.ratings, summary.rows), (10_000, 10_000));
    assert_eq!((summary.movies_rated, summary.movies_described), (500, 500));
    assert!(summary.dirty.is_empty());
    let size = |name| fs::metadata(dir.path().join(name)).unwrap().len();
    assert_eq!(summary.bytes, size("ratings.csv") + size("movies.csv"));
}

#[test]
fn ratings_are_half_stars_with_a_mean_near_three_and_a_half() {
    let (dir, _) = made(&small());
    let mut histogram: BTreeMap<String, u32> = BTreeMap::new();
    ratings(dir.path()).into_iter().for_each(|row| *histogram.entry(row[2].clone()).or_default() += 1);
    let grid = ["0.5", "1.0", "1.5", "2.0", "2.5", "3.0", "3.5", "4.0", "4.5", "5.0"];
    assert!(histogram.keys().all(|stars| grid.contains(&stars.as_str())));
    let sum: f64 =
        histogram.iter().map(|(stars, &count)| stars.parse::<f64>().unwrap() * f64::from(count)).sum();
    assert!((3.2..3.9).contains(&(sum / 10_000.0)), "{histogram:?}");
    let whole: u32 =
        histogram.iter().filter(|(stars, _)| stars.ends_with(".0")).map(|(_, count)| count).sum();
    assert!((6_000..8_500).contains(&whole), "{histogram:?}");
}

#[test]
fn no_movie_is_rated_before_its_year() {
    let (dir, _) = made(&small());
    let movies = movies(dir.path());
    for row in ratings(dir.path()) {
        let (title, _) = &movies[&pair(&row).1];
        let year: u16 = title[title.len() - 5..title.len() - 1].parse().unwrap();
        let time: i64 = row[3].parse().unwrap();
        assert!(time >= catalogue::released(year), "{title} rated at {time}");
        assert!((823_000_000..1_580_000_000).contains(&time), "{time}");
    }
}

#[test]
fn few_movies_have_many_of_the_ratings_and_the_tail_is_long() {
    let shape = Shape { users: 3_000, movies: 6_000, ratings: 200_000, seed: 2, dirt: 0.0 };
    let (dir, _) = made(&shape);
    let mut counts: HashMap<u32, u32> = HashMap::new();
    ratings(dir.path()).iter().for_each(|row| *counts.entry(pair(row).1).or_default() += 1);
    let mut counts: Vec<u32> = counts.into_values().collect();
    counts.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(counts.len(), 6_000);
    let first_percent: u32 = counts[..60].iter().sum();
    assert!((30_000..110_000).contains(&first_percent), "{first_percent}");
    assert!(counts[0] < 2_400, "the first movie is not rated by all users: {}", counts[0]);
    assert!(counts[3_000] < 20, "the median movie has {}", counts[3_000]);
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let shape = Shape { ratings: 50_000, users: 1_000, movies: 1_000, dirt: 0.05, ..small() };
    let on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let (dir, summary) = pool.install(|| made(&shape));
        (ratings_bytes(dir.path()), fs::read(dir.path().join("movies.csv")).unwrap(), summary)
    };
    assert!(on(1) == on(3));
}

#[test]
fn another_seed_gives_another_data_set() {
    let (one, _) = made(&small());
    let (other, _) = made(&Shape { seed: 8, ..small() });
    assert_ne!(ratings_bytes(one.path()), ratings_bytes(other.path()));
    assert_ne!(movies(one.path()), movies(other.path()));
}

#[test]
fn every_user_can_rate_half_of_a_tiny_catalogue() {
    let (dir, summary) = made(&Shape { users: 50, movies: 41, ratings: 1_000, seed: 1, dirt: 0.0 });
    assert_eq!(ratings(dir.path()).len(), 1_000);
    assert_eq!(summary.movies_rated, 41);
}

/// Reads a file with faulty rows by a second implementation of the cleaning.
#[test]
fn faulty_rows_are_as_counted_and_do_not_change_the_clean_rows() {
    let shape = Shape { dirt: 0.1, ..small() };
    let (dir, summary) = made(&shape);
    assert_eq!(summary.dirty.values().sum::<u64>(), 1_000);
    assert_eq!((summary.ratings, summary.rows), (10_000, 11_000));
    assert!(summary.dirty.keys().copied().eq(Dirt::ALL), "every kind occurs among a thousand");

    let mut found: BTreeMap<Dirt, u64> = BTreeMap::new();
    let mut clean: Vec<Vec<String>> = Vec::new();
    let bytes = ratings_bytes(dir.path());
    for line in bytes.split(|&byte| byte == b'\n').skip(1).filter(|line| !line.is_empty()) {
        match fault(line, clean.last()) {
            Some(kind) => *found.entry(kind).or_default() += 1,
            None => clean.push(fields(line)),
        }
    }
    assert_eq!(found, summary.dirty);

    let (without, _) = made(&small());
    let expected = ratings(without.path());
    assert_eq!(clean.len(), expected.len());
    assert!(clean.iter().zip(&expected).all(|(row, same)| pair(row) == pair(same) && row[2..] == same[2..]));
    let floats = clean.iter().filter(|row| row[0].ends_with(".0") && row[1].ends_with(".0")).count();
    assert!((1_000..9_000).contains(&floats), "a long run of ids looks like 18.0: {floats}");
    assert!((1..=12).contains(&(500 - summary.movies_described)), "some rated movies are not described");
    assert_eq!(movies(dir.path()).len() as u32, summary.movies_described);
}

fn fields(line: &[u8]) -> Vec<String> {
    String::from_utf8(line.to_vec()).unwrap().split(',').map(str::to_owned).collect()
}

/// The fault of a line after the well-formed row `last`.
fn fault(line: &[u8], last: Option<&Vec<String>>) -> Option<Dirt> {
    if std::str::from_utf8(line).is_err() {
        return Some(Dirt::BadUtf8);
    }
    let fields = fields(line);
    let is_id = |text: &str| text.strip_suffix(".0").unwrap_or(text).parse::<u32>().is_ok();
    let stars = fields.get(2).and_then(|text| text.parse::<f32>().ok()).filter(|stars| !stars.is_nan());
    let off_scale = stars.is_some_and(|stars| !(0.5..=5.0).contains(&stars));
    match fields.len() {
        ..4 => return Some(Dirt::TornRow),
        5.. => return Some(Dirt::TooManyColumns),
        4 => {}
    }
    if fields[0].is_empty() && off_scale {
        Some(Dirt::MissingUserAndRatingOutOfRange)
    } else if fields[0].is_empty() {
        Some(Dirt::MissingUser)
    } else if !is_id(&fields[0]) {
        Some(Dirt::BadUser)
    } else if fields[1].is_empty() {
        Some(Dirt::MissingMovie)
    } else if !is_id(&fields[1]) {
        Some(Dirt::BadMovie)
    } else if fields[2].is_empty() {
        Some(Dirt::MissingRating)
    } else if stars.is_none() {
        Some(Dirt::BadRating)
    } else if off_scale {
        Some(Dirt::RatingOutOfRange)
    } else {
        let last = last.filter(|last| pair(last) == pair(&fields))?;
        let time = |row: &[String]| row[3].parse::<i64>().unwrap();
        Some(if time(&fields) < time(last) { Dirt::EarlierDuplicate } else { Dirt::LaterDuplicate })
    }
}

#[test]
fn a_fault_has_the_name_of_its_reason_unless_it_has_more() {
    let names: BTreeSet<&str> = Dirt::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), Dirt::ALL.len());
    assert_eq!(Dirt::TornRow.name(), "torn_row");
    assert_eq!(Dirt::MissingUserAndRatingOutOfRange.name(), "missing_user_and_rating_out_of_range");
    assert_eq!(Dirt::LaterDuplicate.reason(), None);
}

#[test]
fn impossible_shapes_are_an_error_with_the_option_to_change() {
    let refused = |shape: Shape| match write(&shape, Path::new("/nowhere"), &ProgressBar::hidden()) {
        Err(Error::Setting(refused)) => (refused.option, refused.problem),
        other => panic!("{shape:?} gave {other:?}"),
    };
    assert_eq!(refused(Shape { users: 0, ..small() }).0, "--users");
    assert_eq!(refused(Shape { movies: 39, ..small() }).0, "--movies");
    assert_eq!(refused(Shape { ratings: 0, ..small() }).0, "--ratings");
    let (name, problem) = refused(Shape { ratings: 3_999, ..small() });
    assert_eq!(name, "--ratings");
    assert!(problem.starts_with("give 4000 to 50000"), "{problem}");
    assert_eq!(refused(Shape { ratings: 50_001, ..small() }).0, "--ratings");
    let (_, problem) = refused(Shape { movies: 40, ratings: 4_001, ..small() });
    assert!(problem.starts_with("give 4000: "), "{problem}");
    assert_eq!(refused(Shape { dirt: 0.6, ..small() }).0, "--dirt");
    assert_eq!(refused(Shape { dirt: f64::NAN, ..small() }).0, "--dirt");
}

#[test]
fn a_failed_run_leaves_no_incomplete_files() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("ratings.csv")).unwrap();
    let error = write(&small(), dir.path(), &ProgressBar::hidden()).unwrap_err().to_string();
    assert!(error.contains("ratings.csv"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
