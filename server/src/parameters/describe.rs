//! The parameters in `server --help` and in the description of the API.

use serde_json::{Value, json};

use super::table::{PARAMETERS, Parameter, of_body, of_route};
use crate::route::Route;

/// The parameters of lists for `server --help`, one a line.
pub(crate) fn help() -> String {
    let lists = of_route(Route::Recommendations);
    let lines = lists.map(|Parameter { name, example, help, .. }| {
        let first = help.split_once(". ").map_or(help.trim_end_matches('.'), |(first, _)| first);
        format!("  {:<20} {first}", format!("{name}={example}"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Adds the parameters of query strings and the members of the body of a fold-in to the description of the API. `depth` is
/// the length of the stored lists, where a generation is open.
pub(crate) fn describe(document: &mut Value, depth: Option<u64>) {
    let components = &mut document["components"];
    for parameter in PARAMETERS.iter().filter(|parameter| !parameter.routes.is_empty()) {
        let Parameter { name, is_required, help, kind, .. } = parameter;
        let mut described = json!({
            "name": name,
            "in": "query",
            "required": is_required,
            "description": help,
            "schema": kind.schema(depth, false),
        });
        if *is_required {
            described["example"] = kind.example(parameter.example);
        }
        if kind.is_list() {
            described["style"] = json!("form");
            described["explode"] = json!(false);
        }
        components["parameters"][parameter.component] = described;
    }
    for parameter in of_body() {
        let mut schema = parameter.kind.schema(depth, true);
        schema["description"] = json!(parameter.help);
        components["schemas"]["ratings"]["properties"][parameter.name] = schema;
    }
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (template, methods) in paths {
        let Some(route) = Route::of_template(template) else { continue };
        let reference = |parameter: &Parameter| json!({ "$ref": format!("#/components/parameters/{}", parameter.component) });
        let references: Vec<_> = of_route(route).map(reference).collect();
        if references.is_empty() {
            continue;
        }
        match &mut methods["get"]["parameters"] {
            Value::Array(others) => others.extend(references),
            none => *none = references.into(),
        }
    }
}
