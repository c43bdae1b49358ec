//! Random commands of a small market, the same for the same seed.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sequencer::Inbound;
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, HOUR_NANOS, KeyNo, Lane, Limits, MassCancel,
    NewOrder, OrderKind, OrderRef, PublicKey, Role, Scope, SelfTrade, Sender, Side, TimeInForce, Timestamp,
    Why,
};

/// Accounts 2 to 5 with the keys 2 to 5; account 1 and key 1 are the operator's.
const TRADERS: std::ops::RangeInclusive<u32> = 2..=5;

pub(crate) struct Traffic {
    random: StdRng,
    /// The last number each key used, by lane.
    numbers: [[u64; 2]; 6],
}

/// A seed from outside, or a new one; printed, so that a failure can be had again.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("CUEX_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| rand::make_rng::<StdRng>().random());
    println!("CUEX_TEST_SEED={seed}");
    seed
}

impl Traffic {
    pub(crate) fn new(seed: u64) -> Traffic {
        Traffic { random: StdRng::seed_from_u64(seed), numbers: [[0; 2]; 6] }
    }

    /// What the operator does first: one class, four accounts with a key and cash each.
    pub(crate) fn set_up(&mut self) -> Vec<Inbound> {
        let spec = ClassSpec {
            auction_seconds: 300,
            random_seconds: 60,
            dynamic_band_ppm: 60_000,
            ..ClassSpec::example()
        };
        let mut commands = vec![Command::DefineClass { spec: Box::new(spec), why: Why::NONE }];
        for number in TRADERS {
            let account = AccountId(number);
            let name = format!("trader-{number}").parse().unwrap();
            let public = PublicKey([u8::try_from(number).unwrap(); 32]);
            let (rights, expires) = (Role::Provider.rights(), Timestamp::MAX);
            let currency = ClassSpec::example().currency;
            commands.push(Command::OpenAccount { name, role: Role::Provider, why: Why::NONE });
            commands.push(Command::RegisterKey { account, public, rights, expires, why: Why::NONE });
            let amount = 1_000_000_000;
            commands.push(Command::DepositCash { account, currency, amount, external: 1, why: Why::NONE });
        }
        commands.into_iter().map(|command| self.from(1, Lane::Orders, command)).collect()
    }

    /// A chunk of 1 to 40 commands for one lane, about contracts of the hours around `now`.
    pub(crate) fn chunk(&mut self, now: Timestamp) -> (Lane, Vec<Inbound>) {
        let lane = if self.random.random_bool(0.3) { Lane::Cancels } else { Lane::Orders };
        let commands = self.random.random_range(1..=40);
        (lane, (0..commands).map(|_| self.command(lane, now)).collect())
    }

    /// So many bids of key 2 that rest, each for one unit at one tick.
    pub(crate) fn resting_bids(&mut self, contract: ContractId, count: u64) -> Vec<Inbound> {
        let bid = NewOrder::limit(contract, Side::Buy, 1, 1);
        (0..count).map(|_| self.from(2, Lane::Orders, Command::NewOrder(bid))).collect()
    }

    /// How far the clock moves before the next chunk, in nanoseconds; back now and then.
    pub(crate) fn clock_step(&mut self) -> i64 {
        const SECOND: i64 = 1_000_000_000;
        self.random.random_range(-60 * SECOND..600 * SECOND)
    }

    fn command(&mut self, lane: Lane, now: Timestamp) -> Inbound {
        let key = self.random.random_range(TRADERS);
        let command = match lane {
            Lane::Cancels if self.random.random_bool(0.1) => Command::MassCancel(self.mass_cancel(now)),
            Lane::Cancels => Command::Cancel(self.order_of(key)),
            Lane::Orders => match self.random.random_range(0..20) {
                0 => Command::DepositCapacity {
                    contract: self.contract(now),
                    units: self.random.random_range(1..100),
                    external: self.random.random_range(1..50),
                },
                1 => Command::MassCancel(self.mass_cancel(now)),
                4 if self.random.random_bool(0.3) => {
                    let command = self.desk_work(now);
                    return self.from(1, lane, command);
                }
                5 | 6 => Command::NewOrder(self.block(now)),
                2 | 3 => Command::Replace {
                    order: self.order_of(key),
                    price: self.random.random_range(95..105),
                    units: self.random.random_range(1..20),
                },
                _ => Command::NewOrder(self.new_order(now)),
            },
        };
        self.from(key, lane, command)
    }

    /// An order of any kind, now and then of terms that do not go together.
    fn new_order(&mut self, now: Timestamp) -> NewOrder {
        let (contract, side) =
            (self.contract(now), if self.random.random() { Side::Buy } else { Side::Sell });
        let (units, price) = (self.random.random_range(1..20), self.random.random_range(95..105));
        let mut order = NewOrder::limit(contract, side, units, price);
        order.time_in_force = match self.random.random_range(0..10) {
            0 => TimeInForce::Ioc,
            1 => TimeInForce::Fok,
            2 | 3 => TimeInForce::Gtd(Timestamp(now.0 + self.random.random_range(0..2 * HOUR_NANOS))),
            _ => TimeInForce::Gtc,
        };
        order.self_trade = match self.random.random_range(0..4) {
            0 => SelfTrade::CancelIncoming,
            1 => SelfTrade::CancelResting,
            2 => SelfTrade::CancelBoth,
            _ => SelfTrade::Decrement,
        };
        match self.random.random_range(0..12) {
            0 => order.kind = OrderKind::Market,
            1 => order.post_only = true,
            2 => order.min_units = self.random.random_range(1..=units),
            3 | 4 => order.shown = self.random.random_range(1..=units),
            5 | 6 => order.trigger = Some(self.random.random_range(95..105)),
            _ => {}
        }
        order
    }

    /// A block, now and then of terms that do not go together.
    fn block(&mut self, now: Timestamp) -> NewOrder {
        let side = if self.random.random() { Side::Buy } else { Side::Sell };
        let (units, price) = (self.random.random_range(1..9), self.random.random_range(95..105));
        let slots = self.random.random_range(1..4);
        let min_units = self.random.random_range(0..=units);
        let same_provider = self.random.random_bool(0.1);
        let plain = NewOrder::block(self.contract(now), slots, side, units, price);
        NewOrder { min_units, same_provider, self_trade: SelfTrade::CancelResting, ..plain }
    }

    /// What the operator does to the market. What is stopped or halted is soon let go on.
    fn desk_work(&mut self, now: Timestamp) -> Command {
        let (account, why) = (AccountId(self.random.random_range(TRADERS)), Why::NONE);
        let is_stopped = self.random.random_bool(0.3);
        match self.random.random_range(0..3) {
            0 => {
                let limits = Limits { open_blocks: self.random.random_range(0..40), ..Limits::DEFAULT };
                Command::SetLimits { account, limits, why }
            }
            1 => Command::SetKillSwitch { account, on: is_stopped, why },
            _ if is_stopped => Command::Halt { scope: self.scope(now), why },
            _ => Command::Resume { scope: self.scope(now), why },
        }
    }

    fn scope(&mut self, now: Timestamp) -> Scope {
        match self.random.random_range(0..3) {
            0 => Scope::All,
            1 => Scope::Class(ClassNo(0)),
            _ => Scope::Contract(self.contract(now)),
        }
    }

    fn mass_cancel(&mut self, now: Timestamp) -> MassCancel {
        let scope = self.scope(now);
        let side = [None, Some(Side::Buy), Some(Side::Sell)][self.random.random_range(0..3)];
        MassCancel { scope, side }
    }

    fn contract(&mut self, now: Timestamp) -> ContractId {
        ContractId::new(ClassNo(0), now.hour().plus(self.random.random_range(0..6)))
    }

    /// One of the last 20 numbers the key used on the orders lane.
    fn order_of(&mut self, key: u32) -> OrderRef {
        let last = self.numbers[key as usize][0];
        OrderRef::Number(last.saturating_sub(self.random.random_range(0..20)))
    }

    fn from(&mut self, key: u32, lane: Lane, command: Command) -> Inbound {
        let number = &mut self.numbers[key as usize][lane as usize];
        *number += 1;
        Inbound::sent(Sender { key: KeyNo(key), lane, number: *number }, command)
    }
}
