//! Stateless checks: what can be said of a command without knowing the exchange. A refusal here takes no number
//! and is not journaled.

use sequencer::ORDERS_MAX;
use types::{Command, Limits, RejectCode, check_grace, check_price, check_units};

/// Why a command is not sent on: a code and its value.
pub(crate) type Refusal = (RejectCode, i64);

/// Looks at a command's own fields.
pub(crate) fn check(command: &Command) -> Result<(), Refusal> {
    match *command {
        Command::NewOrder(order) => order.check(),
        Command::Replace { price, units, .. } => check_price(price).and_then(|()| check_units(units)),
        Command::DepositCapacity { units, .. } => check_units(units),
        Command::CancelOnDisconnect { grace } => check_grace(grace),
        Command::SetLimits { limits, .. } => check_limits(limits),
        Command::DepositCash { amount, .. } if amount < 1 => Err((RejectCode::BadField, amount)),
        _ => Ok(()),
    }
}

fn check_limits(limits: Limits) -> Result<(), Refusal> {
    let Limits { open_orders, open_blocks, order_value } = limits;
    let too_many = [open_orders, open_blocks].into_iter().find(|&most| most > ORDERS_MAX);
    match too_many {
        Some(most) => Err((RejectCode::LimitOutOfRange, i64::from(most))),
        None if order_value < 0 => Err((RejectCode::LimitOutOfRange, order_value)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{
        AccountId, ContractId, GRACE_MAX, NewOrder, OrderKind, OrderRef, PRICE_MAX, SelfTrade, Side,
        UNITS_MAX, Why,
    };

    #[test]
    fn fields_out_of_range_are_refused_with_their_value() {
        let plain = NewOrder::limit(ContractId(1), Side::Buy, 8, 50);
        let order = |price, units| Command::NewOrder(NewOrder { price, units, ..plain });
        let market = NewOrder { kind: OrderKind::Market, post_only: true, ..plain };
        let replace = |price, units| Command::Replace { order: OrderRef::Number(1), price, units };
        let capacity = |units| Command::DepositCapacity { contract: ContractId(1), units, external: 1 };
        let cash = |amount| Command::DepositCash {
            account: AccountId(2),
            currency: "USD".parse().unwrap(),
            amount,
            external: 1,
            why: Why::NONE,
        };
        let limits = |open_orders, open_blocks, order_value| Command::SetLimits {
            account: AccountId(2),
            limits: Limits { open_orders, open_blocks, order_value },
            why: Why::NONE,
        };
        let block = NewOrder::block(ContractId(1), 6, Side::Buy, 8, 50);
        let conflict = |which| Err((RejectCode::TermsConflict, which));
        let grace = |grace| Command::CancelOnDisconnect { grace };
        let (most, too_many) = (UNITS_MAX, i64::from(UNITS_MAX) + 1);
        for (command, expected) in [
            (order(1, 1), Ok(())),
            (order(PRICE_MAX, most), Ok(())),
            (order(0, 1), Err((RejectCode::PriceOutOfRange, 0))),
            (order(PRICE_MAX + 1, 1), Err((RejectCode::PriceOutOfRange, PRICE_MAX + 1))),
            (order(1, 0), Err((RejectCode::UnitsOutOfRange, 0))),
            (Command::NewOrder(market), Err((RejectCode::TermsConflict, 2))),
            (replace(-1, 1), Err((RejectCode::PriceOutOfRange, -1))),
            (replace(1, most + 1), Err((RejectCode::UnitsOutOfRange, too_many))),
            (capacity(0), Err((RejectCode::UnitsOutOfRange, 0))),
            (cash(1), Ok(())),
            (cash(-5), Err((RejectCode::BadField, -5))),
            (grace(GRACE_MAX), Ok(())),
            (grace(GRACE_MAX + 1), Err((RejectCode::GraceOutOfRange, 86_401))),
            (limits(0, 0, 0), Ok(())),
            (limits(ORDERS_MAX, ORDERS_MAX, i64::MAX), Ok(())),
            (limits(0, ORDERS_MAX + 1, 0), Err((RejectCode::LimitOutOfRange, i64::from(ORDERS_MAX) + 1))),
            (limits(0, 0, -1), Err((RejectCode::LimitOutOfRange, -1))),
            (Command::NewOrder(block), Ok(())),
            (Command::NewOrder(NewOrder { slots: 0, ..block }), Err((RejectCode::SlotsOutOfRange, 0))),
            (Command::NewOrder(NewOrder { slots: 337, ..block }), Err((RejectCode::SlotsOutOfRange, 337))),
            (Command::NewOrder(NewOrder { kind: OrderKind::Market, ..block }), conflict(4)),
            (Command::NewOrder(NewOrder { shown: 8, ..block }), conflict(5)),
            (Command::NewOrder(NewOrder { post_only: true, ..block }), conflict(6)),
            (Command::NewOrder(NewOrder { trigger: Some(1), ..block }), conflict(7)),
            (Command::NewOrder(NewOrder { self_trade: SelfTrade::Decrement, ..block }), conflict(8)),
            (Command::NewOrder(NewOrder { same_provider: true, side: Side::Sell, ..block }), conflict(9)),
            (Command::Cancel(OrderRef::Number(0)), Ok(())),
        ] {
            assert_eq!(check(&command), expected, "{command:?}");
        }
    }
}
