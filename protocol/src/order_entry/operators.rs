//! The operator's commands, each with the operator's reason.

use super::layouts;
use super::terms::ScopeTerms;
use crate::choice::{Choice, Misfit, code, flag, name, rights, why};
use crate::class_info::ClassTerms;
use crate::header::{Frame, WireError};
use crate::wire::{Wire, put, read};
use types::{AccountId, Command, KeyNo, Limits, PublicKey, Role, Timestamp};
use zerocopy::little_endian::U64;

/// Appends one of the operator's commands; any other is nothing to this file.
pub(super) fn encode(number: u64, command: &Command, out: &mut Vec<u8>) {
    let number = number.into();
    match *command {
        Command::DefineClass { ref spec, ref why } => {
            let (header, terms) = (layouts::DefineClass::HEADER, ClassTerms::new(spec));
            let why = why.bytes();
            put(&layouts::DefineClass { header, pad: [0; 4], number, terms, why, pad_end: [0; 1] }, out);
        }
        Command::OpenAccount { name, role, ref why } => {
            let (header, name, why) = (layouts::OpenAccount::HEADER, name.bytes(), why.bytes());
            put(&layouts::OpenAccount { header, pad: [0; 4], number, name, why, role: role.byte() }, out);
        }
        Command::RegisterKey { account, public, rights, expires, ref why } => {
            let message = layouts::RegisterKey {
                header: layouts::RegisterKey::HEADER,
                account: account.0.into(),
                number,
                expires: expires.0.into(),
                public: public.0,
                why: why.bytes(),
                rights: rights.0,
            };
            put(&message, out);
        }
        Command::RevokeKey { key, ref why } => {
            let (header, why) = (layouts::RevokeKey::HEADER, why.bytes());
            put(&layouts::RevokeKey { header, key: key.0.into(), number, why, pad: [0; 1] }, out);
        }
        Command::DepositCash { account, currency, amount, external, ref why } => {
            let message = layouts::DepositCash {
                header: layouts::DepositCash::HEADER,
                account: account.0.into(),
                number,
                external: external.into(),
                amount: amount.into(),
                currency: currency.bytes(),
                why: why.bytes(),
                pad: [0; 5],
            };
            put(&message, out);
        }
        _ => encode_of_markets(number, command, out),
    }
}

/// Appends what stops trading, or limits it.
fn encode_of_markets(number: U64, command: &Command, out: &mut Vec<u8>) {
    match *command {
        Command::SetLimits { account, limits, ref why } => {
            let Limits { open_orders, open_blocks, order_value } = limits;
            let message = layouts::SetLimits {
                header: layouts::SetLimits::HEADER,
                account: account.0.into(),
                number,
                order_value: order_value.into(),
                open_orders: open_orders.into(),
                open_blocks: open_blocks.into(),
                why: why.bytes(),
                pad: [0; 1],
            };
            put(&message, out);
        }
        Command::SetKillSwitch { account, on, ref why } => {
            let (header, account, why) = (layouts::SetKillSwitch::HEADER, account.0.into(), why.bytes());
            put(&layouts::SetKillSwitch { header, account, number, why, on: on.into() }, out);
        }
        Command::Halt { scope, ref why } => {
            let (header, terms, why) = (layouts::Halt::HEADER, ScopeTerms::new(scope), why.bytes());
            put(&layouts::Halt { header, pad: [0; 4], number, terms, why, pad_end: [0; 1] }, out);
        }
        Command::Resume { scope, ref why } => {
            let (header, terms, why) = (layouts::Resume::HEADER, ScopeTerms::new(scope), why.bytes());
            put(&layouts::Resume { header, pad: [0; 4], number, terms, why, pad_end: [0; 1] }, out);
        }
        _ => {}
    }
}

/// Reads one of the operator's commands and its number.
pub(super) fn decode(frame: Frame<'_>) -> Result<(U64, Result<Command, Misfit>), WireError> {
    Ok(match frame.kind {
        layouts::DefineClass::KIND => {
            let message: &layouts::DefineClass = read(frame)?;
            (message.number, decode_define_class(message))
        }
        layouts::OpenAccount::KIND => {
            let message: &layouts::OpenAccount = read(frame)?;
            (message.number, decode_open_account(message))
        }
        layouts::RegisterKey::KIND => {
            let message: &layouts::RegisterKey = read(frame)?;
            (message.number, decode_register_key(message))
        }
        layouts::RevokeKey::KIND => {
            let message: &layouts::RevokeKey = read(frame)?;
            let key = KeyNo(message.key.get());
            (message.number, why(message.why).map(|why| Command::RevokeKey { key, why }))
        }
        layouts::DepositCash::KIND => {
            let message: &layouts::DepositCash = read(frame)?;
            (message.number, decode_deposit_cash(message))
        }
        layouts::SetLimits::KIND => {
            let message: &layouts::SetLimits = read(frame)?;
            (message.number, decode_set_limits(message))
        }
        layouts::SetKillSwitch::KIND => {
            let message: &layouts::SetKillSwitch = read(frame)?;
            (message.number, decode_set_kill_switch(message))
        }
        layouts::Halt::KIND => {
            let message: &layouts::Halt = read(frame)?;
            let asked = message.terms.scope().and_then(|scope| Ok((scope, why(message.why)?)));
            (message.number, asked.map(|(scope, why)| Command::Halt { scope, why }))
        }
        layouts::Resume::KIND => {
            let message: &layouts::Resume = read(frame)?;
            let asked = message.terms.scope().and_then(|scope| Ok((scope, why(message.why)?)));
            (message.number, asked.map(|(scope, why)| Command::Resume { scope, why }))
        }
        kind => return Err(WireError::UnknownKind { kind }),
    })
}

fn decode_define_class(message: &layouts::DefineClass) -> Result<Command, Misfit> {
    Ok(Command::DefineClass { spec: Box::new(message.terms.asked()?), why: why(message.why)? })
}

fn decode_open_account(message: &layouts::OpenAccount) -> Result<Command, Misfit> {
    let (name, role) = (name(message.name)?, Role::from_byte(message.role)?);
    Ok(Command::OpenAccount { name, role, why: why(message.why)? })
}

fn decode_register_key(message: &layouts::RegisterKey) -> Result<Command, Misfit> {
    Ok(Command::RegisterKey {
        account: AccountId(message.account.get()),
        public: PublicKey(message.public),
        rights: rights(message.rights)?,
        expires: Timestamp(message.expires.get()),
        why: why(message.why)?,
    })
}

fn decode_deposit_cash(message: &layouts::DepositCash) -> Result<Command, Misfit> {
    Ok(Command::DepositCash {
        account: AccountId(message.account.get()),
        currency: code("currency", message.currency)?,
        amount: message.amount.get(),
        external: message.external.get(),
        why: why(message.why)?,
    })
}

fn decode_set_limits(message: &layouts::SetLimits) -> Result<Command, Misfit> {
    let limits = Limits {
        open_orders: message.open_orders.get(),
        open_blocks: message.open_blocks.get(),
        order_value: message.order_value.get(),
    };
    Ok(Command::SetLimits { account: AccountId(message.account.get()), limits, why: why(message.why)? })
}

fn decode_set_kill_switch(message: &layouts::SetKillSwitch) -> Result<Command, Misfit> {
    let (account, on) = (AccountId(message.account.get()), flag("on", message.on)?);
    Ok(Command::SetKillSwitch { account, on, why: why(message.why)? })
}
