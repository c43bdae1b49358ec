//! A closing hour: very many orders rest in contracts whose gates come at one moment, while others trade on.

use crate::clock::{each, nanos_of};
use crate::exchange::refusals;
use engine::Engine;
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, Hour, KeyNo, Lane, NewOrder, OrderRef, Output,
    PublicKey, Role, Sender, Side, Stamped, TimeInForce, Timestamp, UNITS_MAX, Why,
};

const ACCOUNTS: u32 = 200;
const CLASSES: u16 = 100;
/// Whose gate comes, and who trades on.
const CLOSING: Hour = Hour(24);
const LIVE: Hour = Hour(48);
/// Bids lie below this price, asks from it on.
const MIDDLE: i64 = 2_000;
/// So many live commands are sent between two of the sequencer's.
const BATCH: usize = 256;

/// What a closing hour cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Nanoseconds for a live command before the gates.
    pub before: f64,
    /// The same while orders of closed contracts end.
    pub during: f64,
    /// Nanoseconds for a command of the sequencer that ends them.
    pub continued: f64,
    /// How many of these it took.
    pub commands: usize,
    /// The most orders that one of them ended.
    pub ended: usize,
}

/// Closes contracts in which so many orders rest.
///
/// # Panics
/// If a command is refused, or an order is left at the end.
#[must_use]
pub fn close(orders: u32) -> Cost {
    let mut desk = Desk::new(orders);
    let live: Vec<Vec<Command>> = (0..).map(batch).take(2 * orders as usize / BATCH + 200).collect();
    let (before, during) = live.split_at(100);
    let mut nanos = 0;
    for commands in before {
        nanos += desk.live(commands);
    }
    let mut cost = Cost {
        before: each(nanos, before.len() * BATCH),
        during: 0.0,
        continued: 0.0,
        commands: 0,
        ended: 0,
    };
    desk.time = CLOSING.starts();
    let (mut nanos, mut continued, mut batches) = (0, 0, during.iter());
    let mut next = Command::Clock;
    while next == Command::Clock || desk.engine.has_pending() {
        let stamped = desk.stamp(None, next);
        desk.out.clear();
        continued += nanos_of(|| desk.engine.apply(&stamped, &mut desk.out));
        (cost.commands, cost.ended) = (cost.commands + 1, cost.ended.max(desk.out.reports.len()));
        nanos += desk.live(batches.next().expect("a batch for each command that ends orders"));
        next = Command::Continue;
    }
    cost.during = each(nanos, cost.commands * BATCH);
    cost.continued = each(continued, cost.commands);
    assert_eq!(desk.engine.open_orders(), desk.resting_live, "only live orders are left");
    cost
}

/// Says one command after the other.
struct Desk {
    engine: Engine,
    out: Output,
    sequence: u64,
    time: Timestamp,
    coming: Vec<Stamped>,
    /// How many live orders always rest.
    resting_live: usize,
}

impl Desk {
    fn new(orders: u32) -> Desk {
        let (engine, time) = (Engine::with_room(2 * orders as usize), Timestamp(1));
        let (out, coming) = (Output::default(), Vec::new());
        let mut desk = Desk { engine, out, sequence: 0, time, coming, resting_live: 0 };
        desk.set_up();
        let mut mix = 1_u32;
        for number in 0..orders + 1_000 {
            mix = mix.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let class = u16::try_from(mix / 16 % u32::from(CLASSES)).expect("below 100");
            let start = if number < orders { CLOSING } else { LIVE };
            let depth = i64::from(mix / 64 % 1_000);
            let (side, price) = match mix / 32 % 2 {
                0 => (Side::Buy, MIDDLE - 1 - depth),
                _ => (Side::Sell, MIDDLE + depth),
            };
            let contract = ContractId::new(ClassNo(class), start);
            let order = NewOrder::limit(contract, side, 1 + mix / 128 % 20, price);
            desk.say(2 + mix / 7 % ACCOUNTS, Command::NewOrder(order));
        }
        desk.resting_live = desk.engine.open_orders() - orders as usize;
        desk
    }

    fn set_up(&mut self) {
        let spec = ClassSpec { horizon_hours: 72, ..ClassSpec::example() };
        self.say(0, Command::Genesis { operator: PublicKey([0; 32]), seed: 1 });
        for number in 0..CLASSES {
            let model = format!("M{number}").parse().expect("a code in its form");
            let spec = Box::new(ClassSpec { model, ..spec });
            self.say(1, Command::DefineClass { spec, why: Why::NONE });
        }
        for number in 2..ACCOUNTS + 2 {
            let name = format!("a{number}").parse().expect("a name in its form");
            let mut public = [1; 32];
            public[..4].copy_from_slice(&number.to_le_bytes());
            let (account, rights) = (AccountId(number), Role::Provider.rights());
            let (public, expires, currency) = (PublicKey(public), Timestamp::MAX, spec.currency);
            self.say(1, Command::OpenAccount { name, role: Role::Provider, why: Why::NONE });
            self.say(1, Command::RegisterKey { account, public, rights, expires, why: Why::NONE });
            self.say(
                1,
                Command::DepositCash { account, currency, amount: 1 << 50, external: 1, why: Why::NONE },
            );
        }
        for (class, start) in (0..CLASSES).flat_map(|class| [CLOSING, LIVE].map(|start| (class, start))) {
            for key in 2..ACCOUNTS + 2 {
                let contract = ContractId::new(ClassNo(class), start);
                self.say(key, Command::DepositCapacity { contract, units: UNITS_MAX, external: 1 });
            }
        }
    }

    fn stamp(&mut self, key: Option<u32>, command: Command) -> Stamped {
        self.sequence += 1;
        let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
        // Numbers that rise with the sequence do for all keys.
        let sender = key.map(|key| Sender { key: KeyNo(key), lane, number: self.sequence });
        Stamped { sequence: self.sequence, time: self.time, sender, command }
    }

    fn say(&mut self, key: u32, command: Command) {
        let stamped = self.stamp((key > 0).then_some(key), command);
        self.out.clear();
        self.engine.apply(&stamped, &mut self.out);
        assert_eq!(refusals(&self.out), 0, "{stamped:?}");
    }

    /// How long a batch of live commands takes. All are one key's.
    fn live(&mut self, commands: &[Command]) -> i64 {
        let mut coming = std::mem::take(&mut self.coming);
        coming.clear();
        for command in commands {
            let named = match command {
                // It ends the order that was sent just before.
                Command::Cancel(_) => Command::Cancel(OrderRef::Number(self.sequence)),
                other => other.clone(),
            };
            coming.push(self.stamp(Some(2), named));
        }
        self.out.clear();
        let nanos = nanos_of(|| self.engine.apply_all(&coming, &mut self.out));
        assert_eq!(refusals(&self.out), 0, "live commands are all taken");
        self.coming = coming;
        nanos
    }
}

/// Live commands: bids and asks that rest and are cancelled at once.
fn batch(number: u16) -> Vec<Command> {
    let mut commands = Vec::with_capacity(BATCH);
    for at in 0..BATCH / 2 {
        let class = ClassNo((number.wrapping_mul(31).wrapping_add(u16::try_from(at).unwrap_or(0))) % CLASSES);
        let contract = ContractId::new(class, LIVE);
        let side = if at % 2 == 0 { Side::Buy } else { Side::Sell };
        let price = if side == Side::Buy { MIDDLE - 1_100 } else { MIDDLE + 1_100 };
        let order = NewOrder { time_in_force: TimeInForce::Gtc, ..NewOrder::limit(contract, side, 3, price) };
        commands.push(Command::NewOrder(order));
        commands.push(Command::Cancel(OrderRef::Number(0)));
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closing_ends_all_orders_a_bounded_number_at_a_time() {
        let cost = close(5_000);
        assert!(cost.ended <= 256 && cost.commands >= 20, "{cost:?}");
    }
}
