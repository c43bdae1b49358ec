//! Settling a fill: cash one way, units the other, fees to the venue, and both owners and the public told.

use crate::book::Fill;
use crate::engine::Engine;
use crate::funds::held_cash;
use crate::order::Loose;
use crate::slab::NIL;
use types::{
    AccountId, MarketBody, MarketEntry, Money, Output, ReportBody, Side, Ticks, Units, fee_of, value_of,
};

/// The buying side of a fill: whose, at which limit, and what was left of its order before and after.
struct Buyer {
    account: AccountId,
    limit: Ticks,
    before: Units,
    after: Units,
}

impl Engine {
    /// Settles one fill of `taker` at the maker's price, and lowers what is left of it.
    #[inline]
    pub(crate) fn settle(&mut self, taker: &mut Loose, fill: &Fill, out: &mut Output) {
        let fee = self.move_cash(taker, fill);
        self.move_units(taker, fill);
        taker.left -= fill.units;
        self.tell_public(taker, fill, out);
        let maker = AccountId(fill.owner);
        if fill.left == 0 {
            self.orders.forget(fill.slot, fill.maker, &mut self.accounts.at_mut(maker).orders);
        }

        let Loose { side, contract, .. } = *taker;
        let filled = |order, counter, side, left, maker| ReportBody::Filled {
            order,
            counter,
            contract,
            side,
            price: fill.price,
            units: fill.units,
            left,
            fee,
            maker,
        };
        let body = filled(taker.order, fill.maker, side, taker.left, false);
        self.accounts.tell(self.stamp, taker.account, taker.answers, body, out);
        let body = filled(fill.maker, taker.order, side.opposite(), fill.left, true);
        self.accounts.tell(self.stamp, maker, None, body, out);
    }

    /// The buyer pays value and fee out of what these units held, and gets the difference back; the seller gets
    /// the value less its fee. Says the fee of each.
    #[inline]
    fn move_cash(&mut self, taker: &Loose, fill: &Fill) -> Money {
        let maker = AccountId(fill.owner);
        let (buyer, seller) = match taker.side {
            Side::Buy => {
                let (before, after) = (taker.left, taker.left - fill.units);
                (Buyer { account: taker.account, limit: taker.price, before, after }, maker)
            }
            Side::Sell => {
                let (before, after) = (fill.left + fill.units, fill.left);
                (Buyer { account: maker, limit: fill.price, before, after }, taker.account)
            }
        };
        let record = self.classes.of_mut(taker.contract);
        record.index.count(self.stamp.time.hour(), fill.price, fill.units);
        let class = &record.class;
        let value = value_of(class, fill.price, fill.units).expect("a part of what a buyer reserved");
        let fee = fee_of(class, value);
        let held = |units| held_cash(class, buyer.limit, units);
        let released = held(buyer.before) - held(buyer.after);
        let cash = self.accounts.cash_mut(buyer.account, record.currency);
        cash.reserved -= released;
        cash.free += released - value - fee;
        self.accounts.cash_mut(seller, record.currency).free += value - fee;
        self.accounts.fees[record.currency] += 2 * fee;
        fee
    }

    #[inline]
    fn move_units(&mut self, taker: &mut Loose, fill: &Fill) {
        let makers = self.orders.holding(fill.slot);
        let (sold, bought, buyer) = match taker.side {
            Side::Buy => (makers, taker.holding, taker.account),
            Side::Sell => (taker.holding, makers, AccountId(fill.owner)),
        };
        self.holdings.at_mut(sold).balance.reserved -= i64::from(fill.units);
        if bought != NIL {
            self.holdings.at_mut(bought).balance.free += i64::from(fill.units);
            return;
        }
        let contract = self.contracts.at_mut(taker.at);
        let bought = self.holdings.credit(buyer, contract.id, &mut contract.holders, fill.units);
        match taker.side {
            Side::Buy => taker.holding = bought,
            Side::Sell => self.orders.set_holding(fill.slot, bought),
        }
    }

    #[inline]
    fn tell_public(&mut self, taker: &Loose, fill: &Fill, out: &mut Output) {
        let contract = self.contracts.at_mut(taker.at);
        contract.last_price = fill.price;
        let side = taker.side.opposite();
        let mut entry = MarketEntry { order: fill.maker, side, price: fill.price, units: fill.units };
        contract.tell(self.stamp, MarketBody::Trade(entry), out);
        if fill.refilled > 0 {
            entry.units = fill.refilled;
            contract.tell(self.stamp, MarketBody::Add(entry), out);
        }
    }
}
