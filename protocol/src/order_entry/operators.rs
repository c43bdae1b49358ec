//! The operator's commands, each with the operator's reason.

use super::layouts;
use crate::choice::{Choice, Misfit, code, name, rights, why};
use crate::class_info::ClassTerms;
use crate::header::{Frame, WireError};
use crate::wire::{Wire, put, read};
use types::{AccountId, Command, KeyNo, PublicKey, Role, Timestamp};
use zerocopy::little_endian::U64;

/// Appends one of the operator's commands; any other is nothing to this file.
pub(super) fn encode(number: u64, command: &Command, out: &mut Vec<u8>) {
    let number = number.into();
    match *command {
        Command::DefineClass { spec, why } => {
            let (header, terms) = (layouts::DefineClass::HEADER, ClassTerms::new(&spec));
            let why = why.bytes();
            put(&layouts::DefineClass { header, pad: [0; 4], number, terms, why, pad_end: [0; 1] }, out);
        }
        Command::OpenAccount { name, role, why } => {
            let (header, name, why) = (layouts::OpenAccount::HEADER, name.bytes(), why.bytes());
            put(&layouts::OpenAccount { header, pad: [0; 4], number, name, why, role: role.byte() }, out);
        }
        Command::RegisterKey { account, public, rights, expires, why } => {
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
        Command::RevokeKey { key, why } => {
            let (header, why) = (layouts::RevokeKey::HEADER, why.bytes());
            put(&layouts::RevokeKey { header, key: key.0.into(), number, why, pad: [0; 1] }, out);
        }
        Command::DepositCash { account, currency, amount, external, why } => {
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
        kind => return Err(WireError::UnknownKind { kind }),
    })
}

fn decode_define_class(message: &layouts::DefineClass) -> Result<Command, Misfit> {
    Ok(Command::DefineClass { spec: message.terms.asked()?, why: why(message.why)? })
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
