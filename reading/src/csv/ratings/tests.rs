//! Tables written to a file and read back, in blocks of various sizes.

use std::fs;
use std::path::Path;

use csv::{QuoteStyle, Terminator, WriterBuilder};
use interactions::Rating;
use proptest::prelude::*;
use store::{MovieId, UserId};

use super::*;
use crate::csv::record::Flaw;
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
    for &(user, movie, stars, seconds) in rows {
        let timestamp = if seconds == Ratings::NO_TIME { seconds } else { seconds * 1_000_000_000 };
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
    assert_eq!((found.rows.without_timestamp, found.rows.unreadable_timestamps), (1, 1));
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
fn no_row_is_made_of_the_text_of_a_cell() {
    let header = "userId,movieId,rating,timestamp,review\n";
    let found = read(format!(
        "{header}61,3,4.0,1500000000,\"see\n62,4,0.5,1500000000,also\n\"\n\
         7,3,4,0,\"good, but long\"\n8,3,4,0,\"he said \"\"wow\"\"\"\n9,3,4,0,5\" disk\n10,3,4,0,\"\"\n"
    ))
    .unwrap();
    let users: Vec<_> = found.ratings.users.iter().map(|user| user.get()).collect();
    assert_eq!(users, [7, 8, 10, 61]);
    let rejects: Vec<_> = found.rejects.iter().map(|reject| (reject.line, reject.reasons.clone())).collect();
    assert_eq!(rejects, [(7, vec![Reason::StrayQuote])]);
    assert_eq!(found.rows.with_rows_inside, 1);
    assert_adds_up(&found);
}

#[test]
fn a_row_without_a_known_end_is_an_error_with_its_line() {
    let long = "x".repeat(MAX_ROW);
    for (rows, line, flaw) in [
        ("1,2,3,4,\"open\n1,3,3,4,x\n".to_owned(), 2, Flaw::NotClosed),
        ("1,2,3,4,x\n1,3,3,4,\"he said \"wow\"\n62,4,0.5,15,also\n\"\n".to_owned(), 3, Flaw::TextAfterQuote),
        ("\n\"1,2,3,4,x\n1,3,3,4,x\n\"1\",4,3,4,x\n".to_owned(), 3, Flaw::TextAfterQuote),
        (format!("1,2,3,4,x\n1,3,3,4,{long}\n1,4,3,4,x\n"), 3, Flaw::TooLong),
        (format!("1,2,3,4,x\n1,3,3,4,\"{long}\"\n"), 3, Flaw::TooLong),
        (format!("1,2,3,4,\"{long}"), 2, Flaw::TooLong),
        ("\0".repeat(3 * MAX_ROW), 2, Flaw::TooLong),
    ] {
        let content = format!("userId,movieId,rating,timestamp,review\n{rows}");
        for block in [BLOCK, 1 << 20, 700_001] {
            let message = read_by(content.as_bytes(), block).unwrap_err().to_string();
            assert!(message.ends_with(&format!("ratings.csv line {line}: {flaw}")), "{message}");
        }
    }
}

#[test]
fn the_longest_row_is_read() {
    let row = |n: usize| format!("{HEADER_LINE}1,2,3,4{}\n1,3,3,4\n", " ".repeat(n - "1,2,3,4\n".len()));
    assert_eq!(read(row(MAX_ROW)).unwrap().rows.kept, 2);
    assert!(matches!(read(row(MAX_ROW + 1)), Err(Error::BadRow { line: 2, flaw: Flaw::TooLong, .. })));
}

#[test]
fn the_latest_rating_counts_to_the_fraction_of_a_second_in_any_unit() {
    for (older, newer) in [
        ("1500000000.25", "1500000000.75"),
        ("1500000000001", "1500000000002"),
        ("1500000001000000001", "1500000001000000002"),
        ("1500000001000000000.0", "1500000002000000000.0"),
        ("1.5e18", "1.6e+18"),
        ("2017-07-14 02:40:00.25", "2017-07-14 02:40:00.75"),
        ("never", "1"),
    ] {
        for rows in [format!("1,2,5,{older}\n1,2,3,{newer}\n"), format!("1,2,3,{newer}\n1,2,5,{older}\n")] {
            assert_eq!(read(format!("{HEADER_LINE}{rows}")).unwrap().ratings.stars, [3.0], "{rows}");
        }
    }
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
        let mut lines = lines.concat();
        lines.retain(|&byte| byte != b'"');
        let names = HEADER_LINE.trim_end().as_bytes().split(|&byte| byte == b',').collect::<Vec<_>>();
        let layout = Layout::of_ratings(Path::new(""), &names).unwrap();
        let fast = Block::of_lines(&lines, &layout, Scale::default()).unwrap();
        let (slow, end) = Block::of_rows(&lines, lines.len(), &layout, Scale::default()).unwrap();
        prop_assert_eq!(end, lines.len());
        prop_assert_eq!(fast, slow);
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
        match (read(&content), read_by(&content, block)) {
            (Ok(whole), Ok(cut)) => {
                assert_adds_up(&whole);
                prop_assert_eq!(whole.ratings, cut.ratings);
                prop_assert_eq!(whole.rows, cut.rows);
                prop_assert_eq!(whole.rejects, cut.rejects);
            }
            (whole, cut) => {
                let message = |found: Result<_>| found.unwrap_err().to_string();
                let (whole, cut) = (message(whole), message(cut));
                prop_assert!(whole.contains(" line "), "{}", whole);
                // The files have different names.
                prop_assert_eq!(whole.split_once("ratings.csv").unwrap().1, cut.split_once("ratings.csv").unwrap().1);
            }
        }
    }

    #[test]
    fn rows_with_text_of_any_kind_are_read_as_they_were_written(
        rows in prop::collection::vec((1u32..9, 1u32..99, 1u8..=10, text(), text(), text()), 1..12),
        columns in Just((0..7).collect::<Vec<usize>>()).prop_shuffle(),
        style in prop_oneof![Just(QuoteStyle::Necessary), Just(QuoteStyle::Always), Just(QuoteStyle::NonNumeric)],
        is_crlf in any::<bool>(),
        block in 1u64..200,
    ) {
        let terminator = if is_crlf { Terminator::CRLF } else { Terminator::Any(b'\n') };
        let mut writer = WriterBuilder::new().quote_style(style).terminator(terminator).from_writer(Vec::new());
        let mut write = |cells: [&str; 7]| writer.write_record(columns.iter().map(|&column| cells[column]));
        write(["userId", "movieId", "rating", "timestamp", "note", "a \"b\", c", "lines\n"]).unwrap();
        let mut expected = Ratings::default();
        for (time, (user, movie, halves, a, b, c)) in rows.into_iter().enumerate() {
            let stars = f32::from(halves) / 2.0;
            write([&user.to_string(), &movie.to_string(), &stars.to_string(), &time.to_string(), &a, &b, &c]).unwrap();
            let (user, movie) = (UserId::new(user), MovieId::new(movie));
            expected.push(Rating { user, movie, stars, timestamp: time as i64 * 1_000_000_000 });
        }
        let content = writer.into_inner().unwrap();
        let found = read_by(&content, block).unwrap();
        assert_adds_up(&found);
        prop_assert_eq!(found.rows.read, expected.len() as u64);
        prop_assert_eq!(found.ratings, merge(expected));
    }
}

/// Text with quotes, separators, line breaks, whole rows and characters of several bytes.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[a-z0-9 é\u{feff}😀]{0,4}",
        1 => Just(",".to_owned()),
        1 => Just("\"".to_owned()),
        1 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\n62,4,0.5,1500000000,also\n".to_owned()),
    ];
    prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}
