//! Stateless checks: what can be said of a command without knowing the exchange. A refusal here takes no number
//! and is not journaled.

use types::{Command, RejectCode, check_grace, check_price, check_units};

/// Why a command is not sent on: a code and its value.
pub(crate) type Refusal = (RejectCode, i64);

/// Looks at a command's own fields.
pub(crate) fn check(command: &Command) -> Result<(), Refusal> {
    match *command {
        Command::NewOrder(order) => order.check(),
        Command::Replace { price, units, .. } => check_price(price).and_then(|()| check_units(units)),
        Command::DepositCapacity { units, .. } => check_units(units),
        Command::CancelOnDisconnect { grace } => check_grace(grace),
        Command::DepositCash { amount, .. } if amount < 1 => Err((RejectCode::BadField, amount)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{
        AccountId, ContractId, GRACE_MAX, NewOrder, OrderKind, OrderRef, PRICE_MAX, Side, UNITS_MAX, Why,
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
            (Command::Cancel(OrderRef::Number(0)), Ok(())),
        ] {
            assert_eq!(check(&command), expected, "{command:?}");
        }
    }
}
