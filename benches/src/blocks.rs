//! Blocks at rest over one class, and a flow of single orders in its slots.

use engine::Engine;
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, Hour, KeyNo, Lane, NewOrder, OrderRef, Output,
    PublicKey, Role, Sender, Side, Stamped, Ticks, TimeInForce, Timestamp, Units, Why,
};

/// The slots that are traded: all within the horizon but the one whose gate closes as the flow begins.
const SLOTS: u32 = 335;
/// Accounts that send singles. As many again rest blocks, since one may have so many at most.
const ACCOUNTS: u32 = 40;
/// What accelerators cost an hour on average, in ticks.
const MIDDLE: Ticks = 20_000;

/// What rests before the flow begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// No blocks.
    Nothing,
    /// Blocks of both sides over 2 to 24 slots, with limits from just not good enough to far away.
    Blocks,
    /// The same with all limits within a few ticks of what singles cost.
    Near,
    /// Blocks of the same windows whose guard always holds, and that want more units than are ever offered.
    Hopeless,
}

/// An exchange with singles and blocks at rest, and the commands that follow, yet to be stamped.
#[derive(Debug)]
pub struct BlockMarket {
    /// The exchange.
    pub engine: Engine,
    stamper: Stamper,
    follow: Vec<(KeyNo, Command)>,
}

#[derive(Clone, Debug)]
struct Stamper {
    sequence: u64,
    /// The last number of each key, on the orders lane and on the cancels lane.
    numbers: Vec<[u64; 2]>,
}

/// A plain generator of numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn small(&mut self, most: u32) -> u32 {
        u32::try_from(self.below(u64::from(most))).expect("below a u32")
    }

    fn pick(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from).unsigned_abs()).cast_signed()
    }
}

impl Stamper {
    fn stamp(&mut self, key: KeyNo, command: Command) -> Stamped {
        self.sequence += 1;
        let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
        let number = &mut self.numbers[key.0 as usize][lane as usize];
        *number += 1;
        let is_own = matches!(command, Command::Genesis { .. } | Command::Continue);
        let sender = (!is_own).then_some(Sender { key, lane, number: *number });
        Stamped { sequence: self.sequence, time: Timestamp(1), sender, command }
    }
}

impl BlockMarket {
    /// A market with so many blocks that wait, and so many commands that follow: the same singles whatever waits.
    ///
    /// # Panics
    /// If the exchange refuses what it should take.
    #[must_use]
    pub fn new(waiting: Waiting, blocks: u32, commands: u32) -> BlockMarket {
        let keys = 2 * ACCOUNTS as usize + 2;
        let stamper = Stamper { sequence: 0, numbers: vec![[0; 2]; keys] };
        let mut market = BlockMarket { engine: Engine::new(), stamper, follow: Vec::new() };
        let mut out = Output::default();
        for (key, command) in setup() {
            market.apply(key, command, &mut out);
        }
        let mut dice = Dice(7);
        for _ in 0..30 * SLOTS * 2 {
            let order = passive(&mut dice, &[0; SLOTS as usize]);
            market.apply(single_key(&mut dice), Command::NewOrder(order), &mut out);
        }
        let refused = crate::exchange::refusals(&out);
        assert_eq!(refused, 0, "everybody and everything is let in");
        let mut lots = Dice(11);
        for at in 0..blocks {
            let block = match waiting {
                Waiting::Nothing => break,
                Waiting::Blocks => block(&mut lots, 400),
                Waiting::Near => block(&mut lots, 20),
                Waiting::Hopeless => NewOrder {
                    side: Side::Buy,
                    price: 2 * MIDDLE,
                    units: 60_000,
                    min_units: 0,
                    ..block(&mut lots, 400)
                },
            };
            out.clear();
            market.apply(KeyNo(2 + ACCOUNTS + at % ACCOUNTS), Command::NewOrder(block), &mut out);
            assert_eq!(crate::exchange::refusals(&out), 0, "every block is let in");
        }
        market.follow = flow(&mut dice, commands, &market.stamper.numbers);
        market
    }

    fn apply(&mut self, key: KeyNo, command: Command, out: &mut Output) {
        let stamped = self.stamper.stamp(key, command);
        self.engine.apply(&stamped, out);
        while self.engine.has_pending() {
            let stamped = self.stamper.stamp(KeyNo(0), Command::Continue);
            self.engine.apply(&stamped, out);
        }
    }

    /// The commands that follow, stamped.
    #[must_use]
    pub fn stamped(&self) -> Vec<Stamped> {
        let mut stamper = self.stamper.clone();
        self.follow.iter().map(|(key, command)| stamper.stamp(*key, command.clone())).collect()
    }
}

/// One class of hourly slots two weeks ahead; everybody has more than they need.
fn setup() -> Vec<(KeyNo, Command)> {
    let spec = ClassSpec::example();
    let mut desk = vec![
        (KeyNo(0), Command::Genesis { operator: PublicKey([0; 32]), seed: 0 }),
        (KeyNo(1), Command::DefineClass { spec: Box::new(spec), why: Why::NONE }),
    ];
    for number in 2..2 * ACCOUNTS + 2 {
        let (account, role) = (AccountId(number), Role::Provider);
        let mut public = [1; 32];
        public[..4].copy_from_slice(&number.to_le_bytes());
        let (public, rights, expires) = (PublicKey(public), role.rights(), Timestamp::MAX);
        let (currency, amount) = (spec.currency, 100_000_000_000_000_000);
        let name = format!("a{number}").parse().expect("a name in its form");
        desk.push((KeyNo(1), Command::OpenAccount { name, role, why: Why::NONE }));
        desk.push((KeyNo(1), Command::RegisterKey { account, public, rights, expires, why: Why::NONE }));
        desk.push((
            KeyNo(1),
            Command::DepositCash { account, currency, amount, external: 1, why: Why::NONE },
        ));
    }
    for key in 2..2 * ACCOUNTS + 2 {
        for slot in 0..SLOTS {
            let deposit =
                Command::DepositCapacity { contract: contract(slot), units: 1_000_000, external: 1 };
            desk.push((KeyNo(key), deposit));
        }
    }
    desk
}

fn contract(slot: u32) -> ContractId {
    ContractId::new(ClassNo(0), Hour(1 + slot))
}

/// Nights are cheaper than days.
fn middle(slot: u32) -> Ticks {
    MIDDLE + 80 * (Ticks::from(slot % 24) - 12).abs()
}

fn single_key(dice: &mut Dice) -> KeyNo {
    KeyNo(2 + dice.small(ACCOUNTS))
}

/// A single that mostly rests: the nearer to the middle, the more of them.
fn passive(dice: &mut Dice, drift: &[Ticks]) -> NewOrder {
    let slot = dice.small(SLOTS);
    let middle = middle(slot) + drift[slot as usize];
    let away = 1 + dice.pick(0, 40).min(dice.pick(0, 40));
    let (side, price) =
        if dice.below(2) == 0 { (Side::Buy, middle - away) } else { (Side::Sell, middle + away) };
    NewOrder::limit(contract(slot), side, 1 + dice.small(20), price)
}

/// A block that does not trade with what is offered at the middle, by less than so many ticks.
fn block(dice: &mut Dice, reach: Ticks) -> NewOrder {
    let slots = 2 + dice.small(23);
    let first = dice.small(SLOTS - slots + 1);
    let sum: Ticks = (first..first + slots).map(middle).sum();
    let (average, away) = (sum / Ticks::from(slots), dice.pick(2, reach));
    let (side, price) =
        if dice.below(2) == 0 { (Side::Buy, average - away) } else { (Side::Sell, average + away) };
    let units: Units = 1 + dice.small(50);
    let min_units = if dice.below(3) == 0 { 1 + dice.small(units) } else { 0 };
    let slots = u16::try_from(slots).expect("24 at most");
    NewOrder { min_units, ..NewOrder::block(contract(first), slots, side, units, price) }
}

/// Of ten commands five rest, four take one of those back, and one trades, while the middle of each slot drifts.
fn flow(dice: &mut Dice, commands: u32, numbers: &[[u64; 2]]) -> Vec<(KeyNo, Command)> {
    let mut last: Vec<u64> = numbers.iter().map(|lanes| lanes[0]).collect();
    let mut drift = [0; SLOTS as usize];
    let mut resting: Vec<(KeyNo, u64)> = Vec::new();
    let mut flow = Vec::new();
    for _ in 0..commands {
        if dice.below(10) == 0 {
            let drift = &mut drift[dice.small(SLOTS) as usize];
            *drift = (*drift + dice.pick(-4, 5)).clamp(-100, 100);
        }
        let roll = dice.below(10);
        if roll < 4 && !resting.is_empty() {
            let at = usize::try_from(dice.below(resting.len() as u64)).expect("below a length");
            let (key, number) = resting.swap_remove(at);
            flow.push((key, Command::Cancel(OrderRef::Number(number))));
            continue;
        }
        let key = single_key(dice);
        let number = &mut last[key.0 as usize];
        *number += 1;
        let mut order = passive(dice, &drift);
        if roll == 4 {
            order.price += if order.side == Side::Buy { 45 } else { -45 };
            order.time_in_force = TimeInForce::Ioc;
        } else {
            resting.push((key, *number));
        }
        flow.push((key, Command::NewOrder(order)));
    }
    flow
}
