//! What the command line can say, and its help.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::SignedDuration;
use settings::LogFormat;
use store::Location;
use store::repository::Bandwidth;
use store::shards::Owned;
use warp::http::Uri;

const LISTEN: &str = "127.0.0.1:8080";

const HELP: &str = "\
Routes (GET /openapi.json says all):
  GET /recommendations?user_id=18                      two movies for the user
  GET /recommendations?user_id=18&n=10&offset=10       the second ten, up to the depth that the pipeline stored
  GET /recommendations?user_id=18&returnMetadata=true  with titles and genres; withScores=true with figures
  GET /recommendations?user_id=18&genre=Comedy         of a genre; exclude_genre, min_year, max_year, exclude
  GET /recommendations?user_id=18,19                   many users at once; fallback=none for no popular list
  POST /recommendations                                for ratings in the body, of anybody
  GET /features?user_id=18                             the movies that the user has rated
  GET /movies/750, /movies/750/similar                 a movie, and those most like it
  GET /users/18/because?movie=750                      the user's ratings that speak most for a movie
  GET /movies?title=star+wars, /users, /generation     movies by title; some users; what answers, and how old
  GET /                                                a page for people, in a browser
  GET /livez, /readyz                                  200 while the process serves; once a generation is open
  GET /metrics, /version, /openapi.json                counts for Prometheus; the release; the API

Example:
  server --store output --listen 127.0.0.1:8080
  curl 'http://127.0.0.1:8080/recommendations?user_id=18&returnMetadata=true'
  curl -d '{\"ratings\":[{\"id\":318,\"rating\":5}],\"n\":10}' http://127.0.0.1:8080/recommendations

Settings come from recommender.toml, or what --config names; over it from the environment
(RECOMMENDER__SERVER__CACHE_MIB=512 for cache_mib in [server]), and over both from the options.

A store in a bucket takes its credentials from the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_REGION; AWS_ENDPOINT for another store than Amazon's (with AWS_ALLOW_HTTP=true if it has no TLS).

It logs to standard error; RUST_LOG sets the level (info) or a filter (warn,server=debug).
SIGTERM and SIGINT end it with code 0 once the requests in flight are answered.";

/// Serves the recommendations of the last published generation over HTTP.
#[derive(Debug, Parser)]
#[command(name = "server", version, after_help = HELP, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// Instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The file with the settings [default: recommender.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How to serve.
    #[command(flatten)]
    pub settings: Settings,
}

/// What else the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Asks a running server whether it is alive: code 0 if it is, 1 if not.
    Healthcheck {
        /// The address that the server listens on.
        #[arg(long, env = "RECOMMENDER__SERVER__LISTEN", value_name = "ADDR", default_value = LISTEN)]
        listen: SocketAddr,
    },
    /// Shows the settings that hold and where each was made; `pipeline config --default` prints a file of all.
    Config {
        /// Taken as for serving.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// How to serve.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// Where the pipeline publishes: a directory or s3://bucket/prefix. It may appear later.
    #[arg(long, value_name = "LOCATION", default_value = "output")]
    #[arg(env = "RECOMMENDER__STORE__LOCATION")]
    pub store: Location,

    /// The address to listen on; port 0 takes a free one, the log says which.
    #[arg(long, value_name = "ADDR", default_value = LISTEN)]
    #[arg(env = "RECOMMENDER__SERVER__LISTEN")]
    pub listen: SocketAddr,

    /// Where working copies of generations live: of the one that is served and of the one before; a server that is
    /// stopped leaves the first for the next start. Several servers may share it.
    #[arg(long, value_name = "DIR", default_value_os_t = store::work_dir::default_work_dir("server"))]
    #[arg(env = "RECOMMENDER__SERVER__WORK_DIR")]
    pub work_dir: PathBuf,

    /// The shards of users to load of a generation that is cut, such as 0-1023 or 0-15,32-47: who has another's is
    /// answered with 421, or by what --shards-redirect says. `pipeline run --shards S` cuts.
    #[arg(long, value_name = "SHARDS", default_value_t = Owned::all())]
    #[arg(env = "RECOMMENDER__SERVER__SHARDS")]
    pub shards: Owned,

    /// Where to lead clients who ask for another's user, in place of 421: a URL in which `{shard}` is the number, such as
    /// http://recommender-{shard}:8080 [default: nowhere].
    #[arg(long, value_name = "URL", value_parser = shard_url)]
    #[arg(env = "RECOMMENDER__SERVER__SHARDS_REDIRECT")]
    pub shards_redirect: Option<String>,

    /// Memory for records of the open generation, in MiB: at a hundred movies a list, it holds some 700 lists in one.
    /// Beside it, a server holds the factors of the candidates, the
    /// movies' titles, and some 100 bytes a user that sled needs to find pages.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(env = "RECOMMENDER__SERVER__CACHE_MIB")]
    pub cache_mib: u32,

    /// How often to look for a new generation, such as 500ms or 2s; a little more or less, so that servers spread out.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = positive_duration)]
    #[arg(env = "RECOMMENDER__SERVER__POLL_INTERVAL")]
    pub poll_interval: Duration,

    /// How fast to fetch a generation at most, in MiB a second [default: as fast as it goes].
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(env = "RECOMMENDER__SERVER__BANDWIDTH_MIB")]
    pub bandwidth_mib: Option<u32>,

    /// Threads that serve [default: half of the cores]. The system's part of small requests takes about as much, and
    /// answers that are computed have threads of their own.
    #[arg(long, value_name = "N")]
    #[arg(env = "RECOMMENDER__SERVER__WORKERS")]
    pub workers: Option<NonZeroUsize>,

    /// Connections at most; further ones are answered with 503 and closed.
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(env = "RECOMMENDER__SERVER__MAX_CONNECTIONS")]
    pub max_connections: u32,

    /// How long a client may take to send a request's line and headers, the pause before them included; to send a body;
    /// to take an answer. Idle connections end from four fifths of it on, so that not all end at once.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = positive_duration)]
    #[arg(env = "RECOMMENDER__SERVER__REQUEST_TIMEOUT")]
    pub request_timeout: Duration,

    /// The longest body of a request, in KiB.
    #[arg(long, value_name = "KIB", default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    #[arg(env = "RECOMMENDER__SERVER__MAX_BODY_KIB")]
    pub max_body_kib: u32,

    /// How long a client may use an answer without asking whether it still holds: in whole seconds.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    #[arg(env = "RECOMMENDER__SERVER__MAX_AGE")]
    pub max_age: Duration,

    /// Movies and users that must not be shown, one a line: `movie 3451`, `user 18`. Read again when it changes.
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__STORE__DENY_LIST")]
    pub deny_list: Option<PathBuf>,

    /// How long requests in flight may take to end once the server is told to stop. Keeping its working copy may take
    /// five seconds more.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    #[arg(env = "RECOMMENDER__SERVER__DRAIN_TIMEOUT")]
    pub drain_timeout: Duration,

    /// What the log on standard error looks like.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    #[arg(env = "RECOMMENDER__LOG__FORMAT")]
    pub log_format: LogFormat,
}

impl Settings {
    /// The memory for pages in bytes.
    #[must_use]
    pub fn cache_bytes(&self) -> u64 {
        u64::from(self.cache_mib) << 20
    }

    /// The threads that serve.
    #[must_use]
    pub fn workers(&self) -> usize {
        let half = || thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        self.workers.map_or_else(half, NonZeroUsize::get)
    }

    /// The most connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.max_connections as usize
    }

    /// The longest body in bytes.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        (self.max_body_kib as usize) << 10
    }

    /// How fast a generation may be fetched.
    #[must_use]
    pub fn bandwidth(&self) -> Bandwidth {
        self.bandwidth_mib
            .map_or(Bandwidth::UNBOUNDED, |mib| Bandwidth::bytes_per_second(u64::from(mib) << 20))
    }
}

/// A time as people write it: `500ms`, `2s`, `1m 30s`. More than a day is a slip.
fn duration(text: &str) -> Result<Duration, String> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    let time: SignedDuration = text.parse().map_err(|_| "give a time like 500ms, 2s or 1m 30s".to_owned())?;
    match Duration::try_from(time) {
        Ok(time) if time <= LONGEST => Ok(time),
        _ => Err("give a time from 0s to 24h".to_owned()),
    }
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("it must be more than nothing, such as 500ms".to_owned()),
        time => Ok(time),
    }
}

/// A URL that names the server of a shard.
fn shard_url(text: &str) -> Result<String, String> {
    let is_url = |uri: Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    if text.contains("{shard}") && text.replace("{shard}", "0").parse().is_ok_and(is_url) {
        Ok(text.trim_end_matches('/').to_owned())
    } else {
        Err("give a URL with {shard} in it, such as http://recommender-{shard}:8080".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use clap::CommandFactory;
    use settings::Setting;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn the_file_of_defaults_has_every_setting_of_the_server_at_its_default() {
        let nowhere = Path::new("/nowhere/recommender.toml");
        let parsed = settings::parse_from::<CommandLine>(vec!["server".into()], BTreeMap::new(), nowhere);
        let found = settings::effective(&parsed.unwrap().unwrap().1);
        let own = |key: &String| ["server.", "store.", "log."].iter().any(|section| key.starts_with(section));
        let listed: Vec<_> = settings::keys().filter(own).collect();
        assert_eq!(found.len(), listed.len());
        for Setting { key, value, .. } in found {
            assert!(listed.contains(&key), "{key}");
            // The default depends on the environment of the process.
            assert_eq!(settings::written_default(&key), value.filter(|_| key != "server.work_dir"), "{key}");
        }
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn a_time_without_unit_or_sense_is_refused() {
        for text in ["", "5", "soon", "-1s", "1 parsec", "25h", "9223372036854775807s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0s").is_err());
    }
}
