//! Tests of the index against a map.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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
            let names = &self.names;
            self.index.remove(Name { owner, number }, place, |place| names[place as usize]);
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
    assert!(checked.index.cells.len() >= 12_000);
    for number in (0..3_000).rev() {
        checked.remove(7, number);
    }
    checked.check();
    assert_eq!(checked.index.len(), 0);
    let all = checked.index.cells.0.iter().chain(&checked.index.old.0);
    assert!(all.into_iter().all(|&held| held == 0));
}

#[test]
fn moving_is_done_before_the_next_doubling() {
    let mut index = Index::default();
    let name = |place: u32| Name { owner: place, number: u64::from(place) * 16 };
    for place in 0..200_000 {
        let doubled = index.cells.len();
        index.insert(name(place), place, name);
        assert!(doubled == index.cells.len() || index.old.len() == doubled, "one move at a time");
        assert!(4 * index.len() <= index.cells.len() + 4);
    }
    assert!((0..200_000).all(|place| index.find(name(place), |found| found == place).is_some()));
}

#[test]
fn numbers_in_a_row_share_a_line() {
    let index = Index::default();
    let line = |number| index.cells.home(index.hash(Name { owner: 3, number })) / LINE;
    let lines: Vec<usize> = (32..48).map(line).collect();
    assert!(lines.iter().all(|&other| other == lines[0]));
}

#[test]
fn names_that_fall_together_are_still_found() {
    // The smallest index, filled as far as it goes from few homes: distances beyond what a cell can say.
    let mut checked = Checked::default();
    let first = checked.index.hash(Name { owner: 0, number: 0 });
    let home = checked.index.cells.home(first);
    let near = |index: &Index, number| {
        index.cells.steps(home, index.cells.home(index.hash(Name { owner: 0, number }))) < 4
    };
    let numbers: Vec<u64> =
        (0..1_000_000).filter(|&number| near(&checked.index, number)).take(CELLS_MIN / 4).collect();
    assert_eq!(numbers.len(), CELLS_MIN / 4);
    numbers.iter().for_each(|&number| checked.insert(0, number));
    checked.check();
    for number in numbers.iter().step_by(3) {
        checked.remove(0, *number);
        checked.check();
    }
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
