//! Reports about orders, in words and for machines.

use crate::connect::{class_numbered, full_symbol, price_text};
use crate::terms::{self, side_word};
use protocol::decimal::from_money;
use protocol::when::TimeText;
use serde_json::{Value, json};
use types::{CancelReason, Class, Report, ReportBody, Scope, Side};

/// A report about an order in one line.
pub(crate) fn to_text(classes: &[Class], report: &Report) -> String {
    let at = |contract: types::ContractId, price| {
        let currency = class_numbered(classes, contract.class())
            .map_or_else(String::new, |class| format!(" {}", class.spec.currency));
        format!("{}{currency}", price_text(classes, contract, price))
    };
    match report.body {
        ReportBody::Accepted { order, ref terms, .. } => {
            format!("order {order} accepted: {}", terms::to_text(classes, terms))
        }
        ReportBody::Triggered { order, side, left, .. } => {
            format!("order {order} woke: {} {left}", side_word(side))
        }
        ReportBody::Filled { order, contract, side, price, units, left, fee, .. } => {
            let done = if side == Side::Buy { "bought" } else { "sold" };
            let fee = from_money(fee);
            format!("order {order} {done} {units} at {}, fee {fee}, {left} left", at(contract, price))
        }
        ReportBody::Cancelled { order, units, left: 0, reason, .. } => {
            format!("order {order} ended with {units} unfilled: {}", reason_word(reason))
        }
        ReportBody::Cancelled { order, units, left, reason, .. } => {
            format!("order {order} lost {units}, {left} left: {}", reason_word(reason))
        }
        ReportBody::Replaced { order, contract, price, units, left, kept_priority, .. } => {
            let place = if kept_priority { "in its place" } else { "at the end of the queue" };
            format!("order {order} is now {units} at {}, {left} left, {place}", at(contract, price))
        }
        ReportBody::MassCancelAccepted(asked) => {
            let of = match asked.scope {
                Scope::All => "all contracts".to_owned(),
                Scope::Class(class) => match class_numbered(classes, class) {
                    Some(class) => protocol::symbol::ClassSymbol::of(&class.spec).to_string(),
                    None => format!("class {}", class.0),
                },
                Scope::Contract(contract) => full_symbol(classes, contract),
            };
            let which = asked.side.map_or_else(String::new, |side| format!("{} ", side_word(side)));
            format!("cancelling your {which}orders of {of}")
        }
        ReportBody::MassCancelDone { orders } => format!("done: {orders} cancelled"),
        ReportBody::CancelOnDisconnectSet { grace: 0 } => {
            "this key's orders stay when it has no session".to_owned()
        }
        ReportBody::CancelOnDisconnectSet { grace } => {
            format!("this key's orders are cancelled once it has had no session for {grace} s")
        }
        ref other => format!("{other:?}"),
    }
}

/// A report about an order for machines.
pub(crate) fn to_json(classes: &[Class], report: &Report) -> Value {
    let symbol = |contract| full_symbol(classes, contract);
    let mut value = match report.body {
        ReportBody::Accepted { order, ref terms, .. } => {
            let mut value = terms::to_json(classes, terms);
            value["kind"] = "accepted".into();
            value["order"] = order.into();
            value
        }
        ReportBody::Triggered { order, contract, side, left, .. } => json!({
            "kind": "triggered", "order": order, "contract": symbol(contract), "side": side_word(side),
            "left": left,
        }),
        ReportBody::Filled { order, contract, side, price, units, left, fee, maker, .. } => json!({
            "kind": "filled", "order": order, "contract": symbol(contract), "side": side_word(side),
            "price": price_text(classes, contract, price), "units": units, "left": left,
            "fee": from_money(fee).to_string(), "maker": maker,
        }),
        ReportBody::Cancelled { order, contract, units, left, reason, .. } => json!({
            "kind": "cancelled", "order": order, "contract": symbol(contract), "units": units, "left": left,
            "reason": reason_word(reason),
        }),
        ReportBody::Replaced { order, contract, price, units, left, kept_priority, .. } => json!({
            "kind": "replaced", "order": order, "contract": symbol(contract),
            "price": price_text(classes, contract, price), "units": units, "left": left,
            "kept_priority": kept_priority,
        }),
        ReportBody::MassCancelAccepted(_) => json!({ "kind": "mass_cancel_accepted" }),
        ReportBody::MassCancelDone { orders } => json!({ "kind": "mass_cancel_done", "orders": orders }),
        ReportBody::CancelOnDisconnectSet { grace } => {
            json!({ "kind": "cancel_on_disconnect_set", "grace_s": grace })
        }
        ref other => json!({ "kind": format!("{other:?}") }),
    };
    value["sequence"] = report.sequence.into();
    value["time"] = TimeText(report.time).to_string().into();
    value
}

/// Why an order ended, in words.
fn reason_word(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Owner => "cancelled by its owner",
        CancelReason::Ioc => "immediate or cancel",
        CancelReason::Fok => "fill or kill, and it could not be filled whole",
        CancelReason::SelfTrade => "it would have traded with your own order",
        CancelReason::Gate => "the contract's gate closed",
        CancelReason::Market => "nothing more to be had within a market order's price",
        CancelReason::MinUnits => "fewer units than its minimum could be had",
        CancelReason::Expired => "the moment it was good till has come",
        CancelReason::PostOnly => "post-only, and it would have traded when it woke",
        CancelReason::Mass => "cancelled by its owner, with others",
        CancelReason::Disconnected => "the key that sent it was not connected for its grace",
    }
}
