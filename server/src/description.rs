//! The API's description, `openapi.json`, completed by what the open generation decides: how deep its lists are, which
//! genres there are, and how many stars a rating may have.

use serde_json::{Value, json};

use crate::edition::Edition;

/// As far as it is always the same.
const DESCRIPTION: &str = include_str!("../openapi.json");

/// The description of a server that serves an edition, or nothing yet.
///
/// # Errors
/// Where the description is no JSON: a fault of ours.
pub(crate) fn description(edition: Option<&Edition>) -> serde_json::Result<Vec<u8>> {
    let mut document: Value = serde_json::from_str(DESCRIPTION)?;
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    if let Some(edition) = edition {
        let components = &mut document["components"];
        components["parameters"]["n"]["schema"]["maximum"] = json!(edition.depth());
        let genres = edition.catalogue.genres();
        if !genres.is_empty() {
            components["schemas"]["genre"]["enum"] = json!(genres);
        }
        if let Some(terms) = edition.tables().user_terms() {
            let stars = &mut components["schemas"]["stars"];
            stars["minimum"] = json!(terms.min);
            stars["maximum"] = json!(terms.max);
        }
    }
    serde_json::to_vec(&document)
}
