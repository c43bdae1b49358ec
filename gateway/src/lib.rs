//! Order entry over QUIC: who may come in, what they say, and what they are told.
//!
//! A client is known by its key (`transport`) and says what docs/order-entry.md lists. [`Desk`] is a machine
//! without socket or clock: it holds the sessions, the numbers that make sending again harmless, the newest
//! reports of every account, and a mirror of the exchange from which it answers queries. Around it, `io` carries
//! bytes. Commands go on to the sequencer in chunks, as they were read; while it has no room, nothing is read.
//! What it releases goes to the sessions' outboxes without ever waiting for one: a session that does not read is
//! cut, and may come back and resume.
//!
//! What this room does not know: the engine, the journal, market data.

mod buckets;
mod checks;
mod desk;
mod graces;
mod io;
mod limits;
mod meters;
mod mirror;
mod numbered;
mod numbers;
mod open_orders;
mod queries;
mod reports;
mod session;
#[cfg(test)]
mod tests;

pub use desk::{Connected, Desk};
pub use limits::{Limits, Rate, Throttle};
pub use session::{Closing, SessionNo};

use crate::io::Shared;
use protocol::CloseCode;
use protocol::order_entry::ALPN;
use sequencer::{Entry, Outlet, Recovery};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use transport::{Accepts, EndpointError, PrivateKey};
use types::{PublicKey, Timestamp};

/// What a client may open: the control stream, and the two lanes.
const ACCEPTS: Accepts = Accepts { bidirectional: 1, unidirectional: 2 };

/// How a gateway is run.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// The key it is known by.
    pub key: PrivateKey,
    /// What time it is, for the expiry of keys. The one the sequencer stamps with.
    pub clock: fn() -> Timestamp,
    /// What clients may use of it.
    pub limits: Limits,
}

/// A running gateway. Dropped without [`Gateway::shutdown`], it stops in the background.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    key: PublicKey,
    stop: oneshot::Sender<CloseCode>,
    accept: JoinHandle<()>,
    release: JoinHandle<()>,
}

/// Why a gateway does not start.
#[derive(Debug, thiserror::Error)]
#[error("the gateway cannot listen: {0}")]
pub struct ServeError(#[from] EndpointError);

/// Starts a gateway: its mirror and its reports from what was recovered, its commands to `entry`, what comes of them
/// from `outlet`. All its tasks run on the caller's tokio runtime.
///
/// # Errors
/// [`ServeError`] if the address cannot be used.
pub async fn serve(
    config: Config,
    recovery: &Recovery,
    entry: Entry,
    outlet: Outlet,
) -> Result<Gateway, ServeError> {
    let endpoint = transport::serve(config.address, &config.key, ALPN, ACCEPTS)?;
    let address =
        endpoint.local_addr().map_err(|source| EndpointError::Bind { address: config.address, source })?;
    meters::describe();
    let key = config.key.public();
    let Config { clock, limits, .. } = config;
    let shared = Arc::new(Shared::new(recovery, entry, limits, clock()));
    let (stop, stopped) = oneshot::channel();
    let release = tokio::spawn(io::release(Arc::clone(&shared), outlet));
    let accept = tokio::spawn(io::accept(shared, endpoint, stopped));
    tracing::info!(%address, "order entry is open");
    Ok(Gateway { address, key, stop, accept, release })
}

impl Gateway {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The key clients know it by.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.key
    }

    /// Tells every session that the exchange stops, with [`CloseCode::Stopping`] or [`CloseCode::Failed`], and
    /// returns when all are closed. To be called after the exchange itself has stopped: what it released last is
    /// told first.
    pub async fn shutdown(mut self, code: CloseCode) {
        // The outlet ends with the exchange; if that still runs, its last words are not waited for.
        let _ = timeout(io::FLUSH_WITHIN, &mut self.release).await;
        // An error says that it has stopped already.
        let _ = self.stop.send(code);
        let _ = self.accept.await;
        self.release.abort();
    }
}
