//! The exchange around the book: `Engine::apply` with accounts, reservations, reports and market events, and the
//! book alone on the same flow. `cargo bench -p benches --bench exchange`; once each, not measured:
//! `cargo test -p benches --bench exchange`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use benches::books::Books;
use benches::flow::{Kind, Message, SCENARIOS};
use benches::reports::{RING, Reports};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::Engine;
use std::collections::HashMap;
use types::{
    Account, AccountId, ClassSpec, Command, ContractId, Hour, KeyNo, Lane, NewOrder, OrderRef, Output,
    PublicKey, Role, Sender, Stamped, StateEvent, TimeInForce, Timestamp,
};

/// New orders of one flow.
const ORDERS: u32 = 50_000;
/// Accounts they come from, each with a key of its own.
const ACCOUNTS: u32 = 1_000;

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
        let Message { side, price, quantity: units, id, kind, .. } = *message;
        let name = OrderRef::Number(named.get(&id).copied().unwrap_or(0));
        let (lane, command) = match kind {
            Kind::Cancel => (Lane::Cancels, Command::Cancel(name)),
            Kind::Modify => (Lane::Orders, Command::Replace { order: name, price, units }),
            Kind::New | Kind::Ioc => {
                let time_in_force = if kind == Kind::New { TimeInForce::Gtc } else { TimeInForce::Ioc };
                let order = NewOrder { time_in_force, ..NewOrder::limit(contract, side, units, price) };
                (Lane::Orders, Command::NewOrder(order))
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
    for scenario in SCENARIOS {
        let messages = scenario.messages(ORDERS);
        let (ready, stamped) = exchange(&messages);
        let mut group = criterion.benchmark_group(format!("exchange, {}", scenario.name));
        group.throughput(Throughput::Elements(messages.len() as u64)).sample_size(10);
        let commands = Books::commands(1, &messages);
        let mut reports = Reports::new(RING);
        group.bench_function("book alone", |bencher| {
            let run = |books: &mut Books| books.run(&commands, false, &mut reports);
            bencher.iter_batched_ref(|| Books::new(1), run, BatchSize::PerIteration);
        });
        let mut out = Output::default();
        group.bench_function("exchange", |bencher| {
            let run = |engine: &mut Engine| {
                for command in &stamped {
                    engine.apply(command, &mut out);
                    out.clear();
                }
            };
            bencher.iter_batched_ref(|| ready.clone(), run, BatchSize::PerIteration);
        });
        // The flow must trade, or nothing was measured.
        assert!(reports.pushed() > messages.len() && ready.audit().is_ok());
        group.finish();
    }
}

criterion_group!(all, scenarios);
criterion_main!(all);
