//! What the server says of itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use store::GenerationId;
use store::manifest::FORMAT_VERSION;
use warp::http::HeaderValue;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE};

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

/// Which generation answers, how old and how good it is, and whether ratings can be folded into it.
pub(super) fn generation(app: &App, query: &str) -> Answer {
    /// The figures that say most.
    const METRICS: [&str; 4] = ["rmse", "mae", "ndcg@10", "recall@20"];

    #[derive(Serialize)]
    struct Generation<'a> {
        id: &'a GenerationId,
        created_at: Timestamp,
        age_seconds: i64,
        counts: Counts,
        metrics: BTreeMap<&'a str, f64>,
        stars: Option<Stars>,
        #[serde(skip_serializing_if = "Option::is_none")]
        shards: Option<Shards>,
    }

    /// How users are cut, and which of the parts are here.
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

    /// What a rating that is folded in may be.
    #[derive(Serialize)]
    struct Stars {
        min: f32,
        max: f32,
    }

    Parameters::of(query).finish("none")?;
    view(app, |view| {
        let manifest = view.edition.generation.manifest();
        let store::manifest::Counts { users, movies, ratings, depth, .. } = manifest.account.counts;
        let metrics = manifest.account.metrics.iter().map(|(name, &figure)| (name.as_str(), figure));
        let mut response = json(&Generation {
            id: &manifest.generation,
            created_at: manifest.created_at,
            // A clock may be behind that of the machine that wrote it.
            age_seconds: Timestamp::now().duration_since(manifest.created_at).as_secs().max(0),
            counts: Counts { users, movies, ratings, depth },
            metrics: metrics.filter(|(name, _)| METRICS.contains(name)).collect(),
            stars: view.edition.tables().user_terms().map(|terms| Stars { min: terms.min, max: terms.max }),
            shards: manifest.n_shards.map(|n| Shards { n, owned: app.settings.shards.to_string() }),
        })?;
        // Its age is another in a second.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    })
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
