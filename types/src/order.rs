//! New orders: their terms, and which of them go together.

use crate::command::{Side, TimeInForce};
use crate::ids::ContractId;
use crate::money::{PRICE_MAX, Ticks, UNITS_MAX, Units};
use crate::reject::RejectCode;

/// An iceberg shows at least one unit in so many.
pub const ICEBERG_PARTS_MAX: Units = 100;

/// The most slots of a block: two weeks of hours.
pub const BLOCK_SLOTS_MAX: u16 = 336;

/// A new order: for one contract, or a block, which is for several slots of a class in a row, all of them or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NewOrder {
    /// For what; of a block the first slot.
    pub contract: ContractId,
    /// How many slots in a row: 1, or of a block 2 to [`BLOCK_SLOTS_MAX`].
    pub slots: u16,
    /// Which way.
    pub side: Side,
    /// Whether what is left may rest.
    pub kind: OrderKind,
    /// How long it lasts.
    pub time_in_force: TimeInForce,
    /// The limit, 1 to [`PRICE_MAX`] ticks; of a market order its protection price, and 0 if it names none. Of a
    /// block it is the limit of the average over all slots.
    pub price: Ticks,
    /// How many units, 1 to [`UNITS_MAX`]; of a block in each slot.
    pub units: Units,
    /// If fewer can trade when it comes to the book, it ends untraded; 0 for no such condition, `units` for all
    /// or none. At most `units`. Of a block the fewest that may trade at once, at any time; 0 for all or none.
    pub min_units: Units,
    /// An iceberg shows no more than so many at a time; 0 to show all. At least a hundredth of `units`.
    pub shown: Units,
    /// Refused rather than traded at once.
    pub post_only: bool,
    /// A stop: it sleeps until the contract trades at this price or, a buy, above it, a sell, below it.
    pub trigger: Option<Ticks>,
    /// What happens when it meets an order of its own account.
    pub self_trade: SelfTrade,
    /// A buy block that only one sell block of one account may meet.
    pub same_provider: bool,
}

/// Whether what is left of an order after it has matched may rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderKind {
    /// It rests at its limit, if its time in force says so.
    Limit,
    /// It ends: its price only protects it from worse ones.
    Market,
}

/// What an incoming order that meets a resting one of its own account brings about instead of a trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SelfTrade {
    /// What is left of the incoming order ends.
    #[default]
    CancelIncoming,
    /// The resting order ends, and the incoming one goes on.
    CancelResting,
    /// Both end.
    CancelBoth,
    /// Both lose the smaller one's shown quantity from their totals; what is left of either goes on.
    Decrement,
}

impl NewOrder {
    /// A plain limit order, good till cancelled. Other kinds start from it with `..`.
    #[must_use]
    pub fn limit(contract: ContractId, side: Side, units: Units, price: Ticks) -> NewOrder {
        NewOrder {
            contract,
            slots: 1,
            side,
            kind: OrderKind::Limit,
            time_in_force: TimeInForce::Gtc,
            price,
            units,
            min_units: 0,
            shown: 0,
            post_only: false,
            trigger: None,
            self_trade: SelfTrade::CancelIncoming,
            same_provider: false,
        }
    }

    /// A plain block over `slots` slots from `first` on, good till cancelled, all units or none.
    #[must_use]
    pub fn block(first: ContractId, slots: u16, side: Side, units: Units, price: Ticks) -> NewOrder {
        NewOrder { slots, ..NewOrder::limit(first, side, units, price) }
    }

    /// True if it is for more than one slot.
    #[must_use]
    #[inline]
    pub fn is_block(&self) -> bool {
        self.slots != 1
    }

    /// True if it has no condition: a limit order, good till cancelled, that shows all of itself and may trade
    /// or rest as it comes. Any price and units, and any self-trade prevention.
    #[must_use]
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.kind == OrderKind::Limit
            && self.slots == 1
            && self.time_in_force == TimeInForce::Gtc
            && self.min_units == 0
            && self.shown == 0
            && !self.post_only
            && self.trigger.is_none()
    }

    /// Checks the terms by themselves: ranges in the order of the fields, then which of them go together.
    ///
    /// # Errors
    /// The first thing that is wrong: a code and its value.
    #[inline]
    pub fn check(&self) -> Result<(), (RejectCode, i64)> {
        let names_none = self.kind == OrderKind::Market && self.price == 0;
        if !names_none {
            check_price(self.price)?;
        }
        check_units(self.units)?;
        if self.min_units > self.units {
            return Err((RejectCode::MinUnitsOutOfRange, self.min_units.into()));
        }
        if self.shown > 0 {
            check_shown(self.shown, self.units)?;
        }
        if let Some(trigger) = self.trigger.filter(|trigger| !(1..=PRICE_MAX).contains(trigger)) {
            return Err((RejectCode::TriggerOutOfRange, trigger));
        }
        let ends = matches!(self.time_in_force, TimeInForce::Ioc | TimeInForce::Fok)
            || self.kind == OrderKind::Market;
        if self.shown > 0 && ends {
            return Err((RejectCode::TermsConflict, 1));
        }
        if self.post_only && ends {
            return Err((RejectCode::TermsConflict, 2));
        }
        if self.post_only && self.min_units > 0 {
            return Err((RejectCode::TermsConflict, 3));
        }
        if self.is_block() { self.check_block() } else { self.check_single() }
    }

    fn check_single(&self) -> Result<(), (RejectCode, i64)> {
        if self.same_provider { Err((RejectCode::TermsConflict, 9)) } else { Ok(()) }
    }

    /// What a block cannot be besides.
    fn check_block(&self) -> Result<(), (RejectCode, i64)> {
        if !(2..=BLOCK_SLOTS_MAX).contains(&self.slots) {
            return Err((RejectCode::SlotsOutOfRange, self.slots.into()));
        }
        let conflicts = [
            (self.kind == OrderKind::Market, 4),
            (self.shown > 0, 5),
            (self.post_only, 6),
            (self.trigger.is_some(), 7),
            (self.self_trade == SelfTrade::Decrement, 8),
            (self.same_provider && self.side == Side::Sell, 9),
        ];
        match conflicts.into_iter().find(|(is_so, _)| *is_so) {
            Some((_, which)) => Err((RejectCode::TermsConflict, which)),
            None => Ok(()),
        }
    }
}

/// Checks the limit of an order.
///
/// # Errors
/// [`RejectCode::PriceOutOfRange`] with the price.
#[inline]
pub fn check_price(price: Ticks) -> Result<(), (RejectCode, i64)> {
    if (1..=PRICE_MAX).contains(&price) { Ok(()) } else { Err((RejectCode::PriceOutOfRange, price)) }
}

/// Checks the units of an order or a deposit.
///
/// # Errors
/// [`RejectCode::UnitsOutOfRange`] with the units.
#[inline]
pub fn check_units(units: Units) -> Result<(), (RejectCode, i64)> {
    if (1..=UNITS_MAX).contains(&units) { Ok(()) } else { Err((RejectCode::UnitsOutOfRange, units.into())) }
}

/// Checks what an iceberg of `units` shows at a time.
///
/// # Errors
/// [`RejectCode::ShownOutOfRange`] with what it would show.
pub fn check_shown(shown: Units, units: Units) -> Result<(), (RejectCode, i64)> {
    let least = units.div_ceil(ICEBERG_PARTS_MAX);
    if (least..=units).contains(&shown) { Ok(()) } else { Err((RejectCode::ShownOutOfRange, shown.into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_out_of_range_or_in_conflict_are_refused_with_their_value() {
        let plain = NewOrder::limit(ContractId(1), Side::Buy, 200, 50);
        let market = NewOrder { kind: OrderKind::Market, ..plain };
        let ioc = NewOrder { time_in_force: TimeInForce::Ioc, ..plain };
        for (order, expected) in [
            (plain, Ok(())),
            (NewOrder { price: 0, ..plain }, Err((RejectCode::PriceOutOfRange, 0))),
            (NewOrder { price: 0, ..market }, Ok(())),
            (NewOrder { price: -1, ..market }, Err((RejectCode::PriceOutOfRange, -1))),
            (NewOrder { units: 0, ..plain }, Err((RejectCode::UnitsOutOfRange, 0))),
            (NewOrder { min_units: 200, ..plain }, Ok(())),
            (NewOrder { min_units: 201, ..plain }, Err((RejectCode::MinUnitsOutOfRange, 201))),
            (NewOrder { shown: 2, ..plain }, Ok(())),
            (NewOrder { shown: 1, ..plain }, Err((RejectCode::ShownOutOfRange, 1))),
            (NewOrder { shown: 201, ..plain }, Err((RejectCode::ShownOutOfRange, 201))),
            (NewOrder { trigger: Some(0), ..plain }, Err((RejectCode::TriggerOutOfRange, 0))),
            (NewOrder { trigger: Some(PRICE_MAX), ..plain }, Ok(())),
            (NewOrder { shown: 20, ..ioc }, Err((RejectCode::TermsConflict, 1))),
            (NewOrder { shown: 20, ..market }, Err((RejectCode::TermsConflict, 1))),
            (NewOrder { post_only: true, ..ioc }, Err((RejectCode::TermsConflict, 2))),
            (NewOrder { post_only: true, min_units: 1, ..plain }, Err((RejectCode::TermsConflict, 3))),
            (NewOrder { post_only: true, shown: 20, ..plain }, Ok(())),
            (NewOrder { same_provider: true, ..plain }, Err((RejectCode::TermsConflict, 9))),
            (NewOrder { slots: 0, ..plain }, Err((RejectCode::SlotsOutOfRange, 0))),
            (NewOrder { slots: 337, ..plain }, Err((RejectCode::SlotsOutOfRange, 337))),
            (NewOrder { slots: 336, min_units: 20, same_provider: true, ..plain }, Ok(())),
            (NewOrder { slots: 2, ..ioc }, Ok(())),
            (NewOrder { slots: 2, ..market }, Err((RejectCode::TermsConflict, 4))),
            (NewOrder { slots: 2, shown: 20, ..plain }, Err((RejectCode::TermsConflict, 5))),
            (NewOrder { slots: 2, post_only: true, ..plain }, Err((RejectCode::TermsConflict, 6))),
            (NewOrder { slots: 2, trigger: Some(1), ..plain }, Err((RejectCode::TermsConflict, 7))),
            (
                NewOrder { slots: 2, self_trade: SelfTrade::Decrement, ..plain },
                Err((RejectCode::TermsConflict, 8)),
            ),
            (
                NewOrder { slots: 2, side: Side::Sell, same_provider: true, ..plain },
                Err((RejectCode::TermsConflict, 9)),
            ),
        ] {
            assert_eq!(order.check(), expected, "{order:?}");
        }
    }
}
