//! The bytes of the journal: the segment's header and the batch's frame. `docs/journal.md` is the same in words.

use blake3::Hash;

/// The version of the layout below. It changes with any change of a byte's meaning.
pub const FORMAT_VERSION: u32 = 1;

/// The most payload bytes one batch may carry: 1 MiB. (Less where the segments are smaller than that.)
pub const MAX_BATCH: usize = 1 << 20;

/// Length of a segment's header: a whole page, so that no write of a batch touches the header's sectors.
pub(crate) const SEGMENT_HEADER: usize = 4096;

/// Length of a frame before its payload.
pub(crate) const FRAME_HEADER: usize = 56;

/// Frames begin at multiples of this many bytes.
pub(crate) const ALIGNMENT: usize = 8;

/// The longest frame.
pub(crate) const MAX_FRAME: usize = FRAME_HEADER + MAX_BATCH;

const SEGMENT_MAGIC: [u8; 8] = *b"CUEXJRNL";
const FRAME_MAGIC: [u8; 4] = *b"CXB1";
/// Where the segment header's checksum stands: at its very end, so that it covers the reserved bytes too.
const HEADER_CHECKSUM: usize = SEGMENT_HEADER - 4;
/// What a frame's checksum covers begins here.
const FRAME_COVERED: usize = 8;

/// What stands at the start of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) rules_version: u32,
    /// The first sequence of the first batch, also the segment's name.
    pub(crate) first_sequence: u64,
    /// Length of the segment's file in bytes.
    pub(crate) size: u64,
    /// Hash of the batch before the segment's first; see [`genesis`] for the first segment of all.
    pub(crate) previous: Hash,
}

/// Why some bytes are no segment header of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderProblem {
    Magic,
    Version(u32),
    Checksum,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER] {
        let mut bytes = [0; SEGMENT_HEADER];
        bytes[0..8].copy_from_slice(&SEGMENT_MAGIC);
        bytes[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.rules_version.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first_sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.size.to_le_bytes());
        bytes[32..64].copy_from_slice(self.previous.as_bytes());
        let checksum = crc32c::crc32c(&bytes[..HEADER_CHECKSUM]);
        bytes[HEADER_CHECKSUM..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the first [`SEGMENT_HEADER`] bytes of a segment; fewer bytes are no header.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderProblem> {
        if bytes.len() < SEGMENT_HEADER || bytes[0..8] != SEGMENT_MAGIC {
            return Err(HeaderProblem::Magic);
        }
        // Before the checksum: another version may keep its checksum somewhere else.
        let version = u32_at(bytes, 8);
        if version != FORMAT_VERSION {
            return Err(HeaderProblem::Version(version));
        }
        if crc32c::crc32c(&bytes[..HEADER_CHECKSUM]) != u32_at(bytes, HEADER_CHECKSUM) {
            return Err(HeaderProblem::Checksum);
        }
        Ok(Self {
            rules_version: u32_at(bytes, 12),
            first_sequence: u64_at(bytes, 16),
            size: u64_at(bytes, 24),
            previous: hash_at(bytes, 32),
        })
    }

    /// The checksum from which those of the segment's frames continue. It ties them to this very segment: a
    /// frame copied from elsewhere, or made up inside a payload, is not taken for one of its batches.
    pub(crate) fn seed(&self) -> u32 {
        u32_at(&self.encode(), HEADER_CHECKSUM)
    }
}

/// The hash that stands before the first batch of a new journal. It makes format, rules version and first
/// sequence part of the chain.
pub(crate) fn genesis(rules_version: u32, first_sequence: u64) -> Hash {
    let mut identity = [0; 24];
    identity[0..8].copy_from_slice(&SEGMENT_MAGIC);
    identity[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    identity[12..16].copy_from_slice(&rules_version.to_le_bytes());
    identity[16..24].copy_from_slice(&first_sequence.to_le_bytes());
    blake3::hash(&identity)
}

/// What stands before a batch's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    checksum: u32,
    /// Length of the payload in bytes, at most [`MAX_BATCH`].
    pub(crate) length: u32,
    /// Number of records, at least 1.
    pub(crate) count: u32,
    pub(crate) first_sequence: u64,
    /// Hash of the batch before.
    pub(crate) previous: Hash,
}

impl FrameHeader {
    /// Reads the first [`FRAME_HEADER`] bytes of a frame. `None`: no frame begins so. The checksum is not looked
    /// at yet, as it covers the payload too: see [`FrameHeader::is_intact`].
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() < FRAME_HEADER || !begins_frame(bytes) {
            return None;
        }
        let header = Self {
            checksum: u32_at(bytes, 4),
            length: u32_at(bytes, 8),
            count: u32_at(bytes, 12),
            first_sequence: u64_at(bytes, 16),
            previous: hash_at(bytes, 24),
        };
        let plausible = header.payload_length() <= MAX_BATCH && header.count > 0;
        plausible.then_some(header)
    }

    pub(crate) fn payload_length(&self) -> usize {
        // usize has at least 32 bits wherever std has a file system.
        usize::try_from(self.length).unwrap_or(usize::MAX)
    }

    /// Length of the whole frame, header and padding included.
    pub(crate) fn frame_length(&self) -> usize {
        frame_length(self.payload_length())
    }

    /// Whether `frame`, the whole frame, is what was written under this header in the segment of `seed`.
    pub(crate) fn is_intact(&self, seed: u32, frame: &[u8]) -> bool {
        crc32c::crc32c_append(seed, &frame[FRAME_COVERED..]) == self.checksum
    }
}

/// Whether the frame's mark stands at the start of `bytes`.
pub(crate) fn begins_frame(bytes: &[u8]) -> bool {
    bytes.starts_with(&FRAME_MAGIC)
}

/// The bytes that a batch with so many bytes of payload takes in a segment.
pub const fn batch_bytes(payload_length: usize) -> u64 {
    frame_length(payload_length) as u64
}

/// Length of the frame of a payload: with its header, padded.
pub(crate) const fn frame_length(payload_length: usize) -> usize {
    (FRAME_HEADER + payload_length).next_multiple_of(ALIGNMENT)
}

/// Puts a batch's frame into `frame`, in place of what was there. The payload is at most [`MAX_BATCH`] long.
pub(crate) fn encode_frame(
    frame: &mut Vec<u8>,
    seed: u32,
    first_sequence: u64,
    count: u32,
    previous: &Hash,
    payload: &[u8],
) {
    let length = u32::try_from(payload.len()).expect("a payload was checked to be at most MAX_BATCH long");
    frame.clear();
    frame.extend_from_slice(&FRAME_MAGIC);
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&count.to_le_bytes());
    frame.extend_from_slice(&first_sequence.to_le_bytes());
    frame.extend_from_slice(previous.as_bytes());
    frame.extend_from_slice(payload);
    frame.resize(frame_length(payload.len()), 0);
    let checksum = crc32c::crc32c_append(seed, &frame[FRAME_COVERED..]);
    frame[4..8].copy_from_slice(&checksum.to_le_bytes());
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(word)
}

pub(crate) fn hash_at(bytes: &[u8], at: usize) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(&bytes[at..at + 32]);
    Hash::from_bytes(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        SegmentHeader { rules_version: 7, first_sequence: 42, size: 8192, previous: genesis(7, 42) }
    }

    #[test]
    fn a_segment_header_reads_as_written_and_any_flipped_bit_is_noticed() {
        let good = header().encode();
        assert_eq!(SegmentHeader::decode(&good), Ok(header()));
        for byte in 0..SEGMENT_HEADER {
            let mut bad = good;
            bad[byte] ^= 1 << (byte % 8);
            assert!(SegmentHeader::decode(&bad).is_err(), "flip in byte {byte} passed");
        }
        assert_eq!(SegmentHeader::decode(&good[..SEGMENT_HEADER - 1]), Err(HeaderProblem::Magic));
    }

    #[test]
    fn a_frame_reads_as_written_and_any_flipped_bit_is_noticed() {
        let mut frame = Vec::new();
        encode_frame(&mut frame, 5, 42, 3, &genesis(7, 42), b"three records");
        assert_eq!(frame.len(), 72);
        let read = FrameHeader::decode(&frame).unwrap();
        assert_eq!((read.first_sequence, read.count, read.payload_length()), (42, 3, 13));
        assert!(read.is_intact(5, &frame));
        assert!(!read.is_intact(6, &frame), "a frame of another segment passed");
        for bit in 0..frame.len() * 8 {
            let mut bad = frame.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            // The flipped length may ask for more than there is, which the reader checks first.
            let passed = FrameHeader::decode(&bad)
                .filter(|header| header.frame_length() == bad.len())
                .is_some_and(|header| header.is_intact(5, &bad));
            assert!(!passed, "flip of bit {bit} passed");
        }
    }

    #[test]
    fn an_implausible_frame_header_is_none() {
        let mut frame = Vec::new();
        encode_frame(&mut frame, 0, 1, 1, &genesis(1, 1), b"");
        let mut too_long = frame.clone();
        too_long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(FrameHeader::decode(&too_long), None);
        let mut no_records = frame.clone();
        no_records[12..16].fill(0);
        assert_eq!(FrameHeader::decode(&no_records), None);
        assert_eq!(FrameHeader::decode(&frame[..FRAME_HEADER - 1]), None);
    }
}
