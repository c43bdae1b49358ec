//! New orders: their terms, and which of them go together.

use crate::command::{Side, TimeInForce};
use crate::ids::ContractId;
use crate::money::{PRICE_MAX, Ticks, UNITS_MAX, Units};
use crate::reject::RejectCode;

/// An iceberg shows at least one unit in so many.
pub const ICEBERG_PARTS_MAX: Units = 100;

/// A new order for one contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NewOrder {
    /// For what.
    pub contract: ContractId,
    /// Which way.
    pub side: Side,
    /// Whether what is left may rest.
    pub kind: OrderKind,
    /// How long it lasts.
    pub time_in_force: TimeInForce,
    /// The limit, 1 to [`PRICE_MAX`] ticks; of a market order its protection price, and 0 if it names none.
    pub price: Ticks,
    /// How many units, 1 to [`UNITS_MAX`].
    pub units: Units,
    /// If fewer can trade when it comes to the book, it ends untraded; 0 for no such condition, `units` for all
    /// or none. At most `units`.
    pub min_units: Units,
    /// An iceberg shows no more than so many at a time; 0 to show all. At least a hundredth of `units`.
    pub shown: Units,
    /// Refused rather than traded at once.
    pub post_only: bool,
    /// A stop: it sleeps until the contract trades at this price or, a buy, above it, a sell, below it.
    pub trigger: Option<Ticks>,
    /// What happens when it meets an order of its own account.
    pub self_trade: SelfTrade,
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
        }
    }

    /// True if it has no condition: a limit order, good till cancelled, that shows all of itself and may trade
    /// or rest as it comes. Any price and units, and any self-trade prevention.
    #[must_use]
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.kind == OrderKind::Limit
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
        Ok(())
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
        ] {
            assert_eq!(order.check(), expected, "{order:?}");
        }
    }
}
