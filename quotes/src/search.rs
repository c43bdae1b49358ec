//! The search: every start, every class, and of each what could be among the cheapest.

use crate::blocks::{least, outcome, take};
use crate::books::ClassBooks;
use crate::keep::Keep;
use crate::request::Request;
use crate::row::{Cost, Row, weight};
use crate::split::{Begin, Run, merge, shares, weight_of};
use crate::way::{Part, Way, blocks_cost};
use std::collections::BTreeMap;
use types::{BlockEntry, Hour, Money, Units};

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The ways within the budget, cheapest first; of the same total the earlier start, then fewer orders.
    pub ways: Vec<Way>,
    /// The total of the cheapest of all, within the budget or not; `None` if there is no way.
    pub cheapest: Option<Money>,
    /// How many classes were looked at.
    pub classes: usize,
}

/// The cheapest ways to get what is wanted. A request that does not pass [`Request::check`] has none.
#[must_use]
pub fn quote(request: &Request, market: &[ClassBooks]) -> Quote {
    let mut keep = Keep::new(request.most, request.budget);
    if request.check().is_err() {
        return Quote { ways: Vec::new(), cheapest: None, classes: 0 };
    }
    let rows: Vec<Row<'_>> = market.iter().filter_map(|books| Row::new(request, books)).collect();
    let starts = one_class_each(request, &rows, &mut keep);
    for begins in starts.values() {
        from_several(request, &rows, begins, &mut keep);
    }
    let classes = rows.len();
    Quote { cheapest: keep.cheapest, ways: keep.ways(), classes }
}

/// All that can begin at the same hour.
#[derive(Debug, Default)]
struct Begins {
    /// Windows with single-slot orders in every slot.
    singles: Vec<Begin>,
    /// Windows for which blocks rest, by the places of row and window.
    blocks: Vec<(usize, usize)>,
}

/// Offers all units from one class, for each. Gives what begins together, by the hour.
fn one_class_each(request: &Request, rows: &[Row<'_>], keep: &mut Keep) -> BTreeMap<Hour, Begins> {
    let hours = request.from.0..request.until.0.saturating_sub(u32::from(request.hours)).saturating_add(1);
    let mut starts: BTreeMap<Hour, Begins> = BTreeMap::new();
    let mut singles: Vec<Vec<Begin>> = vec![Vec::new(); hours.len()];
    for (row_no, row) in rows.iter().enumerate() {
        let may = request.units <= row.class().spec.order_units_max;
        for (at, window) in row.windows(request.units).into_iter().enumerate() {
            if let Some(cost) = window.sweep.filter(|_| may) {
                let parts = || Some(vec![Part::singles(row, at, 0, request.units)?]);
                keep.offer(cost.total(), || Some(Way { start: row.start(at), parts: parts()? }));
            }
            let after = usize::try_from(row.start(at).0 - request.from.0).ok();
            let begins = after.and_then(|after| singles.get_mut(after));
            if let (Some(weight), Some(begins)) = (window.first, begins) {
                begins.push(Begin { weight, row: row_no, at });
            }
        }
        for at in row.with_blocks() {
            starts.entry(row.start(at)).or_default().blocks.push((row_no, at));
            if let Some(taken) = take(row.blocks(at), request.units).filter(|_| may) {
                let parts = || Some(vec![Part::blocks(row, at, &taken)?]);
                let total = blocks_cost(row, &taken).total();
                keep.offer(total, || Some(Way { start: row.start(at), parts: parts()? }));
            }
        }
    }
    for (hour, singles) in hours.zip(singles).filter(|(_, singles)| !singles.is_empty()) {
        starts.entry(Hour(hour)).or_default().singles = singles;
    }
    starts
}

/// Offers what takes more than one order at one start.
fn from_several(request: &Request, rows: &[Row<'_>], begins: &Begins, keep: &mut Keep) {
    let Some(first) = begins.singles.first() else { return };
    let start = rows[first.row].start(first.at);
    let bound = bound(request, rows, keep);
    // Nobody gets all units for less than that many of the cheapest.
    let least_single = begins.singles.iter().map(|begin| begin.weight);
    let least_block = begins.blocks.iter().flat_map(|&(row_no, at)| {
        let row = &rows[row_no];
        row.blocks(at).iter().map(|block| block_weight(row, block))
    });
    let least = least_single.chain(least_block).min().unwrap_or(0);
    if least * i128::from(request.units) > bound {
        return;
    }
    let runs = merge(rows, &begins.singles, request.units, bound);
    let together = Together { rows, start, units: request.units, runs: &runs, bound };
    together.several_classes(keep);
    for &(row_no, at) in &begins.blocks {
        for block in rows[row_no].blocks(at) {
            together.block_and_rest((row_no, at), block, keep);
        }
    }
}

/// What begins at one hour, merged.
struct Together<'a> {
    rows: &'a [Row<'a>],
    start: Hour,
    units: Units,
    /// The cheapest units from single-slot orders, as many as are needed at most.
    runs: &'a [Run],
    /// What weighs more is not among the best.
    bound: i128,
}

/// What weighs more than this is dearer than all that is kept: fees are rounded down by less than a millionth a fill, and
/// every fill is at least one unit of one slot.
fn bound(request: &Request, rows: &[Row<'_>], keep: &Keep) -> i128 {
    let slots =
        rows.iter().map(|row| row.slots).max().and_then(|most| i128::try_from(most).ok()).unwrap_or(0);
    let fills = i128::from(request.units) * slots;
    keep.bound().map_or(i128::MAX, |bound| (bound + fills) * 1_000_000)
}

impl Together<'_> {
    /// Offers the cheapest split, if it is over more than one class.
    fn several_classes(&self, keep: &mut Keep) {
        let Some(first) = self.runs.first() else { return };
        if self.runs.iter().all(|run| run.row == first.row) || many(self.runs) < u64::from(self.units) {
            return;
        }
        let shares = shares(self.runs, self.units);
        let Some(cost) = self.cost(&shares) else { return };
        keep.offer(cost.total(), || Some(Way { start: self.start, parts: self.parts(&shares)? }));
    }

    /// Offers as many units of a block as it pays, and the rest as the cheapest split.
    fn block_and_rest(&self, (row_no, at): (usize, usize), block: &BlockEntry, keep: &mut Keep) {
        let row = &self.rows[row_no];
        let Some(rest) = self.rest_beside(row, block) else { return };
        let weighs = weight_of(self.runs, rest);
        let weighs =
            weighs.map(|rest_weighs| rest_weighs + block_weight(row, block) * i128::from(self.units - rest));
        if weighs.is_none_or(|weighs| weighs > self.bound) {
            return;
        }
        let Some(by_block) = take(std::slice::from_ref(block), self.units - rest) else { return };
        let shares = shares(self.runs, rest);
        let Some(by_singles) = self.cost(&shares) else { return };
        let stated = blocks_cost(row, &by_block).and(by_singles);
        keep.offer(stated.total(), || {
            let block = Part::blocks(row, at, &by_block)?;
            let mut parts = self.parts(&shares)?;
            let own = parts.iter().position(|part| part.class.no == row.class().no);
            let own = own.map(|own| parts.remove(own));
            parts.splice(0..0, in_order(row, at, block, own)?);
            Some(Way { start: self.start, parts })
        });
    }

    /// How many units to take from single-slot orders beside a block: those that weigh no more than the block's, as far
    /// as its size and its minimum allow. `None` if that is none, or more than there are.
    fn rest_beside(&self, row: &Row<'_>, block: &BlockEntry) -> Option<Units> {
        let units = self.units;
        let by_block = block_weight(row, block);
        let cheaper: u64 =
            self.runs.iter().take_while(|run| run.weight <= by_block).map(|run| u64::from(run.units)).sum();
        let most_of_block = block.units.min(units).min(row.class().spec.order_units_max);
        if most_of_block < least(block) {
            return None;
        }
        let rest = u64::from(units - most_of_block).max(cheaper.min(u64::from(units - least(block))));
        let rest = Units::try_from(rest).ok()?;
        (rest > 0 && u64::from(rest) <= many(self.runs)).then_some(rest)
    }

    /// What a split costs, fill by fill.
    fn cost(&self, shares: &[(usize, Units)]) -> Option<Cost> {
        shares.iter().try_fold(Cost::default(), |sum, &(row_no, share)| {
            let row = &self.rows[row_no];
            Some(sum.and(row.sweep_after(row.at(self.start)?, 0, share)?))
        })
    }

    fn parts(&self, shares: &[(usize, Units)]) -> Option<Vec<Part>> {
        let part = |&(row_no, share): &(usize, Units)| {
            let row = &self.rows[row_no];
            Part::singles(row, row.at(self.start)?, 0, share)
        };
        shares.iter().map(part).collect()
    }
}

/// The order for a block and that for single-slot orders of the same class, in an order in which the exchange makes of
/// them what is stated, or less. `None` if neither does.
fn in_order(row: &Row<'_>, at: usize, block: Part, singles: Option<Part>) -> Option<Vec<Part>> {
    let stated = |parts: &[Part]| -> i128 { parts.iter().map(|part| i128::from(part.value)).sum() };
    let comes_so = |parts: &[Part]| {
        let orders: Vec<_> = parts.iter().map(|part| (part.units, part.limit)).collect();
        outcome(row, at, &orders).is_some_and(|cost| cost.value <= stated(parts))
    };
    let Some(singles) = singles else { return Some(vec![block]).filter(|parts| comes_so(parts)) };
    let singles_first = vec![singles.clone(), block.clone()];
    if comes_so(&singles_first) {
        return Some(singles_first);
    }
    Some(vec![block, singles]).filter(|parts| comes_so(parts))
}

/// What a unit of a block weighs over its window.
fn block_weight(row: &Row<'_>, block: &BlockEntry) -> i128 {
    let slots = i128::try_from(row.slots).expect("a window has no more slots than a block may have");
    weight(row.class(), block.price) * slots
}

fn many(runs: &[Run]) -> u64 {
    runs.iter().map(|run| u64::from(run.units)).sum()
}
