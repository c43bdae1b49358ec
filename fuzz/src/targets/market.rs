//! Commands as they come from the wire, carried through the exchange and out again.

use super::{golden, no_words};
use crate::{Attempt, Target, Trace};
use engine::Engine;
use protocol::PublicBook;
use protocol::header::{Frames, split};
use protocol::market_data::{FeedMessage, by_contract, commands, encode_increment, groups};
use protocol::order_entry::{ClientMessage, ServerMessage, encode_report, lane_of};
use protocol::public_book::Indicative;
use sequencer::{Core, Inbound, records};
use std::collections::BTreeMap;
use std::mem::discriminant;
use types::{
    AccountId, BlockEntry, Class, ClassNo, ClassSpec, Code, Command, ContractId, Hour, KeyNo, Lane,
    MassCancel, NewOrder, OrderKind, OrderRef, Output, PRICE_MAX, PublicKey, ReportBody, Role, Scope,
    SelfTrade, Sender, Side, StateEvent, Ticks, TimeInForce, Timestamp, UNITS_MAX, Units, Why,
};

/// How many commands of one input are carried out.
const COMMANDS_MAX: usize = 96;
/// The slot of the first contract, as in the documentation's examples.
const FIRST_SLOT: Hour = Hour(498_710);
const MINUTE: u64 = 60_000_000_000;

pub(super) const MARKET: Target = Target {
    name: "market",
    holds: "whatever is asked, nothing is made or lost, a replay comes to the same state, and the public books follow",
    seeds,
    words: no_words,
    mend: None,
    start,
};

/// The exchange, and what is known of it outside.
struct Market {
    core: Core,
    now: Timestamp,
    journal: Vec<u8>,
    /// The last number each key has used on each lane.
    numbers: BTreeMap<(KeyNo, u8), u64>,
    /// Where orders lie, as was reported.
    slots: BTreeMap<u64, u32>,
    books: BTreeMap<ContractId, PublicBook>,
    kinds: Vec<Trace>,
}

fn seeds() -> Vec<Vec<u8>> {
    let contract = ContractId::new(ClassNo(1), FIRST_SLOT);
    let ask = |units, price| NewOrder::limit(contract, Side::Sell, units, price);
    let bid = |units, price| NewOrder::limit(contract, Side::Buy, units, price);
    let orders = [
        ask(5, 100),
        NewOrder { shown: 4, ..ask(30, 101) },
        NewOrder { trigger: Some(100), ..ask(3, 90) },
        NewOrder { post_only: true, ..ask(2, 102) },
        NewOrder { time_in_force: TimeInForce::Gtd(at(30)), ..ask(2, 99) },
        NewOrder { time_in_force: TimeInForce::Ioc, ..bid(4, 100) },
        NewOrder { kind: OrderKind::Market, ..bid(3, 120) },
        NewOrder { time_in_force: TimeInForce::Fok, self_trade: SelfTrade::CancelResting, ..bid(9, 103) },
        NewOrder::block(contract, 2, Side::Sell, 4, 100),
        NewOrder { min_units: 2, same_provider: true, ..NewOrder::block(contract, 3, Side::Buy, 6, 104) },
        NewOrder { min_units: 2, self_trade: SelfTrade::Decrement, ..bid(9, 101) },
        NewOrder { trigger: Some(101), kind: OrderKind::Market, ..bid(2, 110) },
    ];
    let class = Class { no: ClassNo(1), spec: ClassSpec::example() };
    let others = [
        Command::Replace { order: OrderRef::Number(1), price: 103, units: 6 },
        Command::Cancel(OrderRef::Number(2)),
        Command::MassCancel(MassCancel { scope: Scope::Class(class.no), side: None }),
        Command::CancelOnDisconnect { grace: 31 },
        Command::DepositCapacity { contract, units: 5, external: 9 },
        Command::DepositCash {
            account: AccountId(3),
            currency: class.spec.currency,
            amount: 7,
            external: 5,
            why: Why::NONE,
        },
        Command::RotateKey { public: PublicKey([77; 32]) },
    ];
    let commands: Vec<Command> = orders.map(Command::NewOrder).into_iter().chain(others).collect();
    // Who sends and when is in the number: see `Market::ask`.
    let said = |(number, command): (u64, &Command)| {
        let mut bytes = Vec::new();
        let message = ClientMessage::Command { number, command: command.clone() };
        message.encode(&mut bytes).expect("a client says it");
        bytes
    };
    let by = |key: u64| (key..).step_by(4).zip(&commands).map(said).collect::<Vec<_>>().concat();
    let mixed = (1..).map(|number: u64| number * 7).zip(commands.iter().cycle().take(60)).map(said);
    let mut seeds = golden::order_entry();
    seeds.extend([by(1), by(2), by(3), [by(1), by(2)].concat(), mixed.collect::<Vec<_>>().concat()]);
    seeds
}

fn start() -> Attempt {
    Box::new(|input| {
        let mut market = Market::open();
        let commands = Frames::new(input).map_while(Result::ok).filter_map(|frame| {
            let message = ClientMessage::decode(frame).ok()?;
            if let ClientMessage::Command { number, command } = message {
                Some((number, command))
            } else {
                None
            }
        });
        commands.take(COMMANDS_MAX).for_each(|(number, command)| market.ask(number, command));
        market.go_on();
        market.judge();
        market.kinds.sort_unstable();
        market.kinds.dedup();
        Trace::of(market.kinds)
    })
}

impl Market {
    /// A market with two classes, a provider (key 2) and two brokers (keys 3 and 4).
    fn open() -> Market {
        let mut market = Market {
            core: Core::new(Engine::new()),
            now: at(0),
            journal: Vec::new(),
            numbers: BTreeMap::new(),
            slots: BTreeMap::new(),
            books: BTreeMap::new(),
            kinds: Vec::new(),
        };
        market.genesis();
        let operator = KeyNo(1);
        let code = |text: &str| text.parse::<Code>().expect("a code in its form");
        let spec = ClassSpec::example();
        market.send(
            operator,
            Command::DefineClass {
                spec: Box::new(ClassSpec { model: code("A100"), slot_hours: 4, ..spec }),
                why: Why::NONE,
            },
        );
        market.send(operator, Command::DefineClass { spec: Box::new(spec), why: Why::NONE });
        for (number, (name, role)) in
            (2..).zip([("acme", Role::Provider), ("lab", Role::Broker), ("fund", Role::Broker)])
        {
            let account = AccountId(number);
            let public = PublicKey([u8::try_from(number).unwrap_or(0); 32]);
            let name = name.parse().expect("a name in its form");
            market.send(operator, Command::OpenAccount { name, role, why: Why::NONE });
            let rights = role.rights();
            market.send(
                operator,
                Command::RegisterKey { account, public, rights, expires: Timestamp::MAX, why: Why::NONE },
            );
            let (currency, amount) = (spec.currency, 1_000_000_000);
            market.send(
                operator,
                Command::DepositCash { account, currency, amount, external: 1, why: Why::NONE },
            );
        }
        for contract in market.contracts() {
            market.send(KeyNo(2), Command::DepositCapacity { contract, units: 500, external: 1 });
        }
        market
    }

    /// The genesis comes from nobody: it goes around the core's batches, into the journal and the engine.
    fn genesis(&mut self) {
        let command = Command::Genesis { operator: PublicKey([1; 32]), seed: 0 };
        let stamped = types::Stamped { sequence: 1, time: self.now, sender: None, command };
        sequencer::encode(&stamped, &mut self.journal);
        let mut engine = Engine::new();
        engine.apply(&stamped, &mut Output::default());
        self.core = Core::new(engine);
    }

    /// Contracts in a row, for blocks, and one whose class has longer slots.
    fn contracts(&self) -> [ContractId; 4] {
        let (one, other) = (ClassNo(1), ClassNo(0));
        let [next, later] = [1, 2].map(|hours| FIRST_SLOT.plus(hours));
        [(one, FIRST_SLOT), (one, next), (one, later), (other, later)]
            .map(|(no, start)| ContractId::new(no, start))
    }

    /// Carries out what an input asks: whose command it is and when comes from its number, and what it names is
    /// mostly made to be there.
    fn ask(&mut self, number: u64, command: Command) {
        let key = KeyNo(1 + u32::try_from(number % 4).unwrap_or(0));
        self.now = Timestamp(
            self.now.0
                + [0, 0, 0, 1, MINUTE, 7 * MINUTE, 45 * MINUTE, 0]
                    [usize::try_from(number >> 2 & 7).unwrap_or(0)],
        );
        let contract = |contract: ContractId| {
            let choice = usize::try_from(contract.0 % 5).unwrap_or(4);
            self.contracts().get(choice).copied().unwrap_or(contract)
        };
        let command = match command {
            Command::NewOrder(order) => {
                let (contract, price, units) =
                    (contract(order.contract), near(order.price), few(order.units));
                let trigger = order.trigger.map(near);
                let slots = if order.slots > 1 { 2 + order.slots % 2 } else { order.slots };
                Command::NewOrder(NewOrder { contract, slots, price, units, trigger, ..order })
            }
            Command::Cancel(order) => Command::Cancel(self.named(key, order)),
            Command::Replace { order, price, units } => {
                Command::Replace { order: self.named(key, order), price: near(price), units: few(units) }
            }
            Command::DepositCapacity { contract: of, units, external } => {
                Command::DepositCapacity { contract: contract(of), units, external }
            }
            command => command,
        };
        // Whoever asks for an odd grace is gone at once.
        let is_gone = matches!(command, Command::CancelOnDisconnect { grace } if grace % 2 == 1);
        self.send(key, command);
        if is_gone {
            self.batch(Some(Inbound::disconnected(key)));
        }
    }

    /// An order of the number, or near the id, that is asked for.
    fn named(&self, key: KeyNo, order: OrderRef) -> OrderRef {
        match order {
            OrderRef::Number(number) => {
                let last = self.numbers.get(&(key, 0)).copied().unwrap_or(0);
                OrderRef::Number(number % (last + 2))
            }
            OrderRef::Id { order, slot } => {
                let near = order % (self.core.engine().last_sequence() + 2);
                let known = self.slots.get(&near).copied().filter(|_| slot % 4 != 3);
                OrderRef::Id { order: near, slot: known.unwrap_or(slot) }
            }
        }
    }

    fn send(&mut self, key: KeyNo, command: Command) {
        let lane = lane_of(&command).unwrap_or(Lane::Cancels);
        let number = self.numbers.entry((key, u8::from(lane == Lane::Cancels))).or_default();
        *number += 1;
        let sender = Sender { key, lane, number: *number };
        self.batch(Some(Inbound::sent(sender, command)));
    }

    /// Does the pending work.
    fn go_on(&mut self) {
        let mut batches = 0;
        while self.core.is_due(self.now) {
            self.batch(None);
            batches += 1;
            assert!(batches < 1_000, "pending work comes to an end");
        }
    }

    fn batch(&mut self, inbound: Option<Inbound>) {
        self.core.stamp(self.now, inbound, &mut self.journal);
        let mut output = Output::default();
        self.core.apply(&mut output);
        for report in &output.reports {
            if let ReportBody::Accepted { order, slot, .. } | ReportBody::Replaced { order, slot, .. } =
                report.body
            {
                self.slots.insert(order, slot);
            }
            let mut bytes = Vec::new();
            encode_report(report, &mut bytes);
            let Ok(Some((frame, []))) = split(&bytes) else { panic!("a report is one message") };
            let expected = types::Report { account: report.account, ..*report };
            assert_eq!(ServerMessage::decode(frame), Ok(ServerMessage::Report(expected)));
            self.kinds.push(match report.body {
                ReportBody::Rejected { code, .. } => Trace::of(code.number()),
                ReportBody::Cancelled { reason, .. } => Trace::of(("cancelled", discriminant(&reason))),
                body => Trace::of(discriminant(&body)),
            });
        }
        for command in commands(&output.events) {
            let command = by_contract(command);
            let several = groups(&command).count() > 1;
            groups(&command).for_each(|group| self.follow(group, several));
            self.no_book_is_crossed(&command);
        }
    }

    /// After a command, whole, no book in continuous trading is crossed.
    fn no_book_is_crossed(&self, command: &[types::MarketEvent]) {
        for event in command {
            let book = self.books.get(&event.contract).expect("it was followed");
            if let Err(error) = book.check_whole() {
                panic!("{error}: {event:?}");
            }
        }
    }

    /// Takes a change of a book through the wire into the public book.
    fn follow(&mut self, group: &[types::MarketEvent], several: bool) {
        let mut bytes = Vec::new();
        encode_increment(group, several, &mut bytes);
        for frame in Frames::new(&bytes) {
            let Ok(Ok(FeedMessage::Increment(increment))) = frame.map(FeedMessage::decode) else {
                panic!("an increment is read as one");
            };
            let book = self.books.entry(increment.contract).or_default();
            for event in increment.events() {
                let event = event.expect("what is written is read");
                if let Err(error) = book.follow(&event) {
                    panic!("{error}: {event:?}");
                }
                self.kinds.push(Trace::of(("event", discriminant(&event.body))));
            }
        }
    }

    /// What must hold at the end.
    fn judge(&self) {
        let engine = self.core.engine();
        if let Err(error) = engine.audit() {
            panic!("{error}");
        }
        let mut again = Engine::new();
        for stamped in records(&self.journal) {
            again.apply(&stamped.expect("what was journaled is read"), &mut Output::default());
        }
        assert_eq!(again.digest(), engine.digest(), "a replay comes to another state");
        let (mut state, mut state_again) = (Vec::new(), Vec::new());
        engine.emit_state(&mut state);
        again.emit_state(&mut state_again);
        assert_eq!(state, state_again);
        self.books_agree(&state);
    }

    fn books_agree(&self, state: &[StateEvent]) {
        let mut expected: BTreeMap<ContractId, PublicBook> = BTreeMap::new();
        for event in state {
            match *event {
                StateEvent::Contract { contract, phase, sequence, last_price, auction_price } => {
                    let book = PublicBook::at(sequence, phase, last_price);
                    expected.insert(contract, book.with_auction(auction_price, Indicative::default()));
                }
                StateEvent::Order(open) if open.terms.is_block() => {
                    let book = expected.get_mut(&open.terms.contract).expect("its contract comes first");
                    let NewOrder { side, price, slots, min_units, same_provider, .. } = open.terms;
                    let (order, units) = (open.order, open.left);
                    let block = BlockEntry { order, side, price, slots, units, min_units, same_provider };
                    book.apply(&types::MarketBody::Block(block)).expect("the engine's block is a block");
                }
                StateEvent::Order(open) if open.shown > 0 => {
                    let book = expected.get_mut(&open.terms.contract).expect("its contract comes first");
                    let (order, side, price, units) =
                        (open.order, open.terms.side, open.terms.price, open.shown);
                    let entry = types::MarketEntry { order, side, price, units };
                    book.apply(&types::MarketBody::Add(entry)).expect("the engine's book is a book");
                }
                _ => {}
            }
        }
        for (contract, book) in &expected {
            let public = self.books.get(contract);
            let shown = |book: &PublicBook| {
                (book.digest(), book.phase(), book.last_price(), book.auction_price(), book.len())
            };
            let found = public.map_or_else(|| shown(&PublicBook::new()), shown);
            assert_eq!(found, shown(book), "the public book of {contract:?}");
        }
        let gone = self.books.iter().filter(|(contract, _)| !expected.contains_key(contract));
        assert!(gone.into_iter().all(|(_, book)| book.is_empty()), "a contract is gone, but not its orders");
    }
}

/// A price that may be asked, near all the others; any other one as it is.
fn near(price: Ticks) -> Ticks {
    if (1..=PRICE_MAX).contains(&price) { 90 + price % 24 } else { price }
}

/// A quantity that may be asked, like all the others; any other one as it is.
fn few(units: Units) -> Units {
    if (1..=UNITS_MAX).contains(&units) { 1 + units % 32 } else { units }
}

/// So many minutes after the market's beginning.
fn at(minutes: u64) -> Timestamp {
    Timestamp(Hour(FIRST_SLOT.0 - 3).starts().0 + minutes * MINUTE)
}
