//! The book behind the C interface of the public matching-engine challenge: `libcuex_challenge.so`.
//!
//! [`Desk`] is the shim itself, in safe code: it keeps the clients' ids and turns messages into orders of one
//! [`engine::Book`] and what comes of them into reports. [`abi`] exports it, [`Ring`] carries the reports.

pub mod abi;
mod atomic;
mod desk;
mod ids;
mod ring;
#[cfg(test)]
mod ring_tests;

pub use desk::{Desk, Order, Report, ReportKind};
pub use ring::Ring;
