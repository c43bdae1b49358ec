//! Random streams of commands: few accounts, contracts and prices, so that things collide; good commands
//! mostly, bad ones of every kind now and then; a clock that jumps across gates and slot ends.

use std::collections::VecDeque;

use types::{
    AccountId, AccountName, ClassNo, ClassSpec, Code, Command, ContractId, HOUR_NANOS, Hour, KeyNo, Lane,
    MINUTE_NANOS, NewOrder, OrderRef, PRICE_MAX, PublicKey, Rights, Role, Sender, Side, Stamped, TimeInForce,
    Timestamp, UNITS_MAX,
};

use super::reference::{Order, RIGHT_HINT, Reference};

/// Random numbers from a seed (SplitMix64).
pub(crate) struct Rng(u64);

/// What kind of stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Few orders, much trading.
    Busy,
    /// Many orders and deposits of few contracts, which then close at once: more work than one command does.
    Crowded,
}

/// Makes one stream, a command at a time.
pub(crate) struct Generator {
    rng: Rng,
    kind: Kind,
    time: u64,
    /// What comes first, so that there is something to trade.
    opening: VecDeque<Command>,
}

impl Generator {
    pub(crate) fn new(seed: u64, kind: Kind) -> Generator {
        let mut rng = Rng::new(seed);
        let time = 480_000 * HOUR_NANOS + rng.below(3 * HOUR_NANOS);
        let mut generator = Generator { rng, kind, time, opening: VecDeque::new() };
        generator.open();
        generator
    }

    /// The next command, by what is known of the exchange so far.
    pub(crate) fn next(&mut self, known: &Reference, sequence: u64) -> Stamped {
        self.advance(known, sequence);
        let own = |command| (None, command);
        let (sender, command) = match self.opening.pop_front() {
            Some(command @ Command::Genesis { .. }) => own(command),
            Some(command) => {
                let (key, lane) = (KeyNo(1), Lane::Orders);
                (Some(Sender { key, lane, number: next_number(known, key, lane) }), command)
            }
            None => {
                let is_due = known.next_deadline().is_some_and(|deadline| deadline.0 <= self.time);
                match self.rng.below(100) {
                    _ if is_due && self.rng.chance(80) => own(Command::Clock),
                    _ if known.has_pending() && self.rng.chance(60) => own(Command::Continue),
                    0..2 => own(Command::Clock),
                    2..4 => own(Command::Continue),
                    4 if self.rng.chance(30) => own(self.nonsense(known)),
                    _ => {
                        let command = self.command(known);
                        (self.sender(known, &command), command)
                    }
                }
            }
        };
        Stamped { sequence, time: Timestamp(self.time), sender, command }
    }

    fn open(&mut self) {
        self.opening.push_back(Command::Genesis { operator: public(1) });
        let classes = if self.is_crowded() { 1 } else { 1 + self.rng.below(3) };
        for number in 0..classes {
            let spec = self.spec(number);
            self.opening.push_back(Command::DefineClass(spec));
        }
        let roles = [Role::Provider, Role::Broker, Role::Provider, Role::Broker, Role::Analyst];
        for (number, role) in (2..).zip(roles) {
            self.opening.push_back(Command::OpenAccount { name: name(number), role });
            let (rights, expires) = (role.rights(), Timestamp::MAX);
            let account = AccountId(u32::try_from(number).unwrap());
            self.opening.push_back(Command::RegisterKey { account, public: public(number), rights, expires });
            let (currency, amount) = (code("CUR", 0), self.opening_cash());
            self.opening.push_back(Command::DepositCash { account, currency, amount, external: 1 });
        }
        // A second key for the first provider: its numbers are its own.
        let rights = Role::Provider.rights();
        let expires = Timestamp(self.time + 40 * HOUR_NANOS);
        self.opening.push_back(Command::RegisterKey {
            account: AccountId(2),
            public: public(9),
            rights,
            expires,
        });
    }

    fn is_crowded(&self) -> bool {
        self.kind == Kind::Crowded
    }

    fn opening_cash(&mut self) -> i64 {
        if self.is_crowded() { 1 << 50 } else { [60_000, 5_000_000, 1 << 40][self.rng.index(3)] }
    }

    /// Moves the clock: mostly a little, sometimes to the edge of a deadline or across several.
    fn advance(&mut self, known: &Reference, sequence: u64) {
        if !self.opening.is_empty() {
            return;
        }
        let to_deadline = known.next_deadline().map_or(0, |deadline| deadline.0.saturating_sub(self.time));
        if self.is_crowded() {
            let is_full = sequence > 800 && sequence.is_multiple_of(20);
            self.time += if is_full { to_deadline + self.rng.below(2) * HOUR_NANOS } else { 1 };
            return;
        }
        self.time += match self.rng.below(200) {
            0..60 => 0,
            60..180 => self.rng.below(30_000_000_000),
            180..194 => self.rng.below(40 * MINUTE_NANOS),
            194 => to_deadline.saturating_sub(1),
            195..198 => to_deadline,
            198 => to_deadline + 1,
            _ => self.rng.below(6 * HOUR_NANOS),
        };
    }

    fn command(&mut self, known: &Reference) -> Command {
        match self.rng.below(if self.is_crowded() { 86 } else { 100 }) {
            _ if self.is_crowded() && self.rng.chance(60) => Command::NewOrder(self.new_order(known)),
            _ if self.is_crowded() && self.rng.chance(75) => self.capacity(known),
            0..48 => Command::NewOrder(self.new_order(known)),
            48..60 => Command::Cancel(self.order(known)),
            60..76 => self.replace(known),
            76..86 => self.capacity(known),
            86..91 => Command::DepositCash {
                account: self.account(),
                currency: code("CUR", self.rng.below(4)),
                amount: [0, 1, 7_000, 60_000, 2_500_000, 1 << 62][self.rng.index(6)],
                external: self.rng.below(12),
            },
            91..93 => {
                let number = self.rng.below(7);
                Command::DefineClass(self.spec(number))
            }
            93..95 => Command::OpenAccount { name: name(self.rng.below(12)), role: ROLES[self.rng.index(4)] },
            95..98 => self.register_key(),
            98 => Command::RevokeKey { key: KeyNo(1 + self.rng.small(14) * u32::from(self.rng.chance(98))) },
            _ => [Command::Clock, Command::Continue, Command::Genesis { operator: public(3) }]
                [self.rng.index(3)],
        }
    }

    fn capacity(&mut self, known: &Reference) -> Command {
        let contract = self.contract(known);
        let (units, externals) = if self.is_crowded() { (60, 2_000) } else { (4, 12) };
        Command::DepositCapacity { contract, units: self.units(units), external: self.rng.below(externals) }
    }

    fn new_order(&mut self, known: &Reference) -> NewOrder {
        let contract = self.contract(known);
        // Only providers have much to sell; anybody can buy.
        let buys = if self.is_crowded() { 75 } else { 50 };
        let side = if self.rng.chance(buys) { Side::Buy } else { Side::Sell };
        let time_in_force = match self.rng.below(100) {
            _ if self.is_crowded() && self.rng.chance(90) => TimeInForce::Gtc,
            0..60 => TimeInForce::Gtc,
            60..80 => TimeInForce::Ioc,
            _ => TimeInForce::Fok,
        };
        NewOrder { contract, side, time_in_force, price: self.price(side), units: self.units(12) }
    }

    fn replace(&mut self, known: &Reference) -> Command {
        let order = self.order(known);
        let named = known.orders.iter().find(|open| match order {
            OrderRef::Id { order, .. } => open.id == order,
            OrderRef::Number(number) => open.number == number,
        });
        match named {
            // Less, the same or a little more at the same price.
            Some(open) if self.rng.chance(50) => {
                let units = (open.units + self.rng.small(3)).saturating_sub(self.rng.small(6));
                Command::Replace { order, price: open.price, units }
            }
            _ => {
                let side = named.map_or(Side::Buy, |open| open.side);
                Command::Replace { order, price: self.price(side), units: self.units(20) }
            }
        }
    }

    fn register_key(&mut self) -> Command {
        let account = self.account();
        // What keys live for is long enough for some, and over before it begins for a few.
        let lives = self.rng.below(8 * HOUR_NANOS);
        Command::RegisterKey {
            account,
            public: public(self.rng.below(40)),
            rights: if self.rng.chance(60) { Rights(3) } else { Rights(self.rng.byte(20)) },
            expires: Timestamp(self.time.saturating_sub(MINUTE_NANOS).saturating_add(lives)),
        }
    }

    /// What the sequencer never says, but a journal might.
    fn nonsense(&mut self, known: &Reference) -> Command {
        match self.rng.below(3) {
            0 => Command::Genesis { operator: public(2) },
            1 => Command::Cancel(self.order(known)),
            _ => Command::NewOrder(self.new_order(known)),
        }
    }

    /// An open order mostly; sometimes one that is not, or the right one with a wrong hint.
    fn order(&mut self, known: &Reference) -> OrderRef {
        let order = match known.orders.len() {
            0 => None,
            open => known.orders.get(self.rng.index(open)),
        };
        match (order, self.rng.below(10)) {
            (Some(Order { id, .. }), 0..5) => OrderRef::Id { order: *id, slot: RIGHT_HINT },
            (Some(Order { id, .. }), 5) => OrderRef::Id { order: *id, slot: 1 + self.rng.small(3) },
            (Some(Order { number, .. }), 6..9) => OrderRef::Number(*number),
            (_, 0..8) => OrderRef::Id { order: self.rng.below(400), slot: RIGHT_HINT },
            _ => OrderRef::Number(self.rng.below(100)),
        }
    }

    fn contract(&mut self, known: &Reference) -> ContractId {
        let Some(class) = known.classes.get(self.rng.index(known.classes.len().max(1))) else {
            return ContractId(0);
        };
        let hour = u32::try_from(self.time / HOUR_NANOS).unwrap();
        let slot_hours = u32::from(class.spec.slot_hours);
        let running = hour / slot_hours * slot_hours;
        let (no, start) = match self.rng.below(100) {
            0..86 if self.is_crowded() => (class.no, running + slot_hours * 2),
            0..86 => (class.no, running + slot_hours * (1 + self.rng.small(3))),
            86..89 => (class.no, running),
            89..94 => (class.no, hour + u32::from(class.spec.horizon_hours) - self.rng.small(3)),
            94..96 => (class.no, running + slot_hours + 1),
            96..98 => (ClassNo(u16::try_from(known.classes.len()).unwrap()), running),
            _ => (class.no, self.rng.small(10) * slot_hours),
        };
        ContractId::new(no, Hour(start))
    }

    fn price(&mut self, side: Side) -> i64 {
        let near = i64::from(self.rng.small(7));
        match (self.kind, self.rng.below(200)) {
            (_, 0) => 0,
            (_, 1) => -1,
            (_, 2) => PRICE_MAX + 1,
            (_, 3..5) => PRICE_MAX,
            (Kind::Busy, _) => 10 + near,
            (Kind::Crowded, 5..15) => 17,
            (Kind::Crowded, _) if side == Side::Buy => 10 + near,
            (Kind::Crowded, _) => 18 + near,
        }
    }

    fn units(&mut self, most: u32) -> u32 {
        match self.rng.below(200) {
            0 => 0,
            1 => UNITS_MAX + 1,
            2 => UNITS_MAX,
            _ => 1 + self.rng.small(most),
        }
    }

    fn account(&mut self) -> AccountId {
        AccountId(self.rng.small(8))
    }

    /// Mostly a key that may; sometimes the owner's of another order, a dead one, or none at all.
    fn sender(&mut self, known: &Reference, command: &Command) -> Option<Sender> {
        let needed = match command {
            Command::NewOrder(_) | Command::Cancel(_) | Command::Replace { .. } => Rights::TRADE,
            Command::DepositCapacity { .. } => Rights::DEPOSIT,
            _ => Rights::OPERATE,
        };
        let is_alive = |key: &&types::Key| !key.revoked && key.expires > known.time;
        let may = |key: &&types::Key| key.rights.include(needed) && is_alive(key);
        let able: Vec<KeyNo> = known.keys.iter().filter(may).map(|key| key.no).collect();
        let owner = match command {
            Command::Cancel(order) | Command::Replace { order, .. } => owner(known, *order),
            _ => None,
        };
        let key = match self.rng.below(100) {
            0..70 if owner.is_some() => owner.unwrap(),
            0..94 if !able.is_empty() => able[self.rng.index(able.len())],
            94 => KeyNo([0, 1_000, u32::MAX][self.rng.index(3)]),
            _ => KeyNo(1 + self.rng.small(u32::try_from(known.keys.len()).unwrap())),
        };
        let is_cancel = matches!(command, Command::Cancel(_));
        let is_astray = self.rng.below(200) == 0;
        let lane = if is_cancel == is_astray { Lane::Orders } else { Lane::Cancels };
        let next = next_number(known, key, lane);
        let number = match self.rng.below(100) {
            0 => next - 1,
            1 => self.rng.below(next),
            2..5 => next + 2,
            _ => next,
        };
        Some(Sender { key, lane, number })
    }
}

fn next_number(known: &Reference, key: KeyNo, lane: Lane) -> u64 {
    let key = known.keys.iter().find(|record| record.no == key);
    1 + key.map_or(0, |key| match lane {
        Lane::Orders => key.taken[0],
        Lane::Cancels => key.taken[1],
    })
}

/// The key that sent the order that is named.
fn owner(known: &Reference, named: OrderRef) -> Option<KeyNo> {
    let is_it = |order: &&Order| match named {
        OrderRef::Id { order: id, .. } => order.id == id,
        OrderRef::Number(number) => order.number == number,
    };
    known.orders.iter().find(is_it).map(|order| order.key)
}

impl Generator {
    /// The terms of a class: one of a few symbols and currencies, so that some are taken; some are bad.
    fn spec(&mut self, number: u64) -> ClassSpec {
        let slot_hours = [1, 1, 2, 4, 5][self.rng.index(5)];
        let is_first = number == 0;
        ClassSpec {
            model: code("M", number),
            region: code("R", 0),
            currency: code("CUR", number),
            tick: [1, 7, 100, 1_000_000_000][self.rng.index(if is_first { 3 } else { 4 })],
            slot_hours,
            gate_minutes: [0, 0, 15, 60, 100][self.rng.index(5)],
            horizon_hours: u16::from(slot_hours)
                * [6, 3, 2][self.rng.index(if self.is_crowded() { 2 } else { 3 })],
            fee_ppm: [0, 333, 1_000, 100_000, 100_001][self.rng.index(if is_first { 4 } else { 5 })],
        }
    }
}

const ROLES: [Role; 4] = [Role::Broker, Role::Provider, Role::Analyst, Role::Operator];

fn code(start: &str, number: u64) -> Code {
    format!("{start}{number}").parse().unwrap()
}

fn name(number: u64) -> AccountName {
    format!("account-{number}").parse().unwrap()
}

fn public(number: u64) -> PublicKey {
    PublicKey([u8::try_from(number).unwrap(); 32])
}

impl Rng {
    /// Neighbouring seeds give streams that have nothing to do with each other.
    fn new(seed: u64) -> Rng {
        Rng(mixed(seed))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number from 0 to below `most`, which is at least 1.
    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn small(&mut self, most: u32) -> u32 {
        u32::try_from(self.below(u64::from(most))).unwrap()
    }

    fn byte(&mut self, most: u64) -> u8 {
        u8::try_from(self.below(most)).unwrap()
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
