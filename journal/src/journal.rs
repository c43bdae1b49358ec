//! The journal itself: opened once by one process, then appended to. [`Journal`].
//!
//! One batch is written and synced before the next is written; the recovery in `reader.rs` rests on that.

use crate::disk::{Access, Disk, DiskFile, RealDisk};
use crate::format::{
    FRAME_HEADER, MAX_BATCH, MAX_FRAME, SEGMENT_HEADER, SegmentHeader, encode_frame, frame_length, genesis,
};
use crate::reader::{Batch, End, ReadError, Reader, Summary, directory_error, list_segments};
use crate::segment::{self, Next, is_no_space, segment_name};
use blake3::Hash;
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Smallest segment, and what its size is a multiple of, in bytes.
const SEGMENT_UNIT: u64 = 4096;
const SMALLEST_SEGMENT: u64 = 2 * SEGMENT_UNIT;

/// A directory of batches, open for appending. It is locked as long as this lives.
pub struct Journal {
    disk: Arc<dyn Disk>,
    segment: Segment,
    next: Next,
    segment_size: u64,
    prepare_ahead: bool,
    rules_version: u32,
    next_sequence: u64,
    head: Hash,
    /// Buffer of the frame that is written, as large as the largest frame.
    frame: Vec<u8>,
    failure: Option<Failure>,
    _lock: Box<dyn DiskFile>,
}

/// The segment that is being written.
struct Segment {
    file: Box<dyn DiskFile>,
    name: String,
    size: u64,
    seed: u32,
    /// Where the next frame begins.
    offset: u64,
}

/// How a journal is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The version of the rules under which the batches mean something. A directory of another one is refused.
    pub rules_version: u32,
    /// The first sequence of a new directory, at least 1. A directory that holds segments has its own.
    pub first_sequence: u64,
    /// Length of new segments in bytes: a multiple of 4096, at least 8192. Two of them are taken from the start.
    pub segment_size: u64,
    /// Whether a thread prepares the next segment while this one is filled. Without it the append that needs it
    /// waits; then nothing here depends on the order in which threads run.
    pub prepare_ahead: bool,
}

impl Options {
    /// The usual: sequences from 1, segments of 64 MiB, prepared ahead.
    pub fn new(rules_version: u32) -> Self {
        Self { rules_version, first_sequence: 1, segment_size: 64 << 20, prepare_ahead: true }
    }
}

/// Why a journal cannot be opened. Nothing was cut, unless the disk failed while it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The segment size cannot be used.
    #[error("a segment of {found} bytes: it must be a multiple of 4096 and at least 8192")]
    SegmentSize {
        /// The size asked for, in bytes.
        found: u64,
    },
    /// Sequences begin at 1.
    #[error("a journal cannot begin with sequence 0, the first is 1")]
    FirstSequence,
    /// What is in the directory cannot be read, belongs to another version, or is in use.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The caller would not take a batch.
    #[error("the batch that begins with sequence {first_sequence} cannot be replayed: {source}")]
    Replay {
        /// First sequence of the batch.
        first_sequence: u64,
        /// The caller's reason.
        source: Box<dyn Error + Send + Sync>,
    },
    /// No space for a new directory's first segment.
    #[error("no space for a segment of {bytes} bytes in {directory}: {source}")]
    NoSpace {
        /// Length of the segment.
        bytes: u64,
        /// The directory.
        directory: String,
        /// The disk's error.
        source: io::Error,
    },
    /// The directory cannot be made, or its end not made durable.
    #[error("cannot write {file}: {source}")]
    Write {
        /// The file, or the directory.
        file: String,
        /// The disk's error.
        source: io::Error,
    },
}

/// Why a batch was not appended. Only after [`AppendError::Failed`] it may yet be found by the next recovery.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The payload is too long for one batch.
    #[error("a batch of {found} bytes; at most {max} fit")]
    TooLarge {
        /// Length of the payload in bytes.
        found: usize,
        /// The most that fits, see [`Journal::max_batch`].
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

impl Journal {
    /// Opens a directory, makes it where it is missing, and calls `replay` with every batch, in order. A torn tail
    /// is cut and reported in the summary. What was replayed is durable when this returns, and not before.
    pub fn open<E: Into<Box<dyn Error + Send + Sync>>>(
        directory: &Path,
        options: &Options,
        replay: impl FnMut(Batch<'_>) -> Result<(), E>,
    ) -> Result<(Self, Summary), OpenError> {
        let disk = RealDisk::new(directory);
        disk.create_directory().map_err(|source| OpenError::Write { file: disk.location(), source })?;
        Self::open_on(Arc::new(disk), options, replay)
    }

    /// The same on any disk.
    pub fn open_on<E: Into<Box<dyn Error + Send + Sync>>>(
        disk: Arc<dyn Disk>,
        options: &Options,
        mut replay: impl FnMut(Batch<'_>) -> Result<(), E>,
    ) -> Result<(Self, Summary), OpenError> {
        check_options(options)?;
        let lock = segment::lock_for_writing(disk.as_ref()).map_err(directory_error(&disk))?;
        let lock = lock.ok_or_else(|| ReadError::InUse { directory: disk.location() })?;
        let mut segments = list_segments(&disk)?;
        if segments.is_empty() {
            create_first(disk.as_ref(), options)?;
            segments.push(options.first_sequence);
        }
        let mut reader = Reader::start(Arc::clone(&disk), None, segments, Some(options.rules_version))?;
        while let Some(batch) = reader.next_batch()? {
            let first_sequence = batch.first_sequence;
            replay(batch).map_err(|error| OpenError::Replay { first_sequence, source: error.into() })?;
        }
        Self::at_end(disk, lock, options, reader.into_end()?)
    }

    /// A journal that goes on where the reader ended.
    fn at_end(
        disk: Arc<dyn Disk>,
        lock: Box<dyn DiskFile>,
        options: &Options,
        end: End,
    ) -> Result<(Self, Summary), OpenError> {
        let name = segment_name(end.header.first_sequence);
        let file = make_durable(disk.as_ref(), &name, &end)
            .map_err(|source| OpenError::Write { file: name.clone(), source })?;
        let journal = Self {
            next: if options.prepare_ahead { Next::begin(&disk, options.segment_size) } else { Next::None },
            disk,
            segment: Segment {
                file,
                name,
                size: end.header.size,
                seed: end.header.seed(),
                offset: end.offset,
            },
            segment_size: options.segment_size,
            prepare_ahead: options.prepare_ahead,
            rules_version: options.rules_version,
            next_sequence: end.summary.next_sequence,
            head: end.summary.head,
            frame: Vec::with_capacity(MAX_FRAME),
            failure: None,
            _lock: lock,
        };
        Ok((journal, end.summary))
    }

    /// Appends one batch of `count` records, the first of which has `first_sequence`, and returns when it is
    /// durable. `payload` is at most [`Journal::max_batch`] bytes long. Allocates nothing, unless a new segment
    /// begins.
    pub fn append(&mut self, first_sequence: u64, count: u32, payload: &[u8]) -> Result<(), AppendError> {
        self.check_alive()?;
        let next_sequence = self.check_sequence(first_sequence, count)?;
        self.reserve(payload.len())?;
        let length = frame_length(payload.len()) as u64;
        if !self.segment.has_room(length) {
            self.start_next_segment()?;
        }
        encode_frame(&mut self.frame, self.segment.seed, first_sequence, count, &self.head, payload);
        let Segment { file, offset, .. } = &self.segment;
        file.write_at(*offset, &self.frame).and_then(|()| file.sync()).map_err(|error| self.fail(error))?;
        self.segment.offset += length;
        self.next_sequence = next_sequence;
        self.head = blake3::hash(&self.frame);
        Ok(())
    }

    /// Sees to it that the next batch, of up to `length` payload bytes, needs no more space than is allocated
    /// already. Called before a batch is made, it finds out that the disk is full while nothing is at stake.
    pub fn reserve(&mut self, length: usize) -> Result<(), AppendError> {
        self.check_alive()?;
        let max = self.max_batch();
        if length > max {
            return Err(AppendError::TooLarge { found: length, max });
        }
        if self.segment.has_room(frame_length(length) as u64) {
            return Ok(());
        }
        let bytes = self.segment_size;
        self.next.make_ready(self.disk.as_ref(), bytes).map_err(|source| {
            if is_no_space(&source) {
                AppendError::NoSpace { bytes, source: Arc::new(source) }
            } else {
                AppendError::Failed(self.fail(source))
            }
        })
    }

    /// The sequence with which the next batch must begin.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Head of the hash chain: the hash of the last batch, or what stands before the first.
    pub fn head(&self) -> Hash {
        self.head
    }

    /// The most payload bytes of one batch: [`MAX_BATCH`], or what fits into a segment if that is less.
    pub fn max_batch(&self) -> usize {
        let room = self.segment_size - SEGMENT_HEADER as u64 - FRAME_HEADER as u64;
        usize::try_from(room).map_or(MAX_BATCH, |room| room.min(MAX_BATCH))
    }

    fn check_alive(&self) -> Result<(), Failure> {
        self.failure.clone().map_or(Ok(()), Err)
    }

    /// The sequence after such a batch.
    fn check_sequence(&self, first_sequence: u64, count: u32) -> Result<u64, AppendError> {
        if count == 0 {
            return Err(AppendError::Empty);
        }
        if first_sequence != self.next_sequence {
            return Err(AppendError::OutOfSequence { found: first_sequence, expected: self.next_sequence });
        }
        let next = first_sequence.checked_add(u64::from(count));
        next.ok_or(AppendError::NoSequences { first_sequence, count })
    }

    /// Goes on in the segment that [`Journal::reserve`] made ready.
    fn start_next_segment(&mut self) -> Result<(), Failure> {
        let header = SegmentHeader {
            rules_version: self.rules_version,
            first_sequence: self.next_sequence,
            size: self.segment_size,
            previous: self.head,
        };
        let Next::Ready(file) = std::mem::replace(&mut self.next, Next::None) else {
            return Err(self.fail(io::Error::other("no segment was made ready")));
        };
        segment::start(self.disk.as_ref(), file.as_ref(), &header).map_err(|error| self.fail(error))?;
        self.segment = Segment::new(file, &header);
        if self.prepare_ahead {
            self.next = Next::begin(&self.disk, self.segment_size);
        }
        Ok(())
    }

    /// Ends the journal: no later call touches the disk.
    fn fail(&mut self, error: io::Error) -> Failure {
        let failure = Failure {
            sequence: self.next_sequence,
            file: self.segment.name.clone(),
            source: Arc::new(error),
        };
        self.failure.insert(failure).clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The lock must not be given up while the thread still writes to the directory.
        self.next.finish();
    }
}

impl Segment {
    fn new(file: Box<dyn DiskFile>, header: &SegmentHeader) -> Self {
        Self {
            file,
            name: segment_name(header.first_sequence),
            size: header.size,
            seed: header.seed(),
            offset: SEGMENT_HEADER as u64,
        }
    }

    fn has_room(&self, length: u64) -> bool {
        self.size - self.offset >= length
    }
}

fn check_options(options: &Options) -> Result<(), OpenError> {
    let size = options.segment_size;
    if size < SMALLEST_SEGMENT || !size.is_multiple_of(SEGMENT_UNIT) {
        return Err(OpenError::SegmentSize { found: size });
    }
    if options.first_sequence == 0 {
        return Err(OpenError::FirstSequence);
    }
    Ok(())
}

/// Makes the first segment of a new directory.
fn create_first(disk: &dyn Disk, options: &Options) -> Result<(), OpenError> {
    let header = SegmentHeader {
        rules_version: options.rules_version,
        first_sequence: options.first_sequence,
        size: options.segment_size,
        previous: genesis(options.rules_version, options.first_sequence),
    };
    let made =
        segment::prepare(disk, header.size).and_then(|file| segment::start(disk, file.as_ref(), &header));
    made.map_err(|source| {
        if is_no_space(&source) {
            OpenError::NoSpace { bytes: header.size, directory: disk.location(), source }
        } else {
            OpenError::Write { file: segment_name(header.first_sequence), source }
        }
    })
}

/// Cuts a torn tail, and makes durable what was read: the process before may have died, or have been told of a
/// failed sync, when what it wrote last was in the page cache alone. A failed sync may have marked those pages as
/// clean, so a sync is not enough: the last batch, and the zeros behind it as far as one batch reaches, are
/// written again, over themselves. Nothing earlier can be in that state.
fn make_durable(disk: &dyn Disk, name: &str, end: &End) -> io::Result<Box<dyn DiskFile>> {
    let file = disk.open(name, Access::Write)?;
    let behind = (end.header.size - end.offset).min(MAX_FRAME as u64);
    segment::zero(file.as_ref(), end.offset, behind)?;
    if let Some((offset, frame)) = &end.last_frame {
        file.write_at(*offset, frame)?;
    }
    file.sync()?;
    segment::remove_prepared(disk)?;
    disk.sync_directory()?;
    Ok(file)
}
