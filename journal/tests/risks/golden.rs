//! Risk: a change of the program makes yesterday's journals unreadable, or the document wrong.

use crate::support::{FIRST_FRAME, Owned, append, batch, open, options, read_all};
use journal::{Reader, RealDisk, SimulatedDisk, Snapshots, verify};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

const NAMES: [&str; 2] = ["00000000000000000001.seg", "00000000000000000004.seg"];
const SNAPSHOT: &str = "00000000000000000003.snap";
const DOCUMENT: &str = include_str!("../../../docs/journal.md");

/// What the directory `golden/v1` holds.
fn batches() -> [Owned; 3] {
    [(1, 2, b"hello, journal".to_vec()), batch(3, 1, 3000), batch(4, 5, 2000)]
}

fn golden_directory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1")
}

#[test]
fn the_golden_directory_of_version_1_is_read() {
    let mut reader = Reader::open(&golden_directory()).unwrap();
    for expected in batches() {
        let read = reader.next_batch().unwrap().unwrap();
        assert_eq!((read.first_sequence, read.count, read.payload.to_vec()), expected);
    }
    assert!(reader.next_batch().unwrap().is_none());
    let summary = verify(&golden_directory()).unwrap();
    assert_eq!(summary, *reader.summary());
    assert_eq!((summary.rules_version, summary.segments, summary.last_sequence()), (7, 2, 8));
    assert_eq!(summary.head.to_string(), "acf1f9a777e2dae2b3f027ca7997a92520d350c0e5d87349740d3b86486bb2ee");
}

#[test]
fn the_same_batches_give_the_golden_bytes() {
    let medium = SimulatedDisk::new(1);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    for batch in batches() {
        append(&mut journal, &batch).unwrap();
    }
    for name in NAMES {
        let golden = std::fs::read(golden_directory().join(name)).unwrap();
        let written = medium.durable(name).unwrap();
        if let Some(at) = (0..golden.len().max(written.len())).find(|at| golden.get(*at) != written.get(*at))
        {
            panic!("{name}: byte {at} differs");
        }
    }
}

#[test]
fn the_golden_snapshot_of_version_1_is_read_and_stands_for_its_place_in_the_journal() {
    let disk = Arc::new(RealDisk::new(golden_directory()));
    let snapshots = Snapshots::new(disk.clone());
    assert_eq!(snapshots.list().unwrap(), [3]);
    let snapshot = snapshots.load(3).unwrap();
    assert_eq!((snapshot.info.rules_version, &snapshot.payload[..]), (7, &b"the state at 3"[..]));
    let mut reader = Reader::open_after(disk, snapshot.info.checkpoint).unwrap();
    assert_eq!(read_all(&mut reader).unwrap(), batches()[2..]);
}

#[test]
fn the_same_payload_gives_the_golden_snapshot() {
    let disk = Arc::new(RealDisk::new(golden_directory()));
    let mut reader = Reader::open_on(disk).unwrap();
    reader.next_batch().unwrap().unwrap();
    reader.next_batch().unwrap().unwrap();
    let place = reader.summary().checkpoint();
    let medium = SimulatedDisk::new(1);
    let mut snapshots = Snapshots::new(medium.mount());
    let mut writer = snapshots.begin(7, place).unwrap();
    writer.write(b"the state ").unwrap();
    writer.write(b"at 3").unwrap();
    writer.finish().unwrap();
    let golden = std::fs::read(golden_directory().join(SNAPSHOT)).unwrap();
    assert_eq!(medium.durable(SNAPSHOT).unwrap(), golden);
}

#[test]
fn the_examples_in_the_document_are_the_golden_files() {
    assert!(DOCUMENT.contains(&verify(&golden_directory()).unwrap().head.to_string()), "another head");
    let segment = [0..64, FIRST_FRAME - 4..FIRST_FRAME + 72];
    assert_shown(1, NAMES[0], &segment);
    assert_shown(2, SNAPSHOT, &[0..64, 92..142]);
}

/// The bytes in a block of the document are those of a golden file, and the ranges are shown whole.
fn assert_shown(block: usize, name: &str, whole: &[Range<usize>]) {
    let golden = std::fs::read(golden_directory().join(name)).unwrap();
    let mut shown = vec![None; golden.len()];
    let block = DOCUMENT.split("```hex\n").nth(block).and_then(|rest| rest.split("```").next()).unwrap();
    for line in block.lines() {
        let (offset, rest) = line.split_once("  ").unwrap();
        let offset = usize::from_str_radix(offset, 16).unwrap();
        let bytes = rest.split("  ").next().unwrap();
        for (at, byte) in bytes.split(' ').enumerate() {
            shown[offset + at] = Some(u8::from_str_radix(byte, 16).unwrap());
        }
    }
    let covers = |range: &Range<usize>| shown[range.clone()].iter().all(Option::is_some);
    assert!(whole.iter().all(covers), "{name}: the example leaves something out");
    for (at, byte) in shown.iter().enumerate() {
        assert!(byte.is_none_or(|byte| byte == golden[at]), "{name}: byte {at} of the example is wrong");
    }
}
