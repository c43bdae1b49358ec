//! The bodies of the records of what the operator and the exchange itself do, of deposits and rotations.

use super::{RecordError, choice, code, hex, why, zero};
use types::{
    AccountId, AccountName, ClassSpec, Command, ContractId, KeyNo, PublicKey, Rights, Role, Timestamp, Why,
};
use zerocopy::little_endian::{I64, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct GenesisBody {
    pub(super) operator: [u8; 32],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct DefineClassBody {
    pub(super) model: [u8; 12],
    pub(super) region: [u8; 12],
    pub(super) currency: [u8; 12],
    pub(super) fee_ppm: U32,
    pub(super) tick: I64,
    pub(super) gate_minutes: U16,
    pub(super) horizon_hours: U16,
    pub(super) slot_hours: u8,
    pub(super) why: [u8; 63],
    pub(super) reserved: [u8; 4],
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

impl DefineClassBody {
    pub(super) fn new(spec: &ClassSpec, why: Why) -> DefineClassBody {
        DefineClassBody {
            model: spec.model.bytes(),
            region: spec.region.bytes(),
            currency: spec.currency.bytes(),
            fee_ppm: spec.fee_ppm.into(),
            tick: spec.tick.into(),
            gate_minutes: spec.gate_minutes.into(),
            horizon_hours: spec.horizon_hours.into(),
            slot_hours: spec.slot_hours,
            why: why.bytes(),
            reserved: [0; 4],
        }
    }

    pub(super) fn command(&self) -> Result<Command, RecordError> {
        zero(&self.reserved)?;
        let spec = ClassSpec {
            model: code("model", self.model)?,
            region: code("region", self.region)?,
            currency: code("currency", self.currency)?,
            tick: self.tick.get(),
            slot_hours: self.slot_hours,
            gate_minutes: self.gate_minutes.get(),
            horizon_hours: self.horizon_hours.get(),
            fee_ppm: self.fee_ppm.get(),
        };
        Ok(Command::DefineClass { spec, why: why(self.why)? })
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
