//! The records of the state: one for each kind of [`Saved`].

use super::fields::{Get, Put};
use crate::codec::desk::{role, role_byte};
use crate::codec::orders::{MassCancelBody, NewOrderBody};
use crate::codec::{RecordError, choice};
use engine::{Saved, SavedOrder};
use std::mem::size_of;
use types::{
    Account, AccountId, Class, ClassNo, ContractId, Key, KeyNo, MassCancel, NewOrder, OpenOrder, Phase,
    Rights, Sender,
};
use zerocopy::{FromBytes, IntoBytes};

/// The kinds of records. A number is never used again for something else.
mod kind {
    pub(super) const PLACE: u8 = 1;
    pub(super) const CLASS: u8 = 2;
    pub(super) const ACCOUNT: u8 = 3;
    pub(super) const KEY: u8 = 4;
    pub(super) const CURRENCY: u8 = 5;
    pub(super) const CASH: u8 = 6;
    pub(super) const CASH_DEPOSIT: u8 = 7;
    pub(super) const CONTRACT: u8 = 8;
    pub(super) const HOLDING: u8 = 9;
    pub(super) const CAPACITY_DEPOSIT: u8 = 10;
    pub(super) const ORDER: u8 = 11;
    pub(super) const FREE_SLOT: u8 = 12;
    pub(super) const ELECTION: u8 = 13;
    pub(super) const MASS_CANCEL: u8 = 14;
    pub(super) const DISCONNECT: u8 = 15;
    pub(super) const WALK: u8 = 16;
    pub(super) const CLOSING: u8 = 17;
    pub(super) const DELIVERING: u8 = 18;
}

/// Appends a record, its kind first.
pub(super) fn put(item: &Saved, bytes: &mut Vec<u8>) {
    put_item(&mut Put(bytes), item);
}

fn put_item<'p, 'b>(put: &'p mut Put<'b>, item: &Saved) -> &'p mut Put<'b> {
    match *item {
        Saved::Place { sequence, time, clock, batches } => {
            put.u8(kind::PLACE).u64(sequence).u64(time.0).u64(clock.0).u64(batches)
        }
        Saved::Class(Class { no, ref spec }) => put.u8(kind::CLASS).u16(no.0).spec(spec),
        Saved::Account { account: Account { id, name, role }, reports } => {
            put.u8(kind::ACCOUNT).u32(id.0).bytes(&name.bytes()).u8(role_byte(role)).u64(reports)
        }
        Saved::Key(ref key) => put_key(put.u8(kind::KEY), key),
        Saved::Currency { currency, deposited, fees } => {
            put.u8(kind::CURRENCY).code(currency).i64(deposited).i64(fees)
        }
        Saved::Cash { account, currency, free, reserved } => {
            put.u8(kind::CASH).u32(account.0).code(currency).i64(free).i64(reserved)
        }
        Saved::CashDeposit { account, external, currency, amount } => {
            put.u8(kind::CASH_DEPOSIT).u32(account.0).u64(external).code(currency).i64(amount)
        }
        Saved::Contract { contract, phase, sequence, last_price } => {
            put.u8(kind::CONTRACT).u32(contract.0).u8(phase_byte(phase)).u64(sequence).i64(last_price)
        }
        Saved::Holding { account, contract, free, reserved } => {
            put.u8(kind::HOLDING).u32(account.0).u32(contract.0).u32(free).u32(reserved)
        }
        Saved::CapacityDeposit { contract, account, external, units } => {
            put.u8(kind::CAPACITY_DEPOSIT).u32(contract.0).u32(account.0).u64(external).u32(units)
        }
        Saved::Order(ref order) => put_order(put.u8(kind::ORDER), order),
        Saved::FreeSlot(slot) => put.u8(kind::FREE_SLOT).u32(slot),
        Saved::Election { contract, sequence, low, high, batch } => {
            put.u8(kind::ELECTION).u32(contract.0).u64(sequence).i64(low).i64(high).u64(batch)
        }
        Saved::MassCancel { account, sequence, sender, mass, orders } => put
            .u8(kind::MASS_CANCEL)
            .u32(account.0)
            .u64(sequence)
            .sender(Some(sender))
            .mass(&mass)
            .u32(orders),
        Saved::Disconnect { account, sequence, origin, orders } => {
            put.u8(kind::DISCONNECT).u32(account.0).u64(sequence).u32(origin.0).u32(orders)
        }
        Saved::Walk { next } => put.u8(kind::WALK).slot(next),
        Saved::Closing(contract) => put.u8(kind::CLOSING).u32(contract.0),
        Saved::Delivering(contract) => put.u8(kind::DELIVERING).u32(contract.0),
    }
}

/// Reads the fields of a record of the state.
pub(super) fn get(fields: &mut Get<'_>) -> Result<Saved, RecordError> {
    Ok(match fields.kind() {
        kind::PLACE => Saved::Place {
            sequence: fields.u64()?,
            time: fields.time()?,
            clock: fields.time()?,
            batches: fields.u64()?,
        },
        kind::CLASS => Saved::Class(Class { no: ClassNo(fields.u16()?), spec: fields.spec()? }),
        kind::ACCOUNT => {
            let id = AccountId(fields.u32()?);
            let account = Account { id, name: fields.name()?, role: role(fields.u8()?)? };
            Saved::Account { account, reports: fields.u64()? }
        }
        kind::KEY => Saved::Key(get_key(fields)?),
        kind::CURRENCY => Saved::Currency {
            currency: fields.code("currency")?,
            deposited: fields.i64()?,
            fees: fields.i64()?,
        },
        kind::CASH => Saved::Cash {
            account: AccountId(fields.u32()?),
            currency: fields.code("currency")?,
            free: fields.i64()?,
            reserved: fields.i64()?,
        },
        kind::CASH_DEPOSIT => Saved::CashDeposit {
            account: AccountId(fields.u32()?),
            external: fields.u64()?,
            currency: fields.code("currency")?,
            amount: fields.i64()?,
        },
        kind::CONTRACT => Saved::Contract {
            contract: ContractId(fields.u32()?),
            phase: phase(fields.u8()?)?,
            sequence: fields.u64()?,
            last_price: fields.i64()?,
        },
        kind::HOLDING => Saved::Holding {
            account: AccountId(fields.u32()?),
            contract: ContractId(fields.u32()?),
            free: fields.u32()?,
            reserved: fields.u32()?,
        },
        kind::CAPACITY_DEPOSIT => Saved::CapacityDeposit {
            contract: ContractId(fields.u32()?),
            account: AccountId(fields.u32()?),
            external: fields.u64()?,
            units: fields.u32()?,
        },
        kind::ORDER => Saved::Order(get_order(fields)?),
        kind::FREE_SLOT => Saved::FreeSlot(fields.u32()?),
        _ => return get_pending(fields),
    })
}

fn get_pending(fields: &mut Get<'_>) -> Result<Saved, RecordError> {
    Ok(match fields.kind() {
        kind::ELECTION => Saved::Election {
            contract: ContractId(fields.u32()?),
            sequence: fields.u64()?,
            low: fields.i64()?,
            high: fields.i64()?,
            batch: fields.u64()?,
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
        kind::WALK => Saved::Walk { next: fields.slot()? },
        kind::CLOSING => Saved::Closing(ContractId(fields.u32()?)),
        kind::DELIVERING => Saved::Delivering(ContractId(fields.u32()?)),
        found => return Err(RecordError::Kind { found }),
    })
}

fn put_key<'p, 'b>(put: &'p mut Put<'b>, key: &Key) -> &'p mut Put<'b> {
    let &Key { no, account, public, rights, expires, revoked, taken, grace, origin } = key;
    put.u32(no.0).u32(account.0).bytes(&public.0).u8(rights.0).u64(expires.0).u8(revoked.into());
    put.u64(taken[0]).u64(taken[1]).u32(grace).u32(origin.0)
}

fn get_key(fields: &mut Get<'_>) -> Result<Key, RecordError> {
    Ok(Key {
        no: KeyNo(fields.u32()?),
        account: AccountId(fields.u32()?),
        public: fields.public()?,
        rights: Rights(fields.u8()?),
        expires: fields.time()?,
        revoked: fields.bool("revoked")?,
        taken: [fields.u64()?, fields.u64()?],
        grace: fields.u32()?,
        origin: KeyNo(fields.u32()?),
    })
}

fn put_order<'p, 'b>(put: &'p mut Put<'b>, saved: &SavedOrder) -> &'p mut Put<'b> {
    let &SavedOrder { ref open, behind, batch } = saved;
    let &OpenOrder { account, order, slot, key, number, ref terms, left, shown } = open;
    put.u32(account.0).u64(order).u32(slot).u32(key.0).u64(number).terms(terms);
    put.u32(left).u32(shown).slot(behind).u64(batch)
}

fn get_order(fields: &mut Get<'_>) -> Result<SavedOrder, RecordError> {
    let open = OpenOrder {
        account: AccountId(fields.u32()?),
        order: fields.u64()?,
        slot: fields.u32()?,
        key: KeyNo(fields.u32()?),
        number: fields.u64()?,
        terms: fields.terms()?,
        left: fields.u32()?,
        shown: fields.u32()?,
    };
    Ok(SavedOrder { open, behind: fields.slot()?, batch: fields.u64()? })
}

/// Terms and scopes lie as in the journal's records.
impl Put<'_> {
    pub(super) fn terms(&mut self, terms: &NewOrder) -> &mut Self {
        self.bytes(NewOrderBody::new(terms).as_bytes())
    }

    pub(super) fn mass(&mut self, mass: &MassCancel) -> &mut Self {
        self.bytes(MassCancelBody::new(mass).as_bytes())
    }
}

impl Get<'_> {
    pub(super) fn terms(&mut self) -> Result<NewOrder, RecordError> {
        self.body(NewOrderBody::terms)
    }

    pub(super) fn mass(&mut self) -> Result<MassCancel, RecordError> {
        self.body(MassCancelBody::mass_cancel)
    }

    fn body<B: FromBytes, T>(&mut self, read: fn(&B) -> Result<T, RecordError>) -> Result<T, RecordError> {
        let bytes = self.take(size_of::<B>())?;
        read(&B::read_from_bytes(bytes).expect("as many bytes as it is long"))
    }
}

/// Nobody else asks for a mass cancel.
fn asked_by(sender: Option<Sender>) -> Result<Sender, RecordError> {
    sender.ok_or_else(|| choice("lane", 0, "1 or 2"))
}

fn phase_byte(phase: Phase) -> u8 {
    match phase {
        Phase::Continuous => 1,
        Phase::Closed => 2,
        Phase::InDelivery => 3,
        Phase::Settled => 4,
    }
}

fn phase(byte: u8) -> Result<Phase, RecordError> {
    match byte {
        1 => Ok(Phase::Continuous),
        2 => Ok(Phase::Closed),
        3 => Ok(Phase::InDelivery),
        4 => Ok(Phase::Settled),
        byte => Err(choice("phase", byte, "1 to 4")),
    }
}
