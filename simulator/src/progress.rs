//! How the market is doing, as it runs: shared counters, and a snapshot of them for one screen.

use parking_lot::{Mutex, MutexGuard};
use rust_decimal::Decimal;
use serde::Serialize;
use std::fmt;
use std::time::{Duration, Instant};

use crate::latency::{Latencies, LatencySummary};
use crate::text::{count, percent, table};

/// How many contracts a snapshot shows at most.
pub const SHOWN: usize = 16;

/// Shared by the agents, who write, and whoever shows it. Nobody holds it for long.
#[derive(Debug)]
pub struct Progress {
    inner: Mutex<Inner>,
}

/// What has happened so far. Hours are accelerator-hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Commands with an outcome that the exchange took, rejected ones included.
    pub commands: u64,
    /// Commands that were rejected, or refused before they were taken.
    pub rejected: u64,
    /// Contracts with a public event.
    pub contracts: u64,
    /// Trades, by the feed.
    pub trades: u64,
    /// Units traded, by the feed.
    pub units: u64,
    /// When the first trade was seen, in milliseconds from the start of the market; none before it.
    pub first_trade_ms: Option<u64>,
    /// Jobs that brokers had.
    pub jobs: u64,
    /// Jobs that were let go because their broker had too many orders waiting to be sent: should be 0.
    pub jobs_let_go: u64,
    /// Idle hours providers deposited.
    pub idle_hours_posted: u64,
    /// Idle hours that found a user: sold by the provider who deposited them. Sales on do not count.
    pub idle_hours_sold: u64,
    /// Hours that a broker sold on.
    pub hours_resold: u64,
    /// Public events that were missed.
    pub feed_gaps: u64,
    /// Public books that were proven against a digest of the feed's.
    pub books_proven: u64,
}

/// A contract as the public sees it. Prices in dollars per accelerator-hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveContract {
    /// Its symbol.
    pub symbol: String,
    /// The best bid and its units.
    pub bid: Option<(Decimal, u64)>,
    /// The best ask and its units.
    pub ask: Option<(Decimal, u64)>,
    /// The last price.
    pub last: Option<Decimal>,
    /// Units traded so far.
    pub volume: u64,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// How long the market has run.
    pub elapsed: Duration,
    /// The day of the data whose asks are in the market.
    pub day: String,
    /// What has happened so far.
    pub totals: Totals,
    /// Commands a second since the snapshot before.
    pub commands_per_s: u64,
    /// Trades a second since the snapshot before.
    pub trades_per_s: u64,
    /// From the intended sending of an order to the arrival of its durable acknowledgement, all orders.
    pub ack_latency_us: LatencySummary,
    /// The same of brokers' orders alone.
    pub broker_ack_latency_us: LatencySummary,
    /// The contracts with the most volume, most first, [`SHOWN`] at most.
    pub active: Vec<ActiveContract>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    started: Instant,
    before: (Instant, Totals),
    pub(crate) day: String,
    pub(crate) totals: Totals,
    pub(crate) orders: Latencies,
    pub(crate) broker_orders: Latencies,
    pub(crate) active: Vec<ActiveContract>,
}

impl Progress {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Progress {
        let started = Instant::now();
        let inner = Inner {
            started,
            before: (started, Totals::default()),
            day: String::new(),
            totals: Totals::default(),
            orders: Latencies::new(),
            broker_orders: Latencies::new(),
            active: Vec::new(),
        };
        Progress { inner: Mutex::new(inner) }
    }

    /// The market begins now: what came before, such as setting it up, takes none of its time.
    pub(crate) fn begin(&self) {
        let mut inner = self.lock();
        inner.started = Instant::now();
        inner.before = (inner.started, inner.totals);
    }

    /// How things are now. Rates are since the last call.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut inner = self.lock();
        let now = Instant::now();
        let (then, before) = inner.before;
        let rate = |now_total: u64, before: u64| per_second(now_total - before, now - then);
        let snapshot = Snapshot {
            elapsed: now - inner.started,
            day: inner.day.clone(),
            totals: inner.totals,
            commands_per_s: rate(inner.totals.commands, before.commands),
            trades_per_s: rate(inner.totals.trades, before.trades),
            ack_latency_us: inner.orders.summary(),
            broker_ack_latency_us: inner.broker_orders.summary(),
            active: inner.active.clone(),
        };
        inner.before = (now, snapshot.totals);
        snapshot
    }

    /// What has happened so far, without touching the rates of [`Progress::snapshot`].
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.lock().totals
    }

    /// To change something; to be dropped at once.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

impl Totals {
    /// The share of posted idle hours that found a user, from 0 to 1.
    #[must_use]
    pub fn share_sold(&self) -> f64 {
        share(self.idle_hours_sold, self.idle_hours_posted)
    }
}

impl fmt::Display for Snapshot {
    /// One screen: totals, rates, latency and the most active contracts, at most 100 columns wide.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let totals = &self.totals;
        let seconds = self.elapsed.as_secs();
        writeln!(f, "{} min {:02} s, asks of {}", seconds / 60, seconds % 60, self.day)?;
        writeln!(
            f,
            "{} contracts, {} commands ({}/s), {} trades ({}/s), {} units",
            count(totals.contracts),
            count(totals.commands),
            count(self.commands_per_s),
            count(totals.trades),
            count(self.trades_per_s),
            count(totals.units)
        )?;
        writeln!(
            f,
            "idle accelerator-hours: {} posted, {} sold ({})",
            count(totals.idle_hours_posted),
            count(totals.idle_hours_sold),
            percent(totals.share_sold())
        )?;
        writeln!(f, "order to acknowledgement: {}", self.ack_latency_us)?;
        writeln!(f, "feed gaps: {}\n", totals.feed_gaps)?;
        f.write_str(&table(&self.rows()))
    }
}

impl Snapshot {
    fn rows(&self) -> Vec<Vec<String>> {
        let heading = ["contract", "units", "bid", "ask", "units", "last", "volume"];
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        rows.extend(self.active.iter().map(ActiveContract::row));
        rows
    }
}

impl ActiveContract {
    fn row(&self) -> Vec<String> {
        let price = |price: Option<Decimal>| price.map_or("-".to_owned(), |price| format!("{price:.4}"));
        let units = |level: Option<(Decimal, u64)>| level.map_or(String::new(), |(_, units)| count(units));
        let best = |level: Option<(Decimal, u64)>| price(level.map(|(price, _)| price));
        vec![
            self.symbol.clone(),
            units(self.bid),
            best(self.bid),
            best(self.ask),
            units(self.ask),
            price(self.last),
            count(self.volume),
        ]
    }
}

/// A part of a whole, 0 of nothing. Exact up to 2^53.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// How many a second, rounded down.
pub(crate) fn per_second(number: u64, time: Duration) -> u64 {
    let nanos = time.as_nanos().max(1);
    u64::try_from(u128::from(number) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates() {
        let totals = Totals { idle_hours_posted: 8, idle_hours_sold: 2, ..Totals::default() };
        assert!((totals.share_sold() - 0.25).abs() < f64::EPSILON);
        assert!(Totals::default().share_sold().abs() < f64::EPSILON);
        assert_eq!(per_second(500, Duration::from_millis(250)), 2_000);
        assert_eq!(per_second(0, Duration::ZERO), 0);
    }

    #[test]
    fn a_snapshot_shows_the_counters_and_the_contracts() {
        let progress = Progress::new();
        {
            let mut inner = progress.lock();
            inner.day = "2026-02-27".to_owned();
            inner.totals = Totals { commands: 1_234, idle_hours_posted: 200, ..Totals::default() };
            inner.totals.idle_hours_sold = 13;
            inner.active.push(ActiveContract {
                symbol: "H100SXM-US-20261122T14Z".to_owned(),
                bid: None,
                ask: Some((Decimal::new(18_667, 4), 8)),
                last: Some(Decimal::new(19, 1)),
                volume: 12,
            });
        }
        let text = progress.snapshot().to_string();
        for part in ["asks of 2026-02-27", "1,234 commands", "200 posted, 13 sold (6.50 %)", "feed gaps: 0"] {
            assert!(text.contains(part), "'{part}' in:\n{text}");
        }
        assert!(
            text.contains("H100SXM-US-20261122T14Z           -  1.8667      8  1.9000      12"),
            "{text}"
        );
        assert_eq!(progress.totals().commands, 1_234);
    }
}
