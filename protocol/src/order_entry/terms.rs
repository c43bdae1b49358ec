//! The terms of an order, of a mass cancel and of a halt on the wire, each shared by a command and by what is said of
//! it.

use crate::choice::{Choice, Flags, Misfit, Scoped, Tif};
use crate::class_info::class_no;
use crate::wire::layout;
use types::{
    ClassNo, ContractId, MassCancel, NewOrder, OrderKind, Scope, SelfTrade, Side, TimeInForce, Timestamp,
};
use zerocopy::little_endian::{I64, U16, U32, U64};

layout! {
    /// The terms of an order.
    OrderTerms {
        price: I64,
        until: U64,
        trigger: I64,
        contract: U32,
        units: U32,
        min_units: U32,
        shown: U32,
        side: u8,
        kind: u8,
        time_in_force: u8,
        self_trade: u8,
        flags: u8,
        pad: [u8; 1],
        slots: U16,
    }
}

layout! {
    /// Which orders a mass cancel ends.
    MassCancelTerms {
        contract: U32,
        class: U16,
        scope: u8,
        side: u8,
    }
}

layout! {
    /// Which contracts a halt stops.
    ScopeTerms {
        contract: U32,
        class: U16,
        scope: u8,
        pad: [u8; 1],
    }
}

/// The `side` of a mass cancel that is for both.
const BOTH_SIDES: u8 = 0;

impl OrderTerms {
    pub(crate) fn new(order: &NewOrder) -> OrderTerms {
        let (time_in_force, until) = match order.time_in_force {
            TimeInForce::Gtc => (Tif::Gtc, 0),
            TimeInForce::Ioc => (Tif::Ioc, 0),
            TimeInForce::Fok => (Tif::Fok, 0),
            TimeInForce::Gtd(until) => (Tif::Gtd, until.0),
        };
        let flags = Flags {
            post_only: order.post_only,
            stop: order.trigger.is_some(),
            same_provider: order.same_provider,
        };
        OrderTerms {
            price: order.price.into(),
            until: until.into(),
            trigger: order.trigger.unwrap_or(0).into(),
            contract: order.contract.0.into(),
            units: order.units.into(),
            min_units: order.min_units.into(),
            shown: order.shown.into(),
            side: order.side.byte(),
            kind: order.kind.byte(),
            time_in_force: time_in_force.byte(),
            self_trade: order.self_trade.byte(),
            flags: flags.byte(),
            pad: [0; 1],
            slots: order.slots.into(),
        }
    }

    /// The terms as asked for or told; whether they are in range and go together is for
    /// [`NewOrder::check`] to say.
    pub(crate) fn order(&self) -> Result<NewOrder, Misfit> {
        let flags = Flags::from_byte(self.flags)?;
        Ok(NewOrder {
            contract: ContractId(self.contract.get()),
            side: Side::from_byte(self.side)?,
            kind: OrderKind::from_byte(self.kind)?,
            time_in_force: self.time_in_force()?,
            price: self.price.get(),
            units: self.units.get(),
            min_units: self.min_units.get(),
            shown: self.shown.get(),
            post_only: flags.post_only,
            trigger: self.trigger(flags.stop)?,
            self_trade: SelfTrade::from_byte(self.self_trade)?,
            slots: self.slots.get(),
            same_provider: flags.same_provider,
        })
    }

    fn time_in_force(&self) -> Result<TimeInForce, Misfit> {
        let until = self.until.get();
        match Tif::from_byte(self.time_in_force)? {
            Tif::Gtd => Ok(TimeInForce::Gtd(Timestamp(until))),
            // Whoever says until when means it.
            _ if until != 0 => Err(Misfit::Form { field: "until" }),
            Tif::Gtc => Ok(TimeInForce::Gtc),
            Tif::Ioc => Ok(TimeInForce::Ioc),
            Tif::Fok => Ok(TimeInForce::Fok),
        }
    }

    fn trigger(&self, is_stop: bool) -> Result<Option<i64>, Misfit> {
        match self.trigger.get() {
            trigger if is_stop => Ok(Some(trigger)),
            0 => Ok(None),
            _ => Err(Misfit::Form { field: "trigger" }),
        }
    }
}

impl MassCancelTerms {
    pub(crate) fn new(asked: &MassCancel) -> MassCancelTerms {
        let (scope, class, contract) = scope_fields(asked.scope);
        MassCancelTerms { contract, class, scope, side: asked.side.map_or(BOTH_SIDES, Choice::byte) }
    }

    pub(crate) fn mass_cancel(&self) -> Result<MassCancel, Misfit> {
        let scope = scope_of(self.scope, self.class, self.contract)?;
        let side = if self.side == BOTH_SIDES { None } else { Some(Side::from_byte(self.side)?) };
        Ok(MassCancel { scope, side })
    }
}

impl ScopeTerms {
    pub(crate) fn new(scope: Scope) -> ScopeTerms {
        let (scope, class, contract) = scope_fields(scope);
        ScopeTerms { contract, class, scope, pad: [0; 1] }
    }

    pub(crate) fn scope(&self) -> Result<Scope, Misfit> {
        scope_of(self.scope, self.class, self.contract)
    }
}

/// The fields of a scope: which it is, the class, the contract; 0 where it names none.
fn scope_fields(scope: Scope) -> (u8, U16, U32) {
    let (scope, class, contract) = match scope {
        Scope::All => (Scoped::All, ClassNo(0), ContractId(0)),
        Scope::Class(class) => (Scoped::Class, class, ContractId(0)),
        Scope::Contract(contract) => (Scoped::Contract, ClassNo(0), contract),
    };
    (scope.byte(), class.0.into(), contract.0.into())
}

/// The scope of these fields.
fn scope_of(scope: u8, class: U16, contract: U32) -> Result<Scope, Misfit> {
    let (class, contract) = (class_no(class)?, ContractId(contract.get()));
    Ok(match Scoped::from_byte(scope)? {
        // Whoever names a class or contract means it.
        Scoped::All | Scoped::Contract if class != ClassNo(0) => {
            return Err(Misfit::Form { field: "class" });
        }
        Scoped::All | Scoped::Class if contract != ContractId(0) => {
            return Err(Misfit::Form { field: "contract" });
        }
        Scoped::All => Scope::All,
        Scoped::Class => Scope::Class(class),
        Scoped::Contract => Scope::Contract(contract),
    })
}
