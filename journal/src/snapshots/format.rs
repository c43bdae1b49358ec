//! The bytes of a snapshot around its payload. `docs/journal.md` is the same in words.

use crate::format::{hash_at, u32_at, u64_at};
use crate::reader::Checkpoint;
use blake3::Hash;

/// The version of a snapshot's layout. It changes with any change of a byte's meaning.
pub const SNAPSHOT_VERSION: u32 = 1;

/// Length of the header, which stands before the payload.
pub(super) const HEADER: usize = 96;
/// Length of the trailer, which stands behind it: a hash.
pub(super) const TRAILER: usize = 32;

const MAGIC: [u8; 8] = *b"CUEXSNAP";
/// Where the header's checksum stands.
const CHECKSUM: usize = HEADER - 4;
const SUFFIX: &str = ".snap";
/// Digits of a name: as many as the highest u64 has, so that names sort like sequences.
const DIGITS: usize = 20;

/// What is wrong with a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It does not begin like one.
    #[error("no snapshot begins here")]
    NoHeader,
    /// It is written in another format.
    #[error("it is of snapshot format {found}; this program reads format {expected}")]
    FormatVersion {
        /// Its version.
        found: u32,
        /// Ours, [`SNAPSHOT_VERSION`].
        expected: u32,
    },
    /// The header does not match its checksum.
    #[error("the header does not match its checksum")]
    HeaderChecksum,
    /// It is named after another sequence.
    #[error("it was made at sequence {found}, but its name says {expected}")]
    Name {
        /// The header's sequence.
        found: u64,
        /// The name's.
        expected: u64,
    },
    /// It is longer or shorter than its header says.
    #[error("the file is {found} bytes long; expected {expected}")]
    Length {
        /// Its length in bytes.
        found: u64,
        /// As the header says, or the least there is.
        expected: u64,
    },
    /// Payload and header do not match the hash behind them.
    #[error("the payload does not match its hash")]
    Hash,
}

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) rules_version: u32,
    pub(super) checkpoint: Checkpoint,
    /// Length of the payload in bytes.
    pub(super) length: u64,
}

impl Header {
    pub(super) fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&SNAPSHOT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.rules_version.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.checkpoint.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.length.to_le_bytes());
        bytes[32..64].copy_from_slice(self.checkpoint.head.as_bytes());
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM]);
        bytes[CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; HEADER]) -> Result<Self, Flaw> {
        if bytes[0..8] != MAGIC {
            return Err(Flaw::NoHeader);
        }
        // Before the checksum: another version may keep its checksum somewhere else.
        let found = u32_at(bytes, 8);
        if found != SNAPSHOT_VERSION {
            return Err(Flaw::FormatVersion { found, expected: SNAPSHOT_VERSION });
        }
        if crc32c::crc32c(&bytes[..CHECKSUM]) != u32_at(bytes, CHECKSUM) {
            return Err(Flaw::HeaderChecksum);
        }
        Ok(Self {
            rules_version: u32_at(bytes, 12),
            checkpoint: Checkpoint { sequence: u64_at(bytes, 16), head: hash_at(bytes, 32) },
            length: u64_at(bytes, 24),
        })
    }
}

/// The trailer: the hash of the payload, which `payload` has taken in, and of the header behind it, which is known
/// last.
pub(super) fn seal(mut payload: blake3::Hasher, header: &[u8; HEADER]) -> Hash {
    payload.update(header).finalize()
}

/// The name of the snapshot at a sequence.
pub(super) fn file_name(sequence: u64) -> String {
    format!("{sequence:0DIGITS$}{SUFFIX}")
}

/// The sequence of a snapshot's name, if it is one.
pub(super) fn sequence_of(name: &str) -> Option<u64> {
    let sequence = name.strip_suffix(SUFFIX)?.parse().ok()?;
    (file_name(sequence) == name).then_some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_as_written_and_any_flipped_bit_is_noticed() {
        let header = Header {
            rules_version: 7,
            checkpoint: Checkpoint { sequence: 42, head: blake3::hash(b"the batch before") },
            length: 1 << 40,
        };
        let good = header.encode();
        assert_eq!(Header::decode(&good), Ok(header));
        for bit in 0..HEADER * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&bad).is_err(), "flip of bit {bit} passed");
        }
    }

    #[test]
    fn names_are_sequences_and_nothing_else_is_a_name() {
        for sequence in [0, 1, 42, u64::MAX] {
            assert_eq!(sequence_of(&file_name(sequence)), Some(sequence));
        }
        for name in
            ["1.snap", "+0000000000000000001.snap", "00000000000000000001.seg", "99999999999999999999.snap"]
        {
            assert_eq!(sequence_of(name), None, "{name}");
        }
    }
}
