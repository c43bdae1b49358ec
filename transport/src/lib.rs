//! How the parts of cuex reach each other: QUIC connections whose two ends know each other by Ed25519 key,
//! and messages read and written many at a time.
//!
//! - A [`PrivateKey`] is a participant's or the exchange's own; its public half is all the other end learns.
//! - [`serve`] and [`connect`] make connections, TLS 1.3 only, with [`peer_key`] saying who is at the other end.
//!   The transport lets every key in; who may speak is decided by who owns the connection.
//! - A [`FrameReader`] gives the messages of a stream, an [`Outbox`] takes them, bounded.

mod endpoint;
mod frames;
mod keys;
mod outbox;
mod reset;
mod tls;

pub use endpoint::{Accepts, ConnectError, EndpointError, client_endpoint, connect, serve};
pub use frames::{FrameError, FrameReader};
pub use keys::{KeyFileError, PrivateKey, PublicKeyError, parse_public_key};
pub use outbox::{Outbox, OutboxError};
pub use tls::{TlsError, peer_key};
