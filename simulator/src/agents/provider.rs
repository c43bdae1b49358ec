//! A provider: one host of the data, who deposits the idle hours of its machines and asks for them what the
//! snapshot of the day says.
//!
//! The snapshot sets a target for every machine and slot; the provider sends what leads there from where it is:
//! a deposit, an order, a replace or a cancel, nearest slots first. What is sold stays sold: a machine that
//! shows up again with as many accelerators offers only what it has left. Capacity once deposited stays.

use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use types::{
    ClassNo, Command, ContractId, Hour, Lane, NewOrder, RejectCode, Report, ReportBody, Side, Ticks, Units,
};

use super::Wish;
use super::own_orders::{News, Own, OwnOrders};

/// What a machine offers: the same units at the same price in every hourly slot before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The machine's number at the source.
    pub machine: u32,
    /// What it is.
    pub class: ClassNo,
    /// The price in ticks of the class.
    pub price: Ticks,
    /// Its accelerators.
    pub units: Units,
    /// The first hour it is not on offer any more.
    pub until: Hour,
}

/// A machine in a slot: the contract and the machine's number.
pub type At = (ContractId, u32);

/// What a report told the provider, in units of one contract.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Units of capacity that came in.
    pub deposited: Units,
    /// Units of its own asks that were sold.
    pub sold: Units,
}

/// One provider.
#[derive(Debug, Default)]
pub struct Provider {
    slots: FxHashMap<At, Slot>,
    /// Where something may be to do, nearest first.
    todo: VecDeque<At>,
    orders: OwnOrders<At>,
    /// Deposits without an outcome, by number.
    deposits: FxHashMap<u64, (At, Units)>,
    /// The last id given to a deposit.
    external: u64,
}

/// One machine in one slot.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// What the day's snapshot says: price and units.
    target: Option<(Ticks, Units)>,
    deposited: Units,
    sold: Units,
    /// The number of its ask, while there is one.
    order: Option<u64>,
}

impl Provider {
    /// The asks of a new snapshot: from `first` on, every slot is to be as they say, and empty where they say
    /// nothing. Slots before `first` are forgotten, as their gate has closed.
    pub fn new_day(&mut self, asks: &[Ask], first: Hour) {
        self.slots.retain(|(contract, _), _| contract.start() >= first);
        for slot in self.slots.values_mut() {
            slot.target = None;
        }
        for ask in asks {
            for hour in first.0..ask.until.0 {
                let at = (ContractId::new(ask.class, Hour(hour)), ask.machine);
                self.slots.entry(at).or_default().target = Some((ask.price, ask.units));
            }
        }
        let mut todo: Vec<At> = self.slots.keys().copied().collect();
        todo.sort_unstable_by_key(|&(contract, machine)| (contract.start(), contract, machine));
        self.todo = todo.into();
    }

    /// The next command to send, `None` when nothing is to do. After it, [`Provider::sent`] must be called.
    pub fn next_wish(&mut self) -> Option<Wish<At>> {
        while let Some(&at) = self.todo.front() {
            let wish = self.slots.get(&at).and_then(|slot| slot.step(at, &self.orders, self.external + 1));
            let is_deposit = matches!(wish, Some(Command::DepositCapacity { .. }));
            if !is_deposit {
                self.todo.pop_front();
            }
            if let Some(command) = wish {
                return Some(Wish { command, tag: at });
            }
        }
        None
    }

    /// True if [`Provider::next_wish`] has nothing to look at.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.todo.is_empty()
    }

    /// The command was sent as this number.
    pub fn sent(&mut self, wish: Wish<At>, number: u64) {
        let slot = self.slots.entry(wish.tag).or_default();
        match wish.command {
            Command::DepositCapacity { units, external, .. } => {
                slot.deposited += units;
                self.external = external;
                self.deposits.insert(number, (wish.tag, units));
            }
            Command::NewOrder(_) => slot.order = Some(number),
            _ => {}
        }
        self.orders.sent(number, wish);
    }

    /// Follows a report.
    pub fn follow(&mut self, report: &Report) -> Told {
        if let ReportBody::CapacityDeposited { units, .. } = report.body {
            if let Some(answers) = report.answers {
                self.deposits.remove(&answers.number);
            }
            return Told { deposited: units, sold: 0 };
        }
        if let ReportBody::Rejected { code, .. } = report.body {
            if let Some(answers) = report.answers {
                self.not_taken(answers.lane, answers.number, code);
            }
            return Told::default();
        }
        match self.orders.follow(report) {
            Some(News::Filled { tag, units, left, .. }) => {
                if let Some(slot) = self.slots.get_mut(&tag) {
                    slot.sold += units;
                    slot.order = slot.order.filter(|_| left > 0);
                }
                Told { deposited: 0, sold: units }
            }
            Some(News::Cancelled { tag, .. }) => {
                self.ended(tag);
                self.look_again(tag);
                Told::default()
            }
            Some(News::Taken { tag }) => {
                self.look_again(tag);
                Told::default()
            }
            Some(News::Rejected { .. }) | None => Told::default(),
        }
    }

    /// The command of that number was rejected, or refused before it was taken. The slot is left as it is until
    /// the next day: what was rejected once is not asked for again at once.
    pub fn not_taken(&mut self, lane: Lane, number: u64, code: RejectCode) {
        if lane == Lane::Orders
            && let Some((at, units)) = self.deposits.remove(&number)
        {
            if let Some(slot) = self.slots.get_mut(&at) {
                slot.deposited -= units;
            }
            return;
        }
        if let Some(News::Rejected { tag, open: false, .. }) = self.orders.not_taken(lane, number, code) {
            self.ended(tag);
        }
    }

    /// How many of its asks are open or under way.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.len()
    }

    fn ended(&mut self, at: At) {
        if let Some(slot) = self.slots.get_mut(&at) {
            slot.order = None;
        }
    }

    /// If the slot is not yet where it is to be, puts it up for [`Provider::next_wish`].
    fn look_again(&mut self, at: At) {
        if let Some(slot) = self.slots.get(&at)
            && slot.step(at, &self.orders, self.external + 1).is_some()
        {
            self.todo.push_back(at);
        }
    }
}

impl Slot {
    /// What to send next; `None` if the slot is where it is to be, or has to wait for an outcome.
    fn step(&self, at: At, orders: &OwnOrders<At>, external: u64) -> Option<Command> {
        let contract = at.0;
        let (price, offered) = self.target.unwrap_or((1, 0));
        if offered > self.deposited {
            return Some(Command::DepositCapacity { contract, units: offered - self.deposited, external });
        }
        let wanted = offered.saturating_sub(self.sold);
        let Some(number) = self.order else {
            let order = NewOrder::limit(contract, Side::Sell, wanted, price);
            return (wanted > 0).then_some(Command::NewOrder(order));
        };
        let own: &Own<At> = orders.get(number)?;
        let order = own.free()?;
        if wanted == 0 {
            return Some(Command::Cancel(order));
        }
        // The total counts what is filled already, so more fills on the way change nothing in what it means.
        let units = own.units - own.left + wanted;
        ((price, wanted) != (own.price, own.left)).then_some(Command::Replace { order, price, units })
    }
}

#[cfg(test)]
mod tests {
    use super::super::play::{Play, Resting};
    use super::*;
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};
    use types::Hour;

    const FIRST: Hour = Hour(1_000);

    fn ask(machine: u32, price: Ticks, units: Units, hours: u32) -> Ask {
        Ask { machine, class: ClassNo(2), price, units, until: FIRST.plus(hours) }
    }

    fn contract(hour: u32) -> ContractId {
        ContractId::new(ClassNo(2), FIRST.plus(hour))
    }

    /// Sends everything there is to send, and tells the reports at once.
    fn run(provider: &mut Provider, play: &mut Play) -> Told {
        let mut told = Told::default();
        while let Some(wish) = provider.next_wish() {
            let (number, reports) = play.take(wish.command.clone());
            provider.sent(wish, number);
            for report in reports {
                let more = provider.follow(&report);
                told.deposited += more.deposited;
                told.sold += more.sold;
            }
        }
        told
    }

    #[test]
    fn a_day_is_deposited_and_asked_for_nearest_slots_first() {
        let (mut provider, mut play) = (Provider::default(), Play::default());
        provider.new_day(&[ask(7, 500, 4, 3), ask(8, 600, 1, 2)], FIRST);
        let mut hours = Vec::new();
        while let Some(wish) = provider.next_wish() {
            hours.push(wish.tag.0.start());
            let (number, reports) = play.take(wish.command.clone());
            provider.sent(wish, number);
            for report in reports {
                provider.follow(&report);
            }
        }
        assert!(hours.is_sorted());
        assert_eq!((hours.len(), play.orders.len(), provider.open_orders()), (10, 5, 5));
        let at = |hour| play.orders.values().filter(|resting| resting.contract == contract(hour)).count();
        assert_eq!([at(0), at(1), at(2), at(3)], [2, 2, 1, 0]);
        assert!(provider.is_done());
    }

    #[test]
    fn the_next_day_cancels_replaces_and_posts_only_what_differs() {
        let (mut provider, mut play) = (Provider::default(), Play::default());
        provider.new_day(&[ask(7, 500, 4, 2)], FIRST);
        assert_eq!(run(&mut provider, &mut play).deposited, 8);
        provider.new_day(&[ask(7, 500, 4, 2)], FIRST);
        assert_eq!(provider.next_wish(), None, "nothing differs");
        let (order, _) = play.only(contract(0)).unwrap();
        assert_eq!(provider.follow(&play.fill(order, 3)), Told { deposited: 0, sold: 3 });

        // Dearer: what is left of it moves. One slot less: that ask is cancelled.
        provider.new_day(&[ask(7, 550, 4, 1)], FIRST);
        assert_eq!(run(&mut provider, &mut play), Told::default());
        let moved = Resting { contract: contract(0), side: Side::Sell, price: 550, units: 4, left: 1 };
        assert_eq!((play.only(contract(0)), play.only(contract(1))), (Some((order, moved)), None));

        // Two units more: only those are deposited. The second slot is back, with what it has.
        provider.new_day(&[ask(7, 550, 6, 1), ask(7, 550, 4, 2)], FIRST);
        provider.new_day(&[ask(7, 550, 6, 2)], FIRST);
        assert_eq!(run(&mut provider, &mut play).deposited, 4);
        assert_eq!(play.only(contract(0)).unwrap().1.left, 3);
        assert_eq!(play.only(contract(1)).unwrap().1.left, 6);
    }

    #[test]
    fn what_is_sold_stays_sold() {
        let (mut provider, mut play) = (Provider::default(), Play::default());
        provider.new_day(&[ask(7, 500, 2, 1)], FIRST);
        run(&mut provider, &mut play);
        let (order, _) = play.only(contract(0)).unwrap();
        provider.follow(&play.fill(order, 2));
        provider.new_day(&[], FIRST);
        provider.new_day(&[ask(7, 400, 2, 1)], FIRST);
        assert_eq!((provider.next_wish(), provider.open_orders()), (None, 0));
    }

    #[test]
    fn past_slots_are_forgotten() {
        let (mut provider, mut play) = (Provider::default(), Play::default());
        provider.new_day(&[ask(7, 500, 2, 3)], FIRST);
        run(&mut provider, &mut play);
        provider.new_day(&[], FIRST.plus(2));
        assert_eq!(provider.slots.len(), 1);
    }

    #[test]
    fn a_rejected_deposit_or_ask_is_not_asked_for_again_that_day() {
        let mut provider = Provider::default();
        provider.new_day(&[ask(7, 500, 2, 1)], FIRST);
        let deposit = provider.next_wish().unwrap();
        provider.sent(deposit, 1);
        let order = provider.next_wish().unwrap();
        provider.sent(order, 2);
        provider.not_taken(Lane::Orders, 1, RejectCode::GateClosed);
        provider.not_taken(Lane::Orders, 2, RejectCode::GateClosed);
        assert_eq!((provider.next_wish(), provider.open_orders()), (None, 0));
        provider.new_day(&[ask(7, 500, 2, 1)], FIRST);
        assert!(matches!(provider.next_wish().unwrap().command, Command::DepositCapacity { units: 2, .. }));
    }

    /// Random days and fills, with reports that come late: in the end every slot is what the last day says, less
    /// what was sold.
    #[test]
    fn after_any_days_the_books_are_as_the_last_one_says() {
        for seed in 0..200 {
            let mut rng = StdRng::seed_from_u64(seed);
            let (mut provider, mut play) = (Provider::default(), Play::default());
            let mut late: VecDeque<Report> = VecDeque::new();
            let mut asks = Vec::new();
            for _ in 0..60 {
                if rng.random_bool(0.2) {
                    let units = rng.random_range(1..5);
                    asks = vec![ask(7, rng.random_range(1..4), units, rng.random_range(0..4))];
                    provider.new_day(&asks, FIRST);
                }
                if let Some(wish) = provider.next_wish() {
                    let (number, reports) = play.take(wish.command.clone());
                    provider.sent(wish, number);
                    late.extend(reports);
                }
                let resting = play.orders.keys().nth(rng.random_range(0..4)).copied();
                if let Some(order) = resting.filter(|_| rng.random_bool(0.2)) {
                    late.push_back(play.fill(order, 1));
                }
                for _ in 0..rng.random_range(0..3) {
                    let report = late.pop_front();
                    report.map(|report| provider.follow(&report));
                }
            }
            for report in late {
                provider.follow(&report);
            }
            run(&mut provider, &mut play);
            provider.new_day(&asks, FIRST);
            run(&mut provider, &mut play);
            for hour in 0..4 {
                let slot = provider.slots.get(&(contract(hour), 7)).copied().unwrap_or_default();
                let wanted = slot.target.map(|(price, units)| (price, units.saturating_sub(slot.sold)));
                let found = play.only(contract(hour)).map(|(_, resting)| (resting.price, resting.left));
                assert_eq!(found, wanted.filter(|(_, units)| *units > 0), "seed {seed}, hour {hour}");
                let told = asks.first().filter(|ask| FIRST.plus(hour) < ask.until);
                assert_eq!(slot.target, told.map(|ask| (ask.price, ask.units)), "seed {seed}, hour {hour}");
            }
        }
    }
}
