//! A hundred generations in turn under full load, and how going back is seen.

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

/// A generation of which every answer tells its number: movies from 1000 times the number up, titled by it.
struct Edition {
    number: u32,
    id: GenerationId,
    /// Answers that were wholly from it.
    n_answers: AtomicUsize,
}

impl Edition {
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

    fn publish(&self, world: &World) {
        let repository = world.repository();
        repository.publish(&self.id, &repository.pointer().unwrap()).unwrap();
    }

    fn n_answers(&self) -> usize {
        self.n_answers.load(Ordering::Relaxed)
    }

    /// Panics unless every movie of an answer is this edition's.
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

/// The path of a user's whole list, described.
fn recommendations(user: u32) -> String {
    format!("/recommendations?user_id={user}&n={DEPTH}&returnMetadata=true")
}

/// Asks for all users in turn on one connection until `done` is set; every answer must be whole and from the
/// edition that it names.
fn ask(address: SocketAddr, editions: &[Edition], done: &AtomicBool) {
    let mut connection = Connection::open(address).unwrap();
    // Two more than there are: unknown users.
    let mut users = (0..N_USERS + 2).cycle();
    while !done.load(Ordering::Relaxed) {
        let user = users.next().unwrap();
        let path = match user % 3 {
            0 if user < N_USERS => format!("/features?user_id={user}"),
            _ => recommendations(user),
        };
        let answer = connection.get(&path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let named = editions.iter().find(|edition| edition.id.as_str() == answer.generation);
        named.unwrap_or_else(|| panic!("{path}: {answer:?}")).check(answer);
    }
}

#[test]
fn a_hundred_switches_under_full_load_fail_no_request_and_mix_no_answer() {
    let world = World::new();
    let editions: Vec<_> = (1..=4).map(|number| Edition::write(&world.output(), number)).collect();
    editions[0].publish(&world);
    let server = world.serve_when_ready();
    let address = server.address();
    let done = AtomicBool::new(false);

    thread::scope(|scope| {
        let _stop = Stop(&done);
        let clients: Vec<_> =
            (0..N_CONNECTIONS).map(|_| scope.spawn(|| ask(address, &editions, &done))).collect();
        // Of these, the third goes back to the one before, of which the server keeps its copy; the others are fetched.
        for next in [1, 2, 1, 3, 0].into_iter().cycle().take(N_SWITCHES) {
            let edition = &editions[next];
            edition.publish(&world);
            server.wait_until_ready(Some(edition.id.as_str()));
            let before = edition.n_answers();
            let answers = || edition.n_answers() >= before + N_CONNECTIONS;
            let failed = || clients.iter().any(|client| client.is_finished());
            eventually("the clients are answered by it", || answers() || failed());
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
    let editions: Vec<_> = (1..=2).map(|number| Edition::write(&world.output(), number)).collect();
    editions[1].publish(&world);
    let mut command = program("server");
    command.arg("--store").arg(world.output()).arg("--work-dir").arg(world.path("work"));
    let server = Server::start(command.args(["--listen", "127.0.0.1:0"]));
    server.wait_until_ready(Some(editions[1].id.as_str()));

    // Back, which takes a fetch, and forth, which does not.
    let (back, forth) = (&editions[0], &editions[1]);
    for (edition, args) in [(back, vec![]), (forth, vec![forth.id.as_str()])] {
        let ended = Ended::of(world.pipeline("rollback").args(args));
        assert!(ended.status.success(), "{ended:?}");
        server.wait_until_ready(Some(edition.id.as_str()));
        let mut connection = Connection::open(server.address()).unwrap();
        edition.check(connection.get(&recommendations(18)).unwrap());
    }
}
