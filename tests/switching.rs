//! A hundred switches of the generation under full load, and rollbacks with the default settings.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use harness::{Connection, Ended, LeanAnswer, Server, Stop, World, eventually, program};
use serde_json::Value;
use store::draft::DraftGeneration;
use store::manifest::{Account, Counts};
use store::records::{History, Movie, TopN};
use store::{GenerationId, MovieId, UserId};

const N_CONNECTIONS: usize = 32;
const N_SWITCHES: usize = 100;
const N_USERS: u32 = 50;
/// The length of the stored lists.
const DEPTH: u32 = 5;

/// A generation whose answers show its number: its movies have ids from 1000 times the number on, and the number is in
/// their titles.
struct NumberedGeneration {
    number: u32,
    id: GenerationId,
    /// The number of answers that were checked by [`Self::check`].
    n_answers: AtomicUsize,
}

impl NumberedGeneration {
    fn write(output: &Path, number: u32) -> Self {
        let ids: Vec<_> = (1..=DEPTH).map(|rank| MovieId::new(number * 1000 + rank)).collect();
        let n = ids.len();
        let list = TopN { movies: ids.clone(), scores: vec![1.0; n], stars: vec![4.0; n] };
        let history = History { movies: ids.clone(), stars: vec![4.0; ids.len()] };
        let movie = Movie { title: format!("From {number}"), genres: vec!["Drama".to_owned()] };
        let mut writer = DraftGeneration::create(output).unwrap();
        for user in (0..N_USERS).map(UserId::new) {
            writer.top_n.put(user, &list).unwrap();
            writer.histories.put(user, &history).unwrap();
        }
        ids.into_iter().for_each(|id| writer.movies.put(id, &movie).unwrap());
        writer.put_fallback(&list).unwrap();
        // The server reads the depth only.
        let counts = Counts { depth: DEPTH.into(), ..Counts::default() };
        let manifest = writer.finish().unwrap().seal(Account { counts, ..Account::default() }).unwrap();
        Self { number, id: manifest.generation, n_answers: AtomicUsize::new(0) }
    }

    fn n_answers(&self) -> usize {
        self.n_answers.load(Ordering::Relaxed)
    }

    /// Panics unless every movie of an answer is of this generation.
    fn check(&self, answer: &LeanAnswer) {
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        let ids: Vec<u64> = match &body["items"] {
            Value::Array(items) => {
                let title = format!("From {}", self.number);
                assert!(items.iter().all(|item| item["title"] == title.as_str()), "{}: {body}", self.number);
                items.iter().map(|item| item["id"].as_u64().unwrap()).collect()
            }
            _ => serde_json::from_value(body["features"][0]["histories"].clone()).unwrap(),
        };
        let number = u64::from(self.number);
        assert_eq!(ids, (1..=DEPTH).map(|rank| number * 1000 + u64::from(rank)).collect::<Vec<_>>());
        self.n_answers.fetch_add(1, Ordering::Relaxed);
    }
}

/// The path of a user's whole list with metadata.
fn recommendations(user: u32) -> String {
    format!("/recommendations?user_id={user}&n={DEPTH}&returnMetadata=true")
}

/// Sends requests for all users in turn on one connection until `done` is set. Every answer must be complete and from the
/// generation in its header.
fn send_requests(address: SocketAddr, generations: &[NumberedGeneration], done: &AtomicBool) {
    let mut connection = Connection::open(address).unwrap();
    // The last two users are unknown.
    let mut users = (0..N_USERS + 2).cycle();
    while !done.load(Ordering::Relaxed) {
        let user = users.next().unwrap();
        let path = match user % 3 {
            0 if user < N_USERS => format!("/features?user_id={user}"),
            _ => recommendations(user),
        };
        let answer = connection.get(&path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let named = generations.iter().find(|generation| generation.id.as_str() == answer.generation);
        named.unwrap_or_else(|| panic!("{path}: {answer:?}")).check(answer);
    }
}

#[test]
fn a_hundred_switches_under_full_load_fail_no_request_and_mix_no_answer() {
    let world = World::new();
    let generations: Vec<_> =
        (1..=4).map(|number| NumberedGeneration::write(&world.output(), number)).collect();
    world.publish(&generations[0].id);
    let server = world.serve_when_ready();
    let address = server.address();
    let done = AtomicBool::new(false);

    thread::scope(|scope| {
        let _stop = Stop(&done);
        let clients: Vec<_> =
            (0..N_CONNECTIONS).map(|_| scope.spawn(|| send_requests(address, &generations, &done))).collect();
        // The third switch is to the generation before, whose copy the server keeps. The others are fetched.
        for next in [1, 2, 1, 3, 0].into_iter().cycle().take(N_SWITCHES) {
            let generation = &generations[next];
            world.publish(&generation.id);
            server.wait_until_ready(Some(generation.id.as_str()));
            let before = generation.n_answers();
            let answers = || generation.n_answers() >= before + N_CONNECTIONS;
            let failed = || clients.iter().any(|client| client.is_finished());
            eventually("the clients get answers of the generation", || answers() || failed());
            assert!(!failed(), "a client has failed");
        }
    });

    let work = world.path("work");
    eventually("the copies of the last and the one before are left", || {
        work.read_dir().unwrap().count() <= 2
    });
    assert!(server.terminate().success());
    assert_eq!(work.read_dir().unwrap().count(), 1, "the copy that is kept for the next start");
}

#[test]
fn a_server_with_default_settings_follows_a_rollback() {
    let world = World::new();
    let generations: Vec<_> =
        (1..=2).map(|number| NumberedGeneration::write(&world.output(), number)).collect();
    world.publish(&generations[1].id);
    let mut command = program("server");
    command.arg("--store").arg(world.output()).arg("--work-dir").arg(world.path("work"));
    let server = Server::start(command.args(["--listen", "127.0.0.1:0"]));
    server.wait_until_ready(Some(generations[1].id.as_str()));

    // The first rollback takes a fetch, the second does not.
    let [first, second] = &generations[..] else { panic!("two generations") };
    for (generation, args) in [(first, vec![]), (second, vec![second.id.as_str()])] {
        Ended::of(world.pipeline("rollback").args(args)).assert_success();
        server.wait_until_ready(Some(generation.id.as_str()));
        let mut connection = Connection::open(server.address()).unwrap();
        generation.check(connection.get(&recommendations(18)).unwrap());
    }
}
