//! What changed since what is published: in the lists, and in what went into them.

use store::manifest::{Account, Manifest};
use store::{Tables, UserId};

use super::evidence::{SHOWN, Sources, evenly};
use super::words;
use crate::error::Result;
use crate::generations::{MovieChange, Shown};

/// Users whose lists are compared.
const USERS_COMPARED: usize = 5_000;
/// The bytes of a published generation from which on it is not opened: the copy would take too long.
const LARGE: u64 = 1 << 30;
/// Memory for its pages.
const CACHE_BYTES: u64 = 64 << 20;

/// How lists differ from the published ones.
#[derive(Debug, Clone)]
pub(super) struct ListChange {
    /// Users who have a list in both and were compared, evenly spread over all.
    pub(super) n_compared: u64,
    pub(super) n_changed: u64,
    pub(super) mean_overlap: f64,
    pub(super) movies_in: Vec<MovieChange>,
    pub(super) movies_out: Vec<MovieChange>,
}

impl ListChange {
    /// Compares tonight's lists with those of a generation, or says why not.
    pub(super) fn since(
        before: &Manifest,
        sources: &Sources<'_>,
        users: &[UserId],
    ) -> std::result::Result<Self, String> {
        let bytes: u64 = before.files.values().map(|file| file.bytes).sum();
        if bytes > LARGE {
            return Err(format!("it is large ({} MiB); `pipeline diff` compares the lists", bytes >> 20));
        }
        let &Sources { repository, work, .. } = sources;
        let open = repository.open_generation(&before.generation, work, CACHE_BYTES);
        let compared = open.map_err(Into::into).and_then(|old| Self::compare(old.tables(), sources, users));
        compared.map_err(|e| format!("its lists could not be read: {e}"))
    }

    fn compare(old: &Tables, sources: &Sources<'_>, users: &[UserId]) -> Result<Self> {
        let mut in_both = Vec::new();
        for &user in evenly(users, USERS_COMPARED) {
            if old.view_top_n(user, |_| ())?.is_some() {
                in_both.push(user);
            }
        }
        let mut shown = Shown::compare(old, sources.tables, &in_both, SHOWN)?;
        if let Some(deny) = sources.deny {
            // What was denied since is still in the old lists, and must not be named here.
            shown.movies_in.retain(|movie| !deny.hides(movie.id));
            shown.movies_out.retain(|movie| !deny.hides(movie.id));
        }
        let Shown { changed, mean_overlap, movies_in, movies_out } = shown;
        Ok(Self { n_compared: in_both.len() as u64, n_changed: changed, mean_overlap, movies_in, movies_out })
    }
}

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
