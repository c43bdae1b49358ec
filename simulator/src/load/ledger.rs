//! What a session sent and has no outcome for, and what came of the rest: each command is answered once, reports are
//! in order, money and units are all there.

use client::{AccountState, Batch, Event};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::mem::{Discriminant, discriminant};
use std::time::Instant;
use types::{
    CancelReason, Code, Command, ContractId, Lane, Money, RejectCode, Report, ReportBody, Sequence, Side,
};

use super::recorder::{Came, Pending, Recorder};
use super::trader::Trader;

/// One session's.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    orders: LaneLedger,
    cancels: LaneLedger,
    last_report: Option<u64>,
    pub(super) tally: Tally,
}

/// The commands of one lane without an outcome.
#[derive(Debug, Default)]
struct LaneLedger {
    /// The number of the first place.
    first: u64,
    /// A place for each number from the oldest without an outcome on.
    places: VecDeque<Option<Pending>>,
    unanswered: usize,
}

/// What came of the commands of one or more sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Outcomes.
    pub(super) acknowledged: u64,
    /// Of those, rejected or refused, by code.
    pub(super) rejected: FxHashMap<RejectCode, u64>,
    /// Commands without an outcome in the end.
    pub(super) lost: u64,
    /// Outcomes of commands that had one, or were never sent.
    pub(super) duplicated: u64,
    /// Reports whose number is not the one after the last.
    pub(super) out_of_order: u64,
    /// Units traded, counted at the buyer.
    pub(super) units: u64,
    /// How often a block traded; two that met are two.
    pub(super) blocks_traded: u64,
    /// Open orders after everything was cancelled: should be 0.
    pub(super) left_behind: u64,
    pub(super) before: Wealth,
    pub(super) after: Wealth,
    pub(super) fees: Money,
    pub(super) last_sequence: Sequence,
    pub(super) traffic: Traffic,
}

/// What was said, both ways.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    /// One command of each kind that was sent, and how many there were. There are few kinds.
    pub(super) commands: Vec<(Command, u64)>,
    /// The same of the reports that came.
    pub(super) reports: Vec<(Report, u64)>,
    /// How often commands were given to a lane, however many together.
    pub(super) writes: u64,
    /// How often reports arrived, however many together.
    pub(super) reads: u64,
}

/// What accounts have, free and reserved together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wealth {
    pub(super) cash: Money,
    pub(super) units: FxHashMap<ContractId, u64>,
}

impl Ledger {
    /// A command was sent as this number of its lane. Numbers rise by one.
    pub(super) fn sent(&mut self, command: &Command, number: u64, pending: Pending) {
        self.lane_mut(pending.kind.lane()).push(number, pending);
        count(&mut self.tally.traffic.commands, command, 1, discriminant);
    }

    /// How many commands of a lane have no outcome.
    pub(super) fn unanswered(&self, lane: Lane) -> usize {
        match lane {
            Lane::Orders => self.orders.unanswered,
            Lane::Cancels => self.cancels.unanswered,
        }
    }

    /// Follows what was told during the run itself, and says how many outcomes were among it.
    pub(super) fn take(&mut self, batch: &Batch, trader: &mut Trader, recorder: &mut Recorder) -> u64 {
        let before = self.tally.acknowledged;
        self.take_rest(batch);
        let mut alike = None;
        for event in &batch.events {
            match event {
                Event::Report { report, .. } => {
                    trader.follow(report);
                    if let Some(answers) = report.answers
                        && is_outcome(&report.body)
                    {
                        let rejected = match report.body {
                            ReportBody::Rejected { code, .. } => Some(code),
                            _ => None,
                        };
                        let command = (answers.lane, answers.number);
                        self.outcome(command, batch.received, rejected, &mut alike, recorder);
                    }
                }
                Event::Refused { refused, .. } => {
                    trader.not_taken(refused.lane, refused.number);
                    let command = (refused.lane, refused.number);
                    let rejected = Some(refused.code);
                    self.outcome(command, batch.received, rejected, &mut alike, recorder);
                }
                Event::Outcome { .. } | Event::Resynchronised(_) => {}
            }
        }
        if let Some(alike) = alike {
            recorder.arrived(&alike, batch.received);
        }
        self.tally.acknowledged - before
    }

    /// Follows what moves money and units, also when the run is over.
    pub(super) fn take_rest(&mut self, batch: &Batch) {
        let tally = &mut self.tally;
        tally.traffic.reads += 1;
        for event in &batch.events {
            let Event::Report { report, .. } = event else { continue };
            tally.out_of_order += u64::from(self.last_report.is_some_and(|last| report.number != last + 1));
            self.last_report = Some(report.number);
            tally.last_sequence = tally.last_sequence.max(report.sequence);
            count(&mut tally.traffic.reports, report, 1, kind_of);
            match report.body {
                ReportBody::Filled { side, units, fee, .. } => {
                    tally.fees += fee;
                    tally.units += if side == Side::Buy { u64::from(units) } else { 0 };
                }
                ReportBody::BlockTraded { .. } => tally.blocks_traded += 1,
                _ => {}
            }
        }
    }

    /// What has no outcome by now is lost.
    pub(super) fn give_up(&mut self) {
        let lost = self.orders.unanswered + self.cancels.unanswered;
        self.tally.lost = u64::try_from(lost).unwrap_or(u64::MAX);
    }

    /// One outcome. It is recorded together with others that are `alike`, when one comes that is not.
    fn outcome(
        &mut self,
        (lane, number): (Lane, u64),
        received: Instant,
        rejected: Option<RejectCode>,
        alike: &mut Option<Came>,
        recorder: &mut Recorder,
    ) {
        let Some(pending) = self.lane_mut(lane).take(number) else {
            self.tally.duplicated += 1;
            return;
        };
        self.tally.acknowledged += 1;
        if let Some(code) = rejected {
            *self.tally.rejected.entry(code).or_default() += 1;
        }
        match alike {
            Some(alike) if alike.is_like(&pending) => alike.add(&pending),
            _ => {
                if let Some(before) = alike.replace(Came::of(&pending)) {
                    recorder.arrived(&before, received);
                }
            }
        }
    }

    fn lane_mut(&mut self, lane: Lane) -> &mut LaneLedger {
        match lane {
            Lane::Orders => &mut self.orders,
            Lane::Cancels => &mut self.cancels,
        }
    }
}

impl LaneLedger {
    fn push(&mut self, number: u64, pending: Pending) {
        if self.places.is_empty() {
            self.first = number;
        }
        self.places.push_back(Some(pending));
        self.unanswered += 1;
    }

    fn take(&mut self, number: u64) -> Option<Pending> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let pending = self.places.get_mut(index)?.take()?;
        self.unanswered -= 1;
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
        Some(pending)
    }
}

impl Tally {
    /// Takes another session's in.
    pub(super) fn add(&mut self, other: &Tally) {
        self.acknowledged += other.acknowledged;
        for (code, count) in &other.rejected {
            *self.rejected.entry(*code).or_default() += count;
        }
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.out_of_order += other.out_of_order;
        self.units += other.units;
        self.blocks_traded += other.blocks_traded;
        self.left_behind += other.left_behind;
        self.before.add(&other.before);
        self.after.add(&other.after);
        self.fees += other.fees;
        self.last_sequence = self.last_sequence.max(other.last_sequence);
        self.traffic.add(&other.traffic);
    }

    /// True if the accounts together have what they had, less the fees they were told of.
    pub(super) fn is_conserved(&self) -> bool {
        self.before.cash - self.fees == self.after.cash && self.before.units == self.after.units
    }
}

impl Traffic {
    fn add(&mut self, other: &Traffic) {
        for (command, more) in &other.commands {
            count(&mut self.commands, command, *more, discriminant);
        }
        for (report, more) in &other.reports {
            count(&mut self.reports, report, *more, kind_of);
        }
        self.writes += other.writes;
        self.reads += other.reads;
    }
}

impl Wealth {
    /// Of an account in one currency.
    pub(super) fn of(account: &AccountState, currency: Code) -> Wealth {
        let (free, reserved) = account.cash_in(currency);
        let held = account.holdings.iter();
        let units =
            held.map(|holding| (holding.contract, u64::from(holding.free) + u64::from(holding.reserved)));
        Wealth { cash: free + reserved, units: units.filter(|(_, units)| *units > 0).collect() }
    }

    fn add(&mut self, other: &Wealth) {
        self.cash += other.cash;
        for (&contract, &units) in &other.units {
            *self.units.entry(contract).or_default() += units;
        }
    }
}

/// So many more of a kind, of which `one` is one.
fn count<T: Clone, Kind: PartialEq>(kinds: &mut Vec<(T, u64)>, one: &T, more: u64, kind: fn(&T) -> Kind) {
    let wanted = kind(one);
    match kinds.iter_mut().find(|(example, _)| kind(example) == wanted) {
        Some((_, count)) => *count += more,
        None => kinds.push((one.clone(), more)),
    }
}

fn kind_of(report: &Report) -> Discriminant<ReportBody> {
    discriminant(&report.body)
}

/// True for the one report that says what became of a command; fills and the end of an order follow it.
fn is_outcome(body: &ReportBody) -> bool {
    match body {
        ReportBody::Accepted { .. } | ReportBody::Replaced { .. } | ReportBody::Rejected { .. } => true,
        ReportBody::Cancelled { reason, .. } => *reason == CancelReason::Owner,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::recorder::Kind;
    use std::time::Duration;
    use types::{ClassNo, Hour};

    #[test]
    fn an_outcome_counts_once_and_from_the_intended_moment() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut recorder = Recorder::new(start, &[Duration::from_millis(100)]);
        let mut ledger = Ledger::default();
        let order = Command::Clock;
        for (number, intended, kind) in [(7, 0, Kind::Limit), (8, 1, Kind::Limit), (41, 90, Kind::Cancel)] {
            ledger.sent(&order, number, Pending { intended: at(intended), kind, step: 1 });
        }
        let mut outcome = |lane, number, ms, rejected| {
            let mut alike = None;
            ledger.outcome((lane, number), at(ms), rejected, &mut alike, &mut recorder);
            alike.inspect(|alike| recorder.arrived(alike, at(ms)));
        };
        outcome(Lane::Orders, 8, 41, None);
        outcome(Lane::Orders, 8, 50, None);
        outcome(Lane::Cancels, 41, 101, Some(RejectCode::UnknownOrder));
        outcome(Lane::Cancels, 7, 102, None);
        outcome(Lane::Orders, 9, 102, None);
        ledger.give_up();
        let tally = &ledger.tally;
        assert_eq!((tally.acknowledged, tally.duplicated, tally.lost), (2, 3, 1));
        assert_eq!(tally.rejected.get(&RejectCode::UnknownOrder), Some(&1));
        assert_eq!((ledger.unanswered(Lane::Orders), ledger.unanswered(Lane::Cancels)), (1, 0));
        let [step] = &recorder.steps[..] else { panic!("one step") };
        assert_eq!(step.arrived, 1, "one came after the end");
        assert!(step.orders.summary().max.abs_diff(40_000) <= 40);
        assert!(step.cancels.summary().max.abs_diff(11_000) <= 11);
    }

    #[test]
    fn conservation_is_of_all_accounts_together() {
        let contract = ContractId::new(ClassNo(0), Hour(9));
        let wealth = |cash, units| Wealth { cash, units: [(contract, units)].into_iter().collect() };
        let mut all = Tally { before: wealth(100, 5), after: wealth(60, 8), fees: 2, ..Tally::default() };
        assert!(!all.is_conserved(), "one bought of the other");
        all.add(&Tally { before: wealth(100, 5), after: wealth(135, 2), fees: 3, ..Tally::default() });
        assert!(all.is_conserved());
        all.fees += 1;
        assert!(!all.is_conserved());
    }
}
