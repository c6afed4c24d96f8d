//! From a request to its answer.
//!
//! warp takes the request apart and sends the answer; what lies between is [`respond`], a plain function of
//! method, path and query. Four exact paths need no tree of filters, and a filter that never rejects leaves
//! no answer to warp that would not be ours.

use std::sync::Arc;

use serde::Serialize;
use store::reader::Generation;
use warp::Filter;
use warp::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use warp::http::{Method, Response};
use warp::path::FullPath;

use crate::answers::{Features, Recommendations};
use crate::problem::Problem;
use crate::query::{self, Wanted};
use crate::reload::Current;

/// The generation that an answer comes from.
const X_GENERATION: HeaderName = HeaderName::from_static("x-generation");
/// Whether a list was made for the user: `personal`, or `popular` where nobody knows the user.
const X_RECOMMENDATION_SOURCE: HeaderName = HeaderName::from_static("x-recommendation-source");

type Answer = Result<Response<Vec<u8>>, Problem>;

/// All routes as one filter, for warp to serve.
pub(crate) fn filter(
    current: Arc<Arc<Current>>,
) -> impl Filter<Extract = (Response<Vec<u8>>,), Error = std::convert::Infallible> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method().and(warp::path::full()).and(query).map(
        move |method: Method, path: FullPath, query: String| {
            respond(&current, &method, path.as_str(), &query)
        },
    )
}

/// Answers one request. It never waits: the lookups are gets of some microseconds in sled's memory or the
/// page cache, less than handing them to another thread would cost, so they run where the request arrived.
fn respond(current: &Current, method: &Method, path: &str, query: &str) -> Response<Vec<u8>> {
    let route = match path {
        "/recommendations" => recommendations,
        "/features" => features,
        "/livez" => livez,
        "/readyz" => readyz,
        _ => return Problem::not_found().into_response(),
    };
    // hyper leaves out the body of an answer to HEAD and keeps its length.
    let answer = match *method {
        Method::GET | Method::HEAD => route(current, query),
        _ => Err(Problem::method_not_allowed(method)),
    };
    answer.unwrap_or_else(Problem::into_response)
}

fn recommendations(current: &Current, query: &str) -> Answer {
    let wanted = Wanted::parse(query)?;
    from_generation(current, |generation| {
        let n = within_depth(wanted.n, generation)?;
        let tables = generation.tables();
        let personal = tables.top_n(wanted.user).map_err(Problem::failed_lookup)?;
        let (list, source) = match &personal {
            Some(list) => (list, "personal"),
            None => (tables.fallback(), "popular"),
        };
        // A list is shorter than asked where there are no more candidates.
        let movies = list.movies.get(..n).unwrap_or(&list.movies);
        let mut response = if wanted.metadata {
            json(&Recommendations::described(movies, tables).map_err(Problem::failed_lookup)?)
        } else {
            json(&Recommendations::bare(movies))
        }?;
        response.headers_mut().insert(X_RECOMMENDATION_SOURCE, HeaderValue::from_static(source));
        Ok(response)
    })
}

fn features(current: &Current, query: &str) -> Answer {
    let user = query::user_id(query)?;
    from_generation(current, |generation| {
        let history = generation.tables().history(user).map_err(Problem::failed_lookup)?.unwrap_or_default();
        json(&Features::of(&history.movies))
    })
}

/// The process answers; nothing else is asked, for a restart mends nothing else.
fn livez(_: &Current, _: &str) -> Answer {
    Ok(text("ok"))
}

/// There is something to answer from.
fn readyz(current: &Current, _: &str) -> Answer {
    from_generation(current, |_| Ok(text("ok")))
}

/// Answers from the generation that is open now, which stays the same to the end, and names it.
fn from_generation(current: &Current, answer: impl FnOnce(&Generation) -> Answer) -> Answer {
    let open = current.load();
    let Some(open) = open.as_deref() else { return Err(Problem::nothing_to_serve()) };
    let mut response = answer(&open.generation).unwrap_or_else(Problem::into_response);
    response.headers_mut().insert(X_GENERATION, open.name.clone());
    Ok(response)
}

/// The number of movies asked for, where lists that long are stored.
fn within_depth(n: u32, generation: &Generation) -> Result<usize, Problem> {
    let depth = generation.manifest().account.counts.depth;
    match usize::try_from(n) {
        Ok(fitting) if u64::from(n) <= depth => Ok(fitting),
        _ => Err(Problem::bad_request(format!(
            "n was given as {n}, but the stored lists have {depth} movies; give a whole number from 1 to {depth}"
        ))),
    }
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
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
