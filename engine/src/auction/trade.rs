//! A trade of an auction: of the first bid with the first ask, both of which rest, at the auction's price.

use crate::engine::Engine;
use crate::funds::held_cash;
use crate::order::Loose;
use crate::slab::NIL;
use types::{
    MarketBody, MarketEntry, Money, Output, ReportBody, Side, SlotHint, Ticks, Units, fee_of, value_of,
};

impl Engine {
    /// Lets the first bid and the first ask trade what both have left, hidden units too, and no more than `most`. Says
    /// how much that is.
    pub(super) fn trade_in_auction(&mut self, at: u32, price: Ticks, most: Units, out: &mut Output) -> Units {
        let contract = self.contracts.at(at);
        let id = contract.id;
        let first = |side| contract.book.first(side).expect("as much has been weighed");
        let (bid, ask) = (first(Side::Buy), first(Side::Sell));
        let (buyer, seller) = (self.orders.loose(bid, id), self.orders.loose(ask, id));
        let units = most.min(buyer.left).min(seller.left);

        let fee = self.pay_in_auction(&buyer, &seller, price, units);
        self.hand_over(bid, &buyer, &seller, units);
        let contract = self.contracts.at_mut(at);
        (contract.last_price, contract.auction_price) = (price, price);
        contract.tell(self.stamp, MarketBody::AuctionTrade { price, units }, out);
        for (slot, order) in [(bid, &buyer), (ask, &seller)] {
            self.lessen(slot, order, order.left - units, out);
        }
        for (own, other) in [(&buyer, &seller), (&seller, &buyer)] {
            let (order, counter, side, left) = (own.order, other.order, own.side, own.left - units);
            let body = ReportBody::Filled {
                order,
                counter,
                contract: id,
                side,
                price,
                units,
                left,
                fee,
                maker: true,
            };
            self.tell(own.account, body, out);
        }
        units
    }

    /// The buyer pays value and fee out of what these units held, and gets the difference back; the seller gets the
    /// value less its fee. Says the fee of each.
    fn pay_in_auction(&mut self, buyer: &Loose, seller: &Loose, price: Ticks, units: Units) -> Money {
        let record = self.classes.of_mut(buyer.contract);
        record.index.count(self.stamp.time.hour(), price, units);
        let class = &record.class;
        let value = value_of(class, price, units).expect("a part of what a buyer reserved");
        let fee = fee_of(class, value);
        let held = |left| held_cash(class, buyer.price, left);
        let released = held(buyer.left) - held(buyer.left - units);
        let cash = self.accounts.cash_mut(buyer.account, record.currency);
        cash.reserved -= released;
        cash.free += released - value - fee;
        self.accounts.cash_mut(seller.account, record.currency).free += value - fee;
        self.accounts.fees[record.currency] += 2 * fee;
        fee
    }

    fn hand_over(&mut self, bid: SlotHint, buyer: &Loose, seller: &Loose, units: Units) {
        self.holdings.at_mut(seller.holding).balance.reserved -= i64::from(units);
        if buyer.holding != NIL {
            self.holdings.at_mut(buyer.holding).balance.free += i64::from(units);
            return;
        }
        let contract = self.contracts.at_mut(buyer.at);
        let bought = self.holdings.credit(buyer.account, contract.id, &mut contract.holders, units);
        self.orders.set_holding(bid, bought);
    }

    /// Lowers a resting order that has traded to `left`, what it keeps back first, or takes it out. The public hears
    /// of it if it shows less.
    fn lessen(&mut self, slot: SlotHint, order: &Loose, left: Units, out: &mut Output) {
        let before = self.orders.slab.at(slot).left;
        let contract = self.contracts.at_mut(order.at);
        let Loose { order: id, side, price, .. } = *order;
        let entry = |units| MarketEntry { order: id, side, price, units };
        if left == 0 {
            contract.book.remove(&mut self.orders.slab, slot);
            contract.tell(self.stamp, MarketBody::Delete(entry(before)), out);
            self.orders.forget(slot, id, &mut self.accounts.at_mut(order.account).orders);
            return;
        }
        contract.book.reduce(&mut self.orders.slab, slot, left);
        let shown = self.orders.slab.at(slot).left;
        if shown < before {
            contract.tell(self.stamp, MarketBody::Reduce(entry(shown)), out);
        }
    }
}
