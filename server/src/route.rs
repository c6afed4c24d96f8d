//! The routes of the API by path.
//!
//! Input: the path of a request. Output: a [`Target`], which is the route and the id that stands in its path. Metrics, the
//! table of parameters and `openapi.json` refer to a route by its template. Methods are checked in `routes`.

use crate::number::whole_number;

/// A route of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Recommendations,
    Features,
    Movie,
    Similar,
    Because,
    Search,
    Users,
    Generation,
    Livez,
    Readyz,
    Metrics,
    OpenApi,
    Version,
    Page,
    PageStyle,
    PageScript,
    /// Any other path.
    Unknown,
}

/// The routes and their templates, the most frequent first.
const TEMPLATES: [(Route, &str); 16] = [
    (Route::Recommendations, "/recommendations"),
    (Route::Features, "/features"),
    (Route::Movie, "/movies/{id}"),
    (Route::Similar, "/movies/{id}/similar"),
    (Route::Because, "/users/{id}/because"),
    (Route::Search, "/movies"),
    (Route::Users, "/users"),
    (Route::Generation, "/generation"),
    (Route::Livez, "/livez"),
    (Route::Readyz, "/readyz"),
    (Route::Metrics, "/metrics"),
    (Route::OpenApi, "/openapi.json"),
    (Route::Version, "/version"),
    (Route::Page, "/"),
    (Route::PageStyle, "/page.css"),
    (Route::PageScript, "/page.js"),
];

/// The place of the id in a template.
const ID: &str = "{id}";

/// The route of a path and the id in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) route: Route,
    /// The id of a movie or a user, as the template says; 0 where the template has none.
    pub(crate) id: u32,
}

impl Route {
    /// The number of routes, [`Route::Unknown`] included.
    pub(crate) const COUNT: usize = Self::Unknown as usize + 1;

    /// The position of a route among all routes.
    pub(crate) fn number(self) -> usize {
        self as usize
    }

    /// The route of a template; `None` for any other text.
    pub(crate) fn of_template(template: &str) -> Option<Self> {
        TEMPLATES.iter().find(|(_, known)| *known == template).map(|&(route, _)| route)
    }

    /// The template of a route, the same for all ids; `other` for unknown paths.
    pub(crate) fn template(self) -> &'static str {
        TEMPLATES.iter().find(|&&(route, _)| route == self).map_or("other", |&(_, template)| template)
    }
}

impl Target {
    /// Returns the target of a path. The whole path must match; an id is made of digits.
    pub(crate) fn of(path: &str) -> Self {
        let exact = TEMPLATES.iter().find(|(_, template)| *template == path && !template.contains(ID));
        if let Some(&(route, _)) = exact {
            return Self { route, id: 0 };
        }
        let with_id = |&(route, template): &(Route, &str)| {
            let (before, after) = template.split_once(ID)?;
            let id = whole_number(path.strip_prefix(before)?.strip_suffix(after)?)?;
            Some(Self { route, id })
        };
        TEMPLATES.iter().find_map(with_id).unwrap_or(Self { route: Route::Unknown, id: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_exactly_one_of_the_routes_or_unknown() {
        for (path, route, id) in [
            ("/recommendations", Route::Recommendations, 0),
            ("/movies/750", Route::Movie, 750),
            ("/movies/750/similar", Route::Similar, 750),
            ("/movies", Route::Search, 0),
            ("/", Route::Page, 0),
            ("/users/0/because", Route::Because, 0),
        ] {
            assert_eq!(Target::of(path), Target { route, id });
        }
        for path in [
            "",
            "//",
            "/page.css/",
            "//livez",
            "/livez/",
            "/Livez",
            "/movies/",
            "/movies/{id}",
            "/users/",
            "/movies//similar",
            "/movies/x",
            "/movies/-1",
            "/movies/+1",
            "/movies/4294967296",
            "/movies/1/",
            "/movies/1/2",
            "/movies/../livez",
            "/movies/%31",
            "/users/1",
            "/users/1/because/",
            "/users//because",
            "/.../similar",
        ] {
            assert_eq!(Target::of(path).route, Route::Unknown, "{path}");
        }
    }

    #[test]
    fn routes_are_numbered_without_gaps_and_named_by_their_templates() {
        for (number, (route, template)) in TEMPLATES.into_iter().enumerate() {
            assert_eq!(route.number(), number);
            assert_eq!(route.template(), template);
            assert_eq!(Route::of_template(template), Some(route));
        }
        assert_eq!((Route::COUNT, Route::Unknown.template()), (TEMPLATES.len() + 1, "other"));
    }
}
