//! Risk: a change of the program makes yesterday's journals unreadable, or the document wrong.

use crate::support::{FIRST_FRAME, Owned, append, batch, open, options};
use journal::{Reader, SimulatedDisk, verify};
use std::path::Path;

const NAMES: [&str; 2] = ["00000000000000000001.seg", "00000000000000000004.seg"];

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
fn the_example_in_the_document_is_the_golden_segment() {
    let document = include_str!("../../../docs/journal.md");
    let golden = std::fs::read(golden_directory().join(NAMES[0])).unwrap();
    let mut shown = vec![None; golden.len()];
    let block = document.split("```hex\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    for line in block.lines() {
        let (offset, rest) = line.split_once("  ").unwrap();
        let offset = usize::from_str_radix(offset, 16).unwrap();
        let bytes = rest.split("  ").next().unwrap();
        for (at, byte) in bytes.split(' ').enumerate() {
            shown[offset + at] = Some(u8::from_str_radix(byte, 16).unwrap());
        }
    }
    let covers = |from: usize, to: usize| shown[from..to].iter().all(Option::is_some);
    assert!(document.contains(&verify(&golden_directory()).unwrap().head.to_string()), "another head");
    assert!(covers(0, 64) && covers(FIRST_FRAME - 4, FIRST_FRAME + 72), "the example leaves something out");
    for (at, byte) in shown.iter().enumerate() {
        assert!(byte.is_none_or(|byte| byte == golden[at]), "byte {at} of the example is wrong");
    }
}
