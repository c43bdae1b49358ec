//! Market data: what everybody may see of the exchange, over QUIC for programs and over HTTP for people.
//!
//! The feed keeps its own market from the events of released commands ([`serve`] starts it from what the exchange
//! recovered). Subscribers get snapshots and then increments, without gap or overlap (docs/market-data.md); the
//! market page gets what has changed about ten times a second (docs/web-socket.md). Taking in what is released
//! never waits for any of them.
//!
//! What this room does not know: accounts, hidden size, how orders are sent.

mod batch;
#[cfg(test)]
mod blocks_tests;
mod encode;
mod hub;
#[cfg(test)]
mod hub_tests;
mod index;
mod market;
#[cfg(test)]
mod play_market;
mod readers;
mod session;
mod subscriptions;
#[cfg(test)]
mod tests;
mod web;
mod windows;

pub use market::MarketError;
pub use web::has_page;

use hub::{Hub, Progress, Seats};
use parking_lot::Mutex;
use protocol::{CloseCode, market_data};
use sequencer::{Outlet, Recovery};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use transport::{Accepts, PrivateKey};
use types::Timestamp;

/// A subscriber opens its control stream and nothing else.
const ACCEPTS: Accepts = Accepts { bidirectional: 1, unidirectional: 0 };
/// How many connections there may be beside the sessions, in handshakes.
const HANDSHAKES_MAX: usize = 128;
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often indices and standard windows are told, if they have changed.
const SUMMARY: Duration = Duration::from_millis(100);
/// How long a feed that stops waits for what is still on its way to it, and then for subscribers to take theirs.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the feed listens, and as whom.
#[derive(Clone, Debug)]
pub struct Config {
    /// The UDP address for subscribers; port 0 for any free one.
    pub listen: SocketAddr,
    /// The TCP address of the market page, if there is to be one; port 0 for any free one.
    pub web_listen: Option<SocketAddr>,
    /// Origins other than the page's own whose pages may read the market, such as `https://desk.example`.
    pub web_origins: Vec<String>,
    /// The exchange's key.
    pub key: PrivateKey,
    /// How long market data may be gathered before it is told: what comes after a quiet moment is told at once, and
    /// then no more often than this.
    pub flush: Duration,
    /// How many subscribers there may be, over QUIC.
    pub sessions: usize,
    /// How many of them may use one key.
    pub sessions_per_key: usize,
}

/// Why there is no feed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The state to start from contradicts itself.
    #[error("market data cannot start: {0}")]
    Market(#[from] MarketError),
    /// No subscribers can be listened for.
    #[error("market data cannot be served: {0}")]
    Endpoint(#[from] transport::EndpointError),
    /// The page's address is in use, not this machine's, or not allowed.
    #[error("TCP address {address} for the market page cannot be used: {source}")]
    Web {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A running feed. Dropped without [`Feed::stop`], it ends at once.
#[derive(Debug)]
pub struct Feed {
    address: SocketAddr,
    web_address: Option<SocketAddr>,
    endpoint: quinn::Endpoint,
    shared: Arc<Shared>,
    failure: watch::Receiver<Option<MarketError>>,
    stop_web: watch::Sender<bool>,
    releases: JoinHandle<()>,
    web: Option<JoinHandle<()>>,
    others: [JoinHandle<()>; 3],
}

/// What the tasks of a feed share. The lock is held for one batch, one session's bytes or one page's news at a
/// time, and never while waiting.
#[derive(Debug)]
pub(crate) struct Shared {
    hub: Mutex<Hub>,
    /// See [`Config::flush`].
    flush: Duration,
}

/// Starts a feed. Its tasks run on the runtime this is called in.
///
/// # Errors
/// [`ServeError`] if an address cannot be used, or the recovered state contradicts itself.
pub async fn serve(config: Config, recovery: &Recovery, outlet: Outlet) -> Result<Feed, ServeError> {
    let seats = Seats { in_all: config.sessions, per_key: config.sessions_per_key };
    let hub = Hub::new(&recovery.state, recovery.sequence, recovery.time, seats)?;
    let shared = Arc::new(Shared { hub: Mutex::new(hub), flush: config.flush });
    let endpoint = transport::serve(config.listen, &config.key, market_data::ALPN, ACCEPTS)?;
    let address = endpoint.local_addr().unwrap_or(config.listen);
    let (stop_web, stopping) = watch::channel(false);
    let (web, web_address) = match config.web_listen {
        None => (None, None),
        Some(wanted) => {
            let wrong = |source| ServeError::Web { address: wanted, source };
            let listener = TcpListener::bind(wanted).await.map_err(wrong)?;
            let at = listener.local_addr().map_err(wrong)?;
            let serving = web::serve(listener, at, config.web_origins, Arc::clone(&shared), stopping);
            (Some(tokio::spawn(serving)), Some(at))
        }
    };
    let (failed, failure) = watch::channel(None);
    let releases = tokio::spawn(release(Arc::clone(&shared), outlet, failed));
    let others = [
        tokio::spawn(accept(endpoint.clone(), Arc::clone(&shared), config.sessions + HANDSHAKES_MAX)),
        tokio::spawn(beat(Arc::clone(&shared))),
        tokio::spawn(summarize(Arc::clone(&shared))),
    ];
    Ok(Feed { address, web_address, endpoint, shared, failure, stop_web, releases, web, others })
}

impl Feed {
    /// Where subscribers connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the market page is, if it is served.
    #[must_use]
    pub fn web_address(&self) -> Option<SocketAddr> {
        self.web_address
    }

    /// Waits until the feed cannot go on by itself, and says why. Never ends while all is well.
    pub async fn failed(&self) -> MarketError {
        let mut failure = self.failure.clone();
        let seen = failure.wait_for(Option::is_some).await.ok().and_then(|failure| *failure);
        match seen {
            Some(error) => error,
            None => std::future::pending().await,
        }
    }

    /// Stops: takes in what the exchange still releases if that has stopped too, lets subscribers take what is
    /// theirs, and closes all connections with `code`, [`CloseCode::Stopping`] in good order.
    pub async fn stop(mut self, code: CloseCode) {
        if timeout(STOP_TIMEOUT, &mut self.releases).await.is_err() {
            self.releases.abort();
        }
        self.shared.hub.lock().end(code);
        // Nobody is left to hear it if there is no page.
        let _ = self.stop_web.send(true);
        let pages_end = async {
            if let Some(web) = &mut self.web {
                // An error would be a panic, which has been reported already.
                let _ = web.await;
            }
        };
        let sessions_end = async {
            // Sessions close their connections themselves, when their subscribers have taken what is theirs.
            self.endpoint.wait_idle().await;
        };
        // What has not ended by then is dropped.
        let _ = timeout(STOP_TIMEOUT, async { tokio::join!(pages_end, sessions_end) }).await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.endpoint.close(CloseCode::Stopping.number().into(), b"the exchange is stopping");
        let web = self.web.iter();
        self.others.iter().chain(web).chain([&self.releases]).for_each(JoinHandle::abort);
    }
}

/// Takes in what is released, until there is no more.
async fn release(shared: Arc<Shared>, mut outlet: Outlet, failed: watch::Sender<Option<MarketError>>) {
    let events = metrics::counter!("cuex_feed_market_events_total");
    let batches = metrics::counter!("cuex_feed_batches_total");
    // What comes after a quiet moment is told at once; while much comes, what came in FLUSH is told together.
    let (mut is_told, mut flushes_at) = (true, Instant::now());
    loop {
        let released = tokio::select! {
            released = outlet.recv() => released,
            () = sleep_until(flushes_at), if !is_told => {
                shared.hub.lock().flush();
                (is_told, flushes_at) = (true, Instant::now() + shared.flush);
                continue;
            }
        };
        let Some(released) = released else { break };
        let taken = {
            let mut hub = shared.hub.lock();
            let commands = hub.progress().commands + u64::from(released.commands);
            let progress = Progress { sequence: released.sequence, time: released.time, commands };
            let taken = hub.release(&released.output, progress);
            if taken.is_err() {
                hub.end(CloseCode::Failed);
            }
            taken
        };
        is_told = false;
        batches.increment(1);
        events.increment(u64::try_from(released.output.events.len()).unwrap_or(u64::MAX));
        if let Err(error) = taken {
            tracing::error!(%error, "market data has stopped");
            failed.send_replace(Some(error));
            return;
        }
    }
    shared.hub.lock().flush();
    // Kept to the end, so that whoever waits for a failure waits on.
    drop(failed);
}

async fn accept(endpoint: quinn::Endpoint, shared: Arc<Shared>, connections_max: usize) {
    let places = Arc::new(Semaphore::new(connections_max));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Some(incoming) = endpoint.accept().await else { return };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            session::serve(incoming, shared).await;
            drop(place);
        });
    }
}

async fn beat(shared: Arc<Shared>) {
    let mut seconds = interval(HEARTBEAT);
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        seconds.tick().await;
        shared.hub.lock().heartbeat(now());
    }
}

async fn summarize(shared: Arc<Shared>) {
    let mut ticks = interval(SUMMARY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        shared.hub.lock().summarize();
    }
}

/// The time of day, which only judges whether a key has expired; the market knows the exchange's own time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
