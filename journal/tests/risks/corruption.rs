//! Risk: damage in the middle is skipped, cut, or taken for the end. It must stop the start, and change nothing.

use crate::support::{FIRST_FRAME, Owned, SEGMENT_1, batch, disk_of, disk_with, open, options, small};
use journal::{Damage, OpenError, Operation, Options, ReadError, Reader, SimulatedDisk};
use proptest::prelude::*;

/// Opens for writing, which must be refused and change nothing; gives the reason.
fn refusal(medium: &SimulatedDisk, context: &str) -> ReadError {
    let before = medium.operations();
    let error = match open(medium.mount(), &options()) {
        Err(OpenError::Read(error)) => error,
        Err(other) => panic!("{context}: refused for another reason: {other}"),
        Ok((_, summary, _)) => panic!("{context}: opened, {summary:?}"),
    };
    // The lock file may have been made; nothing else.
    assert!(medium.operations() <= before + 1, "{context}: something was written");
    error
}

fn corruption(medium: &SimulatedDisk, context: &str) -> (String, u64, Damage) {
    match refusal(medium, context) {
        ReadError::Corrupt { segment, offset, damage } => (segment, offset, damage),
        other => panic!("{context}: not called corrupt: {other}"),
    }
}

#[test]
fn any_flipped_bit_before_the_last_batch_is_corruption() {
    let small = small();
    for bit in FIRST_FRAME * 8..small.frames[2] * 8 {
        let mut image = small.image.clone();
        image[bit / 8] ^= 1 << (bit % 8);
        let frame = if bit / 8 < small.frames[1] { 0 } else { 1 };
        let (segment, offset, damage) = corruption(&disk_of(image), &format!("flip of bit {bit}"));
        assert_eq!((segment.as_str(), offset), (SEGMENT_1, small.frames[frame] as u64), "flip of bit {bit}");
        let later = small.frames[frame + 1] as u64;
        assert_eq!(damage, Damage::Batch { later }, "flip of bit {bit}");
    }
}

#[test]
fn any_damaged_byte_of_a_segment_header_is_refused() {
    let small = small();
    for byte in 0..FIRST_FRAME {
        let mut image = small.image.clone();
        image[byte] ^= 1 << (byte % 8);
        let error = refusal(&disk_of(image), &format!("flip in byte {byte}"));
        match byte {
            0..8 => assert!(matches!(error, ReadError::Corrupt { damage: Damage::NoHeader, .. })),
            8..12 => assert!(matches!(error, ReadError::FormatVersion { expected: 1, .. })),
            _ => assert!(matches!(error, ReadError::Corrupt { damage: Damage::HeaderChecksum, .. })),
        }
    }
}

/// Two segments, the first full to about half.
fn two_segments() -> ([Owned; 3], SimulatedDisk) {
    let batches = [batch(1, 2, 2000), batch(3, 2, 64), batch(5, 1, 3000)];
    let medium = disk_with(&batches, &options());
    (batches, medium)
}

#[test]
fn any_damaged_byte_of_a_sealed_segment_is_corruption_even_in_its_last_batch_and_behind_it() {
    let (batches, medium) = two_segments();
    let (_, _, replayed) = open(medium.mount(), &options()).unwrap();
    assert_eq!(replayed, batches);
    medium.kill();
    let image = medium.durable(SEGMENT_1).unwrap();
    let second = FIRST_FRAME + 2056;
    for byte in FIRST_FRAME..image.len() {
        let mut damaged = image.clone();
        damaged[byte] ^= 0x10;
        medium.put(SEGMENT_1, damaged);
        let (segment, offset, damage) = corruption(&medium, &format!("damage in byte {byte}"));
        medium.kill();
        let expected = match byte {
            _ if byte < second => (FIRST_FRAME, Damage::Batch { later: second as u64 }),
            _ if byte < second + 120 => (second, Damage::Sealed),
            _ => (second + 120, Damage::Sealed),
        };
        assert_eq!((segment.as_str(), offset, damage), (SEGMENT_1, expected.0 as u64, expected.1));
    }
}

#[test]
fn a_missing_batch_or_segment_is_corruption() {
    let (_, medium) = two_segments();
    // The last batch of the sealed segment wiped out, leaving clean zeros.
    let mut without_second = medium.durable(SEGMENT_1).unwrap();
    without_second[FIRST_FRAME + 2056..].fill(0);
    medium.put(SEGMENT_1, without_second);
    let (segment, offset, damage) = corruption(&medium, "missing batch");
    assert_eq!((segment.as_str(), offset), ("00000000000000000005.seg", 0));
    assert_eq!(damage, Damage::Sequence { found: 5, expected: 3 });
    // A segment missing in the middle.
    let many: Vec<Owned> = (1..=3).map(|sequence| batch(sequence, 1, 3000)).collect();
    let medium = disk_with(&many, &options());
    medium.mount().remove("00000000000000000002.seg").unwrap();
    let (segment, _, damage) = corruption(&medium, "missing segment");
    assert_eq!(segment, "00000000000000000003.seg");
    assert_eq!(damage, Damage::Sequence { found: 3, expected: 2 });
}

#[test]
fn a_valid_batch_of_another_history_breaks_the_chain() {
    let small = small();
    // The same journal, had its second batch been another one: all lengths and sequences agree.
    let mut other = small.batches.clone();
    other[1].2[0] ^= 1;
    let other = disk_with(&other, &options()).durable(SEGMENT_1).unwrap();
    let mut image = small.image.clone();
    image[small.frames[1]..small.frames[2]].copy_from_slice(&other[small.frames[1]..small.frames[2]]);
    let (_, offset, damage) = corruption(&disk_of(image), "another history");
    assert_eq!(offset, small.frames[2] as u64);
    assert!(matches!(damage, Damage::Chain { .. }), "{damage}");
}

#[test]
fn a_truncated_or_lengthened_segment_is_corruption() {
    let image = small().image;
    for length in [FIRST_FRAME, 5000, 8191, 8193] {
        let mut changed = image.clone();
        changed.resize(length, 0);
        let (_, _, damage) = corruption(&disk_of(changed), &format!("length {length}"));
        assert_eq!(damage, Damage::FileLength { found: length as u64, expected: 8192 });
    }
    let (_, _, damage) = corruption(&disk_of(image[..100].to_vec()), "no whole header");
    assert_eq!(damage, Damage::NoHeader);
    assert_eq!(corruption(&disk_of(Vec::new()), "empty file").2, Damage::NoHeader);
}

#[test]
fn more_damage_than_one_unfinished_batch_leaves_is_corruption() {
    let large = Options { segment_size: 2 << 20, ..options() };
    let image = disk_with(&[batch(1, 1, 8)], &large).durable(SEGMENT_1).unwrap();
    let end = FIRST_FRAME + 64;
    let longest = 56 + journal::MAX_BATCH;
    let mut image_within = image.clone();
    image_within[end + longest - 1] = 1;
    assert!(open(disk_of(image_within).mount(), &large).is_ok());
    let mut image_beyond = image;
    image_beyond[end + longest] = 1;
    let (_, offset, damage) = corruption(&disk_of(image_beyond), "far damage");
    assert_eq!((offset, damage), (end as u64, Damage::TooLong { length: longest as u64 + 1 }));
}

#[test]
fn a_read_error_is_an_error_and_never_the_end() {
    let small = small();
    let mut failed = 0;
    for after in 0..10 {
        let medium = disk_of(small.image.clone());
        medium.fail_after(Operation::Read, after);
        match open(medium.mount(), &options()) {
            Ok((_, _, replayed)) => assert_eq!(replayed, small.batches),
            Err(OpenError::Read(ReadError::Io { file, .. })) => {
                assert_eq!(file, SEGMENT_1);
                assert_eq!(medium.durable(SEGMENT_1).unwrap(), small.image);
                failed += 1;
            }
            Err(other) => panic!("read {after}: {other}"),
        }
    }
    assert!(failed > 0, "no read was made to fail");
}

#[test]
fn after_a_failed_read_the_same_reader_reads_on_rightly() {
    let small = small();
    let medium = disk_with(&small.batches, &Options { segment_size: 16 << 20, ..options() });
    // Small batches, then one beyond the first window, so that a second read is needed.
    let mut reader = Reader::open_on(medium.mount()).unwrap();
    reader.next_batch().unwrap().unwrap();
    reader.next_batch().unwrap().unwrap();
    reader.next_batch().unwrap().unwrap();
    medium.fail_after(Operation::Read, 0);
    assert!(matches!(reader.next_batch(), Err(ReadError::Io { .. })));
    assert!(reader.next_batch().unwrap().is_none());
    assert_eq!((reader.summary().batches, reader.summary().torn_tail), (3, None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever stands behind a valid header is judged without a panic, and no batch is invented.
    #[test]
    fn arbitrary_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..4096), start in 0_usize..300) {
        let small = small();
        let mut image = small.image.clone();
        let start = FIRST_FRAME + start;
        let end = (start + bytes.len()).min(image.len());
        image[start..end].copy_from_slice(&bytes[..end - start]);
        match open(disk_of(image).mount(), &options()) {
            Ok((_, _, replayed)) => prop_assert!(small.batches.starts_with(&replayed)),
            Err(error) => {
                let corrupt = matches!(error, OpenError::Read(ReadError::Corrupt { .. }));
                prop_assert!(corrupt, "{}", error);
            }
        }
    }
}
