//! The watcher: sees the whole market by the feed, rebuilds and proves every book, and tells the others the best
//! asks and the progress what traded.

use client::{
    ContractSymbol, Depth, ExchangeInfo, FeedEvent, FeedSession, Pattern, PrivateKey, SessionError,
};
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch::Receiver;
use tokio::time::MissedTickBehavior;
use types::{ContractId, Sequence, Side, Units};

use super::{DemoError, Floor, Phase, SETTLE_PATIENCE, reached};
use crate::market::dollars;
use crate::progress::{ActiveContract, SHOWN};

/// How often the table of active contracts is made anew.
const TABLE_EVERY: Duration = Duration::from_millis(250);
/// How many events are taken in before other tasks have their turn.
const TURN: u32 = 256;

struct Watching {
    floor: Arc<Floor>,
    feed: FeedSession,
    /// The last command the feed has told of.
    seen: Sequence,
    touched: FxHashSet<ContractId>,
    /// Units traded, of contracts whose slot is not over.
    volumes: FxHashMap<ContractId, u64>,
    proofs: Proofs,
}

/// How the books compare with fresh snapshots at the end.
#[derive(Clone, Copy, Debug, Default)]
struct Proofs {
    same: u64,
    different: u64,
}

/// Watches until nobody trades any more and the feed has shown everything.
pub(super) async fn watch(
    floor: Arc<Floor>,
    info: ExchangeInfo,
    key: PrivateKey,
    mut phases: Receiver<Phase>,
) -> Result<(), DemoError> {
    let feed = subscribe(&info, &key).await.map_err(DemoError::Feed)?;
    let (touched, volumes) = (FxHashSet::default(), FxHashMap::default());
    let mut watching = Watching { floor, feed, seen: 0, touched, volumes, proofs: Proofs::default() };
    let mut table = tokio::time::interval(TABLE_EVERY);
    table.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn = 0;
    loop {
        tokio::select! {
            biased;
            () = reached(&mut phases, Phase::Over) => break,
            _ = table.tick() => watching.publish(),
            event = watching.feed.next() => watching.take(&event.map_err(DemoError::Feed)?),
        }
        turn += 1;
        if turn % TURN == 0 {
            tokio::task::yield_now().await;
        }
    }
    watching.catch_up().await?;
    let proven = tokio::time::timeout(SETTLE_PATIENCE, watching.prove(&info, &key)).await;
    // Books that no snapshot came for in time are not proven, and not counted as proven.
    proven.unwrap_or(Ok(())).map_err(DemoError::Feed)?;
    watching.publish();
    Ok(())
}

/// Connects, and subscribes to everything.
async fn subscribe(info: &ExchangeInfo, key: &PrivateKey) -> Result<FeedSession, SessionError> {
    let mut feed = FeedSession::connect(info, key).await?;
    feed.subscribe(Pattern::default(), Depth::Book);
    Ok(feed)
}

impl Watching {
    fn take(&mut self, event: &FeedEvent) {
        match event {
            FeedEvent::Book { contract, sequence, trades, .. } => {
                self.seen = self.seen.max(*sequence);
                self.touched.insert(*contract);
                self.price(*contract);
                if !trades.is_empty() {
                    self.traded(*contract, trades.iter().map(|trade| trade.units));
                }
            }
            FeedEvent::Snapshot { contract } => {
                self.touched.insert(*contract);
                self.price(*contract);
            }
            FeedEvent::Heartbeat { sequence, .. } => self.seen = self.seen.max(*sequence),
            FeedEvent::Gap { contract, error } => {
                tracing::warn!("a gap in the feed at contract {}: {error}", contract.0);
            }
            FeedEvent::Mismatch { expected, found } => {
                tracing::warn!("contract {}: expected {expected:?}, found {found:08x}", expected.contract.0);
            }
            FeedEvent::Reconnected => self.floor.best_asks.write().clear(),
            _ => {}
        }
    }

    fn price(&self, contract: ContractId) {
        let best = self.feed.book(contract).and_then(|book| book.best(Side::Sell));
        let mut best_asks = self.floor.best_asks.write();
        match best {
            Some(level) => best_asks.insert(contract, level.price),
            None => best_asks.remove(&contract),
        };
    }

    fn traded(&mut self, contract: ContractId, trades: impl Iterator<Item = Units>) {
        let (mut count, mut units) = (0, 0);
        for traded in trades {
            count += 1;
            units += u64::from(traded);
        }
        *self.volumes.entry(contract).or_default() += units;
        let mut progress = self.floor.progress.lock();
        let totals = &mut progress.totals;
        totals.trades += count;
        totals.units += units;
        let after = || u64::try_from(self.floor.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        totals.first_trade_ms = totals.first_trade_ms.or_else(|| Some(after()));
    }

    /// Puts what is known into the progress.
    fn publish(&mut self) {
        self.volumes.retain(|contract, _| self.feed.book(*contract).is_some());
        let mut most: Vec<(u64, ContractId)> =
            self.volumes.iter().map(|(id, volume)| (*volume, *id)).collect();
        most.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        most.truncate(SHOWN);
        let active = most.into_iter().filter_map(|(volume, contract)| self.row(contract, volume)).collect();
        let counters = self.feed.counters();
        let day = &self.floor.plan.days[self.floor.day()].day;
        let mut progress = self.floor.progress.lock();
        progress.active = active;
        progress.day.clone_from(day);
        progress.totals.contracts = u64::try_from(self.touched.len()).unwrap_or(u64::MAX);
        // A connection lost and made again is a hole in what was seen, too.
        let holes = counters.gaps + counters.mismatches + counters.reconnects;
        progress.totals.feed_gaps = holes + self.proofs.different;
        progress.totals.books_proven = counters.proven + self.proofs.same;
    }

    fn row(&self, contract: ContractId, volume: u64) -> Option<ActiveContract> {
        let book = self.feed.book(contract)?;
        let class = self.feed.classes().find(|class| class.no == contract.class())?;
        let best = |side| book.best(side).map(|level| (dollars(level.price), level.units));
        Some(ActiveContract {
            symbol: ContractSymbol::of(class, contract).to_string(),
            bid: best(Side::Buy),
            ask: best(Side::Sell),
            last: (book.last_price() > 0).then(|| dollars(book.last_price())),
            volume,
        })
    }

    /// Reads on until the feed has come to the last command anybody has had a report of.
    async fn catch_up(&mut self) -> Result<(), DemoError> {
        let released = self.floor.released.load(Ordering::Relaxed);
        let read = async {
            while self.seen < released {
                let event = self.feed.next().await.map_err(DemoError::Feed)?;
                self.take(&event);
            }
            Ok(())
        };
        match tokio::time::timeout(SETTLE_PATIENCE, read).await {
            Ok(read) => read,
            Err(_) => Err(DemoError::FeedBehind { seen: self.seen, released, waited: SETTLE_PATIENCE }),
        }
    }

    /// Compares every book as it was rebuilt, change by change, with a snapshot of it as it is now.
    async fn prove(&mut self, info: &ExchangeInfo, key: &PrivateKey) -> Result<(), SessionError> {
        let mut fresh = subscribe(info, key).await?;
        while !matches!(fresh.next().await?, FeedEvent::Subscribed(_)) {}
        for (contract, book) in fresh.books() {
            let own = self.feed.book(contract);
            match own.filter(|own| own.sequence() == book.sequence()) {
                Some(own) if own.digest() == book.digest() => self.proofs.same += 1,
                Some(_) => self.proofs.different += 1,
                // Changed since by the clock: nothing can be said of it.
                None if book.sequence() > self.seen => {}
                None => self.proofs.different += 1,
            }
        }
        Ok(())
    }
}
