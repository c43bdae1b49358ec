//! The bodies of the records of orders: new, cancelled, replaced, cancelled in mass or on disconnect.

use super::{RecordError, absent, choice, zero};
use types::{
    ClassNo, Command, ContractId, MassCancel, NewOrder, OrderKind, OrderRef, Scope, SelfTrade, Side, Ticks,
    TimeInForce, Timestamp, Units,
};
use zerocopy::little_endian::{I64, U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct NewOrderBody {
    price: I64,
    /// Of an order good till date; else 0.
    until: U64,
    /// Of a stop; else 0.
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
    reserved: [u8; 1],
    slots: U16,
}

/// The whole body of a cancel, and the start of a replace's.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct OrderRefBody {
    /// The order's id or the client's number, as `named_by` says.
    order: U64,
    slot: U32,
    named_by: u8,
    reserved: [u8; 3],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct ReplaceBody {
    order: OrderRefBody,
    price: I64,
    units: U32,
    reserved: [u8; 4],
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct MassCancelBody {
    scope: ScopeBody,
    /// 0 for both.
    side: u8,
}

/// A set of contracts.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct ScopeBody {
    /// The scope's contract; else 0.
    contract: U32,
    /// The scope's class; else 0.
    class: U16,
    scope: u8,
}

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
pub(super) struct CancelOnDisconnectBody {
    pub(super) grace: U32,
    pub(super) reserved: [u8; 4],
}

/// In `flags`.
const POST_ONLY: u8 = 1;
/// In `flags`: there is a trigger.
const STOP: u8 = 2;
/// In `flags`.
const SAME_PROVIDER: u8 = 4;

impl NewOrderBody {
    pub(super) fn new(order: &NewOrder) -> NewOrderBody {
        let (time_in_force, until) = match order.time_in_force {
            TimeInForce::Gtc => (1, 0),
            TimeInForce::Ioc => (2, 0),
            TimeInForce::Fok => (3, 0),
            TimeInForce::Gtd(until) => (4, until.0),
        };
        let stop = if order.trigger.is_some() { STOP } else { 0 };
        NewOrderBody {
            price: order.price.into(),
            until: until.into(),
            trigger: order.trigger.unwrap_or(0).into(),
            contract: order.contract.0.into(),
            units: order.units.into(),
            min_units: order.min_units.into(),
            shown: order.shown.into(),
            side: side_byte(order.side),
            kind: match order.kind {
                OrderKind::Limit => 1,
                OrderKind::Market => 2,
            },
            time_in_force,
            self_trade: match order.self_trade {
                SelfTrade::CancelIncoming => 1,
                SelfTrade::CancelResting => 2,
                SelfTrade::CancelBoth => 3,
                SelfTrade::Decrement => 4,
            },
            flags: stop
                | if order.post_only { POST_ONLY } else { 0 }
                | if order.same_provider { SAME_PROVIDER } else { 0 },
            reserved: [0; 1],
            slots: order.slots.into(),
        }
    }

    pub(super) fn command(&self) -> Result<Command, RecordError> {
        self.terms().map(Command::NewOrder)
    }

    pub(super) fn terms(&self) -> Result<NewOrder, RecordError> {
        self.sound().ok_or_else(|| self.flaw())
    }

    /// The order, if every field holds a value of its own. It stays inside its caller, so that the order is put together
    /// where it is to lie.
    #[inline(always)]
    pub(super) fn sound(&self) -> Option<NewOrder> {
        if self.reserved != [0] || self.flags & !(POST_ONLY | STOP | SAME_PROVIDER) != 0 {
            return None;
        }
        let is_stop = self.flags & STOP != 0;
        if !is_stop && self.trigger.get() != 0 {
            return None;
        }
        Some(NewOrder {
            contract: ContractId(self.contract.get()),
            side: side_of(self.side)?,
            kind: self.kind()?,
            time_in_force: self.time_in_force()?,
            price: self.price.get(),
            units: self.units.get(),
            min_units: self.min_units.get(),
            shown: self.shown.get(),
            post_only: self.flags & POST_ONLY != 0,
            trigger: is_stop.then(|| self.trigger.get()),
            self_trade: self.self_trade()?,
            slots: self.slots.get(),
            same_provider: self.flags & SAME_PROVIDER != 0,
        })
    }

    /// Why the order is not sound: the first field that holds no value of its own.
    #[cold]
    fn flaw(&self) -> RecordError {
        if let Err(error) = zero(&self.reserved) {
            return error;
        }
        if self.flags & !(POST_ONLY | STOP | SAME_PROVIDER) != 0 {
            return choice("flags", self.flags, "a sum of 1, 2 and 4, or 0");
        }
        if let Err(error) = side(self.side) {
            return error;
        }
        if self.kind().is_none() {
            return choice("kind", self.kind, "1 or 2");
        }
        if self.time_in_force().is_none() {
            return match (self.time_in_force, self.until.get()) {
                (1..=3, until) => absent("until", until),
                (tif, _) => choice("time in force", tif, "1 to 4"),
            };
        }
        if self.self_trade().is_some() {
            return absent("trigger", self.trigger.get());
        }
        choice("self trade", self.self_trade, "1 to 4")
    }

    #[inline(always)]
    fn kind(&self) -> Option<OrderKind> {
        match self.kind {
            1 => Some(OrderKind::Limit),
            2 => Some(OrderKind::Market),
            _ => None,
        }
    }

    #[inline(always)]
    fn time_in_force(&self) -> Option<TimeInForce> {
        match (self.time_in_force, self.until.get()) {
            (1, 0) => Some(TimeInForce::Gtc),
            (2, 0) => Some(TimeInForce::Ioc),
            (3, 0) => Some(TimeInForce::Fok),
            (4, until) => Some(TimeInForce::Gtd(Timestamp(until))),
            _ => None,
        }
    }

    #[inline(always)]
    fn self_trade(&self) -> Option<SelfTrade> {
        match self.self_trade {
            1 => Some(SelfTrade::CancelIncoming),
            2 => Some(SelfTrade::CancelResting),
            3 => Some(SelfTrade::CancelBoth),
            4 => Some(SelfTrade::Decrement),
            _ => None,
        }
    }
}

impl OrderRefBody {
    pub(super) fn new(order: OrderRef) -> OrderRefBody {
        let (order, slot, named_by) = match order {
            OrderRef::Id { order, slot } => (order, slot, 1),
            OrderRef::Number(number) => (number, 0, 2),
        };
        OrderRefBody { order: order.into(), slot: slot.into(), named_by, reserved: [0; 3] }
    }

    pub(super) fn order(&self) -> Result<OrderRef, RecordError> {
        zero(&self.reserved)?;
        self.sound().ok_or_else(|| choice("named by", self.named_by, "1, or 2 with slot 0"))
    }

    /// As [`NewOrderBody::sound`].
    #[inline(always)]
    pub(super) fn sound(&self) -> Option<OrderRef> {
        let (order, slot) = (self.order.get(), self.slot.get());
        match self.named_by {
            _ if self.reserved != [0; 3] => None,
            1 => Some(OrderRef::Id { order, slot }),
            2 if slot == 0 => Some(OrderRef::Number(order)),
            _ => None,
        }
    }
}

impl ReplaceBody {
    pub(super) fn new(order: OrderRef, price: Ticks, units: Units) -> ReplaceBody {
        let order = OrderRefBody::new(order);
        ReplaceBody { order, price: price.into(), units: units.into(), reserved: [0; 4] }
    }

    pub(super) fn command(&self) -> Result<Command, RecordError> {
        zero(&self.reserved)?;
        Ok(Command::Replace { order: self.order.order()?, price: self.price.get(), units: self.units.get() })
    }

    /// As [`NewOrderBody::sound`].
    #[inline(always)]
    pub(super) fn sound(&self) -> Option<Command> {
        let order = if self.reserved == [0; 4] { self.order.sound()? } else { return None };
        Some(Command::Replace { order, price: self.price.get(), units: self.units.get() })
    }
}

impl MassCancelBody {
    pub(super) fn new(asked: &MassCancel) -> MassCancelBody {
        MassCancelBody { scope: ScopeBody::new(asked.scope), side: asked.side.map_or(0, side_byte) }
    }

    pub(super) fn command(&self) -> Result<Command, RecordError> {
        self.mass_cancel().map(Command::MassCancel)
    }

    pub(super) fn mass_cancel(&self) -> Result<MassCancel, RecordError> {
        let side = if self.side == 0 { None } else { Some(side(self.side)?) };
        Ok(MassCancel { scope: self.scope.scope()?, side })
    }
}

impl ScopeBody {
    pub(super) fn new(scope: Scope) -> ScopeBody {
        let (scope, class, contract) = match scope {
            Scope::All => (1, ClassNo(0), ContractId(0)),
            Scope::Class(class) => (2, class, ContractId(0)),
            Scope::Contract(contract) => (3, ClassNo(0), contract),
        };
        ScopeBody { contract: contract.0.into(), class: class.0.into(), scope }
    }

    pub(super) fn scope(&self) -> Result<Scope, RecordError> {
        match (self.scope, self.class.get(), self.contract.get()) {
            (1, 0, 0) => Ok(Scope::All),
            (2, class, 0) => Ok(Scope::Class(ClassNo(class))),
            (3, 0, contract) => Ok(Scope::Contract(ContractId(contract))),
            (1 | 3, class, _) if class != 0 => Err(absent("class", class)),
            (1 | 2, _, contract) => Err(absent("contract", contract)),
            (scope, _, _) => Err(choice("scope", scope, "1 to 3")),
        }
    }
}

fn side_byte(side: Side) -> u8 {
    match side {
        Side::Buy => 1,
        Side::Sell => 2,
    }
}

fn side(byte: u8) -> Result<Side, RecordError> {
    side_of(byte).ok_or_else(|| choice("side", byte, "1 or 2"))
}

#[inline(always)]
fn side_of(byte: u8) -> Option<Side> {
    match byte {
        1 => Some(Side::Buy),
        2 => Some(Side::Sell),
        _ => None,
    }
}
