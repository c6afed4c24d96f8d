//! Tables written to a file and read back, in blocks of various sizes.

use std::fs;
use std::path::Path;

use interactions::Rating;
use proptest::prelude::*;
use store::{MovieId, UserId};

use super::*;
use crate::csv::line::{Line, parse_line};
use crate::csv::text::excerpt;
use crate::tables::Reason;

const HEADER_LINE: &str = "userId,movieId,rating,timestamp\n";

fn read_by(content: &[u8], block: u64) -> Result<CleanRatings> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ratings.csv");
    fs::write(&path, content).unwrap();
    read_in_blocks(&InputFile::open(&path)?, Scale::default(), &ProgressBar::hidden(), block)
}

fn read(content: impl AsRef<[u8]>) -> Result<CleanRatings> {
    read_by(content.as_ref(), BLOCK)
}

fn table(rows: &[(u32, u32, f32, i64)]) -> Ratings {
    let mut ratings = Ratings::default();
    for &(user, movie, stars, timestamp) in rows {
        ratings.push(Rating { user: UserId::new(user), movie: MovieId::new(movie), stars, timestamp });
    }
    ratings
}

fn assert_adds_up(table: &CleanRatings) {
    let rows = &table.rows;
    assert_eq!(rows.read, rows.kept + rows.merged + rows.rejected);
    assert_eq!(rows.kept, table.ratings.len() as u64);
    assert_eq!(rows.rejected, table.rejects.len() as u64);
    assert_eq!(rows.rejected, rows.rejected_by_reason.values().sum::<u64>());
    let reasons: usize = table.rejects.iter().map(|reject| reject.reasons.len()).sum();
    assert_eq!(reasons as u64, rows.rejected + rows.also.values().sum::<u64>());
}

#[test]
fn a_clean_table_is_read_unchanged() {
    let found = read("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,3,0.5,0\n2,1,5,-7").unwrap();
    assert_eq!(found.ratings, table(&[(1, 1, 4.0, 964_982_703), (1, 3, 0.5, 0), (2, 1, 5.0, -7)]));
    assert_eq!(found.rows, Rows { read: 3, kept: 3, ..Rows::default() });
    assert!(found.rejects.is_empty());
}

#[test]
fn byte_order_mark_crlf_quotes_extra_columns_and_decimals_change_nothing() {
    let plain = read("userId,movieId,rating,timestamp\n1,3,4.5,50\n18,3,4.0,60\n").unwrap();
    for other in [
        "\u{feff}userId,movieId,rating,timestamp\r\n1,3,4.5,50\r\n18,3,4.0,60",
        "userId,movieId,rating,timestamp\n\n1.0,3.0,4.5,50.0\n\n18,3,4,60\n\n",
        "userId,movieId,rating,timestamp\n18.0,3.0,4.0,60.0\n1,3,4.5,50\n",
        "timestamp,note, rating ,\"movieId\",userId,note\n50,a,4.5,3,1,\n60,b,4,3,18,é\n",
        "\"userId\",\"movieId\",\"rating\",\"timestamp\"\n\"18\",\"3\",\"4\",\"60\"\n \"1\" , 3 ,4.5,\t50\n",
    ] {
        let found = read(other).unwrap();
        assert_eq!((&found.ratings, &found.rows), (&plain.ratings, &plain.rows), "{other:?}");
    }
}

#[test]
fn every_rejected_row_has_its_reasons_and_line() {
    use Reason::*;
    let mut content = b"userId,movieId,rating,timestamp\r\n1,1,3,0\r\n\r\n1,1\r\n1,2,3,4,5\n".to_vec();
    content.extend(b",1.0,-6.0,9\n1\xff,1,3,0\n1,x,,\n-1,,inf,\n 2 ,1.5,6,0\n3,4,5,never");
    let found = read(&content).unwrap();
    assert_eq!(found.ratings, table(&[(1, 1, 3.0, 0), (3, 4, 5.0, Ratings::NO_TIME)]));
    let rejects: Vec<_> = found.rejects.iter().map(|reject| (reject.line, reject.reasons.clone())).collect();
    assert_eq!(
        rejects,
        [
            (4, vec![TornRow]),
            (5, vec![TooManyColumns]),
            (6, vec![MissingUser, RatingOutOfRange]),
            (7, vec![BadUtf8, BadUser]),
            (8, vec![BadMovie, MissingRating]),
            (9, vec![BadUser, MissingMovie, BadRating]),
            (10, vec![BadMovie, RatingOutOfRange]),
        ]
    );
    assert_eq!(found.rejects[2].text, ",1.0,-6.0,9");
    assert_eq!(found.rows.without_timestamp, 1);
    assert_eq!(found.rows.rejected_by_reason["missing_user"], 1);
    assert_eq!(found.rows.also["rating_out_of_range"], 2);
    assert_adds_up(&found);
}

#[test]
fn a_row_with_a_surplus_column_among_sound_rows_is_rejected() {
    let found = read("userId,movieId,rating,timestamp\n1,2,3,4\n1,3,3,4,5\n1,4,3,4\n").unwrap();
    assert_eq!(found.ratings, table(&[(1, 2, 3.0, 4), (1, 4, 3.0, 4)]));
    assert_eq!(found.rejects[0].reasons, [Reason::TooManyColumns]);
}

#[test]
fn a_missing_and_a_surplus_column_in_two_rows_do_not_cancel_out() {
    let found = read("userId,movieId,rating,timestamp,tag\n1,2,3,4\n1,3,3,4,a,b\n1,4,3,4,a\n").unwrap();
    assert_eq!(found.ratings, table(&[(1, 4, 3.0, 4)]));
    let found = read("userId,movieId,rating,timestamp\n1,2,3\n1,3,3,4,5\n1,4,3,4\n").unwrap();
    assert_eq!(found.ratings, table(&[(1, 4, 3.0, 4)]));
}

#[test]
fn a_long_rejected_row_is_cut_at_a_character() {
    let found = read(format!("{HEADER_LINE}1,2,3,4\n{}\n", "é".repeat(5000))).unwrap();
    assert_eq!(found.rejects[0].text, "é".repeat(200));
}

#[test]
fn a_block_that_polars_takes_for_compressed_data_is_read() {
    let content = [HEADER_LINE.as_bytes(), b"\x1f\x8b\x08\x00,1,1,1\n1,2,3,4\n"].concat();
    let found = read(&content).unwrap();
    assert_eq!(found.ratings, table(&[(1, 2, 3.0, 4)]));
    assert_adds_up(&found);
}

#[test]
fn a_missing_empty_or_different_table_is_an_error() {
    let missing = InputFile::open(Path::new("/nowhere/ratings.csv"));
    let message = missing.unwrap_err().to_string();
    assert!(message.starts_with("cannot open /nowhere/ratings.csv: "), "{message}");
    for content in ["", HEADER_LINE, "userId,movieId,rating,timestamp\n\n\r\n"] {
        assert!(matches!(read(content), Err(Error::EmptyTable { .. })), "{content:?}");
    }
    let other = read("userId,movieId,tag\n1,2,x\n");
    assert!(matches!(other, Err(Error::MissingColumn { column: "rating", .. })), "{other:?}");
}

#[test]
fn the_bar_ends_at_the_length_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ratings.csv");
    fs::write(&path, format!("{HEADER_LINE}1,2,3,4\n1,3,3,4\n")).unwrap();
    let bar = ProgressBar::hidden();
    read_in_blocks(&InputFile::open(&path).unwrap(), Scale::default(), &bar, 3).unwrap();
    assert_eq!((bar.length(), bar.position()), (Some(bar.position()), fs::metadata(&path).unwrap().len()));
}

#[test]
fn any_number_of_threads_gives_the_same_table() {
    let mut content = HEADER_LINE.to_owned();
    for row in 0..2000 {
        let (user, movie, rating) = (row * 7 % 40, row * 11 % 90, row % 12);
        content += &format!("{user},{movie},{rating},{}\n", row % 5);
    }
    let read_on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        pool.install(|| read_by(content.as_bytes(), 100)).unwrap()
    };
    let (one, five) = (read_on(1), read_on(5));
    assert_adds_up(&one);
    assert!(one.rows.merged > 0 && one.rows.rejected > 0);
    assert_eq!((one.ratings, one.rows, one.rejects), (five.ratings, five.rows, five.rejects));
}

/// Acceptable and unacceptable cells.
fn cell() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => "[1-9]{1,2}",
        2 => "[1-4][.][05]",
        1 => "[-+ \t\"0-9.eE]{0,6}",
        1 => "[+-]{0,2}[0-9]{1,24}",
        1 => "[0-9]{15,17}[.]?[0-9]?",
        1 => "(nan|inf|-inf|infinity|1e3|-0|00018|4294967295|4294967296|2000-12-07|2000-12-07 16:49:59|\"7\"|é|\u{feff}5|.|5.|.5|e5)",
    ]
    .prop_map(String::into_bytes)
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let n_cells = prop_oneof![20 => Just(4), 1 => 0usize..7];
    let row = n_cells.prop_flat_map(|n| prop::collection::vec(cell(), n)).prop_map(|cells| cells.join(&b','));
    let bytes = prop::collection::vec(any::<u8>(), 0..12);
    let end =
        prop_oneof![8 => Just(b"\n".to_vec()), 1 => Just(b"\r\n".to_vec()), 1 => Just(b" \r\n".to_vec())];
    (prop_oneof![30 => row, 1 => bytes], end).prop_map(|(row, end)| [row, end].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_fast_and_the_slow_path_agree_on_every_row(lines in prop::collection::vec(line(), 1..24)) {
        let lines = lines.concat();
        let layout = Layout::of_ratings(Path::new(""), HEADER_LINE.as_bytes()).unwrap();
        let block = Block::read(&lines, &layout, Scale::default());
        let mut expected = Block::default();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            match parse_line(line, &layout, Scale::default()) {
                Line::Blank => {}
                Line::Rating(rating) => {
                    expected.ratings.push(rating);
                    expected.n_rows += 1;
                }
                Line::Rejected(reasons, user) => {
                    let text = excerpt(line);
                    expected.rejects.push(Reject { line: expected.n_lines, reasons, user, text });
                    expected.n_rows += 1;
                }
            }
            expected.n_lines += 1;
        }
        prop_assert_eq!(block, expected);
    }

    #[test]
    fn the_size_of_blocks_has_no_influence(
        lines in prop::collection::vec(line(), 0..24),
        block in 1u64..60,
        ends_with_newline in any::<bool>(),
    ) {
        let mut content = [HEADER_LINE.as_bytes(), b"7,7,3,7\n", &lines.concat()].concat();
        if !ends_with_newline {
            content.pop();
        }
        let whole = read(&content).unwrap();
        let cut = read_by(&content, block).unwrap();
        assert_adds_up(&whole);
        prop_assert_eq!(whole.ratings, cut.ratings);
        prop_assert_eq!(whole.rows, cut.rows);
        prop_assert_eq!(whole.rejects, cut.rejects);
    }
}
