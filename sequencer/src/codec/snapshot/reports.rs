//! The records of reports: whose, which command's, and one body for each kind of [`ReportBody`].

use super::REPORT;
use super::fields::{Get, Put};
use crate::codec::{RecordError, choice};
use types::{AccountId, CancelReason, ClassNo, ContractId, KeyNo, RejectCode, Report, ReportBody};

/// What a report says. A number is never used again for something else.
mod what {
    pub(super) const ACCEPTED: u8 = 1;
    pub(super) const TRIGGERED: u8 = 2;
    pub(super) const FILLED: u8 = 3;
    pub(super) const CANCELLED: u8 = 4;
    pub(super) const MASS_CANCEL_ACCEPTED: u8 = 5;
    pub(super) const MASS_CANCEL_DONE: u8 = 6;
    pub(super) const REPLACED: u8 = 7;
    pub(super) const REJECTED: u8 = 8;
    pub(super) const CASH_DEPOSITED: u8 = 9;
    pub(super) const CAPACITY_DEPOSITED: u8 = 10;
    pub(super) const SETTLED: u8 = 11;
    pub(super) const CANCEL_ON_DISCONNECT_SET: u8 = 12;
    pub(super) const KEY_ROTATED: u8 = 13;
    pub(super) const CLASS_DEFINED: u8 = 14;
    pub(super) const ACCOUNT_OPENED: u8 = 15;
    pub(super) const KEY_REGISTERED: u8 = 16;
    pub(super) const KEY_REVOKED: u8 = 17;
    pub(super) const CASH_CREDITED: u8 = 18;
    pub(super) const BLOCK_TRADED: u8 = 19;
    pub(super) const LIMITS_SET: u8 = 20;
    pub(super) const KILL_SWITCH_SET: u8 = 21;
    pub(super) const HALTED: u8 = 22;
    pub(super) const RESUMED: u8 = 23;
}

/// Appends a record, its kind first.
pub(super) fn put(report: &Report, bytes: &mut Vec<u8>) {
    let &Report { account, number, sequence, time, answers, ref body } = report;
    let mut put = Put(bytes);
    put.u8(REPORT).u32(account.0).u64(number).u64(sequence).u64(time.0).sender(answers);
    put_body(&mut put, body);
}

/// Reads the fields of a report.
pub(super) fn get(fields: &mut Get<'_>) -> Result<Report, RecordError> {
    Ok(Report {
        account: AccountId(fields.u32()?),
        number: fields.u64()?,
        sequence: fields.u64()?,
        time: fields.time()?,
        answers: fields.sender()?,
        body: get_body(fields)?,
    })
}

fn put_body<'p, 'b>(put: &'p mut Put<'b>, body: &ReportBody) -> &'p mut Put<'b> {
    match *body {
        ReportBody::Accepted { order, slot, ref terms } => {
            put.u8(what::ACCEPTED).u64(order).u32(slot).terms(terms)
        }
        ReportBody::Triggered { order, slot, contract, side, left } => {
            put.u8(what::TRIGGERED).u64(order).u32(slot).u32(contract.0).side(side).u32(left)
        }
        ReportBody::Filled { order, counter, contract, side, price, units, left, fee, maker } => {
            put.u8(what::FILLED).u64(order).u64(counter).u32(contract.0).side(side).i64(price);
            put.u32(units).u32(left).i64(fee).u8(maker.into())
        }
        ReportBody::Cancelled { order, contract, side, units, left, reason } => {
            put.u8(what::CANCELLED).u64(order).u32(contract.0).side(side).u32(units).u32(left);
            put.u8(reason_byte(reason))
        }
        ReportBody::MassCancelAccepted(ref mass) => put.u8(what::MASS_CANCEL_ACCEPTED).mass(mass),
        ReportBody::MassCancelDone { orders } => put.u8(what::MASS_CANCEL_DONE).u32(orders),
        ReportBody::Replaced { order, slot, contract, side, price, units, left, kept_priority } => {
            put.u8(what::REPLACED).u64(order).u32(slot).u32(contract.0).side(side).i64(price);
            put.u32(units).u32(left).u8(kept_priority.into())
        }
        ReportBody::BlockTraded { order, contract, slots, side, units, left, value, fills } => {
            put.u8(what::BLOCK_TRADED).u64(order).u32(contract.0).u16(slots).side(side);
            put.u32(units).u32(left).i64(value).u32(fills)
        }
        ReportBody::LimitsSet { account, limits } => put.u8(what::LIMITS_SET).u32(account.0).limits(limits),
        ReportBody::KillSwitchSet { account, on } => {
            put.u8(what::KILL_SWITCH_SET).u32(account.0).u8(on.into())
        }
        ReportBody::Halted(scope) => put.u8(what::HALTED).scope(scope),
        ReportBody::Resumed(scope) => put.u8(what::RESUMED).scope(scope),
        ReportBody::Rejected { code, value } => put.u8(what::REJECTED).u16(code.number()).i64(value),
        ReportBody::CashDeposited { currency, amount, external } => {
            put.u8(what::CASH_DEPOSITED).code(currency).i64(amount).u64(external)
        }
        ReportBody::CapacityDeposited { contract, units, external } => {
            put.u8(what::CAPACITY_DEPOSITED).u32(contract.0).u32(units).u64(external)
        }
        ReportBody::Settled { contract, units } => put.u8(what::SETTLED).u32(contract.0).u32(units),
        ReportBody::CancelOnDisconnectSet { grace } => put.u8(what::CANCEL_ON_DISCONNECT_SET).u32(grace),
        ReportBody::KeyRotated { key } => put.u8(what::KEY_ROTATED).u32(key.0),
        ReportBody::ClassDefined { class } => put.u8(what::CLASS_DEFINED).u16(class.0),
        ReportBody::AccountOpened { account } => put.u8(what::ACCOUNT_OPENED).u32(account.0),
        ReportBody::KeyRegistered { key, account } => put.u8(what::KEY_REGISTERED).u32(key.0).u32(account.0),
        ReportBody::KeyRevoked { key } => put.u8(what::KEY_REVOKED).u32(key.0),
        ReportBody::CashCredited { account, currency, amount, external } => {
            put.u8(what::CASH_CREDITED).u32(account.0).code(currency).i64(amount).u64(external)
        }
    }
}

fn get_body(fields: &mut Get<'_>) -> Result<ReportBody, RecordError> {
    Ok(match fields.u8()? {
        what::ACCEPTED => {
            ReportBody::Accepted { order: fields.u64()?, slot: fields.u32()?, terms: fields.terms()? }
        }
        what::TRIGGERED => ReportBody::Triggered {
            order: fields.u64()?,
            slot: fields.u32()?,
            contract: ContractId(fields.u32()?),
            side: fields.side()?,
            left: fields.u32()?,
        },
        what::FILLED => ReportBody::Filled {
            order: fields.u64()?,
            counter: fields.u64()?,
            contract: ContractId(fields.u32()?),
            side: fields.side()?,
            price: fields.i64()?,
            units: fields.u32()?,
            left: fields.u32()?,
            fee: fields.i64()?,
            maker: fields.bool("maker")?,
        },
        what::CANCELLED => ReportBody::Cancelled {
            order: fields.u64()?,
            contract: ContractId(fields.u32()?),
            side: fields.side()?,
            units: fields.u32()?,
            left: fields.u32()?,
            reason: reason(fields.u8()?)?,
        },
        what::MASS_CANCEL_ACCEPTED => ReportBody::MassCancelAccepted(fields.mass()?),
        what::MASS_CANCEL_DONE => ReportBody::MassCancelDone { orders: fields.u32()? },
        what::REPLACED => ReportBody::Replaced {
            order: fields.u64()?,
            slot: fields.u32()?,
            contract: ContractId(fields.u32()?),
            side: fields.side()?,
            price: fields.i64()?,
            units: fields.u32()?,
            left: fields.u32()?,
            kept_priority: fields.bool("kept priority")?,
        },
        other => return get_other(other, fields),
    })
}

fn get_other(what: u8, fields: &mut Get<'_>) -> Result<ReportBody, RecordError> {
    Ok(match what {
        what::REJECTED => {
            let number = fields.u16()?;
            ReportBody::Rejected { code: code(number)?, value: fields.i64()? }
        }
        what::CASH_DEPOSITED => ReportBody::CashDeposited {
            currency: fields.code("currency")?,
            amount: fields.i64()?,
            external: fields.u64()?,
        },
        what::CAPACITY_DEPOSITED => ReportBody::CapacityDeposited {
            contract: ContractId(fields.u32()?),
            units: fields.u32()?,
            external: fields.u64()?,
        },
        what::SETTLED => ReportBody::Settled { contract: ContractId(fields.u32()?), units: fields.u32()? },
        what::CANCEL_ON_DISCONNECT_SET => ReportBody::CancelOnDisconnectSet { grace: fields.u32()? },
        what::KEY_ROTATED => ReportBody::KeyRotated { key: KeyNo(fields.u32()?) },
        what::CLASS_DEFINED => {
            let class = ClassNo(fields.u16()?);
            // The first format said the terms again.
            if fields.is_first_format() {
                fields.spec()?;
            }
            ReportBody::ClassDefined { class }
        }
        what::ACCOUNT_OPENED => ReportBody::AccountOpened { account: AccountId(fields.u32()?) },
        what::KEY_REGISTERED => {
            ReportBody::KeyRegistered { key: KeyNo(fields.u32()?), account: AccountId(fields.u32()?) }
        }
        what::KEY_REVOKED => ReportBody::KeyRevoked { key: KeyNo(fields.u32()?) },
        what::CASH_CREDITED => ReportBody::CashCredited {
            account: AccountId(fields.u32()?),
            currency: fields.code("currency")?,
            amount: fields.i64()?,
            external: fields.u64()?,
        },
        other => return get_of_markets(other, fields),
    })
}

/// Blocks, limits and halts: what the first format does not hold.
fn get_of_markets(what: u8, fields: &mut Get<'_>) -> Result<ReportBody, RecordError> {
    if fields.is_first_format() {
        return Err(choice("what", what, "1 to 18"));
    }
    Ok(match what {
        what::BLOCK_TRADED => ReportBody::BlockTraded {
            order: fields.u64()?,
            contract: ContractId(fields.u32()?),
            slots: fields.u16()?,
            side: fields.side()?,
            units: fields.u32()?,
            left: fields.u32()?,
            value: fields.i64()?,
            fills: fields.u32()?,
        },
        what::LIMITS_SET => {
            ReportBody::LimitsSet { account: AccountId(fields.u32()?), limits: fields.limits()? }
        }
        what::KILL_SWITCH_SET => {
            ReportBody::KillSwitchSet { account: AccountId(fields.u32()?), on: fields.bool("on")? }
        }
        what::HALTED => ReportBody::Halted(fields.scope()?),
        what::RESUMED => ReportBody::Resumed(fields.scope()?),
        other => return Err(choice("what", other, "1 to 23")),
    })
}

fn code(number: u16) -> Result<RejectCode, RecordError> {
    RejectCode::from_number(number).ok_or_else(|| RecordError::Field {
        field: "code",
        found: number.to_string(),
        expected: "the number of a refusal",
    })
}

fn reason_byte(reason: CancelReason) -> u8 {
    match reason {
        CancelReason::Owner => 1,
        CancelReason::Ioc => 2,
        CancelReason::Fok => 3,
        CancelReason::SelfTrade => 4,
        CancelReason::Gate => 5,
        CancelReason::Market => 6,
        CancelReason::MinUnits => 7,
        CancelReason::Expired => 8,
        CancelReason::PostOnly => 9,
        CancelReason::Mass => 10,
        CancelReason::Disconnected => 11,
        CancelReason::Killed => 12,
    }
}

fn reason(byte: u8) -> Result<CancelReason, RecordError> {
    let reason = CancelReason::ALL.into_iter().find(|&reason| reason_byte(reason) == byte);
    reason.ok_or_else(|| choice("reason", byte, "1 to 12"))
}
