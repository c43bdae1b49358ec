//! The agents of the market as pure state machines: what they ask for, and what they make of the reports.
//!
//! An agent reads no clock and sends nothing. It gives out a [`Wish`]; whoever sends the command tells it the
//! number it was sent as, before asking for the next. The same seed and the same reports give the same wishes.

mod broker;
mod own_orders;
#[cfg(test)]
mod play;
mod provider;

pub use broker::{Bids, Broker, Habits, Purpose};
pub use own_orders::News;
pub use provider::{Ask, At, Provider, Told};

use types::Command;

/// A command an agent wants sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish<T> {
    /// The command.
    pub command: Command,
    /// What the agent remembers it by.
    pub tag: T,
}
