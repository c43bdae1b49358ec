//! Choices: enums that stand as one byte on the wire, and what a byte that names nothing is.

use crate::market_data::{Depth, Start, TradeKind};
use types::{
    AccountName, CancelReason, Code, Lane, OrderKind, Phase, RejectCode, Rights, Role, SelfTrade, Side, Why,
};

/// A field that holds what names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// A byte that is none of the field's choices.
    #[error("{byte} is no {field}")]
    Choice {
        /// Which field.
        field: &'static str,
        /// The byte.
        byte: u8,
    },
    /// A text that is no code or name, or another value out of its form.
    #[error("the field '{field}' is not in its form")]
    Form {
        /// Which field.
        field: &'static str,
    },
}

/// An enum that is one byte on the wire.
pub(crate) trait Choice: Copy + Sized + 'static {
    /// What the field is called.
    const FIELD: &'static str;
    /// Every choice with its byte.
    #[cfg(test)]
    const ALL: &'static [(Self, u8)];
    /// The byte.
    fn byte(self) -> u8;
    /// The choice with this byte.
    fn from_byte(byte: u8) -> Result<Self, Misfit>;
}

macro_rules! choices {
    ($type:ident, $field:literal: $($choice:ident = $byte:literal),*) => {
        impl Choice for $type {
            const FIELD: &'static str = $field;
            #[cfg(test)]
            const ALL: &'static [($type, u8)] = &[$(($type::$choice, $byte)),*];

            fn byte(self) -> u8 {
                match self {
                    $($type::$choice => $byte,)*
                }
            }

            fn from_byte(byte: u8) -> Result<$type, Misfit> {
                match byte {
                    $($byte => Ok($type::$choice),)*
                    _ => Err(Misfit::Choice { field: Self::FIELD, byte }),
                }
            }
        }
    };
}

/// How a cancel or replace names its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// By id and slot.
    Id,
    /// By the client's number.
    Number,
}

/// How long an order lasts, without the moment of [`types::TimeInForce::Gtd`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tif {
    Gtc,
    Ioc,
    Fok,
    Gtd,
}

/// What a mass cancel is for, without the class or contract of [`types::Scope`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scoped {
    All,
    Class,
    Contract,
}

/// What an order may be besides: a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Refused rather than traded at once.
    pub(crate) post_only: bool,
    /// It sleeps until its trigger is met.
    pub(crate) stop: bool,
    /// A buy block that one sell block has to meet.
    pub(crate) same_provider: bool,
}

/// What an entry of an increment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Reduce,
    Delete,
    Trade,
    Phase,
    BlockTrade,
    BlockPrint,
    Block,
    AuctionTrade,
    Indicative,
}

choices!(Side, "side": Buy = 1, Sell = 2);
choices!(OrderKind, "order kind": Limit = 1, Market = 2);
choices!(Tif, "time in force": Gtc = 1, Ioc = 2, Fok = 3, Gtd = 4);
choices!(SelfTrade, "self-trade prevention": CancelIncoming = 1, CancelResting = 2, CancelBoth = 3, Decrement = 4);
choices!(Scoped, "scope": All = 1, Class = 2, Contract = 3);
choices!(Lane, "lane": Orders = 1, Cancels = 2);
choices!(Role, "role": Broker = 1, Provider = 2, Analyst = 3, Operator = 4);
choices!(
    CancelReason, "cancel reason":
    Owner = 1, Ioc = 2, Fok = 3, SelfTrade = 4, Gate = 5, Market = 6, MinUnits = 7, Expired = 8, PostOnly = 9,
    Mass = 10, Disconnected = 11, Killed = 12
);
choices!(
    Phase, "phase":
    Continuous = 1, Closed = 2, InDelivery = 3, Settled = 4, PreOpen = 5, Auction = 6, Halted = 7
);
choices!(Depth, "depth": Book = 0, Top = 1, Trades = 2);
choices!(By, "way to name an order": Id = 1, Number = 2);
choices!(
    Change, "change":
    Add = 1, Reduce = 2, Delete = 3, Trade = 4, Phase = 5, BlockTrade = 6, BlockPrint = 7, Block = 8,
    AuctionTrade = 9, Indicative = 10
);
choices!(TradeKind, "kind of trade": Single = 1, Auction = 2, Block = 3);
choices!(Start, "start of a window": Next = 1, Day = 2, Any = 3);

impl Misfit {
    /// The refusal of a command with such a field, and the value that goes with it.
    #[must_use]
    pub fn reject(self) -> (RejectCode, i64) {
        match self {
            Misfit::Choice { byte, .. } => (RejectCode::UnknownChoice, i64::from(byte)),
            Misfit::Form { .. } => (RejectCode::BadField, 0),
        }
    }
}

impl Flags {
    /// The bit of [`Flags::post_only`].
    pub(crate) const POST_ONLY: u8 = 1;
    /// The bit of [`Flags::stop`].
    pub(crate) const STOP: u8 = 2;
    /// The bit of [`Flags::same_provider`].
    pub(crate) const SAME_PROVIDER: u8 = 4;

    pub(crate) fn byte(self) -> u8 {
        u8::from(self.post_only) * Flags::POST_ONLY
            + u8::from(self.stop) * Flags::STOP
            + u8::from(self.same_provider) * Flags::SAME_PROVIDER
    }

    pub(crate) fn from_byte(byte: u8) -> Result<Flags, Misfit> {
        if byte & !(Flags::POST_ONLY | Flags::STOP | Flags::SAME_PROVIDER) != 0 {
            return Err(Misfit::Choice { field: "flag", byte });
        }
        Ok(Flags {
            post_only: byte & Flags::POST_ONLY != 0,
            stop: byte & Flags::STOP != 0,
            same_provider: byte & Flags::SAME_PROVIDER != 0,
        })
    }
}

/// A set of rights; a bit that is no right is a misfit.
pub(crate) fn rights(byte: u8) -> Result<Rights, Misfit> {
    let all = Rights::READ.and(Rights::TRADE).and(Rights::DEPOSIT).and(Rights::OPERATE);
    if all.include(Rights(byte)) { Ok(Rights(byte)) } else { Err(Misfit::Choice { field: "right", byte }) }
}

/// A yes (1) or no (0).
pub(crate) fn flag(field: &'static str, byte: u8) -> Result<bool, Misfit> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Misfit::Choice { field, byte }),
    }
}

/// A model, region or currency.
pub(crate) fn code(field: &'static str, bytes: [u8; 12]) -> Result<Code, Misfit> {
    Code::from_bytes(bytes).ok_or(Misfit::Form { field })
}

/// An account's name.
pub(crate) fn name(bytes: [u8; 16]) -> Result<AccountName, Misfit> {
    AccountName::from_bytes(bytes).ok_or(Misfit::Form { field: "account name" })
}

/// An operator's reason.
pub(crate) fn why(bytes: [u8; 63]) -> Result<Why, Misfit> {
    Why::from_bytes(bytes).ok_or(Misfit::Form { field: "why" })
}

/// A reject code.
pub(crate) fn reject_code(number: u16) -> Result<RejectCode, Misfit> {
    RejectCode::from_number(number).ok_or(Misfit::Form { field: "reject code" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Debug;

    fn check<C: Choice + Debug + PartialEq>() {
        let named: Vec<u8> = (0..=u8::MAX).filter(|&byte| C::from_byte(byte).is_ok()).collect();
        assert_eq!(named.len(), C::ALL.len());
        for &(choice, byte) in C::ALL {
            assert_eq!((choice.byte(), C::from_byte(byte)), (byte, Ok(choice)));
        }
    }

    #[test]
    fn every_choice_has_its_own_byte() {
        check::<Side>();
        check::<OrderKind>();
        check::<Tif>();
        check::<SelfTrade>();
        check::<Scoped>();
        check::<Lane>();
        check::<Role>();
        check::<CancelReason>();
        check::<Phase>();
        check::<Depth>();
        check::<By>();
        check::<Change>();
        check::<TradeKind>();
        check::<Start>();
    }

    #[test]
    fn what_names_nothing_is_told_apart() {
        assert_eq!(
            Side::from_byte(3).map_err(Misfit::reject),
            Err((RejectCode::UnknownChoice, 3)),
            "a byte is stated"
        );
        assert_eq!(code("model", [b'a'; 12]).map_err(Misfit::reject), Err((RejectCode::BadField, 0)));
        assert!(rights(15).is_ok() && rights(16).is_err());
        assert_eq!((0..=u8::MAX).filter(|&byte| Flags::from_byte(byte).is_ok()).count(), 8);
        assert_eq!(Flags::from_byte(8).map_err(Misfit::reject), Err((RejectCode::UnknownChoice, 8)));
        assert_eq!(flag("maker", 2), Err(Misfit::Choice { field: "maker", byte: 2 }));
    }
}
