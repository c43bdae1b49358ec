//! One class in the asked time: its slots in a row, and what units of them cost.

use crate::books::ClassBooks;
use crate::request::Request;
use std::collections::{BTreeMap, VecDeque};
use types::{BlockEntry, Class, ContractId, Hour, MarketEntry, Phase, Side, Ticks, Units};

/// A class's slots in time order, those that can be part of the asked hours.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    books: &'a ClassBooks,
    /// How many slots the asked hours are.
    pub(crate) slots: usize,
    /// The start of the first slot.
    first: Hour,
    /// The asks of each, best first; `None` where nothing trades continuously.
    asks: Vec<Option<&'a [MarketEntry]>>,
    /// The sell blocks for as many slots by the place of their window, in the order in which the exchange takes them.
    blocks: BTreeMap<usize, Vec<BlockEntry>>,
}

/// What something costs, in millionths: more than fits in money is possible until it is checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) value: i128,
    pub(crate) fees: i128,
}

/// What a window costs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// All units.
    pub(crate) sweep: Option<Cost>,
    /// What the first one weighs.
    pub(crate) first: Option<i128>,
}

impl<'a> Row<'a> {
    /// The slots of a class between the two times; `None` if it is not wanted or the hours are no whole slots of it.
    pub(crate) fn new(request: &Request, books: &'a ClassBooks) -> Option<Row<'a>> {
        let spec = &books.class.spec;
        let slots = usize::from(request.slots(spec).filter(|_| request.wants(spec))?);
        let slot_hours = u32::from(spec.slot_hours);
        let first = request.from.0.checked_next_multiple_of(slot_hours)?;
        let many = usize::try_from(request.until.0.saturating_sub(first) / slot_hours).ok()?;
        let mut asks: Vec<Option<&[MarketEntry]>> = vec![Some(&[]); many];
        for slot in &books.slots {
            let after = slot.contract.start().0.checked_sub(first).filter(|after| after % slot_hours == 0);
            let at = after.and_then(|after| usize::try_from(after / slot_hours).ok());
            if let Some(place) = at.and_then(|at| asks.get_mut(at)) {
                *place = (slot.phase == Phase::Continuous).then(|| slot.within());
            }
        }
        let mut row = Row { books, slots, first: Hour(first), asks, blocks: BTreeMap::new() };
        for (contract, block) in &books.blocks {
            let is_such = block.side == Side::Sell && usize::from(block.slots) == slots;
            if let Some(at) = row.at(contract.start()).filter(|_| is_such) {
                row.blocks.entry(at).or_default().push(*block);
            }
        }
        // None can trade while a slot of it does not trade continuously.
        let mut blocks = std::mem::take(&mut row.blocks);
        blocks.retain(|&at, _| row.window(at).is_some());
        blocks
            .values_mut()
            .for_each(|blocks| blocks.sort_unstable_by_key(|block| (block.price, block.order)));
        Some(Row { blocks, ..row })
    }

    /// When the window at this place starts.
    pub(crate) fn start(&self, at: usize) -> Hour {
        let slots = u32::try_from(at).unwrap_or(u32::MAX);
        self.first.plus(slots.saturating_mul(u32::from(self.class().spec.slot_hours)))
    }

    /// The place of the window that starts then.
    pub(crate) fn at(&self, start: Hour) -> Option<usize> {
        let slot_hours = u32::from(self.class().spec.slot_hours);
        let after = start.0.checked_sub(self.first.0).filter(|after| after.is_multiple_of(slot_hours))?;
        usize::try_from(after / slot_hours).ok().filter(|&at| at + self.slots <= self.asks.len())
    }

    /// The first contract of the window at this place.
    pub(crate) fn contract(&self, at: usize) -> ContractId {
        ContractId::new(self.class().no, self.start(at))
    }

    pub(crate) fn class(&self) -> &'a Class {
        &self.books.class
    }

    /// The asks of every slot of a window; `None` if one of them does not trade continuously.
    pub(crate) fn window(&self, at: usize) -> Option<Vec<&'a [MarketEntry]>> {
        self.asks.get(at..at + self.slots)?.iter().copied().collect()
    }

    /// The sell blocks for exactly the window at this place that can trade, in the order in which the exchange takes them.
    pub(crate) fn blocks(&self, at: usize) -> &[BlockEntry] {
        self.blocks.get(&at).map_or(&[], Vec::as_slice)
    }

    /// The places of windows for which there are such blocks.
    pub(crate) fn with_blocks(&self) -> impl Iterator<Item = usize> {
        self.blocks.keys().copied()
    }

    /// What `units` cost in every window, swept slot by slot, and what the first unit weighs; `None` where there are not
    /// so many, or none. Each slot is gone through once, and counts into the sums of all windows it is part of.
    pub(crate) fn windows(&self, units: Units) -> Vec<Window> {
        let class = self.class();
        let (mut sweeps, mut firsts) = (Sums::new(self.slots), Sums::new(self.slots));
        let mut windows = Vec::with_capacity((self.asks.len() + 1).saturating_sub(self.slots));
        for asks in &self.asks {
            let first = asks.and_then(|asks| asks.first());
            let swept = asks.filter(|_| first.is_some()).and_then(|asks| sweep(class, asks, units));
            let sweep = sweeps.next(swept);
            let first = firsts.next(first.map(|ask| Cost { value: weight(class, ask.price), fees: 0 }));
            if let (Some(sweep), Some(first)) = (sweep, first) {
                windows.push(Window { sweep, first: first.map(|first| first.value) });
            }
        }
        windows
    }

    /// What `units` cost in the window at this place after `before` have been taken from every slot.
    pub(crate) fn sweep_after(&self, at: usize, before: Units, units: Units) -> Option<Cost> {
        let window = self.window(at)?;
        window.iter().try_fold(Cost::default(), |sum, asks| {
            Some(sum.and(sweep_from(self.class(), asks, before, units)?))
        })
    }
}

impl Cost {
    pub(crate) fn and(self, other: Cost) -> Cost {
        Cost { value: self.value + other.value, fees: self.fees + other.fees }
    }

    pub(crate) fn total(self) -> i128 {
        self.value + self.fees
    }

    fn less(self, other: Cost) -> Cost {
        Cost { value: self.value - other.value, fees: self.fees - other.fees }
    }
}

/// What one unit of a slot weighs in a comparison: its value and its fee, before it is rounded, in millionths of a
/// millionth.
pub(crate) fn weight(class: &Class, price: Ticks) -> i128 {
    let spec = &class.spec;
    i128::from(price)
        * i128::from(spec.tick)
        * i128::from(spec.slot_hours)
        * (1_000_000 + i128::from(spec.fee_ppm))
}

/// What one fill costs, its fee rounded down as the exchange does.
pub(crate) fn fill(class: &Class, price: Ticks, units: Units) -> Cost {
    let spec = &class.spec;
    let value = i128::from(price) * i128::from(spec.tick) * i128::from(spec.slot_hours) * i128::from(units);
    Cost { value, fees: value * i128::from(spec.fee_ppm) / 1_000_000 }
}

/// What the first `units` of a slot's asks cost, fill by fill; `None` if there are fewer.
pub(crate) fn sweep(class: &Class, asks: &[MarketEntry], units: Units) -> Option<Cost> {
    sweep_from(class, asks, 0, units)
}

/// The same after the first `before` have gone.
fn sweep_from(class: &Class, asks: &[MarketEntry], before: Units, units: Units) -> Option<Cost> {
    let (mut gone, mut left, mut cost) = (before, units, Cost::default());
    for ask in asks {
        if left == 0 {
            break;
        }
        let skipped = gone.min(ask.units);
        gone -= skipped;
        let taken = left.min(ask.units - skipped);
        left -= taken;
        cost = cost.and(fill(class, ask.price, taken));
    }
    (left == 0).then_some(cost)
}

/// Sums of so many neighbours, each from the one before: the new one in, the old one out.
struct Sums {
    last: VecDeque<Option<Cost>>,
    wide: usize,
    sum: Cost,
    missing: usize,
}

impl Sums {
    fn new(wide: usize) -> Sums {
        Sums { last: VecDeque::with_capacity(wide + 1), wide, sum: Cost::default(), missing: 0 }
    }

    /// Takes the next one in. Gives the sum of the last ones once there are enough: of those with a gap `Some(None)`.
    fn next(&mut self, new: Option<Cost>) -> Option<Option<Cost>> {
        match new {
            Some(new) => self.sum = self.sum.and(new),
            None => self.missing += 1,
        }
        self.last.push_back(new);
        if self.last.len() > self.wide {
            match self.last.pop_front().flatten() {
                Some(old) => self.sum = self.sum.less(old),
                None => self.missing -= 1,
            }
        }
        (self.last.len() == self.wide).then_some((self.missing == 0).then_some(self.sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_summed_and_gaps_leave_no_sum() {
        let cost = |value| Some(Cost { value, fees: 1 });
        let each = [cost(1), cost(2), None, cost(4), cost(8), cost(16)];
        let values = |wide| -> Vec<Option<i128>> {
            let mut sums = Sums::new(wide);
            each.iter().filter_map(|&new| sums.next(new)).map(|sum| Some(sum?.value)).collect()
        };
        assert_eq!(values(2), [Some(3), None, None, Some(12), Some(24)]);
        assert_eq!(values(1).len(), 6);
        assert_eq!(values(7), []);
    }
}
