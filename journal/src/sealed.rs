//! The segments behind the live one, while the journal is open: read, counted and deleted from any thread,
//! [`Sealed`].
//!
//! A segment is sealed when the next one is started; nothing is written to it any more. The live segment is never
//! touched here.

use crate::damage::ReadError;
use crate::disk::{Access, Disk};
use crate::format::SegmentHeader;
use crate::reader::{self, Begin, Checkpoint, Part, Reader, list_segments};
use crate::segment::segment_name;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The sealed segments of an open journal. Clones speak of the same journal.
#[derive(Clone)]
pub struct Sealed {
    shared: Arc<Shared>,
}

/// One sealed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedSegment {
    /// Sequence of its first record, which is its name.
    pub first_sequence: u64,
    /// Sequence of its last record.
    pub last_sequence: u64,
    /// Length of its file in bytes.
    pub bytes: u64,
}

/// Why segments could not be deleted. Those that are left have no gap between them.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RetireError {
    /// The directory cannot be read.
    #[error("cannot list the segments: {0}")]
    List(Arc<ReadError>),
    /// A segment cannot be deleted. It can be tried again.
    #[error("cannot delete {file}: {source}")]
    Delete {
        /// The segment's file name.
        file: String,
        /// The disk's error.
        source: Arc<io::Error>,
    },
    /// The directory could not be synced, now or earlier, so it is not known which deletions are durable. Nothing
    /// more is deleted until the journal is opened again.
    #[error("cannot make deletions durable: {0}")]
    Sync(Arc<io::Error>),
    /// The journal is not open any more.
    #[error("the journal has been closed")]
    Closed,
}

impl Sealed {
    /// Where the last sealed segment ends, and the live one begins. Never waits for a disk.
    pub fn end(&self) -> Checkpoint {
        *lock(&self.shared.end)
    }

    /// All sealed segments, the oldest first.
    pub fn list(&self) -> Result<Vec<SealedSegment>, ReadError> {
        let disk = &self.shared.disk;
        let mut live = self.end().sequence.saturating_add(1);
        let mut segments = Vec::new();
        for first_sequence in self.names()?.into_iter().rev() {
            let file = segment_name(first_sequence);
            let bytes = disk.open(&file, Access::Read).and_then(|file| file.length());
            let bytes = bytes.map_err(|source| ReadError::Io { file, source })?;
            segments.push(SealedSegment { first_sequence, last_sequence: live - 1, bytes });
            live = first_sequence;
        }
        segments.reverse();
        Ok(segments)
    }

    /// Reads what was sealed by now: from the batch after a checkpoint, which must be a place in the journal, or
    /// from the first batch of all. `None`: nothing more is sealed. A segment that is retired meanwhile is missing
    /// to the reader, which is then an error.
    pub fn read_after(&self, checkpoint: Option<Checkpoint>) -> Result<Option<Reader>, ReadError> {
        self.read_up_to(checkpoint, self.end())
    }

    /// The payload of a sealed segment's first batch, checked in itself. `None`: no batch of it is intact.
    pub fn first_payload(&self, first_sequence: u64) -> Result<Option<Vec<u8>>, ReadError> {
        reader::first_payload(self.shared.disk.as_ref(), first_sequence)
    }

    /// Reads from the batch after a checkpoint to where the journal is known to end.
    pub(crate) fn read_up_to(
        &self,
        checkpoint: Option<Checkpoint>,
        end: Checkpoint,
    ) -> Result<Option<Reader>, ReadError> {
        let begin = checkpoint.map_or(Begin::By(self.shared.first_sequence), Begin::After);
        let nothing = checkpoint.map_or(self.shared.first_sequence - 1, |checkpoint| checkpoint.sequence);
        if end.sequence <= nothing {
            return Ok(None);
        }
        let mut segments = list_segments(&self.shared.disk)?;
        segments.retain(|first| *first <= end.sequence);
        let rules_version = Some(self.shared.rules_version);
        let part = Part { rules_version, begin, sealed_end: Some(end) };
        Reader::start(Arc::clone(&self.shared.disk), None, segments, part).map(Some)
    }

    /// Deletes the sealed segments whose batches all lie at or before `up_to`, the oldest first, each durably
    /// before the next; so a crash leaves no gap. Gives their number. Before the first deletion the directory is
    /// synced: a snapshot that was renamed in it stays, if a segment goes.
    ///
    /// The caller has a durable snapshot at `up_to` or later: without the deleted segments the journal is opened
    /// with [`Options::after`](crate::Options::after) only.
    pub fn retire(&self, up_to: u64) -> Result<u64, RetireError> {
        let mut retiring = lock(&self.shared.retiring);
        retiring.check()?;
        let names = self.names().map_err(|error| RetireError::List(Arc::new(error)))?;
        let live = self.end().sequence.saturating_add(1);
        let following = names.iter().skip(1).copied().chain([live]);
        let mut deleted = 0;
        for (first, next) in names.iter().zip(following) {
            if next - 1 > up_to {
                break;
            }
            if deleted == 0 {
                retiring.sync(self.shared.disk.as_ref())?;
            }
            let file = segment_name(*first);
            if let Err(source) = self.shared.disk.remove(&file) {
                return Err(RetireError::Delete { file, source: Arc::new(source) });
            }
            retiring.sync(self.shared.disk.as_ref())?;
            deleted += 1;
        }
        Ok(deleted)
    }

    /// First sequences of the sealed segments, rising.
    fn names(&self) -> Result<Vec<u64>, ReadError> {
        let end = self.end().sequence;
        let mut segments = list_segments(&self.shared.disk)?;
        segments.retain(|first| *first <= end);
        Ok(segments)
    }
}

/// What the journal and its [`Sealed`] share.
pub(crate) struct Shared {
    disk: Arc<dyn Disk>,
    rules_version: u32,
    /// The first sequence of all.
    first_sequence: u64,
    end: Mutex<Checkpoint>,
    retiring: Mutex<Retiring>,
}

/// Whether segments may be deleted. Held while they are.
enum Retiring {
    Allowed,
    Failed(Arc<io::Error>),
    Closed,
}

impl Shared {
    /// `live` is the header of the live segment, `first_sequence` that of the first segment of all.
    pub(crate) fn new(disk: Arc<dyn Disk>, first_sequence: u64, live: &SegmentHeader) -> Arc<Self> {
        Arc::new(Self {
            disk,
            rules_version: live.rules_version,
            first_sequence,
            end: Mutex::new(begin_of(live)),
            retiring: Mutex::new(Retiring::Allowed),
        })
    }

    pub(crate) fn sealed(self: &Arc<Self>) -> Sealed {
        Sealed { shared: Arc::clone(self) }
    }

    /// A segment was started, so all before it are sealed.
    pub(crate) fn started(&self, live: &SegmentHeader) {
        *lock(&self.end) = begin_of(live);
    }

    /// Nothing is deleted any more when this returns.
    pub(crate) fn close(&self) {
        *lock(&self.retiring) = Retiring::Closed;
    }
}

impl Retiring {
    fn check(&self) -> Result<(), RetireError> {
        match self {
            Self::Allowed => Ok(()),
            Self::Failed(source) => Err(RetireError::Sync(Arc::clone(source))),
            Self::Closed => Err(RetireError::Closed),
        }
    }

    fn sync(&mut self, disk: &dyn Disk) -> Result<(), RetireError> {
        if let Err(source) = disk.sync_directory() {
            *self = Self::Failed(Arc::new(source));
        }
        self.check()
    }
}

/// The place before a segment's first batch. A segment's first sequence is at least 1.
fn begin_of(segment: &SegmentHeader) -> Checkpoint {
    Checkpoint { sequence: segment.first_sequence - 1, head: segment.previous }
}

/// Nothing panics while it holds one of these.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
