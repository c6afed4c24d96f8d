//! Generations from draft to open: records are read back as they were written, and damage is refused with the file.

#![allow(clippy::unwrap_used, reason = "a test may insist: its panic is the report")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use store::draft::DraftGeneration;
use store::layout::{self, MANIFEST};
use store::manifest::{Account, Check, FORMAT_VERSION, Gate, Manifest, Outcome, Phase, Usage};
use store::reader::OpenGeneration;
use store::records::{Factors, History, Movie, TopN};
use store::{Error, GenerationId, MovieId, Repository, UserId};

/// The content of a generation.
#[derive(Debug, Clone, Default)]
struct Model {
    users: BTreeMap<UserId, (TopN, History, Factors)>,
    movies: BTreeMap<MovieId, Movie>,
    item_factors: BTreeMap<MovieId, Factors>,
    fallback: TopN,
}

impl Model {
    fn small() -> Self {
        let list = |ids: &[u32]| TopN {
            movies: ids.iter().copied().map(MovieId::new).collect(),
            scores: ids.iter().map(|&id| 10.0 / id as f32).collect(),
            stars: vec![3.5; ids.len()],
        };
        let history = History { movies: vec![MovieId::new(1), MovieId::new(6)], stars: vec![4.0, 2.5] };
        let user = (list(&[3, 4]), history, Factors(vec![0.5, -1.0]));
        Self {
            users: (1..200).map(|id| (UserId::new(id), user.clone())).collect(),
            movies: [(
                MovieId::new(3),
                Movie { title: "Três (1999)".to_owned(), genres: vec!["War".to_owned()] },
            )]
            .into(),
            item_factors: [(MovieId::new(3), Factors(vec![1.0, 2.0]))].into(),
            fallback: list(&[1, 2, 3]),
        }
    }

    fn write(&self, output: &Path) -> Manifest {
        self.put_into(DraftGeneration::create(output).unwrap())
    }

    /// Writes it with the keys announced.
    fn write_announced(&self, output: &Path) -> Manifest {
        let mut writer = DraftGeneration::create(output).unwrap();
        writer.top_n.announce(self.users.keys().copied()).unwrap();
        writer.histories.announce(self.users.keys().copied()).unwrap();
        writer.user_factors.announce(self.users.keys().copied()).unwrap();
        self.put_into(writer)
    }

    fn put_into(&self, mut writer: DraftGeneration) -> Manifest {
        for (&id, (top_n, history, factors)) in &self.users {
            writer.top_n.put(id, top_n).unwrap();
            writer.histories.put(id, history).unwrap();
            writer.user_factors.put(id, factors).unwrap();
        }
        self.movies.iter().for_each(|(&id, movie)| writer.movies.put(id, movie).unwrap());
        self.item_factors.iter().for_each(|(&id, factors)| writer.item_factors.put(id, factors).unwrap());
        writer.put_fallback(&self.fallback).unwrap();
        fs::write(writer.dir().join("rejects.csv"), "line\n").unwrap();
        writer.finish().unwrap().seal(Account::default()).unwrap()
    }

    fn assert_is(&self, generation: &OpenGeneration) {
        let generation = generation.tables();
        assert_eq!(generation.fallback(), &self.fallback);
        let users: Vec<_> = generation.users().collect::<Result<_, _>>().unwrap();
        assert_eq!(users, self.users.keys().copied().collect::<Vec<_>>());
        let next = |from: u32| self.users.range(UserId::new(from)..).next().map(|(&id, _)| id);
        for from in users.iter().flat_map(|id| [id.get(), id.get().saturating_add(1)]).chain([0, u32::MAX]) {
            assert_eq!(generation.user_from(UserId::new(from)).unwrap(), next(from));
        }
        assert_eq!(generation.last_user().unwrap(), users.last().copied());
        for (&id, (top_n, history, factors)) in &self.users {
            assert_eq!(generation.top_n(id).unwrap().as_ref(), Some(top_n));
            assert_eq!(generation.history(id).unwrap().as_ref(), Some(history));
            assert_eq!(generation.user_factors(id).unwrap().as_ref(), Some(factors));
        }
        for (&id, movie) in &self.movies {
            assert_eq!(generation.movie(id).unwrap().as_ref(), Some(movie));
        }
        let candidates: BTreeMap<_, _> = generation.candidates().collect::<Result<_, _>>().unwrap();
        assert_eq!(candidates, self.item_factors);
        for (&id, factors) in &self.item_factors {
            assert_eq!(generation.item_factors(id).unwrap().as_ref(), Some(factors));
        }
    }
}

fn open(output: &Path, id: &GenerationId) -> store::Result<OpenGeneration> {
    Repository::in_directory(output).open_generation(id, &output.join("work"), 1 << 20)
}

/// Every file of a generation, the manifest included.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn models() -> impl Strategy<Value = Model> {
    let ids = || prop::collection::vec(any::<u32>().prop_map(MovieId::new), 0..40);
    let list = || {
        prop::collection::vec((any::<u32>().prop_map(MovieId::new), -9.0f32..9.0), 0..120).prop_map(
            |entries| {
                let (movies, scores): (_, Vec<f32>) = entries.into_iter().unzip();
                TopN { movies, stars: vec![4.0; scores.len()], scores }
            },
        )
    };
    let factors = || prop::collection::vec(-9.0f32..9.0, 0..20).prop_map(Factors);
    let user =
        (list(), ids().prop_map(|movies| History { stars: vec![4.0; movies.len()], movies }), factors());
    let movie = (".*", prop::collection::vec(".*", 0..4)).prop_map(|(title, genres)| Movie { title, genres });
    (
        prop::collection::btree_map(any::<u32>().prop_map(UserId::new), user, 0..60),
        prop::collection::btree_map(any::<u32>().prop_map(MovieId::new), movie, 0..60),
        prop::collection::btree_map(any::<u32>().prop_map(MovieId::new), factors(), 0..60),
        list(),
    )
        .prop_map(|(users, movies, item_factors, fallback)| Model {
            users,
            movies,
            item_factors,
            fallback,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_generation_holds_what_was_put_into_it_and_its_digest_depends_on_that_alone(model in models()) {
        let output = tempfile::tempdir().unwrap();
        let first = model.write(output.path());
        let second = model.write_announced(output.path());
        prop_assert_ne!(&first.generation, &second.generation);
        prop_assert_eq!(&first.content_digest, &second.content_digest);
        model.assert_is(&open(output.path(), &first.generation).unwrap());
        model.assert_is(&open(output.path(), &second.generation).unwrap());
    }
}

#[test]
fn an_unsealed_generation_leaves_nothing_and_cannot_be_published() {
    let output = tempfile::tempdir().unwrap();
    let mut writer = DraftGeneration::create(output.path()).unwrap();
    writer.movies.put(MovieId::new(1), &Movie { title: "One".to_owned(), genres: vec![] }).unwrap();
    let id = writer.id().clone();
    let repository = Repository::in_directory(output.path());
    let seen = repository.pointer().unwrap();
    assert!(matches!(repository.publish(&id, &seen), Err(Error::Incomplete { .. })));
    assert!(matches!(open(output.path(), &id), Err(Error::Incomplete { .. })));
    drop(writer);
    assert!(!layout::generation_dir(output.path(), &id).exists());
}

#[test]
fn a_figure_that_is_not_finite_is_refused_by_name_and_the_generation_is_removed() {
    let check = |value, baseline| Check {
        name: "ndcg@100".to_owned(),
        outcome: Outcome::Failed,
        value,
        baseline,
        detail: String::new(),
    };
    let gate =
        |check| Account { gate: Gate { checks: vec![check], ..Gate::default() }, ..Account::default() };
    let usage = Usage { seconds: f64::NEG_INFINITY, peak_rss_bytes: 0 };
    for (account, figure) in [
        (
            Account { metrics: [("rmse".to_owned(), f64::NAN)].into(), ..Account::default() },
            "metrics.rmse is NaN",
        ),
        (
            Account { candidates_per_second: f64::INFINITY, ..Account::default() },
            "candidates_per_second is inf",
        ),
        (
            Account { phases: [(Phase::Score, usage)].into(), ..Account::default() },
            "phases.score.seconds is -inf",
        ),
        (gate(check(Some(f64::NAN), None)), "gate.ndcg@100.value is NaN"),
        (gate(check(Some(0.5), Some(f64::NAN))), "gate.ndcg@100.baseline is NaN"),
    ] {
        let output = tempfile::tempdir().unwrap();
        let mut writer = DraftGeneration::create(output.path()).unwrap();
        writer.put_fallback(&TopN::default()).unwrap();
        let error = writer.finish().unwrap().seal(account).unwrap_err();
        assert!(matches!(error, Error::NotFinite { .. }), "{error}");
        assert!(error.to_string().contains(figure), "{error}");
        assert_eq!(fs::read_dir(layout::generations_dir(output.path())).unwrap().count(), 0);
    }
}

#[test]
fn records_out_of_order_are_refused() {
    let output = tempfile::tempdir().unwrap();
    let mut writer = DraftGeneration::create(output.path()).unwrap();
    let movie = Movie { title: "One".to_owned(), genres: vec![] };
    writer.movies.put(MovieId::new(5), &movie).unwrap();
    for id in [5, 4] {
        let error = writer.movies.put(MovieId::new(id), &movie).unwrap_err();
        assert!(matches!(error, Error::OutOfOrder { tree: "movies", key } if key == id));
    }
}

#[test]
fn an_announced_record_that_is_not_written_is_an_error() {
    let output = tempfile::tempdir().unwrap();
    let mut writer = DraftGeneration::create(output.path()).unwrap();
    writer.movies.announce([MovieId::new(5), MovieId::new(6), MovieId::new(7)]).unwrap();
    writer.movies.put(MovieId::new(6), &Movie::unnamed(MovieId::new(6))).unwrap();
    let error = writer.finish().unwrap_err();
    assert!(matches!(error, Error::MissingRecords { tree: "movies", n: 2 }), "{error}");
    assert_eq!(fs::read_dir(layout::generations_dir(output.path())).unwrap().count(), 0);
}

#[test]
fn announced_records_take_little_more_on_disk_than_their_bytes_and_lie_in_few_pieces() {
    let output = tempfile::tempdir().unwrap();
    let mut writer = DraftGeneration::create(output.path()).unwrap();
    let users = || (0..40_000).map(UserId::new);
    writer.user_factors.announce(users()).unwrap();
    users().for_each(|id| writer.user_factors.put(id, &Factors(vec![id.get() as f32; 300])).unwrap());
    writer.put_fallback(&TopN::default()).unwrap();
    let manifest = writer.finish().unwrap().seal(Account::default()).unwrap();
    let on_disk: u64 = manifest.files.values().map(|file| file.bytes).sum();
    let of_values = 40_000 * 1_200;
    // The space of the leaves that were joined last is unused.
    let free = 8 << 20;
    assert!(on_disk < of_values * 13 / 10 + free, "{on_disk} bytes for {of_values}");
    // sled's snapshot lists the pieces, each in some 20 bytes: one for nine records, or more than one a record.
    let snapshot = manifest.files.iter().find(|(name, _)| name.starts_with("records/snap."));
    let listed = snapshot.map(|(_, file)| file.bytes);
    assert!(listed.is_some_and(|bytes| bytes < 40_000 * 20 / 4), "{listed:?} bytes of snapshot");
}

#[test]
fn readers_are_independent_of_each_other_and_of_the_removal_of_the_generation() {
    let output = tempfile::tempdir().unwrap();
    let model = Model::small();
    let id = model.write(output.path()).generation;
    let readers = [open(output.path(), &id).unwrap(), open(output.path(), &id).unwrap()];
    fs::remove_dir_all(layout::generation_dir(output.path(), &id)).unwrap();
    readers.iter().for_each(|reader| model.assert_is(reader));
    drop(readers);
    assert_eq!(fs::read_dir(output.path().join("work")).unwrap().count(), 0);
}

#[test]
fn a_flipped_bit_in_any_file_is_refused_by_the_name_of_the_file() {
    let output = tempfile::tempdir().unwrap();
    let id = Model::small().write(output.path()).generation;
    let dir = layout::generation_dir(output.path(), &id);
    let mut n_refused = 0;
    for path in files(&dir) {
        let whole = fs::read(&path).unwrap();
        for offset in [0, whole.len() / 3, whole.len().saturating_sub(1)] {
            let Some(&byte) = whole.get(offset) else { continue };
            let mut flipped = whole.clone();
            flipped[offset] = byte ^ 0x10;
            fs::write(&path, flipped).unwrap();
            let error = open(output.path(), &id).unwrap_err();
            // The format version is read first, and the flipped bit may be in it.
            assert!(
                matches!(&error, Error::Damaged { path: named, .. } | Error::OtherFormat { path: named, .. } if *named == path),
                "{error}"
            );
            n_refused += 1;
        }
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(matches!(open(output.path(), &id), Err(Error::Damaged { .. })));
        fs::remove_file(&path).unwrap();
        let error = open(output.path(), &id).unwrap_err().to_string();
        assert!(error.contains("missing") || error.contains("no manifest"), "{error}");
        fs::write(&path, whole).unwrap();
    }
    assert!(n_refused >= 3);
    open(output.path(), &id).unwrap();
}

#[test]
fn a_manifest_of_another_format_or_of_another_generation_is_refused() {
    let output = tempfile::tempdir().unwrap();
    let model = Model::small();
    let (first, second) = (model.write(output.path()).generation, model.write(output.path()).generation);
    let path = |id| layout::generation_dir(output.path(), id).join(MANIFEST);

    fs::copy(path(&second), path(&first)).unwrap();
    let error = open(output.path(), &first).unwrap_err().to_string();
    assert!(error.contains(second.as_str()), "{error}");

    for (version, advice) in [(99, "upgrade the reader"), (2, "has format 2")] {
        let other = format!(r#"{{"format_version": {version}, "anything": "else"}}"#);
        fs::write(path(&first), other).unwrap();
        let error = open(output.path(), &first).unwrap_err();
        assert!(
            matches!(error, Error::OtherFormat { found, supported: FORMAT_VERSION, .. } if found == version),
            "{error}"
        );
        assert!(error.to_string().contains(advice), "{error}");
    }

    fs::write(path(&first), "{").unwrap();
    assert!(matches!(open(output.path(), &first), Err(Error::Damaged { .. })));
}
