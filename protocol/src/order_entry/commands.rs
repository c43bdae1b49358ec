//! Commands on the two lanes.

use super::terms::{MassCancelTerms, OrderTerms};
use super::{ClientMessage, layouts, operators};
use crate::choice::{By, Choice, Misfit};
use crate::header::{Frame, WireError};
use crate::wire::{Wire, put, read};
use types::{Command, ContractId, Lane, OrderRef, PublicKey};
use zerocopy::little_endian::{U32, U64};

/// What no client says has no layout on the wire: the exchange's own commands, and a misfit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the exchange's own commands and misfits have no layout on the wire: expected what a client says")]
pub struct NotOnTheWire;

/// The lane a command goes by; `None` for a mass cancel, which may go by either: on the cancels lane it overtakes
/// orders, on the orders lane it comes after those sent before it.
#[must_use]
pub fn lane_of(command: &Command) -> Option<Lane> {
    match command {
        Command::Cancel(_) => Some(Lane::Cancels),
        Command::MassCancel(_) => None,
        _ => Some(Lane::Orders),
    }
}

/// Appends `command` as the client's `number`-th to `out`.
///
/// # Errors
/// [`NotOnTheWire`] for a command only the exchange itself says; nothing is appended then.
pub fn encode_command(number: u64, command: &Command, out: &mut Vec<u8>) -> Result<(), NotOnTheWire> {
    match *command {
        Command::Clock | Command::Continue | Command::Genesis { .. } | Command::Disconnected { .. } => {
            return Err(NotOnTheWire);
        }
        Command::NewOrder(order) => {
            let (header, terms) = (layouts::NewOrder::HEADER, OrderTerms::new(&order));
            put(&layouts::NewOrder { header, pad: [0; 4], number: number.into(), terms }, out);
        }
        Command::Cancel(order) => put(&cancel(number, order), out),
        Command::Replace { order, price, units } => {
            let (by, order, slot) = name_order(order);
            let message = layouts::Replace {
                header: layouts::Replace::HEADER,
                slot: slot.into(),
                number: number.into(),
                order: order.into(),
                price: price.into(),
                units: units.into(),
                by,
                pad: [0; 3],
            };
            put(&message, out);
        }
        Command::MassCancel(asked) => {
            let (header, terms) = (layouts::MassCancel::HEADER, MassCancelTerms::new(&asked));
            put(&layouts::MassCancel { header, pad: [0; 4], number: number.into(), terms }, out);
        }
        Command::DepositCapacity { contract, units, external } => {
            let message = layouts::DepositCapacity {
                header: layouts::DepositCapacity::HEADER,
                contract: contract.0.into(),
                number: number.into(),
                external: external.into(),
                units: units.into(),
                pad: [0; 4],
            };
            put(&message, out);
        }
        Command::CancelOnDisconnect { grace } => {
            let header = layouts::CancelOnDisconnect::HEADER;
            put(&layouts::CancelOnDisconnect { header, grace: grace.into(), number: number.into() }, out);
        }
        Command::RotateKey { public } => {
            let (header, public) = (layouts::RotateKey::HEADER, public.0);
            put(&layouts::RotateKey { header, pad: [0; 4], number: number.into(), public }, out);
        }
        Command::DefineClass { .. }
        | Command::OpenAccount { .. }
        | Command::RegisterKey { .. }
        | Command::RevokeKey { .. }
        | Command::SetLimits { .. }
        | Command::SetKillSwitch { .. }
        | Command::Halt { .. }
        | Command::Resume { .. }
        | Command::DepositCash { .. } => operators::encode(number, command, out),
    }
    Ok(())
}

/// Reads a command.
pub(crate) fn decode(frame: Frame<'_>) -> Result<ClientMessage, WireError> {
    match frame.kind {
        layouts::NewOrder::KIND => {
            let message: &layouts::NewOrder = read(frame)?;
            let order = message.terms.order();
            Ok(numbered(message.number, Some(Lane::Orders), order.map(Command::NewOrder)))
        }
        layouts::Cancel::KIND => {
            let message: &layouts::Cancel = read(frame)?;
            let order = named_order(message.by, message.order, message.slot);
            Ok(numbered(message.number, Some(Lane::Cancels), order.map(Command::Cancel)))
        }
        layouts::Replace::KIND => {
            let message: &layouts::Replace = read(frame)?;
            Ok(numbered(message.number, Some(Lane::Orders), decode_replace(message)))
        }
        layouts::MassCancel::KIND => {
            let message: &layouts::MassCancel = read(frame)?;
            let asked = message.terms.mass_cancel();
            Ok(numbered(message.number, None, asked.map(Command::MassCancel)))
        }
        layouts::DepositCapacity::KIND => {
            let message: &layouts::DepositCapacity = read(frame)?;
            let contract = ContractId(message.contract.get());
            let (units, external) = (message.units.get(), message.external.get());
            let command = Command::DepositCapacity { contract, units, external };
            Ok(numbered(message.number, Some(Lane::Orders), Ok(command)))
        }
        layouts::CancelOnDisconnect::KIND => {
            let message: &layouts::CancelOnDisconnect = read(frame)?;
            let command = Command::CancelOnDisconnect { grace: message.grace.get() };
            Ok(numbered(message.number, Some(Lane::Orders), Ok(command)))
        }
        layouts::RotateKey::KIND => {
            let message: &layouts::RotateKey = read(frame)?;
            let command = Command::RotateKey { public: PublicKey(message.public) };
            Ok(numbered(message.number, Some(Lane::Orders), Ok(command)))
        }
        _ => {
            let (number, command) = operators::decode(frame)?;
            Ok(numbered(number, Some(Lane::Orders), command))
        }
    }
}

fn numbered(number: U64, lane: Option<Lane>, command: Result<Command, Misfit>) -> ClientMessage {
    let number = number.get();
    match command {
        Ok(command) => ClientMessage::Command { number, command },
        Err(misfit) => {
            let (code, value) = misfit.reject();
            ClientMessage::Misfit { number, lane, code, value }
        }
    }
}

fn decode_replace(message: &layouts::Replace) -> Result<Command, Misfit> {
    Ok(Command::Replace {
        order: named_order(message.by, message.order, message.slot)?,
        price: message.price.get(),
        units: message.units.get(),
    })
}

fn cancel(number: u64, order: OrderRef) -> layouts::Cancel {
    let (by, order, slot) = name_order(order);
    layouts::Cancel {
        header: layouts::Cancel::HEADER,
        slot: slot.into(),
        number: number.into(),
        order: order.into(),
        by,
        pad: [0; 7],
    }
}

/// How an order is named: by, order, slot.
fn name_order(order: OrderRef) -> (u8, u64, u32) {
    match order {
        OrderRef::Id { order, slot } => (By::Id.byte(), order, slot),
        OrderRef::Number(number) => (By::Number.byte(), number, 0),
    }
}

fn named_order(by: u8, order: U64, slot: U32) -> Result<OrderRef, Misfit> {
    Ok(match By::from_byte(by)? {
        By::Id => OrderRef::Id { order: order.get(), slot: slot.get() },
        By::Number => OrderRef::Number(order.get()),
    })
}
