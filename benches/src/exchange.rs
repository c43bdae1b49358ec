//! A flow as commands for the whole exchange: accounts with cash and units, a key each, numbers that rise, and
//! cancels by id and slot as clients send them.

use crate::flow::{Kind, Message};
use engine::Engine;
use std::collections::HashMap;
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, Hour, KeyNo, Lane, NewOrder, OrderId, OrderRef,
    Output, PublicKey, ReportBody, Role, Sender, SlotHint, Stamped, TimeInForce, Timestamp, Why,
};

/// The one contract of these flows.
const START: Hour = Hour(24);

/// An exchange on which everybody has cash and units for the whole flow, and the flow as commands that follow.
#[must_use]
pub fn exchange(messages: &[Message], accounts: u32) -> (Engine, Vec<Stamped>) {
    let room = messages.len();
    let mut stamper = Stamper { sequence: 0, numbers: HashMap::new() };
    let mut engine = Engine::with_room(room);
    let mut out = Output::default();
    for (sender, command) in setup(accounts) {
        engine.apply(&stamper.stamp(sender, Lane::Orders, command), &mut out);
    }
    assert_eq!(refusals(&out), 0, "everybody is let in");
    // A second exchange runs the flow to learn where orders lie, as their owners are told.
    let mut scout = engine.clone();
    let mut known: HashMap<u64, (OrderId, SlotHint)> = HashMap::new();
    let commands = messages.iter().map(|message| {
        let (order, slot) = known.get(&message.id).copied().unwrap_or((0, 0));
        let (lane, command) = command(message, OrderRef::Id { order, slot });
        let stamped = stamper.stamp(key_of(message, accounts), lane, command);
        out.clear();
        scout.apply(&stamped, &mut out);
        if let Some(ReportBody::Accepted { order, slot, .. } | ReportBody::Replaced { order, slot, .. }) =
            out.reports.first().map(|report| report.body)
        {
            known.insert(message.id, (order, slot));
        }
        stamped
    });
    let commands = commands.collect();
    assert!(scout.audit().is_ok(), "the flow makes and loses nothing");
    (engine, commands)
}

/// How many commands were refused.
#[must_use]
pub fn refusals(out: &Output) -> usize {
    out.reports.iter().filter(|report| matches!(report.body, ReportBody::Rejected { .. })).count()
}

struct Stamper {
    sequence: u64,
    numbers: HashMap<(KeyNo, Lane), u64>,
}

impl Stamper {
    fn stamp(&mut self, key: KeyNo, lane: Lane, command: Command) -> Stamped {
        self.sequence += 1;
        let is_own = matches!(command, Command::Genesis { .. });
        let number = self.numbers.entry((key, lane)).or_default();
        *number += u64::from(!is_own);
        let sender = (!is_own).then_some(Sender { key, lane, number: *number });
        Stamped { sequence: self.sequence, time: Timestamp(1), sender, command }
    }
}

/// The operator is account and key 1; the others follow in order.
fn setup(accounts: u32) -> Vec<(KeyNo, Command)> {
    let spec = ClassSpec { horizon_hours: 48, ..ClassSpec::example() };
    let operator = PublicKey([0; 32]);
    let list = Command::DefineClass { spec: Box::new(spec), why: Why::NONE };
    let mut desk = vec![Command::Genesis { operator, seed: 0 }, list];
    for number in 2..accounts + 2 {
        let name = format!("a{number}").parse().expect("a name in its form");
        let mut public = [1; 32];
        public[..4].copy_from_slice(&number.to_le_bytes());
        let (account, public, rights) = (AccountId(number), PublicKey(public), Role::Provider.rights());
        desk.push(Command::OpenAccount { name, role: Role::Provider, why: Why::NONE });
        desk.push(Command::RegisterKey { account, public, rights, expires: Timestamp::MAX, why: Why::NONE });
        let (currency, amount) = (spec.currency, 100_000_000_000_000);
        desk.push(Command::DepositCash { account, currency, amount, external: 1, why: Why::NONE });
    }
    let deposit = Command::DepositCapacity { contract: contract(), units: 400_000, external: 1 };
    let deposits = (2..accounts + 2).map(|key| (KeyNo(key), deposit.clone()));
    desk.into_iter().map(|command| (KeyNo(1), command)).chain(deposits).collect()
}

fn contract() -> ContractId {
    ContractId::new(ClassNo(0), START)
}

fn key_of(message: &Message, accounts: u32) -> KeyNo {
    KeyNo(u32::try_from(message.id % u64::from(accounts)).expect("below a u32") + 2)
}

fn command(message: &Message, named: OrderRef) -> (Lane, Command) {
    let Message { side, price, quantity: units, kind, .. } = *message;
    match kind {
        Kind::Cancel => (Lane::Cancels, Command::Cancel(named)),
        Kind::Modify => (Lane::Orders, Command::Replace { order: named, price, units }),
        Kind::New | Kind::Ioc => {
            let time_in_force = if kind == Kind::New { TimeInForce::Gtc } else { TimeInForce::Ioc };
            let order = NewOrder { time_in_force, ..NewOrder::limit(contract(), side, units, price) };
            (Lane::Orders, Command::NewOrder(order))
        }
    }
}
