//! The phases of a contract: when it opens, what it takes in which phase, and the next one when its time comes.
//!
//! The opening of a contract nobody has touched is computed from its id and the exchange's seed, so it costs nothing.
//! A touched contract has its phase, and the calendar its next deadline.

use crate::calendar::Work;
use crate::engine::{Engine, Refusal};
use types::{
    ContractId, MarketBody, NewOrder, OrderKind, Output, Phase, RejectCode, SECOND_NANOS, Sequence,
    TimeInForce, Timestamp,
};

impl Engine {
    /// Where the contract lies; from now on the calendar knows it.
    #[inline]
    pub(crate) fn touch(&mut self, contract: ContractId, out: &mut Output) -> Result<u32, Refusal> {
        match self.contracts.find(&self.classes, contract) {
            Some(at) => Ok(at),
            None => self.touch_first(contract, out),
        }
    }

    #[cold]
    fn touch_first(&mut self, contract: ContractId, out: &mut Output) -> Result<u32, Refusal> {
        let class = self.classes.of(contract).class;
        let busy = (RejectCode::BeyondHorizon, i64::from(class.spec.horizon_hours));
        let at = self.contracts.add(&mut self.classes, contract).ok_or(busy)?;
        let (phase, until) = match self.is_halted(contract) {
            true => (Phase::Halted, Timestamp::MAX),
            false => self.opening(contract),
        };
        let record = self.contracts.at_mut(at);
        record.set_phase(phase, until);
        self.calendar.insert(record.deadline(&class), contract);
        if phase != Phase::Continuous {
            record.tell(self.stamp, MarketBody::Phase(phase), out);
        }
        Ok(at)
    }

    /// What a contract is doing, touched or not, as far as no halt covers it.
    pub(crate) fn phase_of(&self, contract: ContractId, at: Option<u32>) -> Phase {
        at.map_or_else(|| self.opening(contract).0, |at| self.contracts.at(at).phase)
    }

    /// The phase by the calendar alone of a contract whose gate is to come, and until when it lasts.
    pub(crate) fn opening(&self, contract: ContractId) -> (Phase, Timestamp) {
        let class = &self.classes.of(contract).class;
        if class.spec.opening_minutes == 0 {
            return (Phase::Continuous, Timestamp::MAX);
        }
        let (now, from) = (self.stamp.time, class.opening_from(contract));
        if now < from {
            return (Phase::PreOpen, from);
        }
        let until = self.opening_end(contract);
        if now < until { (Phase::Auction, until) } else { (Phase::Continuous, Timestamp::MAX) }
    }

    fn opening_end(&self, contract: ContractId) -> Timestamp {
        let class = &self.classes.of(contract).class;
        let random = random_part(self.seed, contract, 0, class.spec.random_seconds);
        Timestamp(class.opening_until(contract).0.saturating_add(random))
    }

    /// Whether an order on these terms may come into the contract now: it is not halted, its auction is not being
    /// worked out, and in a call only orders come that can gather.
    #[inline(always)]
    pub(crate) fn check_phase(
        &self,
        contract: ContractId,
        at: Option<u32>,
        terms: &NewOrder,
    ) -> Result<(), Refusal> {
        let is_plain = |at| self.stamp.time < self.contracts.at(at).plain_until;
        if at.is_some_and(is_plain) && !self.halts.are_wide() {
            return Ok(());
        }
        self.check_other_phase(contract, at, terms)
    }

    #[cold]
    fn check_other_phase(
        &self,
        contract: ContractId,
        at: Option<u32>,
        terms: &NewOrder,
    ) -> Result<(), Refusal> {
        let phase = self.phase_of(contract, at);
        if phase == Phase::Halted || self.is_halted(contract) {
            return Err((RejectCode::Halted, i64::from(contract.0)));
        }
        if at.is_some_and(|at| self.is_uncrossing(at)) {
            return Err((RejectCode::Uncrossing, i64::from(contract.0)));
        }
        if phase.is_call() && !may_gather(terms) {
            return Err((RejectCode::WrongPhase, i64::from(phase.number())));
        }
        Ok(())
    }

    /// Puts a contract into a phase that lasts until then, if not another comes first, and tells everybody.
    pub(crate) fn set_phase(&mut self, at: u32, phase: Phase, until: Timestamp, out: &mut Output) {
        let contract = self.contracts.at_mut(at);
        let class = self.classes.of(contract.id).class;
        self.calendar.remove(contract.deadline(&class), contract.id);
        self.calendar.forget_indicative(contract);
        contract.set_phase(phase, until);
        self.calendar.insert(contract.deadline(&class), contract.id);
        contract.tell(self.stamp, MarketBody::Phase(phase), out);
        if phase == Phase::Auction && !contract.book.is_empty() {
            self.expect_indicative(at);
        }
    }

    /// Begins the call of an auction by which a contract goes on trading.
    #[cold]
    pub(crate) fn begin_call(&mut self, at: u32, out: &mut Output) {
        let contract = self.contracts.at(at).id;
        let spec = self.classes.of(contract).class.spec;
        let random = random_part(self.seed, contract, self.stamp.sequence, spec.random_seconds);
        let long = u64::from(spec.auction_seconds) * SECOND_NANOS + random;
        let until = Timestamp(self.stamp.time.0.saturating_add(long));
        self.set_phase(at, Phase::Auction, until, out);
    }

    /// The next phase of a contract whose deadline has come by the clock.
    pub(crate) fn change_phase(&mut self, contract: ContractId, out: &mut Output) {
        let at = self.place(contract);
        let record = self.contracts.at(at);
        match record.phase {
            Phase::Closed => self.set_phase(at, Phase::InDelivery, Timestamp::MAX, out),
            // The contract is told settled when the last holding is delivered.
            Phase::InDelivery | Phase::Settled => self.calendar.push(Work::Deliver(contract)),
            // After the gate there is no auction any more.
            _ if self.calendar.clock() >= record.gate => {
                self.set_phase(at, Phase::Closed, Timestamp::MAX, out);
                self.calendar.push(Work::Close(contract));
            }
            Phase::PreOpen => self.set_phase(at, Phase::Auction, self.opening_end(contract), out),
            Phase::Auction | Phase::Continuous | Phase::Halted => self.begin_uncross(at),
        }
    }
}

/// True for orders that can gather in a call: limit and market orders that stay until they are filled, with no
/// condition.
pub(crate) fn may_gather(terms: &NewOrder) -> bool {
    let NewOrder { kind, time_in_force, min_units, shown, post_only, trigger, .. } = *terms;
    let (OrderKind::Limit | OrderKind::Market) = kind;
    matches!(time_in_force, TimeInForce::Gtc | TimeInForce::Gtd(_))
        && min_units == 0
        && shown == 0
        && !post_only
        && trigger.is_none()
}

/// By how many nanoseconds an auction ends later than its call is long, 0 to so many seconds: out of the exchange's
/// seed, the contract, and the command that began the call, 0 for an opening. No seed, no random part.
fn random_part(seed: u64, contract: ContractId, sequence: Sequence, most_seconds: u16) -> u64 {
    if seed == 0 {
        return 0;
    }
    let mixed = mix(mix(mix(seed) ^ u64::from(contract.0)) ^ sequence);
    mixed % (u64::from(most_seconds) * SECOND_NANOS + 1)
}

/// One step of SplitMix64.
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_random_part_is_spread_over_its_range_and_follows_from_its_seed() {
        let part = |seed, contract| random_part(seed, ContractId(contract), 7, 30);
        assert_eq!((part(0, 1), random_part(5, ContractId(1), 7, 0)), (0, 0));
        assert_eq!(part(5, 1), part(5, 1));
        let mut tenths = [0; 10];
        for contract in 0..1_000 {
            let tenth = part(5, contract) / (3 * SECOND_NANOS);
            tenths[usize::try_from(tenth.min(9)).unwrap()] += 1;
            assert!(part(5, contract) <= 30 * SECOND_NANOS && part(5, contract) != part(6, contract));
        }
        assert!(tenths.iter().all(|count| (60..150).contains(count)), "{tenths:?}");
    }
}
