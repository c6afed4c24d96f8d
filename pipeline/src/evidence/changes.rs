//! The difference between the new and the published lists.

use report::ListChange;
use store::manifest::Manifest;
use store::{DenyList, Tables, UserId};

use super::{SHOWN, Sources, evenly};
use crate::error::Result;
use crate::generations::{ListDifference, MovieChange};

/// Users whose lists are compared.
const USERS_COMPARED: usize = 5_000;
/// The size in bytes above which the published generation is not opened, since its copy would take too long.
const LARGE: u64 = 1 << 30;
/// The cache of its pages.
const CACHE_BYTES: u64 = 64 << 20;

/// Compares the new lists with those of a generation.
///
/// # Errors
/// The reason why they were not compared, as a sentence.
pub(super) fn since(
    before: &Manifest,
    sources: &Sources<'_>,
    users: &[UserId],
) -> std::result::Result<ListChange, String> {
    let bytes: u64 = before.files.values().map(|file| file.bytes).sum();
    if bytes > LARGE {
        return Err(format!("it is large ({} MiB); `pipeline diff` compares the lists", bytes >> 20));
    }
    let &Sources { repository, work, .. } = sources;
    let open = repository.open_generation(&before.generation, work, CACHE_BYTES);
    let compared = open.map_err(Into::into).and_then(|old| compare(old.tables(), sources, users));
    compared.map_err(|e| format!("its lists could not be read: {e}"))
}

fn compare(old: &Tables, sources: &Sources<'_>, users: &[UserId]) -> Result<ListChange> {
    let mut in_both = Vec::new();
    for &user in evenly(users, USERS_COMPARED) {
        if old.view_top_n(user, |_| ())?.is_some() {
            in_both.push(user);
        }
    }
    let ListDifference { changed, mean_overlap, movies_in, movies_out } =
        ListDifference::compare(old, sources.tables, &in_both, SHOWN)?;
    Ok(ListChange {
        n_compared: in_both.len() as u64,
        n_changed: changed,
        mean_overlap,
        movies_in: named(movies_in, sources.deny),
        movies_out: named(movies_out, sources.deny),
    })
}

/// Removes hidden movies from the changes: the published lists may have a movie that was denied later.
fn named(movies: Vec<MovieChange>, deny: Option<&DenyList>) -> Vec<report::MovieChange> {
    let is_named = |movie: &MovieChange| deny.is_none_or(|deny| !deny.hides(movie.id));
    let shown = |MovieChange { title, before, after, .. }| report::MovieChange { title, before, after };
    movies.into_iter().filter(is_named).map(shown).collect()
}
