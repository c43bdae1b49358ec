//! The indices: one price per model and currency, the volume-weighted average of what traded in the running hour and
//! the hours before it, [`INDEX_HOURS`] in all. docs/market-data.md states the rule.
//!
//! Orders for single slots and auctions count, blocks do not: a block's price is one for many slots. What traded is
//! kept by class and hour, as the engine keeps it, so that the indices survive a restart.

use protocol::market_data::{Index, TradeKind, TradePrint};
use std::collections::{BTreeMap, VecDeque};
use types::{Class, ClassNo, ClassSpec, Code, Hour, INDEX_HOURS, Money, Sequence, Timestamp};

/// All indices.
#[derive(Debug, Default)]
pub(crate) struct Indices {
    /// By the number of the class.
    classes: Vec<Traded>,
    /// By model and currency.
    groups: BTreeMap<(Code, Code), Group>,
    /// The hour up to which trades that are too old were left out.
    hour: Hour,
}

/// What contracts of one class traded.
#[derive(Debug)]
struct Traded {
    spec: ClassSpec,
    /// Rising, and only those in which something traded.
    hours: VecDeque<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    hour: Hour,
    units: u128,
    /// The sum of price times units.
    ticks: u128,
}

/// The classes of a model that trade in one currency.
#[derive(Debug, Default)]
struct Group {
    classes: Vec<ClassNo>,
    /// True if its index may be another than the one told.
    changed: bool,
    told: Option<Index>,
}

impl Indices {
    /// Takes in a listed class, the next by number.
    pub(crate) fn list(&mut self, class: &Class) {
        self.classes.push(Traded { spec: class.spec, hours: VecDeque::new() });
        let group = self.groups.entry((class.spec.model, class.spec.currency)).or_default();
        group.classes.push(class.no);
    }

    /// Takes in what a class traded in an hour before the feed was started.
    pub(crate) fn restore(&mut self, class: ClassNo, hour: Hour, units: u64, ticks: u64) {
        self.count(class, Bucket { hour, units: units.into(), ticks: ticks.into() });
    }

    /// Takes in a trade.
    pub(crate) fn print(&mut self, print: &TradePrint) {
        if print.kind == TradeKind::Block {
            return;
        }
        let (units, hour) = (u128::from(print.units), print.time.hour());
        let ticks = units * u128::from(print.price.unsigned_abs());
        self.count(print.contract.class(), Bucket { hour, units, ticks });
    }

    /// The indices that are others than those told before, as they are now.
    pub(crate) fn news(&mut self, sequence: Sequence, time: Timestamp) -> Vec<Index> {
        self.forget_old(time.hour());
        let mut news = Vec::new();
        for ((model, currency), group) in self.groups.iter_mut().filter(|(_, group)| group.changed) {
            group.changed = false;
            let sums = Sums::of(group.classes.iter().filter_map(|no| self.classes.get(usize::from(no.0))));
            let index = sums.index(*model, *currency, sequence, time);
            let figures = |index: &Index| (index.price, index.per_pflop, index.unit_hours);
            let is_same =
                group.told.as_ref().map_or(index.unit_hours == 0, |told| figures(told) == figures(&index));
            if !is_same {
                group.told = Some(index);
                news.push(index);
            }
        }
        news
    }

    /// The indices as they were told last, by model and currency.
    pub(crate) fn told(&self) -> impl Iterator<Item = &Index> {
        self.groups.values().filter_map(|group| group.told.as_ref())
    }

    fn count(&mut self, no: ClassNo, traded: Bucket) {
        let Some(class) = self.classes.get_mut(usize::from(no.0)) else { return };
        match class.hours.iter_mut().find(|bucket| bucket.hour == traded.hour) {
            Some(bucket) => {
                bucket.units += traded.units;
                bucket.ticks += traded.ticks;
            }
            None => class.hours.push_back(traded),
        }
        if let Some(group) = self.groups.get_mut(&(class.spec.model, class.spec.currency)) {
            group.changed = true;
        }
    }

    /// Leaves out what is too old at `hour`.
    fn forget_old(&mut self, hour: Hour) {
        if hour <= self.hour {
            return;
        }
        self.hour = hour;
        for class in &mut self.classes {
            let before = class.hours.len();
            class.hours.retain(|bucket| bucket.hour.plus(INDEX_HOURS) > hour);
            if class.hours.len() < before
                && let Some(group) = self.groups.get_mut(&(class.spec.model, class.spec.currency))
            {
                group.changed = true;
            }
        }
    }
}

/// What the classes of a group traded, added up.
#[derive(Debug, Default)]
struct Sums {
    /// In millionths of the currency.
    value: u128,
    unit_hours: u128,
    /// Billions of operations a second, for as many hours.
    gflop_hours: u128,
    precision: Option<Code>,
    /// False if a class that traded states no performance, or at another precision.
    compares: bool,
}

impl Sums {
    fn of<'a>(classes: impl Iterator<Item = &'a Traded>) -> Sums {
        let mut sums = Sums { compares: true, ..Sums::default() };
        for Traded { spec, hours } in classes.filter(|class| !class.hours.is_empty()) {
            let slot = u128::from(spec.slot_hours);
            let unit_hours = hours.iter().map(|bucket| bucket.units).sum::<u128>() * slot;
            let ticks = hours.iter().map(|bucket| bucket.ticks).sum::<u128>();
            sums.value += ticks * u128::from(spec.tick.unsigned_abs()) * slot;
            sums.unit_hours += unit_hours;
            let stated = spec.performance;
            sums.compares &=
                stated.is_some_and(|stated| sums.precision.is_none_or(|other| other == stated.precision));
            if let Some(stated) = stated {
                sums.precision = Some(stated.precision);
                sums.gflop_hours += unit_hours * u128::from(stated.gflops);
            }
        }
        sums
    }

    fn index(&self, model: Code, currency: Code, sequence: Sequence, time: Timestamp) -> Index {
        // An hour of 10^15 operations a second is a million of 10^9.
        let pflop_hour = nearest(self.value * 1_000_000, self.gflop_hours);
        let per_pflop = self.precision.filter(|_| self.compares).map(|precision| (precision, pflop_hour));
        Index {
            model,
            currency,
            sequence,
            time,
            price: nearest(self.value, self.unit_hours),
            per_pflop,
            unit_hours: u64::try_from(self.unit_hours).unwrap_or(u64::MAX),
        }
    }
}

/// The quotient rounded to the nearest, a half up; 0 if nothing is to be divided among nothing, and the most money there
/// is if it is more.
fn nearest(value: u128, among: u128) -> Money {
    if among == 0 {
        return 0;
    }
    Money::try_from((value + among / 2) / among).unwrap_or(Money::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ContractId, Performance, Side, Ticks, Units};

    fn class(no: u16, region: &str, spec: ClassSpec) -> Class {
        Class { no: ClassNo(no), spec: ClassSpec { region: region.parse().unwrap(), ..spec } }
    }

    fn stated(gflops: u32, precision: &str) -> Option<Performance> {
        Some(Performance { gflops, precision: precision.parse().unwrap() })
    }

    fn print(class: u16, hour: u32, kind: TradeKind, price: Ticks, units: Units) -> TradePrint {
        let contract = ContractId::new(ClassNo(class), Hour(500_100));
        let (sequence, time, taker) = (1, Hour(hour).starts(), Some(Side::Buy));
        TradePrint { contract, sequence, time, kind, price, units, taker, maker: 1 }
    }

    /// The example of docs/market-data.md.
    #[test]
    fn the_worked_example() {
        let spec = ClassSpec { performance: stated(989_000, "BF16"), ..ClassSpec::example() };
        let mut indices = Indices::default();
        indices.list(&class(0, "USE", spec));
        indices.list(&class(1, "EUN", ClassSpec { slot_hours: 4, tick: 1_000, ..spec }));
        indices.print(&print(0, 500_000, TradeKind::Single, 21_000, 8));
        indices.print(&print(0, 500_000, TradeKind::Auction, 20_500, 4));
        indices.print(&print(0, 500_000, TradeKind::Block, 19_000, 100));
        indices.print(&print(1, 500_001, TradeKind::Single, 1_900, 5));
        let [index] = indices.news(7, Hour(500_001).starts())[..] else { panic!() };
        assert_eq!((index.price, index.unit_hours), (1_968_750, 32));
        assert_eq!(index.per_pflop, Some(("BF16".parse().unwrap(), 1_990_647)));
        assert_eq!(indices.news(8, Hour(500_001).starts()), [], "it is told once");
        assert_eq!(indices.told().copied().collect::<Vec<_>>(), [index]);
    }

    #[test]
    fn an_hour_counts_for_a_day_and_nothing_left_is_said_so() {
        let mut indices = Indices::default();
        indices.list(&class(0, "USE", ClassSpec::example()));
        assert_eq!(indices.news(1, Hour(500_000).starts()), []);
        indices.restore(ClassNo(0), Hour(499_990), 10, 200_000);
        indices.print(&print(0, 500_000, TradeKind::Single, 10_000, 10));
        let figures = |indices: &mut Indices, hour| {
            let news = indices.news(2, Hour(hour).starts());
            news.iter().map(|index| (index.price, index.unit_hours, index.per_pflop)).collect::<Vec<_>>()
        };
        assert_eq!(figures(&mut indices, 500_000), [(1_500_000, 20, None)]);
        assert_eq!(figures(&mut indices, 500_013), []);
        assert_eq!(figures(&mut indices, 500_014), [(1_000_000, 10, None)]);
        assert_eq!(figures(&mut indices, 500_023), []);
        assert_eq!(figures(&mut indices, 500_024), [(0, 0, None)]);
        assert_eq!(figures(&mut indices, 500_100), []);
    }

    #[test]
    fn performance_counts_only_if_all_that_traded_state_it_alike() {
        let spec = |performance| ClassSpec { performance, ..ClassSpec::example() };
        let mut indices = Indices::default();
        for (no, performance) in
            (0..).zip([stated(1_000, "FP8"), stated(4_000, "FP8"), stated(500, "FP16"), None])
        {
            indices.list(&class(no, &format!("R{no}"), spec(performance)));
        }
        let mut per_pflop = |no| {
            indices.print(&print(no, 500_000, TradeKind::Single, 30, 1));
            indices.news(1, Hour(500_000).starts())[0].per_pflop.map(|(_, price)| price)
        };
        // 3,000 millionths for 10^12 operations a second.
        assert_eq!(per_pflop(0), Some(3_000_000));
        // Twice as much money for five times as much.
        assert_eq!(per_pflop(1), Some(1_200_000));
        assert_eq!(per_pflop(2), None);
        assert_eq!(per_pflop(3), None);
    }

    #[test]
    fn currencies_do_not_mix() {
        let euro = ClassSpec { currency: "EUR".parse().unwrap(), ..ClassSpec::example() };
        let mut indices = Indices::default();
        indices.list(&class(0, "USE", ClassSpec::example()));
        indices.list(&class(1, "EUN", euro));
        indices.print(&print(0, 500_000, TradeKind::Single, 10, 1));
        indices.print(&print(1, 500_000, TradeKind::Single, 30, 1));
        let news = indices.news(1, Hour(500_000).starts());
        let prices: Vec<(String, Money)> =
            news.iter().map(|index| (index.currency.to_string(), index.price)).collect();
        assert_eq!(prices, [("EUR".to_owned(), 3_000), ("USD".to_owned(), 1_000)]);
    }
}
