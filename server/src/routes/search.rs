//! `GET /movies?title=`: movies by words of their titles.
//!
//! Titles with a word that starts with each of the words come first. Ties are broken by the rank in the popular list, then
//! by whether the movie has ratings, then by the smaller id.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compute::{Computation, compute};
use crate::answers::{Item, Movies};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Arguments;
use crate::response::{Answer, json};
use crate::route::Route;
use crate::view::{Snapshot, View};

pub(super) async fn answer(app: &Arc<App>, arguments: Arguments, client: Option<&Preferences>) -> Answer {
    compute(app, client, move |computation| look_up(computation, &arguments)).await
}

fn look_up(computation: &Computation<'_>, arguments: &Arguments) -> Answer {
    let snapshot = Snapshot::take(computation.app);
    let view = View::open(&snapshot)?;
    let tag = view.entity_tag(&(Route::Search, arguments));
    if let Some(answer) = view.settled(&[], &tag, computation.client) {
        return answer;
    }
    view.finish(search(&view, arguments), tag, computation.client)
}

fn search(view: &View<'_>, arguments: &Arguments) -> Answer {
    let generation = view.generation;
    let ranks: BTreeMap<_, _> = generation.tables().fallback().movies.iter().zip(0..).collect();
    let found = generation.catalogue.search(&arguments.title).filter(|&(id, _)| !view.hides(id));
    let mut found: Vec<_> = found
        .map(|(id, quality)| {
            let rank = ranks.get(&id).copied().unwrap_or(usize::MAX);
            (quality, rank, !generation.candidates.has(id), id)
        })
        .collect();
    let n = arguments.list.n as usize;
    // A single letter is in nearly all titles: only the movies of the answer are sorted.
    if found.len() > n {
        found.select_nth_unstable(n);
        found.truncate(n);
    }
    found.sort_unstable();
    let items = found.into_iter().map(|(_, _, _, id)| Item::new(id, Some(&generation.catalogue)));
    json(&Movies { items: items.collect() })
}
