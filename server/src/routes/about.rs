//! The routes about the server itself: health, metrics, release, description and open generation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use store::GenerationId;
use store::manifest::FORMAT_VERSION;
use store::records::UserTerms;
use warp::http::Response;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use crate::app::App;
use crate::description::description;
use crate::problem::Problem;
use crate::response::{Answer, json, text, with_type};
use crate::view::{Snapshot, View};

/// `GET /livez`: 200 while the process answers. Nothing else is checked, because a restart would repair nothing else.
pub(super) fn livez() -> Response<Vec<u8>> {
    text("ok")
}

/// `GET /readyz`: 200 once a generation is open. Its age does not count; the metrics have it. Nor do readings that are
/// overdue, because the answers stay as they are; the body names them.
pub(super) fn readyz(app: &App) -> Answer {
    let snapshot = Snapshot::take(app);
    let view = View::open(&snapshot)?;
    let lines: Vec<_> = std::iter::once("ok".to_owned()).chain(app.overdue()).collect();
    view.named(Ok(text(&lines.join("\n"))))
}

/// `GET /generation`: the open generation, with its age, its counts, its quality, and the stars that can be folded in.
pub(super) fn generation(app: &App) -> Answer {
    let snapshot = Snapshot::take(app);
    let view = View::open(&snapshot)?;
    view.named(generation_of(&view))
}

fn generation_of(view: &View<'_>) -> Answer {
    /// The figures of most interest.
    const METRICS: [&str; 4] = ["rmse", "mae", "ndcg@10", "recall@20"];

    #[derive(Serialize)]
    struct Generation<'a> {
        id: &'a GenerationId,
        created_at: Timestamp,
        age_seconds: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        dated_ahead_seconds: Option<u64>,
        counts: Counts,
        metrics: BTreeMap<&'a str, f64>,
        stars: Option<Stars>,
        #[serde(skip_serializing_if = "Option::is_none")]
        shards: Option<Shards>,
    }

    /// The number of shards of the users, and those of this server.
    #[derive(Serialize)]
    struct Shards {
        n: u32,
        owned: String,
    }

    #[derive(Serialize)]
    struct Counts {
        users: u64,
        movies: u64,
        ratings: u64,
        depth: u64,
    }

    /// The minimum and maximum of a rating that is folded in.
    #[derive(Serialize)]
    struct Stars {
        min: f32,
        max: f32,
    }

    let manifest = view.generation.manifest();
    let store::manifest::Counts { users, movies, ratings, depth, .. } = manifest.account.counts;
    let metrics = manifest.account.metrics.iter().map(|(name, &figure)| (name.as_str(), figure));
    let now = Timestamp::now();
    let stars = |terms: &UserTerms| Stars { min: terms.min, max: terms.max };
    let mut response = json(&Generation {
        id: &manifest.generation,
        created_at: manifest.created_at,
        age_seconds: view.generation.age(now).as_secs(),
        dated_ahead_seconds: Some(view.generation.dated_ahead(now).as_secs()).filter(|&seconds| seconds > 0),
        counts: Counts { users, movies, ratings, depth },
        metrics: metrics.filter(|(name, _)| METRICS.contains(name)).collect(),
        stars: view.generation.tables().user_terms().map(stars),
        shards: manifest.n_shards.map(|n| Shards { n, owned: view.owned_shards() }),
    })?;
    // The age changes every second.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// `GET /metrics`: all metrics in the format of OpenMetrics.
pub(super) fn metrics(app: &App) -> Answer {
    const OPEN_METRICS: HeaderValue =
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

    let current = app.current.load();
    let exposition = app.metrics.exposition(current.as_deref()).map_err(Problem::failed_exposition)?;
    let mut response = text(&exposition);
    response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
    Ok(response)
}

/// `GET /openapi.json`: the description of the API.
pub(super) fn openapi(app: &App) -> Answer {
    let current = app.current.load();
    let body = description(current.as_deref()).map_err(Problem::failed_answer)?;
    Ok(with_type(body, "application/json"))
}

/// `GET /version`: the release and the format that it reads.
pub(super) fn version() -> Answer {
    #[derive(Serialize)]
    struct Version {
        version: &'static str,
        format_version: u32,
    }

    json(&Version { version: env!("CARGO_PKG_VERSION"), format_version: FORMAT_VERSION })
}
