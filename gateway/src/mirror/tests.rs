//! The mirror against the engine it mirrors: fed by what the engine puts out, it must equal the engine's state.

use super::*;
use engine::Engine;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use types::{
    ClassSpec, Command, HOUR_NANOS, Hour, Limits, MINUTE_NANOS, MassCancel, OrderKind, OrderRef, Output,
    Rights, Role, Scope, SelfTrade, Stamped, TimeInForce, Why,
};

const START: Hour = Hour(498_000);
const TRADERS: u32 = 3;
/// How many contracts of each of the two classes are traded.
const CONTRACTS: u32 = 4;

/// An engine and the mirror that follows it.
struct Pair {
    engine: Engine,
    mirror: Mirror,
    time: Timestamp,
    /// The last number of each key, by key number; one for both lanes.
    numbers: [u64; 8],
    /// What everybody was told.
    told: Vec<ReportBody>,
}

/// What a random step does.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The moment of an order good till date counts from now.
    Order {
        who: u32,
        order: NewOrder,
    },
    Cancel {
        who: u32,
        back: u64,
    },
    Replace {
        who: u32,
        back: u64,
        price: Ticks,
        units: Units,
    },
    Capacity {
        who: u32,
        contract: u32,
        units: Units,
        external: u64,
    },
    Cash {
        who: u32,
        amount: Money,
        external: u64,
    },
    Wait {
        minutes: u64,
    },
    MassCancel {
        who: u32,
        lane: Lane,
        asked: MassCancel,
    },
    Revoke {
        who: u32,
    },
    Limit {
        who: u32,
        limits: Limits,
    },
    Kill {
        who: u32,
        on: bool,
    },
    Halt {
        scope: Scope,
        on: bool,
    },
}

impl Pair {
    /// A market with two classes of two-hour slots, one of them with auctions and bands, and three traders, who have
    /// keys 2 to 4 and some cash.
    fn new() -> Pair {
        let mut pair = Pair {
            engine: Engine::new(),
            mirror: Mirror::default(),
            time: START.starts(),
            numbers: [0; 8],
            told: Vec::new(),
        };
        pair.apply(None, Command::Genesis { operator: PublicKey([1; 32]), seed: 7 });
        let spec =
            ClassSpec { slot_hours: 2, tick: 7, fee_ppm: 33_333, gate_minutes: 30, ..ClassSpec::example() };
        let auctions = ClassSpec {
            region: "USW".parse().unwrap(),
            auction_seconds: 300,
            random_seconds: 60,
            static_band_ppm: 900_000,
            dynamic_band_ppm: 500_000,
            order_units_max: 14,
            ..spec
        };
        for spec in [spec, auctions] {
            pair.send(1, Command::DefineClass { spec: Box::new(spec), why: Why::NONE });
        }
        for trader in 2..2 + TRADERS {
            let name = format!("trader-{trader}").parse().unwrap();
            pair.send(1, Command::OpenAccount { name, role: Role::Provider, why: Why::NONE });
            let account = AccountId(trader);
            let (public, rights) = (PublicKey([u8::try_from(trader).unwrap(); 32]), Role::Provider.rights());
            pair.send(
                1,
                Command::RegisterKey { account, public, rights, expires: Timestamp::MAX, why: Why::NONE },
            );
            let currency = spec.currency;
            pair.send(
                1,
                Command::DepositCash { account, currency, amount: 9_000, external: 1, why: Why::NONE },
            );
        }
        pair
    }

    /// The same market, and everybody can buy and sell a good deal.
    fn stocked() -> Pair {
        let mut pair = Pair::new();
        for who in 2..2 + TRADERS {
            pair.step(Step::Cash { who, amount: 40_000, external: 100 });
            for contract in 0..2 * CONTRACTS {
                pair.step(Step::Capacity { who, contract, units: 25, external: 100 });
            }
        }
        pair.told.clear();
        pair
    }

    fn step(&mut self, step: Step) {
        let numbered = |pair: &Pair, who: u32, back: u64| {
            OrderRef::Number(pair.numbers[who as usize].saturating_sub(back))
        };
        match step {
            Step::Order { who, mut order } => {
                if let TimeInForce::Gtd(Timestamp(later)) = order.time_in_force {
                    order.time_in_force = TimeInForce::Gtd(Timestamp(self.time.0 + later));
                }
                self.send(who, Command::NewOrder(order));
            }
            Step::MassCancel { who, lane, asked } => {
                self.send_by(who, lane, Command::MassCancel(asked));
            }
            Step::Cancel { who, back } => self.send(who, Command::Cancel(numbered(self, who, back))),
            Step::Replace { who, back, price, units } => {
                self.send(who, Command::Replace { order: numbered(self, who, back), price, units });
            }
            Step::Capacity { who, contract, units, external } => {
                self.send(who, Command::DepositCapacity { contract: contract_no(contract), units, external });
            }
            Step::Cash { who, amount, external } => {
                let (account, currency) = (AccountId(who), ClassSpec::example().currency);
                self.send(1, Command::DepositCash { account, currency, amount, external, why: Why::NONE });
            }
            Step::Wait { minutes } => self.time.0 += minutes * MINUTE_NANOS,
            Step::Revoke { who } => self.send(1, Command::RevokeKey { key: KeyNo(who), why: Why::NONE }),
            Step::Limit { who, limits } => {
                self.send(1, Command::SetLimits { account: AccountId(who), limits, why: Why::NONE });
            }
            Step::Kill { who, on } => {
                self.send(1, Command::SetKillSwitch { account: AccountId(who), on, why: Why::NONE });
            }
            Step::Halt { scope, on: true } => self.send(1, Command::Halt { scope, why: Why::NONE }),
            Step::Halt { scope, on: false } => self.send(1, Command::Resume { scope, why: Why::NONE }),
        }
    }

    fn send(&mut self, key: u32, command: Command) {
        let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
        self.send_by(key, lane, command);
    }

    /// Sends a command as the sequencer would: what the clock makes due comes first.
    fn send_by(&mut self, key: u32, lane: Lane, command: Command) {
        if self.engine.next_deadline().is_some_and(|deadline| self.time >= deadline) {
            self.apply(None, Command::Clock);
        }
        let number = &mut self.numbers[key as usize];
        *number += 1;
        let sender = Sender { key: KeyNo(key), lane, number: *number };
        self.apply(Some(sender), command);
        if self.engine.has_pending() {
            self.apply(None, Command::Continue);
        }
    }

    fn apply(&mut self, sender: Option<Sender>, command: Command) {
        let sequence = self.engine.last_sequence() + 1;
        let mut out = Output::default();
        self.engine.apply(&Stamped { sequence, time: self.time, sender, command }, &mut out);
        out.state.iter().for_each(|event| self.mirror.apply_state(event));
        self.mirror.apply_reports(&out.reports);
        self.told.extend(out.reports.iter().map(|report| report.body));
        self.mirror.advance(sequence, self.time);
    }

    /// What a mirror would be that started from the engine's state now.
    fn fresh(&self) -> Mirror {
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        Mirror::new(&state, self.engine.last_sequence(), self.engine.last_time())
    }
}

/// One of the first contracts after the start, of either class.
fn contract_no(no: u32) -> ContractId {
    let class = ClassNo(u16::from(no >= CONTRACTS));
    ContractId::new(class, START.plus(2 + 2 * (no % CONTRACTS)))
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

/// Orders of all kinds, now and then of terms that do not go together.
fn order() -> impl Strategy<Value = NewOrder> {
    let lasts = prop_oneof![
        12 => Just(TimeInForce::Gtc),
        1 => Just(TimeInForce::Ioc),
        1 => Just(TimeInForce::Fok),
        3 => (0..90u64).prop_map(|minutes| TimeInForce::Gtd(Timestamp(minutes * MINUTE_NANOS))),
    ];
    let kind = prop_oneof![9 => Just(OrderKind::Limit), 1 => Just(OrderKind::Market)];
    let self_trade = prop_oneof![
        1 => Just(SelfTrade::CancelIncoming),
        1 => Just(SelfTrade::CancelResting),
        1 => Just(SelfTrade::CancelBoth),
        2 => Just(SelfTrade::Decrement),
    ];
    let sometimes = |most| prop_oneof![6 => Just(0), 1 => 1..=most];
    let basic = (0..2 * CONTRACTS, side(), 1..16u32, 1..12i64).prop_map(|(contract, side, units, price)| {
        NewOrder::limit(contract_no(contract), side, units, price)
    });
    let rare = (sometimes(5u32), prop_oneof![Just(0), 1..6u32], prop::bool::weighted(0.1));
    let trigger = prop_oneof![3 => Just(None), 1 => (1..12i64).prop_map(Some)];
    (basic, lasts, kind, self_trade, rare, trigger).prop_map(
        |(basic, time_in_force, kind, self_trade, (min_units, shown, post_only), trigger)| {
            let (min_units, shown) = (min_units.min(basic.units), shown.min(basic.units));
            NewOrder { time_in_force, kind, self_trade, min_units, shown, post_only, trigger, ..basic }
        },
    )
}

/// Blocks of all kinds, now and then of terms that do not go together.
fn block() -> impl Strategy<Value = NewOrder> {
    let lasts = prop_oneof![
        12 => Just(TimeInForce::Gtc),
        1 => Just(TimeInForce::Ioc),
        1 => Just(TimeInForce::Fok),
        3 => (0..90u64).prop_map(|minutes| TimeInForce::Gtd(Timestamp(minutes * MINUTE_NANOS))),
    ];
    let self_trade = prop_oneof![
        4 => Just(SelfTrade::CancelIncoming),
        4 => Just(SelfTrade::CancelResting),
        4 => Just(SelfTrade::CancelBoth),
        1 => Just(SelfTrade::Decrement),
    ];
    let basic = (0..2 * CONTRACTS, 2..4u16, side(), 1..9u32, 1..12i64);
    (basic, lasts, self_trade, 0..6u32, prop::bool::weighted(0.1)).prop_map(
        |((contract, slots, side, units, price), time_in_force, self_trade, min_units, same_provider)| {
            let min_units = min_units.min(units);
            let plain = NewOrder::block(contract_no(contract), slots, side, units, price);
            NewOrder { time_in_force, self_trade, min_units, same_provider, ..plain }
        },
    )
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        Just(Scope::All),
        (0..2u16).prop_map(|class| Scope::Class(ClassNo(class))),
        (0..2 * CONTRACTS).prop_map(|contract| Scope::Contract(contract_no(contract))),
    ]
}

fn mass_cancel() -> impl Strategy<Value = MassCancel> {
    (scope(), prop::option::of(side())).prop_map(|(scope, side)| MassCancel { scope, side })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 2..2 + TRADERS;
    let order = (who(), order()).prop_map(|(who, order)| Step::Order { who, order });
    let block = (who(), block()).prop_map(|(who, order)| Step::Order { who, order });
    let limits = prop_oneof![
        2 => Just(Limits::DEFAULT),
        1 => (0..20u32, 0..6u32, 0..5_000i64).prop_map(|(open_orders, open_blocks, order_value)| {
            Limits { open_orders, open_blocks, order_value }
        }),
    ];
    let limit = (who(), limits).prop_map(|(who, limits)| Step::Limit { who, limits });
    // What was killed or halted is soon let go on, or nothing would happen any more.
    let kill = (who(), prop::bool::weighted(0.2)).prop_map(|(who, on)| Step::Kill { who, on });
    let halt = (scope(), prop::bool::weighted(0.2)).prop_map(|(scope, on)| Step::Halt { scope, on });
    let mass_cancel = (who(), prop_oneof![Just(Lane::Orders), Just(Lane::Cancels)], mass_cancel())
        .prop_map(|(who, lane, asked)| Step::MassCancel { who, lane, asked });
    let replace = (who(), 0..6u64, 1..12i64, 1..12u32).prop_map(|(who, back, price, units)| Step::Replace {
        who,
        back,
        price,
        units,
    });
    let capacity = (who(), 0..2 * CONTRACTS, 1..20u32, 0..9u64)
        .prop_map(|(who, contract, units, external)| Step::Capacity { who, contract, units, external });
    let step = prop_oneof![
        16 => order,
        6 => block,
        1 => limit,
        1 => kill,
        4 => halt,
        1 => mass_cancel,
        3 => (who(), 0..6u64).prop_map(|(who, back)| Step::Cancel { who, back }),
        3 => replace,
        6 => capacity,
        1 => (who(), 1..900i64, 1..9u64).prop_map(|(who, amount, external)| Step::Cash { who, amount, external }),
        1 => (1..60u64).prop_map(|minutes| Step::Wait { minutes }),
    ];
    // Rarely, and late: a revoked key does nothing any more.
    let end = prop::option::of(who().prop_map(|who| Step::Revoke { who }));
    (prop::collection::vec(step, 1..250), end).prop_map(|(mut steps, end)| {
        steps.extend(end);
        steps
    })
}

/// Many more with `CUEX_LONG` set.
fn cases() -> u32 {
    if std::env::var_os("CUEX_LONG").is_some() { 5_000 } else { 64 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn a_mirror_that_followed_equals_one_that_starts_now(steps in steps()) {
        let mut pair = Pair::stocked();
        for (at, step) in steps.into_iter().enumerate() {
            pair.step(step);
            if at % 16 == 0 {
                prop_assert_eq!(&pair.mirror, &pair.fresh());
            }
        }
        prop_assert_eq!(&pair.mirror, &pair.fresh());
        // And once more when everything has been delivered.
        pair.time.0 += 48 * HOUR_NANOS;
        for _ in 0..8 {
            pair.send(1, Command::RevokeKey { key: KeyNo(99), why: Why::NONE });
        }
        prop_assert_eq!(&pair.mirror, &pair.fresh());
        let is_cash = |event| matches!(event, StateEvent::Cash { .. });
        prop_assert!(pair.mirror.belongings(AccountId(2)).all(is_cash));
    }
}

#[test]
fn the_random_market_does_trade() {
    // The property above would say little about a market in which nothing happens.
    let mut pair = Pair::new();
    let order = |who, side, price, units| {
        let order = NewOrder::limit(contract_no(0), side, units, price);
        Step::Order { who, order }
    };
    pair.step(Step::Capacity { who: 2, contract: 0, units: 10, external: 1 });
    pair.step(order(2, Side::Sell, 5, 8));
    pair.step(order(3, Side::Buy, 6, 3));
    assert_eq!(pair.mirror, pair.fresh());
    let of = |account| pair.mirror.belongings(AccountId(account)).collect::<Vec<_>>();
    // 5 ticks of 7 millionths, 3 units, 2 hours: 210, and a fee of 33,333 ppm of it: 6.
    let currency = ClassSpec::example().currency;
    let cash = |account, free| StateEvent::Cash { account: AccountId(account), currency, free, reserved: 0 };
    let holding = |account, free, reserved| StateEvent::Holding {
        account: AccountId(account),
        contract: contract_no(0),
        free,
        reserved,
    };
    assert_eq!(of(2)[..2], [cash(2, 9_204), holding(2, 2, 5)]);
    assert_eq!(of(3), [cash(3, 8_784), holding(3, 3, 0)]);
    let StateEvent::Order(OpenOrder { left: 5, shown: 5, terms, number: 2, .. }) = of(2)[2] else {
        panic!("{:?}", of(2))
    };
    assert_eq!(terms.units, 8);
    assert_eq!(pair.mirror.key(KeyNo(2)).unwrap().rights, Rights(7));
}

#[test]
fn the_random_steps_meet_blocks_auctions_and_kill_switches() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let [mut traded, mut made, mut parts, mut replaced, mut auctioned, mut killed] = [0; 6];
    for _ in 0..128 {
        let mut pair = Pair::stocked();
        let steps = steps().new_tree(&mut runner).unwrap().current();
        steps.into_iter().for_each(|step| pair.step(step));
        let mut blocks = std::collections::BTreeSet::new();
        let mut made_by = std::collections::BTreeSet::new();
        for body in &pair.told {
            match *body {
                ReportBody::Accepted { order, terms, .. } if terms.is_block() => {
                    blocks.insert(order);
                }
                ReportBody::BlockTraded { .. } => traded += 1,
                ReportBody::Filled { order, maker, .. } if blocks.contains(&order) => {
                    parts += 1;
                    made += u32::from(maker);
                }
                // In an auction nobody is the taker.
                ReportBody::Filled { order, counter, maker: true, .. } => {
                    auctioned += u32::from(!made_by.insert((order.min(counter), order.max(counter))));
                }
                ReportBody::Cancelled { reason: types::CancelReason::Killed, .. } => killed += 1,
                ReportBody::Replaced { order, .. } => replaced += u32::from(blocks.contains(&order)),
                _ => {}
            }
        }
    }
    let met = [traded, made, parts, replaced, auctioned, killed];
    assert!(met.iter().all(|&count| count > 10), "{met:?}");
}

#[test]
fn a_block_that_trades_in_parts_gets_back_what_it_did_not_need() {
    let mut pair = Pair::new();
    for contract in 0..2 {
        pair.step(Step::Capacity { who: 2, contract, units: 9, external: 1 });
    }
    let order = |order| Step::Order { who: 2, order };
    let ask = |contract, units, price| NewOrder::limit(contract_no(contract), Side::Sell, units, price);
    pair.step(order(ask(0, 3, 5)));
    pair.step(order(ask(1, 1, 6)));
    pair.step(order(ask(1, 4, 7)));
    let bid = NewOrder { min_units: 1, ..NewOrder::block(contract_no(0), 2, Side::Buy, 4, 6) };
    pair.told.clear();
    pair.step(Step::Order { who: 3, order: bid });
    let ReportBody::BlockTraded { units: 3, left: 1, value, fills: 3, .. } = pair.told[1] else {
        panic!("{:?}", pair.told)
    };
    // 3 at 5, 1 at 6 and 2 at 7 ticks of 7 millionths, for 2 hours.
    assert_eq!(value, (15 + 6 + 14) * 7 * 2);
    assert_eq!(pair.mirror, pair.fresh());
    // Fees of 33,333 ppm: of 210, 84 and 196 millionths. Held are 1 unit at 6 in two slots, 168, and the fee on it.
    let reserved = 168 + 5;
    let currency = ClassSpec::example().currency;
    let free = 9_000 - value - (6 + 2 + 6) - reserved;
    let cash = StateEvent::Cash { account: AccountId(3), currency, free, reserved };
    let has: Vec<StateEvent> = pair.mirror.belongings(AccountId(3)).collect();
    assert_eq!(has[0], cash);
    let holding = |contract| StateEvent::Holding {
        account: AccountId(3),
        contract: contract_no(contract),
        free: 3,
        reserved: 0,
    };
    assert_eq!(has[1..3], [holding(0), holding(1)]);
    let StateEvent::Order(OpenOrder { left: 1, terms, .. }) = has[3] else { panic!("{has:?}") };
    assert_eq!(terms, bid);
    pair.step(Step::Cancel { who: 3, back: 0 });
    let free = 9_000 - value - (6 + 2 + 6);
    let cash = StateEvent::Cash { account: AccountId(3), currency, free, reserved: 0 };
    assert_eq!(pair.mirror.belongings(AccountId(3)).next(), Some(cash));
    assert_eq!(pair.mirror, pair.fresh());
}

#[test]
fn an_account_that_is_limited_keeps_what_it_has() {
    let mut pair = Pair::new();
    pair.step(Step::Capacity { who: 2, contract: 0, units: 9, external: 1 });
    let before: Vec<StateEvent> = pair.mirror.belongings(AccountId(2)).collect();
    let limits = Limits { open_orders: 3, open_blocks: 1, order_value: 77 };
    let known = *pair.mirror.account(AccountId(2)).unwrap();
    pair.mirror.apply_state(&StateEvent::Account(Account { limits, killed: true, ..known }));
    assert_eq!(pair.mirror.account(AccountId(2)), Some(&Account { limits, killed: true, ..known }));
    assert_eq!(pair.mirror.belongings(AccountId(2)).collect::<Vec<_>>(), before);
    assert_eq!(pair.mirror.last_report(AccountId(2)), 2);
}
