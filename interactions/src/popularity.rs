//! The movies that most users have rated: what a user gets of whom nothing is known, and what a model must
//! beat to be worth its training.

use std::cmp::Reverse;

use crate::csr::Csr;

/// All items, the one that most users have rated first; ties go to the smaller item (which is the smaller
/// movie id). Cost: a sort of the items.
#[must_use]
pub fn by_raters(by_item: &Csr) -> Vec<u32> {
    let mut items: Vec<u32> = (0u32..).take(by_item.n_rows()).collect();
    items.sort_by_key(|&item| Reverse(by_item.columns(item as usize).len()));
    items
}

/// The first `n` items of an order that are not in `seen`, which ascends. Cost: n + seen look-ups at most.
#[must_use]
pub fn unseen(order: &[u32], seen: &[u32], n: usize) -> Vec<u32> {
    order.iter().copied().filter(|item| seen.binary_search(item).is_err()).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_ordered_by_raters_then_by_number_and_those_that_nobody_rated_come_last() {
        let by_user = Csr::from_sorted(3, [0, 0, 1, 1, 2], vec![1, 3, 2, 3, 1], vec![1.0; 5]);
        assert_eq!(by_raters(&by_user.transpose(5)), [1, 3, 2, 0, 4]);
    }

    #[test]
    fn what_a_user_has_seen_gives_way_to_the_next() {
        assert_eq!(unseen(&[4, 2, 0, 1, 3], &[1, 2], 2), [4, 0]);
        assert_eq!(unseen(&[4, 2, 0, 1, 3], &[1, 2], 9), [4, 0, 3]);
        assert_eq!(unseen(&[4, 2], &[2, 4], 1), [0u32; 0]);
    }
}
