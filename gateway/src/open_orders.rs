//! How an open order follows what its owner is told of it, so that it always equals what the engine would say.
//!
//! A report does not say what an iceberg shows; it follows. What comes to the book shows a full clip of what is
//! left. A resting iceberg loses what trades from what it shows, and shows the next clip when that is used up.
//! A replace that keeps the place takes hidden units first, and so does an auction. A block is in no queue and shows nothing there; its minimum
//! holds whenever it trades.

use types::{AccountId, NewOrder, OpenOrder, OrderId, Sender, SlotHint, Ticks, Units};

/// An order that was just accepted: it goes to the book, or sleeps if it has a trigger.
pub(crate) fn accepted(
    account: AccountId,
    sender: Sender,
    order: OrderId,
    slot: SlotHint,
    terms: NewOrder,
) -> OpenOrder {
    let Sender { key, number, .. } = sender;
    let mut open = OpenOrder { account, order, slot, key, number, terms, left: terms.units, shown: 0 };
    if terms.trigger.is_none() {
        enter(&mut open);
    }
    open
}

/// The stop woke.
pub(crate) fn trigger(open: &mut OpenOrder, slot: SlotHint, left: Units) {
    (open.slot, open.left) = (slot, left);
    open.terms.trigger = None;
    enter(open);
}

/// Units of it traded.
pub(crate) fn fill(open: &mut OpenOrder, units: Units, left: Units, is_resting: bool) {
    open.left = left;
    lose(open, units, is_resting);
}

/// Units of it traded in an auction, hidden ones as well as those it shows, which go last.
pub(crate) fn fill_in_auction(open: &mut OpenOrder, left: Units) {
    open.left = left;
    open.shown = open.shown.min(left);
}

/// Units of it ended unfilled: all of them, or so many that no longer count in its total.
pub(crate) fn end(open: &mut OpenOrder, units: Units, left: Units, is_resting: bool) {
    open.left = left;
    if left > 0 {
        open.terms.units -= units;
        lose(open, units, is_resting);
    }
}

/// It has a new limit and total.
pub(crate) fn replace(open: &mut OpenOrder, price: Ticks, units: Units, left: Units, kept_place: bool) {
    (open.terms.price, open.terms.units, open.left) = (price, units, left);
    if open.terms.trigger.is_some() {
        return;
    }
    if kept_place {
        open.shown = open.shown.min(left);
    } else {
        enter(open);
    }
}

/// It comes to the book: its minimum has been met, and it shows a full clip.
fn enter(open: &mut OpenOrder) {
    if open.terms.is_block() {
        return;
    }
    open.terms.min_units = 0;
    open.shown = clip(open);
}

/// So many units fewer are left of it; if it is resting, they went from what it shows.
fn lose(open: &mut OpenOrder, units: Units, is_resting: bool) {
    if open.terms.is_block() {
        return;
    }
    if !is_resting {
        open.shown = clip(open);
        return;
    }
    open.shown -= units;
    if open.shown == 0 {
        open.shown = clip(open);
    }
}

/// What it shows at most of what is left.
fn clip(open: &OpenOrder) -> Units {
    if open.terms.shown == 0 { open.left } else { open.terms.shown.min(open.left) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ContractId, KeyNo, Lane, Side};

    fn iceberg(trigger: Option<Ticks>) -> OpenOrder {
        let sender = Sender { key: KeyNo(2), lane: Lane::Orders, number: 5 };
        let plain = NewOrder::limit(ContractId(1), Side::Sell, 100, 50);
        accepted(AccountId(2), sender, 9, 1, NewOrder { shown: 30, min_units: 10, trigger, ..plain })
    }

    #[test]
    fn an_iceberg_shows_clip_by_clip() {
        let mut open = iceberg(None);
        assert_eq!((open.left, open.shown, open.terms.min_units), (100, 30, 0));
        fill(&mut open, 20, 80, false);
        assert_eq!(open.shown, 30, "it has not come to rest: the clip is whole");
        fill(&mut open, 20, 60, true);
        assert_eq!(open.shown, 10);
        fill(&mut open, 10, 50, true);
        assert_eq!(open.shown, 30, "the next clip");
        replace(&mut open, 50, 75, 25, true);
        assert_eq!((open.shown, open.terms.units), (25, 75), "hidden units go first");
        replace(&mut open, 51, 90, 40, false);
        assert_eq!(open.shown, 30, "a new clip at a new place");
        end(&mut open, 30, 10, true);
        assert_eq!((open.left, open.shown, open.terms.units), (10, 10, 60));
    }

    #[test]
    fn what_sleeps_shows_nothing_and_keeps_its_minimum() {
        let mut open = iceberg(Some(60));
        assert_eq!((open.shown, open.terms.min_units), (0, 10));
        replace(&mut open, 55, 80, 80, true);
        assert_eq!((open.left, open.shown, open.terms.price), (80, 0, 55));
        trigger(&mut open, 7, 80);
        assert_eq!((open.slot, open.shown, open.terms.trigger, open.terms.min_units), (7, 30, None, 0));
        end(&mut open, 55, 25, false);
        assert_eq!((open.left, open.shown), (25, 25), "it has not come to rest");
        end(&mut open, 25, 0, true);
        assert_eq!(open.left, 0);
    }
}
