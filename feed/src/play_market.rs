//! A small market at play: random but reproducible orders through the real engine, for tests and for looking at
//! the page. Not part of the program.

use engine::Engine;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sequencer::Recovery;
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, HOUR_NANOS, Hour, KeyNo, Lane, NewOrder, OrderRef,
    Output, PublicKey, Rights, Role, Scope, Sender, Sequence, Side, Stamped, StateEvent, Ticks, TimeInForce,
    Timestamp, Why,
};

/// How many slots ahead orders are for.
pub(crate) const SLOTS: u32 = 24;
/// The place in [`CLASSES`] of the one class whose contracts open by an auction, have bands and are halted now and then.
/// Its horizon is so near that contracts come in all the time.
pub(crate) const CALLED: usize = 3;
/// Model, region, currency, fair price in ticks, tick in millionths.
pub(crate) const CLASSES: [(&str, &str, &str, Ticks, i64); 6] = [
    ("H100SXM", "USE", "USD", 21_400, 100),
    ("H100SXM", "EUN", "EUR", 20_100, 100),
    ("A100SXM", "USE", "USD", 11_800, 100),
    ("RTX4090", "USW", "USD", 3_650, 100),
    ("ASC910B", "CNNX", "CNY", 880, 10_000),
    ("MI300X", "EUN", "EUR", 17_200, 100),
];

const OPERATOR: KeyNo = KeyNo(1);
const PROVIDER: KeyNo = KeyNo(2);
const BROKER: KeyNo = KeyNo(3);

/// The engine with its players.
pub(crate) struct PlayMarket {
    engine: Engine,
    chance: StdRng,
    /// The next client number of each key, by its number and lane.
    numbers: [[u64; 2]; 4],
    fair: [Ticks; CLASSES.len()],
    /// Orders sent so far: whose, and by which number.
    sent: Vec<(KeyNo, u64)>,
    output: Output,
}

impl PlayMarket {
    /// A market with its classes listed and its players provided for, but without an order. `reader` may read
    /// market data.
    pub(crate) fn new(seed: u64, start: Timestamp, reader: PublicKey) -> PlayMarket {
        let mut market = PlayMarket {
            engine: Engine::new(),
            chance: StdRng::seed_from_u64(seed),
            numbers: [[0; 2]; 4],
            fair: CLASSES.map(|class| class.3),
            sent: Vec::new(),
            output: Output::default(),
        };
        market.set_up(start, reader);
        market.output.clear();
        market
    }

    /// Sends so many orders and cancels at `time`, and gives all that came of them.
    pub(crate) fn play(&mut self, commands: usize, time: Timestamp) -> Output {
        for _ in 0..commands {
            let drifting = self.chance.random_range(0..CLASSES.len());
            self.fair[drifting] = (self.fair[drifting] + self.chance.random_range(-2..=2)).max(100);
            if self.chance.random_bool(0.03) {
                self.halt_or_resume(time);
            }
            match self.chance.random_range(0..10) {
                0..3 if !self.sent.is_empty() => self.cancel_one(time),
                _ => self.order_one(time),
            }
        }
        self.let_time_pass(time);
        std::mem::take(&mut self.output)
    }

    /// What a feed starts from.
    pub(crate) fn recovery(&self) -> Recovery {
        Recovery {
            sequence: self.last_sequence(),
            time: self.engine.last_time(),
            state: self.state(),
            reports: Vec::new(),
            commands: self.last_sequence(),
            ..Recovery::default()
        }
    }

    /// The engine's whole state.
    pub(crate) fn state(&self) -> Vec<StateEvent> {
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        state
    }

    /// The last command.
    pub(crate) fn last_sequence(&self) -> Sequence {
        self.engine.last_sequence()
    }

    /// Its stamp.
    pub(crate) fn last_time(&self) -> Timestamp {
        self.engine.last_time()
    }

    /// Takes the right to read from the reader, and gives what came of it.
    pub(crate) fn revoke_reader(&mut self) -> Output {
        self.send(OPERATOR, self.last_time(), Command::RevokeKey { key: KeyNo(4), why: Why::NONE });
        std::mem::take(&mut self.output)
    }

    /// Lists another class in a region of the others, puts a bid into it, and gives what came of both.
    pub(crate) fn list_one_more(&mut self) -> Output {
        let time = self.last_time();
        let model = "B200".parse().expect("a code in its form");
        self.send(
            OPERATOR,
            time,
            Command::DefineClass {
                spec: Box::new(ClassSpec { model, ..ClassSpec::example() }),
                why: Why::NONE,
            },
        );
        let contract = contract(CLASSES.len(), time.hour().plus(2));
        self.send(BROKER, time, Command::NewOrder(NewOrder::limit(contract, Side::Buy, 5, 9)));
        std::mem::take(&mut self.output)
    }

    fn set_up(&mut self, start: Timestamp, reader: PublicKey) {
        self.apply(None, start, Command::Genesis { operator: PublicKey([1; 32]), seed: 0 });
        for (model, region, currency, _, tick) in CLASSES {
            let code = |text: &str| text.parse().expect("a code in its form");
            let (model, region, currency) = (code(model), code(region), code(currency));
            let spec = ClassSpec { model, region, currency, tick, ..ClassSpec::example() };
            let spec = if model.as_str() == CLASSES[CALLED].0 { called(spec) } else { spec };
            self.send(OPERATOR, start, Command::DefineClass { spec: Box::new(spec), why: Why::NONE });
        }
        for (number, (name, role)) in
            (2..).zip([("provider", Role::Provider), ("broker", Role::Broker), ("reader", Role::Analyst)])
        {
            let name = name.parse().expect("a name in its form");
            self.send(OPERATOR, start, Command::OpenAccount { name, role, why: Why::NONE });
            let account = AccountId(number);
            let public = if role == Role::Analyst { reader } else { PublicKey([0xa0 + role as u8; 32]) };
            let (rights, expires) = (role.rights(), Timestamp::MAX);
            debug_assert!(rights.include(Rights::READ));
            self.send(
                OPERATOR,
                start,
                Command::RegisterKey { account, public, rights, expires, why: Why::NONE },
            );
        }
        for currency in ["USD", "EUR", "CNY"] {
            let currency = currency.parse().expect("a code in its form");
            let (account, amount) = (AccountId(3), 1_000_000_000_000_000);
            self.send(
                OPERATOR,
                start,
                Command::DepositCash { account, currency, amount, external: 1, why: Why::NONE },
            );
        }
        for class in 0..CLASSES.len() {
            for slot in 0..SLOTS {
                let contract = contract(class, start.hour().plus(1 + slot));
                let deposit = Command::DepositCapacity { contract, units: 1_000_000, external: 1 };
                self.send(PROVIDER, start, deposit);
            }
        }
    }

    /// A limit order near the fair price; now and then one that crosses, an iceberg, a stop, or a block.
    fn order_one(&mut self, time: Timestamp) {
        let class =
            self.chance.random_range(0..CLASSES.len()).min(self.chance.random_range(0..CLASSES.len()));
        let slot = self.chance.random_range(0..SLOTS).min(self.chance.random_range(0..SLOTS));
        let (key, side) =
            if self.chance.random_bool(0.5) { (PROVIDER, Side::Sell) } else { (BROKER, Side::Buy) };
        let fair = self.fair[class] - Ticks::from(slot) * self.fair[class] / 400;
        // In a call only what may rest is let in, and only what crosses trades.
        let crosses = self.chance.random_bool(if class == CALLED { 0.4 } else { 0.12 });
        let away = self.chance.random_range(1..=fair / 60) * if crosses { -1 } else { 1 };
        let price = if side == Side::Sell { fair + away } else { fair - away };
        let contract = contract(class, time.hour().plus(1 + slot));
        let units = [1, 2, 4, 8, 8, 16, 24, 32, 64][self.chance.random_range(0..9)];
        let mut order = NewOrder::limit(contract, side, units, price.max(1));
        if crosses && class != CALLED {
            order.time_in_force = TimeInForce::Ioc;
        } else if self.chance.random_bool(0.2) {
            order.shown = units.div_ceil(4);
        }
        if self.chance.random_bool(0.05) {
            order.trigger = Some(fair);
        }
        if self.chance.random_bool(0.06) {
            let slots = u16::try_from(self.chance.random_range(2..=6)).expect("a few slots");
            let min_units = [0, 1, units][self.chance.random_range(0..3)];
            let time_in_force = order.time_in_force;
            order = NewOrder {
                min_units,
                time_in_force,
                ..NewOrder::block(contract, slots, side, units, price.max(1))
            };
        }
        self.sent.push((key, self.numbers[usize_of(key)][0] + 1));
        self.send(key, time, Command::NewOrder(order));
    }

    /// Halts a contract or the whole class, or ends such a halt; some of that is refused.
    fn halt_or_resume(&mut self, time: Timestamp) {
        let contract = contract(CALLED, time.hour().plus(1 + self.chance.random_range(0..SLOTS / 4)));
        let scope = if self.chance.random_bool(0.8) {
            Scope::Contract(contract)
        } else {
            Scope::Class(contract.class())
        };
        let command = match self.chance.random_bool(0.4) {
            true => Command::Halt { scope, why: Why::NONE },
            false => Command::Resume { scope, why: Why::NONE },
        };
        self.send(OPERATOR, time, command);
    }

    fn cancel_one(&mut self, time: Timestamp) {
        let index = self.chance.random_range(0..self.sent.len());
        let (key, number) = self.sent.swap_remove(index);
        self.send(key, time, Command::Cancel(OrderRef::Number(number)));
    }

    fn send(&mut self, key: KeyNo, time: Timestamp, command: Command) {
        let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
        let number = &mut self.numbers[usize_of(key)][usize::from(lane == Lane::Cancels)];
        *number += 1;
        let sender = Sender { key, lane, number: *number };
        self.let_time_pass(time);
        self.apply(Some(sender), time, command);
    }

    /// What the sequencer does of its own.
    fn let_time_pass(&mut self, time: Timestamp) {
        loop {
            let due = self.engine.next_deadline().is_some_and(|deadline| deadline <= time);
            let command = match (self.engine.has_pending(), due) {
                (true, _) => Command::Continue,
                (false, true) => Command::Clock,
                (false, false) => return,
            };
            self.apply(None, time, command);
        }
    }

    fn apply(&mut self, sender: Option<Sender>, time: Timestamp, command: Command) {
        let stamped = Stamped { sequence: self.last_sequence() + 1, time, sender, command };
        self.engine.apply(&stamped, &mut self.output);
    }
}

/// The terms of a class with auctions and bands.
fn called(spec: ClassSpec) -> ClassSpec {
    ClassSpec {
        horizon_hours: 24,
        preopen_minutes: 5,
        opening_minutes: 10,
        auction_seconds: 60,
        random_seconds: 10,
        static_band_ppm: 300_000,
        dynamic_band_ppm: 8_000,
        ..spec
    }
}

/// The contract of a class by its place in [`CLASSES`].
pub(crate) fn contract(class: usize, start: Hour) -> ContractId {
    ContractId::new(ClassNo(u16::try_from(class).expect("there are six classes")), start)
}

/// A whole hour to start at.
pub(crate) fn hour(hours: u64) -> Timestamp {
    Timestamp(hours * HOUR_NANOS)
}

fn usize_of(key: KeyNo) -> usize {
    usize::try_from(key.0).expect("there are four keys")
}
