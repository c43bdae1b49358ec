//! What can be wrong with a journal that is read: [`ReadError`], and of corruption the kind, [`Damage`].

use blake3::Hash;
use std::io;

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
        /// Ours, [`FORMAT_VERSION`](crate::FORMAT_VERSION).
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
    /// The oldest segment begins after the first batch that is needed.
    #[error(
        "this is the oldest segment, and the batches from sequence {expected} to {found} (not included) are missing"
    )]
    Missing {
        /// First sequence of the segment.
        found: u64,
        /// First sequence of the batches that are needed.
        expected: u64,
    },
    /// The journal ends before a place to which it is known to have come.
    #[error(
        "the journal ends here, after sequence {found}, but it is known to have held sequence {expected}"
    )]
    EndsBefore {
        /// Its last sequence.
        found: u64,
        /// The sequence of the [`Checkpoint`](crate::Checkpoint).
        expected: u64,
    },
    /// No batch ends where one is known to have ended.
    #[error("the batch before ends with sequence {found}, but one is known to have ended with {expected}")]
    NoBatchEnd {
        /// The sequence with which the batch ends.
        found: u64,
        /// The sequence of the [`Checkpoint`](crate::Checkpoint).
        expected: u64,
    },
    /// What stands before is not what is known to have stood there.
    #[error(
        "sequence {sequence} ends a batch with the hash {found}, but it is known to have been {expected}"
    )]
    OtherHistory {
        /// The sequence of the [`Checkpoint`](crate::Checkpoint).
        sequence: u64,
        /// The hash of the batch that ends with it.
        found: Hash,
        /// The head of the [`Checkpoint`](crate::Checkpoint).
        expected: Hash,
    },
    /// More bytes than one unfinished batch can leave behind.
    #[error(
        "no batch can be read here, and the {length} bytes that follow are more than one unfinished batch"
    )]
    TooLong {
        /// Bytes up to the last one that is not zero.
        length: u64,
    },
}
