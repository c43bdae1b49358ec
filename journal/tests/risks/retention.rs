//! Risk: deleting old segments leaves a gap, goes on after a snapshot that is not there, or stops the chain from
//! being checked; reading sealed segments disturbs the live one, or takes damage for the end.

use crate::support::{Owned, SEGMENT_1, append, batch, checkpoints, disk_with, open, options, read_all};
use journal::{
    Checkpoint, Damage, Hash, Journal, OpenError, Operation, Options, ReadError, Reader, RetireError,
    SealedSegment, SimulatedDisk, SnapshotWriter, Snapshots,
};

/// Segments beginning with the sequences 1, 3, 5 and 7, the last one with room left.
fn four_segments() -> (Vec<Owned>, SimulatedDisk) {
    let lengths = [2000, 1500, 2000, 1500, 2000, 1500, 1000, 100];
    let batches: Vec<Owned> =
        (1..).zip(lengths).map(|(sequence, length)| batch(sequence, 1, length)).collect();
    let medium = disk_with(&batches, &options());
    (batches, medium)
}

fn segment_names(medium: &SimulatedDisk) -> Vec<String> {
    let mut names = medium.mount().list().unwrap();
    names.retain(|name| name.ends_with(".seg"));
    names.sort();
    names
}

fn after(checkpoint: Checkpoint) -> Options {
    Options { after: Some(checkpoint), ..options() }
}

/// Why the journal is refused as corrupt: segment, offset and damage.
fn damage_of<T>(result: Result<T, OpenError>) -> (String, u64, Damage) {
    match result {
        Err(OpenError::Read(ReadError::Corrupt { segment, offset, damage })) => (segment, offset, damage),
        Err(other) => panic!("refused for another reason: {other}"),
        Ok(_) => panic!("opened"),
    }
}

#[test]
fn whole_sealed_segments_are_retired_and_the_live_one_never() {
    for (up_to, left) in [(0, 4), (1, 4), (2, 3), (3, 3), (4, 2), (6, 1), (7, 1), (8, 1), (u64::MAX, 1)] {
        let (batches, medium) = four_segments();
        let places = checkpoints(&medium);
        let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
        let sealed = journal.sealed();
        assert_eq!(sealed.end(), places[6]);
        assert_eq!(sealed.retire(up_to).unwrap(), 4 - left, "up to {up_to}");
        assert_eq!(sealed.retire(up_to).unwrap(), 0);
        let next = batch(9, 1, 10);
        append(&mut journal, &next).unwrap();
        drop(journal);
        medium.lose_power();
        assert_eq!(segment_names(&medium).len() as u64, left);
        // From the place where the oldest segment begins, and from any later one.
        let oldest = usize::try_from(2 * (4 - left)).unwrap();
        for place in oldest..=8 {
            let (_, summary, replayed) = open(medium.mount(), &after(places[place])).unwrap();
            assert_eq!(replayed, [&batches[place..], std::slice::from_ref(&next)].concat());
            assert_eq!((summary.first_sequence, summary.batches), (place as u64 + 1, 9 - place as u64));
        }
    }
}

#[test]
fn a_journal_without_its_beginning_needs_a_place_to_go_on_from_without_a_gap() {
    let (batches, medium) = four_segments();
    let places = checkpoints(&medium);
    let (journal, whole, _) = open(medium.mount(), &options()).unwrap();
    journal.sealed().retire(4).unwrap();
    drop(journal);
    for (options, expected) in [(options(), 1), (after(places[0]), 1), (after(places[3]), 4)] {
        let refused = damage_of(open(medium.mount(), &options));
        let damage = Damage::Missing { found: 5, expected };
        assert_eq!(refused, ("00000000000000000005.seg".to_owned(), 0, damage));
    }
    // A reader that replays nothing needs none, and says what it could not check.
    let mut reader = Reader::open_on(medium.mount()).unwrap();
    assert_eq!(read_all(&mut reader).unwrap(), batches[4..]);
    let summary = reader.summary();
    assert_eq!((summary.first_sequence, summary.from_genesis, summary.head), (5, false, whole.head));
    let mut reader = Reader::open_after(medium.mount(), places[5]).unwrap();
    assert_eq!(read_all(&mut reader).unwrap(), batches[5..]);
    assert!(Reader::open_after(medium.mount(), places[3]).is_err());
}

#[test]
fn the_chain_is_checked_from_the_place_gone_on_from() {
    let (_, medium) = four_segments();
    let places = checkpoints(&medium);
    for place in &places {
        let strange = Checkpoint { head: Hash::from_bytes([9; 32]), ..*place };
        let (_, _, damage) = damage_of(open(medium.mount(), &after(strange)));
        let (sequence, found) = (place.sequence, place.head);
        assert_eq!(damage, Damage::OtherHistory { sequence, found, expected: strange.head });
    }
}

#[test]
fn a_snapshot_that_is_newer_than_the_journal_is_refused_and_nothing_is_cut() {
    let (_, medium) = four_segments();
    let end = checkpoints(&medium)[8];
    let ahead = Checkpoint { sequence: 9, ..end };
    let (segment, _, damage) = damage_of(open(medium.mount(), &after(ahead)));
    assert_eq!(segment, "00000000000000000007.seg");
    assert_eq!(damage, Damage::EndsBefore { found: 8, expected: 9 });
    // Damage to the last batch is no torn tail, if the batch is known to have been durable.
    let mut image = medium.durable("00000000000000000007.seg").unwrap();
    let last = image.iter().rposition(|byte| *byte != 0).unwrap();
    image[last] ^= 1;
    medium.put("00000000000000000007.seg", image.clone());
    let (segment, _, damage) = damage_of(open(medium.mount(), &after(end)));
    assert_eq!(segment, "00000000000000000007.seg");
    assert_eq!(damage, Damage::EndsBefore { found: 7, expected: 8 });
    assert_eq!(medium.durable("00000000000000000007.seg").unwrap(), image, "the batch was cut");
    // An empty directory is not made into a journal that has lost everything.
    let empty = open(SimulatedDisk::new(1).mount(), &after(end));
    assert!(matches!(empty, Err(OpenError::Read(ReadError::NoJournal { .. }))));
}

#[test]
fn a_place_inside_a_batch_is_refused() {
    let medium = disk_with(&[batch(1, 5, 100), batch(6, 5, 100)], &options());
    let inside = Checkpoint { sequence: 7, head: checkpoints(&medium)[2].head };
    let (_, _, damage) = damage_of(open(medium.mount(), &after(inside)));
    assert_eq!(damage, Damage::NoBatchEnd { found: 10, expected: 7 });
}

#[test]
fn a_failed_deletion_is_told_and_tried_again_and_a_failed_sync_is_the_last() {
    let (_, medium) = four_segments();
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    let sealed = journal.sealed();
    medium.fail_after(Operation::Directory, 1);
    let error = sealed.retire(6).unwrap_err();
    assert!(matches!(&error, RetireError::Delete { file, .. } if file == SEGMENT_1), "{error}");
    assert_eq!(segment_names(&medium).len(), 4);
    medium.fail_after(Operation::Directory, 2);
    assert!(matches!(sealed.retire(6), Err(RetireError::Sync(_))));
    assert_eq!(segment_names(&medium).len(), 3);
    let touched = medium.operations();
    assert!(matches!(sealed.retire(6), Err(RetireError::Sync(_))));
    assert_eq!(medium.operations(), touched, "deleted on after a sync that failed");
    // The journal itself is as well as before.
    append(&mut journal, &batch(9, 1, 10)).unwrap();
    drop(journal);
    assert!(matches!(sealed.retire(6), Err(RetireError::Closed)));
}

#[test]
fn power_may_fail_at_every_operation_of_retiring_and_leaves_no_gap() {
    for seed in 0..10 * 32 {
        let (batches, medium) = four_segments();
        let places = checkpoints(&medium);
        let (journal, _, _) = open(medium.mount(), &options()).unwrap();
        medium.reseed(seed);
        medium.lose_power_after(seed / 32);
        let retired = journal.sealed().retire(6);
        drop(journal);
        medium.lose_power();
        let left = read_all(&mut Reader::open_on(medium.mount()).unwrap())
            .unwrap_or_else(|error| panic!("seed {seed}: a gap: {error}"));
        assert!(batches.ends_with(&left) && left.len() >= 2, "seed {seed}: {} batches are left", left.len());
        assert!(retired.is_err() || left.len() == 2, "seed {seed}: told before it was so");
        let (_, _, replayed) = open(medium.mount(), &after(places[6])).unwrap();
        assert_eq!(replayed, batches[6..]);
    }
}

#[test]
fn a_snapshot_whose_name_was_not_synced_is_made_durable_before_a_segment_goes() {
    let mut unsynced = 0;
    for seed in 0..8 * 32 {
        let (batches, medium) = four_segments();
        let place = checkpoints(&medium)[6];
        let (journal, _, _) = open(medium.mount(), &options()).unwrap();
        medium.reseed(seed);
        // Creating and renaming succeed, the sync does not.
        medium.fail_after(Operation::Directory, 3);
        let mut snapshots = Snapshots::new(medium.mount());
        let finished = snapshots.begin(7, place).and_then(SnapshotWriter::finish);
        unsynced += u32::from(finished.is_err() && snapshots.list().unwrap() == [6]);
        medium.lose_power_after(seed / 32);
        // It fails when the power does.
        let _ = journal.sealed().retire(6);
        drop(journal);
        medium.lose_power();
        let snapshots = Snapshots::new(medium.mount());
        let (options, expected) = match snapshots.load(6) {
            Ok(snapshot) => (after(snapshot.info.checkpoint), &batches[6..]),
            Err(_) => (options(), &batches[..]),
        };
        let opened = open(medium.mount(), &options);
        let (_, _, replayed) = opened.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(replayed, expected, "seed {seed}");
    }
    assert_eq!(unsynced, 8 * 32, "the test does not make what it is about");
}

#[test]
fn sealed_segments_are_listed_and_read_while_the_journal_is_appended_to() {
    let medium = SimulatedDisk::new(1);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    let sealed = journal.sealed();
    assert_eq!(sealed.end().sequence, 0);
    assert!(sealed.read_after(None).unwrap().is_none() && sealed.list().unwrap().is_empty());
    let mut place = None;
    let mut read = Vec::new();
    let mut written = Vec::new();
    let mut write = |journal: &mut Journal| {
        let sequence = journal.next_sequence();
        let next = batch(sequence, 1, 700 + usize::try_from(sequence * 37 % 900).unwrap());
        append(journal, &next).unwrap();
        written.push(next);
    };
    for _ in 0..20 {
        write(&mut journal);
        let Some(mut reader) = sealed.read_after(place).unwrap() else { continue };
        let end = sealed.end();
        // What is appended, and sealed, while it reads is not its business.
        for _ in 0..7 {
            write(&mut journal);
        }
        read.extend(read_all(&mut reader).unwrap());
        assert_eq!(reader.summary().checkpoint(), end);
        place = Some(end);
    }
    assert!(read.len() > 10 && written.starts_with(&read));
    let listed = sealed.list().unwrap();
    assert_eq!((listed[0].first_sequence, listed[0].bytes), (1, 8192));
    assert!(listed.windows(2).all(|pair| pair[0].last_sequence + 1 == pair[1].first_sequence));
    assert_eq!(listed.last().map(|last: &SealedSegment| last.last_sequence), Some(sealed.end().sequence));
}

#[test]
fn a_damaged_sealed_segment_is_corruption_to_who_reads_it_beside_the_live_one() {
    let (_, medium) = four_segments();
    let places = checkpoints(&medium);
    let (journal, _, _) = open(medium.mount(), &options()).unwrap();
    let sealed = journal.sealed();
    let name = "00000000000000000005.seg";
    let good = medium.durable(name).unwrap();
    let second = 4096 + 2056;
    for (byte, offset, expected) in [
        (4100, 4096, Damage::Batch { later: second as u64 }),
        (second + 4, second, Damage::Sealed),
        (8191, second + 1560, Damage::Sealed),
    ] {
        let mut image = good.clone();
        image[byte] ^= 1;
        medium.put(name, image);
        let mut reader = sealed.read_after(Some(places[4])).unwrap().unwrap();
        let Err(ReadError::Corrupt { segment, offset: at, damage }) = read_all(&mut reader) else {
            panic!("damage in byte {byte} passed")
        };
        assert_eq!((segment.as_str(), at, damage), (name, offset as u64, expected));
    }
    // The last batch wiped out leaves clean zeros, but it is known where the live segment begins.
    let mut image = good;
    image[second..].fill(0);
    medium.put(name, image);
    let error = read_all(&mut sealed.read_after(Some(places[4])).unwrap().unwrap()).unwrap_err();
    let damage = Damage::EndsBefore { found: 5, expected: 6 };
    assert!(matches!(error, ReadError::Corrupt { damage: found, .. } if found == damage), "{error}");
}

#[test]
fn what_was_appended_by_now_is_read_the_live_segment_too() {
    let (batches, medium) = four_segments();
    let places = checkpoints(&medium);
    let (mut journal, _, _) = open(medium.mount(), &options()).unwrap();
    assert_eq!(journal.end(), places[8]);
    for more in 0..3 {
        let all: Vec<Owned> =
            batches.iter().cloned().chain((0..more).map(|at| batch(9 + at, 1, 300))).collect();
        for (at, place) in places.iter().enumerate() {
            let after = (at > 0).then_some(*place);
            let read = journal.read_after(after).unwrap().map(|mut reader| read_all(&mut reader).unwrap());
            assert_eq!(read.unwrap_or_default(), all[at..], "{more} more, after {at}");
        }
        append(&mut journal, &batch(9 + more, 1, 300)).unwrap();
    }
    let first = journal.sealed().first_payload(3).unwrap();
    assert_eq!(first.as_deref(), Some(&batches[2].2[..]));
}
