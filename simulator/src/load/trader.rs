//! What a session of the load sends: orders around a fixed middle price, and changes and cancels of those that rest.
//! A pure state machine.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::VecDeque;
use types::{Command, ContractId, Lane, NewOrder, OrderRef, Report, Side, Ticks, TimeInForce, Units};

use super::mix::{Mix, Shares};
use super::open_orders::OpenOrders;
use super::windows;

/// The price everything is around, in ticks.
const MID: Ticks = 10_000;
/// How far an immediate order reaches into the other side, in ticks.
const REACH: Ticks = 20;
/// With so many orders open every command is a cancel; those under way do not count, as they cannot be cancelled yet.
const OPEN_MAX: usize = 2_000;
/// The most units of an order.
const UNITS: Units = 8;
/// How near to the other side a block that may rest is, in ticks, least and most. A few reach into it: they trade at once if
/// there is enough in every slot, or wait for it.
const BLOCK_NEARER: (Ticks, Ticks) = (-20, 2);

/// One account's choices.
#[derive(Debug)]
pub(super) struct Trader {
    rng: StdRng,
    shares: Shares,
    contracts: Vec<ContractId>,
    /// Where blocks can begin, and the most slots of one.
    windows: Vec<(ContractId, u16)>,
    orders: OpenOrders,
    /// The numbers of the orders sent to rest, oldest first; some may have ended since.
    resting: VecDeque<u64>,
    /// The number of the order that the next command sent changes, if it is a change.
    target: Option<u64>,
}

/// What kind of command is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A cancel, and nothing else.
    Cancel,
    /// An order, or a change of one; a cancel only if too many are open.
    Order,
    /// Any, as the mix has it.
    Any,
}

impl Trader {
    /// A trader in these contracts, of which there must be at least one.
    pub(super) fn new(seed: u64, mix: Mix, contracts: &[ContractId]) -> Trader {
        Trader {
            rng: StdRng::seed_from_u64(seed),
            shares: mix.shares(),
            contracts: contracts.to_vec(),
            windows: windows::of(contracts),
            orders: OpenOrders::default(),
            resting: VecDeque::new(),
            target: None,
        }
    }

    /// The next command. `None` if a cancel is wanted and nothing can be cancelled, or if there is only something to say
    /// on a lane that `may` not be used. After it, [`Trader::sent`] must be called.
    pub(super) fn next_command(&mut self, wanted: Wanted, may: impl Fn(Lane) -> bool) -> Option<Command> {
        let cancels = match wanted {
            Wanted::Cancel => true,
            Wanted::Order => false,
            Wanted::Any => self.one_in_thousand(self.shares.cancels),
        };
        if cancels || self.orders.open() >= OPEN_MAX {
            let cancel = if may(Lane::Cancels) { self.cancel() } else { None };
            if cancel.is_some() || wanted == Wanted::Cancel {
                return cancel;
            }
        }
        if !may(Lane::Orders) {
            return None;
        }
        let replaces = self.one_in_thousand(self.shares.replaces);
        let replace = if replaces { self.replace() } else { None };
        Some(replace.unwrap_or_else(|| Command::NewOrder(self.order())))
    }

    /// The command was sent as this number.
    pub(super) fn sent(&mut self, command: &Command, number: u64) {
        match (command, self.target.take()) {
            (Command::NewOrder(order), _) => self.orders.sent(number, order.side),
            (Command::Cancel(_), Some(target)) => self.orders.changing(Lane::Cancels, number, target),
            (_, Some(target)) => self.orders.changing(Lane::Orders, number, target),
            (_, None) => {}
        }
        if let Command::NewOrder(NewOrder { time_in_force: TimeInForce::Gtc, .. }) = command {
            self.resting.push_back(number);
            // Those that ended otherwise than by a cancel are forgotten now and then, all at once.
            if self.resting.len() > 2 * (self.orders.len() + 64) {
                let orders = &self.orders;
                self.resting.retain(|number| orders.has(*number));
            }
        }
    }

    pub(super) fn follow(&mut self, report: &Report) {
        self.orders.follow(report);
    }

    /// The command of that number was refused before it was taken.
    pub(super) fn not_taken(&mut self, lane: Lane, number: u64) {
        self.orders.not_taken(lane, number);
    }

    fn cancel(&mut self) -> Option<Command> {
        let (order, _, _) = self.take_oldest()?;
        Some(Command::Cancel(order))
    }

    /// A new price and total for the oldest order, which then counts as the youngest.
    fn replace(&mut self) -> Option<Command> {
        let (order, side, number) = self.take_oldest()?;
        self.resting.push_back(number);
        let units = self.rng.random_range(1..=UNITS);
        Some(Command::Replace { order, price: self.price(side), units })
    }

    /// The oldest order that is still there, to be changed: how to name it, its side and number. `None` if there is
    /// none, or it is not accepted yet, or being changed.
    fn take_oldest(&mut self) -> Option<(OrderRef, Side, u64)> {
        while let Some(&number) = self.resting.front() {
            if !self.orders.has(number) {
                self.resting.pop_front();
                continue;
            }
            let (order, side) = self.orders.free(number)?;
            self.resting.pop_front();
            self.target = Some(number);
            return Some((order, side, number));
        }
        None
    }

    fn order(&mut self) -> NewOrder {
        let side = if self.rng.random_bool(0.5) { Side::Buy } else { Side::Sell };
        let units = self.rng.random_range(1..=UNITS);
        if !self.windows.is_empty() && self.one_in_thousand(self.shares.blocks) {
            return self.block(side, units);
        }
        let contract = self.contracts[self.rng.random_range(0..self.contracts.len())];
        if self.one_in_thousand(self.shares.immediate) {
            let time_in_force = TimeInForce::Ioc;
            return NewOrder { time_in_force, ..NewOrder::limit(contract, side, units, nearer(side, REACH)) };
        }
        let price = self.price(side);
        NewOrder::limit(contract, side, units, price)
    }

    fn block(&mut self, side: Side, units: Units) -> NewOrder {
        let (first, most) = self.windows[self.rng.random_range(0..self.windows.len())];
        let slots = self.rng.random_range(2..=most);
        if self.one_in_thousand(self.shares.immediate) {
            let block = NewOrder::block(first, slots, side, units, nearer(side, REACH));
            return NewOrder { time_in_force: TimeInForce::Ioc, min_units: 1, ..block };
        }
        let (least, most) = BLOCK_NEARER;
        NewOrder::block(first, slots, side, units, nearer(side, self.rng.random_range(least..=most)))
    }

    /// Of an order that may rest.
    fn price(&mut self, side: Side) -> Ticks {
        let (least, most) = self.shares.nearer;
        nearer(side, self.rng.random_range(least..=most))
    }

    fn one_in_thousand(&mut self, share: u32) -> bool {
        share > 0 && self.rng.random_ratio(share, 1_000)
    }
}

/// So many ticks nearer to the other side than the middle.
fn nearer(side: Side, ticks: Ticks) -> Ticks {
    match side {
        Side::Buy => MID + ticks,
        Side::Sell => MID - ticks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use types::{AccountId, CancelReason, ClassNo, Hour, KeyNo, ReportBody, Sender, Timestamp};

    fn contracts() -> Vec<ContractId> {
        (0..5).map(|hour| ContractId::new(ClassNo(0), Hour(100 + hour))).collect()
    }

    fn told(lane: Lane, number: u64, body: ReportBody) -> Report {
        let answers = Some(Sender { key: KeyNo(1), lane, number });
        Report { account: AccountId(1), number, sequence: number, time: Timestamp(0), answers, body }
    }

    fn ended(lane: Lane, number: u64, order: u64, reason: CancelReason) -> Report {
        let (contract, side) = (contracts()[0], Side::Buy);
        let body = ReportBody::Cancelled { order, contract, side, units: 1, left: 0, reason };
        told(lane, number, body)
    }

    /// What an exchange without anybody else on it says; the id of an order is its number.
    fn answer(trader: &mut Trader, command: Command, number: u64) {
        match command {
            Command::NewOrder(terms) => {
                let accepted = ReportBody::Accepted { order: number, slot: 0, terms };
                trader.follow(&told(Lane::Orders, number, accepted));
                if terms.time_in_force == TimeInForce::Ioc {
                    trader.follow(&ended(Lane::Orders, number, number, CancelReason::Ioc));
                }
            }
            Command::Cancel(OrderRef::Id { order, .. }) => {
                trader.follow(&ended(Lane::Cancels, number, order, CancelReason::Owner));
            }
            Command::Replace { order: OrderRef::Id { order, slot }, price, units } => {
                let (contract, side) = (contracts()[0], Side::Buy);
                let body = ReportBody::Replaced {
                    order,
                    slot,
                    contract,
                    side,
                    price,
                    units,
                    left: units,
                    kept_priority: false,
                };
                trader.follow(&told(Lane::Orders, number, body));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_market_has_its_shares_and_what_rests_never_crosses() {
        let mut trader = Trader::new(7, Mix::Market, &contracts());
        let (mut cancels, mut replaces, mut immediate) = (Vec::new(), 0u32, 0u32);
        for number in 1..=20_000 {
            let command = trader.next_command(Wanted::Any, |_| true).unwrap();
            trader.sent(&command, number);
            match command {
                Command::Cancel(OrderRef::Id { order, .. }) => cancels.push(order),
                Command::Replace { price, .. } => {
                    replaces += 1;
                    assert_ne!(price, MID);
                }
                Command::NewOrder(order) if order.time_in_force == TimeInForce::Ioc => immediate += 1,
                Command::NewOrder(order) => {
                    assert!(if order.side == Side::Buy { order.price < MID } else { order.price > MID });
                }
                other => panic!("{other:?}"),
            }
            answer(&mut trader, command, number);
        }
        assert!(cancels.len().abs_diff(8_200) < 300, "{}", cancels.len());
        assert!(replaces.abs_diff(400) < 100 && immediate.abs_diff(1_600) < 200, "{replaces} {immediate}");
        let many = cancels.len();
        cancels.sort_unstable();
        cancels.dedup();
        assert_eq!(cancels.len(), many, "each order is cancelled once");
    }

    #[test]
    fn a_fifth_are_blocks_within_what_is_traded_and_they_are_changed_and_cancelled_too() {
        let mut contracts = contracts();
        contracts.push(ContractId::new(ClassNo(1), Hour(105)));
        contracts.rotate_left(3);
        let mut trader = Trader::new(7, Mix::Blocks, &contracts);
        let (mut blocks, mut immediate, mut reaching, mut orders) = (HashSet::new(), 0u32, 0u32, 0u32);
        let (mut all, mut changed) = (0u32, 0u32);
        for number in 1..=20_000 {
            let command = trader.next_command(Wanted::Any, |_| true).unwrap();
            trader.sent(&command, number);
            match command {
                Command::NewOrder(order) if order.is_block() => {
                    assert_eq!(order.check(), Ok(()));
                    assert_eq!(order.contract.class(), ClassNo(0));
                    assert!(order.contract.start().0 + u32::from(order.slots) <= 105, "{order:?}");
                    all += 1;
                    immediate += u32::from(order.time_in_force == TimeInForce::Ioc);
                    reaching += u32::from(match order.side {
                        Side::Buy => order.price > MID,
                        Side::Sell => order.price < MID,
                    });
                    blocks.insert(number);
                }
                Command::NewOrder(_) => orders += 1,
                Command::Cancel(OrderRef::Id { order, .. })
                | Command::Replace { order: OrderRef::Id { order, .. }, .. } => {
                    changed += u32::from(blocks.contains(&order));
                }
                other => panic!("{other:?}"),
            }
            answer(&mut trader, command, number);
        }
        assert!(all.abs_diff((all + orders) / 5) < 150, "{all} {orders}");
        assert!(immediate.abs_diff(all / 7) < 80, "{immediate} of {all}");
        assert!(reaching > immediate && reaching < all / 2, "{reaching} of {all}");
        assert!(changed > all / 2, "{changed} of {all}");
    }

    #[test]
    fn where_no_two_slots_are_in_a_row_there_are_no_blocks() {
        let apart = [1, 3, 5].map(|hour| ContractId::new(ClassNo(0), Hour(hour)));
        let mut trader = Trader::new(7, Mix::Blocks, &apart);
        for number in 1..=100 {
            let command = trader.next_command(Wanted::Order, |_| true).unwrap();
            assert!(matches!(command, Command::NewOrder(order) if !order.is_block()));
            trader.sent(&command, number);
        }
    }

    #[test]
    fn without_an_acknowledgement_there_is_nothing_to_cancel() {
        let mut trader = Trader::new(7, Mix::Cancels, &contracts());
        for number in 1..=1_000 {
            assert_eq!(trader.next_command(Wanted::Cancel, |_| true), None);
            let command = trader.next_command(Wanted::Any, |_| true).unwrap();
            assert!(matches!(command, Command::NewOrder(_)));
            trader.sent(&command, number);
        }
        let order = Command::NewOrder(NewOrder::limit(contracts()[0], Side::Buy, 1, MID));
        answer(&mut trader, order, 1);
        let cancel = trader.next_command(Wanted::Cancel, |_| true);
        let name = OrderRef::Id { order: 1, slot: 0 };
        assert_eq!(cancel, Some(Command::Cancel(name)), "its acknowledgement has come");
        trader.sent(&Command::Cancel(name), 1);
        assert_eq!(trader.next_command(Wanted::Cancel, |_| true), None, "it is being cancelled already");
    }

    #[test]
    fn who_has_too_much_open_cancels_and_what_ended_is_forgotten() {
        let mut trader = Trader::new(7, Mix::Trades, &contracts());
        for number in 1..=50_000 {
            let command = trader.next_command(Wanted::Order, |_| true).unwrap();
            trader.sent(&command, number);
            answer(&mut trader, command, number);
            assert!(trader.orders.len() <= OPEN_MAX && trader.resting.len() <= 2 * (OPEN_MAX + 64));
        }
    }
}
