//! Scores a block of users against the items.
//!
//! First all users are scored against the head, the items of the largest norms. Then users with similar cuts
//! are grouped, and each group continues until no remaining item can be among the best of any of its users.
//! If the order is harmful, because items of larger norms have lower scores, a group restarts with the items
//! in the order of their indices.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use ranking::tile::ROWS;

use super::bounds::norm;
use super::kernel::{Kernel, ScoreCounts, UserTile};
use super::selection::{Rank, TopNSelection};
use super::{Scored, Scorer};

/// Most users of a block. Selections that need much memory make it smaller.
const MAX_USERS: usize = 128;
/// Most memory of the selections of a block, in bytes.
const MAX_BYTES: usize = 16 << 20;
/// Fewest items of the head, which all users are scored against.
const HEAD: usize = 128;
/// Fewest remaining tiles for which the screen is worth its preparation.
const MIN_SCREENED_TILES: usize = 8;

/// Scratch of a thread, which all of its blocks reuse.
pub(super) struct Workspace {
    /// [`capacity`] candidates of each user.
    ranks: Vec<Rank>,
    /// A bit for each item of each user, see [`TopNSelection`].
    seen: Vec<u32>,
    groups: Vec<Group>,
}

/// The state of at most [`ROWS`] users who are scored together.
#[derive(Default)]
struct Group {
    users: UserTile,
    /// Whether tiles are screened.
    is_screened: bool,
    /// Whether the order of the items is harmful.
    is_harmed: bool,
    /// Whether tiles are skipped.
    is_paused: bool,
}

/// The task of scoring a range of users, at most [`max_users`] of them.
pub(super) struct UserBlock<'a, 'f> {
    pub(super) scorer: &'a Scorer<'f>,
    pub(super) users: Range<usize>,
    pub(super) workspace: &'a mut Workspace,
}

/// The number of users of a block.
pub(super) fn max_users(scorer: &Scorer<'_>) -> usize {
    let bytes = capacity(scorer) * size_of::<Rank>() + scorer.items.tiles.len() / 8;
    (MAX_BYTES / bytes).clamp(1, MAX_USERS)
}

/// The maximum number of candidates in a selection.
fn capacity(scorer: &Scorer<'_>) -> usize {
    scorer.items.n + scorer.items.n.max(64) + scorer.items.tiles.width()
}

impl Workspace {
    pub(super) fn new(scorer: &Scorer<'_>) -> Self {
        let n_users = max_users(scorer);
        Self {
            ranks: vec![Rank::NONE; n_users * capacity(scorer)],
            seen: vec![0; n_users * scorer.items.tiles.len().div_ceil(32)],
            groups: (0..n_users.div_ceil(ROWS)).map(|_| Group::default()).collect(),
        }
    }
}

impl WithSimd for UserBlock<'_, '_> {
    /// The list of each user, in order, and the numbers of computed scores.
    type Output = (Vec<Vec<Scored>>, ScoreCounts);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { scorer, users, workspace: Workspace { ranks, seen, groups } } = self;
        let n_tiles = scorer.items.tiles.n_tiles();
        let mut kernel = Kernel { simd, items: &scorer.items.tiles, scorer, counts: ScoreCounts::default() };
        let mut selections = empty_selections(scorer, users.clone(), ranks, seen);
        let groups = &mut groups[..users.len().div_ceil(ROWS)];

        let head = HEAD.max(2 * scorer.items.n).div_ceil(scorer.items.tiles.width()).min(n_tiles);
        for (group, selections) in groups.iter_mut().zip(selections.chunks_mut(ROWS)) {
            group.users.fill(scorer, selections);
            kernel.score(&group.users, 0..head, selections);
            for selection in selections {
                selection.prune();
                selection.take_count();
            }
        }

        selections.sort_by(|a, b| a.cut().total_cmp(&b.cut()));
        for (group, selections) in groups.iter_mut().zip(selections.chunks_mut(ROWS)) {
            group.prepare(scorer, selections, head);
        }
        for tiles in doublings(head, n_tiles) {
            kernel.advance(scorer, groups, &mut selections, tiles);
            for (group, selections) in groups.iter_mut().zip(selections.chunks_mut(ROWS)) {
                // In a random order, twice the items bring about n ln 2 new ones among the best n.
                let too_many = 3 * scorer.items.n + 64;
                group.is_harmed |= selections.iter_mut().any(|selection| selection.take_count() > too_many);
                group.is_paused |= group.is_harmed;
            }
        }

        if groups.iter().any(|group| group.is_harmed) {
            kernel.items = scorer.items.by_index();
            for (group, selections) in groups.iter_mut().zip(selections.chunks_mut(ROWS)) {
                // Groups that are not harmed are complete.
                group.is_paused = !std::mem::take(&mut group.is_harmed);
                for selection in selections.iter_mut().filter(|_| !group.is_paused) {
                    let seen = scorer.seen.columns(selection.user);
                    selection.reset(seen.iter().map(|&item| item as usize));
                }
            }
            kernel.advance(scorer, groups, &mut selections, 0..n_tiles);
        }

        let mut lists = vec![Vec::new(); users.len()];
        for mut selection in selections {
            kernel.score_pending(&mut selection);
            lists[selection.user - users.start] = selection.finish();
        }
        (lists, kernel.counts)
    }
}

/// Selections of a range of users, without candidates.
#[inline(always)]
fn empty_selections<'a>(
    scorer: &Scorer<'_>,
    users: Range<usize>,
    ranks: &'a mut [Rank],
    seen: &'a mut [u32],
) -> Vec<TopNSelection<'a>> {
    let ranks = ranks.chunks_exact_mut(capacity(scorer));
    let seen = seen.chunks_exact_mut(scorer.items.tiles.len().div_ceil(32));
    let selections = users.zip(ranks.zip(seen)).map(|(user, (ranks, seen))| {
        let norm = norm(scorer.user(user));
        let mut selection = TopNSelection::new(user, norm, scorer.items.n, scorer.items.bound, ranks, seen);
        selection.reset(scorer.seen.columns(user).iter().map(|&item| scorer.items.tiles.place(item)));
        selection
    });
    selections.collect()
}

impl Group {
    /// Prepares a group for the tiles after the head.
    #[inline(always)]
    fn prepare(&mut self, scorer: &Scorer<'_>, selections: &[TopNSelection<'_>], head: usize) {
        let cut = selections.iter().map(TopNSelection::cut).fold(f64::INFINITY, f64::min);
        let (end, n_tiles) = (scorer.items.tiles.tiles_above(cut), scorer.items.tiles.n_tiles());
        // Among equal scores the smaller item is better. So with ties the order of the indices is the best.
        self.is_harmed = end == n_tiles && end > head && selections.iter().any(TopNSelection::is_tie);
        self.is_paused = self.is_harmed;
        self.is_screened =
            scorer.items.screen.is_some() && end > head + MIN_SCREENED_TILES && !self.is_harmed;
        if end > head {
            self.users.fill(scorer, selections);
        }
        if self.is_screened {
            self.users.fill_screen(scorer, selections);
        }
    }
}

impl<S: Simd> Kernel<'_, '_, S> {
    /// Scores the groups against some tiles, panel by panel.
    #[inline(always)]
    fn advance(
        &mut self,
        scorer: &Scorer<'_>,
        groups: &mut [Group],
        selections: &mut [TopNSelection<'_>],
        tiles: Range<usize>,
    ) {
        for panel in self.items.panels(tiles) {
            for (group, selections) in groups.iter_mut().zip(selections.chunks_mut(ROWS)) {
                if group.is_paused {
                    continue;
                }
                match scorer.items.screen {
                    Some(screen) if group.is_screened => {
                        self.screen(screen, &group.users, panel.clone(), selections)
                    }
                    _ => self.score(&group.users, panel.clone(), selections),
                }
                for selection in selections {
                    selection.prune_if_useful();
                }
            }
        }
    }
}

/// The ranges `first..2 first`, `2 first..4 first` and so on, up to `end`.
fn doublings(first: usize, end: usize) -> impl Iterator<Item = Range<usize>> {
    let starts =
        std::iter::successors(Some(first), |start| Some(2 * start)).take_while(move |&start| start < end);
    starts.map(move |start| start..end.min(2 * start))
}
