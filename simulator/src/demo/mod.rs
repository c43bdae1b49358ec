//! The demo market: providers with real asks, brokers with jobs, a watcher on the feed, all through the client.

mod bid;
mod offer;
mod setup;
mod watch;

use client::{ExchangeInfo, PrivateKey, SessionError};
use parking_lot::RwLock;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::{Semaphore, watch as signal};
use tokio::task::JoinSet;
use types::{ContractId, Sequence, Ticks, Timestamp};

use crate::desk::DeskError;
use crate::market::{Listing, MarketPlan, PlanError, day_lasts};
use crate::progress::Progress;
use crate::report::{Notes, Report};
use crate::seat::SeatError;

/// How many commands of all providers together may be without an outcome: they bring tens of thousands at once,
/// and leave room for others.
const PROVIDERS_IN_FLIGHT: usize = 512;
/// How long brokers wait for the nearest asks before they begin all the same.
const NEAR_ASKS_PATIENCE: Duration = Duration::from_secs(2);
/// How long the last commands may take to have their outcome.
pub(crate) const SETTLE_PATIENCE: Duration = Duration::from_secs(10);

/// What kind of run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoOptions {
    /// What the agents' choices are drawn from.
    pub seed: u64,
    /// How long to trade; `None`: until told to stop.
    pub run_for: Option<Duration>,
}

/// Why a demo market came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no data to trade on.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The operator could not set it up.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A participant could not go on.
    #[error("{who}: {source}")]
    Agent {
        /// Its account's name.
        who: String,
        /// Why.
        source: SeatError,
    },
    /// The watcher of the feed could not go on.
    #[error("the watcher of the feed: {0}")]
    Feed(SessionError),
    /// The feed did not show what was released.
    #[error("the feed has come to command {seen} only, {waited:?} after command {released} was acknowledged")]
    FeedBehind {
        /// The last command the feed has told of.
        seen: Sequence,
        /// The last command an agent has had a report of.
        released: Sequence,
        /// How long it was waited for.
        waited: Duration,
    },
    /// An agent's task ended in a panic.
    #[error("an agent failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// How far the run is; it only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Trading,
    /// Brokers stop.
    BrokersLeave,
    /// Providers stop: no broker is there any more.
    ProvidersLeave,
    /// The watcher stops: nobody is there any more.
    Over,
}

/// What all tasks share.
#[derive(Debug)]
struct Floor {
    plan: MarketPlan,
    listing: Listing,
    seed: u64,
    day_lasts: Duration,
    started: Instant,
    progress: Arc<Progress>,
    /// The best asks by the feed.
    best_asks: RwLock<FxHashMap<ContractId, Ticks>>,
    /// One permit for each command of a provider that may still be sent.
    window: Semaphore,
    /// One permit for each provider whose nearest asks are in the books.
    near: Semaphore,
    /// The last command any agent has had a report of.
    released: AtomicU64,
}

/// Runs a demo market on the exchange of this `operator` until `stop` is ready or the time is up, and gives its
/// report. The exchange must be empty, as accounts and classes are opened under fixed names. `progress` tells how
/// it is doing meanwhile.
///
/// # Errors
/// [`DemoError`] when the market could not be set up or an agent or the watcher could not go on.
pub async fn run_demo(
    info: &ExchangeInfo,
    operator: &PrivateKey,
    options: DemoOptions,
    progress: Arc<Progress>,
    stop: impl Future<Output = ()>,
) -> Result<Report, DemoError> {
    let plan = MarketPlan::load()?;
    let setup = setup::open(info, operator, &plan).await?;
    let day_lasts = day_lasts(options.run_for, plan.days.len());
    let notes = Notes::new(&plan, day_lasts);
    progress.begin();
    progress.lock().totals.commands += setup.commands;
    let floor = Arc::new(Floor {
        listing: setup.listing,
        seed: options.seed,
        day_lasts,
        started: Instant::now(),
        progress,
        best_asks: RwLock::default(),
        window: Semaphore::new(PROVIDERS_IN_FLIGHT),
        near: Semaphore::new(0),
        released: AtomicU64::new(0),
        plan,
    });
    let (phase, phases) = signal::channel(Phase::Trading);
    // On a failure all sets are dropped, and every task with them.
    let mut watcher = JoinSet::new();
    watcher.spawn(watch::watch(Arc::clone(&floor), *info, setup.watcher, phases.clone()));
    let mut providers = JoinSet::new();
    for (host, seat) in setup.providers {
        providers.spawn(offer::offer(Arc::clone(&floor), host, seat, phases.clone()));
    }
    floor.near_asks().await;
    let mut brokers = JoinSet::new();
    for (broker, seat) in setup.brokers {
        brokers.spawn(bid::bid(Arc::clone(&floor), broker, seat, phases.clone()));
    }

    tokio::select! {
        () = stop => {}
        () = time_is_up(&floor, options.run_for) => {}
        Err(error) = all_done(&mut brokers) => return Err(error),
        Err(error) = all_done(&mut providers) => return Err(error),
        Err(error) = all_done(&mut watcher) => return Err(error),
    }
    phase.send_replace(Phase::BrokersLeave);
    all_done(&mut brokers).await?;
    phase.send_replace(Phase::ProvidersLeave);
    all_done(&mut providers).await?;
    phase.send_replace(Phase::Over);
    all_done(&mut watcher).await?;
    Ok(Report::new(options.seed, &floor.progress.snapshot(), notes))
}

impl Floor {
    /// Which day of the data it is.
    fn day(&self) -> usize {
        let passed = self.started.elapsed().as_nanos() / self.day_lasts.as_nanos().max(1);
        usize::try_from(passed).unwrap_or(0) % self.plan.days.len()
    }

    /// A report of this command has come.
    fn saw(&self, sequence: Sequence) {
        self.released.fetch_max(sequence, Ordering::Relaxed);
    }

    /// Waits until all providers' nearest asks are in the books, or patience ends.
    async fn near_asks(&self) {
        let providers = u32::try_from(self.plan.providers.len()).unwrap_or(u32::MAX);
        let all = self.near.acquire_many(providers);
        if tokio::time::timeout(NEAR_ASKS_PATIENCE, all).await.is_err() {
            tracing::warn!("the nearest asks are late; brokers begin all the same");
        }
    }
}

/// Waits until all tasks have ended, or one has failed.
async fn all_done(tasks: &mut JoinSet<Result<(), DemoError>>) -> Result<(), DemoError> {
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn time_is_up(floor: &Floor, run_for: Option<Duration>) {
    match run_for {
        Some(run_for) => tokio::time::sleep_until((floor.started + run_for).into()).await,
        None => std::future::pending().await,
    }
}

/// Waits until the run has come to this phase, or nobody says any more what phase it is in.
async fn reached(phases: &mut signal::Receiver<Phase>, wanted: Phase) {
    let _ = phases.wait_for(|phase| *phase >= wanted).await;
}

/// A seed of its own for each agent.
fn seed_of(seed: u64, agent: u32) -> u64 {
    seed ^ (u64::from(agent) << 32)
}

/// The time now, as the exchange's clock tells it too.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
