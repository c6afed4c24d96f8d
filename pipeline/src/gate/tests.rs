//! Each check by an account that fails it and no other, and accounts that pass.

use indicatif::ProgressBar;
use interactions::Scale;
use store::draft::DraftGeneration;
use store::manifest::{Counts, MovieRows, Rows};
use store::records::{Factors, History, TopN};
use store::{DenyList, MovieId, UserId};

use super::*;

/// An ordinary account.
fn usual() -> Account {
    let mut account = Account {
        rows: Rows { read: 1_010, kept: 1_000, rejected: 10, ..Rows::default() },
        movie_rows: MovieRows { read: 200, kept: 200, ..MovieRows::default() },
        counts: Counts {
            users: 100,
            movies: 200,
            ratings: 100_000,
            depth: 100,
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
    let manifest =
        Manifest { format_version, n_shards: None, generation, created_at, account, content_digest, files };
    Baseline::Published(Box::new(Past { manifest, sample: None }))
}

fn judged(account: &Account, before: &Baseline) -> Gate {
    judge(account, &Site::default(), &ListAudit::default(), before, &Bounds::default(), None)
}

/// Returns the names of the checks that fail when an account differs from the published one in one thing.
fn failing(differ: impl Fn(&mut Account)) -> String {
    let mut account = usual();
    differ(&mut account);
    let gate = judged(&account, &published(usual()));
    assert_eq!(gate.verdict == Verdict::Passed, gate.failed().next().is_none());
    gate.failed().map(|check| check.name.as_str()).collect::<Vec<_>>().join(" + ")
}

#[test]
fn an_account_like_the_published_one_passes_and_so_does_one_that_grows() {
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
    assert_eq!(failing(|account| account.rows.kept = 949), "ratings");
    assert_eq!(failing(|account| account.counts.users = 94), "users");
    assert_eq!(failing(|account| account.counts.users = 151), "users");
    assert_eq!(failing(|account| account.counts.movies = 189), "movies");
    assert_eq!(failing(|account| account.movie_rows.kept = 0), "movies described");
    assert_eq!(failing(|account| account.counts.recommended = 39), "movies recommended");
    assert_eq!(failing(|account| account.counts.movies_without_metadata = 51), "movies without metadata");
    assert_eq!(failing(|account| account.rows.rejected = 62), "rejected rows");
    assert_eq!(failing(|account| account.source.ratings.ends_with_newline = false), "end of ratings");
    let metric = |name: &'static str, figure: f64| {
        failing(move |account| {
            account.metrics.insert(name.to_owned(), figure);
        })
    };
    assert_eq!(metric("ndcg@100", 0.359), "ndcg@100");
    assert_eq!(metric("ndcg@100", 0.19), "lift over popularity + ndcg@100");
    assert_eq!(metric("ndcg@100", f64::NAN), "lift over popularity + ndcg@100");
    assert_eq!(metric("rmse", 0.881), "rmse");
}

#[test]
fn what_just_fits_passes() {
    assert_eq!(failing(|account| account.rows.kept = 950), "");
    assert_eq!(failing(|account| account.counts.users = 150), "");
    assert_eq!(failing(|account| account.counts.movies_without_metadata = 50), "");
}

/// The checks that have nothing to look at in an empty input.
const OF_INPUT: [&str; 4] = ["distinct titles", "doubled users", "longest history", "most shown movie"];

/// Returns the names of the checks that are skipped on an account that passes, without those of the input.
fn skipped(account: &Account, before: &Baseline) -> String {
    let gate = judged(account, before);
    assert_eq!(gate.verdict, Verdict::Passed, "{gate:?}");
    let skipped = gate.checks.iter().filter(|check| check.outcome == Outcome::Skipped);
    let names = skipped.map(|check| check.name.as_str()).filter(|name| !OF_INPUT.contains(name));
    names.collect::<Vec<_>>().join(" + ")
}

#[test]
fn figures_that_cannot_be_compared_are_skipped_and_named() {
    let mut other_share = usual();
    other_share.parameters.insert("test_fraction".to_owned(), 0.5.into());
    assert_eq!(skipped(&usual(), &published(other_share)), "denied + ndcg@100 + rmse");
    // A model of some of the users has fewer ratings to learn from and as many users to serve.
    let mut of_some = usual();
    of_some.parameters.insert("trained_shards".to_owned(), 4.into());
    of_some.counts.ratings = 125;
    assert_eq!(skipped(&of_some, &published(usual())), "denied + ndcg@100 + rmse");
    let mut unmeasured = usual();
    unmeasured.metrics.clear();
    assert_eq!(skipped(&usual(), &published(unmeasured.clone())), "denied + ndcg@100 + rmse");
    assert_eq!(skipped(&unmeasured, &published(usual())), "denied + quality");
    assert_eq!(skipped(&usual(), &Baseline::None("nothing was published".to_owned())), "denied + baseline");
}

#[test]
fn a_first_run_must_beat_the_most_rated_movies_too() {
    let mut bad = usual();
    bad.metrics.insert("ndcg@100".to_owned(), 0.1);
    let first = Baseline::None("nothing was published".to_owned());
    assert_eq!(judged(&bad, &first).verdict, Verdict::Refused);
}

#[test]
fn a_difference_below_the_noise_of_the_split_decides_nothing_and_says_so() {
    let with = |ndcg: f64, popular: f64, error: f64, lift_error: f64| {
        let mut account = usual();
        for (name, figure) in [
            ("ndcg@100", ndcg),
            ("popularity_ndcg@100", popular),
            ("ndcg@100_error", error),
            ("ndcg@100_lift_error", lift_error),
        ] {
            account.metrics.insert(name.to_owned(), figure);
        }
        account
    };
    let before = || published(usual());
    // An eighth worse than 0.4.
    assert_eq!(skipped(&with(0.35, 0.2, 0.02, 0.01), &before()), "denied + ndcg@100");
    assert_eq!(judged(&with(0.35, 0.2, 0.004, 0.01), &before()).verdict, Verdict::Refused);
    // A loss that is allowed needs no proof.
    assert_eq!(skipped(&with(0.39, 0.2, 0.02, 0.01), &before()), "denied");
    for (ndcg, popular) in [(0.7929, 0.7930), (0.7930, 0.7929)] {
        let account = with(ndcg, popular, 0.01, 0.001);
        assert_eq!(skipped(&account, &first()), "denied + lift over popularity + baseline");
        let gate = judged(&account, &first());
        let check = gate.checks.iter().find(|check| check.name == "lift over popularity").unwrap();
        assert!(check.detail.contains("too few") && check.detail.contains("below 0.0030"), "{check:?}");
    }
    assert_eq!(judged(&with(0.78, 0.79, 0.01, 0.001), &first()).verdict, Verdict::Refused);
    // The error of stars is noise too where ratings are few.
    let few = |rmse: f64| {
        let mut account = usual();
        account.counts.ratings = 600;
        account.metrics.insert("rmse".to_owned(), rmse);
        account
    };
    assert_eq!(skipped(&few(0.9), &published(few(0.8))), "denied + rmse");
    assert_eq!(judged(&few(1.4), &published(few(0.8))).verdict, Verdict::Refused);
    // Equal figures without noise pass.
    assert_eq!(skipped(&with(0.277, 0.277, 0.01, 0.0), &first()), "denied + baseline");
}

#[test]
fn a_sample_that_is_missing_or_of_other_users_is_not_compared_and_the_reason_is_given() {
    let input = || reading::Input {
        clean: reading::CleanRatings::default(),
        movies: reading::Movies::default(),
        vocabulary: interactions::Vocabulary::default(),
        interactions: interactions::Interactions::default(),
        sample: Sample::default(),
    };
    let why = |sample: Option<Sample>, parameters: &[(&str, u32)], now: &[(&str, u32)]| {
        let of = |parameters: &[(&str, u32)]| {
            parameters.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect()
        };
        let account = Account { parameters: of(parameters), ..usual() };
        let Baseline::Published(past) = published(account) else { panic!("no generation") };
        let baseline = Baseline::Published(Box::new(Past { sample, ..*past }));
        let site = Site::of(&input(), &baseline, None, &of(now), None);
        let gate = judge(&usual(), &site, &ListAudit::default(), &baseline, &Bounds::default(), None);
        let check = gate.checks.into_iter().find(|check| check.name == "continuity");
        check.map(|check| {
            assert_eq!(check.outcome, Outcome::Skipped);
            check.detail
        })
    };
    let whole = || Some(Sample::default());
    assert!(why(None, &[], &[]).unwrap().contains("has no sample"));
    assert_eq!(why(whole(), &[], &[]), None);
    // The number of shards does not matter where all are read.
    assert_eq!(why(whole(), &[("shards", 4)], &[("shards", 8)]), None);
    let first = |n| [("shards", 8), ("trained_shards", n)];
    assert_eq!(why(whole(), &first(2), &first(2)), None);
    for (then, now) in [(&first(2)[..], &first(3)[..]), (&[], &first(2)), (&first(2), &[("shards", 8)])] {
        assert!(why(whole(), then, now).unwrap().contains("trained on other users"));
    }
}

fn first() -> Baseline {
    Baseline::None("nothing was published".to_owned())
}

#[test]
fn lists_of_any_length_must_beat_the_most_rated_movies() {
    for (depth, movies, k) in [(20, 200, 20), (100, 37, 37), (5, 3, 3), (500, 900, 100)] {
        let mut bad = usual();
        (bad.counts.depth, bad.counts.movies) = (depth, movies);
        bad.metrics.retain(|name, _| !name.contains("ndcg"));
        bad.metrics.insert(format!("ndcg@{k}"), 0.148);
        bad.metrics.insert(format!("popularity_ndcg@{k}"), 0.2);
        let gate = judged(&bad, &first());
        assert_eq!(gate.verdict, Verdict::Refused, "{gate:?}");
        let failed: Vec<_> = gate.failed().collect();
        assert_eq!(failed[0].name, "lift over popularity");
        assert!(failed[0].detail.contains(&format!("ndcg@{k} 0.1480")), "{failed:?}");
        assert!(failed[0].detail.contains("--min-lift"), "{failed:?}");
    }
}

#[test]
fn lists_of_another_length_are_compared_at_the_longest_length_that_both_have() {
    let with = |depth: u64, figures: &[(&str, f64)]| {
        let mut account = usual();
        account.counts.depth = depth;
        account.metrics.retain(|name, _| !name.contains("ndcg"));
        account.metrics.extend(figures.iter().map(|&(name, figure)| (name.to_owned(), figure)));
        account
    };
    let before = published(with(100, &[("ndcg@10", 0.2), ("ndcg@100", 0.4), ("popularity_ndcg@100", 0.1)]));
    let worse = with(50, &[("ndcg@10", 0.1), ("ndcg@50", 0.2), ("popularity_ndcg@50", 0.1)]);
    let gate = judged(&worse, &before);
    assert_eq!(gate.failed().map(|check| check.name.as_str()).collect::<Vec<_>>(), ["ndcg@10"], "{gate:?}");
    // Without a common length the reason is that, and not the ratings.
    let short = with(5, &[("ndcg@5", 0.2), ("popularity_ndcg@5", 0.1)]);
    let gate = judged(&short, &before);
    let check = gate.checks.iter().find(|check| check.name == "ndcg@5").unwrap();
    assert_eq!(check.outcome, Outcome::Skipped);
    assert!(check.detail.contains("ndcg@10, ndcg@100"), "{check:?}");
}

#[test]
fn a_first_run_has_bounds_of_its_own_and_a_refusal_states_the_option() {
    let refused = |differ: fn(&mut Account)| {
        let mut account = usual();
        differ(&mut account);
        let gate = judged(&account, &first());
        assert_eq!(gate.verdict, Verdict::Refused, "{gate:?}");
        gate.failed().map(|check| format!("{}: {}", check.name, check.detail)).collect::<Vec<_>>().join("\n")
    };
    let in_ten_stars = refused(|account| {
        (account.rows.read, account.rows.kept, account.rows.rejected) = (1_000, 210, 790);
        account.rows.rejected_by_reason =
            [("rating_out_of_range".to_owned(), 780), ("torn_row".to_owned(), 10)].into();
    });
    assert!(
        in_ten_stars.starts_with("rejected share: 79.0 %") && !in_ten_stars.contains('\n'),
        "{in_ten_stars}"
    );
    assert!(
        in_ten_stars.contains("rating out of range") && in_ten_stars.contains("--max-rating"),
        "{in_ten_stars}"
    );
    let torn = refused(|account| {
        account.rows.rejected = 990;
        account.rows.rejected_by_reason = [("torn_row".to_owned(), 990)].into();
    });
    assert!(
        torn.contains("torn row") && torn.contains("rejects.csv") && torn.contains("--max-rejected"),
        "{torn}"
    );
    let unnamed = refused(|account| account.counts.movies_without_metadata = 101);
    assert!(unnamed.starts_with("movies without metadata") && unnamed.contains("--max-unnamed"), "{unnamed}");
}

#[test]
fn a_baseline_that_cannot_be_read_is_replaced_or_needs_force() {
    let Baseline::Published(past) = published(usual()) else { panic!("no generation") };
    let earlier = Baseline::Earlier { past, problem: "CURRENT names `x`".to_owned() };
    let gate = judged(&usual(), &earlier);
    assert_eq!(gate.verdict, Verdict::Passed);
    assert_eq!(gate.baseline.unwrap().to_string(), "20261123T023000.125Z");
    let mut lost = usual();
    lost.counts.users = 1;
    assert_eq!(judged(&lost, &earlier).verdict, Verdict::Refused);
    let unreadable = Baseline::Unreadable("CURRENT names `x`".to_owned());
    let gate = judged(&usual(), &unreadable);
    let failed: Vec<_> = gate.failed().collect();
    assert_eq!((gate.verdict, failed.len(), failed[0].name.as_str()), (Verdict::Refused, 1, "baseline"));
    assert!(
        failed[0].detail.contains("CURRENT names `x`") && failed[0].detail.contains("--force"),
        "{failed:?}"
    );
    let forced = judge(
        &usual(),
        &Site::default(),
        &ListAudit::default(),
        &unreadable,
        &Bounds::default(),
        Some("lost"),
    );
    assert_eq!(forced.verdict, Verdict::Forced);
}

#[test]
fn a_reason_forces_what_fails_and_is_recorded_only_then() {
    let mut bad = usual();
    bad.counts.users = 1;
    let forced = |account: &Account| {
        judge(
            account,
            &Site::default(),
            &ListAudit::default(),
            &published(usual()),
            &Bounds::default(),
            Some("new site"),
        )
    };
    let gate = forced(&bad);
    assert_eq!((gate.verdict, gate.reason.as_deref()), (Verdict::Forced, Some("new site")));
    assert!(gate.failed().next().is_some());
    let gate = forced(&usual());
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
            ListAudit::of(&writer.tables().unwrap(), 3, Scale::default(), None, &ProgressBar::hidden())
                .unwrap();
        let gate = judge(&usual(), &Site::default(), &lists, &published(usual()), &Bounds::default(), None);
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
        let lists = ListAudit::of(&tables, 1, Scale::default(), Some(&deny), &ProgressBar::hidden()).unwrap();
        let gate = judge(&usual(), &Site::default(), &lists, &published(usual()), &Bounds::default(), None);
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
