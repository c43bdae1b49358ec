//! The hot form of a book: a ladder a side, a level for each price, each a first-come list threaded through
//! the slab.

use super::ladder::{Ladder, Windows};
use super::{Fill, HEAD, Level, Stop, TAIL, Taken, key};
use crate::slab::{NIL, Node, Slab};
use types::{OrderId, Side, SlotHint, Ticks, Units};

/// Two ladders, bids first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hot {
    ladders: [Ladder; 2],
    /// How many orders rest.
    orders: usize,
}

/// What promotion takes and demotion gives back, so that neither allocates once it has happened before.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spares {
    windows: Windows,
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    books: Vec<Box<Hot>>,
}

impl Spares {
    pub(crate) fn take(&mut self) -> Box<Hot> {
        self.books.pop().unwrap_or_default()
    }

    /// Keeps an empty hot book for the next that needs one.
    pub(crate) fn give(&mut self, mut hot: Box<Hot>) {
        hot.orders = 0;
        hot.ladders.iter_mut().for_each(|ladder| ladder.give_back(&mut self.windows));
        self.books.push(hot);
    }
}

impl Hot {
    #[inline]
    fn ladder(&self, side: Side) -> &Ladder {
        &self.ladders[side as usize]
    }

    #[inline]
    fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        &mut self.ladders[side as usize]
    }

    /// How many orders rest.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.orders
    }

    #[inline]
    pub(crate) fn take(
        &mut self,
        slab: &mut Slab,
        side: Side,
        limit: Ticks,
        units: Units,
        stop: Stop,
        fills: &mut Vec<Fill>,
    ) -> Taken {
        let against = side.opposite();
        let worst = key(against, limit);
        let ladder = &mut self.ladders[against as usize];
        let mut left = units;
        while let Some(best) = ladder.best().filter(|&best| left > 0 && best >= worst) {
            let mut first = ladder.level(best)[HEAD];
            let mut head = first;
            let mut stopped = false;
            while left > 0 && head != NIL {
                let node = slab.at_mut(head);
                if stop.before(node) {
                    stopped = true;
                    break;
                }
                let mut fill = Fill::of(node, head, left);
                let (next, is_iceberg) = (node.next, node.is_iceberg());
                left -= fill.units;
                if is_iceberg {
                    fill.refill(slab);
                    if fill.refilled > 0 {
                        fills.push(fill);
                        first = requeue_head(slab, ladder.level_mut(best), head);
                        head = first;
                        continue;
                    }
                }
                fills.push(fill);
                if fill.left > 0 {
                    break;
                }
                slab.remove(head);
                self.orders -= 1;
                head = next;
            }
            if head == NIL {
                ladder.remove(best);
            } else if head != first {
                slab.at_mut(head).set_prev(NIL);
                ladder.level_mut(best)[HEAD] = head;
            }
            if stopped {
                return Taken { left, stopped };
            }
        }
        Taken { left, stopped: false }
    }

    #[inline]
    pub(crate) fn rest(
        &mut self,
        slab: &mut Slab,
        id: OrderId,
        owner: u32,
        side: Side,
        price: Ticks,
        units: Units,
    ) -> SlotHint {
        let slot = slab.insert(Node::new(id, owner, side, price, units));
        self.link(slab, slot, side, price);
        slot
    }

    /// Appends a node of the slab, linked to nothing, to the list at its price.
    #[inline]
    pub(crate) fn link(&mut self, slab: &mut Slab, slot: SlotHint, side: Side, price: Ticks) {
        self.orders += 1;
        let ladder = &mut self.ladders[side as usize];
        if let Some(before) = ladder.append(key(side, price), slot, &mut slab.spares.windows) {
            slab.at_mut(before).next = slot;
            slab.at_mut(slot).set_prev(before);
        }
    }

    #[inline]
    pub(crate) fn remove(&mut self, slab: &mut Slab, slot: SlotHint) {
        self.orders -= 1;
        let node = slab.at(slot);
        let (side, price, next, prev) = (node.side(), node.price, node.next, node.prev());
        slab.remove(slot);
        let ladder = &mut self.ladders[side as usize];
        match (prev, next) {
            (NIL, NIL) => ladder.remove(key(side, price)),
            (NIL, _) => {
                slab.at_mut(next).set_prev(NIL);
                ladder.level_mut(key(side, price))[HEAD] = next;
            }
            (_, NIL) => {
                slab.at_mut(prev).next = NIL;
                ladder.level_mut(key(side, price))[TAIL] = prev;
            }
            _ => {
                slab.at_mut(prev).next = next;
                slab.at_mut(next).set_prev(prev);
            }
        }
    }

    /// Moves an order behind the others of its price.
    pub(crate) fn requeue(&mut self, slab: &mut Slab, slot: SlotHint) {
        let Node { price, next, .. } = *slab.at(slot);
        let (side, prev) = (slab.at(slot).side(), slab.at(slot).prev());
        let level = self.ladder_mut(side).level_mut(key(side, price));
        if prev == NIL {
            requeue_head(slab, level, slot);
        } else if next != NIL {
            slab.at_mut(prev).next = next;
            slab.at_mut(next).set_prev(prev);
            let tail = level[TAIL];
            slab.at_mut(tail).next = slot;
            let node = slab.at_mut(slot);
            node.set_prev(tail);
            node.next = NIL;
            level[TAIL] = slot;
        }
    }

    #[inline]
    pub(crate) fn best_key(&self, side: Side) -> Option<i64> {
        self.ladder(side).best()
    }

    pub(crate) fn best(&self, side: Side) -> Option<Ticks> {
        self.ladder(side).best().map(|best| key(side, best))
    }

    /// The first order of the best level of a side.
    pub(crate) fn first(&self, side: Side) -> Option<SlotHint> {
        let ladder = self.ladder(side);
        ladder.best().map(|best| ladder.level(best)[HEAD])
    }

    /// The slots at one price, first come first.
    pub(crate) fn level<'a>(
        &self,
        slab: &'a Slab,
        side: Side,
        price: Ticks,
    ) -> impl Iterator<Item = SlotHint> + use<'a> {
        list(slab, self.ladder(side).get(key(side, price)))
    }

    /// The order after one that rests, if there is one.
    #[inline]
    pub(crate) fn after(&self, slab: &Slab, slot: SlotHint) -> Option<SlotHint> {
        let node = slab.at(slot);
        if node.next != NIL {
            return Some(node.next);
        }
        let ladder = self.ladder(node.side());
        let below = key(node.side(), node.price).checked_sub(1)?;
        ladder.at_or_below(below).map(|next| ladder.level(next)[HEAD])
    }

    /// The slots of a side, best first, then first come.
    pub(crate) fn slots<'a>(&'a self, slab: &'a Slab, side: Side) -> impl Iterator<Item = SlotHint> + 'a {
        let ladder = self.ladder(side);
        let keys = std::iter::successors(ladder.best(), |&key| {
            key.checked_sub(1).and_then(|below| ladder.at_or_below(below))
        });
        keys.flat_map(|key| list(slab, ladder.get(key)))
    }

    /// Empties the ladders; the orders stay in the slab, linked to nothing.
    pub(crate) fn unlink_all(&mut self, slab: &mut Slab) {
        for side in [Side::Buy, Side::Sell] {
            while let Some(best) = self.ladder(side).best() {
                let mut next = self.ladder(side).level(best)[HEAD];
                while next != NIL {
                    let node = slab.at_mut(next);
                    next = node.next;
                    node.next = NIL;
                    node.set_prev(NIL);
                }
                self.ladder_mut(side).remove(best);
            }
        }
        self.orders = 0;
    }

    /// Asks the processor for both ladders.
    #[inline]
    pub(crate) fn prefetch_ladders(&self) {
        self.ladders.iter().for_each(crate::prefetch::line);
    }

    /// Asks the processor for the level of a price.
    #[inline]
    pub(crate) fn prefetch_level(&self, side: Side, price: Ticks) {
        self.ladder(side).prefetch(key(side, price));
    }

    #[cfg(test)]
    pub(crate) fn has_far(&self) -> bool {
        self.ladders.iter().any(Ladder::has_far)
    }

    pub(crate) fn check(&self, slab: &Slab) -> Result<(), String> {
        let mut orders = 0;
        for side in [Side::Buy, Side::Sell] {
            let ladder = self.ladder(side);
            ladder.check()?;
            let mut next = ladder.best();
            while let Some(at) = next {
                orders += check_level(slab, side, key(side, at), ladder.get(at))?;
                next = at.checked_sub(1).and_then(|below| ladder.at_or_below(below));
            }
        }
        if orders != self.orders {
            return Err(format!("{} orders are counted and {orders} are there", self.orders));
        }
        Ok(())
    }
}

/// Moves the order at `head`, all before which have been taken, to the end of its level; the order that is
/// first then.
#[cold]
fn requeue_head(slab: &mut Slab, level: &mut Level, head: SlotHint) -> SlotHint {
    let next = slab.at(head).next;
    if next == NIL {
        slab.at_mut(head).set_prev(NIL);
        *level = [head; 2];
        return head;
    }
    let tail = level[TAIL];
    slab.at_mut(next).set_prev(NIL);
    slab.at_mut(tail).next = head;
    let node = slab.at_mut(head);
    node.set_prev(tail);
    node.next = NIL;
    *level = [next, head];
    next
}

/// The slots of a level.
fn list(slab: &Slab, level: Option<Level>) -> impl Iterator<Item = SlotHint> + use<'_> {
    std::iter::successors(level.map(|level| level[HEAD]), |&slot| {
        Some(slab.at(slot).next).filter(|&next| next != NIL)
    })
}

/// How many orders a level has, all of them right.
fn check_level(slab: &Slab, side: Side, price: Ticks, level: Option<Level>) -> Result<usize, String> {
    let level = level.ok_or_else(|| format!("the {side:?} level {price} is not there"))?;
    let (mut orders, mut before) = (0, NIL);
    for slot in list(slab, Some(level)) {
        let node = slab.at(slot);
        slab.check(slot)?;
        if node.prev() != before || node.price != price || node.side() != side {
            return Err(format!("order {} does not belong where it lies, at {side:?} {price}", node.id));
        }
        orders += 1;
        before = slot;
    }
    if level[TAIL] != before {
        return Err(format!("the {side:?} level {price} does not end where it says"));
    }
    Ok(orders)
}
