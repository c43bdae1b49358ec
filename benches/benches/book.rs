//! The book alone and the exchange around it, on the same order flow: `cargo bench -p benches`, or once each with
//! `cargo bench -p benches -- --test`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use benches::flow::{self, Kind, Message};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::{Book, Engine, Fill, Slab};
use std::collections::HashMap;
use types::{
    Account, AccountId, ClassSpec, Command, ContractId, Hour, KeyNo, Lane, NewOrder, OrderRef, Output,
    PublicKey, Role, Sender, SlotHint, Stamped, StateEvent, TimeInForce, Timestamp,
};

/// New orders of one flow.
const ORDERS: u32 = 50_000;
/// Accounts they come from, each with a key of its own.
const ACCOUNTS: u32 = 1_000;

/// One contract's book, and where each order of the flow lies.
struct Alone {
    book: Book,
    slab: Slab,
    slots: Vec<SlotHint>,
    fills: Vec<Fill>,
}

impl Alone {
    fn new() -> Alone {
        let slots = vec![SlotHint::MAX; ORDERS as usize + 1];
        Alone { book: Book::default(), slab: Slab::new(), slots, fills: Vec::new() }
    }

    fn run(&mut self, messages: &[Message]) -> usize {
        let mut trades = 0;
        for message in messages {
            let place = usize::try_from(message.id).unwrap();
            if matches!(message.kind, Kind::Cancel | Kind::Modify) {
                if self.slab.get(self.slots[place], message.id).is_none() {
                    continue;
                }
                self.book.remove(&mut self.slab, self.slots[place]);
                if message.kind == Kind::Cancel {
                    continue;
                }
            }
            let Message { side, price, quantity, id, kind } = *message;
            let owner = owner(message).0;
            let taken = self.book.take(&mut self.slab, side, price, quantity, owner, &mut self.fills);
            trades += self.fills.len();
            self.fills.clear();
            if taken.left > 0 && !taken.met_own && kind != Kind::Ioc {
                self.slots[place] = self.book.rest(&mut self.slab, id, owner, side, price, taken.left);
            }
        }
        trades
    }
}

/// Whose order it is; account 1 is the operator.
fn owner(message: &Message) -> AccountId {
    AccountId(u32::try_from(message.id).unwrap() % ACCOUNTS + 2)
}

/// An exchange with all accounts, and the flow as stamped commands for it.
fn exchange(messages: &[Message]) -> (Engine, Vec<Stamped>) {
    let mut engine = Engine::new();
    let mut out = Output::default();
    let mut sequence = 0;
    let mut numbers: HashMap<(KeyNo, Lane), u64> = HashMap::new();
    let mut stamp = |key: KeyNo, lane: Lane, command: Command| {
        sequence += 1;
        let number = numbers.entry((key, lane)).or_default();
        *number += 1;
        let sender = (sequence > 1).then_some(Sender { key, lane, number: *number });
        (Stamped { sequence, time: Timestamp(1), sender, command }, *number)
    };
    let spec = ClassSpec { horizon_hours: 48, ..ClassSpec::example() };
    let contract = ContractId::new(types::ClassNo(0), Hour(24));
    let operator = KeyNo(1);
    let mut setup = vec![Command::Genesis { operator: PublicKey([0; 32]) }, Command::DefineClass(spec)];
    for account in 2..ACCOUNTS + 2 {
        let name = format!("a{account}").parse().unwrap();
        let mut public = [1; 32];
        public[..4].copy_from_slice(&account.to_le_bytes());
        let (account, public) = (AccountId(account), PublicKey(public));
        setup.push(Command::OpenAccount { name, role: Role::Provider });
        let rights = Role::Provider.rights();
        setup.push(Command::RegisterKey { account, public, rights, expires: Timestamp::MAX });
        let currency = spec.currency;
        setup.push(Command::DepositCash { account, currency, amount: 1_000_000_000_000_000, external: 1 });
    }
    for command in setup {
        engine.apply(&stamp(operator, Lane::Orders, command).0, &mut out);
    }
    let last =
        |event: &StateEvent| matches!(event, StateEvent::Account(Account { id, .. }) if id.0 == ACCOUNTS + 1);
    assert!(out.state.iter().any(last), "every account is open");
    let key = |message: &Message| KeyNo(owner(message).0);
    for account in 2..ACCOUNTS + 2 {
        let deposit = Command::DepositCapacity { contract, units: 1_000_000, external: 1 };
        engine.apply(&stamp(KeyNo(account), Lane::Orders, deposit).0, &mut out);
    }
    let mut named = HashMap::new();
    let commands = messages.iter().map(|message| {
        let Message { side, price, quantity: units, id, kind } = *message;
        let name = OrderRef::Number(named.get(&id).copied().unwrap_or(0));
        let (lane, command) = match kind {
            Kind::Cancel => (Lane::Cancels, Command::Cancel(name)),
            Kind::Modify => (Lane::Orders, Command::Replace { order: name, price, units }),
            Kind::New | Kind::Ioc => {
                let time_in_force = if kind == Kind::New { TimeInForce::Gtc } else { TimeInForce::Ioc };
                (Lane::Orders, Command::NewOrder(NewOrder { contract, side, time_in_force, price, units }))
            }
        };
        let (stamped, number) = stamp(key(message), lane, command);
        if matches!(kind, Kind::New | Kind::Ioc) {
            named.insert(id, number);
        }
        stamped
    });
    let commands = commands.collect();
    (engine, commands)
}

fn scenarios(criterion: &mut Criterion) {
    for (name, swing) in flow::SCENARIOS {
        let messages = flow::challenge(swing, ORDERS, 1);
        let (ready, commands) = exchange(&messages);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(messages.len() as u64)).sample_size(10);
        group.bench_function("book alone", |bencher| {
            bencher.iter_batched_ref(Alone::new, |alone| alone.run(&messages), BatchSize::PerIteration);
        });
        let mut out = Output::default();
        group.bench_function("exchange", |bencher| {
            let run = |engine: &mut Engine| {
                for command in &commands {
                    engine.apply(command, &mut out);
                    out.clear();
                }
            };
            bencher.iter_batched_ref(|| ready.clone(), run, BatchSize::PerIteration);
        });
        // The flow must trade, or nothing was measured.
        assert!(Alone::new().run(&messages) > 0 && ready.audit().is_ok());
        group.finish();
    }
}

criterion_group!(all, scenarios);
criterion_main!(all);
