//! The journal's records: every stamped command as fixed little-endian bytes, and back.
//!
//! A record is a header of 32 bytes and a body whose length follows from the kind. Every command has exactly
//! one encoding: reserved bytes are zero, and a record that says otherwise is refused. The layouts stand in
//! `docs/journal-records.md`, which a test compares with the bytes.

mod desk;
mod orders;
pub mod snapshot;
mod straight;

use desk::{
    DefineClassBody, DepositCapacityBody, DepositCashBody, DisconnectedBody, GenesisBody, HaltBody,
    KillSwitchBody, LimitsBody, OpenAccountBody, RegisterKeyBody, RevokeKeyBody, RotateKeyBody, role_byte,
};
use orders::{CancelOnDisconnectBody, MassCancelBody, NewOrderBody, OrderRefBody, ReplaceBody};
use std::mem::size_of;
pub(crate) use straight::decode_onto;
use types::{Code, Command, KeyNo, Lane, PublicKey, Sender, Stamped, Timestamp, Why};
use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The version of all layouts below; a record of another version is not read.
pub const RECORD_VERSION: u8 = 4;

/// The length of the longest record in bytes.
pub const RECORD_MAX: usize = size_of::<Header>() + size_of::<DefineClassBody>();

/// Appends the record of `stamped` to `bytes`.
pub fn encode(stamped: &Stamped, bytes: &mut Vec<u8>) {
    match stamped.command {
        Command::Clock => put(bytes, stamped, kind::CLOCK, &()),
        Command::Continue => put(bytes, stamped, kind::CONTINUE, &()),
        Command::Genesis { operator, seed } => {
            let body = GenesisBody { operator: operator.0, seed: seed.into() };
            put(bytes, stamped, kind::GENESIS, &body);
        }
        Command::Disconnected { key } => {
            let body = DisconnectedBody { key: key.0.into(), reserved: [0; 4] };
            put(bytes, stamped, kind::DISCONNECTED, &body);
        }
        Command::DefineClass { ref spec, ref why } => {
            put(bytes, stamped, kind::DEFINE_CLASS, &DefineClassBody::new(spec, why));
        }
        Command::OpenAccount { name, role, ref why } => {
            let body = OpenAccountBody { name: name.bytes(), why: why.bytes(), role: role_byte(role) };
            put(bytes, stamped, kind::OPEN_ACCOUNT, &body);
        }
        Command::RegisterKey { account, public, rights, expires, ref why } => {
            let body = RegisterKeyBody {
                public: public.0,
                expires: expires.0.into(),
                account: account.0.into(),
                rights: rights.0,
                why: why.bytes(),
                reserved: [0; 4],
            };
            put(bytes, stamped, kind::REGISTER_KEY, &body);
        }
        Command::RevokeKey { key, ref why } => {
            let body = RevokeKeyBody { key: key.0.into(), why: why.bytes(), reserved: [0; 5] };
            put(bytes, stamped, kind::REVOKE_KEY, &body);
        }
        Command::RotateKey { public } => {
            put(bytes, stamped, kind::ROTATE_KEY, &RotateKeyBody { public: public.0 });
        }
        Command::DepositCash { account, currency, amount, external, ref why } => {
            let body = DepositCashBody {
                amount: amount.into(),
                external: external.into(),
                currency: currency.bytes(),
                account: account.0.into(),
                why: why.bytes(),
                reserved: [0; 1],
            };
            put(bytes, stamped, kind::DEPOSIT_CASH, &body);
        }
        Command::DepositCapacity { contract, units, external } => {
            let body = DepositCapacityBody {
                external: external.into(),
                contract: contract.0.into(),
                units: units.into(),
            };
            put(bytes, stamped, kind::DEPOSIT_CAPACITY, &body);
        }
        Command::SetLimits { account, limits, ref why } => {
            put(bytes, stamped, kind::SET_LIMITS, &LimitsBody::new(account, limits, why));
        }
        Command::SetKillSwitch { account, on, ref why } => {
            put(bytes, stamped, kind::SET_KILL_SWITCH, &KillSwitchBody::new(account, on, why));
        }
        Command::Halt { scope, ref why } => put(bytes, stamped, kind::HALT, &HaltBody::new(scope, why)),
        Command::Resume { scope, ref why } => put(bytes, stamped, kind::RESUME, &HaltBody::new(scope, why)),
        Command::NewOrder(ref order) => put(bytes, stamped, kind::NEW_ORDER, &NewOrderBody::new(order)),
        Command::Cancel(order) => put(bytes, stamped, kind::CANCEL, &OrderRefBody::new(order)),
        Command::Replace { order, price, units } => {
            put(bytes, stamped, kind::REPLACE, &ReplaceBody::new(order, price, units));
        }
        Command::MassCancel(asked) => put(bytes, stamped, kind::MASS_CANCEL, &MassCancelBody::new(&asked)),
        Command::CancelOnDisconnect { grace } => {
            let body = CancelOnDisconnectBody { grace: grace.into(), reserved: [0; 4] };
            put(bytes, stamped, kind::CANCEL_ON_DISCONNECT, &body);
        }
    }
}

/// Reads the record at the start of `bytes` and gives the bytes behind it.
///
/// # Errors
/// [`RecordError`] if no record of this version begins there; nothing is skipped.
pub fn decode(bytes: &[u8]) -> Result<(Stamped, &[u8]), RecordError> {
    let (header, rest) = Header::read_from_prefix(bytes)
        .map_err(|_| RecordError::Short { needed: size_of::<Header>(), left: bytes.len() })?;
    if header.version != RECORD_VERSION {
        return Err(RecordError::Version { found: header.version });
    }
    let record = Record { header, rest };
    let (command, rest) = match header.kind {
        kind::CLOCK => record.empty(Command::Clock)?,
        kind::CONTINUE => record.empty(Command::Continue)?,
        kind::GENESIS => record.read(|body: &GenesisBody| {
            Ok(Command::Genesis { operator: PublicKey(body.operator), seed: body.seed.get() })
        })?,
        kind::DEFINE_CLASS => record.read(|body: &DefineClassBody| body.command())?,
        kind::OPEN_ACCOUNT => record.read(|body: &OpenAccountBody| body.command())?,
        kind::REGISTER_KEY => record.read(|body: &RegisterKeyBody| body.command())?,
        kind::REVOKE_KEY => record.read(|body: &RevokeKeyBody| body.command())?,
        kind::ROTATE_KEY => {
            record.read(|body: &RotateKeyBody| Ok(Command::RotateKey { public: PublicKey(body.public) }))?
        }
        kind::DISCONNECTED => record.read(|body: &DisconnectedBody| {
            zero(&body.reserved)?;
            Ok(Command::Disconnected { key: KeyNo(body.key.get()) })
        })?,
        kind::DEPOSIT_CASH => record.read(|body: &DepositCashBody| body.command())?,
        kind::DEPOSIT_CAPACITY => record.read(|body: &DepositCapacityBody| Ok(body.command()))?,
        kind::NEW_ORDER => record.read(|body: &NewOrderBody| body.command())?,
        kind::CANCEL => record.read(|body: &OrderRefBody| Ok(Command::Cancel(body.order()?)))?,
        kind::REPLACE => record.read(|body: &ReplaceBody| body.command())?,
        kind::MASS_CANCEL => record.read(|body: &MassCancelBody| body.command())?,
        kind::CANCEL_ON_DISCONNECT => record.read(|body: &CancelOnDisconnectBody| {
            zero(&body.reserved)?;
            Ok(Command::CancelOnDisconnect { grace: body.grace.get() })
        })?,
        kind::SET_LIMITS => record.read(|body: &LimitsBody| body.command())?,
        kind::SET_KILL_SWITCH => record.read(|body: &KillSwitchBody| body.command())?,
        kind::HALT | kind::RESUME => record.read(|body: &HaltBody| body.command(header.kind))?,
        unknown => return Err(RecordError::Kind { found: unknown }),
    };
    let stamped = Stamped {
        sequence: header.sequence.get(),
        time: Timestamp(header.time.get()),
        sender: header.sender()?,
        command,
    };
    Ok((stamped, rest))
}

/// The commands of one batch, in order; ends after the first error.
#[must_use]
pub fn records(batch: &[u8]) -> Records<'_> {
    Records { rest: batch }
}

/// See [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

/// Why some bytes are no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The bytes end too early.
    #[error("the record ends early: {left} bytes are left of the {needed} it needs")]
    Short {
        /// How many bytes the header or the whole record takes.
        needed: usize,
        /// How many there are.
        left: usize,
    },
    /// Written by a program that lays records out otherwise.
    #[error("the record is of version {found}, this program reads version {RECORD_VERSION}")]
    Version {
        /// Its version.
        found: u8,
    },
    /// A kind that does not exist.
    #[error("{found} is no kind of record")]
    Kind {
        /// Its kind.
        found: u8,
    },
    /// The header's length is not that of its kind.
    #[error("a record of kind {kind} is {expected} bytes long, this one says {found}")]
    Length {
        /// Its kind.
        kind: u8,
        /// The length it says.
        found: u8,
        /// The length of its kind.
        expected: usize,
    },
    /// A field that holds no value of its type.
    #[error("field '{field}' holds {found}, expected {expected}")]
    Field {
        /// The field, as in the documentation.
        field: &'static str,
        /// Its bytes in hex, or its number.
        found: String,
        /// What it may hold.
        expected: &'static str,
    },
}

impl Iterator for Records<'_> {
    type Item = Result<Stamped, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        // Where a record cannot be read, nobody knows where the next one begins.
        let outcome = decode(std::mem::take(&mut self.rest));
        Some(outcome.map(|(stamped, rest)| {
            self.rest = rest;
            stamped
        }))
    }
}

/// The kinds of records. A number is never used again for something else.
mod kind {
    pub(super) const CLOCK: u8 = 1;
    pub(super) const CONTINUE: u8 = 2;
    pub(super) const GENESIS: u8 = 3;
    pub(super) const DEFINE_CLASS: u8 = 4;
    pub(super) const OPEN_ACCOUNT: u8 = 5;
    pub(super) const REGISTER_KEY: u8 = 6;
    pub(super) const REVOKE_KEY: u8 = 7;
    pub(super) const DEPOSIT_CASH: u8 = 8;
    pub(super) const DEPOSIT_CAPACITY: u8 = 9;
    pub(super) const NEW_ORDER: u8 = 10;
    pub(super) const CANCEL: u8 = 11;
    pub(super) const REPLACE: u8 = 12;
    pub(super) const MASS_CANCEL: u8 = 13;
    pub(super) const CANCEL_ON_DISCONNECT: u8 = 14;
    pub(super) const ROTATE_KEY: u8 = 15;
    pub(super) const DISCONNECTED: u8 = 16;
    pub(super) const SET_LIMITS: u8 = 17;
    pub(super) const SET_KILL_SWITCH: u8 = 18;
    pub(super) const HALT: u8 = 19;
    pub(super) const RESUME: u8 = 20;
}

/// What every record begins with.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Header {
    /// Of the whole record.
    length: u8,
    kind: u8,
    version: u8,
    /// 0: no sender, and then key and number are 0 too.
    lane: u8,
    key: U32,
    sequence: U64,
    time: U64,
    number: U64,
}

/// A header and what follows it.
struct Record<'a> {
    header: Header,
    rest: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the body and gives the bytes behind it.
    fn read<B: FromBytes + KnownLayout + Immutable + Unaligned + 'a>(
        &self,
        command: impl FnOnce(&B) -> Result<Command, RecordError>,
    ) -> Result<(Command, &'a [u8]), RecordError> {
        self.check_length(size_of::<B>())?;
        let needed = size_of::<Header>() + size_of::<B>();
        let left = size_of::<Header>() + self.rest.len();
        let (body, rest) = B::ref_from_prefix(self.rest).map_err(|_| RecordError::Short { needed, left })?;
        Ok((command(body)?, rest))
    }

    fn empty(&self, command: Command) -> Result<(Command, &'a [u8]), RecordError> {
        self.check_length(0)?;
        Ok((command, self.rest))
    }

    fn check_length(&self, body: usize) -> Result<(), RecordError> {
        let expected = size_of::<Header>() + body;
        let found = self.header.length;
        if usize::from(found) == expected {
            return Ok(());
        }
        Err(RecordError::Length { kind: self.header.kind, found, expected })
    }
}

impl Header {
    #[inline]
    fn sender(&self) -> Result<Option<Sender>, RecordError> {
        let (key, number) = (self.key.get(), self.number.get());
        let lane = match self.lane {
            0 if key == 0 && number == 0 => return Ok(None),
            1 => Lane::Orders,
            2 => Lane::Cancels,
            lane => {
                let expected = "1 or 2, or 0 with key and number 0";
                return Err(RecordError::Field { field: "lane", found: lane.to_string(), expected });
            }
        };
        Ok(Some(Sender { key: KeyNo(key), lane, number }))
    }
}

fn put<B: IntoBytes + Immutable>(bytes: &mut Vec<u8>, stamped: &Stamped, kind: u8, body: &B) {
    const { assert!(size_of::<Header>() + size_of::<B>() <= RECORD_MAX && RECORD_MAX <= 255) };
    let length = u8::try_from(size_of::<Header>() + size_of::<B>()).expect("RECORD_MAX fits in 8 bits");
    let (lane, key, number) = match stamped.sender {
        None => (0, 0, 0),
        Some(Sender { key, lane: Lane::Orders, number }) => (1, key.0, number),
        Some(Sender { key, lane: Lane::Cancels, number }) => (2, key.0, number),
    };
    let header = Header {
        length,
        kind,
        version: RECORD_VERSION,
        lane,
        key: key.into(),
        sequence: stamped.sequence.into(),
        time: stamped.time.0.into(),
        number: number.into(),
    };
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(body.as_bytes());
}

fn code(field: &'static str, bytes: [u8; 12]) -> Result<Code, RecordError> {
    let expected = "1 to 12 characters of A-Z and 0-9, then zeros";
    Code::from_bytes(bytes).ok_or_else(|| RecordError::Field { field, found: hex(&bytes), expected })
}

fn why(bytes: [u8; 63]) -> Result<Why, RecordError> {
    let expected = "up to 63 printable ASCII characters, then zeros";
    Why::from_bytes(bytes).ok_or_else(|| RecordError::Field { field: "why", found: hex(&bytes), expected })
}

#[cold]
fn choice(field: &'static str, found: u8, expected: &'static str) -> RecordError {
    RecordError::Field { field, found: found.to_string(), expected }
}

/// A field that belongs to another choice.
#[cold]
fn absent(field: &'static str, found: impl ToString) -> RecordError {
    RecordError::Field { field, found: found.to_string(), expected: "0, as the choice beside it has none" }
}

#[inline]
fn zero(reserved: &[u8]) -> Result<(), RecordError> {
    if reserved.iter().all(|&byte| byte == 0) { Ok(()) } else { Err(not_zero(reserved)) }
}

#[cold]
fn not_zero(reserved: &[u8]) -> RecordError {
    RecordError::Field { field: "reserved", found: hex(reserved), expected: "zeros" }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
