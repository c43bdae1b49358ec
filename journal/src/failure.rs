//! Why a batch is not appended: [`AppendError`], and what ends a journal, [`Failure`].

use std::io;
use std::sync::Arc;

/// Why a batch was not appended. Only after [`AppendError::Failed`] it may yet be found by the next recovery.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The payload is too long for one batch.
    #[error("a batch of {found} bytes; at most {max} fit")]
    TooLarge {
        /// Length of the payload in bytes.
        found: usize,
        /// The most that fits, see [`Journal::max_batch`](crate::Journal::max_batch).
        max: usize,
    },
    /// A batch without a record has no place in the sequence.
    #[error("a batch without records")]
    Empty,
    /// The batch does not follow the one before.
    #[error("a batch that begins with sequence {found}; expected {expected}")]
    OutOfSequence {
        /// Its first sequence.
        found: u64,
        /// The one that follows.
        expected: u64,
    },
    /// There are no sequences left for so many records.
    #[error("{count} records from sequence {first_sequence} on go beyond the last sequence there is")]
    NoSequences {
        /// First sequence of the batch.
        first_sequence: u64,
        /// Its number of records.
        count: u32,
    },
    /// The disk is full. Nothing was written, nothing is broken: the same batch can be appended when there is
    /// space.
    #[error("no space for the next segment of {bytes} bytes: {source}")]
    NoSpace {
        /// Length of the segment.
        bytes: u64,
        /// The disk's error.
        source: Arc<io::Error>,
    },
    /// A write or sync failed, now or earlier. Final: nothing is tried again.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// The failure that ended a journal. Whether the batch is durable is not known.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the journal failed for good at sequence {sequence}: {file} cannot be made durable: {source}")]
pub struct Failure {
    /// First sequence of the batch that was to be written.
    pub sequence: u64,
    /// The segment's file name.
    pub file: String,
    /// The disk's error.
    pub source: Arc<io::Error>,
}
