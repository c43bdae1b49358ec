//! Risk: a batch is lost between two segments, or a directory of another version or another owner is written to.

use crate::support::{Owned, SEGMENT_1, append, batch, disk_with, open, options, small};
use journal::{OpenError, Options, ReadError, Reader, SimulatedDisk};

#[test]
fn batches_go_on_over_segments_and_restarts() {
    let medium = SimulatedDisk::new(1);
    let mut batches: Vec<Owned> = Vec::new();
    let mut heads = Vec::new();
    for restart in 0..6_usize {
        let (mut journal, summary, replayed) = open(medium.mount(), &options()).unwrap();
        assert_eq!(replayed, batches, "restart {restart}");
        assert_eq!((summary.batches, summary.torn_tail), (batches.len() as u64, None));
        assert_eq!(summary.head, journal.head());
        for length in [0, 1500, restart * 600, 37] {
            let next = batch(journal.next_sequence(), 3, length);
            append(&mut journal, &next).unwrap();
            batches.push(next);
            heads.push(journal.head());
        }
    }
    let mut reader = Reader::open_on(medium.mount()).unwrap();
    for (expected, head) in batches.iter().zip(&heads) {
        let read = reader.next_batch().unwrap().unwrap();
        assert_eq!(
            (read.first_sequence, read.count, read.payload),
            (expected.0, expected.1, &expected.2[..])
        );
        assert_eq!(read.hash, *head);
        let name = format!("{:020}.seg", read.segment);
        let image = medium.durable(&name).unwrap();
        let offset = usize::try_from(read.offset).unwrap();
        assert_eq!(&image[offset..offset + 4], b"CXB1");
    }
    assert!(reader.next_batch().unwrap().is_none());
    let summary = reader.summary();
    assert!(summary.segments >= 3, "{summary:?}");
    assert_eq!((summary.records, summary.next_sequence), (72, 73));
    assert!(summary.from_genesis);
}

#[test]
fn the_segment_size_may_change_between_restarts() {
    let medium = disk_with(&[batch(1, 1, 100)], &options());
    let larger = Options { segment_size: 32_768, ..options() };
    let (mut journal, _, _) = open(medium.mount(), &larger).unwrap();
    append(&mut journal, &batch(2, 1, 20_000)).unwrap();
    drop(journal);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    append(&mut journal, &batch(3, 1, 4000)).unwrap();
    drop(journal);
    let (_, summary, replayed) = open(medium.mount(), &options()).unwrap();
    assert_eq!(replayed, [batch(1, 1, 100), batch(2, 1, 20_000), batch(3, 1, 4000)]);
    assert_eq!(summary.segments, 2);
}

#[test]
fn another_rules_version_is_refused_and_named() {
    let medium = disk_with(&small().batches, &options());
    let Err(error) = open(medium.mount(), &Options { rules_version: 8, ..options() }) else {
        panic!("opened")
    };
    let OpenError::Read(ReadError::RulesVersion { found: 7, expected: 8, .. }) = error else {
        panic!("{error}");
    };
    assert_eq!(Reader::open_on(medium.mount()).unwrap().summary().rules_version, 7);
}

#[test]
fn another_format_is_refused_and_named() {
    let medium = SimulatedDisk::new(1);
    let mut image = small().image;
    image[8] = 2;
    medium.put(SEGMENT_1, image);
    let Err(OpenError::Read(error)) = open(medium.mount(), &options()) else { panic!("opened") };
    assert_eq!(
        error.to_string(),
        "00000000000000000001.seg is of journal format 2; this program reads format 1"
    );
}

#[test]
fn the_rules_version_and_the_first_sequence_are_part_of_the_chain() {
    let head = |options: &Options| open(SimulatedDisk::new(1).mount(), options).unwrap().0.head();
    let usual = head(&options());
    assert_ne!(usual, head(&Options { rules_version: 8, ..options() }));
    assert_ne!(usual, head(&Options { first_sequence: 2, ..options() }));
    assert_eq!(usual, head(&Options { segment_size: 16_384, ..options() }));
}

#[test]
fn two_writers_or_a_writer_and_a_reader_never_share_a_directory() {
    let medium = disk_with(&small().batches, &options());
    let (journal, _, _) = open(medium.mount(), &options()).unwrap();
    let second = open(medium.mount(), &options());
    assert!(matches!(second, Err(OpenError::Read(ReadError::InUse { .. }))));
    assert!(matches!(Reader::open_on(medium.mount()), Err(ReadError::InUse { .. })));
    drop(journal);
    let readers = [Reader::open_on(medium.mount()).unwrap(), Reader::open_on(medium.mount()).unwrap()];
    assert!(matches!(open(medium.mount(), &options()), Err(OpenError::Read(ReadError::InUse { .. }))));
    drop(readers);
    open(medium.mount(), &options()).unwrap();
}

#[test]
fn a_reader_writes_nothing_and_leaves_a_torn_tail() {
    let small = small();
    let mut image = small.image;
    image[small.frames[3] - 20] ^= 1;
    let medium = SimulatedDisk::new(1);
    medium.put(SEGMENT_1, image);
    let mut reader = Reader::open_on(medium.mount()).unwrap();
    while reader.next_batch().unwrap().is_some() {}
    assert_eq!(reader.summary().batches, 2);
    assert!(reader.summary().torn_tail.is_some());
    assert_eq!(medium.operations(), 0);
}

#[test]
fn wrong_options_and_strange_directories_are_refused() {
    for found in [0, 4096, 8193, 12_287] {
        let result = open(SimulatedDisk::new(1).mount(), &Options { segment_size: found, ..options() });
        assert!(matches!(result, Err(OpenError::SegmentSize { .. })), "{found}");
    }
    let result = open(SimulatedDisk::new(1).mount(), &Options { first_sequence: 0, ..options() });
    assert!(matches!(result, Err(OpenError::FirstSequence)));
    let empty = Reader::open_on(SimulatedDisk::new(1).mount());
    assert!(matches!(empty, Err(ReadError::NoJournal { .. })));
    let medium = SimulatedDisk::new(1);
    medium.put("1.seg", small().image);
    assert!(matches!(open(medium.mount(), &options()), Err(OpenError::Read(ReadError::Name { .. }))));
    // A segment under another's name.
    let medium = SimulatedDisk::new(1);
    medium.put("00000000000000000002.seg", small().image);
    assert!(matches!(open(medium.mount(), &options()), Err(OpenError::Read(ReadError::Corrupt { .. }))));
}

#[test]
fn a_replay_that_is_refused_stops_the_start() {
    let medium = disk_with(&small().batches, &options());
    let result = journal::Journal::open_on(medium.mount(), &options(), |batch| {
        if batch.first_sequence == 3 { Err("unreadable") } else { Ok(()) }
    });
    let Err(OpenError::Replay { first_sequence: 3, source }) = result else { panic!("not refused") };
    assert_eq!(source.to_string(), "unreadable");
}
