//! From a request to its answer.
//!
//! warp takes the request apart and sends the answer; what lies between is [`respond`], a plain function of the request.
//! A handful of paths need no tree of filters, and as none of those here rejects, no answer is warp's own.

mod route;
mod view;
mod recommendations;
mod fold_in;
mod features;
mod movies;
mod because;
mod search;
mod users;
mod about;
mod page;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use futures_util::Stream;
use serde::Serialize;
use warp::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use warp::http::{Method, Response, StatusCode};
use warp::path::FullPath;
use warp::{Buf, Filter, Rejection};

use crate::app::App;
use crate::caching::{self, Preferences};
use crate::problem::{Problem, X_SHARD};
pub(crate) use route::Route;
use view::{View, look_up, say_truncated, view};

/// Whether a list was made for the user: `personal`, `popular` where nobody knows the user, or `fold-in`.
const X_RECOMMENDATION_SOURCE: HeaderName = HeaderName::from_static("x-recommendation-source");

/// Computations that may wait: at some milliseconds each, what waits longer is better off elsewhere.
const MOST_COMPUTING: usize = 64;

type Answer = Result<Response<Vec<u8>>, Problem>;

/// A worker's handle on what all share. Each request counts itself a user of its worker's own; if all counted on one line
/// of memory, the cores would wait for each other.
pub(crate) struct OfWorker(pub(crate) Arc<App>);

/// All routes as one filter, for warp to serve.
pub(crate) fn filter(
    app: Arc<OfWorker>,
) -> impl Filter<Extract = (Response<Vec<u8>>,), Error = Rejection> + Clone + Send + Sync {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let client = warp::ext::optional();
    warp::method().and(warp::path::full()).and(query).and(client).and(warp::body::stream()).then(
        move |method: Method, path: FullPath, query: String, client: Option<Preferences>, body| {
            let of_worker = Arc::clone(&app);
            async move {
                let app = &of_worker.0;
                let (begin, route) = (Instant::now(), Route::of(path.as_str()));
                let mut response = respond(app, route, &method, &query, client.as_ref(), body).await;
                if let Some(location) = elsewhere(app, &response, path.as_str(), &query) {
                    lead(&mut response, location);
                }
                app.metrics.answered(route, &method, response.status(), begin.elapsed());
                response
            }
        },
    )
}

/// Answers one request. Lookups run where the request arrived and never wait: they are gets of some microseconds in
/// sled's memory or the page cache, less than handing them to another thread would cost. What computes is handed on; its
/// state is boxed, so that lookups do not carry room for it.
async fn respond(
    app: &Arc<App>,
    route: Route,
    method: &Method,
    query: &str,
    client: Option<&Preferences>,
    body: impl Stream<Item = Result<impl Buf, warp::Error>>,
) -> Response<Vec<u8>> {
    // hyper leaves out the body of an answer to HEAD and keeps its length.
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let answer = match route {
        Route::Nothing => Err(Problem::not_found()),
        Route::Recommendations if *method == Method::POST => {
            Box::pin(fold_in::answer(app, query, client, body)).await
        }
        Route::Recommendations if !reads => Err(Problem::method_not_allowed(method, "GET, HEAD, POST")),
        _ if !reads => Err(Problem::method_not_allowed(method, "GET, HEAD")),
        Route::Recommendations => recommendations::answer(app, query, client).await,
        Route::Features => features::answer(app, query, client).await,
        Route::Movie(id) => movies::answer(app, id, query, client),
        Route::Similar(id) => movies::similar(app, id, query, client),
        Route::Because(id) => Box::pin(because::answer(app, id, query, client)).await,
        Route::Search => Box::pin(search::answer(app, query, client)).await,
        Route::Users => Box::pin(users::answer(app, query, client)).await,
        Route::Generation => about::generation(app, query),
        Route::Livez => about::livez(query),
        Route::Readyz => about::readyz(app, query),
        Route::Metrics => about::metrics(app, query),
        Route::OpenApi => about::openapi(app, query),
        Route::Version => about::version(query),
        Route::Page => page::answer(&page::PAGE, query, client),
        Route::PageStyle => page::answer(&page::STYLE, query, client),
        Route::PageScript => page::answer(&page::SCRIPT, query, client),
    };
    let mut response = answer.unwrap_or_else(Problem::into_response);
    caching::compress(&mut response, client);
    response
}

/// Where the same is answered, if that is the server of another shard and the settings say how to find it.
fn elsewhere(app: &App, response: &Response<Vec<u8>>, path: &str, query: &str) -> Option<HeaderValue> {
    let shard = response.headers().get(X_SHARD)?.to_str().ok()?;
    let base = app.settings.shards_redirect.as_ref()?.replace("{shard}", shard);
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    HeaderValue::from_str(&format!("{base}{path}{query}")).ok()
}

/// Makes of a problem the way to its answer.
fn lead(response: &mut Response<Vec<u8>>, location: HeaderValue) {
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response.body_mut().clear();
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    for of_body in [CONTENT_TYPE, CONTENT_ENCODING] {
        headers.remove(of_body);
    }
}

/// Answers on a thread beside those that serve, and compresses there: for what takes milliseconds.
async fn compute(
    app: &Arc<App>,
    client: Option<&Preferences>,
    answer: impl FnOnce(&App, Option<&Preferences>) -> Answer + Send + 'static,
) -> Answer {
    struct Waiting(Arc<App>);

    impl Drop for Waiting {
        fn drop(&mut self) {
            self.0.n_computing.fetch_sub(1, Ordering::Relaxed);
        }
    }

    let before = app.n_computing.fetch_add(1, Ordering::Relaxed);
    let waiting = Waiting(Arc::clone(app));
    if before >= MOST_COMPUTING {
        return Err(Problem::too_busy());
    }
    let client = client.cloned();
    let computed = tokio::task::spawn_blocking(move || {
        let mut response = answer(&waiting.0, client.as_ref())?;
        caching::compress(&mut response, client.as_ref());
        Ok(response)
    });
    computed.await.unwrap_or_else(|_| Err(Problem::crashed()))
}

fn json(answer: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(answer).map_err(Problem::failed_answer)?;
    Ok(with_type(body, "application/json"))
}

fn text(body: &str) -> Response<Vec<u8>> {
    with_type(body.into(), "text/plain; charset=utf-8")
}

fn with_type(body: Vec<u8>, content_type: &'static str) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    // Room for those that follow.
    response.headers_mut().reserve(6);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The parsers of what clients send, for the fuzz targets alone.
#[cfg(fuzzing)]
pub mod fuzzing {
    use store::UserId;

    use super::{Route, because, features, fold_in, recommendations, search, users};

    /// Reads a path.
    pub fn path(text: &str) {
        let route = Route::of(text);
        // A template names its route.
        assert!(route == Route::Nothing || !route.template().is_empty());
    }

    /// Reads the query of each route.
    pub fn query(text: &str) {
        let _ = recommendations::Query::parse(text);
        let _ = because::Query::parse(UserId::new(0), text);
        let _ = features::Query::parse(text);
        let _ = search::Query::parse(text);
        let _ = users::parse(text);
    }

    /// Reads the body of a fold-in.
    pub fn body(bytes: &[u8]) {
        let _ = fold_in::Asked::parse(bytes);
    }
}
