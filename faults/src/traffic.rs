//! What users ask: the operator sets the market up, traders trade in it.

use rand::RngExt;
use rand::rngs::StdRng;
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, HOUR_NANOS, KeyNo, Limits, MassCancel, Money,
    NewOrder, OrderKind, OrderRef, PublicKey, Role, Scope, SelfTrade, Side, TimeInForce, Timestamp, Why,
};

/// The operator's key.
pub(crate) const OPERATOR: KeyNo = KeyNo(1);
/// The traders' keys and whose they are: the first two speak for one account.
pub(crate) const TRADERS: [(KeyNo, AccountId); 4] =
    [(KeyNo(2), AccountId(2)), (KeyNo(3), AccountId(2)), (KeyNo(4), AccountId(3)), (KeyNo(5), AccountId(4))];
/// A key that nobody uses, to be revoked.
pub(crate) const SPARE: KeyNo = KeyNo(6);

/// The public half of a key of this world.
pub(crate) fn public(key: KeyNo) -> PublicKey {
    PublicKey([u8::try_from(key.0).expect("a world has few keys"); 32])
}

/// The one class: after a halt or a jump of the price its contracts reopen by an auction.
fn class() -> ClassSpec {
    ClassSpec { auction_seconds: 20, random_seconds: 5, dynamic_band_ppm: 60_000, ..ClassSpec::example() }
}

/// What the operator does first.
pub(crate) fn set_up() -> Vec<Command> {
    let mut commands = vec![Command::DefineClass { spec: Box::new(class()), why: Why::NONE }];
    for number in 2..=4 {
        let name = format!("trader-{number}").parse().expect("a name in its form");
        commands.push(Command::OpenAccount { name, role: Role::Provider, why: Why::NONE });
        let (account, currency) = (AccountId(number), ClassSpec::example().currency);
        let (amount, external, why) = (50_000_000, 1, Why::NONE);
        commands.push(Command::DepositCash { account, currency, amount, external, why });
    }
    let (rights, expires) = (Role::Provider.rights(), Timestamp::MAX);
    let keys = TRADERS.into_iter().chain([(SPARE, AccountId(2))]);
    commands.extend(keys.map(|(key, account)| Command::RegisterKey {
        account,
        public: public(key),
        rights,
        expires,
        why: Why::NONE,
    }));
    commands
}

/// What the operator does later.
pub(crate) fn desk_work(random: &mut StdRng, now: Timestamp) -> Command {
    match random.random_range(0..12) {
        0 => Command::RevokeKey { key: SPARE, why: Why::NONE },
        1 => Command::DefineClass { spec: Box::new(class()), why: Why::NONE },
        2 => Command::SetLimits { account: trader(random), limits: limits(random), why: Why::NONE },
        // What was stopped or halted is soon let go on, or nothing would happen any more.
        3 => {
            Command::SetKillSwitch { account: trader(random), on: random.random_ratio(1, 3), why: Why::NONE }
        }
        4 if random.random_ratio(1, 3) => Command::Halt { scope: scope(random, now), why: Why::NONE },
        4 => Command::Resume { scope: scope(random, now), why: Why::NONE },
        _ => Command::DepositCash {
            account: AccountId(random.random_range(2..=5)),
            currency: ClassSpec::example().currency,
            amount: random.random_range(0..1_000_000),
            external: random.random_range(2..12),
            why: Why::NONE,
        },
    }
}

fn trader(random: &mut StdRng) -> AccountId {
    AccountId(random.random_range(2..=5))
}

/// Limits that are felt now and then.
fn limits(random: &mut StdRng) -> Limits {
    let order_value = if random.random() { Money::MAX } else { random.random_range(0..500_000) };
    Limits { open_orders: random.random_range(0..60), open_blocks: random.random_range(0..8), order_value }
}

/// What a trader asks whose last number on the orders lane is `last`.
pub(crate) fn trade(random: &mut StdRng, now: Timestamp, last: u64) -> Command {
    match random.random_range(0..20) {
        0..=1 => Command::DepositCapacity {
            contract: contract(random, now),
            units: random.random_range(1..40),
            external: random.random_range(1..20),
        },
        2 if random.random() => Command::CancelOnDisconnect { grace: random.random_range(0..4) },
        2 => Command::MassCancel(mass_cancel(random, now)),
        3..=6 => Command::Cancel(earlier(random, last)),
        7..=8 => Command::Replace {
            order: earlier(random, last),
            price: random.random_range(95..105),
            units: random.random_range(0..20),
        },
        9..=11 => Command::NewOrder(block(random, now)),
        _ => Command::NewOrder(new_order(random, now)),
    }
}

/// A block of any kind, now and then of terms that do not go together.
fn block(random: &mut StdRng, now: Timestamp) -> NewOrder {
    let side = if random.random() { Side::Buy } else { Side::Sell };
    let (units, price) = (random.random_range(0..8), random.random_range(95..105));
    let slots = random.random_range(1..4);
    let mut order = NewOrder::block(contract(random, now), slots, side, units, price);
    order.time_in_force = match random.random_range(0..8) {
        0 => TimeInForce::Ioc,
        1 => TimeInForce::Fok,
        2 => TimeInForce::Gtd(Timestamp(now.0 + random.random_range(0..2 * HOUR_NANOS))),
        _ => TimeInForce::Gtc,
    };
    order.self_trade = match random.random_range(0..3) {
        0 => SelfTrade::CancelIncoming,
        1 => SelfTrade::CancelResting,
        _ => SelfTrade::CancelBoth,
    };
    order.min_units = random.random_range(0..=units);
    order.same_provider = random.random_ratio(1, 8);
    order
}

/// An order of any kind, now and then of terms that do not go together.
fn new_order(random: &mut StdRng, now: Timestamp) -> NewOrder {
    let side = if random.random() { Side::Buy } else { Side::Sell };
    let (units, price) = (random.random_range(0..20), random.random_range(95..105));
    let mut order = NewOrder::limit(contract(random, now), side, units, price);
    order.time_in_force = match random.random_range(0..10) {
        0 => TimeInForce::Ioc,
        1 => TimeInForce::Fok,
        2 | 3 => TimeInForce::Gtd(Timestamp(now.0 + random.random_range(0..2 * HOUR_NANOS))),
        _ => TimeInForce::Gtc,
    };
    order.self_trade = match random.random_range(0..4) {
        0 => SelfTrade::CancelIncoming,
        1 => SelfTrade::CancelResting,
        2 => SelfTrade::CancelBoth,
        _ => SelfTrade::Decrement,
    };
    match random.random_range(0..12) {
        0 => order.kind = OrderKind::Market,
        1 => order.post_only = true,
        2 => order.min_units = random.random_range(0..=units),
        3 | 4 => order.shown = random.random_range(0..=units),
        5 | 6 => order.trigger = Some(random.random_range(95..105)),
        _ => {}
    }
    order
}

fn mass_cancel(random: &mut StdRng, now: Timestamp) -> MassCancel {
    MassCancel {
        scope: scope(random, now),
        side: [None, Some(Side::Buy), Some(Side::Sell)][random.random_range(0..3)],
    }
}

fn scope(random: &mut StdRng, now: Timestamp) -> Scope {
    match random.random_range(0..3) {
        0 => Scope::All,
        1 => Scope::Class(ClassNo(0)),
        _ => Scope::Contract(contract(random, now)),
    }
}

/// Few contracts, so that orders meet; the first one's gate is closed or about to.
fn contract(random: &mut StdRng, now: Timestamp) -> ContractId {
    ContractId::new(ClassNo(0), now.hour().plus(random.random_range(0..4)))
}

/// One of the last numbers the key used on the orders lane.
fn earlier(random: &mut StdRng, last: u64) -> OrderRef {
    OrderRef::Number(last.saturating_sub(random.random_range(0..12)))
}
