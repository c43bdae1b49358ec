//! The cheapest split by units: single-slot orders of many classes that start at the same hour, merged by what one more
//! unit costs.

use crate::row::{Row, weight};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use types::{MarketEntry, Units};

/// Units that one class has next, all of the same weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Which class, by the place of its row.
    pub(crate) row: usize,
    /// How many units.
    pub(crate) units: Units,
    /// What each of them weighs over the whole window.
    pub(crate) weight: i128,
}

/// Where a class's window starts, by the places of its row and of the window in it, with the weight of its first unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Begin {
    pub(crate) weight: i128,
    pub(crate) row: usize,
    pub(crate) at: usize,
}

/// The cheapest units of all windows that begin together, cheapest first, `units` of them or as many as there are, or as
/// many as weigh no more than `bound` together. Of equal ones those of the class listed first come first.
pub(crate) fn merge(rows: &[Row<'_>], begins: &[Begin], units: Units, bound: i128) -> Vec<Run> {
    let mut heads: BinaryHeap<Reverse<(Begin, usize)>> =
        begins.iter().map(|&begin| Reverse((begin, usize::MAX))).collect();
    // Most classes never have the cheapest unit; the others' cursors are made when they do.
    let mut cursors: Vec<Cursor<'_>> = Vec::new();
    let mut runs: Vec<Run> = Vec::new();
    let (mut left, mut sum) = (units, 0);
    while left > 0
        && sum <= bound
        && let Some(Reverse((begin, known))) = heads.pop()
    {
        let row = &rows[begin.row];
        let number = if known == usize::MAX {
            let Some(cursor) = Cursor::new(row, begin.at) else { continue };
            cursors.push(cursor);
            cursors.len() - 1
        } else {
            known
        };
        let cursor = &mut cursors[number];
        let taken = cursor.run().min(left);
        cursor.take(taken);
        left -= taken;
        sum += begin.weight * i128::from(taken);
        match runs.last_mut() {
            Some(last) if (last.row, last.weight) == (begin.row, begin.weight) => last.units += taken,
            _ => runs.push(Run { row: begin.row, units: taken, weight: begin.weight }),
        }
        if let Some(weight) = cursor.weight(row) {
            heads.push(Reverse((Begin { weight, ..begin }, number)));
        }
    }
    runs
}

/// What the first `units` of the runs weigh together; `None` if there are not so many.
pub(crate) fn weight_of(runs: &[Run], units: Units) -> Option<i128> {
    let (mut left, mut sum) = (units, 0);
    for run in runs {
        let taken = run.units.min(left);
        left -= taken;
        sum += run.weight * i128::from(taken);
    }
    (left == 0).then_some(sum)
}

/// Units by row, in the order in which rows first come up, of the first `units` of the runs.
pub(crate) fn shares(runs: &[Run], units: Units) -> Vec<(usize, Units)> {
    let mut left = units;
    let mut shares: Vec<(usize, Units)> = Vec::new();
    for run in runs {
        let taken = run.units.min(left);
        left -= taken;
        if taken == 0 {
            break;
        }
        match shares.iter_mut().find(|(row, _)| *row == run.row) {
            Some((_, share)) => *share += taken,
            None => shares.push((run.row, taken)),
        }
    }
    shares
}

/// How far the slots of a window have been taken, the same units of each.
struct Cursor<'a> {
    slots: Vec<Place<'a>>,
    /// One order of the class may have so many more.
    allowed: Units,
}

struct Place<'a> {
    /// The asks that are left.
    asks: &'a [MarketEntry],
    /// What has been taken of the first of them, less than it has.
    gone: Units,
}

impl<'a> Cursor<'a> {
    fn new(row: &Row<'a>, at: usize) -> Option<Cursor<'a>> {
        let slots = row.window(at)?.into_iter().map(|asks| Place { asks, gone: 0 }).collect();
        Some(Cursor { slots, allowed: row.class().spec.order_units_max })
    }

    /// How many units come next before a price changes.
    fn run(&self) -> Units {
        let each = self.slots.iter().map(|place| place.asks.first().map_or(0, |ask| ask.units - place.gone));
        each.min().unwrap_or(0).min(self.allowed)
    }

    fn take(&mut self, units: Units) {
        self.allowed -= units;
        for place in &mut self.slots {
            place.gone += units;
            if place.asks.first().is_some_and(|ask| ask.units <= place.gone) {
                place.asks = &place.asks[1..];
                place.gone = 0;
            }
        }
    }

    /// What the next unit weighs over the window; `None` if a slot has no more, or no order may be for more.
    fn weight(&self, row: &Row<'_>) -> Option<i128> {
        if self.allowed == 0 {
            return None;
        }
        self.slots.iter().map(|place| Some(weight(row.class(), place.asks.first()?.price))).sum()
    }
}
