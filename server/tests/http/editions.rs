//! Small generations to serve, and the output directory that they are published in.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use harness::user_terms;
use store::draft::DraftGeneration;
use store::manifest::{Account, Counts, FileDigest};
use store::records::{Factors, History, Movie, Similar, TopN};
use store::shards::{ResultsBatch, ResultsWriter, shard_of};
use store::{GenerationId, MovieId, Repository, UserId, layout};
use tempfile::TempDir;

/// The length of the stored lists.
pub(crate) const DEPTH: u32 = 5;

/// The content of one generation.
#[derive(Default)]
pub(crate) struct Edition {
    users: BTreeMap<u32, (TopN, Vec<u32>)>,
    movies: BTreeMap<u32, Movie>,
    similar: BTreeMap<u32, Similar>,
    item_factors: BTreeMap<u32, [f32; 2]>,
    fallback: TopN,
    can_fold_in: bool,
}

impl Edition {
    /// Users 18 and 0, of whom 18 is recommended movie 3451, which has no record, and movie 750. Movies 1, 2, 3, 6 and
    /// 750 have factors: 1 and 2 are alike, so are 3, 6 and 750.
    pub(crate) fn sample() -> Self {
        Self::default()
            .user(0, &[1, 2], &[])
            .user(18, &[3451, 750, 1, 2, 3], &[1, 2, 6])
            .movie(750, "Dr. Strangelove or: How I Learned to Stop \"Worrying\" (1964)", &["Comedy", "War"])
            .movie(1, "Toy Story (1995)", &[])
            .movie(2, "Jumanji (1995)", &["Adventure", "Comedy"])
            .similar(750, &[3, 6, 1])
            .item(1, [1.0, 0.0])
            .item(2, [0.9, 0.1])
            .item(3, [0.1, 0.8])
            .item(6, [0.0, 1.0])
            .item(750, [0.0, 0.9])
            .fallback(&[1, 750, 2, 3, 4])
    }

    /// The sample as the objective `rating` leaves it.
    pub(crate) fn without_fold_in() -> Self {
        Self { can_fold_in: false, ..Self::sample() }
    }

    /// An edition of which every answer tells its number: movies from 1000 times the number up, titled by it.
    pub(crate) fn numbered(number: u32) -> Self {
        let ids: Vec<u32> = (1..=DEPTH).map(|rank| number * 1000 + rank).collect();
        let edition = Self::default().user(18, &ids, &ids).fallback(&ids);
        ids.iter().fold(edition, |edition, &id| edition.movie(id, &format!("From {number}"), &["Drama"]))
    }

    /// Titles with marks and genres in several spellings.
    pub(crate) fn in_several_spellings() -> Self {
        Self::default()
            .user(18, &[1, 2, 3, 4, 5], &[])
            .movie(1, "Le\u{301}on (1994)", &["drama"])
            .movie(2, "Le Fabuleux Destin d'Amélie Poulain (2001)", &["Drama", "Komödie"])
            .movie(3, "ΟΔΥΣΣΈΑΣ (1990)", &["DRAMA"])
            .movie(4, "Straße (2000)", &["KOMO\u{308}DIE"])
            .movie(5, "Toy Story (1995)", &["Drama", "drama"])
            .fallback(&[1, 2, 3, 4, 5])
    }

    /// A sample with a list for user 18 that says more movies than scores, which no pipeline writes.
    pub(crate) fn with_damaged_list() -> Self {
        let mut edition = Self::sample();
        edition.users.get_mut(&18).unwrap().0.scores.clear();
        edition
    }

    /// Its users of a shard.
    fn results(&self, shard: u32, n_shards: u32) -> ResultsBatch {
        let mut results = ResultsBatch::default();
        let users = self.users.iter().filter(|&(&user, _)| shard_of(UserId::new(user), n_shards) == shard);
        for (&user, (list, history)) in users {
            results.history.push(UserId::new(user), history, &vec![4.0; history.len()]);
            results.ranking.push(&[0.5]);
            results.rating.push(&[0.0]);
            results.movies.push(&list.movies.iter().map(|movie| movie.get()).collect::<Vec<_>>());
            results.scores.extend(&list.scores);
            results.stars.extend(&list.stars);
        }
        results
    }

    fn user(mut self, id: u32, list: &[u32], history: &[u32]) -> Self {
        self.users.insert(id, (top_n(list), history.to_vec()));
        self
    }

    fn movie(mut self, id: u32, title: &str, genres: &[&str]) -> Self {
        let genres = genres.iter().map(ToString::to_string).collect();
        self.movies.insert(id, Movie { title: title.to_owned(), genres });
        self
    }

    fn similar(mut self, id: u32, list: &[u32]) -> Self {
        let cosines = (0..list.len()).map(|rank| 1.0 - 0.25 * rank as f32).collect();
        self.similar.insert(id, Similar { movies: ids(list), cosines });
        self
    }

    fn item(mut self, id: u32, factors: [f32; 2]) -> Self {
        self.item_factors.insert(id, factors);
        self.can_fold_in = true;
        self
    }

    fn fallback(mut self, list: &[u32]) -> Self {
        self.fallback = top_n(list);
        self
    }
}

/// An output directory that is removed at the end of its test.
pub(crate) struct Output {
    dir: TempDir,
}

impl Output {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// With one published edition.
    pub(crate) fn with(edition: &Edition) -> Self {
        let output = Self::empty();
        output.publish(edition);
        output
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes an edition and points `CURRENT` at it.
    pub(crate) fn publish(&self, edition: &Edition) -> GenerationId {
        let id = self.write(edition);
        self.point_at(&id);
        id
    }

    /// Points `CURRENT` at a generation.
    pub(crate) fn point_at(&self, id: &GenerationId) {
        let repository = Repository::in_directory(self.path());
        repository.publish(id, &repository.pointer().unwrap()).unwrap();
    }

    /// Publishes an edition of which one byte was flipped after it was sealed.
    pub(crate) fn publish_damaged(&self, edition: &Edition) -> GenerationId {
        let id = self.write(edition);
        let path = layout::generation_dir(self.path(), &id).join(layout::RECORDS).join("db");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).unwrap();
        self.point_at(&id);
        id
    }

    /// Publishes an edition whose users are cut into `n_shards` shards.
    pub(crate) fn publish_cut(&self, edition: &Edition, n_shards: u32) -> GenerationId {
        let mut writer = DraftGeneration::create(self.path()).unwrap();
        write_movies(&mut writer, edition);
        let users_dir = writer.dir().join(layout::USERS);
        let mut finished = writer.finish().unwrap();
        fs::create_dir(&users_dir).unwrap();
        let files: Vec<_> = (0..n_shards)
            .map(|shard| {
                let path = users_dir.join(format!("{shard:05}.parquet"));
                let mut results = ResultsWriter::create(&path).unwrap();
                results.put(&edition.results(shard, n_shards)).unwrap();
                results.finish().unwrap();
                FileDigest::of(&path).unwrap()
            })
            .collect();
        finished.add_shards(files.iter().map(|file| (file, "")));
        let id = finished.seal(account()).unwrap().generation;
        self.point_at(&id);
        id
    }

    fn write(&self, edition: &Edition) -> GenerationId {
        let mut writer = DraftGeneration::create(self.path()).unwrap();
        for (&user, (list, history)) in &edition.users {
            let history = History { stars: vec![4.0; history.len()], movies: ids(history) };
            writer.top_n.put(UserId::new(user), list).unwrap();
            writer.histories.put(UserId::new(user), &history).unwrap();
            writer.user_factors.put(UserId::new(user), &Factors(vec![0.5])).unwrap();
        }
        write_movies(&mut writer, edition);
        writer.finish().unwrap().seal(account()).unwrap().generation
    }
}

/// Writes what is no user's.
fn write_movies(writer: &mut DraftGeneration, edition: &Edition) {
    for (&id, movie) in &edition.movies {
        writer.movies.put(MovieId::new(id), movie).unwrap();
    }
    for (&id, similar) in &edition.similar {
        writer.similar.put(MovieId::new(id), similar).unwrap();
    }
    for (&id, factors) in &edition.item_factors {
        writer.item_factors.put(MovieId::new(id), &Factors(factors.to_vec())).unwrap();
    }
    if edition.can_fold_in {
        writer.put_user_terms(&user_terms(1.0, vec![0.1, 0.1])).unwrap();
    }
    writer.put_fallback(&edition.fallback).unwrap();
}

fn ids(numbers: &[u32]) -> Vec<MovieId> {
    numbers.iter().copied().map(MovieId::new).collect()
}

fn top_n(list: &[u32]) -> TopN {
    TopN { movies: ids(list), scores: vec![1.0; list.len()], stars: vec![4.5; list.len()] }
}

/// An account of which the server reads the depth only.
fn account() -> Account {
    Account { counts: Counts { depth: u64::from(DEPTH), ..Counts::default() }, ..Account::default() }
}
