//! What a path asks for.

use store::{MovieId, UserId};

use crate::parameters::whole_number;

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Recommendations,
    Features,
    Movie(MovieId),
    Similar(MovieId),
    Because(UserId),
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
    Nothing,
}

impl Route {
    /// The routes as metrics and the API's description name them, by their numbers.
    pub(crate) const TEMPLATES: [&str; 17] = [
        "/recommendations",
        "/features",
        "/movies/{id}",
        "/movies/{id}/similar",
        "/users/{id}/because",
        "/livez",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/version",
        "/movies",
        "/users",
        "/generation",
        "/",
        "/page.css",
        "/page.js",
        "other",
    ];

    /// The route of a path, which must be exactly one.
    pub(crate) fn of(path: &str) -> Self {
        match path {
            "/recommendations" => Self::Recommendations,
            "/features" => Self::Features,
            "/movies" => Self::Search,
            "/users" => Self::Users,
            "/generation" => Self::Generation,
            "/livez" => Self::Livez,
            "/readyz" => Self::Readyz,
            "/metrics" => Self::Metrics,
            "/openapi.json" => Self::OpenApi,
            "/version" => Self::Version,
            "/" => Self::Page,
            "/page.css" => Self::PageStyle,
            "/page.js" => Self::PageScript,
            _ => Self::of_one(path).unwrap_or(Self::Nothing),
        }
    }

    /// The route of a path with an id in it. What is no id names nothing.
    fn of_one(path: &str) -> Option<Self> {
        let id = |text: &str| if text.is_empty() { None } else { whole_number(text) };
        if let Some(rest) = path.strip_prefix("/movies/") {
            return match rest.strip_suffix("/similar") {
                Some(text) => id(text).map(MovieId::new).map(Self::Similar),
                None => id(rest).map(MovieId::new).map(Self::Movie),
            };
        }
        let text = path.strip_prefix("/users/")?.strip_suffix("/because")?;
        id(text).map(UserId::new).map(Self::Because)
    }

    /// Its place among the templates.
    pub(crate) fn number(self) -> usize {
        match self {
            Self::Recommendations => 0,
            Self::Features => 1,
            Self::Movie(_) => 2,
            Self::Similar(_) => 3,
            Self::Because(_) => 4,
            Self::Livez => 5,
            Self::Readyz => 6,
            Self::Metrics => 7,
            Self::OpenApi => 8,
            Self::Version => 9,
            Self::Search => 10,
            Self::Users => 11,
            Self::Generation => 12,
            Self::Page => 13,
            Self::PageStyle => 14,
            Self::PageScript => 15,
            Self::Nothing => 16,
        }
    }

    /// Its name, the same for all ids.
    pub(crate) fn template(self) -> &'static str {
        Self::TEMPLATES[self.number()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_exactly_one_of_the_routes_or_nothing() {
        for (path, route) in [
            ("/recommendations", Route::Recommendations),
            ("/movies/750", Route::Movie(MovieId::new(750))),
            ("/movies/750/similar", Route::Similar(MovieId::new(750))),
            ("/movies", Route::Search),
            ("/", Route::Page),
            ("/users/0/because", Route::Because(UserId::new(0))),
        ] {
            assert_eq!(Route::of(path), route);
        }
        for path in [
            "",
            "//",
            "/page.css/",
            "//livez",
            "/livez/",
            "/Livez",
            "/movies/",
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
            assert_eq!(Route::of(path), Route::Nothing, "{path}");
        }
    }
}
