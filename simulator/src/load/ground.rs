//! The ground a load is made on: classes, accounts, keys and what they own, set up by the operator. It trades in
//! classes of its own between accounts of its own. What cannot be taken back stays: the classes, the accounts with
//! their cash and capacity, and the keys, which are revoked.

use client::{ContractSymbol, ExchangeInfo, Pattern, PrivateKey};
use std::time::SystemTime;
use tokio::task::JoinSet;
use types::{
    AccountId, AccountName, Class, ClassSpec, Code, Command, ContractId, KeyNo, Money, PublicKey, Role,
    Timestamp, Units,
};

use super::audience;
use super::plan::{LoadPlan, Watch};
use super::{LoadError, SETTLE_PATIENCE};
use crate::desk::{Desk, DeskError};
use crate::seat::{Seat, SeatError};

/// The model of the classes that are traded. Their regions are `T1`, `T2` and so on.
const MODEL: &str = "LOAD";
pub(super) const CURRENCY: &str = "USD";
const HORIZON_HOURS: u16 = 336;
/// How many contracts of a class are used: some hours less than the horizon, so that none closes or comes in meanwhile.
const CLASS_CONTRACTS: u32 = 300;
const CLASSES_MAX: u32 = 64;
/// The most contracts a load can be spread over.
pub(super) const CONTRACTS_MAX: u32 = CLASSES_MAX * CLASS_CONTRACTS;
/// About so many deposits of capacity are made for a run; with more contracts and sessions than that, each session
/// trades in some of the contracts.
const DEPOSITS: u32 = 64_000;
/// How many sessions call at once.
const CALLS: usize = 32;
/// What every account gets for a run, in millionths.
const CASH: Money = 1_000_000_000 * 1_000_000;
/// What every session deposits of each of its contracts for a run.
const CAPACITY: Units = 100_000;

/// See the head of this file.
#[derive(Debug)]
pub(super) struct Ground {
    /// The traders' keys, one for each session.
    pub(super) traders: Vec<PrivateKey>,
    pub(super) watcher: PrivateKey,
    /// The subscribers' keys, each for several of them.
    pub(super) subscribers: Vec<PrivateKey>,
    pub(super) contracts: Vec<ContractId>,
    classes: Vec<Class>,
    keys: Vec<KeyNo>,
    /// What the deposits of this run are called.
    pub(super) tag: u64,
}

/// Lists the classes, opens the accounts (or finds those of an earlier run), and gives them keys and cash.
pub(super) async fn prepare(desk: &mut Desk, plan: &LoadPlan) -> Result<Ground, DeskError> {
    let specs: Vec<ClassSpec> = (1..=plan.contracts.div_ceil(CLASS_CONTRACTS)).map(class_spec).collect();
    let classes = desk.list(&specs).await?;
    let mut accounts: Vec<(AccountName, Role)> =
        (1..=plan.sessions).map(|no| (name(&format!("load-{no}")), Role::Provider)).collect();
    accounts.push((name("load-watcher"), Role::Analyst));
    let mut ids = desk.open_accounts(&accounts).await?;
    let watcher_id = ids.pop().expect("the watcher's is the last");
    let generate = |count: usize| -> Vec<PrivateKey> { (0..count).map(|_| PrivateKey::generate()).collect() };
    let traders = generate(ids.len());
    // The watcher's account has the subscribers' keys too.
    let of_subscribers = plan.subscribers.div_ceil(audience::OF_ONE_KEY);
    let subscribers = generate(usize::try_from(of_subscribers).unwrap_or(0));
    let watcher = PrivateKey::generate();
    let watching = subscribers.iter().chain([&watcher]);
    let registered: Vec<(AccountId, Role, PublicKey)> = ids
        .iter()
        .zip(&traders)
        .map(|(&id, key)| (id, Role::Provider, key.public()))
        .chain(watching.map(|key| (watcher_id, Role::Analyst, key.public())))
        .collect();
    let keys = desk.register(&registered).await?;
    let tag = now().0;
    desk.deposit(&ids, code(CURRENCY), CASH, tag).await?;
    let contracts = contracts(&classes, plan.contracts, now());
    Ok(Ground { traders, watcher, subscribers, contracts, classes, keys, tag })
}

/// A session's seat, and what it trades in.
pub(super) type Seated = (Seat, Vec<ContractId>);

/// Takes the seats of these traders, in their order, some at a time, and deposits what they may sell.
pub(super) async fn take_seats(
    info: &ExchangeInfo,
    traders: Vec<(PrivateKey, Vec<ContractId>)>,
    tag: u64,
) -> Result<Vec<Seated>, LoadError> {
    let (mut waiting, mut calls, mut seats) = (traders.into_iter().enumerate(), JoinSet::new(), Vec::new());
    loop {
        for (at, (key, contracts)) in waiting.by_ref().take(CALLS - calls.len()) {
            let info = *info;
            calls.spawn(async move { Ok::<_, SeatError>((at, take_seat(info, key, contracts, tag).await?)) });
        }
        let Some(called) = calls.join_next().await else { break };
        seats.push(called??);
    }
    seats.sort_unstable_by_key(|(at, _)| *at);
    Ok(seats.into_iter().map(|(_, seated)| seated).collect())
}

async fn take_seat(
    info: ExchangeInfo,
    key: PrivateKey,
    contracts: Vec<ContractId>,
    tag: u64,
) -> Result<Seated, SeatError> {
    let mut seat = Seat::take(&info, &key).await?;
    for &contract in &contracts {
        seat.submit(Command::DepositCapacity { contract, units: CAPACITY, external: tag }).await?;
    }
    seat.settle(SETTLE_PATIENCE, |_| {}).await?;
    Ok((seat, contracts))
}

impl Ground {
    /// Takes the keys' rights away.
    pub(super) async fn clear(&self, desk: &mut Desk) -> Result<(), DeskError> {
        desk.revoke(&self.keys).await
    }

    /// Which of the contracts the session of this index trades in.
    pub(super) fn contracts_of(&self, index: u32, sessions: u32) -> Vec<ContractId> {
        let all = u32::try_from(self.contracts.len()).unwrap_or(CONTRACTS_MAX);
        let own = all.min((DEPOSITS / sessions).max(1));
        let first = u64::from(index) * u64::from(all) / u64::from(sessions);
        let first = usize::try_from(first).unwrap_or(0);
        let own = usize::try_from(own).unwrap_or(1);
        self.contracts.iter().cycle().skip(first).take(own).copied().collect()
    }

    /// What to subscribe to.
    pub(super) fn watched(&self, watch: Watch) -> Option<Pattern> {
        let first = *self.contracts.first()?;
        match watch {
            Watch::None => None,
            Watch::All => Some(Pattern { model: Some(code(MODEL)), region: None, start: None }),
            Watch::One => self.pattern_of(first),
        }
    }

    /// Of so many subscribers each one's key and what it follows: the contracts in turn.
    pub(super) fn followed_by(&self, subscribers: u32) -> Vec<(PrivateKey, Pattern)> {
        let keys = self.subscribers.iter().cycle();
        let patterns = self.contracts.iter().cycle().filter_map(|&contract| self.pattern_of(contract));
        (0..subscribers).zip(keys).zip(patterns).map(|((_, key), pattern)| (key.clone(), pattern)).collect()
    }

    /// What to subscribe to for one of the contracts.
    fn pattern_of(&self, contract: ContractId) -> Option<Pattern> {
        let class = self.classes.iter().find(|class| class.no == contract.class())?;
        Some(ContractSymbol::of(class, contract).into())
    }
}

/// The contracts after the next two hours, so that no gate closes during the run unless it is that long.
fn contracts(classes: &[Class], count: u32, now: Timestamp) -> Vec<ContractId> {
    let first = now.hour().plus(3);
    let of_class = |class: &Class| {
        let no = class.no;
        (0..CLASS_CONTRACTS).map(move |later| ContractId::new(no, first.plus(later)))
    };
    classes.iter().flat_map(of_class).take(usize::try_from(count).unwrap_or(usize::MAX)).collect()
}

fn class_spec(no: u32) -> ClassSpec {
    ClassSpec {
        model: code(MODEL),
        region: code(&format!("T{no}")),
        currency: code(CURRENCY),
        tick: 100,
        slot_hours: 1,
        gate_minutes: 0,
        horizon_hours: HORIZON_HOURS,
        fee_ppm: 1_000,
        ..ClassSpec::example()
    }
}

pub(super) fn code(text: &str) -> Code {
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

    fn ground(count: u32) -> Ground {
        let classes: Vec<Class> = (1..=CLASSES_MAX)
            .map(|no| Class { no: ClassNo(u16::try_from(no).unwrap()), spec: class_spec(no) })
            .collect();
        let key = PrivateKey::generate();
        let contracts = contracts(&classes, count, Timestamp(1_000 * HOUR_NANOS + 1));
        let subscribers = vec![key.clone(), PrivateKey::generate()];
        Ground {
            traders: Vec::new(),
            watcher: key,
            subscribers,
            contracts,
            classes,
            keys: Vec::new(),
            tag: 0,
        }
    }

    #[test]
    fn all_contracts_of_the_largest_plan_are_open() {
        let ground = ground(CONTRACTS_MAX);
        let now = Timestamp(1_000 * HOUR_NANOS + 1);
        assert_eq!(ground.contracts.len(), 19_200);
        assert!(ground.classes.iter().all(|class| class.spec.is_valid()));
        for contract in &ground.contracts {
            let class = ground.classes.iter().find(|class| class.no == contract.class()).unwrap();
            assert!(class.is_within_horizon(*contract, now));
            assert!(class.gate(*contract).0 > now.0 + 2 * HOUR_NANOS);
        }
    }

    #[test]
    fn subscribers_share_the_contracts_and_the_keys() {
        let ground = ground(301);
        let followed = ground.followed_by(600);
        assert_eq!(followed.len(), 600);
        let of = |contract| ground.pattern_of(contract).unwrap();
        let expected: Vec<Pattern> = ground.contracts.iter().cycle().take(600).copied().map(of).collect();
        let patterns: Vec<Pattern> = followed.iter().map(|(_, pattern)| *pattern).collect();
        assert_eq!(patterns, expected);
        let first = ground.subscribers[0].public();
        assert_eq!(followed.iter().filter(|(key, _)| key.public() == first).count(), 300);
    }

    #[test]
    fn few_sessions_trade_in_everything_and_many_in_a_part_each_and_in_everything_together() {
        assert_eq!(ground(16).contracts_of(2, 3).len(), 16);
        let ground = ground(4_000);
        let mut all: Vec<ContractId> =
            (0..1_000).flat_map(|index| ground.contracts_of(index, 1_000)).collect();
        assert_eq!(all.len(), 64_000);
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4_000);
    }
}
