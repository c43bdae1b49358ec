//! The index of a class: the volume-weighted price of what its contracts traded in the running hour and those before
//! it, [`INDEX_HOURS`] in all. Trades of single orders count, in auctions too; blocks do not.

mod saved;

use types::{Hour, INDEX_HOURS, Ticks, Units};

/// What contracts of a class traded in one hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traded {
    pub(crate) hour: Hour,
    pub(crate) units: u64,
    /// The sum of price times units.
    pub(crate) ticks: u64,
}

/// An hour lies where its number, divided by so many, leaves its remainder.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClassIndex {
    hours: [Traded; INDEX_HOURS as usize],
}

impl ClassIndex {
    /// Counts a trade. An hour whose sum would be no number any more counts no further.
    #[inline]
    pub(crate) fn count(&mut self, now: Hour, price: Ticks, units: Units) {
        let traded = &mut self.hours[place(now)];
        if traded.hour != now {
            *traded = Traded { hour: now, units: 0, ticks: 0 };
        }
        let value = price.unsigned_abs().checked_mul(u64::from(units));
        let ticks = value.and_then(|value| traded.ticks.checked_add(value));
        if let (Some(ticks), Some(units)) = (ticks, traded.units.checked_add(u64::from(units))) {
            (traded.units, traded.ticks) = (units, ticks);
        }
    }

    /// The index, rounded down; `None` if nothing traded.
    pub(crate) fn price(&self, now: Hour) -> Option<Ticks> {
        let mut units: u128 = 0;
        let mut ticks: u128 = 0;
        for traded in self.traded(now) {
            units += u128::from(traded.units);
            ticks += u128::from(traded.ticks);
        }
        Ticks::try_from(ticks.checked_div(units)?).ok()
    }

    /// The hours that count, oldest first, those without a trade left out.
    pub(crate) fn traded(&self, now: Hour) -> impl Iterator<Item = &Traded> {
        let first = (now.0 + 1).saturating_sub(INDEX_HOURS);
        (first..=now.0).filter_map(move |hour| {
            let traded = &self.hours[place(Hour(hour))];
            (traded.hour.0 == hour && traded.units > 0).then_some(traded)
        })
    }
}

#[inline]
fn place(hour: Hour) -> usize {
    (hour.0 % INDEX_HOURS) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::PRICE_MAX;

    #[test]
    fn an_hour_counts_for_a_day_and_no_longer() {
        let mut index = ClassIndex::default();
        assert_eq!(index.price(Hour(100)), None);
        index.count(Hour(100), 10, 3);
        index.count(Hour(101), 21, 1);
        assert_eq!(index.price(Hour(101)), Some(51 / 4));
        assert_eq!(index.price(Hour(123)), Some(51 / 4));
        assert_eq!(index.price(Hour(124)), Some(21));
        assert_eq!(index.price(Hour(125)), None);
        index.count(Hour(124), 7, 1);
        assert_eq!(index.price(Hour(124)), Some(14));
        assert_eq!(index.traded(Hour(124)).count(), 2);
    }

    #[test]
    fn an_hour_that_is_full_counts_no_further() {
        let mut index = ClassIndex::default();
        for _ in 0..20_000 {
            index.count(Hour(5), PRICE_MAX, 1_000_000);
        }
        let traded = *index.traded(Hour(5)).next().unwrap();
        assert_eq!(u128::from(traded.ticks), u128::from(traded.units) * 1_000_000_000);
        assert!(traded.units < 20_000_000_000 && index.price(Hour(5)) == Some(PRICE_MAX));
    }
}
