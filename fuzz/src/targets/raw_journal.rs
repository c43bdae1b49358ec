//! Segments that nobody wrote, with checksums that are right.

use crate::{Target, Trace};
use journal::{Checkpoint, Hash, Journal, Options, ReadError, Reader, SimulatedDisk};
use std::io;
use std::mem::discriminant;

/// An input is the rules version (4 bytes), the first sequence (8), how many pages the file has (1), whether
/// checksums are made right (1), and frames.
const HEAD: usize = 14;
const PAGE: usize = 4_096;
const FRAME_HEADER: usize = 56;

pub(super) const SEGMENT: Target = Target {
    name: "segment",
    holds: "a segment made by hand, its checksums right, is read in the order of its numbers and hashes, or refused",
    seeds,
    words: || vec![b"CXB1".to_vec(), b"CXB1\0\0\0\0\x08\0\0\0\x01\0\0\0".to_vec()],
    mend: None,
    start: || Box::new(attempt),
};

fn seeds() -> Vec<Vec<u8>> {
    let frame = |first: u64, previous: &[u8; 32], payload: &[u8]| {
        let length = u32::try_from(payload.len()).expect("a short payload");
        let numbers =
            [&[0; 4][..], &length.to_le_bytes(), &2u32.to_le_bytes(), &first.to_le_bytes()].concat();
        let mut frame = [b"CXB1", &numbers[..], previous, payload].concat();
        frame.resize(frame.len().next_multiple_of(8), 0);
        frame
    };
    let head =
        |first: u64, checked: u8| [&1u32.to_le_bytes()[..], &first.to_le_bytes(), &[1, checked]].concat();
    let mut seeds = Vec::new();
    for first in [0, 1, u64::MAX - 2, u64::MAX] {
        let before = *blake3::hash(&header(1, first, PAGE * 2)[..24]).as_bytes();
        let one = frame(first, &before, b"hello, journal");
        let mut sealed = segment(&[&head(first, 1)[..], &one].concat());
        let hash = *blake3::hash(&sealed.split_off(PAGE)[..one.len()]).as_bytes();
        let two = frame(first.wrapping_add(2), &hash, b"two");
        seeds.push([&head(first, 1)[..], &one].concat());
        seeds.push([&head(first, 1)[..], &one, &two].concat());
        seeds.push([&head(first, 0)[..], &one].concat());
    }
    seeds
}

fn attempt(input: &[u8]) -> Trace {
    let bytes = segment(input);
    let first = u64::from_le_bytes(std::array::from_fn(|at| bytes[16 + at]));
    let medium = SimulatedDisk::new(1);
    medium.put(&format!("{first:020}.seg"), bytes);
    let read = read(&medium, None);
    // From places that may or may not be in it.
    let _ = self::read(&medium, Some(Checkpoint { sequence: first, head: Hash::from_bytes([0; 32]) }));
    if let Ok((checkpoint, _)) = &read {
        let (at_end, batches) = self::read(&medium, Some(*checkpoint)).expect("its own end is a place in it");
        assert_eq!((at_end, batches), (*checkpoint, 0));
    }
    let opened = open(&medium, first);
    let kind = |error: &ReadError| match error {
        ReadError::Corrupt { damage, .. } => Trace::of(discriminant(damage)),
        error => Trace::of(discriminant(error)),
    };
    Trace::of((read.as_ref().map(|(_, batches)| *batches).map_err(kind), opened))
}

/// Reads it all: where it ends, and how many batches it has.
fn read(medium: &SimulatedDisk, after: Option<Checkpoint>) -> Result<(Checkpoint, u64), ReadError> {
    let disk = medium.mount();
    let mut reader = match after {
        Some(checkpoint) => Reader::open_after(disk, checkpoint)?,
        None => Reader::open_on(disk)?,
    };
    let mut next = reader.summary().next_sequence;
    let mut batches = 0;
    while let Some(batch) = reader.next_batch()? {
        assert_eq!(batch.first_sequence, next);
        assert!(batch.count > 0);
        next += u64::from(batch.count);
        batches += 1;
    }
    let summary = reader.summary();
    assert_eq!((summary.next_sequence, summary.batches), (next, batches));
    Ok((summary.checkpoint(), batches))
}

/// Opens it to write and goes on.
fn open(medium: &SimulatedDisk, first: u64) -> bool {
    let options = Options {
        segment_size: 8_192,
        first_sequence: first.max(1),
        prepare_ahead: false,
        ..Options::new(1)
    };
    let none = |_: journal::Batch<'_>| Ok::<(), io::Error>(());
    let Ok((mut journal, _)) = Journal::open_on(medium.mount(), &options, none) else { return false };
    let appended = journal.append(journal.next_sequence(), 1, b"more").is_ok();
    let sealed = journal.sealed();
    let listed = sealed.list().expect("the disk is good");
    assert!(listed.iter().all(|segment| segment.first_sequence <= segment.last_sequence.saturating_add(1)));
    appended
}

/// The segment an input says.
fn segment(input: &[u8]) -> Vec<u8> {
    let (head, frames) = super::take::<HEAD>(input);
    let rules = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let first = u64::from_le_bytes(std::array::from_fn(|at| head[4 + at]));
    let size = PAGE * (1 + usize::from(head[12] % 4).max(1)).max(1 + frames.len().div_ceil(PAGE));
    let mut bytes = header(rules, first, size);
    let seed = u32::from_le_bytes(std::array::from_fn(|at| bytes[PAGE - 4 + at]));
    bytes.extend_from_slice(frames);
    bytes.resize(size, 0);
    if head[13] & 1 == 1 {
        seal(&mut bytes, seed);
    }
    bytes
}

/// A header that is right.
fn header(rules: u32, first: u64, size: usize) -> Vec<u8> {
    let numbers = [&1u32.to_le_bytes()[..], &rules.to_le_bytes(), &first.to_le_bytes()].concat();
    let mut bytes = [b"CUEXJRNL", &numbers[..]].concat();
    let genesis = *blake3::hash(&bytes).as_bytes();
    bytes.extend_from_slice(&(size as u64).to_le_bytes());
    bytes.extend_from_slice(&genesis);
    bytes.resize(PAGE - 4, 0);
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Makes the checksums of the frames right, from the first to where none begins.
fn seal(bytes: &mut [u8], seed: u32) {
    let mut at = PAGE;
    while bytes[at..].starts_with(b"CXB1") && at + FRAME_HEADER <= bytes.len() {
        let length = u32::from_le_bytes(std::array::from_fn(|byte| bytes[at + 8 + byte]));
        let Ok(length) = usize::try_from(length) else { return };
        let end = at + (FRAME_HEADER + length).next_multiple_of(8);
        let Some(frame) = bytes.get_mut(at..end) else { return };
        let checksum = crc32c::crc32c_append(seed, &frame[8..]);
        frame[4..8].copy_from_slice(&checksum.to_le_bytes());
        at = end;
    }
}
