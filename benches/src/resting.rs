//! An exchange in which very many orders rest: hundreds of contracts, accounts with cash and units of all of them,
//! and a book of two sides in each, with slots freed in between.

use crate::exchange::refusals;
use engine::Engine;
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, Hour, KeyNo, Lane, NewOrder, OrderRef, Output,
    PublicKey, Role, Sender, Side, Stamped, TimeInForce, Timestamp, UNITS_MAX, Why,
};

const ACCOUNTS: u32 = 200;
const CONTRACTS: u32 = 300;
/// Bids lie below this price, asks from it on.
const MIDDLE: u32 = 2_000;
/// One order in so many is cancelled again, shows a part of itself, or is good till a date.
const RARE: u32 = 20;

/// Says one command after the other.
struct Desk {
    engine: Engine,
    out: Output,
    sequence: u64,
}

impl Desk {
    fn say(&mut self, key: u32, command: Command) {
        self.sequence += 1;
        let is_own = matches!(command, Command::Genesis { .. });
        let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
        // Numbers that rise with the sequence do for all keys.
        let sender = (!is_own).then_some(Sender { key: KeyNo(key), lane, number: self.sequence });
        let stamped = Stamped { sequence: self.sequence, time: Timestamp(1), sender, command };
        self.out.clear();
        self.engine.apply(&stamped, &mut self.out);
        assert_eq!(refusals(&self.out), 0, "{stamped:?}");
    }
}

/// An exchange with at least so many orders at rest.
#[must_use]
pub fn resting(orders: u32) -> Engine {
    let mut desk =
        Desk { engine: Engine::with_room(2 * orders as usize), out: Output::default(), sequence: 0 };
    set_up(&mut desk);
    let mut mix = 1_u32;
    for number in 0..orders + orders / RARE + RARE {
        mix = mix.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (key, contract) = (2 + mix / 7 % ACCOUNTS, contract(mix / 16 % CONTRACTS));
        let depth = mix / 64 % (MIDDLE / 2);
        let (side, price) = match mix / 32 % 2 {
            0 => (Side::Buy, MIDDLE - 1 - depth),
            _ => (Side::Sell, MIDDLE + depth),
        };
        let plain = NewOrder::limit(contract, side, 1 + mix / 128 % 20, price.into());
        let terms = match number % RARE {
            1 => NewOrder { shown: plain.units.div_ceil(2), ..plain },
            2 => NewOrder { time_in_force: TimeInForce::Gtd(Timestamp(2 + u64::from(number))), ..plain },
            _ => plain,
        };
        desk.say(key, Command::NewOrder(terms));
        if number % RARE == 0 {
            desk.say(key, Command::Cancel(OrderRef::Number(desk.sequence)));
        }
    }
    desk.engine
}

fn set_up(desk: &mut Desk) {
    let spec = ClassSpec { horizon_hours: 336, ..ClassSpec::example() };
    desk.say(1, Command::Genesis { operator: PublicKey([0; 32]), seed: 0 });
    desk.say(1, Command::DefineClass { spec: Box::new(spec), why: Why::NONE });
    for number in 2..ACCOUNTS + 2 {
        let name = format!("a{number}").parse().expect("a name in its form");
        let mut public = [1; 32];
        public[..4].copy_from_slice(&number.to_le_bytes());
        let (account, rights) = (AccountId(number), Role::Provider.rights());
        let (public, expires, currency) = (PublicKey(public), Timestamp::MAX, spec.currency);
        desk.say(1, Command::OpenAccount { name, role: Role::Provider, why: Why::NONE });
        desk.say(1, Command::RegisterKey { account, public, rights, expires, why: Why::NONE });
        desk.say(1, Command::DepositCash { account, currency, amount: 1 << 50, external: 1, why: Why::NONE });
    }
    for slot in 0..CONTRACTS {
        for key in 2..ACCOUNTS + 2 {
            let (contract, units) = (contract(slot), UNITS_MAX);
            desk.say(key, Command::DepositCapacity { contract, units, external: 1 });
        }
    }
}

fn contract(slot: u32) -> ContractId {
    ContractId::new(ClassNo(0), Hour(24 + slot))
}
