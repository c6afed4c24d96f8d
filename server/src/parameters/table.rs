//! The table of all parameters: the only place where a parameter is declared.
//!
//! An entry holds the name, the routes that take the parameter, whether it is also a member of the body of a fold-in, the
//! kind of its value with the field of [`Arguments`] that takes it, an example and a description. The
//! check of requests, the list in `server --help` and the parameters in `/openapi.json` are made from it.
//!
//! A new parameter of lists takes an entry here, a field with its effect in `list_query`, and a row in docs/api.md.

use store::{MovieId, UserId};

use super::arguments::Arguments;
use super::kind::{Kind, Max};
use crate::route::Route;

/// The declaration of a parameter.
pub(super) struct Parameter {
    /// The name in a query string or a body.
    pub(super) name: &'static str,
    /// The name among the components of `openapi.json`: several routes have a parameter `n`, with different bounds.
    pub(super) component: &'static str,
    /// The routes whose query strings take it.
    pub(super) routes: &'static [Route],
    /// Whether it is a member of the body of `POST /recommendations`.
    pub(super) in_body: bool,
    /// Whether a query string without it is refused.
    pub(super) is_required: bool,
    pub(super) kind: Kind,
    /// A value, as decoded from a query string.
    pub(super) example: &'static str,
    /// The description in `openapi.json`; `server --help` has the first sentence.
    pub(super) help: &'static str,
}

/// The routes that answer with a list which can be filtered.
const LISTS: &[Route] = &[Route::Recommendations, Route::Similar];

/// The maximum number of ids in a parameter.
const MAX_IDS: usize = 1000;
/// The maximum number of genres in a parameter.
const MAX_GENRES: usize = 100;
/// The maximum number of movies in an answer that is computed, and the maximum number of those that it leaves out.
const MAX_COMPUTED: u32 = 1000;
/// The maximum number of users of one request.
const MAX_USERS: usize = 50;

/// A parameter that is optional and no member of a body, for the entries below.
const OPTIONAL: Parameter = Parameter {
    name: "",
    component: "",
    routes: &[],
    in_body: false,
    is_required: false,
    kind: Kind::Flag { set: |_, _| () },
    example: "",
    help: "",
};

/// All parameters, in the order in which a route's are listed.
pub(super) static PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "user_id",
        component: "user",
        routes: &[Route::Recommendations],
        is_required: true,
        kind: Kind::Ids {
            max: MAX_USERS,
            set: |arguments, ids| arguments.users = ids.into_iter().map(UserId::new).collect(),
        },
        example: "18",
        help: "The user, or up to 50 users separated by commas. The answer has at most 5,000 movies in total.",
        ..OPTIONAL
    },
    Parameter {
        name: "user_id",
        component: "one_user",
        routes: &[Route::Features],
        is_required: true,
        kind: Kind::Number {
            min: 0,
            max: Max::ANY,
            default: None,
            set: |arguments, id| arguments.user = UserId::new(id),
        },
        example: "18",
        help: "The user.",
        ..OPTIONAL
    },
    Parameter {
        name: "movie",
        component: "movie",
        routes: &[Route::Because],
        is_required: true,
        kind: Kind::Number {
            min: 0,
            max: Max::ANY,
            default: None,
            set: |arguments, id| arguments.movie = MovieId::new(id),
        },
        example: "750",
        help: "The movie to explain.",
        ..OPTIONAL
    },
    Parameter {
        name: "title",
        component: "title",
        routes: &[Route::Search],
        is_required: true,
        kind: Kind::Text { max_chars: 100, set: |arguments, text| arguments.title = text },
        example: "star wars",
        help: "Words of a title.",
        ..OPTIONAL
    },
    Parameter {
        name: "fallback",
        component: "fallback",
        routes: &[Route::Recommendations],
        kind: Kind::Choice { words: ["popular", "none"], set: |arguments, flag| arguments.fallback = flag },
        example: "none",
        help: "The answer for a user who is not in the data: the popular movies, or 404.",
        ..OPTIONAL
    },
    Parameter {
        name: "n",
        component: "n",
        routes: &[Route::Recommendations],
        kind: n(Max::Depth, 2),
        example: "10",
        help: "The number of movies, at most the length of the stored lists.",
        ..OPTIONAL
    },
    Parameter {
        name: "n",
        component: "folded_n",
        in_body: true,
        kind: n(Max::Number(MAX_COMPUTED), 2),
        example: "10",
        help: "The number of movies.",
        ..OPTIONAL
    },
    Parameter {
        name: "n",
        component: "similar_n",
        routes: &[Route::Similar],
        kind: n(Max::ANY, 2),
        example: "10",
        help: "The number of movies.",
        ..OPTIONAL
    },
    Parameter {
        name: "n",
        component: "reasons",
        routes: &[Route::Because],
        kind: n(Max::ANY, 3),
        example: "3",
        help: "The number of ratings.",
        ..OPTIONAL
    },
    Parameter {
        name: "n",
        component: "search_n",
        routes: &[Route::Search],
        kind: n(Max::Number(50), 10),
        example: "10",
        help: "The number of movies.",
        ..OPTIONAL
    },
    Parameter {
        name: "n",
        component: "users_n",
        routes: &[Route::Users],
        kind: n(Max::Number(50), 12),
        example: "12",
        help: "The number of users.",
        ..OPTIONAL
    },
    Parameter {
        name: "offset",
        component: "offset",
        routes: LISTS,
        kind: offset(Max::ANY),
        example: "10",
        help: "The number of movies to skip, from the best one.",
        ..OPTIONAL
    },
    Parameter {
        name: "offset",
        component: "folded_offset",
        in_body: true,
        kind: offset(Max::Number(MAX_COMPUTED)),
        example: "10",
        help: "The number of movies to skip, from the best one.",
        ..OPTIONAL
    },
    Parameter {
        name: "exclude",
        component: "exclude",
        routes: LISTS,
        in_body: true,
        kind: Kind::Ids {
            max: MAX_IDS,
            set: |arguments, ids| {
                arguments.list.exclude = sorted(ids.into_iter().map(MovieId::new).collect());
            },
        },
        example: "1,2",
        help: "Movies to leave out.",
        ..OPTIONAL
    },
    Parameter {
        name: "genre",
        component: "genre",
        routes: LISTS,
        in_body: true,
        kind: Kind::Genres { max: MAX_GENRES, set: |arguments, names| arguments.list.genre = sorted(names) },
        example: "Comedy,War",
        help: "Only movies that have at least one of these genres.",
        ..OPTIONAL
    },
    Parameter {
        name: "exclude_genre",
        component: "exclude_genre",
        routes: LISTS,
        in_body: true,
        kind: Kind::Genres {
            max: MAX_GENRES,
            set: |arguments, names| arguments.list.exclude_genre = sorted(names),
        },
        example: "Horror",
        help: "Only movies that have none of these genres.",
        ..OPTIONAL
    },
    Parameter {
        name: "min_year",
        component: "min_year",
        routes: LISTS,
        in_body: true,
        kind: year(|arguments, year| arguments.list.min_year = Some(year)),
        example: "1990",
        help: "Only movies of this year or later, by the year at the end of the title. Movies without a year are left \
               out.",
        ..OPTIONAL
    },
    Parameter {
        name: "max_year",
        component: "max_year",
        routes: LISTS,
        in_body: true,
        kind: year(|arguments, year| arguments.list.max_year = Some(year)),
        example: "1999",
        help: "Only movies of this year or earlier. Movies without a year are left out.",
        ..OPTIONAL
    },
    Parameter {
        name: "returnMetadata",
        component: "returnMetadata",
        routes: &[Route::Recommendations, Route::Similar, Route::Because],
        in_body: true,
        kind: Kind::Flag { set: |arguments, flag| arguments.list.metadata = flag },
        example: "true",
        help: "Whether to add titles and genres.",
        ..OPTIONAL
    },
    Parameter {
        name: "returnMetadata",
        component: "features_metadata",
        routes: &[Route::Features],
        kind: Kind::Flag { set: |arguments, flag| arguments.list.metadata = flag },
        example: "true",
        help: "Whether to add titles, genres and the stars that the user gave.",
        ..OPTIONAL
    },
    Parameter {
        name: "withScores",
        component: "withScores",
        routes: LISTS,
        in_body: true,
        kind: Kind::Flag { set: |arguments, flag| arguments.list.scores = flag },
        example: "true",
        help: "Whether to add scores and predicted ratings. The score orders the list; the rating is in stars, where there is \
               one.",
        ..OPTIONAL
    },
];

/// The parameters in the query strings of a route.
pub(super) fn of_route(route: Route) -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS.iter().filter(move |parameter| parameter.routes.contains(&route))
}

/// The parameters that are members of the body of a fold-in.
pub(super) fn of_body() -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS.iter().filter(|parameter| parameter.in_body)
}

const fn n(max: Max, default: u32) -> Kind {
    Kind::Number { min: 1, max, default: Some(default), set: |arguments, n| arguments.list.n = n }
}

const fn offset(max: Max) -> Kind {
    Kind::Number { min: 0, max, default: Some(0), set: |arguments, offset| arguments.list.offset = offset }
}

const fn year(set: fn(&mut Arguments, u32)) -> Kind {
    Kind::Number { min: 0, max: Max::ANY, default: None, set }
}

/// Ascending and without repetitions, so that two spellings of one request are equal and elements are found by bisection.
fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}
