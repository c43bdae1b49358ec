//! The best ways so far.

use crate::way::Way;
use types::Money;

/// The cheapest ways of those told so far, no more than asked for.
#[derive(Debug)]
pub(crate) struct Keep {
    most: usize,
    budget: Option<Money>,
    /// In order.
    ways: Vec<Way>,
    /// The least total of all, whatever the budget.
    pub(crate) cheapest: Option<Money>,
}

impl Keep {
    pub(crate) fn new(most: usize, budget: Option<Money>) -> Keep {
        Keep { most, budget, ways: Vec::new(), cheapest: None }
    }

    /// Takes note of a way of this total, and makes and keeps it if it is among the best. A total that does not fit in
    /// money can be paid by nobody.
    pub(crate) fn offer(&mut self, total: i128, way: impl FnOnce() -> Option<Way>) {
        let Ok(total) = Money::try_from(total) else { return };
        let is_worse =
            self.ways.len() >= self.most && self.ways.last().is_none_or(|last| last.total() < total);
        let is_over = self.budget.is_some_and(|budget| total > budget);
        let is_cheapest = self.cheapest.is_none_or(|cheapest| total < cheapest);
        if (is_worse || is_over) && !is_cheapest {
            return;
        }
        let Some(way) = way() else { return };
        self.cheapest = self.cheapest.min(Some(total)).or(Some(total));
        if is_worse || is_over {
            return;
        }
        let at = self.ways.partition_point(|kept| kept.rank() <= way.rank());
        self.ways.insert(at, way);
        self.ways.truncate(self.most);
    }

    /// What is above this total need not be offered: nothing that dear is kept any more, or told.
    pub(crate) fn bound(&self) -> Option<i128> {
        let is_full = self.ways.len() >= self.most;
        let kept = self.ways.last().filter(|_| is_full).map(Way::total);
        let least = self.cheapest?;
        let bound = kept.or(self.budget).or((self.most == 0).then_some(least))?;
        Some(i128::from(bound.max(least)))
    }

    pub(crate) fn ways(self) -> Vec<Way> {
        self.ways
    }
}
