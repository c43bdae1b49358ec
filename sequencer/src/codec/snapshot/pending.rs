//! The records of pending work: what one command set off and later ones finish.

use super::fields::{Get, Put};
use super::state::kind;
use crate::codec::{RecordError, absent, choice};
use engine::Saved;
use types::{AccountId, ContractId, KeyNo, Sender, SlotHint, Ticks, Units};

/// Appends the fields of a record of pending work, its kind first; any other is nothing to this file.
pub(super) fn put<'p, 'b>(put: &'p mut Put<'b>, item: &Saved) -> &'p mut Put<'b> {
    match *item {
        Saved::Election { contract, sequence, low, high, batch } => {
            put.u8(kind::ELECTION).u32(contract.0).u64(sequence).i64(low).i64(high).u64(batch)
        }
        Saved::Turn { contract, side, from } => {
            let (price, order) = from.unwrap_or((0, 0));
            put.u8(kind::TURN).u32(contract.0).side(side).i64(price).u64(order)
        }
        Saved::MassCancel { account, sequence, sender, ref mass, orders } => {
            put.u8(kind::MASS_CANCEL).u32(account.0).u64(sequence).sender(Some(sender)).mass(mass).u32(orders)
        }
        Saved::Disconnect { account, sequence, origin, orders } => {
            put.u8(kind::DISCONNECT).u32(account.0).u64(sequence).u32(origin.0).u32(orders)
        }
        Saved::Kill { account, sequence, orders } => {
            put.u8(kind::KILL).u32(account.0).u64(sequence).u32(orders)
        }
        Saved::Walk { next } => put.u8(kind::WALK).slot(next),
        Saved::HaltWalk { scope, after } => {
            let contract = after.map_or(0, |after| after.0);
            put.u8(kind::HALT_WALK).scope(scope).u8(after.is_some().into()).u32(contract)
        }
        Saved::Closing(contract) => put.u8(kind::CLOSING).u32(contract.0),
        Saved::Delivering(contract) => put.u8(kind::DELIVERING).u32(contract.0),
        _ => put_auction(put, item),
    }
}

/// The same of an auction that is being worked out.
fn put_auction<'p, 'b>(put: &'p mut Put<'b>, item: &Saved) -> &'p mut Put<'b> {
    match *item {
        Saved::Weighing { contract, reference, cursors, volume, paired, levels } => {
            put.u8(kind::WEIGHING).u32(contract.0).i64(reference);
            for cursor in cursors {
                put.slot(cursor.map(|(slot, _)| slot)).u32(cursor.map_or(0, |(_, left)| left));
            }
            put.u64(volume).i64(paired[0]).i64(paired[1]).u8(levels.is_some().into());
            for (price, units) in levels.unwrap_or_default() {
                put.i64(price).u64(units);
            }
            put
        }
        Saved::Trading { contract, reference, price, left } => {
            put.u8(kind::TRADING).u32(contract.0).i64(reference).i64(price).u32(left)
        }
        Saved::Ending { contract, reference, price } => {
            put.u8(kind::ENDING).u32(contract.0).i64(reference).i64(price)
        }
        _ => put,
    }
}

/// Reads the fields of a record of pending work.
pub(super) fn get(fields: &mut Get<'_>) -> Result<Saved, RecordError> {
    Ok(match fields.kind() {
        kind::ELECTION => Saved::Election {
            contract: ContractId(fields.u32()?),
            sequence: fields.u64()?,
            low: fields.i64()?,
            high: fields.i64()?,
            batch: fields.u64()?,
        },
        kind::TURN => Saved::Turn {
            contract: ContractId(fields.u32()?),
            side: fields.side()?,
            from: match (fields.i64()?, fields.u64()?) {
                (0, 0) => None,
                (0, order) => return Err(absent("order", order)),
                from => Some(from),
            },
        },
        kind::MASS_CANCEL => Saved::MassCancel {
            account: AccountId(fields.u32()?),
            sequence: fields.u64()?,
            sender: asked_by(fields.sender()?)?,
            mass: fields.mass()?,
            orders: fields.u32()?,
        },
        kind::DISCONNECT => Saved::Disconnect {
            account: AccountId(fields.u32()?),
            sequence: fields.u64()?,
            origin: KeyNo(fields.u32()?),
            orders: fields.u32()?,
        },
        kind::KILL => {
            Saved::Kill { account: AccountId(fields.u32()?), sequence: fields.u64()?, orders: fields.u32()? }
        }
        kind::WALK => Saved::Walk { next: fields.slot()? },
        kind::HALT_WALK => Saved::HaltWalk {
            scope: fields.scope()?,
            after: match (fields.bool("begun")?, fields.u32()?) {
                (true, after) => Some(ContractId(after)),
                (false, 0) => None,
                (false, after) => return Err(absent("contract", after)),
            },
        },
        kind::CLOSING => Saved::Closing(ContractId(fields.u32()?)),
        kind::DELIVERING => Saved::Delivering(ContractId(fields.u32()?)),
        _ => return get_auction(fields),
    })
}

fn get_auction(fields: &mut Get<'_>) -> Result<Saved, RecordError> {
    Ok(match fields.kind() {
        kind::WEIGHING => Saved::Weighing {
            contract: ContractId(fields.u32()?),
            reference: fields.i64()?,
            cursors: [cursor(fields)?, cursor(fields)?],
            volume: fields.u64()?,
            paired: [fields.i64()?, fields.i64()?],
            levels: levels(fields)?,
        },
        kind::TRADING => Saved::Trading {
            contract: ContractId(fields.u32()?),
            reference: fields.i64()?,
            price: fields.i64()?,
            left: fields.u32()?,
        },
        kind::ENDING => Saved::Ending {
            contract: ContractId(fields.u32()?),
            reference: fields.i64()?,
            price: fields.i64()?,
        },
        found => return Err(RecordError::Kind { found }),
    })
}

/// An order that an auction has come to, and what of it has not been paired.
fn cursor(fields: &mut Get<'_>) -> Result<Option<(SlotHint, Units)>, RecordError> {
    match (fields.slot()?, fields.u32()?) {
        (Some(slot), left) => Ok(Some((slot, left))),
        (None, 0) => Ok(None),
        (None, left) => Err(absent("left", left)),
    }
}

fn levels(fields: &mut Get<'_>) -> Result<Option<[(Ticks, u64); 2]>, RecordError> {
    let is_there = fields.bool("left over")?;
    let levels = [(fields.i64()?, fields.u64()?), (fields.i64()?, fields.u64()?)];
    match is_there {
        true => Ok(Some(levels)),
        false if levels == [(0, 0); 2] => Ok(None),
        false => Err(absent("levels", format!("{levels:?}"))),
    }
}

/// Nobody else asks for a mass cancel.
fn asked_by(sender: Option<Sender>) -> Result<Sender, RecordError> {
    sender.ok_or_else(|| choice("lane", 0, "1 or 2"))
}
