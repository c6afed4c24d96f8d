//! Tests of the scheduler with a clock that is a number.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::schedule::time_zone;

/// A clock that only waits and runs advance, and a record of the runs.
#[derive(Debug, Default)]
struct World {
    now: Timestamp,
    /// The time at which the scheduler is stopped.
    end: Timestamp,
    /// The clock jumps from the first time to the second: a suspended machine, or a clock that was set.
    jump: Option<(Timestamp, Timestamp)>,
    /// The outcomes of the first runs; further runs succeed.
    outcomes: Vec<RunOutcome>,
    /// The duration of a run.
    duration: SignedDuration,
    /// The times at which runs began.
    began: Vec<Timestamp>,
}

#[derive(Debug, Clone)]
struct Fake(Rc<RefCell<World>>);

impl Fake {
    fn pass(&self, time: SignedDuration) -> Wait {
        let mut world = self.0.borrow_mut();
        world.now += time;
        if let Some((from, to)) = world.jump
            && world.now >= from
        {
            (world.now, world.jump) = (to, None);
        }
        if world.now >= world.end { Wait::Stopped } else { Wait::Over }
    }
}

impl Clock for Fake {
    fn now(&self) -> Timestamp {
        self.0.borrow().now
    }

    fn wait(&mut self, time: Duration) -> Wait {
        assert!(time <= STEP && !time.is_zero(), "{time:?}");
        self.pass(SignedDuration::try_from(time).unwrap())
    }
}

impl Job for Fake {
    fn run(&mut self) -> RunOutcome {
        let now = self.now();
        self.0.borrow_mut().began.push(now);
        let duration = self.0.borrow().duration;
        self.pass(duration);
        let mut world = self.0.borrow_mut();
        if world.outcomes.is_empty() { RunOutcome::Succeeded } else { world.outcomes.remove(0) }
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn world(now: &str, end: &str) -> World {
    World { now: at(now), end: at(end), duration: SignedDuration::from_mins(2), ..World::default() }
}

fn failed() -> RunOutcome {
    RunOutcome::Failed("code 1".to_owned())
}

const RETRIES: Retries = Retries { n: 3, first_pause: Duration::from_secs(300) };

/// Returns when runs began, in the zone.
fn run_times(cron: &str, zone: &str, last: Option<&str>, world: World) -> Vec<String> {
    let times = Times::new(cron.parse().unwrap(), time_zone(zone).unwrap());
    let fake = Fake(Rc::new(RefCell::new(world)));
    Scheduler::new(times.clone(), RETRIES, fake.clone(), fake.clone()).run_until_stopped(last.map(at));
    let world = fake.0.borrow();
    world.began.iter().map(|&began| times.shown(began).strftime("%m-%d %H:%M:%S").to_string()).collect()
}

#[test]
fn every_day_has_one_run_at_its_time() {
    let times = run_times("30 2 * * *", "UTC", None, world("2026-11-24T12:00:00Z", "2026-11-27T12:00:00Z"));
    assert_eq!(times, ["11-25 02:30:00", "11-26 02:30:00", "11-27 02:30:00"]);
}

#[test]
fn the_days_on_which_clocks_change_have_one_run_each() {
    let spring = world("2026-03-28T12:00:00Z", "2026-03-30T12:00:00Z");
    assert_eq!(run_times("30 2 * * *", "Europe/Berlin", None, spring), ["03-29 03:00:00", "03-30 02:30:00"]);
    let autumn = world("2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z");
    assert_eq!(run_times("30 2 * * *", "Europe/Berlin", None, autumn), ["10-25 02:30:00", "10-26 02:30:00"]);
    let autumn = world("2026-04-04T02:00:00Z", "2026-04-06T02:00:00Z");
    assert_eq!(
        run_times("30 2 * * *", "Australia/Sydney", None, autumn),
        ["04-05 02:30:00", "04-06 02:30:00"]
    );
}

#[test]
fn runs_that_were_missed_before_the_start_are_made_up_for_by_one() {
    let late = || world("2026-11-24T12:00:00Z", "2026-11-25T12:00:00Z");
    let times = run_times("30 2 * * *", "UTC", Some("2026-11-20T02:31:00Z"), late());
    assert_eq!(times, ["11-24 12:00:00", "11-25 02:30:00"]);
    // The run of this day was done.
    assert_eq!(run_times("30 2 * * *", "UTC", Some("2026-11-24T02:31:00Z"), late()), ["11-25 02:30:00"]);
}

#[test]
fn runs_that_a_suspended_machine_missed_are_made_up_for_by_one() {
    let mut slept = world("2026-11-24T12:00:00Z", "2026-11-29T00:00:00Z");
    slept.jump = Some((at("2026-11-24T20:00:00Z"), at("2026-11-27T08:00:00Z")));
    assert_eq!(run_times("30 2 * * *", "UTC", None, slept), ["11-27 08:00:00", "11-28 02:30:00"]);
}

#[test]
fn times_that_fall_due_during_a_run_are_skipped() {
    let mut long = world("2026-11-24T12:01:00Z", "2026-11-24T13:10:00Z");
    long.duration = SignedDuration::from_mins(35);
    assert_eq!(run_times("*/15 * * * *", "UTC", None, long), ["11-24 12:15:00", "11-24 13:00:00"]);
}

#[test]
fn a_failed_run_is_retried_after_increasing_pauses_until_the_next_day() {
    let mut broken = world("2026-11-24T12:00:00Z", "2026-11-26T12:00:00Z");
    broken.outcomes = vec![failed(); 4];
    let runs = run_times("30 2 * * *", "UTC", None, broken);
    // Two minutes of running, and 5, 10 and 20 of waiting.
    let expected = ["11-25 02:30:00", "11-25 02:37:00", "11-25 02:49:00", "11-25 03:11:00", "11-26 02:30:00"];
    assert_eq!(runs, expected);
}

#[test]
fn a_retry_that_succeeds_is_the_last() {
    let mut broken = world("2026-11-24T12:00:00Z", "2026-11-25T12:00:00Z");
    broken.outcomes = vec![failed()];
    assert_eq!(run_times("30 2 * * *", "UTC", None, broken), ["11-25 02:30:00", "11-25 02:37:00"]);
}

#[test]
fn a_refused_run_and_one_that_found_another_are_not_retried() {
    for outcome in [RunOutcome::Refused, RunOutcome::Busy] {
        let mut once = world("2026-11-24T12:00:00Z", "2026-11-26T12:00:00Z");
        once.outcomes = vec![outcome];
        assert_eq!(run_times("30 2 * * *", "UTC", None, once), ["11-25 02:30:00", "11-26 02:30:00"]);
    }
}

#[test]
fn a_run_that_is_stopped_ends_the_scheduler() {
    let mut stopped = world("2026-11-24T12:00:00Z", "2026-11-29T12:00:00Z");
    stopped.outcomes = vec![RunOutcome::Stopped];
    assert_eq!(run_times("30 2 * * *", "UTC", None, stopped), ["11-25 02:30:00"]);
    // So does a stop between two attempts.
    let mut between = world("2026-11-24T12:00:00Z", "2026-11-25T02:34:00Z");
    between.outcomes = vec![failed()];
    assert_eq!(run_times("30 2 * * *", "UTC", None, between), ["11-25 02:30:00"]);
}

#[test]
fn a_clock_set_back_an_hour_repeats_no_run_and_one_set_back_a_year_stops_none() {
    let mut hour = world("2026-11-24T12:00:00Z", "2026-11-26T12:00:00Z");
    hour.jump = Some((at("2026-11-25T03:00:00Z"), at("2026-11-25T02:00:00Z")));
    assert_eq!(run_times("30 2 * * *", "UTC", None, hour), ["11-25 02:30:00", "11-26 02:30:00"]);
    let mut year = world("2027-11-24T12:00:00Z", "2027-11-30T00:00:00Z");
    year.jump = Some((at("2027-11-24T13:00:00Z"), at("2026-11-24T13:00:00Z")));
    let runs = run_times(
        "30 2 * * *",
        "UTC",
        Some("2027-11-24T02:30:00Z"),
        World { end: at("2027-11-24T13:00:00Z"), ..year },
    );
    assert_eq!(runs[..2], ["11-25 02:30:00", "11-26 02:30:00"]);
}

#[test]
fn pauses_double_up_to_an_hour() {
    let minutes: Vec<_> = (0..6).map(|n| RETRIES.pause(n).as_secs() / 60).collect();
    assert_eq!(minutes, [5, 10, 20, 40, 60, 60]);
    assert_eq!(RETRIES.pause(u32::MAX), Duration::from_secs(3600));
    let slow = Retries { n: 3, first_pause: Duration::from_secs(7200) };
    assert_eq!((slow.pause(0), slow.pause(5)), (Duration::from_secs(7200), Duration::from_secs(7200)));
}
