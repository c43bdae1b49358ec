//! The exchange once more, deliberately naive: written from the rules and from what `types` says, not from the
//! engine. Plain lists, linear scans, sums anew each time, money in 128 bits. What it cannot know are slot
//! hints: an order named with the hint [`RIGHT_HINT`] is found, with any other it is not.

mod auction;
mod blocks;
mod calendar;
mod desk;
mod funds;
mod limits;
mod mass_cancel;
mod matching;
mod orders;
mod phases;
mod state;
mod stops;
mod turns;

use std::collections::BTreeMap;

use engine::{BLOCK_EVALUATIONS_PER_COMMAND, WORK_PER_COMMAND};
use types::{
    Account, AccountId, Class, ClassNo, Code, Command, ContractId, Key, KeyNo, Lane, MarketBody, MarketEvent,
    Money, NewOrder, OrderId, Output, Phase, RejectCode, Report, ReportBody, Rights, Scope, Sender, Sequence,
    Side, SlotHint, Stamped, Ticks, TimeInForce, Timestamp, Units,
};

use auction::Uncross;
use calendar::Job;
use mass_cancel::MassJob;
use stops::{Elected, Election};

/// Stands in a command for the hint the engine told last.
pub(crate) const RIGHT_HINT: SlotHint = 0;

/// What comes of asking: done, or refused with a code and its value.
type Outcome = Result<(), (RejectCode, i64)>;

/// The whole exchange.
#[derive(Default)]
pub(crate) struct Reference {
    sequence: Sequence,
    pub(crate) time: Timestamp,
    /// The stamp of the last clock command.
    clock: Timestamp,
    pub(crate) classes: Vec<Class>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) keys: Vec<Key>,
    /// All that an account owns of a currency, reserved or not.
    cash: BTreeMap<(AccountId, Code), i128>,
    fees: BTreeMap<Code, i128>,
    cash_deposits: Vec<CashDeposit>,
    pub(crate) contracts: BTreeMap<ContractId, Contract>,
    /// All open orders, resting and sleeping, in no order that means anything.
    pub(crate) orders: Vec<Order>,
    /// How many times an order has gone to the end of a queue.
    arrivals: u64,
    /// How many times an order has gone to the end of its account's list.
    listings: u64,
    /// How many times orders have matched.
    matchings: u64,
    /// Matchings that may have met stops, in the order in which they happened.
    elections: Vec<Election>,
    /// Contracts for whose sake blocks are to be considered, in the order of their turns.
    turns: Vec<turns::Turn>,
    /// Up to which event of the command's output that was worked out.
    noted: usize,
    /// Mass cancels that are not done, in the order in which they came.
    mass_jobs: Vec<MassJob>,
    /// The work of the calendar that was begun and is not finished.
    job: Option<Job>,
    /// The auction that is being worked out.
    uncross: Option<Uncross>,
    seed: u64,
    /// The halts that are on, in no order that means anything.
    pub(crate) halts: Vec<Scope>,
    /// Halts of which contracts have yet to hear, and the contract that heard last.
    halt_walks: Vec<(Scope, Option<ContractId>)>,
    /// Every trade: class, hour, price, units.
    traded: Vec<(ClassNo, u32, Ticks, Units)>,
    reports: BTreeMap<AccountId, u64>,
    out: Output,
    /// How many stops, each triggered by the one before, the last command ran at most: no part of the state.
    pub(crate) cascade: u32,
    /// How many blocks the last command considered: no part of the state.
    pub(crate) met_blocks: u32,
}

struct CashDeposit {
    account: AccountId,
    external: u64,
    currency: Code,
    amount: Money,
}

/// A touched contract that is not settled.
pub(crate) struct Contract {
    pub(crate) phase: Phase,
    /// When its call ends, if it is in one that has not ended.
    until: Option<Timestamp>,
    /// When its indicative price is told, if it is to be.
    indicative: Option<Timestamp>,
    /// Every command that changed its public book.
    changes: Vec<Sequence>,
    pub(crate) last_price: Ticks,
    auction_price: Ticks,
    /// Who has ever held units, in the order of their first, and how many they own, reserved or not.
    holders: Vec<(AccountId, i128)>,
    deposits: Vec<(AccountId, u64, Units)>,
}

/// An order, open or on its way through the book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) account: AccountId,
    pub(crate) id: OrderId,
    pub(crate) key: KeyNo,
    pub(crate) number: u64,
    /// As they are now: with a trigger until it wakes, with a minimum until it comes to the book.
    pub(crate) terms: NewOrder,
    pub(crate) left: Units,
    /// What of that everybody sees: 0 while it sleeps or is on its way.
    shown: Units,
    /// When it went to the end of the queue at its price.
    arrival: u64,
    /// When it went to the end of its account's list.
    listed: u64,
    /// Set once it waits for its turn to wake.
    elected: Option<Elected>,
}

/// Kinds of pending work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Auctions,
    Halts,
    Stops,
    Blocks,
    MassCancels,
    Moments,
    Phases,
}

impl Order {
    fn sleeps(&self) -> bool {
        self.terms.trigger.is_some()
    }

    /// The lower, the earlier it is met.
    fn badness(&self) -> i64 {
        match self.terms.side {
            Side::Buy => -self.terms.price,
            Side::Sell => self.terms.price,
        }
    }

    /// The moment it is good till, if it names one.
    fn moment(&self) -> Option<Timestamp> {
        match self.terms.time_in_force {
            TimeInForce::Gtd(moment) => Some(moment),
            _ => None,
        }
    }
}

impl Reference {
    /// Applies a command and says what must come of it, with every slot hint as [`RIGHT_HINT`].
    pub(crate) fn apply(&mut self, stamped: &Stamped) -> &Output {
        (self.sequence, self.time) = (stamped.sequence, stamped.time);
        (self.cascade, self.met_blocks, self.noted) = (0, 0, 0);
        self.out.clear();
        match stamped.sender {
            Some(sender) => self.apply_sent(sender, &stamped.command),
            None => match stamped.command {
                Command::Genesis { operator, seed } => self.genesis(operator, seed),
                Command::Clock => {
                    self.clock = self.time;
                    self.work();
                }
                Command::Continue => self.work(),
                Command::Disconnected { key } => self.disconnected(key),
                _ => {}
            },
        }
        self.note_events();
        &self.out
    }

    /// Does as many pieces of the pending work as one command may: of auctions first, then of halts, of stops, of blocks,
    /// of mass cancels, of the calendar.
    fn work(&mut self) {
        let mut evaluations = BLOCK_EVALUATIONS_PER_COMMAND;
        for _ in 0..WORK_PER_COMMAND {
            let was_some = self.uncross_piece()
                || self.halt_piece()
                || self.stop_piece()
                || self.block_piece(&mut evaluations)
                || self.mass_piece()
                || self.calendar_piece();
            if !was_some {
                return;
            }
        }
    }

    /// True if work is left over.
    pub(crate) fn has_pending(&self) -> bool {
        self.left_over().is_some()
    }

    /// Which work comes next, if any is left over.
    pub(crate) fn left_over(&self) -> Option<Work> {
        self.has_auction_work().or_else(|| match () {
            () if self.has_stop_work() => Some(Work::Stops),
            () if self.has_block_work() => Some(Work::Blocks),
            () if self.has_mass_work() => Some(Work::MassCancels),
            () => self.calendar_work(),
        })
    }

    fn apply_sent(&mut self, sender: Sender, command: &Command) {
        let is_cancel = matches!(command, Command::Cancel(_) | Command::MassCancel(_));
        if sender.lane == Lane::Cancels && !is_cancel {
            return;
        }
        let Some(index) = self.keys.iter().position(|key| key.no == sender.key) else { return };
        if let Err((code, value)) = self.may(index, sender, command).and_then(|()| self.obey(sender, command))
        {
            self.answer(sender, ReportBody::Rejected { code, value });
        }
    }

    fn may(&mut self, index: usize, sender: Sender, command: &Command) -> Outcome {
        let key = &mut self.keys[index];
        let highest = match sender.lane {
            Lane::Orders => &mut key.taken[0],
            Lane::Cancels => &mut key.taken[1],
        };
        if sender.number <= *highest {
            return Err((RejectCode::NumberNotRising, i64::try_from(*highest).unwrap_or(i64::MAX)));
        }
        *highest = sender.number;
        if key.revoked {
            return Err((RejectCode::KeyRevoked, i64::from(key.no.0)));
        }
        if key.expires <= self.time {
            return Err((RejectCode::KeyExpired, i64::from(key.no.0)));
        }
        let needed = match command {
            Command::Clock | Command::Continue | Command::Genesis { .. } | Command::Disconnected { .. } => {
                return Err((RejectCode::SequencerOnly, 0));
            }
            Command::NewOrder(_)
            | Command::Cancel(_)
            | Command::Replace { .. }
            | Command::MassCancel(_)
            | Command::CancelOnDisconnect { .. } => Rights::TRADE,
            Command::DepositCapacity { .. } => Rights::DEPOSIT,
            Command::RotateKey { .. } => Rights::READ,
            _ => Rights::OPERATE,
        };
        if key.rights.include(needed) {
            Ok(())
        } else {
            Err((RejectCode::NotAllowed, i64::from(key.rights.0)))
        }
    }

    fn obey(&mut self, sender: Sender, command: &Command) -> Outcome {
        match *command {
            Command::NewOrder(order) => self.new_order(sender, order),
            Command::Cancel(order) => self.cancel(sender, order),
            Command::Replace { order, price, units } => self.replace(sender, order, price, units),
            Command::MassCancel(what) => self.mass_cancel(sender, what),
            Command::DepositCapacity { contract, units, external } => {
                self.deposit_capacity(sender, contract, units, external)
            }
            Command::DepositCash { account, currency, amount, external, .. } => {
                self.deposit_cash(sender, account, currency, amount, external)
            }
            Command::DefineClass { ref spec, .. } => self.define_class(sender, **spec),
            Command::OpenAccount { name, role, .. } => self.open_account(sender, name, role),
            Command::RegisterKey { account, public, rights, expires, .. } => {
                self.register_key(sender, account, public, rights, expires)
            }
            Command::RevokeKey { key, .. } => self.revoke_key(sender, key),
            Command::RotateKey { public } => self.rotate_key(sender, public),
            Command::SetLimits { account, limits, .. } => self.set_limits(sender, account, limits),
            Command::SetKillSwitch { account, on, .. } => self.set_kill_switch(sender, account, on),
            Command::Halt { scope, .. } => self.halt(sender, scope),
            Command::Resume { scope, .. } => self.resume(sender, scope),
            Command::CancelOnDisconnect { grace } => self.cancel_on_disconnect(sender, grace),
            Command::Clock | Command::Continue | Command::Genesis { .. } | Command::Disconnected { .. } => {
                unreachable!("refused before")
            }
        }
    }

    fn account_of(&self, sender: Sender) -> AccountId {
        self.keys.iter().find(|key| key.no == sender.key).unwrap().account
    }

    fn answer(&mut self, sender: Sender, body: ReportBody) {
        self.report(self.account_of(sender), Some(sender), body);
    }

    fn report(&mut self, account: AccountId, answers: Option<Sender>, body: ReportBody) {
        let number = self.reports.entry(account).or_default();
        *number += 1;
        let (number, sequence, time) = (*number, self.sequence, self.time);
        self.out.reports.push(Report { account, number, sequence, time, answers, body });
    }

    fn event(&mut self, contract: ContractId, body: MarketBody) {
        let (sequence, time) = (self.sequence, self.time);
        let changes = &mut self.contracts.get_mut(&contract).unwrap().changes;
        if changes.last() != Some(&sequence) {
            changes.push(sequence);
        }
        let previous = changes.iter().rev().nth(1).copied().unwrap_or(0);
        self.out.events.push(MarketEvent { contract, previous, sequence, time, body });
    }

    fn class_of(&self, contract: ContractId) -> &Class {
        &self.classes[usize::from(contract.class().0)]
    }

    /// The currencies in the order in which classes brought them.
    fn currencies(&self) -> Vec<Code> {
        let mut currencies = Vec::new();
        for class in &self.classes {
            if !currencies.contains(&class.spec.currency) {
                currencies.push(class.spec.currency);
            }
        }
        currencies
    }
}

fn money(amount: i128) -> Money {
    Money::try_from(amount).unwrap()
}

fn units(number: i128) -> Units {
    Units::try_from(number).unwrap()
}

/// Whole seconds since 1970.
fn seconds(moment: Timestamp) -> i64 {
    i64::try_from(moment.0 / 1_000_000_000).unwrap()
}
