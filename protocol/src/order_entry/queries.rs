//! Queries on the control stream and the lines of their answers.

use super::terms::OrderTerms;
use super::{ServerMessage, layouts};
use crate::choice::{Choice, code, flag, name, reject_code, rights};
use crate::header::{Frame, WireError};
use crate::wire::{Wire, put, read};
use types::{
    Account, AccountId, ContractId, Key, KeyNo, Limits, OpenOrder, PublicKey, RejectCode, Role, Sequence,
    Timestamp,
};

/// A question, answered by lines and [`QueryEnd`], or by [`QueryRefused`]. Questions are answered one after
/// the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The client's number of the question, given back in the answer.
    pub request: u32,
    /// What is asked.
    pub kind: QueryKind,
}

/// What a [`Query`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryKind {
    /// The own account's balances, holdings and open orders.
    Account,
    /// The listed classes.
    Classes,
    /// All accounts, keys and balances; needs the right to operate.
    Accounts,
}

/// The end of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryEnd {
    /// Of which question.
    pub request: u32,
    /// The answer is true right after this command.
    pub sequence: Sequence,
    /// The account's newest report at that moment.
    pub last_report: u64,
}

/// A question that is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryRefused {
    /// Which.
    pub request: u32,
    /// Why.
    pub code: RejectCode,
    /// The value that goes with the code.
    pub value: i64,
}

pub(crate) fn encode_query(query: &Query, out: &mut Vec<u8>) {
    use layouts::{AccountQuery, AccountsQuery, ClassesQuery};
    let request = query.request.into();
    match query.kind {
        QueryKind::Account => put(&AccountQuery { header: AccountQuery::HEADER, request }, out),
        QueryKind::Classes => put(&ClassesQuery { header: ClassesQuery::HEADER, request }, out),
        QueryKind::Accounts => put(&AccountsQuery { header: AccountsQuery::HEADER, request }, out),
    }
}

pub(crate) fn decode_query(frame: Frame<'_>) -> Result<Query, WireError> {
    let (kind, request) = match frame.kind {
        layouts::AccountQuery::KIND => (QueryKind::Account, read::<layouts::AccountQuery>(frame)?.request),
        layouts::ClassesQuery::KIND => (QueryKind::Classes, read::<layouts::ClassesQuery>(frame)?.request),
        layouts::AccountsQuery::KIND => (QueryKind::Accounts, read::<layouts::AccountsQuery>(frame)?.request),
        kind => return Err(WireError::UnknownKind { kind }),
    };
    Ok(Query { request: request.get(), kind })
}

pub(crate) fn encode_end(end: &QueryEnd, out: &mut Vec<u8>) {
    let message = layouts::QueryEnd {
        header: layouts::QueryEnd::HEADER,
        request: end.request.into(),
        sequence: end.sequence.into(),
        last_report: end.last_report.into(),
    };
    put(&message, out);
}

pub(crate) fn encode_refused(refused: &QueryRefused, out: &mut Vec<u8>) {
    let message = layouts::QueryRefused {
        header: layouts::QueryRefused::HEADER,
        request: refused.request.into(),
        value: refused.value.into(),
        code: refused.code.number().into(),
        pad: [0; 6],
    };
    put(&message, out);
}

pub(crate) fn encode_open_order(order: &OpenOrder, out: &mut Vec<u8>) {
    let message = layouts::OpenOrder {
        header: layouts::OpenOrder::HEADER,
        account: order.account.0.into(),
        order: order.order.into(),
        number: order.number.into(),
        terms: OrderTerms::new(&order.terms),
        key: order.key.0.into(),
        slot: order.slot.into(),
        left: order.left.into(),
        shown: order.shown.into(),
    };
    put(&message, out);
}

pub(crate) fn encode_account(account: &Account, out: &mut Vec<u8>) {
    let message = layouts::AccountInfo {
        header: layouts::AccountInfo::HEADER,
        account: account.id.0.into(),
        name: account.name.bytes(),
        order_value: account.limits.order_value.into(),
        open_orders: account.limits.open_orders.into(),
        open_blocks: account.limits.open_blocks.into(),
        role: account.role.byte(),
        killed: account.killed.into(),
        pad: [0; 6],
    };
    put(&message, out);
}

pub(crate) fn encode_key(key: &Key, out: &mut Vec<u8>) {
    let message = layouts::KeyInfo {
        header: layouts::KeyInfo::HEADER,
        key: key.no.0.into(),
        account: key.account.0.into(),
        rights: key.rights.0,
        revoked: key.revoked.into(),
        pad: [0; 2],
        expires: key.expires.0.into(),
        taken_orders: key.taken[0].into(),
        taken_cancels: key.taken[1].into(),
        public: key.public.0,
        grace: key.grace.into(),
        origin: key.origin.0.into(),
    };
    put(&message, out);
}

pub(crate) fn encode_balance(
    account: AccountId,
    currency: types::Code,
    free: types::Money,
    reserved: types::Money,
    out: &mut Vec<u8>,
) {
    let message = layouts::Balance {
        header: layouts::Balance::HEADER,
        account: account.0.into(),
        free: free.into(),
        reserved: reserved.into(),
        currency: currency.bytes(),
        pad: [0; 4],
    };
    put(&message, out);
}

pub(crate) fn encode_holding(
    account: AccountId,
    contract: ContractId,
    free: types::Units,
    reserved: types::Units,
    out: &mut Vec<u8>,
) {
    let message = layouts::Holding {
        header: layouts::Holding::HEADER,
        account: account.0.into(),
        contract: contract.0.into(),
        free: free.into(),
        reserved: reserved.into(),
    };
    put(&message, out);
}

/// Reads a line of an answer or its end.
pub(crate) fn decode_answer(frame: Frame<'_>) -> Result<ServerMessage, WireError> {
    match frame.kind {
        layouts::Balance::KIND => {
            let message: &layouts::Balance = read(frame)?;
            Ok(ServerMessage::Balance {
                account: AccountId(message.account.get()),
                currency: code("currency", message.currency)?,
                free: message.free.get(),
                reserved: message.reserved.get(),
            })
        }
        layouts::Holding::KIND => {
            let message: &layouts::Holding = read(frame)?;
            Ok(ServerMessage::Holding {
                account: AccountId(message.account.get()),
                contract: ContractId(message.contract.get()),
                free: message.free.get(),
                reserved: message.reserved.get(),
            })
        }
        layouts::QueryEnd::KIND => {
            let message: &layouts::QueryEnd = read(frame)?;
            Ok(ServerMessage::QueryEnd(QueryEnd {
                request: message.request.get(),
                sequence: message.sequence.get(),
                last_report: message.last_report.get(),
            }))
        }
        layouts::QueryRefused::KIND => {
            let message: &layouts::QueryRefused = read(frame)?;
            Ok(ServerMessage::QueryRefused(QueryRefused {
                request: message.request.get(),
                code: reject_code(message.code.get())?,
                value: message.value.get(),
            }))
        }
        layouts::OpenOrder::KIND => decode_open_order(frame).map(ServerMessage::OpenOrder),
        layouts::AccountInfo::KIND => decode_account(frame).map(ServerMessage::Account),
        layouts::KeyInfo::KIND => decode_key(frame).map(ServerMessage::Key),
        kind => Err(WireError::UnknownKind { kind }),
    }
}

fn decode_open_order(frame: Frame<'_>) -> Result<OpenOrder, WireError> {
    let message: &layouts::OpenOrder = read(frame)?;
    Ok(OpenOrder {
        account: AccountId(message.account.get()),
        order: message.order.get(),
        slot: message.slot.get(),
        key: KeyNo(message.key.get()),
        number: message.number.get(),
        terms: message.terms.order()?,
        left: message.left.get(),
        shown: message.shown.get(),
    })
}

fn decode_account(frame: Frame<'_>) -> Result<Account, WireError> {
    let message: &layouts::AccountInfo = read(frame)?;
    Ok(Account {
        id: AccountId(message.account.get()),
        name: name(message.name)?,
        role: Role::from_byte(message.role)?,
        limits: Limits {
            open_orders: message.open_orders.get(),
            open_blocks: message.open_blocks.get(),
            order_value: message.order_value.get(),
        },
        killed: flag("killed", message.killed)?,
    })
}

fn decode_key(frame: Frame<'_>) -> Result<Key, WireError> {
    let message: &layouts::KeyInfo = read(frame)?;
    Ok(Key {
        no: KeyNo(message.key.get()),
        account: AccountId(message.account.get()),
        public: PublicKey(message.public),
        rights: rights(message.rights)?,
        expires: Timestamp(message.expires.get()),
        revoked: flag("revoked", message.revoked)?,
        taken: [message.taken_orders.get(), message.taken_cancels.get()],
        grace: message.grace.get(),
        origin: KeyNo(message.origin.get()),
    })
}
