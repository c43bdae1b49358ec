//! Risk: a full disk is met in the middle of a batch, ends the journal, or is mistaken for a failed disk; or more
//! room is promised than there is.

use crate::support::{Owned, append, batch, open, options};
use journal::{AppendError, Journal, NoRoom, OpenError, Operation, Options, SimulatedDisk, batch_bytes};
use proptest::prelude::*;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

#[test]
fn a_full_disk_is_met_before_a_batch_is_taken_and_is_not_final() {
    let medium = SimulatedDisk::new(1);
    medium.set_capacity(8192 + 100);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    append(&mut journal, &batch(1, 1, 3000)).unwrap();
    // There is room for a small one, not for a large one.
    journal.reserve(500).unwrap();
    let error = journal.reserve(2000).unwrap_err();
    assert!(matches!(error, AppendError::NoSpace { bytes: 8192, .. }), "{error}");
    assert!(matches!(append(&mut journal, &batch(2, 1, 2000)), Err(AppendError::NoSpace { .. })));
    append(&mut journal, &batch(2, 1, 500)).unwrap();
    assert!(medium.written("prepared.tmp").is_none(), "the space was not given back");
    // Somebody makes space.
    medium.set_capacity(3 * 8192);
    append(&mut journal, &batch(3, 1, 2000)).unwrap();
    drop(journal);
    medium.lose_power();
    let (_, _, replayed) = open(medium.mount(), &options()).unwrap();
    assert_eq!(replayed, [batch(1, 1, 3000), batch(2, 1, 500), batch(3, 1, 2000)]);
}

#[test]
fn what_was_reserved_needs_no_more_space() {
    let medium = SimulatedDisk::new(1);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    append(&mut journal, &batch(1, 1, 4000)).unwrap();
    journal.reserve(4000).unwrap();
    medium.set_capacity(0);
    append(&mut journal, &batch(2, 1, 4000)).unwrap();
    assert!(matches!(journal.reserve(4000), Err(AppendError::NoSpace { .. })));
}

#[test]
fn no_space_for_a_new_directory_is_said_so() {
    let medium = SimulatedDisk::new(1);
    medium.set_capacity(5000);
    let Err(error) = open(medium.mount(), &options()) else { panic!("opened") };
    assert!(matches!(error, OpenError::NoSpace { bytes: 8192, .. }), "{error}");
    medium.set_capacity(10_000);
    open(medium.mount(), &options()).unwrap();
}

#[test]
fn an_existing_journal_opens_on_a_full_disk_and_uses_the_room_it_has() {
    let medium = SimulatedDisk::new(1);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    append(&mut journal, &batch(1, 1, 100)).unwrap();
    drop(journal);
    medium.set_quota(0);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    assert_eq!(journal.room(), 4096 - 160);
    append(&mut journal, &batch(2, 1, 1000)).unwrap();
    let room = journal.room();
    assert_eq!(room, 4096 - 160 - batch_bytes(1000));
    assert_eq!(batch_bytes(1000), 1056);
    let space = journal.space();
    space.wait_for(room).unwrap();
    let Err(NoRoom::Full { room: left, source }) = space.wait_for(room + 1) else {
        panic!("room from nowhere")
    };
    assert_eq!((left, source.kind()), (room, ErrorKind::QuotaExceeded));
    assert!(space.is_full());
    assert_eq!(append(&mut journal, &batch(3, 1, 3000)).unwrap_err().to_string(), no_space());
    append(&mut journal, &batch(3, 1, 500)).unwrap();
    medium.set_quota(u64::MAX);
    space.wait_for(4096).unwrap();
    assert!(!space.is_full());
    append(&mut journal, &batch(4, 1, 3000)).unwrap();
}

fn no_space() -> String {
    format!("no space for the next segment of 8192 bytes: {}", ErrorKind::QuotaExceeded)
}

#[test]
fn there_is_never_more_room_than_a_segment_and_none_after_the_end() {
    let medium = SimulatedDisk::new(1);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    let space = journal.space();
    assert!(matches!(space.wait_for(4097), Err(NoRoom::TooMuch { found: 4097, max: 4096 })));
    space.wait_for(4096).unwrap();
    medium.fail_after(Operation::Sync, 0);
    append(&mut journal, &batch(1, 1, 10)).unwrap_err();
    assert_eq!((space.room(), journal.room()), (0, 0));
    assert!(matches!(space.wait_for(1), Err(NoRoom::Ended)));
    drop(journal);
    let (journal, _, _) = open(medium.mount(), &options()).unwrap();
    let space = journal.space();
    drop(journal);
    assert_eq!(space.room(), 0);
    assert!(matches!(space.wait_for(1), Err(NoRoom::Ended)));
}

#[test]
fn a_failed_disk_is_not_taken_for_a_full_one_and_ends_the_journal_when_the_segment_is_needed() {
    let medium = SimulatedDisk::new(1);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    append(&mut journal, &batch(1, 1, 3000)).unwrap();
    medium.fail_after(Operation::Sync, 0);
    assert!(matches!(journal.space().wait_for(4096), Err(NoRoom::Failed(_))));
    // What room there is can still be used.
    append(&mut journal, &batch(2, 1, 500)).unwrap();
    assert!(matches!(append(&mut journal, &batch(3, 1, 3000)), Err(AppendError::Failed(_))));
}

/// Returns when the condition holds; a minute is for who waits in vain.
fn until(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn when_space_comes_back_the_journal_goes_on_by_itself() {
    let medium = SimulatedDisk::new(1);
    // The first segment and a half.
    medium.set_capacity(96 << 10);
    let ahead = Options { segment_size: 64 << 10, prepare_ahead: true, ..options() };
    let (mut journal, _, _) = open(medium.mount(), &ahead).unwrap();
    let space = journal.space();
    until(|| space.is_full());
    append(&mut journal, &batch(1, 1, 50_000)).unwrap();
    let room = journal.room();
    assert_eq!(room, (60 << 10) - batch_bytes(50_000));
    assert!(matches!(space.wait_for(room + 1), Err(NoRoom::Full { .. })));
    assert!(matches!(append(&mut journal, &batch(2, 1, 50_000)), Err(AppendError::NoSpace { .. })));
    append(&mut journal, &batch(2, 1, 1000)).unwrap();
    medium.set_capacity(u64::MAX);
    // Nobody asks the journal for anything here.
    until(|| space.room() >= 60 << 10);
    append(&mut journal, &batch(3, 1, 50_000)).unwrap();
    space.wait_for(60 << 10).unwrap();
    drop(journal);
    medium.lose_power();
    let (_, _, replayed) = open(medium.mount(), &ahead).unwrap();
    assert_eq!(replayed, [batch(1, 1, 50_000), batch(2, 1, 1000), batch(3, 1, 50_000)]);
}

#[test]
fn a_batch_that_needs_the_next_segment_waits_for_it_and_not_for_the_pauses() {
    let medium = SimulatedDisk::new(1);
    let ahead = Options { segment_size: 2 << 20, prepare_ahead: true, ..options() };
    let (mut journal, _, _) = open(medium.mount(), &ahead).unwrap();
    let batches: Vec<Owned> = (1..=6).map(|sequence| batch(sequence, 1, journal::MAX_BATCH)).collect();
    for batch in &batches {
        journal.space().wait_for(batch_bytes(batch.2.len())).unwrap();
        append(&mut journal, batch).unwrap();
    }
    drop(journal);
    assert!(open(medium.mount(), &ahead).unwrap().2 == batches);
}

/// Appends batches of these lengths as long as there was room for them all at the start, though nothing more can
/// be had of the disk.
fn fill_the_room(medium: &SimulatedDisk, journal: &mut Journal, lengths: &[usize]) -> Result<(), String> {
    medium.set_capacity(0);
    let mut room = journal.room();
    for length in lengths {
        if batch_bytes(*length) <= room {
            let next = batch(journal.next_sequence(), 1, *length);
            append(journal, &next).map_err(|error| format!("{length} bytes of {room}: {error}"))?;
            room -= batch_bytes(*length);
            if journal.room() < room {
                return Err(format!("{} bytes of {room} are left", journal.room()));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn as_much_can_be_appended_as_there_is_said_to_be_room(
        before in 0_usize..4000,
        prepared in any::<bool>(),
        lengths in prop::collection::vec(0_usize..4040, 1..40),
    ) {
        let medium = SimulatedDisk::new(1);
        let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
        append(&mut journal, &batch(1, 1, before)).unwrap();
        if prepared {
            journal.space().wait_for(4096).unwrap();
        }
        prop_assert_eq!(journal.room(), if prepared { 4096 } else { 4096 - batch_bytes(before) });
        fill_the_room(&medium, &mut journal, &lengths).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn as_much_can_be_appended_where_a_segment_holds_many_batches(
        before in 0_usize..1_000_000,
        lengths in prop::collection::vec(0_usize..journal::MAX_BATCH, 3..9),
    ) {
        let medium = SimulatedDisk::new(1);
        let (mut journal, _, _) = open(medium.mount(), &Options { segment_size: 3 << 20, ..options() }).unwrap();
        append(&mut journal, &batch(1, 1, before)).unwrap();
        let segment = (3 << 20) - 4096;
        journal.space().wait_for(segment).unwrap();
        // Both segments, less the longest batch.
        prop_assert_eq!(journal.room(), 2 * segment - batch_bytes(before) - batch_bytes(journal::MAX_BATCH));
        fill_the_room(&medium, &mut journal, &lengths).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn a_full_disk_is_tried_again_however_often_somebody_asks() {
    let medium = SimulatedDisk::new(4);
    let options = Options { prepare_ahead: true, ..options() };
    let (journal, _, _) = open(medium.mount(), &options).unwrap();
    let space = journal.space();
    space.wait_for(space.most()).unwrap();
    assert_eq!(space.appended(), 0);
    drop((journal, space));
    medium.set_capacity(medium.used() - 1);
    let (mut journal, _, _) = open(medium.mount(), &options).unwrap();
    append(&mut journal, &batch(1, 1, 1000)).unwrap();
    let space = journal.space();
    assert_eq!(space.appended(), batch_bytes(1000));
    assert!(matches!(space.wait_for(space.most()), Err(NoRoom::Full { .. })));
    medium.set_capacity(u64::MAX);
    // Each question wakes the thread that prepares. It would never be done if that put it off.
    while space.wait_for(space.most()).is_err() {}
}
