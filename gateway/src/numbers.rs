//! The numbers of one key on one lane: which are new, which are on their way, and what came of the others. It
//! is what makes sending a command again harmless.

use std::collections::VecDeque;

/// What is known of the numbers of one key on one lane. Outlives sessions.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// The highest that has been released.
    taken: u64,
    /// Sent on to the sequencer and not yet released, rising.
    in_flight: VecDeque<u64>,
    /// The numbers whose outcome is kept, rising, as its reports are.
    outcomes: VecDeque<Outcome>,
    /// Of numbers up to this one it is no longer known whether they were taken, unless there is an outcome.
    forgotten: u64,
}

/// The first report that answers a number.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    number: u64,
    report: u64,
}

/// How a number stands that a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Above all others: it may go on.
    New,
    /// On its way: its report will come.
    InFlight,
    /// Taken before: its outcome is the account's report of this number.
    Answered(u64),
    /// Never taken, and too late now: the highest is stated.
    NotTaken(u64),
    /// Not above the highest, which is stated, and whether it was taken is no longer known.
    TooOld(u64),
}

impl Numbers {
    /// How `number` stands.
    pub(crate) fn standing(&self, number: u64) -> Standing {
        let highest = self.highest();
        if number > highest {
            return Standing::New;
        }
        if self.in_flight.binary_search(&number).is_ok() {
            return Standing::InFlight;
        }
        match self.outcomes.binary_search_by_key(&number, |outcome| outcome.number) {
            Ok(at) => Standing::Answered(self.outcomes[at].report),
            Err(_) if (1..=self.forgotten).contains(&number) => Standing::TooOld(highest),
            Err(_) => Standing::NotTaken(highest),
        }
    }

    /// The highest number taken or on its way.
    pub(crate) fn highest(&self) -> u64 {
        self.in_flight.back().copied().unwrap_or(self.taken)
    }

    /// True if none is on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Notes that a new number goes on to the sequencer.
    pub(crate) fn forward(&mut self, number: u64) {
        debug_assert!(number > self.highest());
        self.in_flight.push_back(number);
    }

    /// Notes that a number on its way was turned back, without a trace.
    pub(crate) fn withdraw(&mut self, number: u64) {
        if let Ok(at) = self.in_flight.binary_search(&number) {
            self.in_flight.remove(at);
        }
    }

    /// Notes that the account's report `report` answers `number`. Only the first is its outcome.
    pub(crate) fn answer(&mut self, number: u64, report: u64) {
        if number <= self.taken {
            return;
        }
        self.taken = number;
        self.outcomes.push_back(Outcome { number, report });
        while self.in_flight.front().is_some_and(|&first| first <= number) {
            self.in_flight.pop_front();
        }
    }

    /// Notes that the reports up to `report` are no longer kept.
    pub(crate) fn forget(&mut self, report: u64) {
        while let Some(outcome) = self.outcomes.front().filter(|outcome| outcome.report <= report) {
            self.forgotten = outcome.number;
            self.outcomes.pop_front();
        }
    }

    /// Ends a recovery, in which only the newest reports were seen: `taken` is what the engine says, and numbers
    /// below the first outcome are forgotten unless every report of the account was seen.
    pub(crate) fn recovered(&mut self, taken: u64, saw_all: bool) {
        self.taken = taken.max(self.taken);
        if !saw_all {
            let first = self.outcomes.front();
            self.forgotten = first.map_or(self.taken, |first| first.number.saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once_on_its_way_and_then_answered() {
        let mut numbers = Numbers::default();
        assert_eq!(numbers.standing(0), Standing::NotTaken(0));
        assert_eq!(numbers.standing(3), Standing::New);
        numbers.forward(3);
        numbers.forward(7);
        assert_eq!(numbers.standing(3), Standing::InFlight);
        assert_eq!(numbers.standing(5), Standing::NotTaken(7));
        assert_eq!(numbers.standing(8), Standing::New);
        numbers.answer(3, 11);
        numbers.answer(3, 12);
        assert_eq!(numbers.standing(3), Standing::Answered(11));
        assert_eq!(numbers.standing(7), Standing::InFlight);
        numbers.answer(7, 13);
        assert_eq!((numbers.standing(7), numbers.highest()), (Standing::Answered(13), 7));
        assert_eq!(numbers.standing(6), Standing::NotTaken(7));
    }

    #[test]
    fn a_number_that_was_turned_back_is_new_again_while_no_higher_one_is_there() {
        let mut numbers = Numbers::default();
        for number in [3, 7, 9] {
            numbers.forward(number);
        }
        numbers.withdraw(9);
        assert_eq!((numbers.standing(9), numbers.highest()), (Standing::New, 7));
        numbers.withdraw(3);
        assert_eq!(numbers.standing(3), Standing::NotTaken(7));
        numbers.withdraw(7);
        assert_eq!((numbers.standing(3), numbers.highest()), (Standing::New, 0));
        numbers.withdraw(5);
        assert_eq!(numbers.standing(5), Standing::New);
    }

    #[test]
    fn what_is_no_longer_kept_is_too_old_to_tell() {
        let mut numbers = Numbers::default();
        for (number, report) in [(2, 10), (4, 20), (6, 30)] {
            numbers.forward(number);
            numbers.answer(number, report);
        }
        numbers.forget(20);
        assert_eq!([1, 2, 3, 4].map(|number| numbers.standing(number)), [Standing::TooOld(6); 4]);
        assert_eq!(numbers.standing(5), Standing::NotTaken(6));
        assert_eq!(numbers.standing(6), Standing::Answered(30));
    }

    #[test]
    fn after_a_recovery_only_what_was_seen_is_told() {
        let mut numbers = Numbers::default();
        numbers.answer(7, 40);
        numbers.answer(9, 41);
        numbers.recovered(9, false);
        assert_eq!(numbers.standing(6), Standing::TooOld(9));
        assert_eq!(numbers.standing(7), Standing::Answered(40));
        assert_eq!(numbers.standing(8), Standing::NotTaken(9));
        assert_eq!(numbers.standing(9), Standing::Answered(41));
        assert_eq!(numbers.standing(10), Standing::New);

        let mut unseen = Numbers::default();
        unseen.recovered(9, false);
        assert_eq!(unseen.standing(9), Standing::TooOld(9));

        let mut whole = Numbers::default();
        whole.answer(8, 1);
        whole.recovered(8, true);
        assert_eq!(whole.standing(7), Standing::NotTaken(8));
    }
}
