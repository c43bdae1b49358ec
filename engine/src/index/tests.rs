//! Tests of the index against a map.

use super::*;
use proptest::prelude::*;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// An index of names that lie in a list, and what it should say.
#[derive(Default)]
struct Checked {
    index: Index,
    names: Vec<Name>,
    expected: BTreeMap<(u32, u64), u32>,
}

impl Checked {
    fn insert(&mut self, owner: u32, number: u64) {
        let place = u32::try_from(self.names.len()).unwrap();
        if let Entry::Vacant(entry) = self.expected.entry((owner, number)) {
            entry.insert(place);
            let name = Name { owner, number };
            self.names.push(name);
            let names = &self.names;
            self.index.insert(name, place, |place| names[place as usize]);
        }
    }

    fn remove(&mut self, owner: u32, number: u64) {
        if let Some(place) = self.expected.remove(&(owner, number)) {
            self.index.remove(Name { owner, number }, place);
        }
    }

    fn check(&self) {
        assert_eq!(self.index.len(), self.expected.len());
        for name in &self.names {
            let found = self.index.find(*name, |place| self.names[place as usize] == *name);
            assert_eq!(found, self.expected.get(&(name.owner, name.number)).copied(), "{name:?}");
        }
    }
}

#[test]
fn it_grows_a_little_at_a_time_and_loses_nothing() {
    let mut checked = Checked::default();
    for number in 0..3_000 {
        checked.insert(7, number);
        if number % 64 == 0 {
            checked.check();
        }
    }
    assert!(checked.index.heads.len() >= 6_000);
    for number in (0..3_000).rev() {
        checked.remove(7, number);
    }
    checked.check();
    assert_eq!(checked.index.len(), 0);
    let all = checked.index.heads.iter().chain(&checked.index.old);
    assert!(all.into_iter().all(|&head| head == 0));
}

#[test]
fn moving_is_done_before_the_next_doubling() {
    let mut index = Index::default();
    let name = |place: u32| Name { owner: place, number: u64::from(place) * 16 };
    for place in 0..200_000 {
        let doubled = index.heads.len();
        let was_moving = !index.old.is_empty();
        index.insert(name(place), place, name);
        assert!(doubled == index.heads.len() || !was_moving, "one move at a time");
        assert!(2 * index.len() <= index.heads.len());
    }
    assert!((0..200_000).all(|place| index.find(name(place), |found| found == place).is_some()));
}

#[test]
fn numbers_in_a_row_share_a_line_and_no_bucket() {
    let index = Index::default();
    let bucket = |number| bucket(hash_of(index.seed, Name { owner: 3, number }), index.heads.len());
    let buckets: BTreeSet<usize> = (32..48).map(bucket).collect();
    assert_eq!(buckets.len(), LINE);
    assert!(buckets.iter().all(|at| at / LINE == bucket(32) / LINE));
}

#[test]
fn multiples_of_a_line_are_spread_over_all_buckets() {
    let buckets = 1 << 12;
    let bucket = |number: u64| bucket(hash_of([3, 5], Name { owner: 3, number: number * 16 }), buckets);
    let taken: BTreeSet<usize> = (0..4_096).map(bucket).collect();
    // As many as by chance: all but one in e.
    assert!((2_450..2_750).contains(&taken.len()), "{}", taken.len());
}

#[test]
fn names_that_fall_together_are_still_found_and_taken_out_in_any_order() {
    let mut checked = Checked::default();
    let of = |index: &Index, number| bucket(hash_of(index.seed, Name { owner: 0, number }), BUCKETS_MIN);
    let numbers: Vec<u64> = (0..).filter(|&number| of(&checked.index, number) == 9).take(300).collect();
    // So many that the buckets are doubled, and moved while names are taken out.
    for (at, number) in numbers.iter().enumerate() {
        checked.insert(0, *number);
        if at >= 120 && at % 3 == 0 {
            checked.remove(0, numbers[at / 2]);
            checked.remove(0, numbers[at - 1]);
            checked.check();
        }
    }
    for number in numbers.iter().step_by(3).chain(&numbers) {
        checked.remove(0, *number);
        checked.check();
    }
    assert_eq!(checked.index.len(), 0);
}

proptest! {
    #[test]
    fn it_says_what_a_map_says(
        steps in proptest::collection::vec((0..4u32, 0..400u64, 0..3u8), 0..3_000),
        stride in prop_oneof![Just(1u64), Just(16), Just(1 << 40)],
    ) {
        let mut checked = Checked::default();
        for (owner, number, kind) in steps {
            if kind == 0 {
                checked.remove(owner, number * stride);
            } else {
                checked.insert(owner, number * stride);
            }
        }
        checked.check();
    }
}
