//! Reports: what a command's owner is told, in one layout per kind of report.

use super::layouts::{self, ReportHead};
use super::terms::{MassCancelTerms, OrderTerms, ScopeTerms};
use crate::choice::{Choice, Misfit, code, flag, reject_code};
use crate::class_info::class_no;
use crate::header::{Frame, WireError};
use crate::wire::{Wire, put, read};
use types::{
    AccountId, Answers, CancelReason, Code, ContractId, KeyNo, Lane, Limits, Money, RejectCode, Report,
    ReportBody, Sender, Side, Timestamp, Units,
};

/// The `lane` of a report that answers no command of the account's own.
const NO_LANE: u8 = 0;

/// The command whose outcome `report` is: the first report that names it. `None` if it answers nothing, or says
/// what else came of a command, or only that its number had been used before.
#[must_use]
pub fn outcome_of(report: &Report) -> Option<Sender> {
    let is_outcome = |sender: &Sender| match report.body {
        ReportBody::Filled { .. }
        | ReportBody::BlockTraded { .. }
        | ReportBody::Triggered { .. }
        | ReportBody::MassCancelDone { .. } => false,
        ReportBody::Cancelled { .. } => sender.lane == Lane::Cancels,
        ReportBody::Rejected { code, .. } => code != RejectCode::NumberNotRising,
        _ => true,
    };
    report.answers.filter(is_outcome)
}

/// Appends `report` to `out`.
pub fn encode_report(report: &Report, out: &mut Vec<u8>) {
    match report.body {
        ReportBody::Accepted { order, slot, terms } => {
            let message = layouts::Accepted {
                head: head::<layouts::Accepted>(report),
                order: order.into(),
                terms: OrderTerms::new(&terms),
                slot: slot.into(),
                pad: [0; 4],
            };
            put(&message, out);
        }
        ReportBody::Triggered { order, slot, contract, side, left } => {
            let message = layouts::Triggered {
                head: head::<layouts::Triggered>(report),
                order: order.into(),
                contract: contract.0.into(),
                left: left.into(),
                slot: slot.into(),
                side: side.byte(),
                pad: [0; 3],
            };
            put(&message, out);
        }
        ReportBody::Filled { order, counter, contract, side, price, units, left, fee, maker } => {
            let message = layouts::Filled {
                head: head::<layouts::Filled>(report),
                order: order.into(),
                counter: counter.into(),
                price: price.into(),
                fee: fee.into(),
                contract: contract.0.into(),
                units: units.into(),
                left: left.into(),
                side: side.byte(),
                maker: maker.into(),
                pad: [0; 2],
            };
            put(&message, out);
        }
        ReportBody::Cancelled { order, contract, side, units, left, reason } => {
            let message = layouts::Cancelled {
                head: head::<layouts::Cancelled>(report),
                order: order.into(),
                contract: contract.0.into(),
                units: units.into(),
                left: left.into(),
                side: side.byte(),
                reason: reason.byte(),
                pad: [0; 2],
            };
            put(&message, out);
        }
        ReportBody::Replaced { order, slot, contract, side, price, units, left, kept_priority } => {
            let message = layouts::Replaced {
                head: head::<layouts::Replaced>(report),
                order: order.into(),
                price: price.into(),
                contract: contract.0.into(),
                units: units.into(),
                left: left.into(),
                slot: slot.into(),
                side: side.byte(),
                kept_priority: kept_priority.into(),
                pad: [0; 6],
            };
            put(&message, out);
        }
        ReportBody::Rejected { code, value } => {
            let head = head::<layouts::Rejected>(report);
            let message =
                layouts::Rejected { head, value: value.into(), code: code.number().into(), pad: [0; 6] };
            put(&message, out);
        }
        ReportBody::CashDeposited { currency, amount, external } => {
            put(&cash_deposited(report, currency, amount, external), out);
        }
        ReportBody::CapacityDeposited { contract, units, external } => {
            put(&capacity_deposited(report, contract, units, external), out);
        }
        ReportBody::MassCancelAccepted(asked) => {
            let head = head::<layouts::MassCancelAccepted>(report);
            put(&layouts::MassCancelAccepted { head, terms: MassCancelTerms::new(&asked) }, out);
        }
        ReportBody::MassCancelDone { orders } => {
            let head = head::<layouts::MassCancelDone>(report);
            put(&layouts::MassCancelDone { head, orders: orders.into(), pad: [0; 4] }, out);
        }
        ReportBody::CancelOnDisconnectSet { grace } => {
            let head = head::<layouts::CancelOnDisconnectSet>(report);
            put(&layouts::CancelOnDisconnectSet { head, grace: grace.into(), pad: [0; 4] }, out);
        }
        ReportBody::BlockTraded { order, contract, slots, side, units, left, value, fills } => {
            let message = layouts::BlockTraded {
                head: head::<layouts::BlockTraded>(report),
                order: order.into(),
                value: value.into(),
                contract: contract.0.into(),
                units: units.into(),
                left: left.into(),
                fills: fills.into(),
                slots: slots.into(),
                side: side.byte(),
                pad: [0; 5],
            };
            put(&message, out);
        }
        ReportBody::LimitsSet { account, limits } => put(&limits_set(report, account, limits), out),
        ReportBody::KillSwitchSet { account, on } => put(&kill_switch_set(report, account, on), out),
        ReportBody::Halted(scope) => {
            let head = head::<layouts::Halted>(report);
            put(&layouts::Halted { head, terms: ScopeTerms::new(scope) }, out);
        }
        ReportBody::Resumed(scope) => {
            let head = head::<layouts::Resumed>(report);
            put(&layouts::Resumed { head, terms: ScopeTerms::new(scope) }, out);
        }
        ReportBody::KeyRotated { key } => {
            let head = head::<layouts::KeyRotated>(report);
            put(&layouts::KeyRotated { head, replacement: key.0.into(), pad: [0; 4] }, out);
        }
        ReportBody::Settled { contract, units } => put(&settled(report, contract, units), out),
        ReportBody::ClassDefined { class } => {
            let head = head::<layouts::ClassDefined>(report);
            put(&layouts::ClassDefined { head, class: class.0.into(), pad: [0; 6] }, out);
        }
        ReportBody::AccountOpened { account } => put(&account_opened(report, account), out),
        ReportBody::KeyRegistered { key, account } => put(&key_registered(report, key, account), out),
        ReportBody::KeyRevoked { key } => put(&key_revoked(report, key), out),
        ReportBody::CashCredited { account, currency, amount, external } => {
            put(&cash_credited(report, account, currency, amount, external), out);
        }
    }
}

/// Reads a report.
pub(crate) fn decode(frame: Frame<'_>) -> Result<Report, WireError> {
    match frame.kind {
        layouts::Accepted::KIND => {
            let message: &layouts::Accepted = read(frame)?;
            let (order, slot) = (message.order.get(), message.slot.get());
            report(&message.head, ReportBody::Accepted { order, slot, terms: message.terms.order()? })
        }
        layouts::Triggered::KIND => {
            let message: &layouts::Triggered = read(frame)?;
            report(&message.head, decode_triggered(message)?)
        }
        layouts::Filled::KIND => {
            let message: &layouts::Filled = read(frame)?;
            report(&message.head, decode_filled(message)?)
        }
        layouts::Cancelled::KIND => {
            let message: &layouts::Cancelled = read(frame)?;
            report(&message.head, decode_cancelled(message)?)
        }
        layouts::Replaced::KIND => {
            let message: &layouts::Replaced = read(frame)?;
            report(&message.head, decode_replaced(message)?)
        }
        layouts::Rejected::KIND => {
            let message: &layouts::Rejected = read(frame)?;
            let (code, value) = (reject_code(message.code.get())?, message.value.get());
            report(&message.head, ReportBody::Rejected { code, value })
        }
        layouts::MassCancelAccepted::KIND => {
            let message: &layouts::MassCancelAccepted = read(frame)?;
            report(&message.head, ReportBody::MassCancelAccepted(message.terms.mass_cancel()?))
        }
        layouts::MassCancelDone::KIND => {
            let message: &layouts::MassCancelDone = read(frame)?;
            report(&message.head, ReportBody::MassCancelDone { orders: message.orders.get() })
        }
        layouts::BlockTraded::KIND => {
            let message: &layouts::BlockTraded = read(frame)?;
            report(&message.head, decode_block_traded(message)?)
        }
        _ => decode_others(frame),
    }
}

/// Reads what is no news of an order.
fn decode_others(frame: Frame<'_>) -> Result<Report, WireError> {
    match frame.kind {
        layouts::CashDeposited::KIND => {
            let message: &layouts::CashDeposited = read(frame)?;
            report(&message.head, decode_cash_deposited(message)?)
        }
        layouts::CapacityDeposited::KIND => {
            let message: &layouts::CapacityDeposited = read(frame)?;
            report(&message.head, decode_capacity_deposited(message))
        }
        layouts::Settled::KIND => {
            let message: &layouts::Settled = read(frame)?;
            let (contract, units) = (ContractId(message.contract.get()), message.units.get());
            report(&message.head, ReportBody::Settled { contract, units })
        }
        layouts::CancelOnDisconnectSet::KIND => {
            let message: &layouts::CancelOnDisconnectSet = read(frame)?;
            report(&message.head, ReportBody::CancelOnDisconnectSet { grace: message.grace.get() })
        }
        layouts::KeyRotated::KIND => {
            let message: &layouts::KeyRotated = read(frame)?;
            report(&message.head, ReportBody::KeyRotated { key: KeyNo(message.replacement.get()) })
        }
        _ => decode_operators(frame),
    }
}

/// Reads what only operators are told.
fn decode_operators(frame: Frame<'_>) -> Result<Report, WireError> {
    match frame.kind {
        layouts::ClassDefined::KIND => {
            let message: &layouts::ClassDefined = read(frame)?;
            report(&message.head, ReportBody::ClassDefined { class: class_no(message.class)? })
        }
        layouts::AccountOpened::KIND => {
            let message: &layouts::AccountOpened = read(frame)?;
            let account = AccountId(message.opened.get());
            report(&message.head, ReportBody::AccountOpened { account })
        }
        layouts::KeyRegistered::KIND => {
            let message: &layouts::KeyRegistered = read(frame)?;
            let (key, account) = (KeyNo(message.registered.get()), AccountId(message.owner.get()));
            report(&message.head, ReportBody::KeyRegistered { key, account })
        }
        layouts::KeyRevoked::KIND => {
            let message: &layouts::KeyRevoked = read(frame)?;
            report(&message.head, ReportBody::KeyRevoked { key: KeyNo(message.revoked.get()) })
        }
        layouts::CashCredited::KIND => {
            let message: &layouts::CashCredited = read(frame)?;
            report(&message.head, decode_cash_credited(message)?)
        }
        layouts::LimitsSet::KIND => {
            let message: &layouts::LimitsSet = read(frame)?;
            report(&message.head, decode_limits_set(message))
        }
        layouts::KillSwitchSet::KIND => {
            let message: &layouts::KillSwitchSet = read(frame)?;
            let (account, on) = (AccountId(message.stopped.get()), flag("on", message.on)?);
            report(&message.head, ReportBody::KillSwitchSet { account, on })
        }
        layouts::Halted::KIND => {
            let message: &layouts::Halted = read(frame)?;
            report(&message.head, ReportBody::Halted(message.terms.scope()?))
        }
        layouts::Resumed::KIND => {
            let message: &layouts::Resumed = read(frame)?;
            report(&message.head, ReportBody::Resumed(message.terms.scope()?))
        }
        kind => Err(WireError::UnknownKind { kind }),
    }
}

/// The head of a report of kind `M`.
fn head<M: Wire>(report: &Report) -> ReportHead {
    let (number, key, lane) = match report.answers {
        Some(Sender { key, lane, number }) => (number, key.0, lane.byte()),
        None => (0, 0, NO_LANE),
    };
    ReportHead {
        header: M::HEADER,
        account: report.account.0.into(),
        report: report.number.into(),
        sequence: report.sequence.into(),
        time: report.time.0.into(),
        number: number.into(),
        key: key.into(),
        lane,
        pad: [0; 3],
    }
}

fn report(head: &ReportHead, body: ReportBody) -> Result<Report, WireError> {
    Ok(Report {
        account: AccountId(head.account.get()),
        number: head.report.get(),
        sequence: head.sequence.get(),
        time: Timestamp(head.time.get()),
        answers: answers(head)?,
        body,
    })
}

fn answers(head: &ReportHead) -> Result<Answers, Misfit> {
    if head.lane == NO_LANE {
        return Ok(None);
    }
    let lane = Lane::from_byte(head.lane)?;
    Ok(Some(Sender { key: KeyNo(head.key.get()), lane, number: head.number.get() }))
}

fn decode_triggered(message: &layouts::Triggered) -> Result<ReportBody, Misfit> {
    Ok(ReportBody::Triggered {
        order: message.order.get(),
        slot: message.slot.get(),
        contract: ContractId(message.contract.get()),
        side: Side::from_byte(message.side)?,
        left: message.left.get(),
    })
}

fn decode_filled(message: &layouts::Filled) -> Result<ReportBody, Misfit> {
    Ok(ReportBody::Filled {
        order: message.order.get(),
        counter: message.counter.get(),
        contract: ContractId(message.contract.get()),
        side: Side::from_byte(message.side)?,
        price: message.price.get(),
        units: message.units.get(),
        left: message.left.get(),
        fee: message.fee.get(),
        maker: flag("maker", message.maker)?,
    })
}

fn decode_cancelled(message: &layouts::Cancelled) -> Result<ReportBody, Misfit> {
    Ok(ReportBody::Cancelled {
        order: message.order.get(),
        contract: ContractId(message.contract.get()),
        side: Side::from_byte(message.side)?,
        units: message.units.get(),
        left: message.left.get(),
        reason: CancelReason::from_byte(message.reason)?,
    })
}

fn decode_replaced(message: &layouts::Replaced) -> Result<ReportBody, Misfit> {
    Ok(ReportBody::Replaced {
        order: message.order.get(),
        slot: message.slot.get(),
        contract: ContractId(message.contract.get()),
        side: Side::from_byte(message.side)?,
        price: message.price.get(),
        units: message.units.get(),
        left: message.left.get(),
        kept_priority: flag("kept priority", message.kept_priority)?,
    })
}

fn decode_block_traded(message: &layouts::BlockTraded) -> Result<ReportBody, Misfit> {
    Ok(ReportBody::BlockTraded {
        order: message.order.get(),
        contract: ContractId(message.contract.get()),
        slots: message.slots.get(),
        side: Side::from_byte(message.side)?,
        units: message.units.get(),
        left: message.left.get(),
        value: message.value.get(),
        fills: message.fills.get(),
    })
}

fn cash_deposited(report: &Report, currency: Code, amount: Money, external: u64) -> layouts::CashDeposited {
    layouts::CashDeposited {
        head: head::<layouts::CashDeposited>(report),
        amount: amount.into(),
        external: external.into(),
        currency: currency.bytes(),
        pad: [0; 4],
    }
}

fn decode_cash_deposited(message: &layouts::CashDeposited) -> Result<ReportBody, Misfit> {
    Ok(ReportBody::CashDeposited {
        currency: code("currency", message.currency)?,
        amount: message.amount.get(),
        external: message.external.get(),
    })
}

fn capacity_deposited(
    report: &Report,
    contract: ContractId,
    units: Units,
    external: u64,
) -> layouts::CapacityDeposited {
    layouts::CapacityDeposited {
        head: head::<layouts::CapacityDeposited>(report),
        external: external.into(),
        contract: contract.0.into(),
        units: units.into(),
    }
}

fn decode_capacity_deposited(message: &layouts::CapacityDeposited) -> ReportBody {
    ReportBody::CapacityDeposited {
        contract: ContractId(message.contract.get()),
        units: message.units.get(),
        external: message.external.get(),
    }
}

fn settled(report: &Report, contract: ContractId, units: Units) -> layouts::Settled {
    let head = head::<layouts::Settled>(report);
    layouts::Settled { head, contract: contract.0.into(), units: units.into() }
}

fn account_opened(report: &Report, account: AccountId) -> layouts::AccountOpened {
    let head = head::<layouts::AccountOpened>(report);
    layouts::AccountOpened { head, opened: account.0.into(), pad: [0; 4] }
}

fn key_registered(report: &Report, key: KeyNo, account: AccountId) -> layouts::KeyRegistered {
    let head = head::<layouts::KeyRegistered>(report);
    layouts::KeyRegistered { head, registered: key.0.into(), owner: account.0.into() }
}

fn key_revoked(report: &Report, key: KeyNo) -> layouts::KeyRevoked {
    let head = head::<layouts::KeyRevoked>(report);
    layouts::KeyRevoked { head, revoked: key.0.into(), pad: [0; 4] }
}

fn cash_credited(
    report: &Report,
    account: AccountId,
    currency: Code,
    amount: Money,
    external: u64,
) -> layouts::CashCredited {
    layouts::CashCredited {
        head: head::<layouts::CashCredited>(report),
        amount: amount.into(),
        external: external.into(),
        currency: currency.bytes(),
        credited: account.0.into(),
    }
}

fn decode_cash_credited(message: &layouts::CashCredited) -> Result<ReportBody, Misfit> {
    Ok(ReportBody::CashCredited {
        account: AccountId(message.credited.get()),
        currency: code("currency", message.currency)?,
        amount: message.amount.get(),
        external: message.external.get(),
    })
}

fn limits_set(report: &Report, account: AccountId, limits: Limits) -> layouts::LimitsSet {
    layouts::LimitsSet {
        head: head::<layouts::LimitsSet>(report),
        order_value: limits.order_value.into(),
        limited: account.0.into(),
        open_orders: limits.open_orders.into(),
        open_blocks: limits.open_blocks.into(),
        pad: [0; 4],
    }
}

fn decode_limits_set(message: &layouts::LimitsSet) -> ReportBody {
    ReportBody::LimitsSet {
        account: AccountId(message.limited.get()),
        limits: Limits {
            open_orders: message.open_orders.get(),
            open_blocks: message.open_blocks.get(),
            order_value: message.order_value.get(),
        },
    }
}

fn kill_switch_set(report: &Report, account: AccountId, on: bool) -> layouts::KillSwitchSet {
    let head = head::<layouts::KillSwitchSet>(report);
    layouts::KillSwitchSet { head, stopped: account.0.into(), on: on.into(), pad: [0; 3] }
}
