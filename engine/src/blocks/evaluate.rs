//! How much of a block could trade now, and by which of two ways: against the singles of every slot, at their prices,
//! or against resting blocks of exactly the same window, at theirs. Changes nothing.

use super::cost;
use crate::engine::Engine;
use crate::order::Incoming;
use crate::slab::Node;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use types::{
    AccountId, Answers, ContractId, OrderId, Phase, SelfTrade, Side, SlotHint, Ticks, TimeInForce, Units,
};

/// A block that has come in or is considered: what is needed to trade it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taker {
    pub(super) order: OrderId,
    pub(super) account: AccountId,
    /// The first slot of its window.
    pub(super) first: ContractId,
    pub(super) slots: u16,
    pub(super) side: Side,
    /// Its limit.
    pub(super) price: Ticks,
    pub(super) left: Units,
    pub(super) min_units: Units,
    pub(super) time_in_force: TimeInForce,
    pub(super) self_trade: SelfTrade,
    pub(super) same_provider: bool,
    /// What its reports answer.
    pub(super) answers: Answers,
}

/// What would trade.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// In every slot.
    pub(super) units: Units,
    /// What that costs, in ticks; the lower the better.
    cost: i64,
    pub(super) way: Way,
}

/// Whom a block meets.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// In every slot the first of the other side.
    Singles,
    /// These blocks of its window, and so many units of each.
    Blocks(Vec<(SlotHint, Units)>),
}

/// How far one slot's singles have been gone through.
#[derive(Clone, Copy, Debug)]
struct Depth {
    /// Where its contract lies.
    at: u32,
    /// The first that was not.
    next: Option<SlotHint>,
    /// What a unit costs at the level that is being used up.
    cost: i64,
}

impl Taker {
    pub(super) fn new(order: &Incoming<'_>) -> Taker {
        let (loose, terms) = (&order.loose, order.terms);
        Taker {
            order: loose.order,
            account: loose.account,
            first: loose.contract,
            slots: terms.slots,
            side: loose.side,
            price: loose.price,
            left: loose.left,
            min_units: terms.min_units,
            time_in_force: terms.time_in_force,
            self_trade: terms.self_trade,
            same_provider: terms.same_provider,
            answers: loose.answers,
        }
    }

    /// The fewest units that may trade at once.
    pub(super) fn needed(&self) -> Units {
        match self.time_in_force {
            TimeInForce::Fok => self.left,
            _ if self.min_units == 0 => self.left,
            _ => self.min_units,
        }
    }

    /// True if so little is left of it that it can never trade.
    pub(super) fn is_below_minimum(&self) -> bool {
        self.left < self.min_units
    }
}

impl Engine {
    /// The block that rests at `slot`.
    pub(super) fn block_at(&self, slot: SlotHint) -> Taker {
        let first = self.contracts.at(self.orders.record(slot).at).id;
        let (node, terms) = (self.orders.slab.at(slot), self.orders.terms(slot, first));
        Taker {
            order: node.id,
            account: AccountId(node.owner),
            first,
            slots: terms.slots,
            side: terms.side,
            price: terms.price,
            left: node.left,
            min_units: terms.min_units,
            time_in_force: terms.time_in_force,
            self_trade: terms.self_trade,
            same_provider: terms.same_provider,
            answers: None,
        }
    }

    /// Where the contracts of a block's window lie: all of them were touched when it came.
    pub(super) fn legs_of(&self, taker: &Taker) -> Vec<u32> {
        let window = self.classes.of(taker.first).class.window(taker.first, taker.slots);
        let at = |contract| self.contracts.find(&self.classes, contract);
        window.map(|contract| at(contract).expect("no slot of a block is settled before it ends")).collect()
    }

    /// What of a block would trade now: more units first, then the better total, singles when both are equal. Nothing
    /// if less could trade than it needs, if some slot does not trade, or if its own time is over.
    ///
    /// # Errors
    /// If nothing, and singles of some slot are too few for it: which.
    pub(super) fn evaluate(&self, taker: &Taker, legs: &[u32]) -> Result<Plan, Option<usize>> {
        let now = self.stamp.time;
        let trades = |&at: &u32| {
            let contract = self.contracts.at(at);
            contract.phase == Phase::Continuous && now < contract.gate
        };
        let is_dead = matches!(taker.time_in_force, TimeInForce::Gtd(moment) if moment <= now);
        if is_dead || taker.is_below_minimum() || !legs.iter().all(trades) {
            return Err(None);
        }
        let singles = if taker.same_provider { Err(None) } else { self.against_singles(taker, legs) };
        let blocks = self.against_blocks(taker);
        match (singles, blocks) {
            (Ok(singles), Some(blocks)) => {
                let key = |plan: &Plan| (Reverse(plan.units), plan.cost);
                Ok(if key(&blocks) < key(&singles) { blocks } else { singles })
            }
            (singles, None) => singles,
            (Err(_), Some(blocks)) => Ok(blocks),
        }
    }

    /// The most units per slot that singles give within the limit. What a unit costs never falls with their number,
    /// so if so many are within the limit on average, so are fewer: it is enough to go through the levels of all slots
    /// together until the sum goes beyond.
    fn against_singles(&self, taker: &Taker, legs: &[u32]) -> Result<Plan, Option<usize>> {
        let (left, needed) = (u64::from(taker.left), u64::from(taker.needed()));
        let limit = cost(taker.side, taker.price) * i64::from(taker.slots);
        // The slots by how far their level goes, counted in units from the first.
        let mut ends = BinaryHeap::with_capacity(legs.len());
        let mut depths = Vec::with_capacity(legs.len());
        let mut sum = 0;
        for (index, &at) in legs.iter().enumerate() {
            let next = self.contracts.at(at).book.first(taker.side.opposite());
            let mut depth = Depth { at, next, cost: 0 };
            let (price, units) = self.next_level(&mut depth, taker).ok_or(Some(index))?;
            depth.cost = cost(taker.side, price);
            sum += depth.cost;
            ends.push(Reverse((units, index)));
            depths.push(depth);
        }
        // So many units cost so much more than the limit; both stay within what 64 bits hold by far.
        let (mut units, mut beyond, mut short) = (0, 0, None);
        while let Some(&Reverse((end, index))) = ends.peek() {
            let (end, over) = (end.min(left), sum - limit);
            let length = i64::try_from(end - units).expect("no more than one block may have");
            if over > 0 && over * length > -beyond {
                let length = -beyond / over;
                units += length.cast_unsigned();
                beyond += over * length;
                break;
            }
            units = end;
            beyond += over * length;
            if units == left {
                break;
            }
            let depth = &mut depths[index];
            let Some((price, more)) = self.next_level(depth, taker) else {
                short = Some(index);
                break;
            };
            let cost = cost(taker.side, price);
            sum += cost - depth.cost;
            depth.cost = cost;
            ends.pop();
            ends.push(Reverse((end + more, index)));
        }
        if units < needed {
            return Err(short);
        }
        let units = Units::try_from(units).expect("no more than is left of it");
        Ok(Plan { units, cost: beyond + limit * i64::from(units), way: Way::Singles })
    }

    /// True if one slot's singles, whatever they cost, are too few for a block, and no other block could meet it: it
    /// cannot trade now.
    pub(super) fn is_short(&self, taker: &Taker, leg: usize) -> bool {
        let mut window = self.classes.of(taker.first).class.window(taker.first, taker.slots);
        let at = window.nth(leg).and_then(|leg| self.contracts.find(&self.classes, leg));
        let Some(at) = at else { return false };
        let (needed, mut units) = (u64::from(taker.needed()), 0);
        let next = self.contracts.at(at).book.first(taker.side.opposite());
        let mut depth = Depth { at, next, cost: 0 };
        while let Some((_, more)) = self.next_level(&mut depth, taker) {
            units += more;
            if units >= needed {
                return false;
            }
        }
        self.crossing_blocks(taker).next().is_none()
    }

    /// The next price at which a block would meet singles of a slot, and how many units: no more than enough for it.
    /// None after the last, and from the first price outside of the contract's band on.
    fn next_level(&self, depth: &mut Depth, taker: &Taker) -> Option<(Ticks, u64)> {
        let (slab, book) = (&self.orders.slab, &self.contracts.at(depth.at).book);
        let mut level: Option<(Ticks, u64)> = None;
        while let Some(slot) = depth.next {
            let node = slab.at(slot);
            if level.is_some_and(|(price, units)| node.price != price || units >= u64::from(taker.left)) {
                break;
            }
            depth.next = book.after(slab, slot);
            if node.owner != taker.account.0 && !self.is_dead_single(slot, node) {
                let before = level.map_or(0, |(_, units)| units);
                level = Some((node.price, before + u64::from(node.left) + u64::from(slab.hidden(slot))));
            }
        }
        let band = self.band(depth.at);
        level.filter(|(price, _)| (band.low..=band.high).contains(price))
    }

    /// True if the order's moment has come and it has not been ended yet.
    pub(super) fn is_dead_single(&self, slot: SlotHint, node: &Node) -> bool {
        node.is_dated() && self.orders.is_dead(slot, self.stamp.time)
    }

    /// What resting blocks of the same window give, each at its own limit and on its own conditions.
    fn against_blocks(&self, taker: &Taker) -> Option<Plan> {
        let mut met: Vec<(SlotHint, Units)> = Vec::new();
        let mut left = taker.left;
        for (slot, other) in self.crossing_blocks(taker).filter(|(_, other)| other.account != taker.account) {
            let units = left.min(other.left);
            if units < other.needed() {
                continue;
            }
            if !taker.same_provider {
                met.push((slot, units));
                left -= units;
            } else if units >= taker.needed() && met.first().is_none_or(|&(_, most)| units > most) {
                met = vec![(slot, units)];
                left = if units == taker.left { 0 } else { left };
            }
            if left == 0 {
                break;
            }
        }
        let units = met.iter().map(|&(_, units)| units).sum();
        if units < taker.needed() || units == 0 {
            return None;
        }
        let slots = i64::from(taker.slots);
        let price = |slot| cost(taker.side, self.orders.slab.at(slot).price);
        let cost = met.iter().map(|&(slot, units)| price(slot) * slots * i64::from(units)).sum();
        Some(Plan { units, cost, way: Way::Blocks(met) })
    }

    /// Living blocks of the same window and the other side that are within the limit, its own account's among them, in
    /// priority order.
    pub(super) fn crossing_blocks(&self, taker: &Taker) -> impl Iterator<Item = (SlotHint, Taker)> {
        let Taker { first, slots, side, price, .. } = *taker;
        let resting = self.blocks.of_window(first, slots, side.opposite(), &self.classes);
        let blocks = resting.map(|slot| (slot, self.block_at(slot)));
        let within = blocks.take_while(move |(_, other)| cost(side, other.price) <= cost(side, price));
        within.filter(|(slot, _)| !self.orders.is_dead(*slot, self.stamp.time))
    }
}
