//! The memory for requests that are being received: bodies, and heads that have not arrived in full.
//!
//! Input: bytes of one request, as they arrive. Output: the bytes in one piece, or the refusal of a request for which there
//! is no memory left. Nothing is reserved for bytes that a client only announces.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::problem::Problem;

/// The memory for the bytes of all requests that are being received at once.
const MAX_RECEIVED: usize = 64 << 20;
/// The smallest allocation.
const MIN_CAPACITY: usize = 1 << 10;

/// The memory that all connections share.
#[derive(Debug)]
pub(crate) struct ReceiveMemory {
    free: AtomicUsize,
}

impl ReceiveMemory {
    /// The memory of a server whose bodies have at most `max_body` bytes: 64 MiB, or two such bodies where that is more.
    pub(crate) fn for_bodies_of(max_body: usize) -> Arc<Self> {
        Self::of(MAX_RECEIVED.max(2 * max_body))
    }

    fn of(bytes: usize) -> Arc<Self> {
        Arc::new(Self { free: AtomicUsize::new(bytes) })
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = |free: usize| free.checked_sub(bytes);
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.free.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// The bytes of one request, which count against the memory until they are dropped.
pub(crate) struct Received {
    bytes: Vec<u8>,
    /// The part of the memory that is taken: the capacity.
    taken: usize,
    memory: Arc<ReceiveMemory>,
}

impl Received {
    /// No bytes, without an allocation.
    pub(crate) fn none(memory: Arc<ReceiveMemory>) -> Self {
        Self { bytes: Vec::new(), taken: 0, memory }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// 503 where the memory is used up.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let needed = self.bytes.len() + bytes.len();
        if needed > self.taken {
            let ample = needed.max(2 * self.taken).max(MIN_CAPACITY);
            let capacity = [ample, needed].into_iter().find(|size| self.memory.take(size - self.taken));
            self.taken = capacity.ok_or_else(Problem::too_much_received)?;
            self.bytes.reserve_exact(self.taken - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Removes the first `n` bytes. The memory is given back when none is left.
    pub(crate) fn remove_first(&mut self, n: usize) {
        if n < self.bytes.len() {
            self.bytes.drain(..n);
        } else {
            self.clear();
        }
    }

    /// Removes all bytes and gives their memory back.
    pub(crate) fn clear(&mut self) {
        self.bytes = Vec::new();
        self.memory.give_back(std::mem::take(&mut self.taken));
    }
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.memory.give_back(self.taken);
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_share_the_memory_and_give_it_back() {
        let memory = ReceiveMemory::of(10_000);
        let (mut first, mut second) =
            (Received::none(Arc::clone(&memory)), Received::none(Arc::clone(&memory)));
        first.extend(&[1; 6000]).unwrap();
        second.extend(&[2; 3000]).unwrap();
        // There is no memory for twice the capacity, but for what is needed.
        first.extend(&[1; 1000]).unwrap();
        assert_eq!((first.len(), second.len(), memory.free.load(Ordering::Relaxed)), (7000, 3000, 0));
        assert_eq!(second.extend(&[2]).unwrap_err().into_response().status(), 503);
        assert_eq!(*second, [2; 3000]);
        first.remove_first(6999);
        assert_eq!(*first, [1]);
        first.remove_first(1);
        second.extend(&[2; 5000]).unwrap();
        drop((first, second));
        assert_eq!(memory.free.load(Ordering::Relaxed), 10_000);
    }

    #[test]
    fn memory_is_taken_as_bytes_arrive() {
        let memory = ReceiveMemory::of(1 << 20);
        let mut received = Received::none(Arc::clone(&memory));
        for _ in 0..100 {
            received.extend(&[0; 100]).unwrap();
            assert!(received.taken <= 2 * received.len().max(MIN_CAPACITY));
        }
    }
}
