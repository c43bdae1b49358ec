//! The mirror against the engine it mirrors: fed by what the engine puts out, it must equal the engine's state.

use super::*;
use engine::Engine;
use proptest::prelude::*;
use types::{
    ClassSpec, Command, HOUR_NANOS, Hour, MINUTE_NANOS, NewOrder, OrderRef, Output, Rights, Role, Stamped,
    TimeInForce,
};

const START: Hour = Hour(498_000);
const TRADERS: u32 = 3;

/// An engine and the mirror that follows it.
struct Pair {
    engine: Engine,
    mirror: Mirror,
    time: Timestamp,
    /// The last number of each key, by key number; one for both lanes.
    numbers: [u64; 8],
}

/// What a random step does.
#[derive(Clone, Copy, Debug)]
enum Step {
    Order { who: u32, contract: u32, side: Side, lasts: TimeInForce, price: Ticks, units: Units },
    Cancel { who: u32, back: u64 },
    Replace { who: u32, back: u64, price: Ticks, units: Units },
    Capacity { who: u32, contract: u32, units: Units, external: u64 },
    Cash { who: u32, amount: Money, external: u64 },
    Wait { minutes: u64 },
    Revoke { who: u32 },
}

impl Pair {
    /// A market with one class of two-hour slots and three traders, who have keys 2 to 4 and some cash.
    fn new() -> Pair {
        let mut pair =
            Pair { engine: Engine::new(), mirror: Mirror::default(), time: START.starts(), numbers: [0; 8] };
        pair.apply(None, Command::Genesis { operator: PublicKey([1; 32]) });
        let spec =
            ClassSpec { slot_hours: 2, tick: 7, fee_ppm: 33_333, gate_minutes: 30, ..ClassSpec::example() };
        pair.send(1, Command::DefineClass(spec));
        for trader in 2..2 + TRADERS {
            let name = format!("trader-{trader}").parse().unwrap();
            pair.send(1, Command::OpenAccount { name, role: Role::Provider });
            let account = AccountId(trader);
            let (public, rights) = (PublicKey([u8::try_from(trader).unwrap(); 32]), Role::Provider.rights());
            pair.send(1, Command::RegisterKey { account, public, rights, expires: Timestamp::MAX });
            let currency = spec.currency;
            pair.send(1, Command::DepositCash { account, currency, amount: 9_000, external: 1 });
        }
        pair
    }

    fn step(&mut self, step: Step) {
        let numbered = |pair: &Pair, who: u32, back: u64| {
            OrderRef::Number(pair.numbers[who as usize].saturating_sub(back))
        };
        match step {
            Step::Order { who, contract, side, lasts, price, units } => {
                let contract = contract_no(contract);
                let order = NewOrder { contract, side, time_in_force: lasts, price, units };
                self.send(who, Command::NewOrder(order));
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
                self.send(1, Command::DepositCash { account, currency, amount, external });
            }
            Step::Wait { minutes } => self.time.0 += minutes * MINUTE_NANOS,
            Step::Revoke { who } => self.send(1, Command::RevokeKey { key: KeyNo(who) }),
        }
    }

    /// Sends a command as the sequencer would: what the clock makes due comes first.
    fn send(&mut self, key: u32, command: Command) {
        if self.engine.next_deadline().is_some_and(|deadline| self.time >= deadline) {
            self.apply(None, Command::Clock);
        }
        let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
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
        out.reports.iter().for_each(|report| self.mirror.apply_report(report));
        self.mirror.advance(sequence, self.time);
    }

    /// What a mirror would be that started from the engine's state now.
    fn fresh(&self) -> Mirror {
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        Mirror::new(&state, self.engine.last_sequence(), self.engine.last_time())
    }
}

/// One of the first contracts after the start.
fn contract_no(no: u32) -> ContractId {
    ContractId::new(ClassNo(0), START.plus(2 + 2 * no))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let who = || 2..2 + TRADERS;
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let lasts =
        prop_oneof![8 => Just(TimeInForce::Gtc), 1 => Just(TimeInForce::Ioc), 1 => Just(TimeInForce::Fok)];
    let order = (who(), 0..3u32, side, lasts, 1..12i64, 1..9u32).prop_map(
        |(who, contract, side, lasts, price, units)| Step::Order { who, contract, side, lasts, price, units },
    );
    let replace = (who(), 0..6u64, 1..12i64, 1..12u32).prop_map(|(who, back, price, units)| Step::Replace {
        who,
        back,
        price,
        units,
    });
    let capacity = (who(), 0..3u32, 1..20u32, 0..9u64)
        .prop_map(|(who, contract, units, external)| Step::Capacity { who, contract, units, external });
    let step = prop_oneof![
        12 => order,
        3 => (who(), 0..6u64).prop_map(|(who, back)| Step::Cancel { who, back }),
        3 => replace,
        3 => capacity,
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_mirror_that_followed_equals_one_that_starts_now(steps in steps()) {
        let mut pair = Pair::new();
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
            pair.send(1, Command::RevokeKey { key: KeyNo(99) });
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
    let order = |who, side, price, units| Step::Order {
        who,
        contract: 0,
        side,
        lasts: TimeInForce::Gtc,
        price,
        units,
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
    assert!(matches!(of(2)[2], StateEvent::Order(OpenOrder { left: 5, units: 8, number: 2, .. })));
    assert_eq!(pair.mirror.key(KeyNo(2)).unwrap().rights, Rights(7));
}
