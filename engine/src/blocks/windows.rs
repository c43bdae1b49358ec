//! Windows of one class on one side of the market: what the best singles of each cost together, and the blocks that
//! wait for that.
//!
//! A block's guard is a condition that has to hold before it is worth working out how much could trade: every slot
//! of its window has a single of the other side, and the best of them together are within the limit. For every number
//! of slots that a resting block has there is a ring over the class's calendar with the *slack* of each window: the
//! limit of its best block, for all slots, less what the best singles cost. So when the best price of a contract
//! changes, the same number is taken from a run of neighbours in each ring. Few of them rise to nothing or fall below
//! it by that; how many with a slack each place has is counted, and where none is no block needs to be looked at.

use std::collections::{BTreeSet, BinaryHeap};
use types::{OrderId, SlotHint};

/// What a single costs that is not there: more than all limits of the longest block together.
pub(super) const NO_SINGLE: i64 = 1 << 42;
/// The limit of a window that no block waits for: less than any window costs.
const NO_BLOCK: i64 = -(1 << 60);

/// A block of a window: its rank (its limit, the lower the better), its id, where it lies.
pub(super) type Member = (i64, OrderId, SlotHint);

#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// What the best single costs, by place in the calendar.
    best: Vec<i64>,
    /// By number of slots.
    rings: Vec<Ring>,
    /// By place, in how many windows it is whose slack is nothing at least: the guard of their best block holds.
    passing: Vec<u32>,
}

/// The windows of so many slots, by the place of their first.
#[derive(Clone, Debug)]
struct Ring {
    slots: u16,
    slack: Vec<i64>,
    members: Vec<BTreeSet<Member>>,
    blocks: usize,
}

impl Windows {
    /// No blocks, and what the best singles cost.
    pub(super) fn new(best: &[i64]) -> Windows {
        Windows { best: best.to_vec(), rings: Vec::new(), passing: vec![0; best.len()] }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rings.is_empty()
    }

    /// True if the guard of some block holds whose window has this place.
    #[inline]
    pub(super) fn any_passes(&self, place: usize) -> bool {
        self.passing[place] > 0
    }

    /// Notes what the best single at a place costs now.
    #[inline]
    pub(super) fn set_best(&mut self, place: usize, cost: i64) {
        let more = cost - self.best[place];
        if more != 0 {
            self.best[place] = cost;
            self.raise(place, more);
        }
    }

    /// Lets every window with this place cost so much more.
    fn raise(&mut self, place: usize, more: i64) {
        for ring in &mut self.rings {
            for run in runs(self.best.len(), place, ring.slots) {
                if !lower(&mut ring.slack[run.clone()], more) {
                    continue;
                }
                for start in run {
                    let slack = ring.slack[start];
                    match (slack >= 0, slack + more >= 0) {
                        (true, false) => count(&mut self.passing, start, ring.slots, 1),
                        (false, true) => count(&mut self.passing, start, ring.slots, -1),
                        _ => {}
                    }
                }
            }
        }
    }

    pub(super) fn add(&mut self, place: usize, slots: u16, block: Member) {
        let at = match self.rings.binary_search_by_key(&slots, |ring| ring.slots) {
            Ok(at) => at,
            Err(at) => {
                self.rings.insert(at, Ring::new(slots, &self.best));
                at
            }
        };
        let ring = &mut self.rings[at];
        ring.blocks += 1;
        let passed = ring.change(place, |members| members.insert(block));
        count(&mut self.passing, place, slots, passed);
    }

    pub(super) fn remove(&mut self, place: usize, slots: u16, block: Member) {
        let Ok(at) = self.rings.binary_search_by_key(&slots, |ring| ring.slots) else { return };
        let ring = &mut self.rings[at];
        ring.blocks -= 1;
        let passed = ring.change(place, |members| members.remove(&block));
        count(&mut self.passing, place, slots, passed);
        if ring.blocks == 0 {
            self.rings.remove(at);
        }
    }

    /// The blocks of one window in priority order.
    pub(super) fn of(&self, place: usize, slots: u16) -> impl Iterator<Item = &Member> {
        let ring = self.rings.binary_search_by_key(&slots, |ring| ring.slots).ok();
        ring.into_iter().flat_map(move |at| &self.rings[at].members[place])
    }

    /// Of the blocks whose window has this place and whose guard holds, the first `most` in priority order from a rank
    /// and id on, the last of them first.
    pub(super) fn next(&self, place: usize, from: (i64, OrderId), most: usize) -> Vec<Member> {
        let mut found = BinaryHeap::with_capacity(most + 1);
        if self.any_passes(place) {
            for ring in &self.rings {
                for run in runs(self.best.len(), place, ring.slots) {
                    for start in run.filter(|&start| ring.slack[start] >= 0) {
                        ring.find(start, from, most, &mut found);
                    }
                }
            }
        }
        let mut found = found.into_sorted_vec();
        found.reverse();
        found
    }

    /// Checks everything against what the best singles cost and against what a block is; how many blocks there are.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub(super) fn check(&self, best: &[i64], is_right: impl Fn(Member) -> bool) -> Result<usize, String> {
        if self.best != best {
            return Err("the best singles are not what the windows think they are".to_owned());
        }
        let (mut passing, mut blocks) = (vec![0; best.len()], 0);
        for ring in &self.rings {
            let mut fresh = Ring::new(ring.slots, best);
            for (place, members) in ring.members.iter().enumerate() {
                fresh.blocks += members.len();
                fresh.members[place].clone_from(members);
                fresh.slack[place] += fresh.limit(place) - NO_BLOCK;
                count(&mut passing, place, ring.slots, i32::from(fresh.slack[place] >= 0));
                if let Some(wrong) = members.iter().find(|member| !is_right(**member)) {
                    return Err(format!("a window lists {wrong:?}, which is no such block"));
                }
            }
            if fresh.slack != ring.slack || fresh.blocks != ring.blocks || ring.blocks == 0 {
                return Err(format!("the windows of {} slots do not add up", ring.slots));
            }
            blocks += ring.blocks;
        }
        if passing != self.passing {
            return Err("the windows that pass are not those that are counted".to_owned());
        }
        Ok(blocks)
    }
}

impl Ring {
    fn new(slots: u16, best: &[i64]) -> Ring {
        let places = best.len();
        let mut slack = Vec::with_capacity(places);
        let mut sum: i64 = best.iter().cycle().take(usize::from(slots)).sum();
        for place in 0..places {
            slack.push(NO_BLOCK - sum);
            sum += best[(place + usize::from(slots)) % places] - best[place];
        }
        Ring { slots, slack, members: vec![BTreeSet::new(); places], blocks: 0 }
    }

    /// The limit of the best block of a window, for all its slots.
    fn limit(&self, place: usize) -> i64 {
        self.members[place].first().map_or(NO_BLOCK, |&(rank, ..)| -rank * i64::from(self.slots))
    }

    /// Changes who waits for a window: 1 if the guard of its best block holds now and did not before, -1 if it does no
    /// longer.
    fn change<T>(&mut self, place: usize, change: impl FnOnce(&mut BTreeSet<Member>) -> T) -> i32 {
        let (limit, passed) = (self.limit(place), self.slack[place] >= 0);
        change(&mut self.members[place]);
        self.slack[place] += self.limit(place) - limit;
        i32::from(self.slack[place] >= 0) - i32::from(passed)
    }

    /// Adds the blocks of a passing window whose guard holds, from a rank and id on, to the first `most` found.
    fn find(&self, place: usize, from: (i64, OrderId), most: usize, found: &mut BinaryHeap<Member>) {
        let members = &self.members[place];
        let Some(&(best, ..)) = members.first() else { return };
        let (rank, id) = from;
        for &member in members.range((rank, id, 0)..) {
            let worse = (member.0 - best) * i64::from(self.slots);
            let is_full = found.len() == most;
            if worse > self.slack[place] || (is_full && found.peek().is_some_and(|last| *last < member)) {
                return;
            }
            found.push(member);
            if is_full {
                found.pop();
            }
        }
    }
}

/// Counts a window of so many slots from a place on as passing, or no longer.
fn count(passing: &mut [u32], place: usize, slots: u16, more: i32) {
    if more != 0 {
        let places = passing.len();
        for at in place..place + usize::from(slots) {
            let passing = &mut passing[at % places];
            *passing = passing.checked_add_signed(more).expect("a window is counted once");
        }
    }
}

/// Where the windows of so many slots begin that have this place, in a ring of so many places.
#[inline]
fn runs(places: usize, place: usize, slots: u16) -> [std::ops::Range<usize>; 2] {
    let slots = usize::from(slots);
    match (place + 1).checked_sub(slots) {
        Some(first) => [first..place + 1, 0..0],
        None => [0..place + 1, places + place + 1 - slots..places],
    }
}

/// Takes `less` from each. True if one rose to nothing or fell below it by that.
#[inline]
fn lower(slack: &mut [i64], less: i64) -> bool {
    let mut changed = 0;
    for slack in slack {
        let before = *slack;
        // It cannot overflow: limits and costs are far from what 64 bits hold.
        *slack = before.wrapping_sub(less);
        changed |= before ^ *slack;
    }
    changed < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_follow_every_change_and_the_first_that_passes_is_found() {
        let mut best = vec![NO_SINGLE; 12];
        let mut windows = Windows::new(&best);
        // Limits of 10 and 8 for the slots at 10, 11 and 0; one of 9 for 11 and 0.
        for (place, slots, block) in [(10, 3, (-10, 1, 4)), (10, 3, (-8, 2, 5)), (11, 2, (-9, 3, 6))] {
            windows.add(place, slots, block);
        }
        let mut set = |windows: &mut Windows, place, cost| {
            best[place] = cost;
            windows.set_best(place, cost);
            windows.check(&best, |_| true).unwrap()
        };
        assert_eq!(set(&mut windows, 11, 9), 3);
        set(&mut windows, 0, 9);
        assert_eq!(windows.next(0, (i64::MIN, 0), 9), [(-9, 3, 6)]);
        set(&mut windows, 10, 12);
        assert_eq!(windows.next(11, (i64::MIN, 0), 1), [(-10, 1, 4)], "30 for three slots is within 10 each");
        assert_eq!(windows.next(10, (-10, 2), 9), [], "30 is not within 8 each");
        assert_eq!(windows.next(11, (-10, 2), 9), [(-9, 3, 6)]);
        set(&mut windows, 10, 6);
        assert_eq!(windows.next(11, (-9, 4), 9), [(-8, 2, 5)]);
        assert_eq!(windows.next(1, (i64::MIN, 0), 9), [], "no window has this place");
        assert_eq!(
            windows.next(0, (-10, 2), 9),
            [(-8, 2, 5), (-9, 3, 6)],
            "a window that is done with hides no other"
        );
        windows.remove(11, 2, (-9, 3, 6));
        set(&mut windows, 0, NO_SINGLE);
        assert!((0..12).all(|place| !windows.any_passes(place)));
    }
}
