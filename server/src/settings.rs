//! The command line of the server: its options, which are settings, and its help.
//!
//! Input: text of the command line, the environment or the settings file. Output: [`Settings`] with typed values.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use jiff::SignedDuration;
use limits::Limits;
use settings::{LogFormat, within};
use store::Location;
use store::repository::Bandwidth;
use store::shards::Owned;
use warp::http::Uri;

use crate::hosts::Hosts;

const LISTEN: &str = "127.0.0.1:8080";

const ROUTES: &str = "\
Routes (GET /openapi.json describes all):
  GET /recommendations?user_id=18       two movies for the user
  GET /recommendations?user_id=18,19    the lists of several users
  POST /recommendations                 a list for the ratings in the body
  GET /features?user_id=18              the movies that the user has rated
  GET /movies/750, /movies/750/similar  a movie; the movies most similar to it
  GET /users/18/because?movie=750       the user's ratings that contribute most to a score
  GET /movies?title=star+wars           movies by words of their titles
  GET /users, /generation               a sample of the users; the open generation
  GET /                                 a page for people
  GET /livez, /readyz                   200 while the process serves; once a generation is open
  GET /metrics                          metrics for Prometheus
  GET /version, /openapi.json           the release; the description of the API";

const NOTES: &str = "\
Example:
  server --store output --listen 127.0.0.1:8080
  curl 'http://127.0.0.1:8080/recommendations?user_id=18&returnMetadata=true'
  curl -d '{\"ratings\":[{\"id\":318,\"rating\":5}],\"n\":10}' http://127.0.0.1:8080/recommendations

Settings are read from recommender.toml, or from the file that --config names. The environment
overrides the file (RECOMMENDER__SERVER__CACHE_MIB=512 sets cache_mib in [server]), and options
override both.

A store in a bucket takes its credentials from the environment: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY and AWS_REGION. AWS_ENDPOINT names another service than Amazon S3;
AWS_ALLOW_HTTP=true allows one without TLS.

The log goes to standard error; RUST_LOG sets its level (info) or a filter (warn,server=debug).
SIGTERM and SIGINT stop the server: it answers the requests in flight and ends with code 0.
Exit codes: 0 success, 1 an error, 2 a wrong option or setting.";

/// The text behind the options in `server --help`.
fn help() -> String {
    let parameters = crate::parameters::help();
    format!(
        "{ROUTES}\n\nParameters of lists, all but user_id and fallback also as members of the body of POST:\n{parameters}\n\n{NOTES}"
    )
}

/// Serves the top-N lists of the published generation over HTTP.
#[derive(Debug, Parser)]
#[command(name = "server", version, after_help = help(), args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// A command in place of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The settings file [default: recommender.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The settings of the server.
    #[command(flatten)]
    pub settings: Settings,
}

/// The commands beside serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Checks that a running server answers /livez: code 0 if it does, 1 if not.
    Healthcheck {
        /// The address that the server listens on.
        #[arg(long, env = "RECOMMENDER__SERVER__LISTEN", value_name = "ADDR", default_value = LISTEN)]
        #[arg(value_parser = address)]
        listen: SocketAddr,
    },
    /// Prints the effective settings and the origin of each; `pipeline config --default` prints a file with all.
    Config {
        /// The settings of the server.
        #[command(flatten)]
        settings: Box<Settings>,
    },
}

/// The settings of the server.
#[derive(Debug, Clone, Args)]
pub struct Settings {
    /// The store with the generations: a directory or s3://bucket/prefix. It may be created later.
    #[arg(long, value_name = "LOCATION", default_value = "output")]
    #[arg(env = "RECOMMENDER__STORE__LOCATION")]
    pub store: Location,

    /// The address to listen on, such as 0.0.0.0:8080. A port alone is on 127.0.0.1. Port 0 is any free one; the log names
    /// it.
    #[arg(long, value_name = "ADDR", default_value = LISTEN, value_parser = address)]
    #[arg(env = "RECOMMENDER__SERVER__LISTEN")]
    pub listen: SocketAddr,

    /// The host names of the server, such as movies.example.com, separated by commas. Requests for other names are answered
    /// with 421; those for an address are served. It keeps the pages of other sites from reading answers (DNS rebinding).
    #[arg(long, value_name = "NAMES", default_value_t = Hosts::all())]
    #[arg(env = "RECOMMENDER__SERVER__HOSTS")]
    pub hosts: Hosts,

    /// The directory of working copies: of the served generation and of the one before. A server that is stopped leaves
    /// the first for the next start. Several servers may share the directory.
    #[arg(long, value_name = "DIR", default_value_os_t = store::work_dir::default_work_dir("server"))]
    #[arg(env = "RECOMMENDER__SERVER__WORK_DIR")]
    pub work_dir: PathBuf,

    /// The shards to load of a generation whose users are divided into shards (`pipeline run --shards`), such as 0-1023 or
    /// 0-15,32-47. Requests for users in other shards are answered with 421, or as --shards-redirect says.
    #[arg(long, value_name = "SHARDS", default_value_t = Owned::all())]
    #[arg(env = "RECOMMENDER__SERVER__SHARDS")]
    pub shards: Owned,

    /// The URL to redirect to in place of 421, with {shard} for the number of the shard, such as
    /// http://recommender-{shard}:8080 [default: no redirect].
    #[arg(long, value_name = "URL", value_parser = shard_url)]
    #[arg(env = "RECOMMENDER__SERVER__SHARDS_REDIRECT")]
    pub shards_redirect: Option<String>,

    /// The memory for cached records, in MiB: one MiB holds some 700 lists of a hundred movies. The factors of the
    /// candidates, the titles, and some 100 bytes a user for sled's page table come on top.
    #[arg(long, value_name = "MIB", default_value_t = 256, value_parser = within(Limits::<u32>::at_least(1)))]
    #[arg(env = "RECOMMENDER__SERVER__CACHE_MIB")]
    pub cache_mib: u32,

    /// The interval between checks for a new generation, such as 500ms or 2s. It varies by a tenth, so that servers spread
    /// out.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = positive_duration)]
    #[arg(env = "RECOMMENDER__SERVER__POLL_INTERVAL")]
    pub poll_interval: Duration,

    /// The maximum speed of fetching a generation, in MiB a second [default: no maximum].
    #[arg(long, value_name = "MIB", value_parser = within(Limits::<u32>::at_least(1)))]
    #[arg(env = "RECOMMENDER__SERVER__BANDWIDTH_MIB")]
    pub bandwidth_mib: Option<u32>,

    /// The number of threads that serve [default: half of the cores]. The kernel's work for small requests takes about as
    /// much, and computed answers have threads of their own.
    #[arg(long, value_name = "N", value_parser = within(Limits::<usize>::of(1, 1024)))]
    #[arg(env = "RECOMMENDER__SERVER__WORKERS")]
    pub workers: Option<usize>,

    /// The maximum number of connections; further ones are answered with 503 and closed.
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = within(Limits::<u32>::at_least(1)))]
    #[arg(env = "RECOMMENDER__SERVER__MAX_CONNECTIONS")]
    pub max_connections: u32,

    /// The time limit for each of: sending a request's line and headers, with the pause before them; sending a body;
    /// receiving an answer. Idle connections end after a random 80 to 100 % of it, so that not all end at once.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = positive_duration)]
    #[arg(env = "RECOMMENDER__SERVER__REQUEST_TIMEOUT")]
    pub request_timeout: Duration,

    /// The maximum size of a request's body, in KiB.
    #[arg(long, value_name = "KIB", default_value_t = 256, value_parser = within(Limits::<u32>::of(1, 65_536)))]
    #[arg(env = "RECOMMENDER__SERVER__MAX_BODY_KIB")]
    pub max_body_kib: u32,

    /// The time for which a client may reuse an answer without a request, in whole seconds.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    #[arg(env = "RECOMMENDER__SERVER__MAX_AGE")]
    pub max_age: Duration,

    /// The file with the movies and users to hide, one a line: `movie 3451`, `user 18`. It is read again when it changes.
    #[arg(long, value_name = "FILE")]
    #[arg(env = "RECOMMENDER__STORE__DENY_LIST")]
    pub deny_list: Option<PathBuf>,

    /// The time limit for requests in flight once the server stops. Storing the working copy may take five seconds more.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    #[arg(env = "RECOMMENDER__SERVER__DRAIN_TIMEOUT")]
    pub drain_timeout: Duration,

    /// The format of the log on standard error.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Auto)]
    #[arg(env = "RECOMMENDER__LOG__FORMAT")]
    pub log_format: LogFormat,
}

impl Settings {
    /// The memory for cached records in bytes.
    #[must_use]
    pub fn cache_bytes(&self) -> u64 {
        u64::from(self.cache_mib) << 20
    }

    /// The number of threads that serve.
    #[must_use]
    pub fn workers(&self) -> usize {
        let half = || thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        self.workers.unwrap_or_else(half)
    }

    /// The maximum number of connections.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.max_connections as usize
    }

    /// The maximum size of a body in bytes.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        (self.max_body_kib as usize) << 10
    }

    /// The maximum speed of fetching.
    #[must_use]
    pub fn bandwidth(&self) -> Bandwidth {
        self.bandwidth_mib
            .map_or(Bandwidth::UNBOUNDED, |mib| Bandwidth::bytes_per_second(u64::from(mib) << 20))
    }
}

/// Parses an address to listen on: an IP address or `localhost` with a port, or a port alone on loopback.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = |text: &str| text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let of_loopback = || port(text.strip_prefix("localhost:").unwrap_or(text));
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Some(port) = of_loopback() {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    Err(match text.strip_prefix(':').and_then(port) {
        Some(port) => {
            format!("give an address too: 127.0.0.1:{port} for this machine, 0.0.0.0:{port} for all")
        }
        None => "give an IP address and a port such as 127.0.0.1:8080, or a port such as 8080".to_owned(),
    })
}

/// Parses a time such as `500ms`, `2s` or `1m 30s`, up to a day.
fn duration(text: &str) -> Result<Duration, String> {
    const MAX: Duration = Duration::from_secs(24 * 60 * 60);

    let time: SignedDuration = text.parse().map_err(|_| "give a time like 500ms, 2s or 1m 30s".to_owned())?;
    match Duration::try_from(time) {
        Ok(time) if time <= MAX => Ok(time),
        _ => Err("give a time from 0s to 24h".to_owned()),
    }
}

fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("give a time above zero, such as 500ms".to_owned()),
        time => Ok(time),
    }
}

/// Parses the URL of the server of a shard.
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
    fn an_address_may_be_a_port_alone_and_its_host_localhost() {
        for (text, expected) in [
            ("19212", "127.0.0.1:19212"),
            ("localhost:19212", "127.0.0.1:19212"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:0", "[::1]:0"),
        ] {
            assert_eq!(address(text).unwrap().to_string(), expected, "{text}");
        }
        for (text, example) in [
            (":19212", "127.0.0.1:19212 for this machine, 0.0.0.0:19212 for all"),
            ("here", "127.0.0.1:8080"),
            ("example.com:80", "127.0.0.1:8080"),
            ("localhost", "127.0.0.1:8080"),
            ("127.0.0.1", "127.0.0.1:8080"),
            ("+80", "127.0.0.1:8080"),
            ("70000", "127.0.0.1:8080"),
            ("", "127.0.0.1:8080"),
        ] {
            let error = address(text).unwrap_err();
            assert!(error.contains(example), "{text}: {error}");
        }
    }

    #[test]
    fn times_have_units_and_may_be_composed() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn a_time_without_a_unit_or_out_of_range_is_refused() {
        for text in ["", "5", "soon", "-1s", "1 parsec", "25h", "9223372036854775807s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(positive_duration("0s").is_err());
    }
}
