//! Reading a journal from its first batch, or from a place behind it, to its end, and judging every byte:
//! [`Reader`], [`verify`].
//!
//! One batch is in memory at a time. What follows the last batch is either zeros, or a torn tail (reported, to be
//! cut by the writer), or corruption (an error); `docs/journal.md` states the rule.

use crate::damage::{Damage, ReadError};
use crate::disk::{Access, Disk, DiskFile, RealDisk};
use crate::format::{
    FORMAT_VERSION, FRAME_HEADER, FrameHeader, HeaderProblem, MAX_FRAME, SEGMENT_HEADER, SegmentHeader,
    genesis,
};
use crate::segment::{self, ReadLock};
use crate::window::{Rest, Window};
use blake3::Hash;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Reads the batches of a journal in order, without writing anything.
///
/// It holds the directory's lock, shared, as long as it lives; except over sealed segments
/// ([`Sealed::read_after`](crate::Sealed::read_after)), which nobody writes to any more.
pub struct Reader {
    disk: Arc<dyn Disk>,
    _lock: Option<Box<dyn DiskFile>>,
    /// First sequences of the segments, rising; never empty.
    segments: Vec<u64>,
    /// Which of them is being read.
    current: usize,
    header: SegmentHeader,
    seed: u32,
    window: Window,
    /// Where in the segment the next frame would begin.
    offset: u64,
    /// The last batch read in this segment: offset and length of its frame.
    last_frame: Option<(u64, usize)>,
    at_end: bool,
    /// The rules version of all segments, where it is given. Without it, segments may begin under other rules.
    rules_version: Option<u32>,
    /// Where the last of the segments must end, if they are sealed.
    sealed_end: Option<Checkpoint>,
    summary: Summary,
}

/// One batch, as it was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Sequence of its first record.
    pub first_sequence: u64,
    /// Number of its records, at least 1. The last one's sequence is `first_sequence + count - 1`.
    pub count: u32,
    /// The bytes given to `append`.
    pub payload: &'a [u8],
    /// Hash of the batch and, through the chain, of everything before it.
    pub hash: Hash,
    /// First sequence of the segment it stands in, which is the segment's name.
    pub segment: u64,
    /// Where in the segment its frame begins, in bytes.
    pub offset: u64,
    /// The version of the rules under which it was written, which is its segment's.
    pub rules_version: u32,
}

/// A place between two batches: what a snapshot says of the journal it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// Sequence of the last record before it; 0 before the first.
    pub sequence: u64,
    /// Hash of the batch that ends with this sequence, or what stands before the first.
    pub head: Hash,
}

/// What was read so far; after the last batch, the journal as a whole. A reader that began after a [`Checkpoint`]
/// counts from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The rules version of the segment that was read last.
    pub rules_version: u32,
    /// The first sequence read, or to be read; at least 1. In a whole journal, that of the oldest segment.
    pub first_sequence: u64,
    /// The sequence with which the next batch begins.
    pub next_sequence: u64,
    /// Number of segments.
    pub segments: u64,
    /// Number of batches.
    pub batches: u64,
    /// Number of records in all batches.
    pub records: u64,
    /// Head of the hash chain: the hash of the last batch, or what stands before the first.
    pub head: Hash,
    /// Whether the first segment read is the one the journal began with. If not, older ones have been taken away
    /// or were not needed, and the chain is checked from there on only.
    pub from_genesis: bool,
    /// Bytes of a batch that was being written when the process or the machine died. A reader leaves them, the
    /// writer cuts them.
    pub torn_tail: Option<TornTail>,
}

impl Summary {
    /// Sequence of the last record; one below the first sequence while there is none.
    pub fn last_sequence(&self) -> u64 {
        self.next_sequence - 1
    }

    /// The place after the last batch read.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { sequence: self.last_sequence(), head: self.head }
    }
}

/// A last batch that was not written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TornTail {
    /// First sequence of the segment, which is its name.
    pub segment: u64,
    /// Where in the segment the batch would have begun, in bytes.
    pub offset: u64,
    /// Bytes from there to the last one that is not zero.
    pub length: u64,
}

/// Reads a whole journal and says what is in it. Needs a directory that no process writes to, and writes nothing.
pub fn verify(directory: &Path) -> Result<Summary, ReadError> {
    let mut reader = Reader::open(directory)?;
    while reader.next_batch()?.is_some() {}
    Ok(reader.summary().clone())
}

/// Which batches are to be read, and what must be true of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    /// What the rules version of all segments must be. Without it, each may say another.
    pub(crate) rules_version: Option<u32>,
    pub(crate) begin: Begin,
    /// Where the last of the segments must end, if all of them are sealed.
    pub(crate) sealed_end: Option<Checkpoint>,
}

/// With which batch reading begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Begin {
    /// The oldest there is.
    Oldest,
    /// The oldest, and it must not begin after this sequence.
    By(u64),
    /// The one that follows.
    After(Checkpoint),
}

impl Reader {
    /// Opens a directory at its first batch.
    pub fn open(directory: &Path) -> Result<Self, ReadError> {
        Self::open_on(Arc::new(RealDisk::new(directory)))
    }

    /// The same on any disk.
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Self, ReadError> {
        Self::open_part(disk, Begin::Oldest)
    }

    /// Opens a directory at the batch after a checkpoint, which must be a place in it. Earlier segments are not
    /// read.
    pub fn open_after(disk: Arc<dyn Disk>, checkpoint: Checkpoint) -> Result<Self, ReadError> {
        Self::open_part(disk, Begin::After(checkpoint))
    }

    fn open_part(disk: Arc<dyn Disk>, begin: Begin) -> Result<Self, ReadError> {
        let lock = match segment::lock_for_reading(disk.as_ref()).map_err(directory_error(&disk))? {
            ReadLock::Held(file) => Some(file),
            ReadLock::Unneeded => None,
            ReadLock::InUse => return Err(ReadError::InUse { directory: disk.location() }),
        };
        let segments = list_segments(&disk)?;
        Self::start(disk, lock, segments, Part { rules_version: None, begin, sealed_end: None })
    }

    /// Begins to read a part of `segments`.
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        lock: Option<Box<dyn DiskFile>>,
        segments: Vec<u64>,
        part: Part,
    ) -> Result<Self, ReadError> {
        let current = first_needed(&disk, &segments, part.begin)?;
        let (header, window) = open_segment(disk.as_ref(), segments[current])?;
        if let Some(expected) = part.rules_version {
            check_rules(&header, expected)?;
        }
        let summary = Summary {
            rules_version: header.rules_version,
            first_sequence: header.first_sequence,
            next_sequence: header.first_sequence,
            segments: 1,
            batches: 0,
            records: 0,
            head: header.previous,
            from_genesis: header.previous == genesis(header.rules_version, header.first_sequence),
            torn_tail: None,
        };
        let mut reader = Self {
            disk,
            _lock: lock,
            segments,
            current,
            seed: header.seed(),
            header,
            window,
            offset: SEGMENT_HEADER as u64,
            last_frame: None,
            at_end: false,
            rules_version: part.rules_version,
            sealed_end: part.sealed_end,
            summary,
        };
        if let Begin::After(checkpoint) = part.begin {
            reader.pass(checkpoint)?;
        }
        Ok(reader)
    }

    /// The next batch, checked; `None` after the last. After an error every further call gives it again.
    pub fn next_batch(&mut self) -> Result<Option<Batch<'_>>, ReadError> {
        while !self.at_end {
            let offset = self.offset;
            let found = self.window.frame_at(offset, self.seed).map_err(file_error(&self.header))?;
            if let Some(frame) = found {
                self.accept(&frame)?;
                return Ok(Some(Batch {
                    first_sequence: frame.first_sequence,
                    count: frame.count,
                    payload: &self.window.held(offset, frame.frame_length())[FRAME_HEADER..]
                        [..frame.payload_length()],
                    hash: self.summary.head,
                    segment: self.header.first_sequence,
                    offset,
                    rules_version: self.header.rules_version,
                }));
            }
            self.end_segment()?;
        }
        Ok(None)
    }

    /// What was read so far.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Reads up to a checkpoint, and counts from there.
    fn pass(&mut self, checkpoint: Checkpoint) -> Result<(), ReadError> {
        let Checkpoint { sequence, head } = checkpoint;
        while self.summary.last_sequence() < sequence && self.next_batch()?.is_some() {}
        let found = self.summary.last_sequence();
        let damage = if found < sequence {
            Damage::EndsBefore { found, expected: sequence }
        } else if found > sequence {
            Damage::NoBatchEnd { found, expected: sequence }
        } else if self.summary.head != head {
            Damage::OtherHistory { sequence, found: self.summary.head, expected: head }
        } else {
            self.summary.first_sequence = self.summary.next_sequence;
            self.summary.segments = 1;
            self.summary.batches = 0;
            self.summary.records = 0;
            return Ok(());
        };
        Err(corrupt(&self.header, self.offset, damage))
    }

    /// Takes an intact frame as the next batch, if it is the one that follows.
    fn accept(&mut self, frame: &FrameHeader) -> Result<(), ReadError> {
        let offset = self.offset;
        check_follows(frame.first_sequence, &frame.previous, &self.summary)
            .map_err(|damage| corrupt(&self.header, offset, damage))?;
        let next = frame.first_sequence.checked_add(u64::from(frame.count)).ok_or_else(|| {
            // The writer refuses such a batch.
            corrupt(
                &self.header,
                offset,
                Damage::Sequence { found: u64::MAX, expected: frame.first_sequence },
            )
        })?;
        let length = frame.frame_length();
        self.summary.head = blake3::hash(self.window.held(offset, length));
        self.summary.next_sequence = next;
        self.summary.batches += 1;
        self.summary.records += u64::from(frame.count);
        self.last_frame = Some((offset, length));
        self.offset += length as u64;
        Ok(())
    }

    /// No batch begins at the offset: goes on to the next segment, or to the end.
    fn end_segment(&mut self) -> Result<(), ReadError> {
        let rest = self.window.rest_after(self.offset, self.seed).map_err(file_error(&self.header))?;
        let damage = |damage| Err(corrupt(&self.header, self.offset, damage));
        let is_last = self.current + 1 == self.segments.len();
        match rest {
            Rest::Zeros if !is_last => self.next_segment(),
            Rest::Zeros => {
                self.check_sealed_end()?;
                self.at_end = true;
                Ok(())
            }
            Rest::Batch { later } => damage(Damage::Batch { later }),
            Rest::Bytes { .. } if !is_last || self.sealed_end.is_some() => damage(Damage::Sealed),
            Rest::Bytes { length } if length > MAX_FRAME as u64 => damage(Damage::TooLong { length }),
            Rest::Bytes { length } => {
                let segment = self.header.first_sequence;
                self.summary.torn_tail = Some(TornTail { segment, offset: self.offset, length });
                self.at_end = true;
                Ok(())
            }
        }
    }

    /// Sealed segments end where the live one, which is not read, began.
    fn check_sealed_end(&self) -> Result<(), ReadError> {
        let Some(Checkpoint { sequence, head }) = self.sealed_end else { return Ok(()) };
        let found = self.summary.last_sequence();
        if found != sequence {
            return Err(corrupt(&self.header, self.offset, Damage::EndsBefore { found, expected: sequence }));
        }
        if self.summary.head != head {
            let damage = Damage::OtherHistory { sequence, found: self.summary.head, expected: head };
            return Err(corrupt(&self.header, self.offset, damage));
        }
        Ok(())
    }

    fn next_segment(&mut self) -> Result<(), ReadError> {
        let (header, window) = open_segment(self.disk.as_ref(), self.segments[self.current + 1])?;
        if let Some(expected) = self.rules_version {
            check_rules(&header, expected)?;
        }
        check_follows(header.first_sequence, &header.previous, &self.summary)
            .map_err(|damage| corrupt(&header, 0, damage))?;
        self.current += 1;
        self.header = header;
        self.window = window;
        self.seed = header.seed();
        self.offset = SEGMENT_HEADER as u64;
        self.last_frame = None;
        self.summary.segments += 1;
        self.summary.rules_version = header.rules_version;
        Ok(())
    }

    /// After the last batch: what the writer needs to go on.
    pub(crate) fn into_end(mut self) -> Result<End, ReadError> {
        let last_frame = match self.last_frame {
            Some((offset, length)) => {
                let bytes = self.window.bytes(offset, length).map_err(file_error(&self.header))?;
                Some((offset, bytes.to_vec()))
            }
            None => None,
        };
        Ok(End { header: self.header, offset: self.offset, last_frame, summary: self.summary })
    }
}

/// Where a journal ends.
pub(crate) struct End {
    /// The last segment's.
    pub(crate) header: SegmentHeader,
    /// Where in the last segment the next frame begins.
    pub(crate) offset: u64,
    /// Offset and bytes of the last frame, if it is in the last segment.
    pub(crate) last_frame: Option<(u64, Vec<u8>)>,
    pub(crate) summary: Summary,
}

/// The payload of a segment's first batch.
pub(crate) fn first_payload(disk: &dyn Disk, first_sequence: u64) -> Result<Option<Vec<u8>>, ReadError> {
    let (header, mut window) = open_segment(disk, first_sequence)?;
    let offset = SEGMENT_HEADER as u64;
    let found = window.frame_at(offset, header.seed()).map_err(file_error(&header))?;
    Ok(found.map(|frame| {
        window.held(offset, frame.frame_length())[FRAME_HEADER..][..frame.payload_length()].to_vec()
    }))
}

/// Which of `segments` holds the first batch that is to be read.
fn first_needed(disk: &Arc<dyn Disk>, segments: &[u64], begin: Begin) -> Result<usize, ReadError> {
    let Some(&oldest) = segments.first() else {
        return Err(ReadError::NoJournal { directory: disk.location() });
    };
    let (needed, number) = match begin {
        Begin::Oldest => (oldest, 0),
        Begin::By(first) => (first, 0),
        Begin::After(Checkpoint { sequence, .. }) => {
            let needed = sequence.saturating_add(1);
            (needed, segments.partition_point(|first| *first <= needed).saturating_sub(1))
        }
    };
    if oldest > needed {
        let damage = Damage::Missing { found: oldest, expected: needed };
        return Err(ReadError::Corrupt { segment: segment::segment_name(oldest), offset: 0, damage });
    }
    Ok(number)
}

/// The segments of a directory, as first sequences, rising.
pub(crate) fn list_segments(disk: &Arc<dyn Disk>) -> Result<Vec<u64>, ReadError> {
    let listed = segment::list_segments(disk.as_ref()).map_err(directory_error(disk))?;
    listed.map_err(|name| ReadError::Name { name })
}

/// An error about the directory itself.
pub(crate) fn directory_error(disk: &Arc<dyn Disk>) -> impl FnOnce(io::Error) -> ReadError + use<> {
    let file = disk.location();
    move |source| ReadError::Io { file, source }
}

fn file_error(header: &SegmentHeader) -> impl FnOnce(io::Error) -> ReadError + use<> {
    let file = segment::segment_name(header.first_sequence);
    move |source| ReadError::Io { file, source }
}

/// Opens a segment and checks its header in itself.
fn open_segment(disk: &dyn Disk, first_sequence: u64) -> Result<(SegmentHeader, Window), ReadError> {
    let name = segment::segment_name(first_sequence);
    let io = |source| ReadError::Io { file: name.clone(), source };
    let damage = |damage| ReadError::Corrupt { segment: name.clone(), offset: 0, damage };
    let mut window = Window::open(disk.open(&name, Access::Read).map_err(io)?).map_err(io)?;
    let bytes = window.bytes(0, SEGMENT_HEADER).map_err(io)?;
    let header = SegmentHeader::decode(bytes).map_err(|problem| match problem {
        HeaderProblem::Magic => damage(Damage::NoHeader),
        HeaderProblem::Checksum => damage(Damage::HeaderChecksum),
        HeaderProblem::Version(found) => {
            ReadError::FormatVersion { segment: name.clone(), found, expected: FORMAT_VERSION }
        }
    })?;
    // Sequences begin at 1, whatever a file calls itself.
    if header.first_sequence != first_sequence || first_sequence == 0 {
        let (found, expected) = (header.first_sequence, first_sequence.max(1));
        return Err(damage(Damage::Sequence { found, expected }));
    }
    if header.size != window.size() {
        return Err(damage(Damage::FileLength { found: window.size(), expected: header.size }));
    }
    Ok((header, window))
}

fn check_rules(header: &SegmentHeader, expected: u32) -> Result<(), ReadError> {
    if header.rules_version == expected {
        return Ok(());
    }
    let segment = segment::segment_name(header.first_sequence);
    Err(ReadError::RulesVersion { segment, found: header.rules_version, expected })
}

/// Whether what begins with `first_sequence` and was written after `previous` continues what was read.
fn check_follows(first_sequence: u64, previous: &Hash, read: &Summary) -> Result<(), Damage> {
    if first_sequence != read.next_sequence {
        return Err(Damage::Sequence { found: first_sequence, expected: read.next_sequence });
    }
    if *previous != read.head {
        return Err(Damage::Chain { found: *previous, expected: read.head });
    }
    Ok(())
}

fn corrupt(header: &SegmentHeader, offset: u64, damage: Damage) -> ReadError {
    ReadError::Corrupt { segment: segment::segment_name(header.first_sequence), offset, damage }
}
