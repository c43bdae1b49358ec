//! Settling a fill: cash one way, units the other, fees to the venue, and both owners told.

use crate::book::Fill;
use crate::engine::{Engine, Now};
use crate::orders::Incoming;
use types::{
    AccountId, Class, MarketBody, MarketEntry, Money, Output, ReportBody, Side, Ticks, Units, fee_of,
    reserve_of, value_of,
};

/// The buying side of a fill: whose, at which limit, and what was left of its order before and after.
#[derive(Clone, Copy)]
struct Buyer {
    account: AccountId,
    limit: Ticks,
    before: Units,
    after: Units,
}

impl Engine {
    /// Settles one fill of `taker` (with what was left of it before the fill) at the maker's price.
    pub(crate) fn settle(&mut self, now: Now, taker: Incoming, fill: Fill, out: &mut Output) {
        let maker_account = AccountId(fill.owner);
        let class = self.classes.of(taker.record.contract).class;
        let value = value_of(&class, fill.price, fill.units).expect("a part of what a buyer reserved");
        let fee = fee_of(&class, value);
        let taker_after = taker.left - fill.units;
        let (buyer, seller) = match taker.side {
            Side::Buy => {
                let buyer = Buyer {
                    account: taker.account,
                    limit: taker.price,
                    before: taker.left,
                    after: taker_after,
                };
                (buyer, maker_account)
            }
            Side::Sell => {
                let before = fill.left + fill.units;
                let buyer = Buyer { account: maker_account, limit: fill.price, before, after: fill.left };
                (buyer, taker.account)
            }
        };
        self.move_cash(&class, buyer, seller, value, fee);
        self.move_units(taker, buyer.account, seller, fill.units);

        let side = taker.side.opposite();
        let entry = MarketEntry { order: fill.maker, side, price: fill.price, units: fill.units };
        let contract = self.contracts.at_mut(taker.record.at);
        contract.last_price = fill.price;
        contract.tell(now.sequence, now.time, MarketBody::Trade(entry), out);
        if fill.left == 0 {
            self.orders.forget(fill.slot);
        }

        let filled = |order, counter, side, left, maker| ReportBody::Filled {
            order,
            counter,
            contract: taker.record.contract,
            side,
            price: fill.price,
            units: fill.units,
            left,
            fee,
            maker,
        };
        self.answer(now, filled(taker.order, fill.maker, taker.side, taker_after, false), out);
        self.tell(maker_account, filled(fill.maker, taker.order, side, fill.left, true), out);
    }

    /// The buyer pays value and fee out of what these units held, and gets the difference back; the seller
    /// gets the value less its fee.
    fn move_cash(&mut self, class: &Class, buyer: Buyer, seller: AccountId, value: Money, fee: Money) {
        let currency = self.classes.get(class.no).expect("the fill's own class").currency;
        let held = |units| reserve_of(class, buyer.limit, units).expect("a part of what was reserved");
        let released = held(buyer.before) - held(buyer.after);
        let cash = self.accounts.cash(buyer.account, currency);
        cash.reserved -= released;
        cash.free += released - value - fee;
        self.accounts.cash(seller, currency).free += value - fee;
        self.accounts.fees[currency] += 2 * fee;
    }

    fn move_units(&mut self, taker: Incoming, buyer: AccountId, seller: AccountId, units: Units) {
        let contract = self.contracts.at_mut(taker.record.at);
        self.holdings.at_mut(seller, contract.id).reserved -= units;
        self.holdings.credit(buyer, contract.id, &mut contract.holders, units);
    }
}
