//! Risk: a full disk is met in the middle of a batch, ends the journal, or is mistaken for a failed disk.

use crate::support::{append, batch, open, options};
use journal::{AppendError, OpenError, SimulatedDisk};

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
