//! The items by number of ratings: the list of a user without ratings, and the baseline that a model must beat.

use std::cmp::Reverse;

use crate::csr::Csr;

/// All items by descending number of raters; ties go to the smaller index, which is the smaller id. `by_item`
/// is n_items x n_users. Cost: a sort of the items.
#[must_use]
pub fn by_raters(by_item: &Csr) -> Vec<u32> {
    let mut items: Vec<u32> = (0u32..).take(by_item.n_rows()).collect();
    items.sort_by_key(|&item| Reverse(by_item.columns(item as usize).len()));
    items
}

/// The first `n` items of `order` that are not in `seen`, which must ascend. Cost: at most n + seen binary searches.
#[must_use]
pub fn unseen(order: &[u32], seen: &[u32], n: usize) -> Vec<u32> {
    order.iter().copied().filter(|item| seen.binary_search(item).is_err()).take(n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_ordered_by_raters_then_by_index_and_unrated_items_come_last() {
        let by_user = Csr::from_sorted(3, [0, 0, 1, 1, 2], vec![1, 3, 2, 3, 1], vec![1.0; 5]);
        assert_eq!(by_raters(&by_user.transpose(5)), [1, 3, 2, 0, 4]);
    }

    #[test]
    fn seen_items_are_replaced_by_the_next_unseen_ones() {
        assert_eq!(unseen(&[4, 2, 0, 1, 3], &[1, 2], 2), [4, 0]);
        assert_eq!(unseen(&[4, 2, 0, 1, 3], &[1, 2], 9), [4, 0, 3]);
        assert_eq!(unseen(&[4, 2], &[2, 4], 1), [0u32; 0]);
    }
}
