//! The gateway's copy of the exchange's state, from which every query is answered.
//!
//! It starts from the state that a recovery emits and follows what is released: state events for classes,
//! accounts and keys, reports for everything else. What orders hold is computed as the engine computes it, so
//! that the two are always equal.

use crate::open_orders;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use types::{
    Account, AccountId, Class, ClassNo, Code, ContractId, Key, KeyNo, Lane, Money, NewOrder, OpenOrder,
    OrderId, PublicKey, Report, ReportBody, Sender, Sequence, Side, StateEvent, Ticks, Timestamp, Units,
    fee_of, reserve_of_window, value_of,
};

/// Classes, accounts, keys, cash, holdings and open orders as of the last released command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mirror {
    sequence: Sequence,
    time: Timestamp,
    /// By number, from 0.
    classes: Vec<Class>,
    /// By id, from 1.
    accounts: Vec<AccountState>,
    /// By number, from 1.
    keys: Vec<Key>,
    by_public: FxHashMap<PublicKey, KeyNo>,
    /// The order that came to its book last: among the reports of one command, the one that meets resting orders.
    incoming: Option<OrderId>,
}

/// What one account has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AccountState {
    account: Account,
    /// Only what is not zero.
    cash: BTreeMap<Code, Cash>,
    /// Only what is not zero.
    holdings: BTreeMap<ContractId, Holding>,
    orders: FxHashMap<OrderId, OpenOrder>,
    last_report: u64,
    /// How many parts of a block that traded have yet to be told; 0 between commands.
    parts: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cash {
    free: Money,
    reserved: Money,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Holding {
    free: Units,
    reserved: Units,
}

/// What an open order holds: at this limit, for this many units in each of so many slots.
#[derive(Clone, Copy, Debug)]
struct Hold {
    price: Ticks,
    units: Units,
    slots: u16,
}

/// The orders of so many reports are asked of the memory together.
const AHEAD: usize = 16;

impl Mirror {
    /// The mirror of an exchange whose full state this is, right after `sequence`.
    pub(crate) fn new(state: &[StateEvent], sequence: Sequence, time: Timestamp) -> Mirror {
        let mut mirror = Mirror { sequence, time, ..Mirror::default() };
        state.iter().for_each(|event| mirror.apply_state(event));
        mirror
    }

    /// The last released command: what the mirror says is true right after it.
    pub(crate) fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// Its stamp.
    pub(crate) fn time(&self) -> Timestamp {
        self.time
    }

    /// Says that all that came of the commands up to `sequence` has been applied.
    pub(crate) fn advance(&mut self, sequence: Sequence, time: Timestamp) {
        (self.sequence, self.time) = (sequence, time);
        self.incoming = None;
    }

    pub(crate) fn key(&self, no: KeyNo) -> Option<&Key> {
        self.keys.get(index(no.0)?)
    }

    pub(crate) fn key_with(&self, public: PublicKey) -> Option<&Key> {
        self.key(*self.by_public.get(&public)?)
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(index(id.0)?).map(|state| &state.account)
    }

    /// The number of the last report an account was sent.
    pub(crate) fn last_report(&self, id: AccountId) -> u64 {
        index(id.0).and_then(|at| self.accounts.get(at)).map_or(0, |state| state.last_report)
    }

    pub(crate) fn classes(&self) -> impl Iterator<Item = StateEvent> {
        self.classes.iter().copied().map(StateEvent::Class)
    }

    /// Every account, then every key.
    pub(crate) fn accounts_and_keys(&self) -> impl Iterator<Item = StateEvent> {
        let accounts = self.accounts.iter().map(|state| StateEvent::Account(state.account));
        accounts.chain(self.keys.iter().copied().map(StateEvent::Key))
    }

    /// Everybody's cash.
    pub(crate) fn cash(&self) -> impl Iterator<Item = StateEvent> {
        self.accounts.iter().flat_map(AccountState::cash)
    }

    /// What an account has: cash, holdings, open orders in the order in which they came.
    pub(crate) fn belongings(&self, id: AccountId) -> impl Iterator<Item = StateEvent> {
        let state = index(id.0).and_then(|at| self.accounts.get(at));
        state.into_iter().flat_map(|state| state.cash().chain(state.holdings()).chain(state.orders()))
    }

    /// All of it, kind by kind.
    pub(crate) fn state(&self) -> Vec<StateEvent> {
        let mut state: Vec<StateEvent> = self.classes().chain(self.accounts_and_keys()).collect();
        let accounts = || self.accounts.iter();
        state.extend(accounts().flat_map(AccountState::cash));
        state.extend(accounts().flat_map(AccountState::holdings));
        state.extend(accounts().flat_map(AccountState::orders));
        state.extend(
            accounts()
                .map(|known| StateEvent::Reports { account: known.account.id, last: known.last_report }),
        );
        state
    }

    /// Takes over a piece of state: all of it on recovery, later changed classes, accounts and keys.
    pub(crate) fn apply_state(&mut self, event: &StateEvent) {
        match *event {
            StateEvent::Class(class) => put(&mut self.classes, Some(usize::from(class.no.0)), class),
            StateEvent::Account(account) => self.put_account(account),
            StateEvent::Key(key) => {
                put(&mut self.keys, index(key.no.0), key);
                self.by_public.insert(key.public, key.no);
            }
            StateEvent::Cash { account, currency, free, reserved } => {
                self.at_mut(account).change_cash(currency, |cash| *cash = Cash { free, reserved });
            }
            StateEvent::Holding { account, contract, free, reserved } => {
                self.at_mut(account)
                    .change_holding(contract, |holding| *holding = Holding { free, reserved });
            }
            StateEvent::Order(order) => {
                self.at_mut(order.account).orders.insert(order.order, order);
            }
            StateEvent::Reports { account, last } => self.at_mut(account).last_report = last,
            // Phases, prices, halts and indices are the feed's.
            StateEvent::Contract { .. } | StateEvent::Halt { .. } | StateEvent::Traded { .. } => {}
        }
    }

    /// Follows what accounts were told; all that one command brought about, in order.
    pub(crate) fn apply_reports(&mut self, reports: &[Report]) {
        for (at, report) in reports.iter().enumerate() {
            if at % AHEAD == 0 {
                self.look_ahead(&reports[at..reports.len().min(at + AHEAD)]);
            }
            let before = at.checked_sub(1).map(|at| &reports[at]);
            let beside = [before, reports.get(at + 1)].into_iter().flatten();
            let is_auction = beside.into_iter().any(|other| is_auction_trade(report, other));
            self.apply_report(report, is_auction);
        }
    }

    /// Touches the orders that these reports are about, so that the memory brings them all at once and not one by one.
    fn look_ahead(&self, reports: &[Report]) {
        let order = |report: &Report| {
            let order = order_of(&report.body)?;
            self.accounts.get(index(report.account.0)?)?.orders.get(&order)
        };
        // All of an order: it lies in two or three lines of the cache.
        for order in reports.iter().filter_map(order) {
            std::hint::black_box(*order);
        }
    }

    fn apply_report(&mut self, report: &Report, is_auction: bool) {
        if let Some(sender) = report.answers {
            self.take_number(sender);
        }
        self.at_mut(report.account).last_report = report.number;
        let account = report.account;
        match report.body {
            ReportBody::Accepted { order, slot, terms } => {
                let sender = report.answers.expect("an order is taken in answer to its owner's command");
                let order = open_orders::accepted(account, sender, order, slot, terms);
                self.incoming = Some(order.order);
                self.hold(&order, Hold::of(&order), Hold::NOTHING);
                self.at_mut(account).orders.insert(order.order, order);
            }
            ReportBody::Triggered { order, slot, left, .. } => {
                self.incoming = Some(order);
                self.change(account, order, |open| open_orders::trigger(open, slot, left));
            }
            ReportBody::Filled { contract, side, price, units, .. } if self.at_mut(account).parts > 0 => {
                // A part of a block that traded, which holds no more than what is left of it already.
                self.at_mut(account).parts -= 1;
                self.exchange(account, contract, side, price, units);
            }
            ReportBody::Filled { order, price, units, left, maker, .. } => {
                self.fill(account, order, price, units);
                self.change(account, order, |open| match is_auction {
                    true => open_orders::fill_in_auction(open, left),
                    false => open_orders::fill(open, units, left, maker),
                });
            }
            ReportBody::BlockTraded { order, left, fills, .. } => {
                let [before, after] = self.change(account, order, |open| open.left = left);
                self.release_block(&before, &after);
                self.at_mut(account).parts = fills;
            }
            ReportBody::Cancelled { order, units, left, .. } => {
                let is_resting = self.incoming != Some(order);
                let [before, after] =
                    self.change(account, order, |open| open_orders::end(open, units, left, is_resting));
                self.hold(&before, Hold::of(&after), Hold::of(&before));
            }
            ReportBody::Replaced { order, slot, price, units, left, kept_priority, .. } => {
                if !kept_priority {
                    self.incoming = Some(order);
                }
                let [before, after] = self.change(account, order, |open| {
                    open.slot = slot;
                    open_orders::replace(open, price, units, left, kept_priority);
                });
                self.hold(&before, Hold::of(&after), Hold::of(&before));
            }
            ReportBody::CashDeposited { currency, amount, .. } => {
                self.at_mut(account).change_cash(currency, |cash| cash.free += amount);
            }
            ReportBody::CapacityDeposited { contract, units, .. } => {
                self.at_mut(account).change_holding(contract, |holding| holding.free += units);
            }
            ReportBody::Settled { contract, .. } => {
                self.at_mut(account).holdings.remove(&contract);
            }
            ReportBody::MassCancelAccepted(_)
            | ReportBody::MassCancelDone { .. }
            | ReportBody::CancelOnDisconnectSet { .. }
            | ReportBody::KeyRotated { .. }
            | ReportBody::Rejected { .. }
            | ReportBody::ClassDefined { .. }
            | ReportBody::AccountOpened { .. }
            | ReportBody::KeyRegistered { .. }
            | ReportBody::KeyRevoked { .. }
            | ReportBody::LimitsSet { .. }
            | ReportBody::KillSwitchSet { .. }
            | ReportBody::Halted(_)
            | ReportBody::Resumed(_)
            | ReportBody::CashCredited { .. } => {}
        }
    }

    /// An order trades: a buyer gets back what these units held more than they cost.
    fn fill(&mut self, account: AccountId, order: OrderId, price: Ticks, units: Units) {
        let before = *self.at_mut(account).orders.get(&order).expect(OPEN);
        let NewOrder { contract, side, price: limit, .. } = before.terms;
        if side == Side::Buy {
            let after = Hold { price: limit, units: before.left - units, slots: 1 };
            self.hold(&before, after, Hold::of(&before));
        }
        self.exchange(account, contract, side, price, units);
    }

    /// A buyer pays value and fee out of what is free; a seller gives units that are reserved and gets the value less its
    /// fee.
    fn exchange(&mut self, account: AccountId, contract: ContractId, side: Side, price: Ticks, units: Units) {
        let class = *self.class_of(contract);
        let value = value_of(&class, price, units).expect("a part of what a buyer reserved");
        let fee = fee_of(&class, value);
        let state = self.at_mut(account);
        let cash = if side == Side::Buy { -value - fee } else { value - fee };
        state.change_cash(class.spec.currency, |balance| balance.free += cash);
        state.change_holding(contract, |holding| match side {
            Side::Buy => holding.free += units,
            Side::Sell => holding.reserved -= units,
        });
    }

    /// A block that buys holds less cash from now on; what its parts cost is told next. One that sells holds units until
    /// its parts are told.
    fn release_block(&mut self, before: &OpenOrder, after: &OpenOrder) {
        if before.terms.side == Side::Buy {
            self.hold(before, Hold::of(after), Hold::of(before));
        }
    }

    /// An account was opened, or its limits or its kill switch have changed.
    fn put_account(&mut self, account: Account) {
        if let Some(known) = index(account.id.0).and_then(|at| self.accounts.get_mut(at)) {
            known.account = account;
            return;
        }
        self.accounts.push(AccountState {
            account,
            cash: BTreeMap::new(),
            holdings: BTreeMap::new(),
            orders: FxHashMap::default(),
            last_report: 0,
            parts: 0,
        });
    }

    /// Changes an open order, which is forgotten when nothing is left of it: as it was, and as it is.
    fn change(
        &mut self,
        account: AccountId,
        order: OrderId,
        change: impl FnOnce(&mut OpenOrder),
    ) -> [OpenOrder; 2] {
        let orders = &mut self.at_mut(account).orders;
        let open = orders.get_mut(&order).expect(OPEN);
        let before = *open;
        change(open);
        let after = *open;
        if after.left == 0 {
            orders.remove(&order);
        }
        [before, after]
    }

    /// Lets `order` hold `hold` instead of `held`.
    fn hold(&mut self, order: &OpenOrder, hold: Hold, held: Hold) {
        let NewOrder { contract, slots, side, .. } = order.terms;
        let class = *self.class_of(contract);
        let state = self.at_mut(order.account);
        if side == Side::Sell {
            for slot in class.window(contract, slots) {
                state.change_holding(slot, |holding| {
                    let all = holding.free + holding.reserved;
                    holding.reserved = holding.reserved - held.units + hold.units;
                    holding.free = all - holding.reserved;
                });
            }
            return;
        }
        let more = hold.cash(&class) - held.cash(&class);
        state.change_cash(class.spec.currency, |cash| {
            cash.free -= more;
            cash.reserved += more;
        });
    }

    fn take_number(&mut self, sender: Sender) {
        let key = index(sender.key.0).and_then(|at| self.keys.get_mut(at));
        let taken = &mut key.expect("only registered keys are answered").taken[lane_index(sender.lane)];
        *taken = sender.number.max(*taken);
    }

    fn class_of(&self, contract: ContractId) -> &Class {
        let ClassNo(no) = contract.class();
        self.classes.get(usize::from(no)).expect("orders are for listed classes")
    }

    fn at_mut(&mut self, id: AccountId) -> &mut AccountState {
        let state = index(id.0).and_then(|at| self.accounts.get_mut(at));
        state.expect("an account is open before it is named")
    }
}

/// Why an order that a report names is there.
const OPEN: &str = "an order is accepted before anything else is said of it";

impl AccountState {
    fn cash(&self) -> impl Iterator<Item = StateEvent> {
        let account = self.account.id;
        self.cash.iter().map(move |(&currency, &Cash { free, reserved })| StateEvent::Cash {
            account,
            currency,
            free,
            reserved,
        })
    }

    fn holdings(&self) -> impl Iterator<Item = StateEvent> {
        let account = self.account.id;
        self.holdings.iter().map(move |(&contract, &Holding { free, reserved })| StateEvent::Holding {
            account,
            contract,
            free,
            reserved,
        })
    }

    fn orders(&self) -> impl Iterator<Item = StateEvent> {
        let mut orders: Vec<OpenOrder> = self.orders.values().copied().collect();
        orders.sort_unstable_by_key(|order| order.order);
        orders.into_iter().map(StateEvent::Order)
    }

    fn change_cash(&mut self, currency: Code, change: impl FnOnce(&mut Cash)) {
        let cash = self.cash.entry(currency).or_default();
        change(cash);
        if *cash == Cash::default() {
            self.cash.remove(&currency);
        }
    }

    fn change_holding(&mut self, contract: ContractId, change: impl FnOnce(&mut Holding)) {
        let holding = self.holdings.entry(contract).or_default();
        change(holding);
        if *holding == Holding::default() {
            self.holdings.remove(&contract);
        }
    }
}

impl Hold {
    const NOTHING: Hold = Hold { price: 1, units: 0, slots: 1 };

    fn of(order: &OpenOrder) -> Hold {
        Hold { price: order.terms.price, units: order.left, slots: order.terms.slots }
    }

    /// The cash a buy order holds.
    fn cash(self, class: &Class) -> Money {
        let reserve = reserve_of_window(class, self.price, self.units, self.slots);
        reserve.expect("the engine has reserved it")
    }
}

/// Which order a report is about.
fn order_of(body: &ReportBody) -> Option<OrderId> {
    match *body {
        ReportBody::Accepted { order, .. }
        | ReportBody::Triggered { order, .. }
        | ReportBody::Filled { order, .. }
        | ReportBody::BlockTraded { order, .. }
        | ReportBody::Cancelled { order, .. }
        | ReportBody::Replaced { order, .. } => Some(order),
        _ => None,
    }
}

/// True if the two reports are those of one trade of an auction: in one nobody is the taker, and both owners are told
/// one after the other.
fn is_auction_trade(one: &Report, other: &Report) -> bool {
    let made = |report: &Report| match report.body {
        ReportBody::Filled { order, counter, maker: true, .. } => Some((order, counter)),
        _ => None,
    };
    let (Some((one, met_by_one)), Some((other, met_by_other))) = (made(one), made(other)) else {
        return false;
    };
    (one, other) == (met_by_other, met_by_one)
}

/// Where a lane's numbers stand in [`Key::taken`].
pub(crate) fn lane_index(lane: Lane) -> usize {
    match lane {
        Lane::Orders => 0,
        Lane::Cancels => 1,
    }
}

/// Where the record of an id that counts from 1 stands.
fn index(id: u32) -> Option<usize> {
    usize::try_from(id).ok()?.checked_sub(1)
}

/// Puts a record in its place: over an older state of it, or at the end, as ids are given out in rising order.
fn put<T>(records: &mut Vec<T>, at: Option<usize>, record: T) {
    match at.and_then(|at| records.get_mut(at)) {
        Some(known) => *known = record,
        None => records.push(record),
    }
}

#[cfg(test)]
mod tests;
