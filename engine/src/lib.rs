//! The exchange itself: a pure state machine. [`Engine::apply`] takes a stamped command and puts out the
//! reports, market events and state changes that come of it.
//!
//! It knows no clock (time comes in with the command), no bytes, no thread, no I/O, no float and no order of a
//! hash table: the same commands under the same [`RULES_VERSION`] give the same output and the same digest on
//! any machine. The rules of the market stand in docs/matching.md.
//!
//! [`Book`] with its [`Slab`] is the core: one contract's orders, matched in price-time order. Around it lie
//! accounts, keys, classes and the calendar, and each rule of the orders (entry, matching, self-trade prevention,
//! stops, replace, mass cancel, funds) and of the market (phases, auctions, bands, halts, limits), each in its own file. What one command sets off and later ones finish is in
//! `work`.
#![deny(clippy::float_arithmetic, clippy::iter_over_hash_type)]

mod accounts;
mod ahead;
mod auction;
mod audit;
mod bands;
mod blocks;
mod book;
mod calendar;
mod class_index;
mod classes;
mod contracts;
mod digest;
mod emit;
mod ending;
mod engine;
mod entry;
mod expiry;
mod funds;
mod halts;
mod holdings;
mod index;
mod keys;
mod kill;
mod limits;
mod mass_cancel;
mod matching;
mod operator;
mod order;
mod orders;
mod phases;
mod prefetch;
mod replace;
mod restore;
mod save;
mod self_trade;
mod settle;
mod slab;
mod stops;
mod work;

pub use audit::{AuditError, CurrencyTotals, Totals};
pub use book::{Book, Fill, Standing, Taken};
pub use digest::Digest;
pub use engine::{Engine, RULES_VERSION};
pub use restore::{RestoreError, Restorer};
pub use save::{Saved, SavedOrder};
pub use slab::{Node, Slab};

/// The most currencies one exchange can have.
pub const CURRENCIES_MAX: usize = accounts::CURRENCIES_MAX;
/// The most accounts one exchange can have.
pub const ACCOUNTS_MAX: u32 = 1 << 20;
/// The most keys one exchange can ever register.
pub const KEYS_MAX: u32 = 1 << 22;
/// The most orders that can be open at once.
pub const ORDERS_MAX: u32 = 1 << 24;
/// How many pieces of pending work one command does: of all kinds a clock or continue command, of stops one that
/// may have traded, then of blocks, of mass cancels one that is a mass cancel, and each of these of auctions and halts
/// first. A piece is an order of an auction weighed, traded or ended, a stop elected or woken, a block considered, an
/// order looked at or ended, a holding settled, a phase changed, or the last step of any of these.
pub const WORK_PER_COMMAND: u32 = 256;
/// How many resting blocks one command considers in full: works out how much of each could trade, and trades it.
pub const BLOCK_EVALUATIONS_PER_COMMAND: u32 = 16;
/// To tell an indicative price so many pieces of its weighing are done; what takes more has no price.
pub const INDICATIVE_ORDERS_MAX: u32 = 10_000;
