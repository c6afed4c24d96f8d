//! The way of a block of users through the items.
//!
//! First all users meet the longest items; then users who will go about as far are put together, and each group goes
//! on until no item that is left can be among the best of any of its users. Where the order does harm, the longer
//! items having the lower scores, a group begins again with the items as they are numbered.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use ranking::tile::ROWS;

use super::bounds::norm;
use super::kernel::{Kernel, Rows, ScoreCounts};
use super::selection::{Rank, Selection};
use super::{Scored, Scorer};

/// Users of a block, unless their selections need much memory.
const USERS: usize = 128;
/// The most that the selections of a block may take, in bytes.
const MOST_BYTES: usize = 16 << 20;
/// Items that all users meet, at least.
const HEAD: usize = 128;
/// So many tiles to go, and a first look at each is worth its preparation.
const MANY_TILES: usize = 8;

/// What a task works with; its next block uses it again.
pub(super) struct Workspace {
    ranks: Vec<Rank>,
    /// Of each user a bit for each item.
    seen: Vec<u32>,
    groups: Vec<Group>,
}

/// [`ROWS`] users.
#[derive(Default)]
struct Group {
    rows: Rows,
    /// Whether tiles get a first look.
    look: bool,
    /// Whether the order of the items does harm.
    harmed: bool,
    /// Whether others go on without it.
    waits: bool,
}

/// Some users, at most [`users`] of them.
pub(super) struct Block<'a, 'f> {
    pub(super) scorer: &'a Scorer<'f>,
    pub(super) users: Range<usize>,
    pub(super) workspace: &'a mut Workspace,
}

/// How many users make a block.
pub(super) fn users(scorer: &Scorer<'_>) -> usize {
    let bytes = capacity(scorer) * size_of::<Rank>() + scorer.catalogue.items.len() / 8;
    (MOST_BYTES / bytes).clamp(1, USERS)
}

/// How many candidates a selection holds before it sorts out.
fn capacity(scorer: &Scorer<'_>) -> usize {
    scorer.catalogue.n + scorer.catalogue.n.max(64) + scorer.catalogue.items.width()
}

impl Workspace {
    pub(super) fn new(scorer: &Scorer<'_>) -> Self {
        let n_users = users(scorer);
        Self {
            ranks: vec![Rank::NONE; n_users * capacity(scorer)],
            seen: vec![0; n_users * scorer.catalogue.items.len().div_ceil(32)],
            groups: (0..n_users.div_ceil(ROWS)).map(|_| Group::default()).collect(),
        }
    }
}

impl WithSimd for Block<'_, '_> {
    type Output = (Vec<Vec<Scored>>, ScoreCounts);

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        let Self { scorer, users, workspace: Workspace { ranks, seen, groups } } = self;
        let n_tiles = scorer.catalogue.items.n_tiles();
        let mut kernel =
            Kernel { simd, items: &scorer.catalogue.items, scorer, work: ScoreCounts::default() };
        let mut selections = begin(scorer, users.clone(), ranks, seen);
        let groups = &mut groups[..users.len().div_ceil(ROWS)];

        let head = HEAD.max(2 * scorer.catalogue.n).div_ceil(scorer.catalogue.items.width()).min(n_tiles);
        for (group, selections) in groups.iter_mut().zip(selections.chunks_mut(ROWS)) {
            group.rows.fill(scorer, selections);
            kernel.score(&group.rows, 0..head, selections);
            for selection in selections {
                selection.sort_out();
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
                // Doubling the items brings about n ln 2 new ones among the best n, if their order is no matter.
                let too_many = 3 * scorer.catalogue.n + 64;
                group.harmed |= selections.iter_mut().any(|selection| selection.take_count() > too_many);
                group.waits |= group.harmed;
            }
        }

        if groups.iter().any(|group| group.harmed) {
            kernel.items = scorer.catalogue.as_numbered();
            for (group, selections) in groups.iter_mut().zip(selections.chunks_mut(ROWS)) {
                // The others are done.
                group.waits = !std::mem::take(&mut group.harmed);
                for selection in selections.iter_mut().filter(|_| !group.waits) {
                    let seen = scorer.seen.columns(selection.user);
                    selection.begin(seen.iter().map(|&item| item as usize));
                }
            }
            kernel.advance(scorer, groups, &mut selections, 0..n_tiles);
        }

        let mut lists = vec![Vec::new(); users.len()];
        for mut selection in selections {
            kernel.score_pending(&mut selection);
            lists[selection.user - users.start] = selection.finish();
        }
        (lists, kernel.work)
    }
}

/// The users' selections, with nothing in them but what is seen.
#[inline(always)]
fn begin<'a>(
    scorer: &Scorer<'_>,
    users: Range<usize>,
    ranks: &'a mut [Rank],
    seen: &'a mut [u32],
) -> Vec<Selection<'a>> {
    let ranks = ranks.chunks_exact_mut(capacity(scorer));
    let seen = seen.chunks_exact_mut(scorer.catalogue.items.len().div_ceil(32));
    let selections = users.zip(ranks.zip(seen)).map(|(user, (ranks, seen))| {
        let norm = norm(scorer.user(user));
        let mut selection =
            Selection::new(user, norm, scorer.catalogue.n, scorer.catalogue.bound, ranks, seen);
        selection.begin(scorer.seen.columns(user).iter().map(|&item| scorer.catalogue.items.place(item)));
        selection
    });
    selections.collect()
}

impl Group {
    /// Gets some users ready for the tiles after the head.
    #[inline(always)]
    fn prepare(&mut self, scorer: &Scorer<'_>, selections: &[Selection<'_>], head: usize) {
        let cut = selections.iter().map(Selection::cut).fold(f64::INFINITY, f64::min);
        let (end, n_tiles) = (scorer.catalogue.items.tiles_above(cut), scorer.catalogue.items.n_tiles());
        // Among equal scores the smaller item wins: then no order is better than theirs.
        self.harmed = end == n_tiles && end > head && selections.iter().any(Selection::is_tie);
        self.waits = self.harmed;
        self.look = scorer.catalogue.screen.is_some() && end > head + MANY_TILES && !self.harmed;
        if end > head {
            self.rows.fill(scorer, selections);
        }
        if self.look {
            self.rows.fill_screen(scorer, selections);
        }
    }
}

impl<S: Simd> Kernel<'_, '_, S> {
    /// Takes the groups through some tiles, panel by panel.
    #[inline(always)]
    fn advance(
        &mut self,
        scorer: &Scorer<'_>,
        groups: &mut [Group],
        selections: &mut [Selection<'_>],
        tiles: Range<usize>,
    ) {
        for panel in self.items.panels(tiles) {
            for (group, selections) in groups.iter_mut().zip(selections.chunks_mut(ROWS)) {
                if group.waits {
                    continue;
                }
                match scorer.catalogue.screen {
                    Some(screen) if group.look => self.screen(screen, &group.rows, panel.clone(), selections),
                    _ => self.score(&group.rows, panel.clone(), selections),
                }
                for selection in selections {
                    selection.refresh();
                }
            }
        }
    }
}

/// `first..2 first`, `2 first..4 first` and so on to the end.
fn doublings(first: usize, end: usize) -> impl Iterator<Item = Range<usize>> {
    let starts =
        std::iter::successors(Some(first), |start| Some(2 * start)).take_while(move |&start| start < end);
    starts.map(move |start| start..end.min(2 * start))
}
