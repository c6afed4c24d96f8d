//! What the server says of itself.

use serde::Serialize;
use store::manifest::FORMAT_VERSION;
use warp::http::HeaderValue;
use warp::http::header::CONTENT_TYPE;

use super::{Answer, json, text, view, with_type};
use crate::app::App;
use crate::description::description;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// The process answers; nothing else is asked, for a restart mends nothing else.
pub(super) fn livez(query: &str) -> Answer {
    Parameters::of(query).finish("none")?;
    Ok(text("ok"))
}

/// There is something to answer from. That it is old is no reason to take a server away: see the metrics.
pub(super) fn readyz(app: &App, query: &str) -> Answer {
    Parameters::of(query).finish("none")?;
    view(app, |_| Ok(text("ok")))
}

/// What is counted, as Prometheus reads it.
pub(super) fn metrics(app: &App, query: &str) -> Answer {
    const OPEN_METRICS: HeaderValue =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

    Parameters::of(query).finish("none")?;
    let current = app.current.load();
    let exposition = app.metrics.exposition(current.as_deref()).map_err(Problem::failed_exposition)?;
    let mut response = text(&exposition);
    response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
    Ok(response)
}

/// What each route takes and answers.
pub(super) fn openapi(app: &App, query: &str) -> Answer {
    Parameters::of(query).finish("none")?;
    let current = app.current.load();
    let body = description(current.as_deref()).map_err(Problem::failed_answer)?;
    Ok(with_type(body, "application/json"))
}

/// Which release this is.
pub(super) fn version(query: &str) -> Answer {
    #[derive(Serialize)]
    struct Version {
        version: &'static str,
        format_version: u32,
    }

    Parameters::of(query).finish("none")?;
    json(&Version { version: env!("CARGO_PKG_VERSION"), format_version: FORMAT_VERSION })
}
