//! What the server counts of itself, for Prometheus to fetch.

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

use crate::edition::Edition;
use crate::routes::Route;

/// Upper ends of the buckets of latencies, in seconds: from a lookup to a fold-in of a large catalogue.
const BUCKETS: [f64; 12] =
    [0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.015, 0.05, 0.25];
const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "other"];
/// 0 stands for all others.
const STATUSES: [u16; 14] = [200, 304, 307, 400, 404, 405, 408, 413, 421, 431, 500, 501, 503, 0];

/// All counts.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    /// The counts of each route, method and status, once there are any: found without looking for labels.
    series: Vec<OnceLock<Series>>,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    /// Connections that were one too many.
    pub(crate) turned_away: Counter,
    reloads: Family<ReloadLabels, Counter>,
    /// Times that the deny list could not be read.
    pub(crate) deny_list_failures: Counter,
    info: Family<InfoLabels, Gauge>,
    age: Gauge<f64, AtomicU64>,
    created: Gauge<f64, AtomicU64>,
    users: Gauge,
    cache_capacity: Gauge,
    cache: Gauge,
    cache_misses: Counter,
    memory: Gauge,
    /// What was told last. Whoever writes all counts holds it, for some are set for the occasion.
    told: Mutex<Told>,
}

/// What of a generation was told last.
#[derive(Debug, Default)]
struct Told {
    generation: String,
    n_cache_misses: u64,
}

/// The counts of one route, method and status.
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
struct InfoLabels {
    generation: String,
    version: &'static str,
}

impl Metrics {
    /// All at zero, for a server with so much memory for pages.
    pub(crate) fn new(cache_bytes: u64) -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            seconds: Family::new_with_constructor(histogram),
            series: (0..Route::TEMPLATES.len() * METHODS.len() * STATUSES.len())
                .map(|_| OnceLock::new())
                .collect(),
            connections: Gauge::default(),
            turned_away: Counter::default(),
            reloads: Family::default(),
            deny_list_failures: Counter::default(),
            info: Family::default(),
            age: Gauge::default(),
            created: Gauge::default(),
            users: Gauge::default(),
            cache_capacity: Gauge::default(),
            cache: Gauge::default(),
            cache_misses: Counter::default(),
            memory: Gauge::default(),
            told: Mutex::default(),
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
            "Time from a whole head to the answer, by route and method",
            Unit::Seconds,
            self.seconds.clone(),
        );
        of.register("http_connections", "Open connections", self.connections.clone());
        of.register("http_connections_turned_away", "Connections beyond the limit", self.turned_away.clone());
        of.register("recommender_generation", "The generation that is served", self.info.clone());
        of.register_with_unit(
            "recommender_generation_created_timestamp",
            "When the generation that is served was made",
            Unit::Seconds,
            self.created.clone(),
        );
        of.register_with_unit(
            "recommender_generation_age",
            "How old the generation is that is served",
            Unit::Seconds,
            self.age.clone(),
        );
        of.register("recommender_users", "Users with a list", self.users.clone());
        of.register(
            "recommender_reloads",
            "Generations that were named, by what became of them",
            self.reloads.clone(),
        );
        of.register(
            "recommender_deny_list_failures",
            "Times that the deny list could not be read, so that it stayed as it was",
            self.deny_list_failures.clone(),
        );
        of.register_with_unit(
            "recommender_cache_capacity",
            "Memory that records and pages of the store may take",
            Unit::Bytes,
            self.cache_capacity.clone(),
        );
        of.register_with_unit(
            "recommender_cache",
            "Memory that cached records take",
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
            "Memory that the process holds",
            Unit::Bytes,
            self.memory.clone(),
        );
        self
    }

    /// Counts a request.
    pub(crate) fn answered(&self, route: Route, method: &Method, status: StatusCode, took: Duration) {
        let method = match *method {
            Method::GET => 0,
            Method::HEAD => 1,
            Method::POST => 2,
            _ => 3,
        };
        let last = STATUSES.len() - 1;
        let number = STATUSES.iter().position(|&known| known == status.as_u16()).unwrap_or(last);
        let place = (route.number() * METHODS.len() + method) * STATUSES.len() + number;
        let Some(series) = self.series.get(place) else { return };
        let series = series.get_or_init(|| {
            let (route, method, status) = (route.template(), METHODS[method], status.as_u16());
            Series {
                requests: self.requests.get_or_create_owned(&RequestLabels { route, method, status }),
                seconds: self.seconds.get_or_create_owned(&RouteLabels { route, method }),
            }
        });
        series.requests.inc();
        series.seconds.observe(took.as_secs_f64());
    }

    /// Counts a generation that was named, and whether it is served.
    pub(crate) fn reloaded(&self, is_served: bool) {
        let result = if is_served { "served" } else { "refused" };
        self.reloads.get_or_create_owned(&ReloadLabels { result }).inc();
    }

    /// All counts as Prometheus reads them, with what is served now.
    ///
    /// # Errors
    /// [`fmt::Error`], which would be a fault of ours.
    pub(crate) fn exposition(&self, served: Option<&Edition>) -> Result<String, fmt::Error> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        self.info.clear();
        if let Some(edition) = served {
            let manifest = edition.generation.manifest();
            let generation = manifest.generation.to_string();
            let (cached_bytes, n_misses) = edition.tables().cached();
            self.cache.set(i64::try_from(cached_bytes).unwrap_or(i64::MAX));
            // Each opening of a generation counts from nothing.
            let before = if told.generation == generation { told.n_cache_misses } else { 0 };
            self.cache_misses.inc_by(n_misses.checked_sub(before).unwrap_or(n_misses));
            *told = Told { generation: generation.clone(), n_cache_misses: n_misses };
            let labels = InfoLabels { generation, version: env!("CARGO_PKG_VERSION") };
            self.info.get_or_create_owned(&labels).set(1);
            let created = manifest.created_at.as_millisecond() as f64 / 1e3;
            self.created.set(created);
            self.age.set(jiff::Timestamp::now().as_millisecond() as f64 / 1e3 - created);
            self.users.set(i64::try_from(manifest.account.counts.users).unwrap_or(i64::MAX));
        }
        self.memory.set(resident_bytes().unwrap_or(0));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// The memory that this process holds; `None` where the system does not tell.
fn resident_bytes() -> Option<i64> {
    let pages: i64 = std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * i64::try_from(rustix::param::page_size()).ok()?)
}
