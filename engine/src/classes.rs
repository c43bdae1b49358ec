//! Listed classes, and which of a class's contracts have been touched.

use crate::class_index::ClassIndex;
use types::{CLASSES_MAX, Class, ClassNo, ClassSpec, ContractId, RejectCode, Timestamp};

/// "No contract": the slot of the calendar has not been touched.
const UNTOUCHED: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(crate) struct ClassRecord {
    pub(crate) class: Class,
    /// The index of its currency.
    pub(crate) currency: usize,
    /// What its contracts traded lately.
    pub(crate) index: ClassIndex,
    /// Where each touched contract lies, by its place in the calendar, round and round. Empty until the
    /// first is touched. Twice the horizon long, so that a contract still being settled is not in the way.
    touched: Vec<u32>,
    /// How long that is.
    places: Divisor,
    slot_hours: Divisor,
}

/// A number, at most 2^15, to divide numbers below 2^21 by: with a multiplication, since a contract is looked up
/// with every order.
#[derive(Clone, Copy, Debug)]
struct Divisor {
    number: u32,
    /// A little more than 2^40 divided by it. What that is too much, times a number below 2^21, stays below the
    /// part of 2^40 that would carry a quotient over to the next.
    inverse: u64,
}

/// All classes by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Classes {
    records: Vec<ClassRecord>,
}

impl Classes {
    #[inline]
    pub(crate) fn get(&self, no: ClassNo) -> Option<&ClassRecord> {
        self.records.get(usize::from(no.0))
    }

    pub(crate) fn get_mut(&mut self, no: ClassNo) -> Option<&mut ClassRecord> {
        self.records.get_mut(usize::from(no.0))
    }

    /// The class of a contract that has been touched.
    #[inline]
    pub(crate) fn of(&self, contract: ContractId) -> &ClassRecord {
        &self.records[usize::from(contract.class().0)]
    }

    #[inline]
    pub(crate) fn of_mut(&mut self, contract: ContractId) -> &mut ClassRecord {
        &mut self.records[usize::from(contract.class().0)]
    }

    /// The number of the class with this model and region.
    pub(crate) fn listed(&self, spec: &ClassSpec) -> Option<ClassNo> {
        let same = |class: &Class| class.spec.model == spec.model && class.spec.region == spec.region;
        self.iter().find(|class| same(class)).map(|class| class.no)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.records.len() >= usize::from(CLASSES_MAX)
    }

    /// Lists a class.
    pub(crate) fn add(&mut self, spec: ClassSpec, currency: usize) -> Class {
        let no = ClassNo(u16::try_from(self.records.len()).expect("classes are bounded by CLASSES_MAX"));
        let class = Class { no, spec };
        let slots = u32::from(spec.horizon_hours).div_ceil(u32::from(spec.slot_hours));
        let places = Divisor::new(2 * (slots + 1));
        let slot_hours = Divisor::new(u32::from(spec.slot_hours));
        let (index, touched) = (ClassIndex::default(), Vec::new());
        self.records.push(ClassRecord { class, currency, index, touched, places, slot_hours });
        class
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Class> {
        self.records.iter().map(|record| &record.class)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &ClassRecord> {
        self.records.iter()
    }

    /// Whether orders and deposits for `contract` are taken at `now`: it is a slot of a listed class, within
    /// the horizon and before its gate.
    #[cold]
    pub(crate) fn check_open(&self, contract: ContractId, now: Timestamp) -> Result<(), (RejectCode, i64)> {
        let no = contract.class();
        let class = &self.get(no).ok_or((RejectCode::UnknownClass, i64::from(no.0)))?.class;
        if !class.is_aligned(contract.start()) {
            return Err((RejectCode::NotASlot, i64::from(class.spec.slot_hours)));
        }
        let gate = class.gate(contract);
        if now >= gate {
            return Err((RejectCode::GateClosed, i64::try_from(gate.0 / 1_000_000_000).unwrap_or(i64::MAX)));
        }
        if !class.is_within_horizon(contract, now) {
            return Err((RejectCode::BeyondHorizon, i64::from(class.spec.horizon_hours)));
        }
        Ok(())
    }

    /// Where the touched contract at this place of the calendar lies. Another contract may share the place:
    /// the caller compares ids.
    #[inline]
    pub(crate) fn place(&self, contract: ContractId) -> Option<u32> {
        let record = self.get(contract.class())?;
        let at = record.touched.get(record.place_of(contract)).copied()?;
        (at != UNTOUCHED).then_some(at)
    }

    pub(crate) fn set_place(&mut self, contract: ContractId, at: Option<u32>) {
        let record = &mut self.records[usize::from(contract.class().0)];
        if record.touched.is_empty() {
            record.touched = vec![UNTOUCHED; record.places.number as usize];
        }
        let place = record.place_of(contract);
        record.touched[place] = at.unwrap_or(UNTOUCHED);
    }
}

impl ClassRecord {
    /// Where the contract of each place of the calendar lies, if one is there.
    pub(crate) fn by_place(&self) -> impl Iterator<Item = Option<u32>> {
        let places = 0..self.places.number as usize;
        places.map(|place| self.touched.get(place).copied().filter(|&at| at != UNTOUCHED))
    }

    /// True if its contracts have a price band.
    #[inline]
    pub(crate) fn is_banded(&self) -> bool {
        self.class.spec.static_band_ppm > 0 || self.class.spec.dynamic_band_ppm > 0
    }

    /// The contract's place in the calendar.
    #[inline]
    pub(crate) fn place_of(&self, contract: ContractId) -> usize {
        let slot = self.slot_hours.quotient(contract.start().0);
        let round = self.places.quotient(slot);
        (slot - round * self.places.number) as usize
    }
}

impl Divisor {
    fn new(number: u32) -> Divisor {
        Divisor { number, inverse: (1 << 40) / u64::from(number) + 1 }
    }

    #[inline]
    fn quotient(self, dividend: u32) -> u32 {
        u32::try_from((u64::from(dividend) * self.inverse) >> 40).expect("no more than the dividend")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_exact() {
        for number in (1..400).chain([4_393, 8_784, 17_570, 1 << 15]) {
            let divisor = Divisor::new(number);
            let multiples = (0..1 << 21).step_by(number as usize * 7).chain([(1 << 21) / number * number]);
            for dividend in multiples.flat_map(|near: u32| near.saturating_sub(1)..near + 2) {
                let dividend = dividend.min((1 << 21) - 1);
                assert_eq!(divisor.quotient(dividend), dividend / number, "{dividend} by {number}");
            }
        }
    }
}
