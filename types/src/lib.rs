//! The words of cuex as types: what every other room speaks of, and nothing that acts.
//!
//! A [`Command`] is what is asked, a [`Report`] what its owner is told, a [`MarketEvent`] what everybody is
//! told, a [`StateEvent`] what the mirrors outside the engine need to answer queries. All of them are plain
//! data: no clock, no bytes, no I/O. Imports nothing of ours.

mod class;
mod code;
mod command;
mod ids;
mod market;
mod money;
mod order;
mod reject;
mod report;
mod state;
mod time;

pub use class::{AUCTION_SECONDS_MAX, BAND_PPM_MAX, Class, ClassSpec, Performance, SLOT_HOURS_MAX};
pub use code::{AccountName, Code, CodeError, Why};
pub use command::{
    Command, GRACE_MAX, Lane, MassCancel, OrderRef, Scope, Sender, Side, Stamped, TimeInForce, check_grace,
};
pub use ids::{AccountId, CLASSES_MAX, ClassNo, ContractId, KeyNo, OrderId, PublicKey, Sequence, SlotHint};
pub use market::{BlockEntry, MarketBody, MarketEntry, MarketEvent, Phase};
pub use money::{
    FEE_PPM_MAX, Money, PRICE_MAX, Ticks, UNITS_MAX, Units, fee_of, reserve_of, reserve_of_window, value_of,
    value_of_window,
};
pub use order::{
    BLOCK_SLOTS_MAX, ICEBERG_PARTS_MAX, NewOrder, OrderKind, SelfTrade, check_price, check_shown, check_units,
};
pub use reject::RejectCode;
pub use report::{Answers, CancelReason, Report, ReportBody};
pub use state::{Account, INDEX_HOURS, Key, Limits, OpenOrder, Output, Rights, Role, StateEvent};
pub use time::{HOUR_NANOS, Hour, MINUTE_NANOS, SECOND_NANOS, Timestamp};
