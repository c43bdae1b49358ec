//! Risk: what holds on the simulated disk does not hold on the file system.

use crate::support::{Owned, batch, options};
use journal::{Journal, OpenError, Options, ReadError, Summary, verify};
use std::convert::Infallible;
use std::path::Path;

fn open(directory: &Path, options: &Options) -> Result<(Journal, Summary, Vec<Owned>), OpenError> {
    let mut replayed = Vec::new();
    let (journal, summary) = Journal::open(directory, options, |batch| {
        replayed.push((batch.first_sequence, batch.count, batch.payload.to_vec()));
        Ok::<(), Infallible>(())
    })?;
    Ok((journal, summary, replayed))
}

#[test]
fn a_directory_is_made_filled_rotated_with_and_without_preparing_ahead_and_read_again() {
    for prepare_ahead in [false, true] {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a").join("journal");
        let options = Options { prepare_ahead, segment_size: 64 * 1024, ..options() };
        let mut batches: Vec<Owned> = Vec::new();
        for _ in 0..3 {
            let (mut journal, _, replayed) = open(&directory, &options).unwrap();
            assert_eq!(replayed, batches);
            for length in [50_000, 10, 40_000, 60_000, 0] {
                let next = batch(journal.next_sequence(), 4, length);
                journal.append(next.0, next.1, &next.2).unwrap();
                batches.push(next);
            }
        }
        let summary = verify(&directory).unwrap();
        assert_eq!((summary.batches, summary.records, summary.torn_tail), (15, 60, None));
        assert_eq!(summary.segments, 9);
    }
}

#[test]
fn a_directory_in_use_is_refused_until_it_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let (journal, _, _) = open(directory.path(), &options()).unwrap();
    let Err(OpenError::Read(error)) = open(directory.path(), &options()) else { panic!("opened twice") };
    assert_eq!(error.to_string(), format!("{} is in use by another process", directory.path().display()));
    assert!(matches!(verify(directory.path()), Err(ReadError::InUse { .. })));
    drop(journal);
    assert_eq!(verify(directory.path()).unwrap().batches, 0);
    open(directory.path(), &options()).unwrap();
}

#[test]
fn a_missing_or_empty_directory_is_no_journal_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(verify(directory.path()), Err(ReadError::NoJournal { .. })));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let missing = directory.path().join("missing");
    assert!(matches!(verify(&missing), Err(ReadError::Io { .. })));
    assert!(!missing.exists());
}

#[test]
fn appending_allocates_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let large = Options { segment_size: 4 << 20, ..options() };
    let (mut journal, _, _) = open(directory.path(), &large).unwrap();
    let payloads = [vec![1; 10], vec![2; 100_000], vec![3; journal::MAX_BATCH], vec![4; 64]];
    let allocated = allocation_counter::measure(|| {
        for (sequence, payload) in (1..).zip(&payloads) {
            journal.append(sequence, 1, payload).unwrap();
        }
    });
    assert_eq!(allocated.count_total, 0);
    assert_eq!(journal.next_sequence(), 5);
}

#[test]
fn the_longest_batches_are_written_and_read() {
    let directory = tempfile::tempdir().unwrap();
    let large = Options { segment_size: 4 << 20, prepare_ahead: true, ..options() };
    let (mut journal, _, _) = open(directory.path(), &large).unwrap();
    assert_eq!(journal.max_batch(), journal::MAX_BATCH);
    let batches: Vec<Owned> = (1..=9).map(|sequence| batch(sequence, 1, journal::MAX_BATCH)).collect();
    for batch in &batches {
        journal.append(batch.0, batch.1, &batch.2).unwrap();
    }
    assert!(journal.append(10, 1, &vec![0; journal::MAX_BATCH + 1]).is_err());
    drop(journal);
    let (_, summary, replayed) = open(directory.path(), &large).unwrap();
    assert!(replayed == batches, "a long batch came back changed");
    assert_eq!((summary.segments, summary.torn_tail), (3, None));
}

#[test]
fn a_journal_can_move_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let directory = tempfile::tempdir().unwrap();
    let (mut journal, _, _) = open(directory.path(), &options()).unwrap();
    is_send(&journal);
    let head = std::thread::spawn(move || journal.append(1, 1, b"there").map(|()| journal.head()));
    let head = head.join().unwrap().unwrap();
    assert_eq!(verify(directory.path()).unwrap().head, head);
}
