//! The search for the highest rate that still holds a wanted latency. A pure machine: it names the rates to try
//! and is told how each went.

/// The two rates between which the answer lies are at most so much apart in the end, in a thousand.
const CLOSE_ENOUGH: u64 = 50;

/// See the head of this file.
#[derive(Clone, Debug)]
pub(super) struct Search {
    next: u32,
    most: u32,
    /// The highest rate that held, and the lowest that did not.
    held: Option<u32>,
    failed: Option<u32>,
}

impl Search {
    /// A search that begins at `first` and goes no higher than `most`.
    pub(super) fn new(first: u32, most: u32) -> Search {
        Search { next: first.clamp(1, most), most, held: None, failed: None }
    }

    /// The rate to try next; `None` when the answer is known well enough.
    pub(super) fn next(&self) -> Option<u32> {
        let is_done = match (self.held, self.failed) {
            (Some(held), Some(failed)) => {
                u64::from(failed - held) * 1_000 <= u64::from(held) * CLOSE_ENOUGH || failed - held <= 1
            }
            (Some(held), None) => held == self.most,
            (None, Some(failed)) => failed == 1,
            (None, None) => false,
        };
        (!is_done).then_some(self.next)
    }

    /// The rate of [`Search::next`] held, or did not.
    pub(super) fn tell(&mut self, held: bool) {
        if held {
            self.held = Some(self.next);
        } else {
            self.failed = Some(self.next);
        }
        self.next = match (self.held, self.failed) {
            (Some(held), None) => held.saturating_mul(2).min(self.most),
            (None, Some(failed)) => (failed / 2).max(1),
            (Some(held), Some(failed)) => between(held, failed),
            (None, None) => self.next,
        };
    }

    /// The highest rate that held so far.
    pub(super) fn highest(&self) -> Option<u32> {
        self.held
    }
}

/// The geometric middle, so that the steps are even where rates are told apart by ratio.
fn between(low: u32, high: u32) -> u32 {
    let middle = (u64::from(low) * u64::from(high)).isqrt();
    u32::try_from(middle).unwrap_or(high).max(low + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a search finds where rates up to `limit` hold, and in how many trials.
    fn find(first: u32, limit: u32, most: u32) -> (Option<u32>, u32) {
        let mut search = Search::new(first, most);
        let mut trials = 0;
        while let Some(rate) = search.next() {
            search.tell(rate <= limit);
            trials += 1;
            assert!(trials < 100);
        }
        (search.highest(), trials)
    }

    #[test]
    fn the_answer_is_close_from_below_and_found_in_few_trials() {
        for first in [1, 100, 10_000, 5_000_000] {
            for limit in [1, 7, 99, 12_345, 700_000, 3_000_000] {
                let (found, trials) = find(first, limit, 10_000_000);
                let found = found.unwrap();
                assert!(
                    found <= limit && u64::from(limit - found) * 20 <= u64::from(found) + 20,
                    "{limit}: {found}"
                );
                assert!(trials <= 32, "{first} {limit}: {trials}");
            }
        }
    }

    #[test]
    fn none_and_the_most_are_answers_too() {
        assert_eq!(find(1_000, 0, 10_000_000).0, None);
        assert_eq!(find(1_000, u32::MAX, 10_000_000).0, Some(10_000_000));
    }
}
