//! Reports about orders, in words and for machines.

use crate::connect::{class_numbered, full_symbol, price_text, scope_words, span_symbol};
use crate::terms::{self, side_word};
use protocol::decimal::{from_money, from_ticks};
use protocol::when::TimeText;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use types::{CancelReason, Class, Money, Report, ReportBody, Side, Units};

/// What is told at once: a report, or a block's trade with the fills of its parts.
pub(crate) struct Told<'a> {
    report: &'a Report,
    /// Of a block's trade its parts, of anything else none.
    parts: &'a [Report],
}

impl<'a> Told<'a> {
    /// Reports as they came, the fills of a block put with it. Those that are no longer there are not.
    pub(crate) fn of(reports: &'a [Report]) -> Vec<Told<'a>> {
        let (mut told, mut rest) = (Vec::new(), reports);
        while let Some((report, after)) = rest.split_first() {
            let many = match report.body {
                ReportBody::BlockTraded { fills, .. } => usize::try_from(fills).unwrap_or(usize::MAX),
                _ => 0,
            };
            let is_part = |report: &Report| matches!(report.body, ReportBody::Filled { .. });
            let many = after.iter().take(many).take_while(|report| is_part(report)).count();
            let (parts, after) = after.split_at(many);
            told.push(Told { report, parts });
            rest = after;
        }
        told
    }

    pub(crate) fn report(&self) -> &'a Report {
        self.report
    }

    pub(crate) fn parts(&self) -> &'a [Report] {
        self.parts
    }

    /// All fees of its parts.
    pub(crate) fn fees(&self) -> Money {
        let fee = |report: &Report| match report.body {
            ReportBody::Filled { fee, .. } => fee,
            _ => 0,
        };
        self.parts.iter().map(fee).sum()
    }

    /// For people: a line, and below a block's trade one for each of its parts.
    pub(crate) fn to_lines(&self, classes: &[Class]) -> Vec<String> {
        let ReportBody::BlockTraded { order, contract, slots, side, units, left, value, .. } =
            self.report.body
        else {
            return vec![to_text(classes, self.report)];
        };
        let done = done_word(side);
        let cost = format!("{}{}", from_money(value), currency_words(classes, contract));
        let average = average(classes, contract, slots, units, value);
        let fees = from_money(self.fees());
        let mut lines = vec![format!(
            "block {order} {done} {units} units in each of {slots} slots for {cost} ({average} an hour on average), \
             fees {fees}, {left} left"
        )];
        for part in self.parts {
            if let ReportBody::Filled { contract, price, units, fee, .. } = part.body {
                let (symbol, price) = (full_symbol(classes, contract), price_text(classes, contract, price));
                lines.push(format!("  {symbol}  {units} at {price}, fee {}", from_money(fee)));
            }
        }
        lines
    }

    /// The same for machines: an object.
    pub(crate) fn to_json(&self, classes: &[Class]) -> Value {
        let mut value = to_json(classes, self.report);
        if let ReportBody::BlockTraded { .. } = self.report.body {
            value["fees"] = from_money(self.fees()).to_string().into();
            value["fills"] = self.parts.iter().map(|part| to_json(classes, part)).collect();
        }
        value
    }
}

/// What an accelerator-hour of a block's trade costs on average, to as many places as a price has.
pub(crate) fn average(
    classes: &[Class],
    first: types::ContractId,
    slots: u16,
    units: Units,
    value: Money,
) -> String {
    let slot_hours = class_numbered(classes, first.class()).map_or(1, |class| class.spec.slot_hours);
    let hours = i128::from(slots) * i128::from(units) * i128::from(slot_hours);
    let places = class_numbered(classes, first.class()).map_or(2, |class| from_ticks(1, &class.spec).scale());
    per_hour(i128::from(value), hours, places)
}

/// Millionths by so many hours, rounded to the nearest at so many decimal places.
pub(crate) fn per_hour(millionths: i128, hours: i128, places: u32) -> String {
    let (Ok(value), Ok(hours)) = (
        Decimal::try_from_i128_with_scale(millionths, 6),
        Decimal::try_from_i128_with_scale(hours.max(1), 0),
    ) else {
        return "-".to_owned();
    };
    let mut average = (value / hours).round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero);
    average.rescale(places);
    average.to_string()
}

/// A report about an order in one line.
fn to_text(classes: &[Class], report: &Report) -> String {
    let at = |contract: types::ContractId, price| {
        format!("{}{}", price_text(classes, contract, price), currency_words(classes, contract))
    };
    match report.body {
        ReportBody::Accepted { order, ref terms, .. } => {
            format!("order {order} accepted: {}", terms::to_text(classes, terms))
        }
        ReportBody::Triggered { order, side, left, .. } => {
            format!("order {order} woke: {} {left}", side_word(side))
        }
        ReportBody::Filled { order, contract, side, price, units, left, fee, .. } => {
            let (done, fee) = (done_word(side), from_money(fee));
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
            let of = scope_words(classes, asked.scope);
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
fn to_json(classes: &[Class], report: &Report) -> Value {
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
        ReportBody::BlockTraded { order, contract, slots, side, units, left, value, .. } => json!({
            "kind": "block_traded", "order": order, "contract": symbol(contract), "slots": slots,
            "symbol": span_symbol(classes, contract, slots), "side": side_word(side), "units": units, "left": left,
            "value": from_money(value).to_string(), "average": average(classes, contract, slots, units, value),
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

/// What a side's trade is called afterwards.
fn done_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "bought",
        Side::Sell => "sold",
    }
}

/// A blank and the currency of a contract's prices; nothing if its class is unknown.
fn currency_words(classes: &[Class], contract: types::ContractId) -> String {
    class_numbered(classes, contract.class())
        .map_or_else(String::new, |class| format!(" {}", class.spec.currency))
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
        CancelReason::Killed => "an operator set the account's kill switch",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{AccountId, ClassNo, ClassSpec, ContractId, Hour, Timestamp};

    fn report(number: u64, body: ReportBody) -> Report {
        Report { account: AccountId(2), number, sequence: 12, time: Timestamp(0), answers: None, body }
    }

    fn fill(number: u64, contract: ContractId, price: i64, fee: Money) -> Report {
        let (side, units, left, maker) = (Side::Buy, 8, 0, false);
        let body =
            ReportBody::Filled { order: 12, counter: 3, contract, side, price, units, left, fee, maker };
        report(number, body)
    }

    #[test]
    fn a_block_is_told_with_its_parts() {
        let class = Class { no: ClassNo(0), spec: ClassSpec::example() };
        let slots: Vec<ContractId> =
            (0..2).map(|after| class.contract(Hour(480_000 + after)).unwrap()).collect();
        let traded = ReportBody::BlockTraded {
            order: 12,
            contract: slots[0],
            slots: 2,
            side: Side::Buy,
            units: 8,
            left: 0,
            value: 32_100_000,
            fills: 2,
        };
        let reports = [
            report(1, traded),
            fill(2, slots[0], 20_000, 16_000),
            fill(3, slots[1], 20_125, 16_100),
            fill(4, slots[1], 20_000, 1),
        ];
        let told = Told::of(&reports);
        assert_eq!(told.iter().map(|told| told.parts().len()).collect::<Vec<_>>(), [2, 0]);
        let lines = told[0].to_lines(&[class]);
        assert_eq!(
            lines[0],
            "block 12 bought 8 units in each of 2 slots for 32.10 USD (2.0063 an hour on average), fees 0.0321, 0 left"
        );
        assert_eq!(lines[2], "  H100SXM-USE-20241004T01Z  8 at 2.0125, fee 0.0161");
        let value = told[0].to_json(&[class]);
        assert_eq!(
            (value["symbol"].as_str(), value["value"].as_str()),
            (Some("H100SXM-USE-20241004T00Z-2H"), Some("32.10"))
        );
        assert_eq!(value["fills"].as_array().map(Vec::len), Some(2));
        // A part that is no longer kept is not there, and what follows is no part.
        let cut = [report(1, traded), fill(2, slots[0], 20_000, 16_000), report(9, traded)];
        assert_eq!(Told::of(&cut).iter().map(|told| told.parts().len()).collect::<Vec<_>>(), [1, 0]);
    }
}
