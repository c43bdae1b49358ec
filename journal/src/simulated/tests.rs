//! What the simulated disk does to files, and that it can do all of it.

use super::medium::SECTOR;
use super::*;
use std::collections::BTreeSet;

fn synced_file(medium: &SimulatedDisk) -> Box<dyn DiskFile> {
    let disk = medium.mount();
    let file = disk.create("file").unwrap();
    file.write_at(0, &[1; 4 * SECTOR]).unwrap();
    file.sync().unwrap();
    disk.sync_directory().unwrap();
    file
}

#[test]
fn unsynced_sectors_are_kept_or_lost_whole() {
    let mut kept = BTreeSet::new();
    for seed in 0..64 {
        let medium = SimulatedDisk::new(seed);
        synced_file(&medium).write_at(0, &[2; 2 * SECTOR]).unwrap();
        medium.lose_power();
        let content = medium.written("file").unwrap();
        for sector in content.chunks(SECTOR) {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "seed {seed}: a torn sector");
        }
        kept.insert((content[0], content[SECTOR]));
    }
    assert_eq!(kept.len(), 4, "every combination comes up");
}

#[test]
fn a_failed_sync_loses_what_waited_and_the_next_one_hides_it() {
    let medium = SimulatedDisk::new(1);
    let file = synced_file(&medium);
    file.write_at(0, &[2]).unwrap();
    medium.fail_after(Operation::Sync, 0);
    assert!(file.sync().is_err());
    assert!(file.sync().is_ok());
    assert_eq!(medium.written("file").unwrap()[0], 2);
    assert_eq!(medium.durable("file").unwrap()[0], 1);
}

#[test]
fn a_dead_process_can_do_nothing_and_holds_no_lock() {
    let medium = SimulatedDisk::new(1);
    let file = synced_file(&medium);
    assert!(file.try_lock(LockKind::Exclusive).unwrap());
    assert!(!medium.mount().open("file", Access::Read).unwrap().try_lock(LockKind::Shared).unwrap());
    medium.kill();
    assert!(file.write_at(0, &[9]).is_err());
    let again = medium.mount().open("file", Access::Read).unwrap();
    assert!(again.try_lock(LockKind::Shared).unwrap());
}

#[test]
fn a_full_disk_refuses_growth_and_nothing_else() {
    let medium = SimulatedDisk::new(1);
    let file = synced_file(&medium);
    medium.set_capacity(4 * SECTOR as u64);
    file.write_at(0, &[3; SECTOR]).unwrap();
    let error = file.write_at(4 * SECTOR as u64, &[3]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
}

#[test]
fn a_sector_written_twice_is_left_as_any_of_the_writes_left_it() {
    let mut kept = BTreeSet::new();
    for seed in 0..64 {
        let medium = SimulatedDisk::new(seed);
        let file = synced_file(&medium);
        for content in [2, 3, 4] {
            file.write_at(SECTOR as u64, &[content; SECTOR]).unwrap();
        }
        medium.lose_power();
        kept.insert(medium.written("file").unwrap()[SECTOR]);
    }
    assert_eq!(kept, BTreeSet::from([1, 2, 3, 4]));
}

#[test]
fn unsynced_changes_of_the_directory_are_kept_in_any_combination_and_no_file_is_lost_by_a_rename() {
    let mut left = BTreeSet::new();
    for seed in 0..256 {
        let medium = SimulatedDisk::new(seed);
        synced_file(&medium);
        medium.put("other", vec![7]);
        let disk = medium.mount();
        disk.rename("file", "renamed").unwrap();
        disk.remove("other").unwrap();
        medium.lose_power();
        let names = ["file", "renamed", "other"].map(|name| medium.written(name).is_some());
        assert!(names[0] || names[1], "seed {seed}: neither name");
        left.insert(names);
    }
    assert_eq!(left.len(), 6, "one name, the other or both; and each with or without the file removed");
}

#[test]
fn operations_fail_by_chance_as_often_as_asked_for_and_the_seed_says_which() {
    let failures = |seed| {
        let medium = SimulatedDisk::new(seed);
        let file = synced_file(&medium);
        medium.set_chances(Chances { read: 500_000, sync: 100_000, ..Chances::default() });
        let failed: Vec<(bool, bool)> =
            (0..200).map(|_| (file.read_at(0, &mut [0]).is_err(), file.sync().is_err())).collect();
        assert!((0..200).all(|_| file.write_at(0, &[1]).is_ok()), "no writes were to fail");
        failed
    };
    let (reads, syncs): (Vec<bool>, Vec<bool>) = failures(5).into_iter().unzip();
    let count = |failed: Vec<bool>| failed.into_iter().filter(|failed| *failed).count();
    assert!((60..140).contains(&count(reads)) && (5..50).contains(&count(syncs)));
    assert_eq!(failures(5), failures(5));
    assert_ne!(failures(5), failures(6));
}

#[test]
fn rot_flips_one_bit_of_what_is_stored_and_names_it() {
    let medium = SimulatedDisk::new(2);
    assert_eq!(medium.rot(), None);
    synced_file(&medium);
    medium.put("other", vec![1; 100]);
    for _ in 0..50 {
        let before = ["file", "other"].map(|name| medium.durable(name).unwrap());
        let (name, bit) = medium.rot().unwrap();
        let (byte, mask) = (usize::try_from(bit / 8).unwrap(), 1 << (bit % 8));
        let mut expected = before;
        expected[usize::from(name == "other")][byte] ^= mask;
        assert_eq!(["file", "other"].map(|name| medium.durable(name).unwrap()), expected);
        assert_eq!(["file", "other"].map(|name| medium.written(name).unwrap()), expected);
    }
}

#[test]
fn space_taken_ahead_counts_and_is_there_to_be_written() {
    let medium = SimulatedDisk::new(1);
    medium.set_quota(10 * SECTOR as u64);
    let file = synced_file(&medium);
    assert_eq!(medium.used(), 4 * SECTOR as u64);
    assert_eq!(file.allocate(11 * SECTOR as u64).unwrap_err().kind(), io::ErrorKind::QuotaExceeded);
    file.allocate(8 * SECTOR as u64).unwrap();
    assert_eq!((medium.used(), file.length().unwrap()), (8 * SECTOR as u64, 4 * SECTOR as u64));
    medium.set_capacity(0);
    file.write_at(4 * SECTOR as u64, &[1; 4 * SECTOR]).unwrap();
    assert_eq!(file.write_at(8 * SECTOR as u64, &[1]).unwrap_err().kind(), io::ErrorKind::StorageFull);
    medium.mount().remove("file").unwrap();
    assert_eq!(medium.used(), 0);
}

#[test]
fn a_garbled_sector_is_wrong_in_one_bit_of_what_would_have_changed() {
    let mut garbled = 0;
    for seed in 0..64 {
        let medium = SimulatedDisk::new(seed);
        let file = synced_file(&medium);
        medium.set_chances(Chances { garble: 500_000, ..Chances::default() });
        file.write_at(10, &[2; 20]).unwrap();
        medium.lose_power();
        let content = medium.durable("file").unwrap();
        let (before, after): (&[u8], &[u8]) = (&[1; 20], &[2; 20]);
        assert!(content[..10].iter().chain(&content[30..]).all(|byte| *byte == 1), "only what was written");
        let bits = |other: &[u8]| -> u32 {
            content[10..30].iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum()
        };
        match (bits(before), bits(after)) {
            (0, _) | (_, 0) => {}
            (_, wrong) => {
                assert_eq!(wrong, 1);
                garbled += 1;
            }
        }
        // What is written over itself changes nothing, so nothing of it can come out wrong.
        let file = medium.mount().open("file", Access::Write).unwrap();
        file.write_at(0, &content).unwrap();
        medium.lose_power();
        assert_eq!(medium.durable("file").unwrap(), content);
    }
    assert!((15..50).contains(&garbled), "{garbled} of 64");
}

#[test]
fn a_deferred_sync_is_carried_out_with_the_next_and_lost_with_the_power() {
    let medium = SimulatedDisk::new(1);
    let file = synced_file(&medium);
    medium.defer_syncs();
    let durable = || medium.durable("file").unwrap()[0];
    file.write_at(0, &[2]).unwrap();
    file.sync().unwrap();
    assert_eq!(durable(), 1);
    file.sync().unwrap();
    assert_eq!(durable(), 2);
    file.write_at(0, &[3]).unwrap();
    medium.lose_power();
    assert_eq!(medium.power_failures(), 1);
    let (file, before) = (medium.mount().open("file", Access::Write).unwrap(), durable());
    file.write_at(0, &[4]).unwrap();
    file.sync().unwrap();
    assert_eq!(durable(), before, "the sync of a process that is gone is not made up for");
}

#[test]
fn a_flipped_bit_is_put_right_by_flipping_it_again() {
    let medium = SimulatedDisk::new(1);
    synced_file(&medium);
    assert!(medium.flip("file", 8 * 7 + 2));
    assert_eq!(medium.durable("file").unwrap()[7], 1 ^ 4);
    assert!(medium.flip("file", 8 * 7 + 2));
    assert_eq!(medium.written("file").unwrap()[7], 1);
    assert!(!medium.flip("file", 8 * 4 * 512) && !medium.flip("other", 0));
}
