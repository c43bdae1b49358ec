//! The calendar, naively: when contracts open and close, and the pending work, piece by piece.

use engine::WORK_PER_COMMAND;
use types::{CancelReason, ContractId, HOUR_NANOS, MarketBody, Phase, RejectCode, ReportBody, Timestamp};

use super::{Contract, Job, Outcome, Reference, badness, units};

impl Reference {
    /// The first phase change of a touched contract after the clock.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        self.changes_to_come().map(|(time, _)| time).filter(|&time| time > self.clock).min()
    }

    /// True if work is left over.
    pub(crate) fn has_pending(&self) -> bool {
        self.job.is_some() || self.first_due().is_some()
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
            return Err((RejectCode::GateClosed, i64::try_from(gate.0 / 1_000_000_000).unwrap()));
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
        let record = Contract {
            phase: Phase::Continuous,
            changes: Vec::new(),
            last_price: 0,
            holders: Vec::new(),
            deposits: Vec::new(),
        };
        self.contracts.insert(contract, record);
        Ok(())
    }

    /// Does as many pieces of the pending work as one command may.
    pub(super) fn work(&mut self) {
        for _ in 0..WORK_PER_COMMAND {
            match (self.job, self.first_due()) {
                (Some(Job::Expire(contract)), _) => self.expire(contract),
                (Some(Job::Deliver(contract)), _) => self.deliver(contract),
                (None, Some(contract)) => self.change_phase(contract),
                (None, None) => return,
            }
        }
    }

    /// One piece: a contract's next phase. Its first and its last bring a job that takes more pieces.
    fn change_phase(&mut self, contract: ContractId) {
        let next = match self.contracts[&contract].phase {
            Phase::Continuous => {
                self.job = Some(Job::Expire(contract));
                Phase::Closed
            }
            Phase::Closed => Phase::InDelivery,
            Phase::InDelivery | Phase::Settled => {
                self.job = Some(Job::Deliver(contract));
                return;
            }
        };
        self.contracts.get_mut(&contract).unwrap().phase = next;
        self.event(contract, MarketBody::Phase(next));
    }

    /// One piece: the next open order ends, bids first, each side best first; or there is none any more.
    fn expire(&mut self, contract: ContractId) {
        let open = self.orders.iter().enumerate().filter(|(_, order)| order.contract == contract);
        let first = open.min_by_key(|(_, order)| (order.side, badness(order), order.arrival));
        let Some((index, _)) = first else {
            self.job = None;
            return;
        };
        let order = self.take_out(index);
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
            self.job = None;
        }
    }

    /// The contract whose phase changes first among those that are due by the clock.
    fn first_due(&self) -> Option<ContractId> {
        let due = self.changes_to_come().filter(|&(time, _)| time <= self.clock);
        due.min().map(|(_, contract)| contract)
    }

    fn changes_to_come(&self) -> impl Iterator<Item = (Timestamp, ContractId)> {
        self.contracts.iter().filter_map(|(&contract, record)| {
            let is_being_delivered = matches!(self.job, Some(Job::Deliver(job)) if job == contract);
            let start = u64::from(contract.start().0) * HOUR_NANOS;
            let hours = u64::from(self.class_of(contract).spec.slot_hours);
            match record.phase {
                Phase::Continuous => Some((self.gate(contract), contract)),
                Phase::Closed => Some((Timestamp(start), contract)),
                Phase::InDelivery if is_being_delivered => None,
                Phase::InDelivery | Phase::Settled => Some((Timestamp(start + hours * HOUR_NANOS), contract)),
            }
        })
    }

    fn gate(&self, contract: ContractId) -> Timestamp {
        let lead = u64::from(self.class_of(contract).spec.gate_minutes) * 60 * 1_000_000_000;
        Timestamp((u64::from(contract.start().0) * HOUR_NANOS).saturating_sub(lead))
    }
}
