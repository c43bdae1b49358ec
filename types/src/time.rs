//! Time as data: stamps in nanoseconds and slot starts in hours. Nobody here reads a clock.

/// One second in nanoseconds.
pub const SECOND_NANOS: u64 = 1_000_000_000;
/// Nanoseconds in a minute.
pub const MINUTE_NANOS: u64 = 60 * SECOND_NANOS;
/// Nanoseconds in an hour.
pub const HOUR_NANOS: u64 = 60 * MINUTE_NANOS;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z. Stamped by the sequencer, never going backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

/// A whole hour: hours since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub u32);

impl Timestamp {
    /// The latest moment there is; a key that never expires expires then.
    pub const MAX: Timestamp = Timestamp(u64::MAX);

    /// The hour this moment lies in.
    #[must_use]
    #[inline]
    pub fn hour(self) -> Hour {
        Hour(u32::try_from(self.0 / HOUR_NANOS).expect("2^64 ns are 5,124,095 hours, which fit in 32 bits"))
    }

    /// This moment and `minutes`.
    #[must_use]
    #[inline]
    pub fn plus_minutes(self, minutes: u16) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::from(minutes) * MINUTE_NANOS))
    }

    /// This moment less `minutes`, not before 1970.
    #[must_use]
    #[inline]
    pub fn minus_minutes(self, minutes: u16) -> Timestamp {
        Timestamp(self.0.saturating_sub(u64::from(minutes) * MINUTE_NANOS))
    }
}

impl Hour {
    /// The moment the hour begins.
    #[must_use]
    #[inline]
    pub fn starts(self) -> Timestamp {
        Timestamp(u64::from(self.0).saturating_mul(HOUR_NANOS))
    }

    /// The hour `hours` later.
    #[must_use]
    #[inline]
    pub fn plus(self, hours: u32) -> Hour {
        Hour(self.0.saturating_add(hours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_stamps_agree() {
        assert_eq!(Hour(5).starts().hour(), Hour(5));
        assert_eq!(Timestamp(Hour(5).starts().0 - 1).hour(), Hour(4));
        assert_eq!(Hour(5).starts().minus_minutes(60), Hour(4).starts());
        assert_eq!(Timestamp(1).minus_minutes(1), Timestamp(0));
        assert_eq!(Timestamp::MAX.hour(), Hour(5_124_095));
    }
}
