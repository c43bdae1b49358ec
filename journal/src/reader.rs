//! Reading a journal from its first batch to its end, and judging every byte: [`Reader`], [`verify`].
//!
//! One batch is in memory at a time. What follows the last batch is either zeros, or a torn tail (reported, to be
//! cut by the writer), or corruption (an error); `docs/journal.md` states the rule.

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
/// It holds the directory's lock, shared, as long as it lives.
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
}

/// What was read so far; after the last batch, the journal as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The rules version the directory was made for.
    pub rules_version: u32,
    /// The first sequence the directory holds, or will hold; at least 1.
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
    /// Whether the first segment is the one the journal began with. If not, older ones have been taken away,
    /// and the chain is checked from there on only.
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

/// Why a journal cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Another process writes it.
    #[error("{directory} is in use by another process")]
    InUse {
        /// The directory.
        directory: String,
    },
    /// There is no segment.
    #[error("{directory} holds no journal: no file NNNNNNNNNNNNNNNNNNNN.seg is in it")]
    NoJournal {
        /// The directory.
        directory: String,
    },
    /// A file's name ends like a segment's and is none.
    #[error("{name} is not a segment's name (20 digits and .seg): move the file elsewhere")]
    Name {
        /// The file.
        name: String,
    },
    /// Written in another format.
    #[error("{segment} is of journal format {found}; this program reads format {expected}")]
    FormatVersion {
        /// The segment's file name.
        segment: String,
        /// Its version.
        found: u32,
        /// Ours, [`FORMAT_VERSION`].
        expected: u32,
    },
    /// Written under other rules of the market.
    #[error("{segment} was written under rules version {found}; expected version {expected}")]
    RulesVersion {
        /// The segment's file name.
        segment: String,
        /// Its version.
        found: u32,
        /// The one asked for, or that of the segments before.
        expected: u32,
    },
    /// Damage that no crash leaves behind. Nothing is skipped and nothing is cut.
    #[error("{segment} is corrupt at byte {offset}: {damage}")]
    Corrupt {
        /// The segment's file name.
        segment: String,
        /// Where in the segment, in bytes.
        offset: u64,
        /// What is wrong.
        damage: Damage,
    },
    /// The disk gave an error. Nothing is known about what stands there.
    #[error("cannot read {file}: {source}")]
    Io {
        /// The file, or the directory.
        file: String,
        /// The disk's error.
        source: io::Error,
    },
}

/// What is wrong with a corrupt journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The segment does not begin like one.
    #[error("no segment header begins here")]
    NoHeader,
    /// The segment's header does not match its checksum.
    #[error("the segment header does not match its checksum")]
    HeaderChecksum,
    /// The file is longer or shorter than its header says.
    #[error("the file is {found} bytes long, its header says {expected}")]
    FileLength {
        /// Its length in bytes.
        found: u64,
        /// The header's.
        expected: u64,
    },
    /// A sequence other than the one that follows.
    #[error("sequence {found} stands where {expected} should follow")]
    Sequence {
        /// The sequence that stands there.
        found: u64,
        /// The one that follows what was read before.
        expected: u64,
    },
    /// Whole in itself, but not written after what stands before it.
    #[error("it follows a batch with the hash {found}, but the batch before it has {expected}")]
    Chain {
        /// The hash that stands there.
        found: Hash,
        /// That of the batch before.
        expected: Hash,
    },
    /// No batch can be read here, but a valid one stands behind it.
    #[error("no batch can be read here, but a valid one follows at byte {later}")]
    Batch {
        /// Where the later one begins, in bytes.
        later: u64,
    },
    /// Neither a batch nor zeros, in a segment after which others were written.
    #[error("no batch can be read here, but later segments follow")]
    Sealed,
    /// More bytes than one unfinished batch can leave behind.
    #[error(
        "no batch can be read here, and the {length} bytes that follow are more than one unfinished batch"
    )]
    TooLong {
        /// Bytes up to the last one that is not zero.
        length: u64,
    },
}

/// Reads a whole journal and says what is in it. Needs a directory that no process writes to, and writes nothing.
pub fn verify(directory: &Path) -> Result<Summary, ReadError> {
    let mut reader = Reader::open(directory)?;
    while reader.next_batch()?.is_some() {}
    Ok(reader.summary().clone())
}

impl Reader {
    /// Opens a directory at its first batch.
    pub fn open(directory: &Path) -> Result<Self, ReadError> {
        Self::open_on(Arc::new(RealDisk::new(directory)))
    }

    /// The same on any disk.
    pub fn open_on(disk: Arc<dyn Disk>) -> Result<Self, ReadError> {
        let lock = match segment::lock_for_reading(disk.as_ref()).map_err(directory_error(&disk))? {
            ReadLock::Held(file) => Some(file),
            ReadLock::Unneeded => None,
            ReadLock::InUse => return Err(ReadError::InUse { directory: disk.location() }),
        };
        let segments = list_segments(&disk)?;
        Self::start(disk, lock, segments, None)
    }

    /// Begins to read `segments`. `rules_version` is checked where it is given.
    pub(crate) fn start(
        disk: Arc<dyn Disk>,
        lock: Option<Box<dyn DiskFile>>,
        segments: Vec<u64>,
        rules_version: Option<u32>,
    ) -> Result<Self, ReadError> {
        let Some(&first) = segments.first() else {
            return Err(ReadError::NoJournal { directory: disk.location() });
        };
        let (header, window) = open_segment(disk.as_ref(), first)?;
        if let Some(expected) = rules_version {
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
        Ok(Self {
            disk,
            _lock: lock,
            segments,
            current: 0,
            seed: header.seed(),
            header,
            window,
            offset: SEGMENT_HEADER as u64,
            last_frame: None,
            at_end: false,
            summary,
        })
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
            Rest::Zeros if is_last => {
                self.at_end = true;
                Ok(())
            }
            Rest::Zeros => self.next_segment(),
            Rest::Batch { later } => damage(Damage::Batch { later }),
            Rest::Bytes { .. } if !is_last => damage(Damage::Sealed),
            Rest::Bytes { length } if length > MAX_FRAME as u64 => damage(Damage::TooLong { length }),
            Rest::Bytes { length } => {
                let segment = self.header.first_sequence;
                self.summary.torn_tail = Some(TornTail { segment, offset: self.offset, length });
                self.at_end = true;
                Ok(())
            }
        }
    }

    fn next_segment(&mut self) -> Result<(), ReadError> {
        let (header, window) = open_segment(self.disk.as_ref(), self.segments[self.current + 1])?;
        check_rules(&header, self.summary.rules_version)?;
        check_follows(header.first_sequence, &header.previous, &self.summary)
            .map_err(|damage| corrupt(&header, 0, damage))?;
        self.current += 1;
        self.header = header;
        self.window = window;
        self.seed = header.seed();
        self.offset = SEGMENT_HEADER as u64;
        self.last_frame = None;
        self.summary.segments += 1;
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
    if header.first_sequence != first_sequence {
        let (found, expected) = (header.first_sequence, first_sequence);
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
