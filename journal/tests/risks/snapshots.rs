//! Risk: a snapshot that is half written, damaged or another's is loaded; a good one is lost; or writing one harms
//! the journal beside it.

use crate::support::{Random, open, options};
use journal::{
    Checkpoint, Disk, Flaw, Hash, LoadError, Operation, PruneError, SimulatedDisk, Snapshot, SnapshotError,
    SnapshotInfo, Snapshots,
};
use proptest::prelude::*;
use std::sync::Arc;

const RULES: u32 = 7;
const UNFINISHED: &str = "snapshot.tmp";

fn name(sequence: u64) -> String {
    format!("{sequence:020}.snap")
}

/// A place that can be told from any other.
fn place(sequence: u64) -> Checkpoint {
    let mut head = [3; 32];
    head[..8].copy_from_slice(&sequence.to_le_bytes());
    Checkpoint { sequence, head: Hash::from_bytes(head) }
}

/// A payload that can be told from any other.
fn payload(sequence: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(sequence);
    (0..length).map(|_| random.below(256).to_le_bytes()[0]).collect()
}

fn write(
    disk: Arc<dyn Disk>,
    sequence: u64,
    length: usize,
    piece: usize,
) -> Result<SnapshotInfo, SnapshotError> {
    let mut snapshots = Snapshots::new(disk);
    let mut writer = snapshots.begin(RULES, place(sequence))?;
    for piece in payload(sequence, length).chunks(piece) {
        writer.write(piece)?;
    }
    writer.finish()
}

/// What a good snapshot loads as.
fn good(sequence: u64, length: usize) -> Snapshot {
    let info = SnapshotInfo { rules_version: RULES, checkpoint: place(sequence), length: length as u64 };
    Snapshot { info, payload: payload(sequence, length) }
}

fn disk_with(sequences: &[u64]) -> SimulatedDisk {
    let medium = SimulatedDisk::new(1);
    for sequence in sequences {
        write(medium.mount(), *sequence, 300, 100).unwrap();
    }
    medium
}

fn flaw(medium: &SimulatedDisk, sequence: u64) -> Flaw {
    match Snapshots::new(medium.mount()).load(sequence) {
        Err(LoadError::Bad { file, flaw }) => {
            assert_eq!(file, name(sequence));
            flaw
        }
        other => panic!("not found bad: {other:?}"),
    }
}

#[test]
fn a_snapshot_reads_as_written_whatever_its_length_and_pieces() {
    let medium = SimulatedDisk::new(1);
    let lengths = [0, 1, 95, 4096, (256 << 10) - 97, (256 << 10) - 96, (256 << 10) - 95, 700_000];
    for (sequence, length) in (1..).zip(lengths) {
        for piece in [length.max(1), 1000, 7] {
            let info = write(medium.mount(), sequence, length, piece).unwrap();
            let snapshots = Snapshots::new(medium.mount());
            assert_eq!(info, good(sequence, length).info);
            assert_eq!(snapshots.check(sequence).unwrap(), info);
            assert!(snapshots.load(sequence).unwrap() == good(sequence, length), "{length} bytes");
        }
    }
    medium.lose_power();
    let snapshots = Snapshots::new(medium.mount());
    assert_eq!(snapshots.list().unwrap(), [8, 7, 6, 5, 4, 3, 2, 1]);
    assert!(
        (1..)
            .zip(lengths)
            .all(|(sequence, length)| snapshots.load(sequence).unwrap() == good(sequence, length))
    );
    assert_eq!(medium.written(UNFINISHED), None);
}

#[test]
fn any_flipped_bit_is_noticed_and_named() {
    let medium = disk_with(&[5]);
    let image = medium.durable(&name(5)).unwrap();
    assert_eq!(image.len(), 96 + 300 + 32);
    for bit in 0..image.len() * 8 {
        let mut bad = image.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        medium.put(&name(5), bad);
        let expected = match bit / 8 {
            0..8 => Flaw::NoHeader,
            8..12 => Flaw::FormatVersion { found: 1 ^ (1 << (bit - 64)), expected: 1 },
            12..96 => Flaw::HeaderChecksum,
            _ => Flaw::Hash,
        };
        assert_eq!(flaw(&medium, 5), expected, "flip of bit {bit}");
        assert!(Snapshots::new(medium.mount()).check(5).is_err());
    }
}

#[test]
fn a_file_of_another_length_is_no_good() {
    let medium = disk_with(&[5]);
    let image = medium.durable(&name(5)).unwrap();
    for length in (0..image.len()).chain([image.len() + 1, image.len() + 4096]) {
        let mut changed = image.clone();
        changed.resize(length, 0);
        medium.put(&name(5), changed);
        let expected = if length < 128 { 128 } else { image.len() as u64 };
        assert_eq!(flaw(&medium, 5), Flaw::Length { found: length as u64, expected });
    }
}

#[test]
fn a_snapshot_under_anothers_name_or_with_anothers_parts_is_no_good() {
    let medium = disk_with(&[5, 6]);
    let (five, six) = (medium.durable(&name(5)).unwrap(), medium.durable(&name(6)).unwrap());
    medium.put(&name(6), five.clone());
    assert_eq!(flaw(&medium, 6), Flaw::Name { found: 5, expected: 6 });
    // Its header over another's payload and hash, and its payload under another's hash.
    medium.put(&name(5), [&five[..96], &six[96..]].concat());
    assert_eq!(flaw(&medium, 5), Flaw::Hash);
    medium.put(&name(5), [&five[..396], &six[396..]].concat());
    assert_eq!(flaw(&medium, 5), Flaw::Hash);
}

#[test]
fn a_read_error_is_not_called_damage() {
    let medium = disk_with(&[5]);
    let snapshots = Snapshots::new(medium.mount());
    for after in 0..3 {
        medium.fail_after(Operation::Read, after);
        assert!(matches!(snapshots.load(5), Err(LoadError::Read { .. })), "read {after}");
        assert_eq!(snapshots.load(5).unwrap(), good(5, 300));
    }
    let missing = snapshots.load(6).unwrap_err();
    assert!(matches!(&missing, LoadError::Read { file, .. } if *file == name(6)), "{missing}");
}

#[test]
fn files_of_other_names_are_left_alone() {
    let medium = disk_with(&[5, 6, 7]);
    for stranger in ["8.snap", "notes.txt", "00000000000000000009.snap.bak"] {
        medium.put(stranger, vec![1]);
    }
    let mut snapshots = Snapshots::new(medium.mount());
    assert_eq!(snapshots.list().unwrap(), [7, 6, 5]);
    assert_eq!(snapshots.prune(2, |_| true).unwrap().deleted, [5]);
    let mut left = medium.mount().list().unwrap();
    left.sort();
    assert_eq!(left, [&name(6), &name(7), "00000000000000000009.snap.bak", "8.snap", "notes.txt"]);
    // Journal and snapshots share a directory.
    open(medium.mount(), &options()).unwrap();
}

#[test]
fn pruning_keeps_good_ones_and_counts_no_others() {
    let spoil = |medium: &SimulatedDisk, sequence| {
        let mut image = medium.durable(&name(sequence)).unwrap();
        image[200] ^= 1;
        medium.put(&name(sequence), image);
    };
    for (bad, kept) in [
        (&[][..], &[9, 7][..]),
        (&[9], &[9, 7, 5]),
        (&[7], &[9, 7, 5]),
        (&[5, 3], &[9, 7]),
        (&[9, 7, 5], &[9, 7, 5, 3, 1]),
        (&[9, 7, 5, 3], &[9, 7, 5, 3, 1]),
    ] {
        let medium = disk_with(&[1, 3, 5, 7, 9]);
        bad.iter().for_each(|sequence| spoil(&medium, *sequence));
        let mut snapshots = Snapshots::new(medium.mount());
        let good: Vec<u64> = [9, 7, 5, 3, 1].into_iter().filter(|sequence| !bad.contains(sequence)).collect();
        assert_eq!(snapshots.prune(2, |_| true).unwrap().oldest_kept, good.get(1).copied(), "bad: {bad:?}");
        assert_eq!(snapshots.list().unwrap(), kept, "bad: {bad:?}");
        medium.lose_power();
        assert_eq!(Snapshots::new(medium.mount()).list().unwrap(), kept, "bad: {bad:?}");
    }
    let medium = disk_with(&[1, 3, 5]);
    let touched = medium.operations();
    for found in [0, 1] {
        let error = Snapshots::new(medium.mount()).prune(found, |_| true).unwrap_err();
        assert!(matches!(error, PruneError::Keep { found: told } if told == found));
    }
    assert_eq!(medium.operations(), touched);
}

#[test]
fn a_snapshot_on_a_full_disk_gives_the_space_back() {
    let medium = disk_with(&[5]);
    medium.set_capacity(medium.used() + 400_000);
    let before = medium.used();
    assert!(matches!(write(medium.mount(), 6, 700_000, 1000), Err(SnapshotError::NoSpace(_))));
    assert_eq!((medium.used(), medium.written(UNFINISHED)), (before, None));
    write(medium.mount(), 6, 300_000, 1000).unwrap();
    assert_eq!(Snapshots::new(medium.mount()).list().unwrap(), [6, 5]);
}

#[test]
fn a_snapshot_that_failed_is_given_up_and_the_next_one_is_as_good_as_any() {
    for operation in [Operation::Write, Operation::Sync, Operation::Directory] {
        for after in 0..4 {
            let medium = disk_with(&[5]);
            medium.fail_after(operation, after);
            if let Err(error) = write(medium.mount(), 6, 300_000, 1000) {
                assert!(matches!(error, SnapshotError::Write(_)), "{operation:?} {after}: {error}");
                assert_eq!(medium.written(UNFINISHED), None, "{operation:?} {after}");
            }
            medium.kill();
            write(medium.mount(), 7, 300, 100).unwrap();
            medium.lose_power();
            let snapshots = Snapshots::new(medium.mount());
            assert_eq!(snapshots.load(5).unwrap(), good(5, 300));
            assert_eq!(snapshots.load(7).unwrap(), good(7, 300));
        }
    }
    let medium = disk_with(&[]);
    let mut snapshots = Snapshots::new(medium.mount());
    let mut writer = snapshots.begin(RULES, place(1)).unwrap();
    medium.fail_after(Operation::Write, 0);
    assert!(matches!(writer.write(&[0; 300_000]), Err(SnapshotError::Write(_))));
    assert!(matches!(writer.write(&[0]), Err(SnapshotError::GivenUp)));
    assert!(matches!(writer.finish(), Err(SnapshotError::GivenUp)));
    assert_eq!(snapshots.list().unwrap(), []);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    let medium = disk_with(&[5]);
    let mut snapshots = Snapshots::new(medium.mount());
    let mut writer = snapshots.begin(RULES, place(6)).unwrap();
    writer.write(&[1; 300_000]).unwrap();
    assert!(medium.written(UNFINISHED).is_some());
    drop(writer);
    assert_eq!(medium.mount().list().unwrap(), [name(5)]);
}

#[test]
fn names_that_were_not_synced_are_made_durable_before_an_older_snapshot_goes() {
    for seed in 0..6 * 32 {
        let medium = disk_with(&[1]);
        for sequence in [2, 3] {
            // Removing what is not there, creating and renaming succeed, the sync does not.
            medium.fail_after(Operation::Directory, 3);
            assert!(write(medium.mount(), sequence, 300, 300).is_err());
        }
        assert_eq!(Snapshots::new(medium.mount()).list().unwrap(), [3, 2, 1]);
        medium.reseed(seed);
        medium.lose_power_after(seed / 32);
        // It fails when the power does.
        let _ = Snapshots::new(medium.mount()).prune(2, |_| true);
        medium.lose_power();
        let snapshots = Snapshots::new(medium.mount());
        let listed = snapshots.list().unwrap();
        assert!(listed.contains(&1) || listed == [3, 2], "seed {seed}: {listed:?}");
    }
}

#[test]
fn power_may_fail_at_every_operation_of_writing_and_pruning() {
    let script = |disk: &Arc<dyn Disk>| {
        let mut finished = Vec::new();
        for sequence in 1..=5 {
            // Every other one twice: the one there is replaced.
            for _ in 0..1 + sequence % 2 {
                if write(Arc::clone(disk), sequence, 1000, 300).is_ok() {
                    finished.push(sequence);
                }
            }
            // It fails when the power does.
            let _ = Snapshots::new(Arc::clone(disk)).prune(2, |_| true);
        }
        finished
    };
    let whole = SimulatedDisk::new(0);
    assert_eq!(script(&whole.mount()).len(), 8);
    let operations = whole.operations();
    assert!(operations > 50, "{operations}");
    for seed in 0..operations * 8 {
        let medium = SimulatedDisk::new(seed);
        let cut = medium.mount();
        medium.lose_power_after(seed / 8);
        let finished = script(&cut);
        assert!(cut.list().is_err(), "seed {seed}: the power never failed");
        let mut snapshots = Snapshots::new(medium.mount());
        let listed = snapshots.list().unwrap();
        for sequence in &listed {
            let loaded = snapshots.load(*sequence).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            assert_eq!(loaded, good(*sequence, 1000), "seed {seed}");
        }
        let newest = finished.last().copied().unwrap_or(0);
        assert!(listed.first().copied().unwrap_or(0) >= newest, "seed {seed}: {listed:?} of {finished:?}");
        assert!(listed.len() >= usize::try_from(newest).unwrap().min(2), "seed {seed}: {listed:?}");
        // And it goes on.
        write(medium.mount(), 9, 10, 10).unwrap();
        snapshots.prune(2, |_| true).unwrap();
        assert_eq!(snapshots.list().unwrap().len(), (listed.len() + 1).min(2), "seed {seed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever a file holds is judged without a panic, and nothing that was not written is loaded.
    #[test]
    fn arbitrary_files_are_judged(
        bytes in prop::collection::vec(any::<u8>(), 0..600),
        start in 0_usize..500,
        keep_length in any::<bool>(),
    ) {
        let medium = disk_with(&[5]);
        let mut image = medium.durable(&name(5)).unwrap();
        let original = image.clone();
        let end = if keep_length { image.len() } else { start + bytes.len() };
        image.resize(image.len().max(end), 0);
        let start = start.min(image.len());
        let length = bytes.len().min(image.len() - start);
        image[start..start + length].copy_from_slice(&bytes[..length]);
        medium.put(&name(5), image.clone());
        let loaded = Snapshots::new(medium.mount()).load(5);
        prop_assert_eq!(loaded.is_ok(), image == original);
        medium.put(&name(5), bytes);
        prop_assert!(Snapshots::new(medium.mount()).load(5).is_err());
    }
}
