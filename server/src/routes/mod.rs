//! The routes: from a request to its response.
//!
//! warp is the interface to hyper here: its filter takes a request apart (method, path, query string, body) and sends what
//! it returns. Between the two, [`respond`] chooses the route's function, which returns a response or a
//! [`Problem`]. The filter turns a problem into a response or a redirect, compresses the body and counts the request. No
//! filter rejects, so warp itself answers nothing.

mod compute;
mod recommendations;
mod bounded_value;
mod fold_in;
mod features;
mod movies;
mod because;
mod search;
mod users;
mod about;
mod page;

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::{FutureExt, Stream, StreamExt};
use store::{MovieId, UserId};
use warp::http::{HeaderValue, Method, Response};
use warp::path::FullPath;
use warp::{Buf, Filter, Rejection};

use crate::app::App;
use crate::body;
use crate::caching::{self, Preferences};
use crate::parameters::Arguments;
use crate::problem::Problem;
use crate::response::Answer;
use crate::route::{Route, Target};

/// The state as one worker holds it. Each request clones the worker's own `Arc`: if all workers counted references in one
/// place, their cores would wait for each other.
pub(crate) struct WorkerState(pub(crate) Arc<App>);

/// All routes as one filter.
pub(crate) fn filter(
    state: Arc<WorkerState>,
) -> impl Filter<Extract = (Response<Vec<u8>>,), Error = Rejection> + Clone + Send + Sync {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let client = warp::ext::optional();
    warp::method().and(warp::path::full()).and(query).and(client).and(warp::body::stream()).then(
        move |method: Method, path: FullPath, query: String, client: Option<Preferences>, body| {
            let state = Arc::clone(&state);
            async move { answer(&state.0, &method, path.as_str(), &query, client.as_ref(), body).await }
        },
    )
}

/// Answers a request, and counts it.
async fn answer(
    app: &Arc<App>,
    method: &Method,
    path: &str,
    query: &str,
    client: Option<&Preferences>,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Response<Vec<u8>> {
    let (begin, target, mut body) = (Instant::now(), Target::of(path), pin!(body));
    let answer = respond(app, target, method, query, client, body.as_mut()).await;
    let mut response = answer.unwrap_or_else(|problem| match shard_redirect(app, &problem, path, query) {
        Some(location) => problem.into_redirect(location),
        None => problem.into_response(),
    });
    caching::compress(&mut response, client);
    // Nearly all requests have no body, or one that the route has read.
    if !matches!(body.next().now_or_never(), Some(None)) {
        Box::pin(body::discard(body, app.settings.body_bytes())).await;
    }
    app.metrics.count_request(target.route, method, response.status(), begin.elapsed());
    response
}

/// Returns the answer to a request. Lookups run on the worker that received the request and do not wait: each is a few gets of some
/// microseconds in sled's memory or the page cache, less than a handover to another thread costs. Computations are handed
/// over; their futures are boxed, so that the future of a lookup reserves no memory for them.
async fn respond(
    app: &Arc<App>,
    Target { route, id }: Target,
    method: &Method,
    query: &str,
    client: Option<&Preferences>,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Answer {
    // hyper leaves out the body of an answer to HEAD and keeps its length.
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    match route {
        Route::Unknown => return Err(Problem::no_route()),
        Route::Recommendations if *method == Method::POST => {
            Arguments::none_beside_body(query)?;
            return Box::pin(fold_in::answer(app, client, body)).await;
        }
        Route::Recommendations if !is_read => {
            return Err(Problem::method_not_allowed(method, "GET, HEAD, POST"));
        }
        _ if !is_read => return Err(Problem::method_not_allowed(method, "GET, HEAD")),
        _ => {}
    }
    let arguments = Arguments::of_query(route, query)?;
    match route {
        Route::Recommendations => recommendations::answer(app, arguments, client).await,
        Route::Features => features::answer(app, arguments, client).await,
        Route::Movie => movies::movie(app, MovieId::new(id), client),
        Route::Similar => movies::similar(app, MovieId::new(id), &arguments, client),
        Route::Because => Box::pin(because::answer(app, UserId::new(id), arguments, client)).await,
        Route::Search => Box::pin(search::answer(app, arguments, client)).await,
        Route::Users => Box::pin(users::answer(app, arguments, client)).await,
        Route::Generation => about::generation(app),
        Route::Livez => Ok(about::livez()),
        Route::Readyz => about::readyz(app),
        Route::Metrics => about::metrics(app),
        Route::OpenApi => about::openapi(app),
        Route::Version => about::version(),
        Route::Page => Ok(page::answer(&page::PAGE, client)),
        Route::PageStyle => Ok(page::answer(&page::STYLE, client)),
        Route::PageScript => Ok(page::answer(&page::SCRIPT, client)),
        Route::Unknown => Err(Problem::no_route()),
    }
}

/// The URL at which another server answers the same request, where its shard alone is the problem and the settings say how
/// servers are named.
fn shard_redirect(app: &App, problem: &Problem, path: &str, query: &str) -> Option<HeaderValue> {
    let (shard, template) = (problem.shard()?, app.settings.shards_redirect.as_ref()?);
    let base = template.replace("{shard}", &shard.to_string());
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    HeaderValue::from_str(&format!("{base}{path}{query}")).ok()
}

/// Parses the body of a fold-in, for the fuzz target.
#[cfg(fuzzing)]
pub fn parse_body(bytes: &[u8]) {
    let _ = fold_in::FoldInQuery::parse(bytes);
}
