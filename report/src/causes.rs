//! The changes of input, settings and program since the published generation, in words.

use store::manifest::Account;

use crate::words;

/// What went into tonight's lists that is not what went into the others', in words.
pub(super) fn of_causes(before: &Account, tonight: &Account) -> Vec<String> {
    let mut causes = Vec::new();
    for (name, old, new) in [
        ("ratings", &before.source.ratings, &tonight.source.ratings),
        ("movies", &before.source.movies, &tonight.source.movies),
    ] {
        if old.digest != new.digest {
            let bytes = [new, old].map(|file| words::count(file.digest.bytes));
            causes.push(format!("the {name} are others ({} bytes after {})", bytes[0], bytes[1]));
        }
    }
    let (old, new) = (&before.parameters, &tonight.parameters);
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
            // Only its digest is known, which says nothing to anybody.
            "deny_list" => "the deny list is another".to_owned(),
            _ => format!("the setting {} is {} after {}", name.replace('_', " "), value(new), value(old)),
        });
    }
    if before.program != tonight.program {
        causes.push("the program is another build".to_owned());
    }
    causes
}
