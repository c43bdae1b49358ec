//! Phases, halts and bands, naively: which phase a contract is in, what it takes, and at which prices.

use types::{
    ContractId, HOUR_NANOS, INDEX_HOURS, MINUTE_NANOS, MarketBody, NewOrder, PRICE_MAX, Phase, RejectCode,
    ReportBody, SECOND_NANOS, Scope, Sender, Sequence, Side, StateEvent, Ticks, TimeInForce, Timestamp,
    Units,
};

use super::{Outcome, Reference};
use engine::WORK_PER_COMMAND;

impl Reference {
    /// The phase by the calendar alone, and when it ends.
    pub(super) fn opening(&self, contract: ContractId) -> (Phase, Option<Timestamp>) {
        let spec = self.class_of(contract).spec;
        if spec.opening_minutes == 0 {
            return (Phase::Continuous, None);
        }
        let comes_in =
            u64::from((contract.start().0 + 1).saturating_sub(u32::from(spec.horizon_hours))) * HOUR_NANOS;
        let from = comes_in + u64::from(spec.preopen_minutes) * MINUTE_NANOS;
        let until = from + u64::from(spec.opening_minutes) * MINUTE_NANOS + self.random_part(contract, 0);
        match self.time.0 {
            now if now < from => (Phase::PreOpen, Some(Timestamp(from))),
            now if now < until => (Phase::Auction, Some(Timestamp(until))),
            _ => (Phase::Continuous, None),
        }
    }

    /// By how much a call is longer, in nanoseconds.
    pub(super) fn random_part(&self, contract: ContractId, sequence: Sequence) -> u64 {
        let most = u64::from(self.class_of(contract).spec.random_seconds) * SECOND_NANOS;
        if self.seed == 0 {
            0
        } else {
            mix(mix(mix(self.seed) ^ u64::from(contract.0)) ^ sequence) % (most + 1)
        }
    }

    pub(super) fn set_phase(&mut self, contract: ContractId, phase: Phase, until: Option<Timestamp>) {
        let record = self.contracts.get_mut(&contract).unwrap();
        (record.phase, record.until, record.indicative) = (phase, until, None);
        self.event(contract, MarketBody::Phase(phase));
        let has_orders = self.orders.iter().any(|order| order.terms.contract == contract && order.shown > 0);
        if has_orders {
            self.expect_indicative(contract);
        }
    }

    /// An auction begins by which the contract goes on.
    pub(super) fn begin_call(&mut self, contract: ContractId) {
        let seconds = u64::from(self.class_of(contract).spec.auction_seconds);
        let until = self.time.0 + seconds * SECOND_NANOS + self.random_part(contract, self.sequence);
        self.set_phase(contract, Phase::Auction, Some(Timestamp(until)));
    }

    /// Whether such an order is taken in the contract's phase.
    pub(super) fn check_phase(&self, terms: &NewOrder) -> Outcome {
        let contract = terms.contract;
        let touched = self.contracts.get(&contract);
        let phase = touched.map_or_else(|| self.opening(contract).0, |record| record.phase);
        if self.is_halted(contract) || phase == Phase::Halted {
            return Err((RejectCode::Halted, i64::from(contract.0)));
        }
        if self.is_uncrossing(contract) {
            return Err((RejectCode::Uncrossing, i64::from(contract.0)));
        }
        let stays = matches!(terms.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd(_));
        let is_simple =
            terms.min_units == 0 && terms.shown == 0 && !terms.post_only && terms.trigger.is_none();
        match phase {
            Phase::PreOpen if !(stays && is_simple) => Err((RejectCode::WrongPhase, 0)),
            Phase::Auction if !(stays && is_simple) => Err((RejectCode::WrongPhase, 1)),
            _ => Ok(()),
        }
    }
}

impl Reference {
    pub(super) fn is_halted(&self, contract: ContractId) -> bool {
        self.halts.iter().any(|scope| scope.includes(contract))
    }

    pub(super) fn halt(&mut self, sender: Sender, scope: Scope) -> Outcome {
        match scope {
            Scope::Contract(contract) => {
                self.check_open(contract)?;
                self.touch(contract)?;
            }
            _ => self.check_scope(scope)?,
        }
        let is_new = !self.halts.contains(&scope);
        if is_new {
            self.halts.push(scope);
        }
        self.answer(sender, ReportBody::Halted(scope));
        self.spread(scope, is_new, true);
        Ok(())
    }

    pub(super) fn resume(&mut self, sender: Sender, scope: Scope) -> Outcome {
        self.check_scope(scope)?;
        let was_there = self.halts.contains(&scope);
        self.halts.retain(|&other| other != scope);
        self.answer(sender, ReportBody::Resumed(scope));
        self.spread(scope, was_there, false);
        Ok(())
    }

    fn spread(&mut self, scope: Scope, has_changed: bool, on: bool) {
        match scope {
            _ if !has_changed => {}
            Scope::Contract(contract) => self.follow_halts(contract),
            _ => {
                self.out.state.push(StateEvent::Halt { scope, on });
                self.halt_walks.push((scope, None));
                for _ in 0..WORK_PER_COMMAND {
                    if !(self.uncross_piece() || self.halt_piece()) {
                        return;
                    }
                }
            }
        }
    }

    /// One piece: the next contract of the scope comes to be halted or not; or there is none.
    pub(super) fn halt_piece(&mut self) -> bool {
        let Some(&(scope, after)) = self.halt_walks.first() else { return false };
        let is_next = |contract: &&ContractId| scope.includes(**contract) && Some(**contract) > after;
        match self.contracts.keys().find(is_next).copied() {
            Some(next) => {
                self.halt_walks[0].1 = Some(next);
                self.follow_halts(next);
            }
            None => drop(self.halt_walks.remove(0)),
        }
        true
    }

    fn follow_halts(&mut self, contract: ContractId) {
        let Some(phase) = self.contracts.get(&contract).map(|record| record.phase) else { return };
        let trades = matches!(phase, Phase::PreOpen | Phase::Auction | Phase::Continuous);
        let is_halted = self.is_halted(contract);
        if trades && is_halted && !self.is_uncrossing(contract) {
            self.set_phase(contract, Phase::Halted, None);
        } else if phase == Phase::Halted && !is_halted {
            self.go_on(contract);
        }
    }

    fn go_on(&mut self, contract: ContractId) {
        let (phase, until) = self.opening(contract);
        let of = |side| {
            let orders = self.orders.iter().filter(move |order| order.shown > 0 && order.terms.side == side);
            orders.filter(|order| order.terms.contract == contract).map(|order| order.terms.price)
        };
        let is_crossed = of(Side::Buy).max().zip(of(Side::Sell).min()).is_some_and(|(bid, ask)| bid >= ask);
        let has_markets = self.orders.iter().any(|order| {
            order.shown > 0
                && order.terms.contract == contract
                && order.terms.kind == types::OrderKind::Market
        });
        if phase != Phase::Continuous {
            self.set_phase(contract, phase, until);
        } else if self.class_of(contract).spec.auction_seconds > 0 {
            self.begin_call(contract);
        } else if is_crossed || has_markets {
            self.set_phase(contract, Phase::Auction, Some(self.time));
        } else {
            self.set_phase(contract, Phase::Continuous, None);
        }
    }

    fn check_scope(&self, scope: Scope) -> Outcome {
        let number = match scope {
            Scope::All => return Ok(()),
            Scope::Class(class) => class.0,
            Scope::Contract(contract) => contract.class().0,
        };
        if usize::from(number) < self.classes.len() {
            Ok(())
        } else {
            Err((RejectCode::UnknownClass, i64::from(number)))
        }
    }
}

/// Prices from the first to the second.
pub(super) type Band = (Ticks, Ticks);

impl Reference {
    /// The prices at which the contract may trade.
    pub(super) fn band(&self, contract: ContractId) -> Band {
        let spec = self.class_of(contract).spec;
        let last = self.contracts[&contract].last_price;
        let dynamic = if last > 0 { around(last, spec.dynamic_band_ppm) } else { around(1, 0) };
        let fixed = self.static_band(contract).unwrap_or(around(1, 0));
        (dynamic.0.max(fixed.0), dynamic.1.min(fixed.1))
    }

    pub(super) fn static_band(&self, contract: ContractId) -> Option<Band> {
        let ppm = self.class_of(contract).spec.static_band_ppm;
        self.reference_price(contract).filter(|_| ppm > 0).map(|price| around(price, ppm))
    }

    /// The price an order with this limit gets, 0 for none.
    pub(super) fn price_within(
        &self,
        contract: ContractId,
        side: Side,
        price: Ticks,
    ) -> Result<Ticks, (RejectCode, i64)> {
        match (self.static_band(contract), price) {
            (None, 0) => Err((RejectCode::NoProtection, 0)),
            (None, price) => Ok(price),
            (Some((low, high)), 0) => Ok(if side == Side::Buy { high } else { low }),
            (Some((low, _)), price) if price < low => Err((RejectCode::OutsideBand, low)),
            (Some((_, high)), price) if price > high => Err((RejectCode::OutsideBand, high)),
            (Some(_), price) => Ok(price),
        }
    }

    pub(super) fn reference_price(&self, contract: ContractId) -> Option<Ticks> {
        let touched = self.contracts.get(&contract);
        let own = touched.map(|record| [record.auction_price, record.last_price]).unwrap_or_default();
        own.into_iter().find(|&price| price > 0).or_else(|| self.index(contract))
    }

    /// What all contracts of its class traded at on average, in this hour and those before.
    fn index(&self, contract: ContractId) -> Option<Ticks> {
        let (mut number, mut ticks) = (0, 0);
        for &(class, hour, price, units) in &self.traded {
            if class == contract.class() && hour + INDEX_HOURS > self.hour() {
                number += i128::from(units);
                ticks += i128::from(price) * i128::from(units);
            }
        }
        (number > 0).then(|| Ticks::try_from(ticks / number).unwrap())
    }

    pub(super) fn note_trade(&mut self, contract: ContractId, price: Ticks, units: Units) {
        self.traded.push((contract.class(), self.hour(), price, units));
    }

    pub(super) fn hour(&self) -> u32 {
        u32::try_from(self.time.0 / HOUR_NANOS).unwrap()
    }
}

/// So many millionths of a price up and down, as whole ticks that are not outside of that.
fn around(price: Ticks, ppm: u32) -> Band {
    if ppm == 0 {
        return (1, PRICE_MAX);
    }
    let width = i128::from(price) * i128::from(ppm);
    let low = (i128::from(price) * 1_000_000 - width + 999_999).div_euclid(1_000_000);
    let high = (i128::from(price) * 1_000_000 + width) / 1_000_000;
    (Ticks::try_from(low.max(1)).unwrap(), Ticks::try_from(high.min(i128::from(PRICE_MAX))).unwrap())
}

/// One step of SplitMix64.
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
