//! The exchange itself: a pure state machine. [`Engine::apply`] takes a stamped command and puts out the
//! reports, market events and state changes that come of it.
//!
//! It knows no clock (time comes in with the command), no bytes, no thread, no I/O, no float and no order of a
//! hash table: the same commands under the same [`RULES_VERSION`] give the same output and the same digest on
//! any machine. RULES of the market stand in docs/matching.md.
//!
//! [`Book`] with its [`Slab`] is the core: one contract's orders, matched in price-time order. Around it lie
//! accounts, keys, classes and the calendar, each in its own file.
#![deny(clippy::float_arithmetic, clippy::iter_over_hash_type)]

mod accounts;
mod audit;
mod book;
mod calendar;
mod classes;
mod contracts;
mod digest;
mod emit;
mod engine;
mod holdings;
mod keys;
mod operator;
mod orders;
mod settle;
mod slab;

pub use audit::{AuditError, CurrencyTotals, Totals};
pub use book::{Book, Fill, Own, Taken};
pub use digest::Digest;
pub use engine::{Engine, RULES_VERSION};
pub use slab::{Node, Slab};

/// The most currencies one exchange can have.
pub const CURRENCIES_MAX: usize = accounts::CURRENCIES_MAX;
/// The most accounts one exchange can have.
pub const ACCOUNTS_MAX: u32 = 1 << 20;
/// The most keys one exchange can ever register.
pub const KEYS_MAX: u32 = 1 << 22;
/// The most orders that can be open at once.
pub const ORDERS_MAX: u32 = 1 << 24;
/// How many pieces of pending work (an expired order, a settled holding, a phase change) one clock or
/// continue command does.
pub const WORK_PER_COMMAND: u32 = 256;
