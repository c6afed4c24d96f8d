//! The cost of cleaning in addition to reading: `read_ratings` compared with the reader of polars on the same file,
//! with the same schema and all threads, in turns, median of five.
//!
//! ```text
//! cargo bench -p reading --bench ingest -- 25000000
//! ```
//!
//! The tables are made below `INGEST_BENCH_DIR` (the system's temporary directory otherwise): about 650 MB
//! for 25 million rows, five times, each deleted after its turn.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::expect_used, reason = "a benchmark that cannot run stops")]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use indicatif::ProgressBar;
use interactions::Scale;
use polars::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use reading::{InputFile, read_ratings};

const RUNS: usize = 5;

type Row = (u32, u32, u8, u32);

fn main() {
    let n_rows = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let dir = std::env::var_os("INGEST_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    fs::create_dir_all(&dir).expect("the directory can be made");
    let path = dir.join(format!("ingest-bench-{}.csv", std::process::id()));

    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut rows = movielens_like(n_rows, &mut rng);
    println!("{n_rows} rows, median of {RUNS}");
    for (name, style, shuffled) in [
        ("sorted", Style::Plain, false),
        ("18.0", Style::Decimals, false),
        ("in quotes", Style::Quotes, false),
        ("with text", Style::Text, false),
        ("shuffled", Style::Plain, true),
    ] {
        if shuffled {
            rows.shuffle(&mut rng);
        }
        write(&path, &rows, style).expect("the table can be written");
        compare(name, &path, style);
        fs::remove_file(&path).expect("the table can be deleted");
    }
}

/// How the rows are written.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// `18,7,4.5,1500000000`
    Plain,
    /// `18.0,7.0,4.5,1500000000`
    Decimals,
    /// `"18","7","4.5","1500000000"`
    Quotes,
    /// `18,7,4.5,1500000000,"some text, in quotes"`, with a line break in every tenth text.
    Text,
}

fn compare(name: &str, path: &Path, style: Style) {
    let (mut reads, mut cleans) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let begin = Instant::now();
        let height = read(path, style).expect("polars reads it").height();
        reads.push(begin.elapsed().as_secs_f64());

        let begin = Instant::now();
        let table = read_ratings(
            &InputFile::open(path).expect("we open it"),
            Scale::default(),
            &ProgressBar::hidden(),
        )
        .expect("we read it");
        cleans.push(begin.elapsed().as_secs_f64());
        assert_eq!(table.ratings.len(), height);
    }
    let (read, clean) = (median(reads), median(cleans));
    println!("{name:>9}: polars {read:.3} s, read and cleaned {clean:.3} s, ratio {:.2}", clean / read);
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn read(path: &Path, style: Style) -> PolarsResult<DataFrame> {
    let id = if style == Style::Decimals { DataType::Float64 } else { DataType::Int64 };
    let mut schema = Schema::from_iter([
        Field::new("userId".into(), id.clone()),
        Field::new("movieId".into(), id),
        Field::new("rating".into(), DataType::Float32),
        Field::new("timestamp".into(), DataType::Int64),
    ]);
    if style == Style::Text {
        schema.with_column("review".into(), DataType::String);
    }
    CsvReadOptions::default()
        .with_schema(Some(Arc::new(schema)))
        .try_into_reader_with_file_path(Some(path.to_path_buf()))?
        .finish()
}

/// Rows as in MovieLens: sorted, about 150 for each user, ids of up to six digits.
fn movielens_like(n_rows: usize, rng: &mut impl RngExt) -> Vec<Row> {
    let mut rows = Vec::with_capacity(n_rows);
    let mut user = 0;
    while rows.len() < n_rows {
        user += 1;
        let mut movie = 0;
        for _ in 0..rng.random_range(20..280).min(n_rows - rows.len()) {
            movie += rng.random_range(1..1400);
            rows.push((user, movie, rng.random_range(1..=10), rng.random_range(800_000_000..1_600_000_000)));
        }
    }
    rows
}

fn write(path: &Path, rows: &[Row], style: Style) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let review = if style == Style::Text { ",review" } else { "" };
    writeln!(file, "userId,movieId,rating,timestamp{review}")?;
    for (row, (user, movie, halves, timestamp)) in rows.iter().enumerate() {
        let stars = format!("{}.{}", halves / 2, halves % 2 * 5);
        match style {
            Style::Plain => writeln!(file, "{user},{movie},{stars},{timestamp}")?,
            Style::Decimals => writeln!(file, "{user}.0,{movie}.0,{stars},{timestamp}")?,
            Style::Quotes => writeln!(file, "\"{user}\",\"{movie}\",\"{stars}\",\"{timestamp}\"")?,
            Style::Text => {
                let text = if row % 10 == 0 { "some text,\nin quotes" } else { "some text, in quotes" };
                writeln!(file, "{user},{movie},{stars},{timestamp},\"{text}\"")?;
            }
        }
    }
    file.into_inner()?.sync_all()
}
