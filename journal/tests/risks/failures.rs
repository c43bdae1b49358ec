//! Risk: a failed write or sync is tried again and believed, or a batch that never reached the disk is reported.

use crate::support::{SEGMENT_1, append, batch, disk_with, open, options};
use journal::{AppendError, OpenError, Operation, SimulatedDisk};

#[test]
fn a_failed_write_or_sync_ends_the_journal_and_the_first_reason_stays() {
    for operation in [Operation::Write, Operation::Sync] {
        let medium = SimulatedDisk::new(3);
        let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
        append(&mut journal, &batch(1, 1, 100)).unwrap();
        let head = journal.head();
        medium.fail_after(operation, 0);
        let first = append(&mut journal, &batch(2, 1, 100)).unwrap_err();
        assert!(matches!(first, AppendError::Failed(_)), "{first}");
        let touched = medium.operations();
        for again in [batch(2, 1, 100), batch(3, 1, 9000), batch(9, 0, 0)] {
            let later = append(&mut journal, &again).unwrap_err();
            assert_eq!(later.to_string(), first.to_string());
        }
        assert!(journal.reserve(1).is_err());
        assert_eq!(medium.operations(), touched, "the disk was touched after {operation:?} failed");
        assert_eq!((journal.next_sequence(), journal.head()), (2, head));
    }
}

#[test]
fn a_failure_while_the_next_segment_starts_is_final_too() {
    for (operation, after) in (0..3)
        .map(|after| (Operation::Write, after))
        .chain((0..2).map(|after| (Operation::Sync, after)))
        .chain((0..3).map(|after| (Operation::Directory, after)))
    {
        let medium = SimulatedDisk::new(3);
        let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
        append(&mut journal, &batch(1, 1, 4000)).unwrap();
        medium.fail_after(operation, after);
        let first = append(&mut journal, &batch(2, 1, 4000)).unwrap_err();
        assert!(matches!(first, AppendError::Failed(_)), "{operation:?} {after}: {first}");
        assert_eq!(append(&mut journal, &batch(2, 1, 4000)).unwrap_err().to_string(), first.to_string());
        drop(journal);
        medium.kill();
        let (mut journal, _, replayed) = open(medium.mount(), &options()).unwrap();
        assert_eq!(replayed, [batch(1, 1, 4000)], "{operation:?} {after}");
        append(&mut journal, &batch(2, 1, 4000)).unwrap();
    }
}

#[test]
fn a_batch_whose_sync_failed_is_made_durable_before_recovery_reports_it() {
    // The page cache still holds it and says it is clean; replaying it and letting the power fail would lose
    // what had been told in between.
    for seed in 0..32 {
        let medium = SimulatedDisk::new(seed);
        let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
        append(&mut journal, &batch(1, 1, 700)).unwrap();
        medium.fail_after(Operation::Sync, 0);
        append(&mut journal, &batch(2, 1, 700)).unwrap_err();
        drop(journal);
        medium.kill();
        let both = [batch(1, 1, 700), batch(2, 1, 700)];
        let (journal, _, replayed) = open(medium.mount(), &options()).unwrap();
        assert_eq!(replayed, both, "seed {seed}");
        drop(journal);
        medium.lose_power();
        let (_, _, replayed) = open(medium.mount(), &options()).unwrap();
        assert_eq!(replayed, both, "seed {seed}: reported, and lost");
    }
}

#[test]
fn a_refused_batch_writes_nothing_and_breaks_nothing() {
    let medium = SimulatedDisk::new(1);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    append(&mut journal, &batch(1, 5, 100)).unwrap();
    let touched = medium.operations();
    let max = journal.max_batch();
    assert_eq!(max, 8192 - 4096 - 56);
    for (first_sequence, count, length, expected) in [
        (6, 1, max + 1, "a batch of 4041 bytes; at most 4040 fit"),
        (6, 0, 10, "a batch without records"),
        (5, 1, 10, "a batch that begins with sequence 5; expected 6"),
        (7, 1, 10, "a batch that begins with sequence 7; expected 6"),
    ] {
        let error = journal.append(first_sequence, count, &vec![0; length]).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(medium.operations(), touched);
    append(&mut journal, &batch(6, 1, max)).unwrap();
}

#[test]
fn the_sequence_never_wraps() {
    let medium = SimulatedDisk::new(1);
    let last = journal::Options { first_sequence: u64::MAX - 3, ..options() };
    let (mut journal, _, _) = open(medium.mount(), &last).unwrap();
    append(&mut journal, &batch(u64::MAX - 3, 2, 10)).unwrap();
    let error = append(&mut journal, &batch(u64::MAX - 1, 2, 10)).unwrap_err();
    assert!(matches!(error, AppendError::NoSequences { .. }), "{error}");
    append(&mut journal, &batch(u64::MAX - 1, 1, 10)).unwrap();
    drop(journal);
    let (_, summary, replayed) = open(medium.mount(), &last).unwrap();
    assert_eq!((replayed.len(), summary.last_sequence()), (2, u64::MAX - 1));
}

#[test]
fn a_torn_tail_whose_cut_failed_does_not_come_back() {
    // The page cache says that the tail is cut, the disk still holds it. Were it left there, the next crash would
    // find it behind newer batches, in a segment that is sealed by then, and the journal corrupt.
    let medium = disk_with(&[batch(1, 1, 100), batch(2, 1, 3000)], &options());
    let mut torn = medium.durable(SEGMENT_1).unwrap();
    torn[5000] ^= 1;
    medium.put(SEGMENT_1, torn);
    medium.fail_after(Operation::Sync, 0);
    assert!(matches!(open(medium.mount(), &options()), Err(OpenError::Write { .. })));
    medium.kill();
    let (mut journal, _, replayed) = open(medium.mount(), &options()).unwrap();
    assert_eq!(replayed, [batch(1, 1, 100)]);
    let later = [batch(2, 1, 10), batch(3, 1, 4000)];
    for batch in &later {
        append(&mut journal, batch).unwrap();
    }
    drop(journal);
    medium.lose_power();
    let (_, summary, replayed) = open(medium.mount(), &options()).unwrap();
    assert_eq!(replayed[1..], later);
    assert_eq!((summary.segments, summary.torn_tail), (2, None));
}
