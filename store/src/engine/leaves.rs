//! Which of sled's leaves are full, told by counting.
//!
//! sled stores a leaf as a piece and, after it, a piece for each record that was put into it. A reader then reads ten
//! pieces where one would do. sled joins them when a leaf of ten pieces is written to once more, so a
//! writer does that to each full leaf. Were sled to count otherwise, leaves would be in more pieces: slower, not wrong.

/// Records in a leaf whose keys were announced: sled splits 17 ascending keys into 9 and 8, and the 8 go on growing.
const RECORDS: usize = 9;
/// The bytes of records that are put before their leaves are joined. What is joined leaves its pieces behind, and sled
/// uses their room again by segments of 512 KiB: that takes some that hold nothing else. More leaves more room behind.
const BATCH: usize = 8 << 20;

/// Full leaves that nobody has joined yet.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    /// The last key of each.
    full: Vec<u32>,
    /// Records in the leaf that is not full.
    n_open: usize,
    /// Bytes of records since the last were taken.
    n_bytes: usize,
}

impl Leaves {
    /// Notes a record under an announced key.
    pub(super) fn count(&mut self, key: u32, n_bytes: usize) {
        self.n_bytes += n_bytes;
        self.n_open += 1;
        if self.n_open == RECORDS {
            self.full.push(key);
            self.n_open = 0;
        }
    }

    /// Whether it is time to join them.
    pub(super) fn are_many(&self) -> bool {
        self.n_bytes >= BATCH
    }

    /// Takes the keys of the full ones.
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
