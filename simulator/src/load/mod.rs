//! Load: commands at a given rate through the real gateway, whether it keeps up or not, and what came of them.
//!
//! An open loop: every command has a moment at which it is to be sent, and its latency counts from there, so a
//! stall of the exchange shows in full. The run lists a class of its own and trades in it between accounts of
//! its own; at the end it cancels what it left. What cannot be taken back stays: the class, the accounts with
//! their cash and capacity, and the keys, which are revoked.

mod report;
mod session;
mod trader;

pub use report::LoadReport;

use client::{Depth, ExchangeInfo, FeedCounters, FeedEvent, FeedSession, Pattern, PrivateKey, SessionError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch::{self, Receiver};
use tokio::task::JoinSet;
use types::{
    AccountName, Class, ClassSpec, Code, ContractId, KeyNo, Money, PublicKey, Role, Sequence, Timestamp,
};

use crate::desk::{Desk, DeskError};
use crate::seat::{Seat, SeatError};
use session::{Session, Tally};

/// The model and region of the class that is traded.
const CLASS: (&str, &str) = ("LOAD", "TEST");
const CURRENCY: &str = "USD";
const HORIZON_HOURS: u16 = 336;
/// What every account gets for a run, in millionths.
const CASH: Money = 1_000_000_000 * 1_000_000;
/// How long the last commands may take to have their outcome, and the feed to show them.
const SETTLE_PATIENCE: Duration = Duration::from_secs(10);
/// The most contracts: some hours less than the horizon, so that none closes or comes in meanwhile.
const CONTRACTS_MAX: u32 = 300;
const SESSIONS_MAX: u32 = 1_000;
const RATE_MAX: u32 = 10_000_000;

/// What load to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadPlan {
    /// Commands a second over all sessions, 1 to 10,000,000, at equal intervals.
    pub rate: u32,
    /// How many sessions, 1 to 1,000, each with an account and a key of its own.
    pub sessions: u32,
    /// For how long, more than 0.
    pub run_for: Duration,
    /// Over how many contracts of one class, 1 to 300.
    pub contracts: u32,
    /// What the commands are drawn from.
    pub seed: u64,
}

/// Why a load came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The plan is out of range.
    #[error("{field} is {found}, expected {expected}")]
    Plan {
        /// Which part of it.
        field: &'static str,
        /// Its value.
        found: String,
        /// Its range.
        expected: String,
    },
    /// The operator could not set it up or clear it away.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A session could not go on.
    #[error("a session of the load: {0}")]
    Seat(#[from] SeatError),
    /// The feed could not be followed.
    #[error("the feed: {0}")]
    Feed(#[from] SessionError),
    /// A session's task ended in a panic.
    #[error("a session of the load failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// The market the load is made in.
struct Ground {
    contracts: Vec<ContractId>,
    keys: Vec<KeyNo>,
    seats: Vec<Seat>,
    feed: FeedSession,
}

/// Makes a load on a running exchange, as its operator, and gives what came of it.
///
/// # Errors
/// [`LoadError`] if the plan is out of range, or the exchange cannot be reached or refuses the load.
pub async fn run_load(
    info: &ExchangeInfo,
    operator: &PrivateKey,
    plan: LoadPlan,
) -> Result<LoadReport, LoadError> {
    plan.check()?;
    let mut desk = Desk::open(info, operator).await?;
    let mut ground = prepare(info, &mut desk, plan).await?;

    let (end, ended) = watch::channel(None);
    let mut feed = JoinSet::new();
    feed.spawn(follow(ground.feed, ended));
    let start = Instant::now();
    let mut sessions = JoinSet::new();
    for (index, seat) in (0..).zip(ground.seats.drain(..)) {
        let session = Session::new(seat, plan, index, &ground.contracts);
        sessions.spawn(session.run(start));
    }
    let mut tally = Tally::default();
    while let Some(session) = sessions.join_next().await {
        tally.add(&session??);
    }
    end.send_replace(Some(tally.last_sequence));
    let mut counters = FeedCounters::default();
    while let Some(followed) = feed.join_next().await {
        counters = followed??;
    }
    desk.revoke(&ground.keys).await?;
    desk.close().await;
    Ok(LoadReport::new(plan, &tally, counters))
}

impl LoadPlan {
    /// When the command of this `place` of the session of this `index`, both from 0, is to be sent: the sessions
    /// take turns, and all together send at equal intervals.
    fn due(&self, start: Instant, index: u32, place: u64) -> Instant {
        let turn = u128::from(place) * u128::from(self.sessions) + u128::from(index);
        let nanos = turn * 1_000_000_000 / u128::from(self.rate);
        start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn check(&self) -> Result<(), LoadError> {
        let ranges = [
            ("rate", self.rate, RATE_MAX),
            ("sessions", self.sessions, SESSIONS_MAX),
            ("contracts", self.contracts, CONTRACTS_MAX),
        ];
        for (field, found, most) in ranges {
            if !(1..=most).contains(&found) {
                return Err(LoadError::Plan {
                    field,
                    found: found.to_string(),
                    expected: format!("1 to {most}"),
                });
            }
        }
        if self.run_for.is_zero() {
            let expected = "more than nothing".to_owned();
            return Err(LoadError::Plan { field: "time", found: "0 s".to_owned(), expected });
        }
        Ok(())
    }
}

/// Lists the class, opens the accounts (or finds those of an earlier run), and takes the seats.
async fn prepare(info: &ExchangeInfo, desk: &mut Desk, plan: LoadPlan) -> Result<Ground, LoadError> {
    let classes = desk.list(&[class_spec()]).await?;
    let class = *classes.first().expect("one was asked for, and every command has an outcome");
    let mut accounts: Vec<(AccountName, Role)> =
        (1..=plan.sessions).map(|no| (name(&format!("load-{no}")), Role::Provider)).collect();
    accounts.push((name("load-watcher"), Role::Analyst));
    let ids = desk.open_accounts(&accounts).await?;
    let keys: Vec<PrivateKey> = accounts.iter().map(|_| PrivateKey::generate()).collect();
    let registered: Vec<_> = ids
        .iter()
        .zip(&accounts)
        .zip(&keys)
        .map(|((&id, &(_, role)), key)| -> (_, _, PublicKey) { (id, role, key.public()) })
        .collect();
    let key_numbers = desk.register(&registered).await?;
    let (watcher, traders) = keys.split_last().expect("the watcher's is there");
    let tag = now().0;
    desk.deposit(&ids[..traders.len()], code(CURRENCY), CASH, tag).await?;

    let contracts = contracts(&class, plan.contracts, now());
    let feed = FeedSession::connect(info, watcher).await?;
    let mut calls = JoinSet::new();
    for key in traders {
        let (info, key, contracts) = (*info, key.clone(), contracts.clone());
        calls.spawn(async move {
            let mut seat = Seat::take(&info, &key).await.map_err(SeatError::from)?;
            session::stock(&mut seat, &contracts, tag).await?;
            Ok::<Seat, SeatError>(seat)
        });
    }
    let mut seats = Vec::new();
    while let Some(seat) = calls.join_next().await {
        seats.push(seat??);
    }
    Ok(Ground { contracts, keys: key_numbers, seats, feed })
}

/// Follows the class until the last command has been shown.
async fn follow(
    mut feed: FeedSession,
    mut end: Receiver<Option<Sequence>>,
) -> Result<FeedCounters, LoadError> {
    let pattern = Pattern { model: Some(code(CLASS.0)), region: Some(code(CLASS.1)), start: None };
    feed.subscribe(pattern, Depth::Book);
    let (mut seen, mut turn) = (0, 0u32);
    let last = loop {
        tokio::select! {
            biased;
            last = end.wait_for(Option::is_some) => break last.ok().and_then(|last| *last).unwrap_or(0),
            event = feed.next() => seen = seen.max(sequence_of(&event?)),
        }
        turn = turn.wrapping_add(1);
        if turn.is_multiple_of(256) {
            tokio::task::yield_now().await;
        }
    };
    let rest = async {
        while seen < last {
            seen = seen.max(sequence_of(&feed.next().await?));
        }
        Ok::<(), SessionError>(())
    };
    // What the feed has not shown by then is missing, and counts as a gap.
    let shown = tokio::time::timeout(SETTLE_PATIENCE, rest).await;
    let mut counters = feed.counters();
    match shown {
        Ok(rest) => rest?,
        Err(_) => counters.gaps += 1,
    }
    Ok(counters)
}

/// How far the feed has come by this event.
fn sequence_of(event: &FeedEvent) -> Sequence {
    match event {
        FeedEvent::Book { sequence, .. } | FeedEvent::Heartbeat { sequence, .. } => *sequence,
        _ => 0,
    }
}

/// The contracts after the next two hours, so that no gate closes during the run unless it is that long.
fn contracts(class: &Class, count: u32, now: Timestamp) -> Vec<ContractId> {
    let first = now.hour().plus(3);
    (0..count).map(|later| ContractId::new(class.no, first.plus(later))).collect()
}

fn class_spec() -> ClassSpec {
    ClassSpec {
        model: code(CLASS.0),
        region: code(CLASS.1),
        currency: code(CURRENCY),
        tick: 100,
        slot_hours: 1,
        gate_minutes: 0,
        horizon_hours: HORIZON_HOURS,
        fee_ppm: 1_000,
    }
}

fn code(text: &str) -> Code {
    text.parse().expect("a code in its form")
}

fn name(text: &str) -> AccountName {
    text.parse().expect("5 + at most 7 characters of a-z, 0-9 and -")
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ClassNo, HOUR_NANOS};

    #[test]
    fn plans_out_of_range_are_refused_by_field() {
        let good =
            LoadPlan { rate: 100, sessions: 2, run_for: Duration::from_secs(1), contracts: 8, seed: 1 };
        assert!(good.check().is_ok());
        let cases = [
            ("rate", LoadPlan { rate: 0, ..good }),
            ("sessions", LoadPlan { sessions: 1_001, ..good }),
            ("contracts", LoadPlan { contracts: 301, ..good }),
            ("time", LoadPlan { run_for: Duration::ZERO, ..good }),
        ];
        for (wanted, plan) in cases {
            match plan.check() {
                Err(LoadError::Plan { field, .. }) => assert_eq!(field, wanted),
                other => panic!("{plan:?}: expected a bad {wanted}, got {other:?}"),
            }
        }
    }

    #[test]
    fn sessions_take_turns_at_equal_intervals() {
        let plan =
            LoadPlan { rate: 1_000, sessions: 3, run_for: Duration::from_secs(1), contracts: 8, seed: 1 };
        let start = Instant::now();
        let mut due: Vec<Duration> = (0..3)
            .flat_map(|index| (0..10).map(move |place| plan.due(start, index, place) - start))
            .collect();
        due.sort();
        let expected: Vec<Duration> = (0..30).map(Duration::from_millis).collect();
        assert_eq!(due, expected);
    }

    #[test]
    fn all_contracts_of_the_largest_plan_are_open() {
        let class = Class { no: ClassNo(3), spec: class_spec() };
        assert!(class.spec.is_valid());
        let now = Timestamp(1_000 * HOUR_NANOS + 1);
        let contracts = contracts(&class, CONTRACTS_MAX, now);
        assert_eq!(contracts.len(), 300);
        for contract in contracts {
            assert!(
                class.is_within_horizon(contract, now) && class.gate(contract).0 > now.0 + 2 * HOUR_NANOS
            );
        }
    }
}
