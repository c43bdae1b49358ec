//! The plan of the demo market: who takes part, in what, and how fast its time runs. What is not in the data is
//! made up here, in one place.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;
use types::{AccountName, Class, ClassSpec, Code, Hour, Money, PRICE_MAX, Ticks, Timestamp};

use crate::agents::{Ask, Habits};
use crate::supply::{self, ClassSupply, SupplyDay, SupplyError};

/// The data's currency: US dollars.
pub const CURRENCY: &str = "USD";
/// Made up: a tick, in millionths of a dollar. Asks are rounded up to it, bids down.
pub const TICK: Money = 100;
/// Made up: how many minutes before its slot a contract stops trading.
pub const GATE_MINUTES: u16 = 5;
/// Made up: how many hours ahead contracts trade; longer terms of the data are clipped to it.
pub const HORIZON_HOURS: u16 = 336;
/// Made up: the fee of each side, in parts per million.
pub const FEE_PPM: u32 = 1_000;
/// Made up: how many brokers there are. Each brings the jobs of one cluster as large as the demand model's.
pub const BROKERS: u32 = 16;
/// Made up: the cash of each broker, in millionths of a dollar.
pub const BROKER_CASH: Money = 10_000_000 * 1_000_000;
/// Made up: how brokers trade.
pub const HABITS: Habits = Habits {
    ioc_share: 0.3,
    resale_share: 0.05,
    resale_markup_percent: 10,
    resale_patience: Duration::from_secs(30),
};
/// The shortest and the longest a day of the data lasts.
const DAY_LASTS: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(12));
/// Providers bring a new day's asks within this part of the day, in parts per hundred, each at its own time.
pub const DAY_SPREAD_PERCENT: u32 = 80;

/// Who takes part in what.
#[derive(Clone, Debug)]
pub struct MarketPlan {
    /// The snapshots, oldest first, terms clipped to [`HORIZON_HOURS`]. At least one.
    pub days: Vec<SupplyDay>,
    /// What each of them has on offer, class by class.
    pub supplies: Vec<Vec<ClassSupply>>,
    /// The classes of all days.
    pub classes: Vec<ClassSpec>,
    /// The hosts of all days, rising.
    pub providers: Vec<u32>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The embedded asks are damaged.
    #[error("the embedded asks cannot be read: {0}")]
    Supply(#[from] SupplyError),
    /// There are none.
    #[error("the embedded asks are empty: expected at least one day")]
    Empty,
}

/// The listed classes by model and region.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    classes: BTreeMap<(String, String), Class>,
}

impl MarketPlan {
    /// The plan on the embedded asks.
    ///
    /// # Errors
    /// [`PlanError`] when the embedded file is damaged.
    pub fn load() -> Result<MarketPlan, PlanError> {
        let days = supply::load(NonZeroU32::from(horizon()))?;
        if days.is_empty() {
            return Err(PlanError::Empty);
        }
        let mut classes = BTreeSet::new();
        let mut providers = BTreeSet::new();
        for ask in days.iter().flat_map(|day| &day.asks) {
            classes.insert((ask.model.as_str(), ask.region.as_str()));
            providers.insert(ask.provider);
        }
        let classes =
            classes.into_iter().map(|(model, region)| class_spec(code(model), code(region))).collect();
        let supplies = days.iter().map(SupplyDay::classes).collect();
        Ok(MarketPlan { supplies, classes, providers: providers.into_iter().collect(), days })
    }

    /// What a provider offers on a day, as seen at `now`. A machine of a class that is not listed is left out.
    #[must_use]
    pub fn asks(&self, day: usize, provider: u32, listing: &Listing, now: Timestamp) -> Vec<Ask> {
        let own = self.days[day].asks.iter().filter(|ask| ask.provider == provider);
        own.filter_map(|ask| {
            let class = listing.class(&ask.model, &ask.region)?;
            let price = ticks_up(ask.price);
            Some(Ask {
                machine: ask.machine,
                class: class.no,
                price,
                units: ask.units,
                until: now.hour().plus(ask.hours),
            })
        })
        .collect()
    }
}

impl Listing {
    /// The listing of these classes.
    #[must_use]
    pub fn new(classes: &[Class]) -> Listing {
        let key = |class: &Class| (class.spec.model.to_string(), class.spec.region.to_string());
        Listing { classes: classes.iter().map(|class| (key(class), *class)).collect() }
    }

    /// The class of this model and region, if it is listed.
    #[must_use]
    pub fn class(&self, model: &str, region: &str) -> Option<&Class> {
        self.classes.get(&(model.to_owned(), region.to_owned()))
    }
}

/// How long a day of the data lasts in a run of this length: so long that all `days` pass, within limits; and the
/// longest when the run has no end.
#[must_use]
pub fn day_lasts(run_for: Option<Duration>, days: usize) -> Duration {
    let (shortest, longest) = DAY_LASTS;
    let days = u32::try_from(days).unwrap_or(u32::MAX).max(1);
    let each = run_for.map_or(longest, |run_for| run_for / days).clamp(shortest, longest);
    Duration::from_secs(each.as_secs())
}

/// How many times faster than real time jobs come when a day lasts so long.
#[must_use]
pub fn speed_up(day_lasts: Duration) -> NonZeroU32 {
    let times = 86_400 / day_lasts.as_secs().max(1);
    u32::try_from(times).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}

/// The first slot whose gate is still open at `now`, and the first hour beyond the horizon.
#[must_use]
pub fn open_slots(now: Timestamp) -> (Hour, Hour) {
    let next = now.hour().plus(1);
    let closed = next.starts().minus_minutes(GATE_MINUTES) <= now;
    (next.plus(u32::from(closed)), now.hour().plus(HORIZON_HOURS.into()))
}

/// The most hours ahead of the first open slot that a job can reach.
#[must_use]
pub fn reach() -> NonZeroU32 {
    // The first slot may be two hours ahead.
    NonZeroU32::new(u32::from(HORIZON_HOURS) - 2).expect("the horizon is longer than two hours")
}

/// A price of the data in ticks, rounded up: nobody sells for less than posted.
#[must_use]
pub fn ticks_up(price: Decimal) -> Ticks {
    in_ticks(price).ceil().to_i64().unwrap_or(PRICE_MAX).clamp(1, PRICE_MAX)
}

/// A limit price in ticks, rounded down: nobody pays more.
#[must_use]
pub fn ticks_down(price: Decimal) -> Ticks {
    in_ticks(price).floor().to_i64().unwrap_or(PRICE_MAX).clamp(1, PRICE_MAX)
}

/// A price in dollars.
#[must_use]
pub fn dollars(price: Ticks) -> Decimal {
    let millionths = i128::from(price) * i128::from(TICK);
    Decimal::try_from_i128_with_scale(millionths, 6).unwrap_or(Decimal::MAX).round_dp(4)
}

/// The account name of a host of the data.
#[must_use]
pub fn provider_name(host: u32) -> AccountName {
    format!("host-{host}").parse().expect("5 + at most 10 characters of a-z, 0-9 and -")
}

/// The account name of a broker.
#[must_use]
pub fn broker_name(broker: u32) -> AccountName {
    format!("broker-{broker}").parse().expect("7 + at most 10 characters: 16 hold a broker below 10^9")
}

fn in_ticks(price: Decimal) -> Decimal {
    let in_dollar = Decimal::from(1_000_000 / TICK);
    price.checked_mul(in_dollar).unwrap_or(Decimal::MAX)
}

fn class_spec(model: Code, region: Code) -> ClassSpec {
    ClassSpec {
        model,
        region,
        currency: code(CURRENCY),
        tick: TICK,
        slot_hours: 1,
        gate_minutes: GATE_MINUTES,
        horizon_hours: HORIZON_HOURS,
        fee_ppm: FEE_PPM,
        ..ClassSpec::example()
    }
}

/// The supply's loader lets only codes through.
fn code(text: &str) -> Code {
    text.parse().expect("the supply holds codes only")
}

fn horizon() -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(HORIZON_HOURS).expect("it is not 0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ClassNo, HOUR_NANOS, MINUTE_NANOS};

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).unwrap()
    }

    fn listed(plan: &MarketPlan) -> Listing {
        let classes: Vec<Class> =
            (0..).zip(&plan.classes).map(|(no, spec)| Class { no: ClassNo(no), spec: *spec }).collect();
        Listing::new(&classes)
    }

    #[test]
    fn every_real_ask_is_offered_by_its_host_within_the_horizon() {
        let plan = MarketPlan::load().unwrap();
        assert!(plan.classes.iter().all(ClassSpec::is_valid));
        let listing = listed(&plan);
        let now = Timestamp(490_000 * HOUR_NANOS + 17);
        let (first, end) = open_slots(now);
        for (day, snapshot) in plan.days.iter().enumerate() {
            let asks: Vec<Ask> =
                plan.providers.iter().flat_map(|&host| plan.asks(day, host, &listing, now)).collect();
            assert_eq!(asks.len(), snapshot.asks.len());
            assert!(asks.iter().all(|ask| ask.until <= end && ask.price >= 1 && ask.units >= 1));
            assert!(asks.iter().any(|ask| ask.until > first.plus(300)));
        }
    }

    #[test]
    fn asks_round_up_and_bids_round_down_to_the_tick() {
        assert_eq!((ticks_up(decimal("0.173334")), ticks_down(decimal("0.173334"))), (1_734, 1_733));
        assert_eq!((ticks_up(decimal("0.52")), ticks_down(decimal("0.52"))), (5_200, 5_200));
        assert_eq!((ticks_up(decimal("0.000001")), ticks_down(decimal("0.000001"))), (1, 1));
        assert_eq!((ticks_up(Decimal::MAX), ticks_down(Decimal::MAX)), (PRICE_MAX, PRICE_MAX));
        assert_eq!(dollars(5_200), decimal("0.52"));
    }

    #[test]
    fn the_first_slot_is_the_first_whose_gate_is_open() {
        let at = |minutes: u64| open_slots(Timestamp(1_000 * HOUR_NANOS + minutes * MINUTE_NANOS));
        assert_eq!(at(0), (Hour(1_001), Hour(1_336)));
        assert_eq!(at(54), (Hour(1_001), Hour(1_336)));
        assert_eq!(at(55), (Hour(1_002), Hour(1_336)));
        assert!(1_002 + reach().get() <= 1_336);
    }

    #[test]
    fn days_pass_within_the_run_if_they_can() {
        let lasts = |seconds| day_lasts(Some(Duration::from_secs(seconds)), 5).as_secs();
        assert_eq!((lasts(5), lasts(30), lasts(45), lasts(60), lasts(600)), (6, 6, 9, 12, 12));
        assert_eq!(day_lasts(None, 5), Duration::from_secs(12));
        assert_eq!(speed_up(Duration::from_secs(12)).get(), 7_200);
    }

    #[test]
    fn names_are_names() {
        assert_eq!(provider_name(u32::MAX).as_str(), "host-4294967295");
        assert_eq!(broker_name(BROKERS).as_str(), "broker-16");
    }
}
