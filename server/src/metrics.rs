//! The metrics of the server, in the format of OpenMetrics.
//!
//! Input: counts from requests, connections, reloads and the deny list, and the served generation. Output: the text of
//! `/metrics`. The names of metrics and labels are part of the API.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use warp::http::{Method, StatusCode};

use crate::background::Watchdog;
use crate::route::Route;
use crate::served_generation::ServedGeneration;

/// The upper bounds of the buckets of latencies in seconds: from a lookup to a fold-in with a large catalogue.
const BUCKETS: [f64; 12] =
    [0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.015, 0.05, 0.25];
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "other"];
/// The statuses with counters of their own; 0 stands for all others.
const STATUSES: [u16; 14] = [200, 304, 307, 400, 404, 405, 408, 413, 421, 431, 500, 501, 503, 0];

/// All metrics.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    /// The metrics of each route, method and status, once there are any: found by position, without hashing labels.
    series: Vec<OnceLock<Series>>,
    /// The number of open connections.
    pub(crate) connections: Gauge,
    /// The number of connections beyond the limit.
    pub(crate) rejected_connections: Counter,
    /// The number of requests whose heads were refused, for whatever route.
    pub(crate) refused_requests: Counter,
    reloads: Family<ReloadLabels, Counter>,
    /// The number of times that the deny list could not be read.
    pub(crate) deny_list_failures: Counter,
    slow_reads: Family<SourceLabels, Counter>,
    overdue_reads: Family<SourceLabels, Gauge>,
    info: Family<InfoLabels, Gauge>,
    dated_ahead: Gauge<f64, AtomicU64>,
    age: Gauge<f64, AtomicU64>,
    created: Gauge<f64, AtomicU64>,
    users: Gauge,
    cache_capacity: Gauge,
    cache: Gauge,
    cache_misses: Counter,
    memory: Gauge,
    /// The state at the last exposition. The lock also keeps two expositions apart, because each sets some gauges.
    last: Mutex<Exposed>,
}

/// The state of the generation at an exposition.
#[derive(Debug, Default)]
struct Exposed {
    generation: String,
    n_cache_misses: u64,
}

/// The metrics of one route, method and status.
#[derive(Debug)]
struct Series {
    requests: Counter,
    seconds: Histogram,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: &'static str,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: &'static str,
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InfoLabels {
    generation: String,
    version: &'static str,
}

impl Metrics {
    /// Returns metrics at zero. `cache_bytes` is the capacity of the store's cache.
    pub(crate) fn new(cache_bytes: u64) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            series: (0..Route::COUNT * METHODS.len() * STATUSES.len()).map(|_| OnceLock::new()).collect(),
            connections: Gauge::default(),
            rejected_connections: Counter::default(),
            refused_requests: Counter::default(),
            reloads: Family::default(),
            deny_list_failures: Counter::default(),
            slow_reads: Family::default(),
            overdue_reads: Family::default(),
            info: Family::default(),
            dated_ahead: Gauge::default(),
            age: Gauge::default(),
            created: Gauge::default(),
            users: Gauge::default(),
            cache_capacity: Gauge::default(),
            cache: Gauge::default(),
            cache_misses: Counter::default(),
            memory: Gauge::default(),
            last: Mutex::default(),
        };
        metrics.cache_capacity.set(i64::try_from(cache_bytes).unwrap_or(i64::MAX));
        for result in ["served", "refused"] {
            drop(metrics.reloads.get_or_create_owned(&ReloadLabels { result }));
        }
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let of = &mut self.registry;
        of.register("http_requests", "Requests by route, method and status", self.requests.clone());
        of.register_with_unit(
            "http_request_duration",
            "Time from the whole request head to the answer, by route and method",
            Unit::Seconds,
            self.seconds.clone(),
        );
        of.register("http_connections", "Open connections", self.connections.clone());
        of.register(
            "http_connections_turned_away",
            "Connections beyond the limit",
            self.rejected_connections.clone(),
        );
        of.register(
            "http_requests_refused",
            "Requests whose heads were malformed, too long, or for another host",
            self.refused_requests.clone(),
        );
        of.register("recommender_generation", "The served generation", self.info.clone());
        of.register_with_unit(
            "recommender_generation_created_timestamp",
            "Time at which the served generation was made",
            Unit::Seconds,
            self.created.clone(),
        );
        of.register_with_unit(
            "recommender_generation_age",
            "Age of the served generation, at least the time for which this server has had it open",
            Unit::Seconds,
            self.age.clone(),
        );
        of.register_with_unit(
            "recommender_generation_dated_ahead",
            "Time by which the served generation is dated ahead of the clock, 0 if it is not",
            Unit::Seconds,
            self.dated_ahead.clone(),
        );
        of.register("recommender_users", "Users with a list", self.users.clone());
        of.register(
            "recommender_reloads",
            "Generations by result; a refused one counts once",
            self.reloads.clone(),
        );
        of.register(
            "recommender_deny_list_failures",
            "Times that the deny list could not be read and was not updated",
            self.deny_list_failures.clone(),
        );
        of.register(
            "recommender_slow_reads",
            "Readings of the store or the deny list that took longer than they should",
            self.slow_reads.clone(),
        );
        of.register(
            "recommender_overdue_reads",
            "Readings of the store or the deny list that take longer than they should and have not ended",
            self.overdue_reads.clone(),
        );
        of.register_with_unit(
            "recommender_cache_capacity",
            "Capacity of the cache of records and pages",
            Unit::Bytes,
            self.cache_capacity.clone(),
        );
        of.register_with_unit(
            "recommender_cache",
            "Memory of the cached records",
            Unit::Bytes,
            self.cache.clone(),
        );
        of.register(
            "recommender_cache_misses",
            "Lookups of records that were not cached",
            self.cache_misses.clone(),
        );
        of.register_with_unit(
            "process_resident_memory",
            "Resident memory of the process",
            Unit::Bytes,
            self.memory.clone(),
        );
        self
    }

    /// Counts a request and its duration.
    pub(crate) fn count_request(
        &self,
        route: Route,
        method: &Method,
        status: StatusCode,
        duration: Duration,
    ) {
        let method = match *method {
            Method::GET => 0,
            Method::HEAD => 1,
            Method::POST => 2,
            _ => 3,
        };
        let last = STATUSES.len() - 1;
        let number = STATUSES.iter().position(|&known| known == status.as_u16()).unwrap_or(last);
        let at = (route.number() * METHODS.len() + method) * STATUSES.len() + number;
        let Some(series) = self.series.get(at) else { return };
        let series = series.get_or_init(|| {
            let (route, method, status) = (route.template(), METHODS[method], status.as_u16());
            Series {
                requests: self.requests.get_or_create_owned(&RequestLabels { route, method, status }),
                seconds: self.seconds.get_or_create_owned(&RouteLabels { route, method }),
            }
        });
        series.requests.inc();
        series.seconds.observe(duration.as_secs_f64());
    }

    /// A watchdog with metrics of its own. `source` is the value of their label, `name` the source for people.
    pub(crate) fn watchdog(&self, source: &'static str, name: &'static str) -> Watchdog {
        let labels = SourceLabels { source };
        let slow = self.slow_reads.get_or_create_owned(&labels);
        Watchdog::new(name, slow, self.overdue_reads.get_or_create_owned(&labels))
    }

    /// Counts a generation that is served, or refused for the first time.
    pub(crate) fn count_reload(&self, is_served: bool) {
        let result = if is_served { "served" } else { "refused" };
        self.reloads.get_or_create_owned(&ReloadLabels { result }).inc();
    }

    /// Writes all metrics, with those of the served generation.
    ///
    /// # Errors
    /// [`fmt::Error`], a fault of the server.
    pub(crate) fn exposition(&self, served: Option<&ServedGeneration>) -> Result<String, fmt::Error> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.info.clear();
        if let Some(served) = served {
            let manifest = served.manifest();
            let generation = manifest.generation.to_string();
            let (cached_bytes, n_misses) = served.tables().cached();
            self.cache.set(i64::try_from(cached_bytes).unwrap_or(i64::MAX));
            // The store counts from zero whenever a generation is opened.
            let before = if last.generation == generation { last.n_cache_misses } else { 0 };
            self.cache_misses.inc_by(n_misses.checked_sub(before).unwrap_or(n_misses));
            *last = Exposed { generation: generation.clone(), n_cache_misses: n_misses };
            let labels = InfoLabels { generation, version: env!("CARGO_PKG_VERSION") };
            self.info.get_or_create_owned(&labels).set(1);
            let created = manifest.created_at.as_millisecond() as f64 / 1e3;
            self.created.set(created);
            let now = jiff::Timestamp::now();
            self.age.set(served.age(now).as_secs_f64());
            self.dated_ahead.set(served.dated_ahead(now).as_secs_f64());
            self.users.set(i64::try_from(manifest.account.counts.users).unwrap_or(i64::MAX));
        }
        self.memory.set(resident_bytes().unwrap_or(0));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The resident memory of this process; `None` where the system does not state it.
fn resident_bytes() -> Option<i64> {
    let pages: i64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * i64::try_from(rustix::param::page_size()).ok()?)
}
