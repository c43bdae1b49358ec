//! Standard windows: what 4, 8 or 24 hours of a class in a row cost when every slot is taken from its best ask, or bring
//! when every slot is sold to its best bid; all slots or none. docs/market-data.md states the rule.
//!
//! A class is looked at anew only if a best price, a phase or its next slot has changed, and no more than so many
//! classes at a time, so that whoever reads the market here never waits long.

use protocol::market_data::{Start, WINDOW_HOURS, Window, WindowPrice};
use std::collections::VecDeque;
use types::{
    Class, ClassNo, ContractId, HOUR_NANOS, Hour, MINUTE_NANOS, Money, Sequence, Side, Ticks, Timestamp,
};

/// How many classes are looked at, at a time, at most.
pub(crate) const CLASSES_AT_A_TIME: usize = 16;
/// How long [`Start::Day`] looks ahead, in hours.
const DAY: u32 = 24;

/// The standard windows of all classes.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    /// By the number of the class.
    classes: Vec<OfClass>,
    /// Those to be looked at, each once, longest waiting first.
    changed: VecDeque<ClassNo>,
}

#[derive(Debug, Default)]
struct OfClass {
    /// True while it is among those to be looked at.
    waits: bool,
    /// The slot that traded next when it was looked at; 0 before.
    next: Hour,
    /// Every window there is of it, as it was told last, if it was.
    told: Vec<Option<Window>>,
}

/// A slot that trades, with the best of either side: price and units.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    /// Its contract.
    pub(crate) contract: ContractId,
    /// The best bid.
    pub(crate) bid: Option<(Ticks, u64)>,
    /// The best ask.
    pub(crate) ask: Option<(Ticks, u64)>,
}

impl Windows {
    /// Takes in a listed class, the next by number.
    pub(crate) fn list(&mut self) {
        self.classes.push(OfClass::default());
    }

    /// A best price or a phase of the class has changed.
    pub(crate) fn touch(&mut self, no: ClassNo) {
        if let Some(class) = self.classes.get_mut(usize::from(no.0))
            && !std::mem::replace(&mut class.waits, true)
        {
            self.changed.push_back(no);
        }
    }

    /// The windows that are others than those told before, of a few of the classes that may have any. `slots` gives the
    /// slots of a class that trade, from a contract on, rising.
    pub(crate) fn news(
        &mut self,
        classes: &[Class],
        sequence: Sequence,
        time: Timestamp,
        slots: impl Fn(&Class, ContractId) -> Vec<Slot>,
    ) -> Vec<Window> {
        for class in classes {
            let looked_at = self.classes.get(usize::from(class.no.0)).map(|of_class| of_class.next);
            if looked_at.is_some_and(|next| next != next_slot(class, time)) {
                self.touch(class.no);
            }
        }
        let mut news = Vec::new();
        for _ in 0..CLASSES_AT_A_TIME {
            let Some(no) = self.changed.pop_front() else { break };
            let place = usize::from(no.0);
            let (Some(class), Some(of_class)) = (classes.get(place), self.classes.get_mut(place)) else {
                continue;
            };
            (of_class.waits, of_class.next) = (false, next_slot(class, time));
            let next = ContractId::new(no, of_class.next);
            let now = best_windows(class, next, &slots(class, next), sequence);
            of_class.told.resize_with(now.len(), || None);
            for (told, now) in of_class.told.iter_mut().zip(now) {
                if told.and_then(|told: Window| told.best) != now.best {
                    *told = Some(now);
                    news.push(now);
                }
            }
        }
        news
    }

    /// The windows of a class that can be had, as they were told last.
    pub(crate) fn told(&self, no: ClassNo) -> impl Iterator<Item = &Window> {
        let of_class = self.classes.get(usize::from(no.0));
        let told = of_class.into_iter().flat_map(|of_class| of_class.told.iter().flatten());
        told.filter(|window| window.best.is_some())
    }
}

/// The start of the first slot of a class whose gate comes after `time`.
fn next_slot(class: &Class, time: Timestamp) -> Hour {
    let slot = u32::from(class.spec.slot_hours);
    let gate = u64::from(class.spec.gate_minutes) * MINUTE_NANOS;
    let hour = u32::try_from(time.0.saturating_add(gate) / HOUR_NANOS).unwrap_or(u32::MAX);
    Hour(hour.saturating_add(1).checked_next_multiple_of(slot).unwrap_or(u32::MAX))
}

/// Every window of a class, in the order of hours, sides and starts.
fn best_windows(class: &Class, next: ContractId, slots: &[Slot], sequence: Sequence) -> Vec<Window> {
    let mut windows = Vec::new();
    for hours in WINDOW_HOURS {
        let length = usize::from(hours / class.spec.slot_hours);
        if length < 2 || !hours.is_multiple_of(class.spec.slot_hours) {
            continue;
        }
        for side in [Side::Buy, Side::Sell] {
            let best = best_of(class, next, slots, length, side);
            let of = |(start, best)| Window { class: class.no, hours, side, start, sequence, best };
            windows.extend(Start::ALL.into_iter().zip(best).map(of));
        }
    }
    windows
}

/// The best window of so many slots for every one of [`Start::ALL`]: the cheapest to buy, the dearest to sell, and of
/// equals the first.
fn best_of(
    class: &Class,
    next: ContractId,
    slots: &[Slot],
    length: usize,
    side: Side,
) -> [Option<WindowPrice>; 3] {
    let hours = u32::from(class.spec.slot_hours);
    let day_ends = next.start().plus(DAY);
    let mut best: [Option<(Ticks, usize)>; 3] = [None; 3];
    // The slots up to here that follow each other and have a price, and the sum of the last `length` of those.
    let (mut row, mut sum) = (0, 0);
    for (at, slot) in slots.iter().enumerate() {
        let follows = at > 0 && slots[at - 1].contract.start().plus(hours) == slot.contract.start();
        let Some((price, _)) = quote(slot, side) else {
            (row, sum) = (0, 0);
            continue;
        };
        if !follows {
            (row, sum) = (0, 0);
        }
        row += 1;
        sum += price;
        if row > length {
            sum -= quote(&slots[at - length], side).map_or(0, |(price, _)| price);
        }
        if row < length {
            continue;
        }
        let first = at + 1 - length;
        let start = slots[first].contract;
        let among = [start == next, start.start() < day_ends, true];
        for (best, _) in best.iter_mut().zip(among).filter(|(_, among)| *among) {
            let is_better = best.is_none_or(|(before, _)| match side {
                Side::Buy => sum < before,
                Side::Sell => sum > before,
            });
            if is_better {
                *best = Some((sum, first));
            }
        }
    }
    best.map(|best| {
        best.and_then(|(sum, first)| window_price(class, sum, &slots[first..first + length], side))
    })
}

/// A window of these slots, whose prices come to `sum`; `None` if it is worth more than any money.
fn window_price(class: &Class, sum: Ticks, slots: &[Slot], side: Side) -> Option<WindowPrice> {
    let length = Ticks::try_from(slots.len()).ok()?;
    let hours = Money::from(class.spec.slot_hours);
    let total = sum.checked_mul(class.spec.tick)?.checked_mul(hours)?;
    let price = match side {
        Side::Buy => (sum + length - 1) / length,
        Side::Sell => sum / length,
    };
    let units = slots.iter().filter_map(|slot| quote(slot, side)).map(|(_, units)| units).min()?;
    Some(WindowPrice { first: slots.first()?.contract, price, total, units })
}

/// What whoever is on `side` takes from a slot.
fn quote(slot: &Slot, side: Side) -> Option<(Ticks, u64)> {
    match side {
        Side::Buy => slot.ask,
        Side::Sell => slot.bid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::option;
    use proptest::prelude::*;
    use types::ClassSpec;

    const NO: ClassNo = ClassNo(0);
    const NOW: Hour = Hour(499_992);

    fn class(slot_hours: u8, gate_minutes: u16) -> Class {
        Class { no: NO, spec: ClassSpec { slot_hours, gate_minutes, ..ClassSpec::example() } }
    }

    /// What the rule says, by trying every start.
    fn by_force(
        class: &Class,
        next: ContractId,
        slots: &[Slot],
        hours: u8,
        side: Side,
        start: Start,
    ) -> Option<WindowPrice> {
        let length = u16::from(hours / class.spec.slot_hours);
        let price_at = |first: ContractId| {
            let found = class.window(first, length).map(|contract| {
                let slot = slots.iter().find(|slot| slot.contract == contract)?;
                if side == Side::Buy { slot.ask } else { slot.bid }
            });
            let quotes: Option<Vec<(Ticks, u64)>> = found.collect();
            let quotes = quotes?;
            let sum: Ticks = quotes.iter().map(|quote| quote.0).sum();
            let length = i64::from(length);
            let price = if side == Side::Buy { (sum + length - 1).div_euclid(length) } else { sum / length };
            let total = sum * class.spec.tick * i64::from(class.spec.slot_hours);
            Some((sum, WindowPrice { first, price, total, units: quotes.iter().map(|quote| quote.1).min()? }))
        };
        let starts = slots.iter().map(|slot| slot.contract).filter(|contract| match start {
            Start::Next => *contract == next,
            Start::Day => contract.start().0 < next.start().0 + 24,
            Start::Any => true,
        });
        let found = starts.filter_map(price_at);
        let best = match side {
            Side::Buy => found.min_by_key(|(sum, window)| (*sum, window.first)),
            Side::Sell => found.min_by_key(|(sum, window)| (-sum, window.first)),
        };
        best.map(|(_, window)| window)
    }

    type Quote = Option<(Ticks, u64)>;

    fn slots() -> impl Strategy<Value = Vec<Option<(Quote, Quote)>>> {
        let quote = || option::weighted(0.95, (1i64..6, 1u64..9));
        prop::collection::vec(option::weighted(0.95, (quote(), quote())), 0..90)
    }

    proptest! {
        #[test]
        fn the_best_window_is_the_best_of_all(
            slots in slots(), slot_hours in prop::sample::select(vec![1u8, 2, 3, 4, 6, 8, 24]), gate in 0u16..200,
        ) {
            let class = class(slot_hours, gate);
            let next = ContractId::new(NO, next_slot(&class, NOW.starts()));
            prop_assert!(class.gate(next) > NOW.starts() && class.is_aligned(next.start()));
            let contracts: Vec<ContractId> = class.window(next, u16::try_from(slots.len()).unwrap()).collect();
            let slots: Vec<Slot> = contracts.iter().zip(&slots)
                .filter_map(|(contract, quotes)| quotes.map(|(bid, ask)| Slot { contract: *contract, bid, ask }))
                .collect();
            let windows = best_windows(&class, next, &slots, 9);
            let lengths = WINDOW_HOURS.iter().filter(|hours| *hours % slot_hours == 0 && **hours > slot_hours);
            prop_assert_eq!(windows.len(), 6 * lengths.count());
            for window in windows {
                let Window { hours, side, start, .. } = window;
                prop_assert_eq!(window.best, by_force(&class, next, &slots, hours, side, start), "{:?}", window);
            }
        }
    }

    #[test]
    fn the_next_slot_is_the_first_whose_gate_is_to_come() {
        for (slot_hours, gate, minutes, expected) in [
            (1, 0, 0, 1),
            (1, 0, 59, 1),
            (1, 60, 0, 2),
            (1, 61, 59, 3),
            (4, 0, 0, 4),
            (4, 30, 211, 8),
            (4, 30, 209, 4),
        ] {
            let now = NOW.starts().plus_minutes(minutes);
            assert_eq!(
                next_slot(&class(slot_hours, gate), now),
                NOW.plus(expected),
                "{slot_hours} {gate} {minutes}"
            );
        }
    }

    /// The example of docs/market-data.md.
    #[test]
    fn the_worked_example() {
        let class = class(1, 0);
        let next = ContractId::new(NO, NOW.plus(1));
        let asks = [(21_000, 8), (20_500, 4), (20_000, 9), (20_001, 6), (20_000, 2)];
        let slots: Vec<Slot> = class
            .window(next, 5)
            .zip(asks)
            .map(|(contract, ask)| Slot { contract, bid: None, ask: Some(ask) })
            .collect();
        let best = |start| by_force(&class, next, &slots, 4, Side::Buy, start).unwrap();
        let now = WindowPrice { first: next, price: 20_376, total: 8_150_100, units: 4 };
        let later = WindowPrice { first: ContractId(next.0 + 1), price: 20_126, total: 8_050_100, units: 2 };
        assert_eq!((best(Start::Next), best(Start::Any)), (now, later));
        let windows = best_windows(&class, next, &slots, 9);
        let found = windows.iter().filter(|window| (window.hours, window.side) == (4, Side::Buy));
        assert_eq!(found.map(|window| window.best.unwrap()).collect::<Vec<_>>(), [now, later, later]);
    }

    #[test]
    fn a_class_is_looked_at_when_it_has_changed_and_only_what_is_new_is_told() {
        let classes = [class(1, 0)];
        let mut windows = Windows::default();
        windows.list();
        let quoted = |units| {
            move |class: &Class, next: ContractId| {
                let slot = |contract| Slot { contract, bid: None, ask: Some((10, units)) };
                class.window(next, 4).map(slot).collect::<Vec<Slot>>()
            }
        };
        let time = NOW.starts();
        let first = windows.news(&classes, 1, time, quoted(5));
        assert_eq!(first.len(), 3, "one length, one side, three starts");
        assert_eq!(windows.news(&classes, 2, time, quoted(6)), [], "nobody has said that anything changed");
        windows.touch(NO);
        windows.touch(NO);
        assert_eq!(windows.news(&classes, 3, time, quoted(5)), [], "it is what it was");
        windows.touch(NO);
        let units: Vec<u64> = windows
            .news(&classes, 4, time, quoted(6))
            .iter()
            .map(|window| window.best.unwrap().units)
            .collect();
        assert_eq!(units, [6, 6, 6]);
        let none = |_: &Class, _: ContractId| Vec::new();
        let gone = windows.news(&classes, 5, Hour(NOW.0 + 1).starts(), none);
        assert!(gone.len() == 3 && gone.iter().all(|window| window.best.is_none()), "the hour has passed");
        assert_eq!(windows.told(NO).count(), 0);
    }
}
