//! Supply and demand for a market of compute: real asks for idle accelerators, jobs that want them, the agents
//! that trade the one for the other, and load for its own sake.
//!
//! Floats are allowed here, never in money: prices are decimals or ticks.

pub mod agents;
pub mod demand;
pub mod demo;
pub mod latency;
pub mod load;
pub mod market;
pub mod progress;
pub mod replay;
pub mod report;
pub mod supply;

mod desk;
mod seat;
mod text;
