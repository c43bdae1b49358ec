//! What is said over a wire, and nothing that says it: no socket, no clock, no thread.
//!
//! [`order_entry`] and [`market_data`] are the two protocols, each a set of messages in fixed little-endian
//! layouts (docs/order-entry.md and docs/market-data.md, which the tests hold to the code). [`header`] cuts a
//! stream of bytes into messages. [`PublicBook`] is the book both ends of market data rebuild. [`symbol`],
//! [`when`] and [`decimal`] turn what people write into what the exchange counts in, and back.
//!
//! Reading is total: any bytes give a message or a typed error.

pub mod decimal;
pub mod header;
pub mod market_data;
pub mod order_entry;
pub mod public_book;
pub mod symbol;
pub mod when;

mod choice;
mod class_info;
mod close;
#[cfg(test)]
mod docs_tests;
mod wire;

pub use choice::Misfit;
pub use close::CloseCode;
pub use header::{Frame, Frames, MESSAGE_MAX, VERSION, WireError};
pub use public_book::PublicBook;
