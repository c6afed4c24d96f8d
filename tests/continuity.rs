//! The gate asks whether an input is still that of the same site. Each way in which it is not is refused by the check that
//! names it, and two weeks of an honest, growing site are published day by day.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use harness::{Ended, World, sample};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// Options of a model that is trained in a moment, measured, and better than popularity.
const MEASURED: [&str; 7] = ["--factors", "16", "--epochs", "3", "--rating-sweeps", "3", "--no-report"];

type Id = u32;

/// The ratings and movies of a site.
#[derive(Debug, Clone)]
struct Site {
    ratings: BTreeMap<(Id, Id), (f32, String)>,
    movies: BTreeMap<Id, (String, String)>,
}

impl Site {
    /// Reads two files. Rows that are not clean are left out.
    fn read(ratings: &Path, movies: &Path) -> Self {
        let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        let mut site = Self { ratings: BTreeMap::new(), movies: BTreeMap::new() };
        for line in text(ratings).lines() {
            let cells: Vec<_> = line.split(',').collect();
            let [user, movie, stars, time] = cells[..] else { continue };
            let (Ok(user), Ok(movie), Ok(stars)) = (user.parse(), movie.parse(), stars.parse()) else {
                continue;
            };
            if (0.5..=5.0).contains(&stars) && time.parse::<u32>().is_ok() {
                site.ratings.insert((user, movie), (stars, time.to_owned()));
            }
        }
        for line in text(movies).lines() {
            let Some((id, rest)) = line.split_once(',') else { continue };
            let (Ok(id), Some((title, genres))) = (id.parse(), rest.rsplit_once(',')) else { continue };
            let title = title.trim_matches('"').replace("\"\"", "\"");
            site.movies.insert(id, (title, genres.to_owned()));
        }
        site
    }

    fn users(&self) -> Vec<Id> {
        let mut users: Vec<_> = self.ratings.keys().map(|pair| pair.0).collect();
        users.dedup();
        users
    }

    /// The number of ratings of each rated movie.
    fn rated(&self) -> BTreeMap<Id, usize> {
        let mut rated = BTreeMap::new();
        self.ratings.keys().for_each(|&(_, movie)| *rated.entry(movie).or_default() += 1);
        rated
    }

    fn with_ids(&self, ids: impl Fn(Id, Id) -> (Id, Id)) -> Self {
        let ratings = self.ratings.iter().map(|(&(user, movie), rating)| (ids(user, movie), rating.clone()));
        Self { ratings: ratings.collect(), movies: self.movies.clone() }
    }

    fn without_users(&self, gone: &[Id]) -> Self {
        let mut site = self.clone();
        site.ratings.retain(|(user, _), _| !gone.contains(user));
        site
    }

    fn write(&self, world: &World) -> (PathBuf, PathBuf) {
        let ratings = self.ratings.iter();
        let ratings =
            ratings.map(|((user, movie), (stars, time))| format!("{user},{movie},{stars},{time}\n"));
        let movies = self.movies.iter().map(|(id, (title, genres))| {
            let title = title.replace('"', "\"\"");
            format!("{id},\"{title}\",{genres}\n")
        });
        let ratings = format!("userId,movieId,rating,timestamp\n{}", ratings.collect::<String>());
        let movies = format!("movieId,title,genres\n{}", movies.collect::<String>());
        (world.write("ratings.csv", ratings), world.write("movies.csv", movies))
    }
}

/// The report of a run on a site, which may be refused.
fn run(world: &World, site: &Site, args: &[&str]) -> Value {
    let (ratings, movies) = site.write(world);
    let mut command = world.pipeline("run");
    command.arg("--ratings").arg(ratings).arg("--movies").arg(movies).args(MEASURED).args(args).arg("--json");
    let ended = Ended::of(&mut command);
    assert!(matches!(ended.status.code(), Some(0 | 3)), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// The names and details of the checks with an outcome.
fn checks(report: &Value, outcome: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let all = report["gate"]["checks"].as_array().unwrap().iter();
    let wanted = all.filter(|check| check["outcome"] == outcome);
    wanted.map(|check| (text(&check["name"]), text(&check["detail"]))).collect()
}

/// Runs on a site, which the gate must refuse by a check of a name.
fn refused(world: &World, what: &str, site: &Site, args: &[&str], name: &str) {
    let report = run(world, site, args);
    let failed = checks(&report, "failed");
    assert!(report["outcome"] == "refused" && failed.contains_key(name), "{what}: no {name} in {failed:#?}");
}

fn published(world: &World, what: &str, site: &Site, args: &[&str]) -> Value {
    let report = run(world, site, args);
    assert_eq!(report["outcome"], "published", "{what}: {:#?}", checks(&report, "failed"));
    report
}

/// The path of a file of the published generation.
fn published_file(world: &World, name: &str) -> PathBuf {
    store::layout::generation_dir(&world.output(), &world.current()).join(name)
}

/// The ids in an order by a seed, by id.
fn permuted(ids: &[Id], seed: u64) -> BTreeMap<Id, Id> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut other = ids.to_vec();
    for place in (1..other.len()).rev() {
        other.swap(place, random.random_range(0..=place));
    }
    ids.iter().copied().zip(other).collect()
}

/// The site of the committed sample.
fn of_sample() -> Site {
    Site::read(&sample("ratings.csv"), &sample("movies.csv"))
}

/// Another day of a site: new ratings as often as `traffic` says, new users, and edited histories.
fn live(site: &mut Site, random: &mut StdRng, time: u32, traffic: usize) {
    let rated: Vec<_> = site.ratings.iter().map(|(&(_, movie), &(stars, _))| (movie, stars)).collect();
    let mut users = site.users();
    let lengths: Vec<_> =
        users.iter().map(|&user| site.ratings.range((user, 0)..=(user, Id::MAX)).count()).collect();
    let rate = |site: &mut Site, random: &mut StdRng, user: Id| {
        let ((movie, _), (_, stars)) =
            (rated[random.random_range(0..rated.len())], rated[random.random_range(0..rated.len())]);
        site.ratings.insert((user, movie), (stars, time.to_string()));
    };
    for _ in 0..(traffic * users.len()).div_ceil(200) {
        let user = users.last().unwrap() + 1;
        users.push(user);
        (0..lengths[random.random_range(0..lengths.len())]).for_each(|_| rate(site, random, user));
    }
    for _ in 0..traffic * rated.len() / 100 {
        let user = users[random.random_range(0..users.len())];
        rate(site, random, user);
    }
    for _ in 0..users.len() * traffic.min(1) / 50 {
        let user = users[random.random_range(0..users.len())];
        let history: Vec<_> =
            site.ratings.range((user, 0)..=(user, Id::MAX)).map(|rating| *rating.0).collect();
        for pair in history.into_iter().skip(1).step_by(5) {
            match random.random_range(0..3) {
                0 => drop(site.ratings.remove(&pair)),
                _ => drop(site.ratings.insert(pair, (3.5, time.to_string()))),
            }
        }
    }
}

#[test]
fn two_weeks_of_an_honest_site_that_grows_are_published_day_by_day() {
    let (world, mut site) = (World::new(), of_sample());
    let mut random = StdRng::seed_from_u64(14);
    published(&world, "the first day", &site, &[]);
    for day in 1..=14u32 {
        // Three times the traffic at a weekend, and a day without any.
        let traffic = match day {
            6 | 7 => 3,
            10 => 0,
            _ => 1,
        };
        live(&mut site, &mut random, 1_700_000_000 + day * 86_400, traffic);
        let report = run(&world, &site, &[]);
        let expected = if traffic == 0 { "unchanged" } else { "published" };
        assert_eq!(report["outcome"], expected, "day {day}: {:#?}", checks(&report, "failed"));
        // Every other check has something to look at; a change of NDCG may be noise, as the site is small.
        let mut skipped = checks(&report, "skipped");
        skipped.retain(|name, detail| !detail.contains("too few to tell") && !name.starts_with("lift"));
        assert_eq!(skipped.keys().collect::<Vec<_>>(), ["denied"], "day {day}: {skipped:#?}");
    }
}

#[test]
fn losses_that_each_run_would_pass_do_not_add_up_unnoticed() {
    let (world, site) = (World::new(), of_sample());
    published(&world, "the first", &site, &[]);
    let users = site.users();
    let n = users.len() * 45 / 1000;
    published(&world, "4.5 % of the users lost", &site.without_users(&users[..n]), &[]);
    let again = site.without_users(&users[..2 * n - 1]);
    refused(&world, "4.5 % again", &again, &[], "users lost in two weeks");
    // A person may say that it is right, and is not asked again.
    published(&world, "forced", &again, &["--force", "old accounts were closed"]);
    published(&world, "the day after", &again.without_users(&users[2 * n..2 * n + 2]), &[]);
}

#[test]
fn users_and_movies_of_the_deny_list_are_no_loss() {
    let (world, site) = (World::new(), of_sample());
    published(&world, "the first", &site, &[]);
    let (users, movies) = (site.users(), site.rated());
    let mut deny: String = users.iter().step_by(12).map(|user| format!("user {user}\n")).collect();
    deny.extend(movies.keys().step_by(9).map(|movie| format!("movie {movie}\n")));
    let deny = world.write("deny.txt", deny);
    let args = ["--deny-list", deny.to_str().unwrap(), "--max-quality-loss", "1"];
    let report = published(&world, "a twelfth of the users deleted", &site, &args);
    let sample = world.repository().sample(&world.repository().manifest(&world.current()).unwrap());
    let sample = sample.unwrap().unwrap();
    assert!(sample.users.get(&store::UserId::new(users[0])).is_none(), "a deleted user is in the sample");
    assert!(sample.users.get(&store::UserId::new(users[1])).is_some());
    assert!(checks(&report, "passed").contains_key("histories"));
}

#[test]
fn a_run_with_shards_is_judged_as_one_without() {
    let site = of_sample();
    let users = site.users();
    let other = permuted(&users, 1);
    let mixed_up = site.with_ids(|user, movie| (other[&user], movie));
    let details = |shards: &[&str]| {
        let world = World::new();
        published(&world, "the first", &site, shards);
        let report = run(&world, &mixed_up, shards);
        let ours = [
            "histories",
            "stars",
            "times",
            "users lost",
            "titles",
            "new ratings of one movie",
            "doubled users",
        ];
        let mut found = checks(&report, "failed");
        found.extend(checks(&report, "passed"));
        found.retain(|name, _| ours.contains(&name.as_str()));
        assert_eq!(found.len(), ours.len(), "{found:?}");
        assert!(checks(&report, "failed").contains_key("histories"));
        found
    };
    assert_eq!(details(&[]), details(&["--shards", "3"]));
}

#[test]
fn a_baseline_that_cannot_be_read_is_replaced_and_one_that_is_gone_needs_force() {
    let site = of_sample();
    let other = permuted(&site.users(), 2);
    let mixed_up = site.with_ids(|user, movie| (other[&user], movie));
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    type Damage = fn(&World, &dyn Fn(&Path));
    let damages: [(&str, Damage); 3] = [
        ("CURRENT emptied", |world, _| fs::write(world.output().join("CURRENT"), "").unwrap()),
        ("the manifest damaged", |world, flip| {
            flip(&published_file(world, "manifest.json"));
        }),
        ("the sample damaged", |world, flip| {
            flip(&published_file(world, "sample.bin"));
        }),
    ];
    for (what, damage) in damages {
        let world = World::new();
        published(&world, "the first", &site, &[]);
        let good = world.current();
        published(&world, "the second", &site, &["--seed", "3", "--max-quality-loss", "1"]);
        damage(&world, &flip);
        let report = run(&world, &mixed_up, &[]);
        assert!(checks(&report, "failed").contains_key("histories"), "{what}: {report:#?}");
        let passed = checks(&report, "passed");
        assert!(passed["baseline"].contains("instead"), "{what}: {passed:#?}");
        // An emptied CURRENT leaves the newest, a damaged generation the one before.
        assert_eq!(report["gate"]["baseline"] == good.as_str(), what != "CURRENT emptied", "{what}");

        if what == "CURRENT emptied" {
            continue; // the only generation is whole
        }
        let alone = World::new();
        published(&alone, "the first", &site, &[]);
        damage(&alone, &flip);
        refused(&alone, what, &site, &["--seed", "3"], "baseline");
        published(&alone, what, &site, &["--seed", "4", "--force", "the disk was damaged"]);
    }
}

#[cfg(real_data)]
mod table {
    //! Changes of the input, and the checks that name them, on ml-latest-small.

    use super::*;

    impl Site {
        fn with_ratings(&self, differ: impl Fn(&mut (f32, String))) -> Self {
            let mut site = self.clone();
            site.ratings.values_mut().for_each(differ);
            site
        }

        fn with_movies(&self, differ: impl Fn(&mut (String, String))) -> Self {
            let mut site = self.clone();
            site.movies.values_mut().for_each(differ);
            site
        }

        fn and(&self, more: impl IntoIterator<Item = (Id, Id, f32)>) -> Self {
            let mut site = self.clone();
            for (user, movie, stars) in more {
                site.ratings.entry((user, movie)).or_insert((stars, "1500000000".to_owned()));
            }
            site
        }
    }

    fn site() -> Site {
        let dir = PathBuf::from(std::env::var_os("RECOMMENDER_TEST_DATA").unwrap_or_default());
        Site::read(&dir.join("ml-latest-small/ratings.csv"), &dir.join("ml-latest-small/movies.csv"))
    }

    /// Publishes a site and runs on others, each of which must be refused by the check of its name.
    fn all_refused(site: &Site, rows: Vec<(&str, Site, &str)>) {
        let world = World::new();
        published(&world, "the first", site, &[]);
        for (what, other, name) in rows {
            refused(&world, what, &other, &[], name);
        }
    }

    #[test]
    fn users_who_are_others_are_refused() {
        let site = site();
        let users = site.users();
        let last = *users.last().unwrap();
        let other = permuted(&users, 1);
        let of_a_third: Vec<_> = users.iter().copied().step_by(3).collect();
        let third = permuted(&of_a_third, 1);
        let twice = |users: &[Id]| {
            let of = |&user: &Id| site.ratings.range((user, 0)..=(user, Id::MAX));
            let doubled =
                users.iter().flat_map(of).map(|(pair, rating)| ((pair.0 + last, pair.1), rating.clone()));
            let mut site = site.clone();
            site.ratings.extend(doubled.collect::<Vec<_>>());
            site
        };
        let rows = vec![
            ("ids permuted", site.with_ids(|user, movie| (other[&user], movie)), "histories"),
            (
                "ids of a third permuted",
                site.with_ids(|user, movie| (*third.get(&user).unwrap_or(&user), movie)),
                "histories",
            ),
            ("all ids plus a million", site.with_ids(|user, movie| (user + 1_000_000, movie)), "users lost"),
            ("49 % twice", twice(&users[..users.len() * 49 / 100]), "doubled users"),
            ("a tenth twice", twice(&users[..users.len() / 10]), "doubled users"),
        ];
        all_refused(&site, rows);
    }

    #[test]
    fn movies_that_are_others_are_refused() {
        let site = site();
        let movies: Vec<_> = site.movies.keys().copied().collect();
        let other = permuted(&movies, 1);
        let mut shuffled = site.clone();
        let mut half_lost = site.clone();
        for (id, (title, _)) in &mut shuffled.movies {
            title.clone_from(&site.movies[&other[id]].0);
        }
        half_lost.movies.values_mut().step_by(2).for_each(|movie| movie.1.clear());
        let moved = |id: Id| id + 1_000_000;
        let mut all_moved = site.with_ids(|user, movie| (user, moved(movie)));
        all_moved.movies = site.movies.iter().map(|(&id, movie)| (moved(id), movie.clone())).collect();
        let titled = |title: &str| site.with_movies(|movie| title.clone_into(&mut movie.0));
        let rows = vec![
            ("ids permuted", site.with_ids(|user, movie| (user, other[&movie])), "histories"),
            ("all ids plus a million, in both files", all_moved, "movies lost"),
            ("titles shuffled", shuffled, "titles"),
            ("all titles TEST", titled("TEST"), "distinct titles"),
            ("all titles ???", titled("???"), "distinct titles"),
            ("genres empty", site.with_movies(|movie| movie.1.clear()), "genres"),
            ("genres all the same", site.with_movies(|movie| "Drama".clone_into(&mut movie.1)), "genres"),
            ("genres of half of the movies lost", half_lost, "genres"),
        ];
        all_refused(&site, rows);
        for title in ["TEST", "???"] {
            refused(&World::new(), "a first run", &titled(title), &[], "distinct titles");
        }
    }

    #[test]
    fn stars_and_times_that_are_others_are_refused() {
        let site = site();
        let starred = |stars: fn(f32) -> f32| site.with_ratings(|rating| rating.0 = stars(rating.0));
        let timed = |time: &str| site.with_ratings(|rating| time.clone_into(&mut rating.1));
        let later =
            |rating: &mut (f32, String)| rating.1 = (rating.1.parse::<u32>().unwrap() + 3600).to_string();
        let rows = vec![
            ("all stars 4", starred(|_| 4.0), "star distribution"),
            ("all stars 4", starred(|_| 4.0), "stars"),
            ("at most 4 stars", starred(|stars| stars.min(4.0)), "stars"),
            ("the best is the worst", starred(|stars| 5.5 - stars), "star distribution"),
            ("all times 0", timed("0"), "times"),
            ("all times equal", timed("1500000000"), "times"),
            ("times gone", timed(""), "times"),
            ("all times an hour later", site.with_ratings(later), "times"),
        ];
        all_refused(&site, rows);
    }

    #[test]
    fn users_who_are_none_are_refused_or_their_movies_are_held_back() {
        let site = site();
        let (users, rated) = (site.users(), site.rated());
        let last = *users.last().unwrap();
        let (&obscure, _) = rated.iter().find(|&(_, &n)| n == 1).unwrap();
        let new = || (1..=users.len() as u32 * 45 / 100).map(|number| last + number);
        let all = |user: Id| rated.keys().map(move |&movie| (user, movie, 4.0));
        let influx = site.and(new().map(|user| (user, obscure, 5.0)));
        let popular: Vec<_> = rated.iter().filter(|&(_, &n)| n > 150).map(|(&movie, _)| movie).collect();
        let of_one = |user: Id| {
            let others = popular.iter().copied().skip(user as usize % 20).step_by(7).take(4);
            others.chain([obscure]).map(move |movie| (user, movie, 5.0)).collect::<Vec<_>>()
        };
        let rows = vec![
            ("a new user who has rated everything", site.and(all(last + 1)), "longest history"),
            ("a known user who has rated everything", site.and(all(users[0])), "new ratings of one user"),
            (
                "everybody rates one movie",
                site.and(users.iter().map(|&user| (user, obscure, 5.0))),
                "new ratings of one movie",
            ),
            ("45 % new users with one movie", influx.clone(), "movies of new users"),
            ("45 % new users with one movie", influx.clone(), "users with one rating"),
            ("and four popular ones", site.and(new().flat_map(of_one)), "movies of new users"),
        ];
        all_refused(&site, rows);
        refused(&World::new(), "a first run", &site.and(all(last + 1)), &[], "longest history");

        let world = World::new();
        published(&world, "the first", &site, &[]);
        let held = ["--new-user-movies", "hold-back"];
        for what in ["held back", "and again, as the users are still new"] {
            let report = published(&world, what, &influx, &[&held[..], &["--always"]].concat());
            let detail = &checks(&report, "passed")["movies of new users"];
            assert!(
                detail.contains("held back") && detail.contains(&obscure.to_string()),
                "{what}: {detail}"
            );
            let rows = &report["rows"];
            assert_eq!(
                (&rows["read"], &rows["kept"]),
                (&influx.ratings.len().into(), &(site.ratings.len() - 1).into())
            );
            assert_eq!(rows["denied"], new().count() + 1);
        }
        let tables = world.open_current();
        assert!(tables.tables().item_factors(store::MovieId::new(obscure)).unwrap().is_none());
    }

    #[test]
    fn a_worse_model_is_refused_at_any_depth_and_catalog_and_the_reason_is_true() {
        let site = site();
        let rated = site.rated();
        let mut by_raters: Vec<_> = rated.iter().map(|(&movie, &n)| (std::cmp::Reverse(n), movie)).collect();
        by_raters.sort_unstable();
        let mut small = site.clone();
        let few: Vec<_> = by_raters[..80].iter().map(|&(_, movie)| movie).collect();
        small.ratings.retain(|(_, movie), _| few.contains(movie));
        for (what, site, depth, name) in
            [("depth 50", &site, "50", "ndcg@10"), ("80 movies", &small, "100", "ndcg@80")]
        {
            let world = World::new();
            published(&world, "the first", site, &[]);
            let report = run(&world, site, &["--depth", depth, "--objective", "rating"]);
            let failed = checks(&report, "failed");
            assert!(failed.contains_key(name) && failed[name].contains("worse"), "{what}: {failed:#?}");
            let mut skipped = checks(&report, "skipped");
            skipped.retain(|name, _| !name.starts_with("lift"));
            let exposure = skipped.remove("most shown movie");
            assert_eq!(exposure.is_some(), what == "80 movies");
            assert_eq!(skipped.keys().collect::<Vec<_>>(), ["denied"], "{what}: {skipped:#?}");
        }
    }
}
