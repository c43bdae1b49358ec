//! The terms of an order and of a mass cancel on the wire, each shared by a command and by what is said of it.

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
        pad: [u8; 3],
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
        let flags = Flags { post_only: order.post_only, stop: order.trigger.is_some() };
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
            pad: [0; 3],
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
        let (scope, class, contract) = match asked.scope {
            Scope::All => (Scoped::All, ClassNo(0), ContractId(0)),
            Scope::Class(class) => (Scoped::Class, class, ContractId(0)),
            Scope::Contract(contract) => (Scoped::Contract, ClassNo(0), contract),
        };
        MassCancelTerms {
            contract: contract.0.into(),
            class: class.0.into(),
            scope: scope.byte(),
            side: asked.side.map_or(BOTH_SIDES, Choice::byte),
        }
    }

    pub(crate) fn mass_cancel(&self) -> Result<MassCancel, Misfit> {
        let (class, contract) = (class_no(self.class)?, ContractId(self.contract.get()));
        let scope = match Scoped::from_byte(self.scope)? {
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
        };
        let side = if self.side == BOTH_SIDES { None } else { Some(Side::from_byte(self.side)?) };
        Ok(MassCancel { scope, side })
    }
}
