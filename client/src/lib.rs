//! The client of the exchange: what a broker, a provider, an analyst or an operator speaks through.
//!
//! - A [`Session`] takes commands in and tells what came of them. It connects again by itself when the
//!   connection is lost, and every command is carried out at most once and every report told exactly once.
//! - A [`FeedSession`] shows the market. It keeps the public book of every contract subscribed to and proves each
//!   against the digests the feed sends.
//!
//! Both work in a `current_thread` runtime of tokio and in a multi-threaded one.
//!
//! ```no_run
//! use client::{ExchangeInfo, PrivateKey, Session};
//! use types::{ContractId, TimeInForce};
//!
//! # async fn example(info: ExchangeInfo, key: PrivateKey, contract: ContractId) -> Result<(), Box<dyn std::error::Error>> {
//! let session = Session::connect(&info, &key).await?;
//! let bid = session.buy(contract, TimeInForce::Gtc, 21_000, 8).await?;
//! println!("order {} is in the book", bid.order);
//! session.cancel(bid).await?;
//! session.close().await;
//! # Ok(())
//! # }
//! ```

mod account;
mod burst;
mod commands;
mod dial;
mod driver;
mod error;
mod events;
mod execute;
mod feed;
#[cfg(test)]
mod feed_model;
#[cfg(test)]
mod feed_tests;
#[cfg(test)]
mod gateway_model;
mod link;
mod machine;
#[cfg(test)]
mod machine_tests;
mod market;
#[cfg(test)]
mod market_tests;
mod numbers;
mod pace;
mod questions;
mod session;
#[cfg(test)]
mod session_tests;

pub use account::{AccountState, Cash, Directory, Holding};
pub use burst::Burst;
pub use commands::Placed;
pub use error::{CommandError, SessionError};
pub use events::{Batch, Event, Reports};
pub use feed::FeedSession;
pub use machine::{Machine, Out};
pub use market::{FeedCounters, FeedEvent};
pub use numbers::Waiter;
pub use protocol::market_data::{
    Depth, Index, Start, TradeKind, TradePrint, WINDOW_HOURS, Window, WindowPrice,
};
pub use protocol::order_entry::Allowance;
pub use protocol::symbol::{ContractSymbol, Pattern};
pub use session::{Options, Session};
pub use transport::PrivateKey;

use std::net::SocketAddr;
use types::PublicKey;

/// Where an exchange is, and how it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExchangeInfo {
    /// Where the gateway takes orders in.
    pub gateway: SocketAddr,
    /// Where the feed shows the market.
    pub feed: SocketAddr,
    /// The exchange's own key; whoever answers without it is not spoken to.
    pub key: PublicKey,
}
