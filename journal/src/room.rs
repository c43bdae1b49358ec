//! How much can surely be appended, and how much has been, for others to read without a lock: [`Room`].
//!
//! Whoever gives the journal batches ahead of it asks for what was appended first, and for the room then; takes from the
//! room what it gave and is not yet appended; and so never counts on more than there is. That rests on the order in which
//! the two are written and read, so `tests/model` builds this file once more, with the atomics of a model checker.

use crate::atomic::{AtomicU64, Ordering};

/// See the head of this file. Written under the lock of what it tells of.
#[derive(Debug, Default)]
pub(crate) struct Room {
    left: AtomicU64,
    /// Raised after `left` was lowered by the same batch, never before.
    appended: AtomicU64,
}

impl Room {
    /// So much can surely be appended now.
    pub(crate) fn publish(&self, left: u64) {
        self.left.store(left, Ordering::Release);
    }

    /// A batch of so many bytes was appended, and so much is left after it.
    pub(crate) fn append(&self, bytes: u64, left: u64) {
        self.publish(left);
        self.appended.fetch_add(bytes, Ordering::Release);
    }

    /// The bytes that can surely be appended, those on their way counted in.
    pub(crate) fn left(&self) -> u64 {
        self.left.load(Ordering::Acquire)
    }

    /// The bytes that were appended.
    pub(crate) fn appended(&self) -> u64 {
        self.appended.load(Ordering::Acquire)
    }
}
