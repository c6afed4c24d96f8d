//! The description of the API: `openapi.json`, completed by the parameters and by the open generation.
//!
//! The file has the routes, the responses and the schemas. Parameters are added from their table; the length of the lists,
//! the genres and the range of stars are those of the open generation.

use serde_json::{Value, json};

use crate::parameters;
use crate::served_generation::ServedGeneration;

/// The constant part.
const DESCRIPTION: &str = include_str!("../openapi.json");

/// Returns the description as JSON.
///
/// # Errors
/// `openapi.json` is not JSON, a fault of the server.
pub(crate) fn description(served: Option<&ServedGeneration>) -> serde_json::Result<Vec<u8>> {
    let mut document: Value = serde_json::from_str(DESCRIPTION)?;
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    parameters::describe(&mut document, served.map(ServedGeneration::depth));
    if let Some(served) = served {
        let schemas = &mut document["components"]["schemas"];
        let genres = served.catalogue.genre_names();
        if !genres.is_empty() {
            schemas["genre"]["enum"] = json!(genres);
        }
        if let Some(terms) = served.tables().user_terms() {
            let stars = &mut schemas["stars"];
            stars["minimum"] = json!(terms.min);
            stars["maximum"] = json!(terms.max);
        }
    }
    serde_json::to_vec(&document)
}
