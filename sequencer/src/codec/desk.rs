//! The bodies of the records of what the operator and the exchange itself do, of deposits and rotations.

use super::orders::ScopeBody;
use super::{RecordError, absent, choice, code, hex, kind, why, zero};
use types::{
    AccountId, AccountName, ClassSpec, Command, ContractId, KeyNo, Limits, Performance, PublicKey, Rights,
    Role, Scope, Timestamp, Why,
};
use zerocopy::little_endian::{I64, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct GenesisBody {
    pub(super) operator: [u8; 32],
    pub(super) seed: U64,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct DefineClassBody {
    model: [u8; 12],
    region: [u8; 12],
    currency: [u8; 12],
    /// Zeros if no performance is stated, and then `gflops` is 0.
    precision: [u8; 12],
    tick: I64,
    fee_ppm: U32,
    gflops: U32,
    static_band_ppm: U32,
    dynamic_band_ppm: U32,
    order_units_max: U32,
    gate_minutes: U16,
    horizon_hours: U16,
    preopen_minutes: U16,
    opening_minutes: U16,
    auction_seconds: U16,
    random_seconds: U16,
    slot_hours: u8,
    why: [u8; 63],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct OpenAccountBody {
    pub(super) name: [u8; 16],
    pub(super) why: [u8; 63],
    pub(super) role: u8,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RegisterKeyBody {
    pub(super) public: [u8; 32],
    pub(super) expires: U64,
    pub(super) account: U32,
    pub(super) rights: u8,
    pub(super) why: [u8; 63],
    pub(super) reserved: [u8; 4],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RevokeKeyBody {
    pub(super) key: U32,
    pub(super) why: [u8; 63],
    pub(super) reserved: [u8; 5],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct RotateKeyBody {
    pub(super) public: [u8; 32],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct DisconnectedBody {
    pub(super) key: U32,
    pub(super) reserved: [u8; 4],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct DepositCashBody {
    pub(super) amount: I64,
    pub(super) external: U64,
    pub(super) currency: [u8; 12],
    pub(super) account: U32,
    pub(super) why: [u8; 63],
    pub(super) reserved: [u8; 1],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct DepositCapacityBody {
    pub(super) external: U64,
    pub(super) contract: U32,
    pub(super) units: U32,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct LimitsBody {
    order_value: I64,
    account: U32,
    open_orders: U32,
    open_blocks: U32,
    why: [u8; 63],
    reserved: [u8; 5],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct KillSwitchBody {
    account: U32,
    on: u8,
    why: [u8; 63],
    reserved: [u8; 4],
}

/// The body of a halt, and of its end.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct HaltBody {
    scope: ScopeBody,
    why: [u8; 63],
    reserved: [u8; 2],
}

impl DefineClassBody {
    pub(super) fn new(spec: &ClassSpec, why: &Why) -> DefineClassBody {
        let (precision, gflops) = performance_fields(spec.performance);
        DefineClassBody {
            model: spec.model.bytes(),
            region: spec.region.bytes(),
            currency: spec.currency.bytes(),
            precision,
            tick: spec.tick.into(),
            fee_ppm: spec.fee_ppm.into(),
            gflops: gflops.into(),
            static_band_ppm: spec.static_band_ppm.into(),
            dynamic_band_ppm: spec.dynamic_band_ppm.into(),
            order_units_max: spec.order_units_max.into(),
            gate_minutes: spec.gate_minutes.into(),
            horizon_hours: spec.horizon_hours.into(),
            preopen_minutes: spec.preopen_minutes.into(),
            opening_minutes: spec.opening_minutes.into(),
            auction_seconds: spec.auction_seconds.into(),
            random_seconds: spec.random_seconds.into(),
            slot_hours: spec.slot_hours,
            why: why.bytes(),
        }
    }

    pub(super) fn command(&self) -> Result<Command, RecordError> {
        let spec = ClassSpec {
            model: code("model", self.model)?,
            region: code("region", self.region)?,
            currency: code("currency", self.currency)?,
            tick: self.tick.get(),
            slot_hours: self.slot_hours,
            gate_minutes: self.gate_minutes.get(),
            horizon_hours: self.horizon_hours.get(),
            fee_ppm: self.fee_ppm.get(),
            performance: performance(self.precision, self.gflops.get())?,
            preopen_minutes: self.preopen_minutes.get(),
            opening_minutes: self.opening_minutes.get(),
            auction_seconds: self.auction_seconds.get(),
            random_seconds: self.random_seconds.get(),
            static_band_ppm: self.static_band_ppm.get(),
            dynamic_band_ppm: self.dynamic_band_ppm.get(),
            order_units_max: self.order_units_max.get(),
        };
        Ok(Command::DefineClass { spec: Box::new(spec), why: why(self.why)? })
    }
}

/// A class's performance as its precision and its figure: zeros and 0 if none is stated.
pub(super) fn performance_fields(performance: Option<Performance>) -> ([u8; 12], u32) {
    performance.map_or(([0; 12], 0), |stated| (stated.precision.bytes(), stated.gflops))
}

/// The same back.
pub(super) fn performance(precision: [u8; 12], gflops: u32) -> Result<Option<Performance>, RecordError> {
    if precision != [0; 12] {
        return Ok(Some(Performance { gflops, precision: code("precision", precision)? }));
    }
    if gflops == 0 { Ok(None) } else { Err(absent("performance", gflops)) }
}

impl LimitsBody {
    pub(super) fn new(account: AccountId, limits: Limits, why: &Why) -> LimitsBody {
        let Limits { open_orders, open_blocks, order_value } = limits;
        LimitsBody {
            order_value: order_value.into(),
            account: account.0.into(),
            open_orders: open_orders.into(),
            open_blocks: open_blocks.into(),
            why: why.bytes(),
            reserved: [0; 5],
        }
    }

    pub(super) fn command(&self) -> Result<Command, RecordError> {
        zero(&self.reserved)?;
        let limits = Limits {
            open_orders: self.open_orders.get(),
            open_blocks: self.open_blocks.get(),
            order_value: self.order_value.get(),
        };
        Ok(Command::SetLimits { account: AccountId(self.account.get()), limits, why: why(self.why)? })
    }
}

impl KillSwitchBody {
    pub(super) fn new(account: AccountId, on: bool, why: &Why) -> KillSwitchBody {
        KillSwitchBody { account: account.0.into(), on: on.into(), why: why.bytes(), reserved: [0; 4] }
    }

    pub(super) fn command(&self) -> Result<Command, RecordError> {
        zero(&self.reserved)?;
        let on = match self.on {
            0 => false,
            1 => true,
            other => return Err(choice("on", other, "0 or 1")),
        };
        Ok(Command::SetKillSwitch { account: AccountId(self.account.get()), on, why: why(self.why)? })
    }
}

impl HaltBody {
    pub(super) fn new(scope: Scope, why: &Why) -> HaltBody {
        HaltBody { scope: ScopeBody::new(scope), why: why.bytes(), reserved: [0; 2] }
    }

    /// Of a record of this kind: a halt, or the end of one.
    pub(super) fn command(&self, kind: u8) -> Result<Command, RecordError> {
        zero(&self.reserved)?;
        let (scope, why) = (self.scope.scope()?, why(self.why)?);
        Ok(match kind {
            kind::HALT => Command::Halt { scope, why },
            _ => Command::Resume { scope, why },
        })
    }
}

impl OpenAccountBody {
    pub(super) fn command(&self) -> Result<Command, RecordError> {
        let expected = "1 to 16 characters of a-z, 0-9 and '-', then zeros";
        let name = AccountName::from_bytes(self.name).ok_or_else(|| RecordError::Field {
            field: "name",
            found: hex(&self.name),
            expected,
        })?;
        let role = role(self.role)?;
        Ok(Command::OpenAccount { name, role, why: why(self.why)? })
    }
}

impl RegisterKeyBody {
    pub(super) fn command(&self) -> Result<Command, RecordError> {
        zero(&self.reserved)?;
        Ok(Command::RegisterKey {
            account: AccountId(self.account.get()),
            public: PublicKey(self.public),
            rights: Rights(self.rights),
            expires: Timestamp(self.expires.get()),
            why: why(self.why)?,
        })
    }
}

impl RevokeKeyBody {
    pub(super) fn command(&self) -> Result<Command, RecordError> {
        zero(&self.reserved)?;
        Ok(Command::RevokeKey { key: KeyNo(self.key.get()), why: why(self.why)? })
    }
}

impl DepositCashBody {
    pub(super) fn command(&self) -> Result<Command, RecordError> {
        zero(&self.reserved)?;
        Ok(Command::DepositCash {
            account: AccountId(self.account.get()),
            currency: code("currency", self.currency)?,
            amount: self.amount.get(),
            external: self.external.get(),
            why: why(self.why)?,
        })
    }
}

impl DepositCapacityBody {
    pub(super) fn command(&self) -> Command {
        Command::DepositCapacity {
            contract: ContractId(self.contract.get()),
            units: self.units.get(),
            external: self.external.get(),
        }
    }
}

pub(super) fn role(byte: u8) -> Result<Role, RecordError> {
    match byte {
        1 => Ok(Role::Broker),
        2 => Ok(Role::Provider),
        3 => Ok(Role::Analyst),
        4 => Ok(Role::Operator),
        byte => Err(choice("role", byte, "1 to 4")),
    }
}

pub(super) fn role_byte(role: Role) -> u8 {
    match role {
        Role::Broker => 1,
        Role::Provider => 2,
        Role::Analyst => 3,
        Role::Operator => 4,
    }
}
