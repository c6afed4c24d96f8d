//! Each check by a night that fails it and no other, and nights that pass.

use indicatif::ProgressBar;
use interactions::Scale;
use store::draft::DraftGeneration;
use store::manifest::{Counts, MovieRows, Rows};
use store::records::{Factors, History, TopN};
use store::{DenyList, MovieId, UserId};

use super::*;

/// A night as any other.
fn night() -> Account {
    let mut account = Account {
        rows: Rows { read: 1_010, kept: 1_000, rejected: 10, ..Rows::default() },
        movie_rows: MovieRows { read: 200, kept: 200, ..MovieRows::default() },
        counts: Counts {
            users: 100,
            movies: 200,
            ratings: 1_000,
            depth: 3,
            recommended: 80,
            ..Counts::default()
        },
        ..Account::default()
    };
    account.source.ratings.ends_with_newline = true;
    account.parameters.insert("test_fraction".to_owned(), 0.2.into());
    for (name, figure) in [("rmse", 0.8), ("ndcg@100", 0.4), ("popularity_ndcg@100", 0.2)] {
        account.metrics.insert(name.to_owned(), figure);
    }
    account
}

fn published(account: Account) -> Baseline {
    let generation = "20261123T023000.125Z".parse().unwrap();
    let created_at = jiff::Timestamp::UNIX_EPOCH;
    let (content_digest, files) = (String::new(), std::collections::BTreeMap::new());
    let format_version = store::manifest::FORMAT_VERSION;
    Baseline::Generation(Box::new(Manifest {
        format_version,
        n_shards: None,
        generation,
        created_at,
        account,
        content_digest,
        files,
    }))
}

fn judged(tonight: &Account, before: &Baseline) -> Gate {
    judge(tonight, &Lists::default(), before, &Bounds::default(), None)
}

/// The names of the checks that fail when a night differs from the last in one thing.
fn failing(differ: impl Fn(&mut Account)) -> String {
    let mut tonight = night();
    differ(&mut tonight);
    let gate = judged(&tonight, &published(night()));
    assert_eq!(gate.verdict == Verdict::Passed, gate.failed().next().is_none());
    gate.failed().map(|check| check.name.as_str()).collect::<Vec<_>>().join(" + ")
}

#[test]
fn a_night_like_the_last_passes_and_so_does_one_that_grows() {
    assert_eq!(failing(|_| ()), "");
    let grown = |account: &mut Account| {
        account.counts.users = 149;
        account.rows.kept = 1_400;
        account.counts.recommended = 800;
        account.metrics.insert("ndcg@100".to_owned(), 0.9);
        account.metrics.insert("rmse".to_owned(), 0.5);
    };
    assert_eq!(failing(grown), "");
}

#[test]
fn whatever_is_out_of_bounds_is_named() {
    assert_eq!(failing(|night| night.rows.kept = 949), "ratings");
    assert_eq!(failing(|night| night.counts.users = 94), "users");
    assert_eq!(failing(|night| night.counts.users = 151), "users");
    assert_eq!(failing(|night| night.counts.movies = 189), "movies");
    assert_eq!(failing(|night| night.movie_rows.kept = 0), "movies described");
    assert_eq!(failing(|night| night.counts.recommended = 39), "movies recommended");
    assert_eq!(failing(|night| night.counts.movies_without_metadata = 51), "movies without metadata");
    assert_eq!(failing(|night| night.rows.rejected = 62), "rejected rows");
    assert_eq!(failing(|night| night.source.ratings.ends_with_newline = false), "end of ratings");
    let metric = |name: &'static str, figure: f64| {
        failing(move |night| {
            night.metrics.insert(name.to_owned(), figure);
        })
    };
    assert_eq!(metric("ndcg@100", 0.359), "ndcg@100");
    assert_eq!(metric("ndcg@100", 0.19), "lift over popularity + ndcg@100");
    assert_eq!(metric("ndcg@100", f64::NAN), "lift over popularity + ndcg@100");
    assert_eq!(metric("rmse", 0.881), "rmse");
}

#[test]
fn what_just_fits_passes() {
    assert_eq!(failing(|night| night.rows.kept = 950), "");
    assert_eq!(failing(|night| night.counts.users = 150), "");
    assert_eq!(failing(|night| night.counts.movies_without_metadata = 50), "");
}

#[test]
fn figures_that_cannot_be_compared_are_skipped_and_named() {
    let skipped = |tonight: &Account, before: &Baseline| {
        let gate = judged(tonight, before);
        assert_eq!(gate.verdict, Verdict::Passed, "{gate:?}");
        let skipped = gate.checks.iter().filter(|check| check.outcome == Outcome::Skipped);
        skipped.map(|check| check.name.as_str()).collect::<Vec<_>>().join(" + ")
    };
    let mut other_share = night();
    other_share.parameters.insert("test_fraction".to_owned(), 0.5.into());
    assert_eq!(skipped(&night(), &published(other_share)), "denied + ndcg@100 + rmse");
    // Nor those of a model of some of the users, which has fewer ratings to learn from and as many to serve.
    let mut of_some = night();
    of_some.parameters.insert("trained_shards".to_owned(), 4.into());
    of_some.counts.ratings = 125;
    assert_eq!(skipped(&of_some, &published(night())), "denied + ndcg@100 + rmse");
    let mut unmeasured = night();
    unmeasured.metrics.clear();
    assert_eq!(skipped(&night(), &published(unmeasured.clone())), "denied + ndcg@100 + rmse");
    assert_eq!(skipped(&unmeasured, &published(night())), "denied + quality");
    assert_eq!(skipped(&night(), &Baseline::None("nothing was published".to_owned())), "denied + baseline");
}

#[test]
fn the_first_night_too_must_beat_the_most_rated_movies() {
    let mut bad = night();
    bad.metrics.insert("ndcg@100".to_owned(), 0.1);
    let first = Baseline::None("nothing was published".to_owned());
    assert_eq!(judged(&bad, &first).verdict, Verdict::Refused);
}

#[test]
fn a_reason_forces_what_fails_and_is_recorded_only_then() {
    let mut bad = night();
    bad.counts.users = 1;
    let forced = |tonight: &Account| {
        judge(tonight, &Lists::default(), &published(night()), &Bounds::default(), Some("new site"))
    };
    let gate = forced(&bad);
    assert_eq!((gate.verdict, gate.reason.as_deref()), (Verdict::Forced, Some("new site")));
    assert!(gate.failed().next().is_some());
    let gate = forced(&night());
    assert_eq!((gate.verdict, gate.reason), (Verdict::Passed, None));
}

#[test]
fn a_wrong_list_fails_whatever_else_is_good() {
    let case = |scores: &[f32], stars: f32, movies: &[u32], says: &str| {
        let output = tempfile::tempdir().unwrap();
        let mut writer = DraftGeneration::create(output.path()).unwrap();
        for movie in [1, 2, 3, 4] {
            writer.item_factors.put(MovieId::new(movie), &Factors(vec![1.0])).unwrap();
        }
        let list = TopN {
            movies: movies.iter().copied().map(MovieId::new).collect(),
            scores: scores.to_vec(),
            stars: vec![stars; scores.len()],
        };
        writer.top_n.put(UserId::new(7), &list).unwrap();
        writer
            .histories
            .put(UserId::new(7), &History { movies: vec![MovieId::new(1)], stars: vec![4.0] })
            .unwrap();
        writer.put_fallback(&TopN::default()).unwrap();
        let lists =
            Lists::of(&writer.tables().unwrap(), 3, Scale::default(), None, &ProgressBar::hidden()).unwrap();
        let gate = judge(&night(), &lists, &published(night()), &Bounds::default(), None);
        let failed: Vec<_> = gate.failed().collect();
        if says.is_empty() {
            assert!(failed.is_empty(), "{failed:?}");
            assert_eq!(lists.statistics(), ListStatistics { users: 1, entries: 3, recommended: 3 });
        } else {
            assert!(failed[0].detail.contains(says) && failed[0].detail.contains("user 7"), "{failed:?}");
        }
    };
    case(&[3.0, 2.0, 1.0], 4.0, &[2, 3, 4], "");
    case(&[3.0, 2.0, 2.5], 4.0, &[2, 3, 4], "stands behind");
    case(&[3.0, 2.0, 1.0], 4.0, &[2, 3, 1], "in the history");
    case(&[3.0, 2.0, 1.0], 4.0, &[2, 3, 9], "has no factors");
    case(&[3.0, 2.0], 4.0, &[2, 3], "2 movies instead of 3");
    case(&[3.0, 2.0, 1.0], 5.5, &[2, 3, 4], "5.5 stars");
    case(&[f32::INFINITY, 2.0, 1.0], 4.0, &[2, 3, 4], "score inf");
}

#[test]
fn what_a_deny_list_names_fails_wherever_it_is_stored_and_no_deleted_user_is_named() {
    let output = tempfile::tempdir().unwrap();
    let mut writer = DraftGeneration::create(output.path()).unwrap();
    for movie in [1, 2] {
        writer.item_factors.put(MovieId::new(movie), &Factors(vec![1.0])).unwrap();
    }
    // The second has no history, which is wrong: looked into all the same, and a reason to be named.
    for (user, movie) in [(7, 2), (918_273, 60)] {
        let list = TopN { movies: vec![MovieId::new(movie)], scores: vec![1.0], stars: vec![4.0] };
        writer.top_n.put(UserId::new(user), &list).unwrap();
    }
    let rated = History { movies: vec![MovieId::new(1), MovieId::new(50)], stars: vec![4.0; 2] };
    writer.histories.put(UserId::new(7), &rated).unwrap();
    writer.put_fallback(&TopN::default()).unwrap();
    let tables = writer.tables().unwrap();
    let judged = |deny: &str| {
        let deny = DenyList::parse(std::path::Path::new("deny.txt"), deny.as_bytes()).unwrap();
        let lists = Lists::of(&tables, 1, Scale::default(), Some(&deny), &ProgressBar::hidden()).unwrap();
        let gate = judge(&night(), &lists, &published(night()), &Bounds::default(), None);
        let denied = gate.checks.iter().find(|check| check.name == "denied").unwrap().clone();
        (denied.outcome, denied.detail, format!("{gate:?}").contains("918273"))
    };
    let none = "nothing is stored of 1 hidden movies and 1 deleted users";
    assert_eq!(judged("movie 70\nuser 70"), (Outcome::Passed, none.to_owned(), true));
    let failed = |detail: &str, named| (Outcome::Failed, detail.to_owned(), named);
    assert_eq!(judged("movie 50"), failed("hidden movie 50 is still in the history of user 7", true));
    assert_eq!(judged("movie 60"), failed("hidden movie 60 is still in the list of user 918273", true));
    let deleted = "deleted user no. 2 of the deny list (by ascending id) still has a list";
    assert_eq!(judged("movie 50\nuser 918273\nuser 70"), failed(deleted, false));
}
