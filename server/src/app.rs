//! What all requests share.

use std::sync::atomic::AtomicUsize;

use warp::http::HeaderValue;

use crate::denied::Denied;
use crate::error::Result;
use crate::metrics::Metrics;
use crate::reload::Current;
use crate::settings::Settings;

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    /// What is served.
    pub(crate) current: Current,
    /// What must not be shown.
    pub(crate) denied: Denied,
    /// What is counted.
    pub(crate) metrics: Metrics,
    /// How to serve.
    pub(crate) settings: Settings,
    /// What caches may do with an answer.
    pub(crate) cache_control: HeaderValue,
    /// Requests that wait for a thread to compute their answers.
    pub(crate) n_computing: AtomicUsize,
}

impl App {
    /// Before anything is open.
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let denied = settings.deny_list.as_deref().map(Denied::read).transpose()?;
        // A list is of one user and may change at any time: only the client's own cache may keep it.
        let cache_control = match settings.max_age.as_secs() {
            0 => HeaderValue::from_static("private, no-cache"),
            seconds => HeaderValue::from_str(&format!("private, max-age={seconds}"))
                .unwrap_or(HeaderValue::from_static("private, no-cache")),
        };
        Ok(Self {
            current: Current::default(),
            denied: denied.unwrap_or_default(),
            metrics: Metrics::new(settings.cache_bytes()),
            settings,
            cache_control,
            n_computing: AtomicUsize::new(0),
        })
    }
}
