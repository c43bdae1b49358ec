//! The records of the state: one for each kind of [`Saved`]. Those of pending work are in `pending`.

use super::fields::{Get, Put};
use super::pending;
use crate::codec::desk::{role, role_byte};
use crate::codec::orders::{MassCancelBody, NewOrderBody, ScopeBody};
use crate::codec::{RecordError, choice};
use engine::{Saved, SavedOrder};
use std::mem::size_of;
use types::{
    Account, AccountId, Class, ClassNo, ContractId, Hour, Key, KeyNo, Limits, MassCancel, NewOrder,
    OpenOrder, Phase, Rights, Scope, Timestamp,
};
use zerocopy::{FromBytes, IntoBytes};

/// The kinds of records. A number is never used again for something else.
pub(super) mod kind {
    pub(in crate::codec::snapshot) const PLACE: u8 = 1;
    pub(in crate::codec::snapshot) const CLASS: u8 = 2;
    pub(in crate::codec::snapshot) const ACCOUNT: u8 = 3;
    pub(in crate::codec::snapshot) const KEY: u8 = 4;
    pub(in crate::codec::snapshot) const CURRENCY: u8 = 5;
    pub(in crate::codec::snapshot) const CASH: u8 = 6;
    pub(in crate::codec::snapshot) const CASH_DEPOSIT: u8 = 7;
    pub(in crate::codec::snapshot) const CONTRACT: u8 = 8;
    pub(in crate::codec::snapshot) const HOLDING: u8 = 9;
    pub(in crate::codec::snapshot) const CAPACITY_DEPOSIT: u8 = 10;
    pub(in crate::codec::snapshot) const ORDER: u8 = 11;
    pub(in crate::codec::snapshot) const FREE_SLOT: u8 = 12;
    pub(in crate::codec::snapshot) const ELECTION: u8 = 13;
    pub(in crate::codec::snapshot) const MASS_CANCEL: u8 = 14;
    pub(in crate::codec::snapshot) const DISCONNECT: u8 = 15;
    pub(in crate::codec::snapshot) const WALK: u8 = 16;
    pub(in crate::codec::snapshot) const CLOSING: u8 = 17;
    pub(in crate::codec::snapshot) const DELIVERING: u8 = 18;
    pub(in crate::codec::snapshot) const TURN: u8 = 19;
    pub(in crate::codec::snapshot) const TRADED: u8 = 20;
    pub(in crate::codec::snapshot) const HALT: u8 = 21;
    pub(in crate::codec::snapshot) const KILL: u8 = 22;
    pub(in crate::codec::snapshot) const HALT_WALK: u8 = 23;
    pub(in crate::codec::snapshot) const WEIGHING: u8 = 24;
    pub(in crate::codec::snapshot) const TRADING: u8 = 25;
    pub(in crate::codec::snapshot) const ENDING: u8 = 26;
}

/// Appends a record, its kind first.
pub(super) fn put(item: &Saved, bytes: &mut Vec<u8>) {
    put_item(&mut Put(bytes), item);
}

fn put_item<'p, 'b>(put: &'p mut Put<'b>, item: &Saved) -> &'p mut Put<'b> {
    match *item {
        Saved::Place { sequence, time, clock, batches, seed } => {
            put.u8(kind::PLACE).u64(sequence).u64(time.0).u64(clock.0).u64(batches).u64(seed)
        }
        Saved::Class(Class { no, ref spec }) => put.u8(kind::CLASS).u16(no.0).spec(spec),
        Saved::Traded { class, hour, units, ticks } => {
            put.u8(kind::TRADED).u16(class.0).u32(hour.0).u64(units).u64(ticks)
        }
        Saved::Halt(scope) => put.u8(kind::HALT).scope(scope),
        Saved::Account { account: Account { id, name, role, limits, killed }, reports } => {
            put.u8(kind::ACCOUNT).u32(id.0).bytes(&name.bytes()).u8(role_byte(role)).u64(reports);
            put.limits(limits).u8(killed.into())
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
        Saved::Contract { contract, phase, until, indicative, sequence, last_price, auction_price } => {
            put.u8(kind::CONTRACT).u32(contract.0).u8(phase_byte(phase)).u64(sequence);
            put.i64(last_price).i64(auction_price).u64(until.0).u64(indicative.0)
        }
        Saved::Holding { account, contract, free, reserved } => {
            put.u8(kind::HOLDING).u32(account.0).u32(contract.0).u32(free).u32(reserved)
        }
        Saved::CapacityDeposit { contract, account, external, units } => {
            put.u8(kind::CAPACITY_DEPOSIT).u32(contract.0).u32(account.0).u64(external).u32(units)
        }
        Saved::Order(ref order) => put_order(put.u8(kind::ORDER), order),
        Saved::FreeSlot(slot) => put.u8(kind::FREE_SLOT).u32(slot),
        Saved::Election { .. }
        | Saved::Turn { .. }
        | Saved::MassCancel { .. }
        | Saved::Disconnect { .. }
        | Saved::Kill { .. }
        | Saved::Walk { .. }
        | Saved::HaltWalk { .. }
        | Saved::Weighing { .. }
        | Saved::Trading { .. }
        | Saved::Ending { .. }
        | Saved::Closing(_)
        | Saved::Delivering(_) => pending::put(put, item),
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
            seed: if fields.is_first_format() { 0 } else { fields.u64()? },
        },
        kind::CLASS => Saved::Class(Class { no: ClassNo(fields.u16()?), spec: fields.spec()? }),
        kind::TRADED => Saved::Traded {
            class: ClassNo(fields.u16()?),
            hour: Hour(fields.u32()?),
            units: fields.u64()?,
            ticks: fields.u64()?,
        },
        kind::HALT => Saved::Halt(fields.scope()?),
        kind::ACCOUNT => get_account(fields)?,
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
        kind::CONTRACT => get_contract(fields)?,
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
        _ => return pending::get(fields),
    })
}

fn get_account(fields: &mut Get<'_>) -> Result<Saved, RecordError> {
    let (id, name, role) = (AccountId(fields.u32()?), fields.name()?, role(fields.u8()?)?);
    let reports = fields.u64()?;
    // Before there were limits, nobody had set any.
    let (limits, killed) = match fields.is_first_format() {
        true => (Limits::DEFAULT, false),
        false => (fields.limits()?, fields.bool("killed")?),
    };
    Ok(Saved::Account { account: Account { id, name, role, limits, killed }, reports })
}

fn get_contract(fields: &mut Get<'_>) -> Result<Saved, RecordError> {
    let (contract, phase) = (ContractId(fields.u32()?), phase(fields.u8()?)?);
    let (sequence, last_price) = (fields.u64()?, fields.i64()?);
    // Before there were auctions, none was under way.
    let (auction_price, until, indicative) = match fields.is_first_format() {
        true => (0, Timestamp::MAX, Timestamp::MAX),
        false => (fields.i64()?, fields.time()?, fields.time()?),
    };
    Ok(Saved::Contract { contract, phase, until, indicative, sequence, last_price, auction_price })
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

    pub(super) fn scope(&mut self, scope: Scope) -> &mut Self {
        self.bytes(ScopeBody::new(scope).as_bytes())
    }
}

impl Get<'_> {
    pub(super) fn terms(&mut self) -> Result<NewOrder, RecordError> {
        let terms = self.body(NewOrderBody::terms)?;
        if !self.is_first_format() {
            return Ok(terms);
        }
        // Before there were blocks, their fields were reserved: zeros.
        if terms.slots != 0 || terms.same_provider {
            return Err(choice("slots", 1, "0, as a record of format 1 has no blocks"));
        }
        Ok(NewOrder { slots: 1, ..terms })
    }

    pub(super) fn mass(&mut self) -> Result<MassCancel, RecordError> {
        self.body(MassCancelBody::mass_cancel)
    }

    pub(super) fn scope(&mut self) -> Result<Scope, RecordError> {
        self.body(ScopeBody::scope)
    }

    fn body<B: FromBytes, T>(&mut self, read: fn(&B) -> Result<T, RecordError>) -> Result<T, RecordError> {
        let bytes = self.take(size_of::<B>())?;
        read(&B::read_from_bytes(bytes).expect("as many bytes as it is long"))
    }
}

fn phase_byte(phase: Phase) -> u8 {
    match phase {
        Phase::Continuous => 1,
        Phase::Closed => 2,
        Phase::InDelivery => 3,
        Phase::Settled => 4,
        Phase::PreOpen => 5,
        Phase::Auction => 6,
        Phase::Halted => 7,
    }
}

fn phase(byte: u8) -> Result<Phase, RecordError> {
    match byte {
        1 => Ok(Phase::Continuous),
        2 => Ok(Phase::Closed),
        3 => Ok(Phase::InDelivery),
        4 => Ok(Phase::Settled),
        5 => Ok(Phase::PreOpen),
        6 => Ok(Phase::Auction),
        7 => Ok(Phase::Halted),
        byte => Err(choice("phase", byte, "1 to 7")),
    }
}
