//! Counts records to find the leaves of sled that are full.
//!
//! sled stores a leaf as one piece and each record that is put into it later as a further piece, so that a reader reads
//! ten pieces instead of one. sled joins the pieces when a leaf of ten is written to once more; a writer does that to
//! each full leaf. If sled counted otherwise, leaves would have more pieces: reading would be slower, not wrong.

/// Records in a leaf whose keys were announced: sled splits 17 ascending keys into 9 and 8, and the 8 go on growing.
const RECORDS: usize = 9;
/// Bytes of records between two joins. Joined leaves leave their old pieces behind, whose space sled reuses by segments
/// of 512 KiB once a segment holds nothing else. Larger batches leave more unused space.
const BATCH: usize = 8 << 20;

/// Full leaves that are not joined yet.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    /// The last key of each full leaf.
    full: Vec<u32>,
    /// Records in the leaf that is not full.
    n_open: usize,
    /// Bytes of records since the last join.
    n_bytes: usize,
}

impl Leaves {
    /// Counts a record of an announced key.
    pub(super) fn count(&mut self, key: u32, n_bytes: usize) {
        self.n_bytes += n_bytes;
        self.n_open += 1;
        if self.n_open == RECORDS {
            self.full.push(key);
            self.n_open = 0;
        }
    }

    /// Whether a batch is full.
    pub(super) fn are_many(&self) -> bool {
        self.n_bytes >= BATCH
    }

    /// Takes the last keys of the full leaves.
    pub(super) fn take(&mut self) -> Vec<u32> {
        self.n_bytes = 0;
        std::mem::take(&mut self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_full_with_the_ninth_record_and_is_taken_once() {
        let mut leaves = Leaves::default();
        (1..=20).for_each(|key| leaves.count(key * 5, BATCH / 20 + 1));
        assert!(leaves.are_many());
        assert_eq!(leaves.take(), [45, 90]);
        assert!(!leaves.are_many());
        (21..=27).for_each(|key| leaves.count(key * 5, 1));
        assert_eq!(leaves.take(), [135]);
        assert!(leaves.take().is_empty());
    }
}
