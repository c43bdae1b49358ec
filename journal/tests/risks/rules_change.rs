//! Risk: a program with other rules reads batches that mean something else to it, or a change of rules breaks the
//! chain.

use crate::support::{Owned, append, batch, checkpoints, disk_with, open, options, read_all};
use journal::{OpenError, Options, ReadError, Reader, SimulatedDisk};

const OLD: u32 = 7;
const NEW: u32 = 8;

fn new_rules(medium: &SimulatedDisk) -> Options {
    let end = checkpoints(medium).pop();
    Options { after: end, rules_version: NEW, ..options() }
}

fn refused(opened: Result<(journal::Journal, journal::Summary, Vec<Owned>), OpenError>) -> (u32, u32) {
    match opened {
        Err(OpenError::Read(ReadError::RulesVersion { found, expected, .. })) => (found, expected),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened"),
    }
}

#[test]
fn other_rules_go_on_from_the_very_end_in_a_segment_of_their_own() {
    for lengths in [&[100][..], &[3000, 3000, 500], &[4000, 4000]] {
        let old: Vec<Owned> = (1..).zip(lengths).map(|(first, length)| batch(first, 1, *length)).collect();
        let medium = disk_with(&old, &options());
        let handed_over = new_rules(&medium);
        let (mut journal, summary, replayed) = open(medium.mount(), &handed_over).unwrap();
        assert_eq!((summary.rules_version, replayed), (NEW, Vec::new()));
        let place = handed_over.after.unwrap();
        let next = batch(place.sequence + 1, 2, 700);
        append(&mut journal, &next).unwrap();
        drop(journal);
        medium.lose_power();
        // Again, whether or not the power has failed: the old rules are not gone back to.
        for _ in 0..2 {
            let (_, summary, replayed) = open(medium.mount(), &handed_over).unwrap();
            assert_eq!((summary.rules_version, replayed), (NEW, vec![next.clone()]));
        }
        // The chain holds over the change, and who reads is told under which rules each batch stands.
        let mut reader = Reader::open_on(medium.mount()).unwrap();
        assert_eq!(reader.summary().rules_version, OLD);
        let mut rules = Vec::new();
        while let Some(batch) = reader.next_batch().unwrap() {
            rules.push(batch.rules_version);
        }
        let expected: Vec<u32> = old.iter().map(|_| OLD).chain([NEW]).collect();
        assert_eq!((rules, reader.summary().rules_version), (expected, NEW));
        drop(reader);
        // The old program does not go on either.
        let old_program = Options { after: Some(place), ..options() };
        assert_eq!(refused(open(medium.mount(), &old_program)), (NEW, OLD));
        assert_eq!(refused(open(medium.mount(), &options())), (NEW, OLD));
    }
}

#[test]
fn other_rules_are_refused_anywhere_but_at_the_end() {
    let old = [batch(1, 1, 100), batch(2, 1, 3000), batch(3, 1, 3000), batch(4, 1, 100)];
    let medium = disk_with(&old, &options());
    let places = checkpoints(&medium);
    for place in &places[..4] {
        let early = Options { after: Some(*place), rules_version: NEW, ..options() };
        assert_eq!(refused(open(medium.mount(), &early)), (OLD, NEW), "after {}", place.sequence);
    }
    assert_eq!(refused(open(medium.mount(), &Options { rules_version: NEW, ..options() })), (OLD, NEW));
    // Nothing was written.
    let (_, _, replayed) = open(medium.mount(), &options()).unwrap();
    assert_eq!(replayed, old);
}

#[test]
fn the_power_may_fail_at_every_operation_of_the_change() {
    let old = [batch(1, 1, 100), batch(2, 1, 3000)];
    for after in 0..40 {
        let medium = disk_with(&old, &options());
        let handed_over = new_rules(&medium);
        medium.lose_power_after(after);
        drop(open(medium.mount(), &handed_over));
        medium.lose_power();
        let (_, summary, replayed) = open(medium.mount(), &handed_over).unwrap();
        assert_eq!((summary.rules_version, replayed), (NEW, Vec::new()), "after {after} operations");
        let mut reader = Reader::open_on(medium.mount()).unwrap();
        assert_eq!(read_all(&mut reader).unwrap(), old);
    }
}
