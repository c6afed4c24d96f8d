//! The parameters of a request: declared once in `table`, parsed here.
//!
//! Input: a query string, or the members of the body of a fold-in. Output: [`Arguments`]. A parameter is given at most
//! once, is one that the route takes, and has a value of its kind; otherwise the request is refused with a sentence about
//! each fault. Whether ids and genres exist is checked later, against the open generation.

mod arguments;
mod query_string;
mod kind;
mod table;
mod describe;

use serde_json::{Map, Value, json};

use crate::problem::{Fault, Problem};
use crate::route::Route;
pub(crate) use arguments::Arguments;
pub(crate) use describe::{describe, help};
use query_string::QueryString;
use table::{Parameter, of_body, of_route};

impl Arguments {
    /// Parses the query string of a route.
    ///
    /// # Errors
    /// 400, naming every parameter that is unknown, missing, repeated or has a bad value.
    pub(crate) fn of_query(route: Route, query: &str) -> Result<Self, Problem> {
        let (mut given, mut arguments) = (QueryString::parse(query), Self::default());
        for parameter in of_route(route) {
            let outcome = match given.take(parameter.name) {
                Some(text) => parameter.kind.set_text(&mut arguments, &text),
                None if parameter.is_required => Err("is missing; ".to_owned()),
                None => {
                    parameter.kind.set_default(&mut arguments);
                    Ok(())
                }
            };
            if let Err(found) = outcome {
                given.fault(parameter.name, found + &parameter.advice());
            }
        }
        given.finish(|| names(of_route(route)))?;
        Ok(arguments)
    }

    /// Refuses every parameter in the query string of a fold-in, whose parameters are members of its body.
    ///
    /// # Errors
    /// 400.
    pub(crate) fn none_beside_body(query: &str) -> Result<(), Problem> {
        QueryString::parse(query).finish(|| "no parameters by POST, but members of a body".to_owned())
    }

    /// Parses the members of the body of a fold-in, but for its own member `own`.
    ///
    /// # Errors
    /// 400, naming the first unknown member, or every member with a bad value.
    pub(crate) fn of_body(members: &Map<String, Value>, own: &str) -> Result<Self, Problem> {
        let is_known = |name: &String| name == own || of_body().any(|parameter| parameter.name == name);
        if let Some(unknown) = members.keys().find(|name| !is_known(name)) {
            let unknown = crate::problem::shortened(unknown);
            let known = names(of_body());
            let detail = format!("the body has the member {unknown}; it may have {own}, {known}");
            return Err(Problem::bad_body(detail));
        }
        let (mut arguments, mut faults) = (Self::default(), Vec::new());
        for parameter in of_body() {
            match members.get(parameter.name) {
                Some(value) => {
                    if let Err(found) = parameter.kind.set_json(&mut arguments, value) {
                        faults.push(Fault::new(parameter.name, found + &parameter.advice_in_body()));
                    }
                }
                None => parameter.kind.set_default(&mut arguments),
            }
        }
        if faults.is_empty() { Ok(arguments) } else { Err(Problem::bad_parameters(faults)) }
    }
}

impl Parameter {
    /// The advice of an error message, with an example.
    fn advice(&self) -> String {
        let example: String = form_urlencoded::byte_serialize(self.example.as_bytes()).collect();
        // A comma need not be escaped, and is easier to read.
        format!("{}, as in {}={}", self.kind.expected(false), self.name, example.replace("%2C", ","))
    }

    fn advice_in_body(&self) -> String {
        let example = self.kind.example(self.example);
        format!("{}, as in {}: {example}", self.kind.expected(true), json!(self.name))
    }
}

/// The names of parameters as a list in a sentence; `none` for no parameters.
fn names(parameters: impl Iterator<Item = &'static Parameter>) -> String {
    let names: Vec<_> = parameters.map(|parameter| parameter.name).collect();
    match names.as_slice() {
        [] => "none".to_owned(),
        [name] => (*name).to_owned(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::kind::Kind;
    use super::table::PARAMETERS;
    use super::*;

    fn detail(problem: Problem) -> String {
        let body: Value = serde_json::from_slice(problem.into_response().body()).unwrap();
        body["detail"].as_str().unwrap().to_owned()
    }

    fn refused(route: Route, query: &str) -> String {
        detail(Arguments::of_query(route, query).unwrap_err())
    }

    #[test]
    fn each_parameter_sets_its_field_from_its_own_example() {
        for parameter in PARAMETERS {
            let text = format!("{}={}", parameter.name, parameter.example.replace(' ', "+"));
            for &route in parameter.routes {
                let required =
                    of_route(route).filter(|other| other.is_required && other.name != parameter.name);
                let required = required.map(|other| format!("&{}={}", other.name, other.example));
                let required: String = required.collect();
                let with = Arguments::of_query(route, &format!("{text}{required}")).unwrap();
                if !parameter.is_required {
                    let without = Arguments::of_query(route, required.trim_start_matches('&')).unwrap();
                    let is_default = matches!(&parameter.kind, Kind::Number { default: Some(default), .. }
                        if default.to_string() == parameter.example);
                    assert_eq!(with == without, is_default, "{text}");
                }
            }
            if parameter.in_body {
                let members = json!({ parameter.name: parameter.kind.example(parameter.example) });
                let with = Arguments::of_body(members.as_object().unwrap(), "ratings").unwrap();
                assert_ne!(with, Arguments::of_body(&Map::new(), "ratings").unwrap(), "{text}");
            }
        }
    }

    #[test]
    fn names_are_unique_in_each_route_and_components_everywhere() {
        let components: BTreeSet<_> = PARAMETERS.iter().map(|parameter| parameter.component).collect();
        assert_eq!(components.len(), PARAMETERS.len());
        for route in [Route::Recommendations, Route::Features, Route::Similar, Route::Because] {
            let names: Vec<_> = of_route(route).map(|parameter| parameter.name).collect();
            let distinct: BTreeSet<_> = names.iter().collect();
            assert_eq!(distinct.len(), names.len(), "{names:?}");
        }
        let members: Vec<_> = of_body().map(|parameter| parameter.name).collect();
        let distinct: BTreeSet<_> = members.iter().collect();
        assert_eq!(distinct.len(), members.len(), "{members:?}");
    }

    #[test]
    fn members_of_a_body_are_of_kinds_that_json_can_set() {
        assert!(
            of_body().all(|parameter| !matches!(parameter.kind, Kind::Choice { .. } | Kind::Text { .. }))
        );
    }

    #[test]
    fn the_help_and_the_documentation_name_every_parameter_of_a_list() {
        let documentation = include_str!("../../../docs/api.md");
        for parameter in of_route(Route::Recommendations) {
            assert!(help().contains(&format!("  {}=", parameter.name)), "{}", parameter.name);
            assert!(documentation.contains(&format!("{}=", parameter.name)), "{}", parameter.name);
        }
    }

    #[test]
    fn two_spellings_of_a_request_have_equal_arguments() {
        let query = |query| Arguments::of_query(Route::Recommendations, query).unwrap();
        let first = query("user_id=18&genre=War,Comedy&exclude=3,1,3&returnMetadata=TRUE");
        assert_eq!(first, query("n=2&exclude=1,3&returnMetadata=true&genre=Comedy,War&user_id=%318&"));
        assert_ne!(first, query("user_id=18&genre=War,Comedy&exclude=3,1,3"));
    }

    #[test]
    fn a_bad_value_is_answered_with_what_to_give() {
        for (query, expected) in [
            (
                "",
                "user_id is missing; give a whole number from 0 to 4294967295, or several separated by commas, as in user_id=18",
            ),
            (
                "user_id=18&n=0",
                "n was given as `0`; give a whole number from 1 to the length of the stored lists, as in n=10",
            ),
            (
                "user_id=18&genre=,",
                "genre was given as `,`; give names of genres separated by commas, as in genre=Comedy,War",
            ),
            ("user_id=18&fallback=", "fallback was given as ``; give popular or none, as in fallback=none"),
            (
                "user_id=18&withScores=1",
                "withScores was given as `1`; give true or false, as in withScores=true",
            ),
        ] {
            assert_eq!(refused(Route::Recommendations, query), expected);
        }
        let text = refused(Route::Search, &format!("title={}", "x".repeat(101)));
        assert!(text.ends_with("...`; give 1 to 100 characters, as in title=star+wars"), "{text}");
    }

    #[test]
    fn a_bad_member_is_answered_with_what_to_give() {
        let refused =
            |members: Value| detail(Arguments::of_body(members.as_object().unwrap(), "ratings").unwrap_err());
        assert_eq!(
            refused(json!({ "genre": "Horror", "n": 0 })),
            "n was given as 0; give a whole number from 1 to 1000, as in \"n\": 10; and genre was given as \
             \"Horror\"; give an array of names of genres, as in \"genre\": [\"Comedy\",\"War\"]"
        );
        assert_eq!(
            refused(json!({ "N": 1 })),
            "the body has the member N; it may have ratings, n, offset, exclude, genre, exclude_genre, min_year, \
             max_year, returnMetadata and withScores"
        );
        for bad in [json!({ "n": null }), json!({ "exclude": [1.5] }), json!({ "withScores": "true" })] {
            refused(bad);
        }
    }
}
