//! `GET /movies/{id}` and `GET /movies/{id}/similar`: a movie's title and genres, and the movies most similar to it.

use store::MovieId;

use crate::answers::Item;
use crate::app::App;
use crate::caching::Preferences;
use crate::list_query::ScoredMovie;
use crate::parameters::Arguments;
use crate::problem::Problem;
use crate::response::{Answer, json};
use crate::route::Route;
use crate::view::{Snapshot, View};

pub(super) fn movie(app: &App, id: MovieId, client: Option<&Preferences>) -> Answer {
    let snapshot = Snapshot::take(app);
    let view = View::open(&snapshot)?;
    let tag = view.entity_tag(&(Route::Movie, id));
    if let Some(answer) = view.settled(&[], &tag, client) {
        return answer;
    }
    let answer = match view.movie(id) {
        Some(_) => json(&Item::new(id, Some(&view.generation.catalogue))),
        None => Err(Problem::unknown("movie", id)),
    };
    view.finish(answer, tag, client)
}

pub(super) fn similar(app: &App, id: MovieId, arguments: &Arguments, client: Option<&Preferences>) -> Answer {
    let snapshot = Snapshot::take(app);
    let view = View::open(&snapshot)?;
    let tag = view.entity_tag(&(Route::Similar, id, arguments));
    if let Some(answer) = view.settled(&[], &tag, client) {
        return answer;
    }
    view.finish(list(&view, id, arguments), tag, client)
}

fn list<'a>(view: &View<'a>, id: MovieId, arguments: &'a Arguments) -> Answer {
    let Some(similar) = view.similar(id)? else { return Err(Problem::unknown("rated movie", id)) };
    let movies = similar.movies.iter().zip(&similar.cosines);
    let movies = movies.map(|(&movie, &score)| ScoredMovie { movie, score, rating: None });
    // The movie itself is a candidate and not in its own list.
    let is_complete = similar.movies.len() + 1 >= view.generation.candidates.items.len();
    let filter = view.filter(&arguments.list)?;
    view.list(&filter.select(movies, is_complete), &arguments.list)
}
