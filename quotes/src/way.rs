//! A way to get what is wanted: the orders to send, what they cost, and what they do to the books.

use crate::blocks::Taken;
use crate::row::{Cost, Row, fill};
use types::{
    Class, ClassNo, Code, ContractId, Hour, Money, NewOrder, OrderId, Side, Ticks, TimeInForce, Units,
};

/// One way to get all that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// When it starts.
    pub start: Hour,
    /// The orders, in the order in which to send them.
    pub parts: Vec<Part>,
}

/// One order of a way, and what would come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Of which class.
    pub class: Class,
    /// The first slot.
    pub first: ContractId,
    /// How many slots.
    pub slots: u16,
    /// Units in each slot.
    pub units: Units,
    /// From what.
    pub how: How,
    /// What they cost, without fees.
    pub value: Money,
    /// What is paid besides.
    pub fees: Money,
    /// The least limit that surely covers it: the average, rounded up to the tick, but for one slot the worst price, and
    /// from blocks the worst of their limits.
    pub limit: Ticks,
    /// The book it moves most; `None` if it takes nothing from a book.
    pub moves: Option<Move>,
}

/// Where units come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// From the orders of single slots.
    Singles,
    /// From these resting blocks, in the order in which they are taken.
    Blocks(Vec<OrderId>),
}

/// How far a book would move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Which.
    pub contract: ContractId,
    /// Its best ask now.
    pub before: Ticks,
    /// Its best ask afterwards; `None` if nothing is left.
    pub after: Option<Ticks>,
}

impl Way {
    /// What all units cost, without fees.
    #[must_use]
    pub fn value(&self) -> Money {
        self.parts.iter().map(|part| part.value).sum()
    }

    /// All fees.
    #[must_use]
    pub fn fees(&self) -> Money {
        self.parts.iter().map(|part| part.fees).sum()
    }

    /// What it costs, fees included.
    #[must_use]
    pub fn total(&self) -> Money {
        self.value() + self.fees()
    }

    /// How many hours of one accelerator it is.
    #[must_use]
    pub fn accelerator_hours(&self) -> u64 {
        self.parts.iter().map(Part::accelerator_hours).sum()
    }

    /// How much it computes, in billions of operations a second times hours, and at which precision; `None` if a class
    /// does not state it, or states another precision than the others.
    #[must_use]
    pub fn gflops_hours(&self) -> Option<(u128, Code)> {
        let precision = self.parts.first()?.class.spec.performance?.precision;
        let each = self.parts.iter().map(|part| {
            let performance = part.class.spec.performance.filter(|has| has.precision == precision)?;
            Some(u128::from(part.accelerator_hours()) * u128::from(performance.gflops))
        });
        Some((each.sum::<Option<u128>>()?, precision))
    }

    /// What ways are sorted by: the total, then the earlier start, then fewer orders, then single-slot orders before
    /// blocks and the classes listed first.
    pub(crate) fn rank(&self) -> (Money, Hour, usize, Vec<(&How, ClassNo)>) {
        let parts = self.parts.iter().map(|part| (&part.how, part.class.no)).collect();
        (self.total(), self.start, self.parts.len(), parts)
    }
}

impl Part {
    /// The order to send. One for a single slot trades all of itself at once or ends; a block is all or none anyway,
    /// and rests if the books have changed.
    #[must_use]
    pub fn order(&self) -> NewOrder {
        let Part { first, slots, units, limit, .. } = *self;
        if slots == 1 {
            NewOrder { time_in_force: TimeInForce::Fok, ..NewOrder::limit(first, Side::Buy, units, limit) }
        } else {
            NewOrder::block(first, slots, Side::Buy, units, limit)
        }
    }

    /// How many hours of one accelerator it is.
    #[must_use]
    pub fn accelerator_hours(&self) -> u64 {
        u64::from(self.units) * u64::from(self.slots) * u64::from(self.class.spec.slot_hours)
    }

    /// Units swept from the singles of a window after `before` have gone from every slot; `None` if there are not so
    /// many, or more is paid than fits in money.
    pub(crate) fn singles(row: &Row<'_>, at: usize, before: Units, units: Units) -> Option<Part> {
        let cost = row.sweep_after(at, before, units)?;
        let part = Part::new(row, at, units, How::Singles, cost)?;
        let limit = if row.slots == 1 { worst_price(row, at, before + units)? } else { part.limit };
        Some(Part { limit, moves: worst_move(row, at, before, before + units), ..part })
    }

    /// Units from resting blocks.
    pub(crate) fn blocks(row: &Row<'_>, at: usize, taken: &[Taken]) -> Option<Part> {
        let units = taken.iter().map(|taken| taken.units).sum();
        let orders = taken.iter().map(|taken| taken.order).collect();
        let part = Part::new(row, at, units, How::Blocks(orders), blocks_cost(row, taken))?;
        let limit = taken.iter().map(|taken| taken.price).max()?;
        Some(Part { limit, ..part })
    }

    fn new(row: &Row<'_>, at: usize, units: Units, how: How, cost: Cost) -> Option<Part> {
        let class = *row.class();
        let slots = u16::try_from(row.slots).ok()?;
        // Ticks times this is a value.
        let each = i128::from(class.spec.tick)
            * i128::from(class.spec.slot_hours)
            * i128::from(slots)
            * i128::from(units);
        let limit = cost.value.checked_add(each - 1)?.checked_div(each)?;
        Some(Part {
            class,
            first: row.contract(at),
            slots,
            units,
            how,
            value: Money::try_from(cost.value).ok()?,
            fees: Money::try_from(cost.fees).ok()?,
            limit: Ticks::try_from(limit).ok()?,
            moves: None,
        })
    }
}

/// What units of resting blocks cost: each trades at its limit in every slot, a fill a slot.
pub(crate) fn blocks_cost(row: &Row<'_>, taken: &[Taken]) -> Cost {
    let slots = i128::try_from(row.slots).expect("a window has no more slots than a block may have");
    taken.iter().fold(Cost::default(), |sum, taken| {
        let slot = fill(row.class(), taken.price, taken.units);
        sum.and(Cost { value: slot.value * slots, fees: slot.fees * slots })
    })
}

/// The price of the last of `units` in the only slot of a window.
fn worst_price(row: &Row<'_>, at: usize, units: Units) -> Option<Ticks> {
    let window = row.window(at)?;
    let mut left = units;
    window.first()?.iter().find_map(|ask| {
        left = left.saturating_sub(ask.units);
        (left == 0).then_some(ask.price)
    })
}

/// The book that moves most when its units from `before` to `after` go: one that is emptied before all others, else the
/// one whose best ask rises most, of equal ones the earliest.
fn worst_move(row: &Row<'_>, at: usize, before: Units, after: Units) -> Option<Move> {
    let window = row.window(at)?;
    let mut worst: Option<Move> = None;
    for (slot, asks) in window.iter().enumerate() {
        let best_after = |gone: Units| {
            let mut gone = gone;
            asks.iter().find_map(|ask| {
                let is_left = ask.units > gone;
                gone = gone.saturating_sub(ask.units);
                is_left.then_some(ask.price)
            })
        };
        let moved =
            Move { contract: row.contract(at + slot), before: best_after(before)?, after: best_after(after) };
        let by = |moved: &Move| moved.after.map_or(Ticks::MAX, |after| after - moved.before);
        if worst.is_none_or(|worst| by(&moved) > by(&worst)) {
            worst = Some(moved);
        }
    }
    worst
}
