//! The exchange once more, deliberately naive: written from the rules and from what `types` says, not from the
//! engine. Plain lists, linear scans, sums anew each time, money in 128 bits. What it cannot know are slot
//! hints: an order named with the hint [`RIGHT_HINT`] is found, with any other it is not.

mod calendar;
mod desk;
mod orders;

use std::collections::BTreeMap;

use engine::{CurrencyTotals, Totals};
use types::{
    Account, AccountId, Class, Code, Command, ContractId, Key, KeyNo, Lane, MarketBody, MarketEvent, Money,
    OpenOrder, OrderId, Output, Phase, RejectCode, Report, ReportBody, Rights, Sender, Sequence, Side,
    SlotHint, Stamped, StateEvent, Ticks, Timestamp, Units,
};

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
    /// All open orders, in no order that means anything.
    pub(crate) orders: Vec<Order>,
    /// How many times an order has gone to the end of a queue.
    arrivals: u64,
    /// The pending work that was begun and is not finished.
    job: Option<Job>,
    reports: BTreeMap<AccountId, u64>,
    out: Output,
}

struct CashDeposit {
    account: AccountId,
    external: u64,
    currency: Code,
    amount: Money,
}

/// A touched contract that is not settled.
pub(crate) struct Contract {
    phase: Phase,
    /// Every command that changed its public book.
    changes: Vec<Sequence>,
    last_price: Ticks,
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
    pub(crate) contract: ContractId,
    pub(crate) side: Side,
    pub(crate) price: Ticks,
    pub(crate) units: Units,
    pub(crate) left: Units,
    /// When it went to the end of the queue at its price.
    arrival: u64,
}

#[derive(Clone, Copy)]
enum Job {
    Expire(ContractId),
    Deliver(ContractId),
}

impl Reference {
    /// Applies a command and says what must come of it, with every slot hint as [`RIGHT_HINT`].
    pub(crate) fn apply(&mut self, stamped: &Stamped) -> Output {
        (self.sequence, self.time) = (stamped.sequence, stamped.time);
        match stamped.sender {
            Some(sender) => self.apply_sent(sender, &stamped.command),
            None => match stamped.command {
                Command::Genesis { operator } => self.genesis(operator),
                Command::Clock => {
                    self.clock = self.time;
                    self.work();
                }
                Command::Continue => self.work(),
                _ => {}
            },
        }
        std::mem::take(&mut self.out)
    }

    fn apply_sent(&mut self, sender: Sender, command: &Command) {
        if sender.lane == Lane::Cancels && !matches!(command, Command::Cancel(_)) {
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
            Command::Clock | Command::Continue | Command::Genesis { .. } => {
                return Err((RejectCode::SequencerOnly, 0));
            }
            Command::NewOrder(_) | Command::Cancel(_) | Command::Replace { .. } => Rights::TRADE,
            Command::DepositCapacity { .. } => Rights::DEPOSIT,
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
            Command::DepositCapacity { contract, units, external } => {
                self.deposit_capacity(sender, contract, units, external)
            }
            Command::DepositCash { account, currency, amount, external } => {
                self.deposit_cash(sender, account, currency, amount, external)
            }
            Command::DefineClass(spec) => self.define_class(sender, spec),
            Command::OpenAccount { name, role } => self.open_account(sender, name, role),
            Command::RegisterKey { account, public, rights, expires } => {
                self.register_key(sender, account, public, rights, expires)
            }
            Command::RevokeKey { key } => self.revoke_key(sender, key),
            Command::Clock | Command::Continue | Command::Genesis { .. } => unreachable!("refused before"),
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

impl Reference {
    /// The full state as it must be emitted, with every slot hint as [`RIGHT_HINT`].
    pub(crate) fn state(&self) -> Vec<StateEvent> {
        let mut state: Vec<StateEvent> = self.classes.iter().copied().map(StateEvent::Class).collect();
        state.extend(self.accounts.iter().copied().map(StateEvent::Account));
        state.extend(self.keys.iter().copied().map(StateEvent::Key));
        for account in self.accounts.iter().map(|account| account.id) {
            for currency in self.currencies() {
                let owned = self.owned_cash(account, currency);
                if owned != 0 {
                    let held = self.reserved_cash(account, currency);
                    let (free, reserved) = (money(owned - held), money(held));
                    state.push(StateEvent::Cash { account, currency, free, reserved });
                }
            }
        }
        for (&contract, record) in &self.contracts {
            let mut holders = record.holders.clone();
            holders.sort();
            state.extend(holders.into_iter().map(|(account, owned)| {
                let held = self.reserved_units(account, contract);
                StateEvent::Holding { account, contract, free: units(owned - held), reserved: units(held) }
            }));
        }
        state.extend(self.contracts.iter().map(|(&contract, record)| StateEvent::Contract {
            contract,
            phase: record.phase,
            sequence: record.changes.last().copied().unwrap_or(0),
            last_price: record.last_price,
        }));
        state.extend(self.open_orders().into_iter().map(StateEvent::Order));
        state.extend(self.accounts.iter().map(|account| StateEvent::Reports {
            account: account.id,
            last: self.reports.get(&account.id).copied().unwrap_or(0),
        }));
        state
    }

    /// What the audit of the engine must add up to.
    pub(crate) fn totals(&self) -> Totals {
        let of_currency = |currency| {
            let deposits = self.cash_deposits.iter().filter(|deposit| deposit.currency == currency);
            let owned = self.cash.iter().filter(|((_, of), _)| *of == currency);
            CurrencyTotals {
                currency,
                deposited: money(deposits.map(|deposit| i128::from(deposit.amount)).sum()),
                held: money(owned.map(|(_, owned)| owned).sum()),
                fees: money(self.fees.get(&currency).copied().unwrap_or(0)),
            }
        };
        let holdings = self.contracts.values().flat_map(|contract| &contract.holders);
        Totals {
            currencies: self.currencies().into_iter().map(of_currency).collect(),
            units_held: u64::try_from(holdings.map(|(_, owned)| owned).sum::<i128>()).unwrap(),
            open_orders: self.orders.len() as u64,
            contracts: self.contracts.len() as u64,
        }
    }

    /// By contract, bids before asks, best price first, then first come.
    fn open_orders(&self) -> Vec<OpenOrder> {
        let mut orders = self.orders.clone();
        orders.sort_by_key(|order| (order.contract, order.side, badness(order), order.arrival));
        let open = |order: Order| OpenOrder {
            account: order.account,
            order: order.id,
            slot: RIGHT_HINT,
            key: order.key,
            number: order.number,
            contract: order.contract,
            side: order.side,
            price: order.price,
            units: order.units,
            left: order.left,
        };
        orders.into_iter().map(open).collect()
    }
}

/// The lower, the earlier it is met.
fn badness(order: &Order) -> i64 {
    match order.side {
        Side::Buy => -order.price,
        Side::Sell => order.price,
    }
}

fn money(amount: i128) -> Money {
    Money::try_from(amount).unwrap()
}

fn units(number: i128) -> Units {
    Units::try_from(number).unwrap()
}
