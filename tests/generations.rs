//! Generations listed, compared, rolled back, pinned, pruned.

use std::fs;

use harness::{Ended, World, member};
use serde_json::Value;
use store::{GenerationId, layout};

/// A world with `n` generations that differ in their seed, and their ids, the oldest first. The last is published.
fn with_generations(n: usize) -> (World, Vec<GenerationId>) {
    let world = World::new();
    for seed in 1..=n {
        world.run_quickly(&["--seed", &seed.to_string()]);
    }
    let generations = world.repository().generations().unwrap();
    assert_eq!(generations.len(), n);
    (world, generations)
}

/// The standard output of a command that must succeed.
fn prints(world: &World, command: &str, args: &[&str]) -> String {
    Ended::of(world.pipeline(command).args(args)).assert_success().stdout
}

fn json(world: &World, command: &str, args: &[&str]) -> Value {
    Ended::of(world.pipeline(command).args(args).arg("--json")).json()
}

/// The standard error of a command that must fail with code 1.
fn fails(world: &World, command: &str, args: &[&str]) -> String {
    let ended = Ended::of(world.pipeline(command).args(args));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stdout.is_empty());
    ended.stderr
}

#[test]
fn the_list_of_generations_states_the_state_of_each() {
    let world = World::new();
    assert!(prints(&world, "generations", &[]).contains("pipeline run"));
    let (world, ids) = with_generations(3);
    prints(&world, "rollback", &["--reason", "odd titles"]);
    prints(&world, "pin", &[ids[0].as_str(), "--reason", "the first"]);
    let dir = |id: &str| layout::generations_dir(&world.output()).join(id);
    fs::create_dir(dir("20200101T000000.000Z")).unwrap();
    fs::create_dir(dir("20200102T000000.000Z")).unwrap();
    fs::write(dir("20200102T000000.000Z").join("manifest.json"), r#"{"format_version": 99}"#).unwrap();

    let list = json(&world, "generations", &[]);
    let list = list.as_array().unwrap();
    let states: Vec<_> = list.iter().map(|entry| entry["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["withdrawn", "published", "ready", "unreadable", "incomplete"]);
    let named: Vec<_> = list[..3].iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!(named, [ids[2].as_str(), ids[1].as_str(), ids[0].as_str()]);
    assert_eq!((&list[0]["note"], &list[2]["pinned"]), (&"odd titles".into(), &true.into()));
    assert_eq!(list[1]["users"], 600);
    assert!(list[1]["bytes"].as_u64().unwrap() > 0 && list[1]["age_seconds"].is_u64());

    let table = prints(&world, "generations", &[]);
    for (id, says) in [
        (ids[2].as_str(), &["withdrawn", "odd titles"][..]),
        (ids[1].as_str(), &["PUBLISHED"]),
        (ids[0].as_str(), &["ready *"]),
        ("20200102T000000.000Z", &["unreadable", "upgrade the reader"]),
        ("20200101T000000.000Z", &["incomplete"]),
    ] {
        let row = table.lines().find(|line| line.starts_with(id)).unwrap();
        for text in says {
            assert!(row.contains(text), "no `{text}` in `{row}`");
        }
    }
}

#[test]
fn rollbacks_in_both_directions_are_served_and_print_the_command_that_undoes_them() {
    let (world, ids) = with_generations(3);
    let server = world.serve_when_ready();
    let serves = |id: &GenerationId| server.wait_until_ready(Some(id.as_str()));
    serves(&ids[2]);
    let text = prints(&world, "rollback", &[]);
    assert!(text.contains(&format!("pipeline rollback {}", ids[2])), "{text}");
    serves(&ids[1]);
    prints(&world, "rollback", &[]);
    serves(&ids[0]);
    prints(&world, "rollback", &[ids[2].as_str()]);
    serves(&ids[2]);
    assert!(prints(&world, "rollback", &[ids[2].as_str()]).contains("nothing was done"));

    let absent = "20010101T000000.000Z";
    assert!(fails(&world, "rollback", &[absent]).contains(&format!("there is no generation {absent}")));
    prints(&world, "rollback", &[ids[0].as_str()]);
    assert!(fails(&world, "rollback", &[]).contains("no earlier generation"));
    serves(&ids[0]);
}

#[test]
fn a_rollback_replaces_a_current_that_names_no_generation() {
    let (world, ids) = with_generations(2);
    fs::write(world.output().join(layout::CURRENT), "20010101T000000.000Z\n").unwrap();
    assert!(fails(&world, "verify", &[]).contains("there is no generation 20010101T000000.000Z"));
    prints(&world, "rollback", &[ids[1].as_str()]);
    assert_eq!(world.current(), ids[1]);
    fs::write(world.output().join(layout::CURRENT), "no name at all").unwrap();
    assert!(fails(&world, "verify", &[]).contains("no name at all"));
    prints(&world, "rollback", &[]);
    assert_eq!(world.current(), ids[1]);
}

#[test]
fn a_diff_states_changed_users_movies_and_figures() {
    let world = World::new();
    let measured = ["--factors", "16", "--epochs", "2", "--rating-sweeps", "2", "--max-quality-loss", "inf"];
    world.run_sample(&[&measured[..], &["--min-lift=-inf"]].concat());
    let first = world.current();
    world.run_sample(&[&measured[..], &["--min-lift=-inf", "--seed", "2"]].concat());
    let second = world.current();

    let same = json(&world, "diff", &[second.as_str()]);
    assert_eq!((&same["same_content"], &same["users_changed"]), (&true.into(), &0.into()), "{same}");
    assert_eq!(same["mean_overlap"], 1.0);

    let change = json(&world, "diff", &[first.as_str(), second.as_str(), "--n", "20"]);
    assert_eq!((&change["before"], &change["after"]), (&first.as_str().into(), &second.as_str().into()));
    assert_eq!((&change["users_in_both"], &change["users_gone"]), (&600.into(), &0.into()));
    assert!(change["users_changed"].as_u64().unwrap() > 300, "{change}");
    let overlap = change["mean_overlap"].as_f64().unwrap();
    assert!(overlap > 0.05 && overlap < 1.0, "{overlap}");
    let rmse = &change["metrics"]["rmse"];
    assert!(rmse["before"].is_f64() && rmse["after"].is_f64() && rmse["before"] != rmse["after"], "{rmse}");
    let tables = [world.open(&first), world.open(&second)];
    let title_of = &change["movies_in"][0];
    let id = store::MovieId::new(u32::try_from(title_of["id"].as_u64().unwrap()).unwrap());
    assert_eq!(title_of["title"], tables[1].tables().movie(id).unwrap().unwrap().title);
    let n_lists = |when: &str| member(title_of, when).as_u64().unwrap();
    assert!(n_lists("/after") > n_lists("/before"), "{title_of}");

    let text = prints(&world, "diff", &[first.as_str()]);
    let change = json(&world, "diff", &[first.as_str()]);
    let moved = |label: &str, list: &str| {
        let movie = &member(&change, list)[0];
        let [before, after] = ["/before", "/after"].map(|when| member(movie, when).as_u64().unwrap());
        format!("{label:9} {} ({before} -> {after} users)", member(movie, "/title").as_str().unwrap())
    };
    let lines: Vec<_> = text.lines().collect();
    for line in [
        format!("From      {first} to {second}"),
        "Users     600 in both, 0 gone, 0 new".to_owned(),
        moved("In", "/movies_in"),
        moved("Out", "/movies_out"),
    ] {
        assert!(lines.contains(&line.as_str()), "no line `{line}` in\n{text}");
    }
    let mean = format!("; mean overlap@10 {:.3}", member(&change, "/mean_overlap").as_f64().unwrap());
    assert!(lines[2].starts_with("Lists     ") && lines[2].ends_with(&mean), "{text}");
    let [before, after] = ["before", "after"].map(|when| change["metrics"]["rmse"][when].as_f64().unwrap());
    let rmse = format!("{:9} {:24} {before:>8.4} -> {after:>8.4}  ", "", "rmse");
    assert!(lines.iter().any(|line| line.starts_with(&rmse)), "no line `{rmse}` in\n{text}");
    let ended = Ended::of(world.pipeline("diff").args([first.as_str(), "--n", "0"]));
    assert!(ended.status.code() == Some(2) && ended.stderr.contains("--n"), "{ended:?}");
    assert!(fails(&world, "diff", &["20010101T000000.000Z"]).contains("there is no generation"));
}

#[test]
fn prune_keeps_the_newest_the_young_the_pinned_and_the_published_generations() {
    let (world, ids) = with_generations(5);
    prints(&world, "rollback", &[ids[1].as_str()]);
    prints(&world, "pin", &[ids[0].as_str()]);
    let leftover = layout::generations_dir(&world.output()).join("20200101T000000.000Z");
    fs::create_dir(&leftover).unwrap();

    // The generations are seconds old.
    assert!(prints(&world, "prune", &["--keep", "0"]).contains("Removed 0 generations"));
    let would = prints(&world, "prune", &["--keep", "1", "--older-than", "0s", "--dry-run"]);
    assert!(would.contains("Would remove") && would.contains(ids[2].as_str()), "{would}");
    assert_eq!(world.repository().generations().unwrap().len(), 5);

    fs::create_dir(&leftover).unwrap();
    let pruned = json(&world, "prune", &["--keep", "1", "--older-than", "0s"]);
    // The fifth was withdrawn by the rollback. `--keep` does not count withdrawn generations.
    assert_eq!(pruned["removed"], serde_json::json!([ids[2].as_str(), ids[4].as_str()]));
    assert_eq!((&pruned["leftovers"], &pruned["kept"]), (&1.into(), &3.into()), "{pruned}");
    let left = world.repository().generations().unwrap();
    assert_eq!(left, [ids[0].clone(), ids[1].clone(), ids[3].clone()]);

    prints(&world, "unpin", &[ids[0].as_str()]);
    prints(&world, "prune", &["--keep", "0", "--older-than", "0s"]);
    assert_eq!(world.repository().generations().unwrap(), [ids[1].clone()]);
    assert_eq!(world.current(), ids[1]);
    world.open_current();
}

#[test]
fn prune_keeps_the_unfinished_generation_of_a_current_run() {
    let (world, ids) = with_generations(3);
    prints(&world, "rollback", &[ids[0].as_str()]);
    let lock = world.repository().lock().unwrap();
    let unfinished = layout::generations_dir(&world.output()).join("20990101T000000.000Z");
    fs::create_dir(&unfinished).unwrap();
    let left = || world.repository().generations().unwrap();
    prints(&world, "prune", &["--keep", "0", "--older-than", "0s"]);
    assert!(unfinished.exists());
    // The second is newer than the published one, so it may be the result of the current run.
    assert_eq!(left()[..2], ids[..2]);
    drop(lock);
    prints(&world, "prune", &["--keep", "0", "--older-than", "0s"]);
    assert_eq!(left(), ids[..1]);
}

#[test]
fn a_rollback_to_a_generation_with_a_missing_or_short_file_is_refused() {
    let (world, ids) = with_generations(2);
    let db = layout::generation_dir(&world.output(), &ids[0]).join("records/db");
    let whole = fs::read(&db).unwrap();
    fs::write(&db, &whole[1..]).unwrap();
    let error = fails(&world, "rollback", &[]);
    assert!(error.contains(db.to_str().unwrap()) && error.contains("the manifest says"), "{error}");
    fs::remove_file(&db).unwrap();
    assert!(fails(&world, "rollback", &[ids[0].as_str()]).contains("it is missing"));
    assert_eq!(world.current(), ids[1]);
}

#[test]
fn a_pin_of_an_unknown_generation_is_refused() {
    let (world, _) = with_generations(1);
    assert!(fails(&world, "pin", &["20010101T000000.000Z"]).contains("there is no generation"));
}

/// Gives a generation another id, as a run with another clock would.
fn redate(world: &World, id: &GenerationId, to: &str) -> GenerationId {
    let dir = layout::generation_dir(&world.output(), id);
    let manifest = fs::read_to_string(dir.join("manifest.json")).unwrap();
    let (_, time) = manifest.split_once("\"created_at\": \"").unwrap();
    let time = &time[..time.find('"').unwrap()];
    let year = format!("{}{}", &to[..4], &time[4..]);
    let open = manifest.replace(id.as_str(), to).replace(time, &year);
    let (open, _) = open.split_once(",\n  \"digest\": \"").unwrap();
    let digest = store::manifest::FileDigest::of_bytes(open.as_bytes()).blake3;
    fs::write(dir.join("manifest.json"), format!("{open},\n  \"digest\": \"{digest}\"\n}}\n")).unwrap();
    let to: GenerationId = to.parse().unwrap();
    fs::rename(dir, layout::generation_dir(&world.output(), &to)).unwrap();
    let current = world.output().join(layout::CURRENT);
    let pointer = fs::read_to_string(&current).unwrap();
    fs::write(&current, pointer.replace(id.as_str(), to.as_str())).unwrap();
    to
}

#[test]
fn after_runs_with_a_wrong_clock_the_order_of_publishing_counts_and_the_clock_is_named() {
    let world = World::new();
    let run = |seed: &str, args: &[&str]| {
        world.run_quickly(&[&["--seed", seed], args].concat());
        world.current()
    };
    let first = run("1", &[]);
    let ahead = redate(&world, &run("2", &[]), "20991231T235959.000Z");
    let behind = redate(&world, &run("3", &[]), "20010101T000000.000Z");
    let metrics = world.path("batch.prom");
    let account = world.run_quickly(&["--seed", "4", "--metrics-file", metrics.to_str().unwrap()]);
    let last = world.current();
    assert_eq!(member(&account, "/dated_ahead/generation"), ahead.as_str());
    let text = fs::read_to_string(metrics).unwrap();
    let line = text.lines().find(|line| line.starts_with("recommender_batch_clock_behind_seconds ")).unwrap();
    assert!(line.split(' ').nth(1).unwrap().parse::<f64>().unwrap() > 1e9, "{line}");
    let mut run = world.pipeline("run");
    let ended =
        Ended::of(run.current_dir(harness::sample("../..")).args(harness::SMALL_MODEL).args(["--seed", "4"]));
    assert!(ended.stderr.contains(&format!("generation {ahead} is dated")), "{}", ended.stderr);

    // One of the others is kept: the one that was published before.
    let would = json(&world, "prune", &["--keep", "1", "--older-than", "0s", "--dry-run"]);
    assert_eq!(would["removed"], serde_json::json!([first.as_str(), ahead.as_str()]));

    let server = world.serve_when_ready();
    for to in [&behind, &ahead, &first] {
        let text = prints(&world, "rollback", &[]);
        assert!(
            text.starts_with(&format!("Published {to} in")) && text.contains(" again, in place of"),
            "{text}"
        );
        server.wait_until_ready(Some(to.as_str()));
        let about = server.get("/generation").json();
        let metrics = server.get("/metrics").body;
        let metric = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap().parse::<f64>().unwrap()
        };
        let is_ahead = *to == ahead;
        assert_eq!(about["dated_ahead_seconds"].is_u64(), is_ahead, "{about}");
        assert_eq!(metric("recommender_generation_dated_ahead_seconds") > 1e9, is_ahead);
        // It grows from the moment at which it is opened.
        let age = || {
            let metrics = server.get("/metrics").body;
            let line =
                metrics.lines().find_map(|line| line.strip_prefix("recommender_generation_age_seconds "));
            line.unwrap().parse::<f64>().unwrap()
        };
        let before = age();
        assert!(before > 0.0);
        harness::eventually("it ages", || age() > before);
    }
    assert!(fails(&world, "rollback", &[]).contains("no earlier generation"));
    let entry = |id: &GenerationId| {
        let list = json(&world, "generations", &[]);
        list.as_array().unwrap().iter().find(|entry| entry["id"] == id.as_str()).unwrap().clone()
    };
    assert!(entry(&ahead)["age_seconds"].is_null() && entry(&ahead)["dated_ahead_seconds"].is_u64());
    assert_eq!(
        (&entry(&first)["publications_ago"], &entry(&last)["publications_ago"]),
        (&0.into(), &3.into())
    );
}

#[test]
fn a_generation_that_was_never_published_is_not_published_again_and_an_old_pointer_is_read() {
    let (world, ids) = with_generations(3);
    // An earlier release leaves it so.
    fs::write(world.output().join(layout::CURRENT), format!("{}\n", ids[2])).unwrap();
    let text = prints(&world, "rollback", &[]);
    assert!(text.starts_with(&format!("Published {} in", ids[1])) && !text.contains("again"), "{text}");
    let text = prints(&world, "rollback", &[ids[2].as_str()]);
    assert!(text.contains("again, in place of"), "{text}");
}

#[test]
fn damage_of_the_same_length_is_found_before_a_generation_is_published_again_or_called_unchanged() {
    let (world, ids) = with_generations(2);
    let damage = |id: &GenerationId| {
        let db = layout::generation_dir(&world.output(), id).join("records/db");
        let mut bytes = fs::read(&db).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&db, bytes).unwrap();
        db.display().to_string()
    };
    let db = damage(&ids[0]);
    let error = fails(&world, "rollback", &[]);
    assert!(error.contains(&db) && error.contains("BLAKE3"), "{error}");
    assert_eq!(world.current(), ids[1]);
    assert_eq!(member(&world.run_quickly(&["--seed", "2"]), "/outcome"), "unchanged");
    damage(&ids[1]);
    assert_eq!(member(&world.run_quickly(&["--seed", "2"]), "/outcome"), "published");
}
