//! The state that all requests share.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use warp::http::HeaderValue;

use crate::background::Watchdog;
use crate::denied::Denied;
use crate::error::Result;
use crate::metrics::Metrics;
use crate::received::ReceiveMemory;
use crate::reload::Current;
use crate::settings::Settings;

/// The state that all requests share.
#[derive(Debug)]
pub(crate) struct App {
    /// The open generation.
    pub(crate) current: Current,
    /// The deny list.
    pub(crate) denied: Denied,
    pub(crate) metrics: Metrics,
    /// Watches the readings of the store.
    pub(crate) store_watchdog: Watchdog,
    /// Watches the readings of the deny list.
    pub(crate) deny_list_watchdog: Watchdog,
    pub(crate) settings: Settings,
    /// The header `Cache-Control` of lookups.
    pub(crate) cache_control: HeaderValue,
    /// The memory for requests that are being received.
    pub(crate) receive_memory: Arc<ReceiveMemory>,
    /// The number of computations that run or wait.
    pub(crate) n_computations: AtomicUsize,
}

impl App {
    /// Returns the state before a generation is open. Reads the deny list, if there is one, which may block.
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let denied = settings.deny_list.as_deref().map(Denied::read).transpose()?;
        // A list belongs to one user and may change at any time, so only the client's own cache may keep it.
        let cache_control = match settings.max_age.as_secs() {
            0 => HeaderValue::from_static("private, no-cache"),
            seconds => HeaderValue::from_str(&format!("private, max-age={seconds}"))
                .unwrap_or(HeaderValue::from_static("private, no-cache")),
        };
        let metrics = Metrics::new(settings.cache_bytes());
        Ok(Self {
            current: Current::default(),
            denied: denied.unwrap_or_default(),
            store_watchdog: metrics.watchdog("store", "the store"),
            deny_list_watchdog: metrics.watchdog("deny_list", "the deny list"),
            metrics,
            receive_memory: ReceiveMemory::for_bodies_of(settings.body_bytes()),
            settings,
            cache_control,
            n_computations: AtomicUsize::new(0),
        })
    }

    /// The readings that take longer than they should, as sentences for clients.
    pub(crate) fn overdue(&self) -> impl Iterator<Item = String> {
        [&self.store_watchdog, &self.deny_list_watchdog].into_iter().filter_map(Watchdog::overdue)
    }
}
