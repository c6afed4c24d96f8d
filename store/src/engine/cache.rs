//! A cache of single records as they are stored, by tree and key.
//!
//! sled caches leaves: nine records for one that is wanted, found by a walk over several levels. This cache holds many
//! more users in the same memory, and a hit costs one probe of a hash table.

use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sled::IVec;

/// Memory of a record beside its bytes: its entry in the table and the rounding of the allocator.
const BYTES_BESIDE: u64 = 96;
/// The usual size of a record, for the initial size of the table.
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
    /// A cache of a size in bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        let n_records = usize::try_from(bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        Self { records: Cache::with_weighter(n_records, bytes, Bytes), n_misses: AtomicU64::new(0) }
    }

    /// Returns the record of a key, from the cache or else from `get`. An absent record is asked for each time.
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
        // A copy: a value of sled may be part of a larger buffer, which it would keep alive.
        let record = get()?.map(|record| IVec::from(&record[..]));
        if let Some(record) = &record {
            self.records.insert(place, record.clone());
        }
        Ok(record)
    }

    /// The bytes of the cached records.
    pub(crate) fn bytes(&self) -> u64 {
        self.records.weight()
    }

    /// The number of lookups that were not answered from the cache.
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
        // Trees are distinct; an absent record is asked for again.
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
