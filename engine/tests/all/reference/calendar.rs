//! The calendar, naively: when contracts open and close and orders expire, and the pending work of that, piece
//! by piece.

use types::{
    CancelReason, ContractId, HOUR_NANOS, MINUTE_NANOS, MarketBody, Phase, RejectCode, ReportBody, Scope,
    Side, Timestamp,
};

use super::stops::sleeping_rank;
use super::{Contract, Order, Outcome, Reference, Work, seconds, units};

/// Work that was begun.
#[derive(Clone, Copy)]
pub(super) enum Job {
    Expire(ContractId),
    Deliver(ContractId),
}

impl Reference {
    /// The first moment after the clock at which a touched contract changes its phase or an order expires.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let changes = self.changes_to_come().map(|(time, _)| time);
        let moments = self.orders.iter().filter_map(Order::moment);
        let indicatives = self.contracts.values().filter_map(|record| record.indicative);
        changes.chain(moments).chain(indicatives).filter(|&time| time > self.clock).min()
    }

    pub(super) fn calendar_work(&self) -> Option<Work> {
        match (self.job, self.first_dated(), self.first_due()) {
            (None, Some(_), _) => Some(Work::Moments),
            (None, None, None) if self.first_indicative().is_none() => None,
            _ => Some(Work::Phases),
        }
    }

    /// Whether orders and deposits for the contract are taken now.
    pub(super) fn check_open(&self, contract: ContractId) -> Outcome {
        let number = contract.class().0;
        let Some(class) = self.classes.get(usize::from(number)) else {
            return Err((RejectCode::UnknownClass, i64::from(number)));
        };
        let (spec, start) = (&class.spec, contract.start().0);
        if start % u32::from(spec.slot_hours) != 0 {
            return Err((RejectCode::NotASlot, i64::from(spec.slot_hours)));
        }
        let gate = self.gate(contract);
        if gate <= self.time {
            return Err((RejectCode::GateClosed, seconds(gate)));
        }
        let hour = self.time.0 / HOUR_NANOS;
        if u64::from(start) >= hour + u64::from(spec.horizon_hours) {
            return Err((RejectCode::BeyondHorizon, i64::from(spec.horizon_hours)));
        }
        Ok(())
    }

    /// From now on the contract has a book and holders. The calendar of a class goes round: twice its
    /// horizon and two slots long, it has no place for a contract while another is there, still unsettled.
    pub(super) fn touch(&mut self, contract: ContractId) -> Outcome {
        self.check_place(contract)?;
        if self.contracts.contains_key(&contract) {
            return Ok(());
        }
        let (phase, until) =
            if self.is_halted(contract) { (Phase::Halted, None) } else { self.opening(contract) };
        let record = Contract {
            phase,
            until,
            indicative: None,
            auction_price: 0,
            changes: Vec::new(),
            last_price: 0,
            holders: Vec::new(),
            deposits: Vec::new(),
        };
        self.contracts.insert(contract, record);
        if phase != Phase::Continuous {
            self.event(contract, MarketBody::Phase(phase));
        }
        Ok(())
    }

    /// Whether there is a place for it in the calendar.
    pub(super) fn check_place(&self, contract: ContractId) -> Outcome {
        if self.contracts.contains_key(&contract) {
            return Ok(());
        }
        let spec = self.class_of(contract).spec;
        let slot_hours = u32::from(spec.slot_hours);
        let round = 2 * (u32::from(spec.horizon_hours).div_ceil(slot_hours) + 1) * slot_hours;
        let is_in_the_way = |other: &&ContractId| {
            other.class() == contract.class() && other.start().0 % round == contract.start().0 % round
        };
        if self.contracts.keys().any(|other| is_in_the_way(&other)) {
            return Err((RejectCode::BeyondHorizon, i64::from(spec.horizon_hours)));
        }
        Ok(())
    }

    /// One piece of what was begun; else an order whose moment has come ends; else a contract's phase changes.
    pub(super) fn calendar_piece(&mut self) -> bool {
        match (self.job, self.first_dated(), self.first_due()) {
            (Some(Job::Expire(contract)), ..) => self.expire(contract),
            (Some(Job::Deliver(contract)), ..) => self.deliver(contract),
            (None, Some(at), _) => {
                let order = self.take_out(at);
                self.end(&order, CancelReason::Expired, None);
            }
            (None, None, Some(contract)) => self.change_phase(contract),
            (None, None, None) => match self.first_indicative() {
                Some(contract) => self.tell_indicative(contract),
                None => return false,
            },
        }
        true
    }

    /// One piece: a contract's next phase. Some bring a job that takes more pieces.
    fn change_phase(&mut self, contract: ContractId) {
        let is_over = self.gate(contract) <= self.clock;
        let spec = self.class_of(contract).spec;
        let record = &self.contracts[&contract];
        match record.phase {
            Phase::Closed => self.set_phase(contract, Phase::InDelivery, None),
            Phase::InDelivery | Phase::Settled => self.job = Some(Job::Deliver(contract)),
            _ if is_over => {
                self.job = Some(Job::Expire(contract));
                self.set_phase(contract, Phase::Closed, None);
            }
            Phase::PreOpen => {
                let call = u64::from(spec.opening_minutes) * MINUTE_NANOS + self.random_part(contract, 0);
                let until = record.until.unwrap().0 + call;
                self.set_phase(contract, Phase::Auction, Some(Timestamp(until)));
            }
            Phase::Auction => self.begin_uncross(contract),
            Phase::Continuous | Phase::Halted => unreachable!("they last to the gate"),
        }
    }

    /// One piece: the next open order ends: bids, asks, each side best first, sleeping stops, blocks; or there is
    /// none any more.
    fn expire(&mut self, contract: ContractId) {
        let open = self.orders.iter().enumerate().filter(|(_, order)| order.terms.contract == contract);
        let first = open.min_by_key(|(_, order)| match order.sleeps() {
            _ if order.is_block() => (2, (Side::Buy, 0, order.id)),
            false => (0, (order.terms.side, order.badness(), order.arrival)),
            true => (1, sleeping_rank(order)),
        });
        let Some((at, _)) = first else {
            self.job = None;
            return;
        };
        let order = self.take_out(at);
        self.end(&order, CancelReason::Gate, None);
    }

    /// One piece: a holding is delivered, the latest holder first; or a deposit is forgotten; or the contract.
    fn deliver(&mut self, contract: ContractId) {
        let record = self.contracts.get_mut(&contract).unwrap();
        if let Some((account, owned)) = record.holders.pop() {
            if owned > 0 {
                self.report(account, None, ReportBody::Settled { contract, units: units(owned) });
            }
        } else if record.deposits.pop().is_none() {
            self.event(contract, MarketBody::Phase(Phase::Settled));
            self.contracts.remove(&contract);
            self.halts.retain(|&halt| halt != Scope::Contract(contract));
            self.job = None;
        }
    }

    /// The contract whose phase changes first among those that are due by the clock.
    fn first_due(&self) -> Option<ContractId> {
        let due = self.changes_to_come().filter(|&(time, _)| time <= self.clock);
        due.min().map(|(_, contract)| contract)
    }

    /// The contract whose indicative price is told first among those that are due.
    fn first_indicative(&self) -> Option<ContractId> {
        let told =
            self.contracts.iter().filter_map(|(&contract, record)| Some((record.indicative?, contract)));
        told.filter(|&(time, _)| time <= self.clock).min().map(|(_, contract)| contract)
    }

    /// Where the order lies that expires first among those whose moments have come by the clock.
    fn first_dated(&self) -> Option<usize> {
        let dated =
            self.orders.iter().enumerate().filter_map(|(at, order)| Some((order.moment()?, order.id, at)));
        dated.filter(|&(moment, ..)| moment <= self.clock).min().map(|(.., at)| at)
    }

    fn changes_to_come(&self) -> impl Iterator<Item = (Timestamp, ContractId)> {
        self.contracts.iter().filter_map(|(&contract, record)| {
            let is_being_delivered = matches!(self.job, Some(Job::Deliver(job)) if job == contract);
            let start = u64::from(contract.start().0) * HOUR_NANOS;
            let hours = u64::from(self.class_of(contract).spec.slot_hours);
            match record.phase {
                Phase::PreOpen | Phase::Auction | Phase::Continuous | Phase::Halted => {
                    let gate = self.gate(contract);
                    Some((record.until.map_or(gate, |until| until.min(gate)), contract))
                }
                Phase::Closed => Some((Timestamp(start), contract)),
                Phase::InDelivery if is_being_delivered => None,
                Phase::InDelivery | Phase::Settled => Some((Timestamp(start + hours * HOUR_NANOS), contract)),
            }
        })
    }

    pub(super) fn gate(&self, contract: ContractId) -> Timestamp {
        let lead = u64::from(self.class_of(contract).spec.gate_minutes) * 60 * 1_000_000_000;
        Timestamp((u64::from(contract.start().0) * HOUR_NANOS).saturating_sub(lead))
    }
}
