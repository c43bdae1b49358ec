//! Load: commands at set moments through the real gateway, whether it keeps up or not, and what came of them.
//!
//! An open loop: every command has a moment at which it is to be sent, and its latency counts from there, so a
//! stall of the exchange shows in full. Or a closed one: so many commands are always under way. Every run checks
//! itself: each command answered once, reports in order, no gap in the feed, nothing made or lost, no order left behind.

mod alarm;
mod arrivals;
mod audience;
mod figures;
mod ground;
mod html;
mod ledger;
mod mix;
mod open_orders;
mod overload;
mod pacer;
mod plan;
mod recorder;
mod report;
mod run;
mod search;
mod session;
mod spans;
mod trader;
mod trials;
mod watcher;
mod windows;
mod worker;

pub use arrivals::{Shape, Step};
pub use figures::{Usage, own_usage};
pub use html::{Curve, Page};
pub use mix::Mix;
pub use overload::{Overload, OverloadReport, OverloadTold, overload};
pub use plan::{LoadPlan, Pace, PlanError, Watch};
pub use recorder::Kind;
pub use report::{LoadReport, Moment, Said, StepReport, SubscribersReport};
pub use trials::{SearchReport, Trial, search};

use client::{ExchangeInfo, PrivateKey, SessionError};
use std::time::Duration;

use crate::desk::{Desk, DeskError};
use crate::latency::Latencies;
use crate::seat::SeatError;

/// How long the last outcomes may let wait for the next of them, and the feed for what it has not shown.
const SETTLE_PATIENCE: Duration = Duration::from_secs(10);
/// What to test.
#[derive(Clone, Debug)]
pub struct LoadTarget {
    /// Where it is.
    pub info: ExchangeInfo,
    /// Its metrics page, such as `http://127.0.0.1:9464/metrics`, if it has one that can be reached.
    pub metrics: Option<String>,
    /// The key of an operator.
    pub operator: PrivateKey,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadProgress {
    /// Since the first command; nothing while it is set up.
    pub elapsed: Duration,
    /// How long it will be, warm-up included.
    pub of: Duration,
    /// Commands sent and outcomes arrived so far.
    pub sent: u64,
    /// Outcomes arrived so far.
    pub acknowledged: u64,
}

/// What came of a load.
#[derive(Clone, Debug)]
pub struct LoadOutcome {
    /// In numbers.
    pub report: LoadReport,
    /// Every latency, by kind of command.
    pub kinds: Vec<(Kind, Latencies)>,
    /// All of them together.
    pub all: Latencies,
    /// What was said both ways, for whoever wants to compare with saying as much without an exchange behind it.
    pub said: Said,
}

/// Why a load came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan is out of range.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The operator could not set it up or clear it away.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A session could not go on.
    #[error("a session of the load: {0}")]
    Seat(#[from] SeatError),
    /// The feed could not be followed.
    #[error("the feed: {0}")]
    Feed(#[from] SessionError),
    /// The feed does not serve a subscriber.
    #[error("a subscription of the load was refused: {0}")]
    Subscription(String),
    /// A session's task ended in a panic.
    #[error("a session of the load failed: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The system gives no thread.
    #[error("the load cannot start: {0}")]
    Thread(#[source] std::io::Error),
    /// The system's timer fails.
    #[error("the load has no timer: {0}")]
    Timer(#[source] std::io::Error),
    /// A thread of the load ended without a word.
    #[error("a thread of the load ended without a word")]
    Broken,
}

/// Which of all sessions one is, from 0, and which of its thread's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SessionPlace {
    index: u32,
    own: usize,
}

/// Makes a load on a running exchange, and gives what came of it. `tell` is told about once a second how far it is.
///
/// # Errors
/// [`LoadError`] if the plan is out of range, or the exchange cannot be reached or refuses the load.
pub async fn run_load(
    target: &LoadTarget,
    plan: &LoadPlan,
    tell: &mut dyn FnMut(LoadProgress),
) -> Result<LoadOutcome, LoadError> {
    plan.check()?;
    let mut desk = Desk::open(&target.info, &target.operator).await?;
    let ground = ground::prepare(&mut desk, plan).await?;
    let findings = run::make(target, plan, &ground, tell).await?;
    ground.clear(&mut desk).await?;
    desk.close().await;
    Ok(report::outcome(plan, &findings))
}
