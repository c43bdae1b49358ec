//! What somebody wants: which accelerators, how many, for how long, and when.

use types::{BLOCK_SLOTS_MAX, ClassSpec, Code, Hour, Money, Performance, UNITS_MAX, Units};

/// What somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Of one of these models; of any if there is none.
    pub models: Vec<Code>,
    /// In one of these regions; in any if there is none.
    pub regions: Vec<Code>,
    /// Every unit computes at least so much, at this precision. A class that states nothing, or another precision, does
    /// not fit.
    pub performance: Option<Performance>,
    /// What prices are in: sums of different currencies do not compare.
    pub currency: Code,
    /// The first slot starts then or later.
    pub from: Hour,
    /// The last slot is over then or before.
    pub until: Hour,
    /// For so many hours in a row, at least 1.
    pub hours: u16,
    /// So many accelerators at the same time, 1 to [`UNITS_MAX`].
    pub units: Units,
    /// What it may cost at most, fees included.
    pub budget: Option<Money>,
    /// How many ways to list at most.
    pub most: usize,
}

/// What nobody can be quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No hours.
    #[error("for 0 hours in a row: expected at least 1")]
    NoHours,
    /// Units out of their range.
    #[error("{0} units: expected 1 to {UNITS_MAX}")]
    Units(Units),
    /// The hours do not fit in the time.
    #[error("{hours} hours in a row do not fit between the two times, which are {between} h apart")]
    TooShort {
        /// The hours.
        hours: u16,
        /// Hours from the first possible start to the last possible end.
        between: u32,
    },
}

impl Request {
    /// Checks it by itself.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn check(&self) -> Result<(), RequestError> {
        if self.hours == 0 {
            return Err(RequestError::NoHours);
        }
        if !(1..=UNITS_MAX).contains(&self.units) {
            return Err(RequestError::Units(self.units));
        }
        let between = self.until.0.saturating_sub(self.from.0);
        if between < u32::from(self.hours) {
            return Err(RequestError::TooShort { hours: self.hours, between });
        }
        Ok(())
    }

    /// True if a class of these terms is among what is wanted.
    #[must_use]
    pub fn wants(&self, spec: &ClassSpec) -> bool {
        let among = |wanted: &[Code], code| wanted.is_empty() || wanted.contains(&code);
        let is_fast_enough = |least: Performance| {
            spec.performance.is_some_and(|has| has.precision == least.precision && has.gflops >= least.gflops)
        };
        among(&self.models, spec.model)
            && among(&self.regions, spec.region)
            && spec.currency == self.currency
            && self.performance.is_none_or(is_fast_enough)
    }

    /// How many slots of such a class it is for; `None` if whole slots are not that long, or no order is for so many.
    #[must_use]
    pub fn slots(&self, spec: &ClassSpec) -> Option<u16> {
        let slot_hours = u16::from(spec.slot_hours);
        let slots = self.hours.checked_div(slot_hours).filter(|slots| slots * slot_hours == self.hours);
        slots.filter(|slots| (1..=BLOCK_SLOTS_MAX).contains(slots))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Code {
        text.parse().unwrap()
    }

    fn request() -> Request {
        Request {
            models: Vec::new(),
            regions: Vec::new(),
            performance: None,
            currency: code("USD"),
            from: Hour(100),
            until: Hour(148),
            hours: 6,
            units: 8,
            budget: None,
            most: 10,
        }
    }

    #[test]
    fn what_cannot_be_is_said() {
        assert_eq!(request().check(), Ok(()));
        let no_hours = Request { hours: 0, ..request() };
        assert_eq!(no_hours.check(), Err(RequestError::NoHours));
        let no_units = Request { units: 0, ..request() };
        assert_eq!(no_units.check(), Err(RequestError::Units(0)));
        let long = Request { hours: 49, ..request() };
        assert_eq!(long.check(), Err(RequestError::TooShort { hours: 49, between: 48 }));
        let backwards = Request { until: Hour(99), ..request() };
        assert_eq!(backwards.check(), Err(RequestError::TooShort { hours: 6, between: 0 }));
    }

    #[test]
    fn classes_are_wanted_by_model_region_currency_and_performance() {
        let fast = Performance { gflops: 989_500, precision: code("BF16") };
        let spec = ClassSpec { performance: Some(fast), ..ClassSpec::example() };
        let wants = |request: Request| request.wants(&spec);
        assert!(wants(request()));
        assert!(wants(Request { models: vec![code("A100"), code("H100SXM")], ..request() }));
        assert!(!wants(Request { models: vec![code("A100")], ..request() }));
        assert!(!wants(Request { regions: vec![code("EU")], ..request() }));
        assert!(!wants(Request { currency: code("EUR"), ..request() }));
        let least = |gflops, precision| Request {
            performance: Some(Performance { gflops, precision: code(precision) }),
            ..request()
        };
        assert!(wants(least(989_500, "BF16")));
        assert!(!wants(least(989_501, "BF16")));
        assert!(!wants(least(1, "FP8")));
        assert!(!least(1, "BF16").wants(&ClassSpec::example()), "nothing is stated");
    }

    #[test]
    fn the_hours_are_whole_slots() {
        let slots = |slot_hours, hours| {
            Request { hours, ..request() }.slots(&ClassSpec { slot_hours, ..ClassSpec::example() })
        };
        assert_eq!((slots(1, 6), slots(4, 8), slots(4, 4)), (Some(6), Some(2), Some(1)));
        assert_eq!((slots(4, 6), slots(8, 4), slots(1, 337)), (None, None, None));
    }
}
