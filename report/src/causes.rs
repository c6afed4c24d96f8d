//! The changes of input, settings and program since the published generation, as text.

use store::manifest::Account;

use crate::format;

/// The changes from one run to the next, as clauses.
pub(super) fn of_causes(before: &Account, now: &Account) -> Vec<String> {
    let mut causes = Vec::new();
    for (name, old, new) in [
        ("ratings", &before.source.ratings, &now.source.ratings),
        ("movies", &before.source.movies, &now.source.movies),
    ] {
        if old.digest != new.digest {
            let bytes = [new, old].map(|file| format::count(file.digest.bytes));
            causes.push(format!("the {name} file changed ({} bytes after {})", bytes[0], bytes[1]));
        }
    }
    let (old, new) = (&before.parameters, &now.parameters);
    let mut names: Vec<_> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let value = |of: &serde_json::Map<_, serde_json::Value>| {
            of.get(name).map_or_else(|| "nothing".to_owned(), ToString::to_string)
        };
        if old.get(name) == new.get(name) {
            continue;
        }
        causes.push(match name.as_str() {
            // The parameter is a digest, which is of no use to people.
            "deny_list" => "the deny list changed".to_owned(),
            _ => format!(
                "the setting {} changed from {} to {}",
                name.replace('_', " "),
                value(old),
                value(new)
            ),
        });
    }
    if before.program != now.program {
        causes.push("the program changed".to_owned());
    }
    causes
}
