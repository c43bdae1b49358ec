//! What open orders hold: a buy order cash, the value of what is left of it at its limit and the worst fee; a sell
//! order its units. What is held is a function of limit and quantity left, so it is released exactly.

use crate::engine::{Engine, Refusal};
use crate::order::Loose;
use crate::slab::NIL;
use types::{Class, Money, RejectCode, Side, Ticks, Units, reserve_of};

/// Cash of one currency or units of one contract that an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) free: i64,
    pub(crate) reserved: i64,
}

/// What an order holds: at this limit, for so many units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    pub(crate) price: Ticks,
    pub(crate) units: Units,
}

impl Hold {
    pub(crate) const NOTHING: Hold = Hold { price: 1, units: 0 };
}

/// What a buy order that was let in holds with so much left.
#[inline(always)]
pub(crate) fn held_cash(class: &Class, limit: Ticks, left: Units) -> Money {
    if left == 0 {
        return 0;
    }
    reserve_of(class, limit, left).expect("no more than was checked when it was reserved")
}

impl Engine {
    /// How much more cash or units an order on these terms holds with `hold` than with `held`, if its account has
    /// that free. `order` need not be open yet.
    #[inline(always)]
    pub(crate) fn check_funds(&self, order: &Loose, hold: Hold, held: Hold) -> Result<i64, Refusal> {
        let Loose { contract, side, .. } = *order;
        if side == Side::Sell {
            let free = if order.holding == NIL { 0 } else { self.holdings.at(order.holding).balance.free };
            let more = i64::from(hold.units) - i64::from(held.units);
            return if more <= free { Ok(more) } else { Err((RejectCode::NotEnoughUnits, free)) };
        }
        let record = self.classes.of(contract);
        let needed = reserve_of(&record.class, hold.price, hold.units);
        let needed = needed.ok_or((RejectCode::TooLarge, i64::from(hold.units)))?;
        let more = needed - held_cash(&record.class, held.price, held.units);
        let free = self.accounts.cash(order.account, record.currency).free;
        if more <= free { Ok(more) } else { Err((RejectCode::NotEnoughCash, more)) }
    }

    /// Holds so much more, or less if it is below 0, of what [`Engine::check_funds`] has found to be free.
    #[inline(always)]
    pub(crate) fn hold_more(&mut self, order: &Loose, more: i64) {
        let balance = match order.side {
            Side::Sell if more == 0 => return,
            Side::Sell => &mut self.holdings.at_mut(order.holding).balance,
            Side::Buy => self.accounts.cash_mut(order.account, self.classes.of(order.contract).currency),
        };
        balance.free -= more;
        balance.reserved += more;
    }

    /// Releases what an order holds for all that is left of it beyond `left`.
    #[inline(always)]
    pub(crate) fn release(&mut self, order: &Loose, left: Units) {
        let Loose { contract, side, price, .. } = *order;
        let less = match side {
            Side::Sell => i64::from(order.left - left),
            Side::Buy => {
                let class = &self.classes.of(contract).class;
                held_cash(class, price, order.left) - held_cash(class, price, left)
            }
        };
        self.hold_more(order, -less);
    }
}
