//! A fortnight of a market: classes of hourly slots a fortnight ahead, of which a contract opens and another closes every
//! hour, orders and cancels over all that are open, and a clock that goes from deadline to deadline. What the reports
//! say is kept beside it and compared with what the exchange holds.
//!
//! With `CUEX_LONG=1` it has all 600 classes and ten times as many orders.

use std::collections::BTreeMap;

use engine::{Engine, Totals};
use types::{
    AccountId, Class, ClassNo, ClassSpec, Command, ContractId, Hour, KeyNo, Lane, MarketBody, Money,
    NewOrder, OrderId, OrderKind, OrderRef, Output, Phase, PublicKey, RejectCode, ReportBody, Role, Sender,
    Side, SlotHint, Stamped, StateEvent, TimeInForce, Timestamp, Units, Why, value_of,
};

use super::generator::Rng;
use super::random::setting;

const HOURS: u32 = 336;
/// Everybody brings capacity.
const ACCOUNTS: u32 = 40;
const BEGIN: Hour = Hour(480_000);
const CASH: Money = 1 << 50;

/// An open order by what its owner was told.
struct Open {
    key: KeyNo,
    slot: SlotHint,
    left: Units,
}

/// What came up.
#[derive(Debug, Default)]
struct Seen {
    commands: u64,
    auction_trades: u64,
    trades: u64,
    interruptions: u64,
    closed: u64,
    settled: u64,
    refused: u64,
}

struct Fortnight {
    classes: u16,
    engine: Engine,
    rng: Rng,
    time: Timestamp,
    numbers: Vec<[u64; 2]>,
    out: Output,
    open: BTreeMap<OrderId, Open>,
    /// Cash by account, as the reports tell of it.
    cash: Vec<Money>,
    fees: Money,
    seen: Seen,
}

fn spec(number: u16) -> ClassSpec {
    ClassSpec {
        model: format!("M{number}").parse().unwrap(),
        gate_minutes: 30,
        preopen_minutes: 5,
        opening_minutes: 10,
        auction_seconds: 60,
        random_seconds: 20,
        static_band_ppm: 500_000,
        dynamic_band_ppm: 100_000,
        ..ClassSpec::example()
    }
}

#[test]
fn a_fortnight_of_a_whole_market_adds_up() {
    let long = setting("CUEX_LONG").is_some_and(|long| long > 0);
    let seed = setting("CUEX_SEED").unwrap_or(1);
    let (classes, orders) = if long { (600, 3_000) } else { (400, 300) };
    let mut market = Fortnight::new(seed, classes);
    for hour in 0..HOURS {
        market.hour(Hour(BEGIN.0 + hour), orders);
        if hour.is_multiple_of(48) {
            market.compare();
        }
    }
    // Nobody sends anything any more, and everything closes and settles.
    market.advance(Hour(BEGIN.0 + 2 * HOURS + 1).starts());
    let totals = market.compare();
    assert_eq!((totals.contracts, totals.open_orders, totals.units_held), (0, 0, 0), "CUEX_SEED={seed}");
    let seen = &market.seen;
    let contracts = u64::from(classes) * u64::from(HOURS);
    let enough = seen.settled >= contracts
        && seen.closed == seen.settled
        && seen.auction_trades > 1_000
        && seen.trades > 1_000
        && seen.interruptions > 50
        && seen.refused * 5 < seen.commands;
    assert!(enough, "CUEX_SEED={seed}: {seen:?}");
}

impl Fortnight {
    fn new(seed: u64, classes: u16) -> Fortnight {
        let mut market = Fortnight {
            classes,
            engine: Engine::new(),
            rng: Rng::new(seed),
            time: BEGIN.starts(),
            numbers: vec![[0; 2]; ACCOUNTS as usize + 2],
            out: Output::default(),
            open: BTreeMap::new(),
            cash: vec![0; ACCOUNTS as usize + 2],
            fees: 0,
            seen: Seen::default(),
        };
        market.apply(None, Command::Genesis { operator: PublicKey([0; 32]), seed: 1 + seed });
        for number in 0..classes {
            market.say(KeyNo(1), Command::DefineClass { spec: Box::new(spec(number)), why: Why::NONE });
        }
        for number in 2..ACCOUNTS + 2 {
            let (account, role) = (AccountId(number), Role::Provider);
            let public = PublicKey([u8::try_from(number).unwrap(); 32]);
            let (rights, expires, currency) = (role.rights(), Timestamp::MAX, spec(0).currency);
            market.say(
                KeyNo(1),
                Command::OpenAccount { name: format!("a{number}").parse().unwrap(), role, why: Why::NONE },
            );
            market.say(KeyNo(1), Command::RegisterKey { account, public, rights, expires, why: Why::NONE });
            market.say(
                KeyNo(1),
                Command::DepositCash { account, currency, amount: CASH, external: 1, why: Why::NONE },
            );
        }
        market
    }

    /// A contract of each class comes within the horizon; orders are sent for an hour.
    fn hour(&mut self, hour: Hour, orders: u32) {
        for class in 0..self.classes {
            let contract = ContractId::new(ClassNo(class), hour.plus(HOURS - 1));
            let key = KeyNo(2 + u32::from(class) % ACCOUNTS);
            self.say(key, Command::DepositCapacity { contract, units: 1_000, external: 1 });
        }
        let step = Hour(1).starts().0 / u64::from(orders + 1);
        for order in 0..u64::from(orders) {
            self.advance(Timestamp(hour.starts().0 + order * step));
            let command = self.command(hour);
            self.say(command.0, command.1);
        }
        self.advance(hour.plus(1).starts());
    }

    /// The sequencer's part: what is due before a moment comes, and the work that it brings.
    fn advance(&mut self, time: Timestamp) {
        while self.engine.next_deadline().is_some_and(|deadline| deadline <= time) {
            // No further than an hour at once, so that what a moment brings comes in its time.
            let hour = self.time.hour().plus(1).starts();
            self.time = time.min(hour);
            self.apply(None, Command::Clock);
            while self.engine.has_pending() {
                self.apply(None, Command::Continue);
            }
        }
        self.time = time;
    }

    fn command(&mut self, hour: Hour) -> (KeyNo, Command) {
        if self.rng.chance(25)
            && let Some((&order, open)) =
                self.open.range(self.rng.below(self.engine.last_sequence())..).next()
        {
            let order = OrderRef::Id { order, slot: open.slot };
            return match self.rng.below(3) {
                0 => (open.key, Command::Replace { order, price: 200, units: 30 }),
                _ => (open.key, Command::Cancel(order)),
            };
        }
        // Mostly few classes, and contracts that open now, were opened lately, or soon close.
        let class = ClassNo(if self.rng.chance(70) { u16::from(self.rng.byte(5)) } else { self.class() });
        let ahead = match self.rng.below(4) {
            0 => HOURS - 1,
            1 => HOURS - 1 - self.rng.small(4),
            _ => 1 + self.rng.small(4),
        };
        let contract = ContractId::new(class, hour.plus(ahead));
        let side = if self.rng.chance(50) { Side::Buy } else { Side::Sell };
        // Who brought the units of a class sells them; others sell what they bought.
        let seller = 2 + u32::from(class.0) % ACCOUNTS;
        let key = if side == Side::Sell { seller } else { 2 + self.rng.small(ACCOUNTS) };
        let price = 185 + i64::from(self.rng.small(30)) + if self.rng.chance(3) { 40 } else { 0 };
        let mut terms = NewOrder::limit(contract, side, 1 + self.rng.small(20), price);
        match self.rng.below(20) {
            0 => terms.time_in_force = TimeInForce::Ioc,
            1 => terms.kind = OrderKind::Market,
            2 => terms.time_in_force = TimeInForce::Gtd(hour.plus(2).starts()),
            3 => terms.trigger = Some(price),
            _ => {}
        }
        (KeyNo(key), Command::NewOrder(terms))
    }

    fn class(&mut self) -> u16 {
        u16::try_from(self.rng.below(u64::from(self.classes))).unwrap()
    }

    fn say(&mut self, key: KeyNo, command: Command) {
        let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
        let number = &mut self.numbers[key.0 as usize][usize::from(lane == Lane::Cancels)];
        *number += 1;
        let number = *number;
        self.apply(Some(Sender { key, lane, number }), command);
    }

    fn apply(&mut self, sender: Option<Sender>, command: Command) {
        self.out.clear();
        let sequence = self.engine.last_sequence() + 1;
        let stamped = Stamped { sequence, time: self.time, sender, command };
        self.engine.apply(&stamped, &mut self.out);
        self.seen.commands += 1;
        let (reports, events) = (std::mem::take(&mut self.out.reports), std::mem::take(&mut self.out.events));
        for report in &reports {
            self.note(report.account, sender, &report.body);
        }
        let mut fills = reports.iter().filter_map(|report| match report.body {
            ReportBody::Filled { order, counter, price, units, fee, side, .. } => {
                Some((order, counter, price, units, fee, side))
            }
            _ => None,
        });
        while let Some((order, counter, price, units, fee, side)) = fills.next() {
            let other = Some((counter, order, price, units, fee, side.opposite()));
            assert_eq!(fills.next(), other, "both sides of a trade are told the same");
        }
        for event in &events {
            match event.body {
                MarketBody::AuctionTrade { .. } => self.seen.auction_trades += 1,
                MarketBody::Trade(_) => self.seen.trades += 1,
                MarketBody::Phase(Phase::Auction) if sender.is_some() => self.seen.interruptions += 1,
                MarketBody::Phase(Phase::Closed) => self.seen.closed += 1,
                MarketBody::Phase(Phase::Settled) => self.seen.settled += 1,
                _ => {}
            }
        }
        (self.out.reports, self.out.events) = (reports, events);
        assert_eq!(self.engine.open_orders(), self.open.len(), "after {stamped:?}");
    }

    /// Keeps what a report tells.
    fn note(&mut self, account: AccountId, sender: Option<Sender>, body: &ReportBody) {
        match *body {
            ReportBody::Accepted { order, slot, terms } => {
                let key = sender.map(|sender| sender.key).unwrap();
                self.open.insert(order, Open { key, slot, left: terms.units });
            }
            ReportBody::Triggered { order, slot, .. } => self.open.get_mut(&order).unwrap().slot = slot,
            ReportBody::Replaced { order, slot, left, .. } => {
                let open = self.open.get_mut(&order).unwrap();
                (open.slot, open.left) = (slot, left);
            }
            ReportBody::Filled { order, contract, side, price, units, left, fee, .. } => {
                self.lessen(order, units, left);
                let no = contract.class();
                let value = value_of(&Class { no, spec: spec(no.0) }, price, units).unwrap();
                self.cash[account.0 as usize] += if side == Side::Buy { -value - fee } else { value - fee };
                self.fees += fee;
            }
            ReportBody::Cancelled { order, units, left, .. } => self.lessen(order, units, left),
            ReportBody::CashDeposited { amount, .. } => self.cash[account.0 as usize] += amount,
            ReportBody::Rejected { code, .. } => {
                assert!(!matches!(code, RejectCode::Uncrossing | RejectCode::UnknownOrder), "{code}");
                self.seen.refused += 1;
            }
            _ => {}
        }
    }

    fn lessen(&mut self, order: OrderId, units: Units, left: Units) {
        let open = self.open.get_mut(&order).unwrap();
        assert_eq!(open.left - units, left, "what is left of order {order}");
        open.left = left;
        if left == 0 {
            self.open.remove(&order);
        }
    }

    /// Adds everything up, and compares what the accounts hold with what they were told.
    fn compare(&self) -> Totals {
        let totals = self.engine.audit().unwrap();
        assert_eq!(totals.currencies[0].fees, self.fees);
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        let mut cash = vec![0; self.cash.len()];
        for event in state {
            match event {
                StateEvent::Cash { account, free, reserved, .. } => {
                    cash[account.0 as usize] = free + reserved
                }
                StateEvent::Order(order) => assert_eq!(self.open[&order.order].left, order.left),
                _ => {}
            }
        }
        assert_eq!(cash, self.cash);
        totals
    }
}
