//! The journal itself: opened once by one process, then appended to. [`Journal`].
//!
//! One batch is written and synced before the next is written; the recovery in `reader.rs` rests on that.

use crate::ahead::{Ahead, Live, NoRoom, Space};
use crate::damage::ReadError;
use crate::disk::{Access, Disk, DiskFile, RealDisk};
use crate::failure::{AppendError, Failure};
use crate::format::{
    FRAME_HEADER, MAX_BATCH, MAX_FRAME, SEGMENT_HEADER, SegmentHeader, encode_frame, frame_length, genesis,
};
use crate::opening::Opening;
use crate::reader::{Batch, Begin, Checkpoint, End, Part, Reader, Summary, directory_error, list_segments};
use crate::sealed::{Sealed, Shared};
use crate::segment::{self, is_no_space, segment_name};
use blake3::Hash;
use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Smallest segment, and what its size is a multiple of, in bytes.
const SEGMENT_UNIT: u64 = 4096;
const SMALLEST_SEGMENT: u64 = 2 * SEGMENT_UNIT;

/// A directory of batches, open for appending. It is locked as long as this lives.
pub struct Journal {
    disk: Arc<dyn Disk>,
    segment: Segment,
    ahead: Arc<Ahead>,
    /// Prepares the segments ahead.
    preparing: Option<JoinHandle<()>>,
    sealed: Arc<Shared>,
    segment_size: u64,
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
    /// The version of the rules under which the batches mean something. A directory of another one is refused, unless
    /// `after` is its very end: then a segment of this version begins there.
    pub rules_version: u32,
    /// The first sequence of a new directory, at least 1. A directory whose oldest segment begins later is refused,
    /// unless `after` is given.
    pub first_sequence: u64,
    /// What the caller has from elsewhere, a snapshot: then only the batches after it are replayed, earlier
    /// segments are not read, and need not be there. The journal must hold this very place; so it is never newer
    /// than the journal, and an empty directory is refused.
    pub after: Option<Checkpoint>,
    /// Length of new segments in bytes: a multiple of 4096, at least 8192. Two of them are taken from the start.
    pub segment_size: u64,
    /// Whether a thread prepares the next segment while this one is filled. Without it the append that needs it
    /// waits; then nothing here depends on the order in which threads run.
    pub prepare_ahead: bool,
}

impl Options {
    /// The usual: sequences from 1, all of them replayed, segments of 64 MiB, prepared ahead.
    pub fn new(rules_version: u32) -> Self {
        Self { rules_version, first_sequence: 1, after: None, segment_size: 64 << 20, prepare_ahead: true }
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
        let mut opening = Self::begin_on(disk, options)?;
        while let Some(batch) = opening.next_batch()? {
            let first_sequence = batch.first_sequence;
            replay(batch).map_err(|error| OpenError::Replay { first_sequence, source: error.into() })?;
        }
        opening.finish()
    }

    /// Begins to open a directory: locks it, makes it a journal where it is empty, and reads no batch yet.
    pub fn begin_on(disk: Arc<dyn Disk>, options: &Options) -> Result<Opening, OpenError> {
        check_options(options)?;
        let lock = segment::lock_for_writing(disk.as_ref()).map_err(directory_error(&disk))?;
        let lock = lock.ok_or_else(|| ReadError::InUse { directory: disk.location() })?;
        let mut segments = list_segments(&disk)?;
        if segments.is_empty() && options.after.is_none() {
            let previous = genesis(options.rules_version, options.first_sequence);
            start_segment(disk.as_ref(), &header_of(options, options.first_sequence, previous))?;
            segments.push(options.first_sequence);
        }
        let begin = options.after.map_or(Begin::By(options.first_sequence), Begin::After);
        let rules_version = options.after.is_none().then_some(options.rules_version);
        let part = Part { rules_version, begin, sealed_end: None };
        let reader = Reader::start(Arc::clone(&disk), None, segments, part)?;
        Ok(Opening { disk, lock, options: *options, reader })
    }

    /// A journal that goes on where the reader ended.
    pub(crate) fn at_end(
        disk: Arc<dyn Disk>,
        lock: Box<dyn DiskFile>,
        options: &Options,
        end: End,
    ) -> Result<(Self, Summary), OpenError> {
        let name = segment_name(end.header.first_sequence);
        let file = make_durable(disk.as_ref(), &name, &end)
            .map_err(|source| OpenError::Write { file: name.clone(), source })?;
        let (header, segment) = if end.header.rules_version == options.rules_version {
            let (seed, size, offset) = (end.header.seed(), end.header.size, end.offset);
            (end.header, Segment { file, name, size, seed, offset })
        } else {
            // Nothing follows the place the caller goes on from: its rules hold from here.
            let header = header_of(options, end.summary.next_sequence, end.summary.head);
            (header, Segment::new(start_segment(disk.as_ref(), &header)?, &header))
        };
        let (ahead, preparing) =
            Ahead::start(Arc::clone(&disk), options.segment_size, segment.live(), options.prepare_ahead);
        let journal = Self {
            sealed: Shared::new(Arc::clone(&disk), options.first_sequence, &header),
            disk,
            segment,
            ahead,
            preparing,
            segment_size: options.segment_size,
            rules_version: options.rules_version,
            next_sequence: end.summary.next_sequence,
            head: end.summary.head,
            frame: Vec::with_capacity(MAX_FRAME),
            failure: None,
            _lock: lock,
        };
        Ok((journal, Summary { rules_version: header.rules_version, ..end.summary }))
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
        file.write_at(*offset, &self.frame)
            .and_then(|()| file.sync())
            .map_err(|error| self.fail(error.into()))?;
        self.segment.offset += length;
        self.ahead.append(length);
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
        self.ahead.make_ready().map_err(|error| match error {
            NoRoom::Full { source, .. } => AppendError::NoSpace { bytes, source },
            NoRoom::Failed(source) => AppendError::Failed(self.fail(source)),
            other => AppendError::Failed(self.fail(Arc::new(io::Error::other(other)))),
        })
    }

    /// How much can surely be appended, in bytes: see [`Space::room`].
    pub fn room(&self) -> u64 {
        self.space().room()
    }

    /// The same to be asked by other threads.
    pub fn space(&self) -> Space {
        self.ahead.space()
    }

    /// The segments behind the live one, for other threads to read and to delete.
    pub fn sealed(&self) -> Sealed {
        self.sealed.sealed()
    }

    /// Reads what was appended by now, the live segment too: from the batch after a checkpoint, which must be a place
    /// in the journal, or from the first batch of all. `None`: nothing was appended after it. To be read to its end
    /// before the next batch is appended.
    pub fn read_after(&self, checkpoint: Option<Checkpoint>) -> Result<Option<Reader>, ReadError> {
        self.sealed().read_up_to(checkpoint, self.end())
    }

    /// The place after the last batch.
    pub fn end(&self) -> Checkpoint {
        Checkpoint { sequence: self.next_sequence - 1, head: self.head }
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
        let Some(file) = self.ahead.take() else {
            return Err(self.fail(Arc::new(io::Error::other("no segment was made ready"))));
        };
        segment::start(self.disk.as_ref(), file.as_ref(), &header)
            .map_err(|error| self.fail(error.into()))?;
        self.segment = Segment::new(file, &header);
        self.ahead.started(self.segment.live());
        self.sealed.started(&header);
        Ok(())
    }

    /// Ends the journal: no later call touches the disk.
    fn fail(&mut self, source: Arc<io::Error>) -> Failure {
        let failure = Failure { sequence: self.next_sequence, file: self.segment.name.clone(), source };
        self.ahead.end();
        self.failure.insert(failure).clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The lock must not be given up while anybody still writes to the directory.
        self.sealed.close();
        self.ahead.end();
        if let Some(thread) = self.preparing.take() {
            // If it has panicked, nothing depends on it any more.
            let _ = thread.join();
        }
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

    fn live(&self) -> Live {
        Live { size: self.size, used: self.offset }
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

/// The header of a new segment.
fn header_of(options: &Options, first_sequence: u64, previous: Hash) -> SegmentHeader {
    let Options { rules_version, segment_size: size, .. } = *options;
    SegmentHeader { rules_version, first_sequence, size, previous }
}

/// Makes a segment while the journal is opened: the first of a new directory, or the first under other rules.
fn start_segment(disk: &dyn Disk, header: &SegmentHeader) -> Result<Box<dyn DiskFile>, OpenError> {
    let made = segment::prepare(disk, header.size, |_| Ok(()))
        .and_then(|file| segment::start(disk, file.as_ref(), header).map(|()| file));
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
