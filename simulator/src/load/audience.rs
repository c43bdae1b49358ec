//! The audience of a load: subscribers of the feed, each with a connection of its own and one contract to follow, who read
//! and decode what they are sent and do nothing with it. They are on a thread of the lowest priority, as their own work
//! is none of the exchange's.

use client::{Depth, ExchangeInfo, FeedCounters, FeedSession, Pattern, PrivateKey};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{oneshot, watch::Receiver};
use tokio::task::JoinSet;
use types::Sequence;

use super::LoadError;

/// So many share a key; the feed allows 64 unless it is configured otherwise.
pub(super) const OF_ONE_KEY: u32 = 32;
/// How many call at once.
const CALLS: usize = 32;
/// How many events are taken in before other tasks have their turn.
const TURN: u32 = 64;
/// The lowest priority a thread can have.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// What subscribers follow and how much of it.
#[derive(Clone, Debug)]
pub(super) struct Audience {
    pub(super) info: ExchangeInfo,
    /// Each subscriber's key and what it follows.
    pub(super) subscribers: Vec<(PrivateKey, Pattern)>,
    pub(super) depth: Depth,
    pub(super) heard: Arc<Heard>,
}

/// What all subscribers have been sent so far. Cheap to look at from another thread.
#[derive(Debug, Default)]
pub(super) struct Heard {
    messages: AtomicU64,
    bytes: AtomicU64,
}

/// What went wrong with an audience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attended {
    /// Connections that were lost, whether they could be made again or not.
    pub(super) cut: u64,
    /// What was missing or wrong in the books that were followed.
    pub(super) gaps: u64,
}

impl Heard {
    /// Messages, and their bytes.
    pub(super) fn so_far(&self) -> (u64, u64) {
        (self.messages.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    fn add(&self, before: &FeedCounters, now: &FeedCounters) {
        self.messages.fetch_add(now.messages - before.messages, Ordering::Relaxed);
        self.bytes.fetch_add(now.bytes - before.bytes, Ordering::Relaxed);
    }
}

impl Audience {
    /// Takes all seats, says when they are taken, and listens until `end` says something.
    pub(super) async fn attend(
        self,
        seated: oneshot::Sender<()>,
        end: Receiver<Option<Sequence>>,
    ) -> Result<Attended, LoadError> {
        let Audience { info, subscribers, depth, heard } = self;
        let (mut waiting, mut calls, mut seats) = (subscribers.into_iter(), JoinSet::new(), Vec::new());
        loop {
            for (key, pattern) in waiting.by_ref().take(CALLS - calls.len()) {
                calls.spawn(take_seat(info, key, pattern, depth));
            }
            let Some(called) = calls.join_next().await else { break };
            seats.push(called??);
        }
        // Not before: a call that is held up too long is given up by the exchange.
        give_way();
        // Nobody to tell means that the run has failed elsewhere; then there is an end too.
        let _ = seated.send(());
        let mut listeners = JoinSet::new();
        for feed in seats {
            listeners.spawn(listen(feed, Arc::clone(&heard), end.clone()));
        }
        let mut attended = Attended::default();
        while let Some(listened) = listeners.join_next().await {
            let (counters, lost) = listened?;
            attended.cut += counters.reconnects + u64::from(lost);
            attended.gaps += counters.gaps + counters.mismatches;
        }
        Ok(attended)
    }
}

/// A connection whose subscription is served.
async fn take_seat(
    info: ExchangeInfo,
    key: PrivateKey,
    pattern: Pattern,
    depth: Depth,
) -> Result<FeedSession, LoadError> {
    let mut feed = FeedSession::connect(&info, &key).await?;
    feed.subscribe(pattern, depth);
    match feed.until_served().await? {
        None => Ok(feed),
        Some(refused) => Err(LoadError::Subscription(format!("{refused:?}"))),
    }
}

/// Listens to the end, and gives what was counted and whether the session was over before.
async fn listen(
    mut feed: FeedSession,
    heard: Arc<Heard>,
    mut end: Receiver<Option<Sequence>>,
) -> (FeedCounters, bool) {
    let (mut before, mut turn) = (feed.counters(), 0u32);
    loop {
        tokio::select! {
            biased;
            _ = end.wait_for(Option::is_some) => return (feed.counters(), false),
            event = feed.next() => if let Err(error) = event {
                tracing::debug!(%error, "a subscriber is lost");
                return (feed.counters(), true);
            },
        }
        let now = feed.counters();
        heard.add(&before, &now);
        before = now;
        turn = turn.wrapping_add(1);
        if turn.is_multiple_of(TURN) {
            tokio::task::yield_now().await;
        }
    }
}

/// Lets every other thread go first, where the system knows such a thing for a thread.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the subscribers' thread keeps its priority");
    }
}
