//! What blocks hold: one that buys the value of what is left of it at its limit, all slots together, and the worst
//! fee on that; one that sells its units in every slot.

use super::evaluate::Taker;
use crate::engine::{Engine, Refusal};
use crate::funds::Hold;
use types::{AccountId, Class, ContractId, Money, RejectCode, Side, Ticks, Units, reserve_of_window};

/// What a block that buys and was let in holds with so much left.
fn held(class: &Class, limit: Ticks, left: Units, slots: u16) -> Money {
    reserve_of_window(class, limit, left, slots).expect("no more than was checked when it was reserved")
}

impl Engine {
    /// How much more cash, or units of each slot, a block on these terms holds with `hold` than with `held`, if its
    /// account has that free.
    pub(super) fn check_block_funds(&self, taker: &Taker, hold: Hold, before: Hold) -> Result<i64, Refusal> {
        let Taker { account, first, slots, side, .. } = *taker;
        let record = self.classes.of(first);
        if side == Side::Sell {
            let more = i64::from(hold.units) - i64::from(before.units);
            let free = |contract| self.free_units(account, contract);
            let lacking = record.class.window(first, slots).map(free).find(|&free| free < more);
            return lacking.map_or(Ok(more), |free| Err((RejectCode::NotEnoughUnits, free)));
        }
        let needed = reserve_of_window(&record.class, hold.price, hold.units, slots);
        let needed = needed.ok_or((RejectCode::TooLarge, i64::from(hold.units)))?;
        let more = needed - held(&record.class, before.price, before.units, slots);
        let free = self.accounts.cash(account, record.currency).free;
        if more <= free { Ok(more) } else { Err((RejectCode::NotEnoughCash, more)) }
    }

    fn free_units(&self, account: AccountId, contract: ContractId) -> i64 {
        let holding = self.holdings.find(account, contract);
        holding.map_or(0, |holding| self.holdings.at(holding).balance.free)
    }

    /// Holds so much more, or less if it is below 0, in cash or of each slot.
    pub(super) fn hold_more_of_block(&mut self, taker: &Taker, more: i64) {
        let Taker { account, first, slots, side, .. } = *taker;
        let record = self.classes.of(first);
        if side == Side::Buy {
            let cash = self.accounts.cash_mut(account, record.currency);
            cash.free -= more;
            cash.reserved += more;
            return;
        }
        for contract in record.class.window(first, slots) {
            let holding = self.holdings.find(account, contract).expect("a seller holds units of every slot");
            let balance = &mut self.holdings.at_mut(holding).balance;
            balance.free -= more;
            balance.reserved += more;
        }
    }

    /// Releases what a block holds for all that is left of it beyond `left`; `taker` still says what was left before.
    pub(super) fn release_block(&mut self, taker: &Taker, left: Units) {
        let less = match taker.side {
            Side::Sell => i64::from(taker.left - left),
            Side::Buy => self.held_between(taker, left),
        };
        self.hold_more_of_block(taker, -less);
    }

    /// What a block that buys holds now, less what it holds with `left`.
    pub(super) fn held_between(&self, taker: &Taker, left: Units) -> Money {
        let class = &self.classes.of(taker.first).class;
        let held = |left| held(class, taker.price, left, taker.slots);
        held(taker.left) - held(left)
    }
}
