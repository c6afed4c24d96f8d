//! Records that were looked up lately, as they are stored.
//!
//! sled keeps leaves: nine records to have one, and a walk of several leaves deep to find it. This keeps single records
//! by their key: the same memory holds many more users, and one that it holds takes a probe of a hash table.

use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sled::IVec;

/// What a record takes beside its bytes: its place in the table, and what the allocator rounds up.
const BYTES_BESIDE: u64 = 96;
/// What a record of a usual generation takes, for the size of the table; a guess that is off costs little.
const USUAL_BYTES: u64 = 1 << 10;

/// Records by their tree and key.
#[derive(Debug)]
pub(crate) struct RecordCache {
    records: Cache<u64, IVec, Bytes>,
    n_misses: AtomicU64,
}

/// Weighs a record by the memory that it takes.
#[derive(Debug, Clone)]
struct Bytes;

impl Weighter<u64, IVec> for Bytes {
    fn weight(&self, _: &u64, record: &IVec) -> u64 {
        record.len() as u64 + BYTES_BESIDE
    }
}

impl RecordCache {
    /// Room for records of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let n_records = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        Self { records: Cache::with_weighter(n_records, bytes, Bytes), n_misses: AtomicU64::new(0) }
    }

    /// The record under a key of a tree, from here or else by `get`. What is not there is looked for each time.
    pub(crate) fn record<E>(
        &self,
        tree: u8,
        key: u32,
        get: impl FnOnce() -> Result<Option<IVec>, E>,
    ) -> Result<Option<IVec>, E> {
        let place = u64::from(tree) << 32 | u64::from(key);
        if let Some(record) = self.records.get(&place) {
            return Ok(Some(record));
        }
        self.n_misses.fetch_add(1, Ordering::Relaxed);
        // A copy of its own: what sled hands out may be a part of something larger, which would stay with it.
        let record = get()?.map(|record| IVec::from(&record[..]));
        if let Some(record) = &record {
            self.records.insert(place, record.clone());
        }
        Ok(record)
    }

    /// The bytes that the records take.
    pub(crate) fn bytes(&self) -> u64 {
        self.records.weight()
    }

    /// How often a record was not here.
    pub(crate) fn n_misses(&self) -> u64 {
        self.n_misses.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_fetched_once_and_no_more_are_kept_than_there_is_room_for() {
        const BYTES: u64 = 1 << 20;
        let cache = RecordCache::new(BYTES);
        let get = |tree: u8, key: u32| {
            let get = || Ok::<_, ()>((key != 7).then(|| IVec::from(vec![tree; 1000])));
            cache.record(tree, key, get).unwrap().map(|record| record[0])
        };
        assert_eq!((get(1, 1), get(1, 1), cache.n_misses()), (Some(1), Some(1), 1));
        // Another tree's record under the same key is another; what is absent is asked for again.
        assert_eq!((get(2, 1), get(1, 7), get(1, 7), cache.n_misses()), (Some(2), None, None, 4));
        for key in 100..10_000 {
            assert_eq!(get(3, key), Some(3));
            assert!(cache.bytes() <= BYTES);
        }
        assert!(cache.bytes() > BYTES / 2, "{}", cache.bytes());
        let failing: Result<_, &str> = cache.record(1, 2, || Err("broken"));
        assert_eq!(failing.err(), Some("broken"));
    }
}
