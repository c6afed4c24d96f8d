//! `GET /movies?title=`: movies by words of their titles.
//!
//! Titles in which all words are beginnings of words come first; among equals those that are popular, then those that
//! anybody has rated, then lower ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Answer, Route, View, compute, json, look_up};
use crate::answers::{Item, Movies};
use crate::app::App;
use crate::caching::Preferences;
use crate::parameters::Parameters;
use crate::problem::Problem;

/// How many movies where the request does not say.
const USUAL_N: u32 = 10;
/// The most movies of one answer.
const MOST: u32 = 50;
/// The most letters of a text: longer than any title that somebody would type.
const MOST_LETTERS: usize = 100;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Query {
    title: String,
    n: u32,
}

pub(super) async fn answer(app: &Arc<App>, query: &str, client: Option<&Preferences>) -> Answer {
    let query = Query::parse(query)?;
    compute(app, client, move |app, client| {
        look_up(app, client, &[], &(Route::Search.number(), &query), |view| query.answer(view))
    })
    .await
}

impl Query {
    pub(super) fn parse(query: &str) -> Result<Self, Problem> {
        const TITLE: &str = "give words of a title, at most 100 letters, as in title=star+wars";
        const N: &str = "give a whole number from 1 to 50, as in n=10";

        let mut given = Parameters::of(query);
        let title = given.take("title");
        match &title {
            None => given.missing("title", TITLE),
            Some(text) if text.is_empty() || text.chars().nth(MOST_LETTERS).is_some() => {
                given.unfit("title", text, TITLE);
            }
            Some(_) => {}
        }
        let n = given.number("n", 1..=MOST, N).unwrap_or(USUAL_N);
        given.finish("title and n")?;
        Ok(Self { title: title.unwrap_or_default().into_owned(), n })
    }

    fn answer(&self, view: &View<'_>) -> Answer {
        let edition = view.edition;
        let popular: BTreeMap<_, _> = edition.tables().fallback().movies.iter().zip(0..).collect();
        let found = edition.catalogue.titled(&self.title).filter(|&(id, _)| !view.hides(id));
        let mut found: Vec<_> = found
            .map(|(id, how)| {
                let place = popular.get(&id).copied().unwrap_or(usize::MAX);
                (how, place, !edition.candidates.has(id), id)
            })
            .collect();
        let n = self.n as usize;
        // A letter is in nearly all titles: only what is shown is put in order.
        if found.len() > n {
            found.select_nth_unstable(n);
            found.truncate(n);
        }
        found.sort_unstable();
        let items = found.into_iter().map(|(_, _, _, id)| Item::new(id, Some(&edition.catalogue)));
        json(&Movies { items: items.collect() })
    }
}
