//! Shards whose task runs twice, too late, or on denied ids.

use std::fs;
use std::path::Path;

use evaluation::RunQuality;
use indicatif::ProgressBar;
use interactions::Interactions;
use interactions::Vocabulary;
use interactions::{Ratings, Scale};
use models::{ItemModel, RankingSettings, RatingSettings, TrainSettings, TrainingCurve};
use store::manifest::FileDigest;
use store::repository::JobFiles;
use store::{DenyList, MovieId, Repository, UserId};

use super::*;
use crate::error::Error;
use crate::executable::program_digest;

/// Prepares a job of one shard with three users and three movies.
fn prepared<'a>(repository: &'a Repository, work: &Path) -> Job<'a> {
    prepared_without(repository, work, "")
}

/// Prepares the same job with a deny list. Its ratings were cut before the list was written, so they have all users.
fn prepared_without<'a>(repository: &'a Repository, work: &Path, deny: &str) -> Job<'a> {
    let deny = DenyList::parse(Path::new("deny.txt"), deny.as_bytes()).unwrap();
    let pairs = [(1, 10), (1, 20), (2, 10), (2, 30), (3, 20), (3, 30)];
    let ratings = Ratings {
        users: pairs.iter().map(|pair| UserId::new(pair.0)).collect(),
        movies: pairs.iter().map(|pair| MovieId::new(pair.1)).collect(),
        stars: vec![4.0, 2.0, 5.0, 3.0, 1.0, 4.5],
        timestamps: vec![0; pairs.len()],
    };
    let vocabulary = Vocabulary::of(&ratings);
    let interactions = Interactions::of(&ratings, &vocabulary);
    let settings = TrainSettings {
        ranking: RankingSettings { n_factors: Some(2), epochs: 1, ..RankingSettings::default() },
        rating: RatingSettings { n_factors: 1, sweeps: Some(2) },
        ..TrainSettings::default()
    };
    let bar = ProgressBar::hidden();
    let (items, _) = ItemModel::train(&interactions, &settings, &bar).unwrap();
    let path = work.join("items.parquet");
    ShardModel::write(&path, vocabulary.items(), &items).unwrap();
    let plan = |files: &JobFiles<'a>| {
        let to = files.ratings();
        let digests = cut(&interactions.by_user, &vocabulary, 1, &to, work, &bar)?;
        Ok(Plan {
            key: "any".to_owned(),
            program: program_digest(),
            n_shards: 1,
            depth: 2,
            scale: Scale::default(),
            items: FileDigest::of(&path)?,
            ratings: RatingsPlan { location: None, account: to.end(digests, None)? },
            n_trained: None,
            denied: DeniedHashes::new(&deny, files.id()),
            quality: RunQuality::default(),
            course: TrainingCurve::default(),
        })
    };
    Job::begin(repository, &path, plan).unwrap()
}

#[test]
fn a_late_task_does_not_change_a_shard_with_a_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let (output, work) = (dir.path().join("output"), dir.path().join("work"));
    fs::create_dir(&work).unwrap();
    let repository = Repository::in_directory(&output);
    let job = prepared(&repository, &work);
    let task = Task::open(repository.location(), Some(job.id().clone()), &work).unwrap();
    task.run(0).unwrap();
    let results = repository.path(job.id(), "users/00000.parquet");
    let done = fs::read(&results).unwrap();
    assert_eq!(job.receipt(0).unwrap().unwrap().file, FileDigest::of(&results).unwrap());
    assert!(job.missing().unwrap().is_empty());

    let late = dir.path().join("late.parquet");
    fs::write(&late, "cut off").unwrap();
    job.files().send_results(&late, 0).unwrap();
    task.check(0).unwrap();
    task.run(0).unwrap();
    assert_eq!(fs::read(&results).unwrap(), done);

    // After the end of the job the task changes nothing either.
    job.end().unwrap();
    job.files().send_results(&late, 0).unwrap();
    for error in [task.check(0).unwrap_err(), task.run(0).unwrap_err()] {
        assert!(matches!(error, Error::NotPrepared { .. }), "{error}");
    }
    assert_eq!(fs::read(&results).unwrap(), done);
}

#[test]
fn damaged_results_of_a_failed_task_are_an_error_and_computed_again() {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    fs::create_dir(&work).unwrap();
    let repository = Repository::in_directory(&dir.path().join("output"));
    let job = prepared(&repository, &work);
    let task = Task::open(repository.location(), None, &work).unwrap();
    let cut_off = dir.path().join("cut-off.parquet");
    fs::write(&cut_off, "cut off").unwrap();
    job.files().send_results(&cut_off, 0).unwrap();
    let error = task.check(0).unwrap_err();
    assert!(matches!(error, Error::Store(store::Error::Damaged { .. })), "{error}");
    assert_eq!(job.missing().unwrap(), [0]);
    task.run(0).unwrap();
    assert!(job.receipt(0).unwrap().is_some());
}

#[test]
fn a_shard_with_a_denied_user_or_movie_is_refused_and_the_job_names_no_denied_id() {
    for deny in ["user 2\nuser 4018273645", "movie 30\nmovie 4018273645"] {
        let dir = tempfile::tempdir().unwrap();
        let (output, work) = (dir.path().join("output"), dir.path().join("work"));
        fs::create_dir(&work).unwrap();
        let repository = Repository::in_directory(&output);
        let job = prepared_without(&repository, &work, deny);
        let task = Task::open(repository.location(), None, &work).unwrap();
        let error = task.run(0).unwrap_err();
        assert!(matches!(error, Error::BadRatings { .. }), "{error}");
        assert!(error.to_string().contains("deny list") && !error.to_string().contains("user 2"), "{error}");
        assert_eq!(job.missing().unwrap(), [0]);
        let plan = output.join("jobs").join(job.id().to_string()).join("plan.json");
        let plan = fs::read_to_string(plan).unwrap();
        assert!(plan.contains("denied") && !plan.contains("4018273645"), "{plan}");
    }
}
