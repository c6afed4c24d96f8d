//! The limits of all connections: those of the settings, and the memory that they share.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use crate::app::App;
use crate::hosts::Hosts;
use crate::received::ReceiveMemory;

/// The limits of all connections.
#[derive(Debug)]
pub(crate) struct Limits {
    pub(super) n_workers: usize,
    pub(super) max_connections: usize,
    pub(super) request_timeout: Duration,
    pub(super) hosts: Hosts,
    /// The maximum length of a body.
    pub(super) max_body: u64,
    /// The memory for requests that are being received.
    pub(super) memory: Arc<ReceiveMemory>,
    /// The number of requests that were refused for their heads.
    pub(super) n_refused: Counter,
}

impl Limits {
    /// The limits of a server.
    pub(crate) fn of(app: &App) -> Self {
        let settings = &app.settings;
        Self {
            n_workers: settings.workers(),
            max_connections: settings.connections(),
            request_timeout: settings.request_timeout,
            hosts: settings.hosts.clone(),
            max_body: settings.body_bytes() as u64,
            memory: Arc::clone(&app.receive_memory),
            n_refused: app.metrics.refused_requests.clone(),
        }
    }
}
