//! What a book takes: no allocation per message in the steady state, and few bytes.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking")]

use allocation_counter::measure;
use benches::books::{Books, Command};
use benches::exchange::{exchange, refusals};
use benches::flow::{Kind, Message, SCENARIOS, Scenario};
use benches::peers::{Contender, Shim};
use benches::reports::Reports;
use benches::wide::{Spread, Wide};
use engine::{Book, Node, Slab};
use types::{Output, Side};

/// A flow, then cancels of all its orders, then the same flow under other ids. The first warms every part up to its
/// peak; the second must find all it needs.
fn twice(scenario: Scenario, orders: u32) -> (Vec<Message>, Vec<Message>) {
    let flow = scenario.messages(orders);
    let empty = flow.iter().map(|message| Message { kind: Kind::Cancel, ..*message });
    let again = flow.iter().map(|message| Message { id: message.id + u64::from(orders), ..*message });
    (flow.iter().copied().chain(empty).collect(), again.collect())
}

#[test]
fn one_book_by_its_own_ids_allocates_nothing_in_the_steady_state() {
    for scenario in SCENARIOS {
        let (warm, steady) = twice(scenario, 20_000);
        let commands = Books::commands(1, &[warm.as_slice(), steady.as_slice()].concat());
        let (first, second) = commands.split_at(warm.len());
        for ahead in [false, true] {
            let (mut books, mut reports) = (Books::new(1), Reports::new(64));
            books.run(first, ahead, &mut reports);
            let counted = measure(|| books.run(second, ahead, &mut reports));
            assert_eq!(counted.count_total, 0, "{}", scenario.name);
        }
    }
}

#[test]
fn the_shim_allocates_nothing_in_the_steady_state() {
    for scenario in SCENARIOS {
        let (warm, steady) = twice(scenario, 20_000);
        let (mut shim, mut reports) = (Shim::default(), Reports::new(64));
        shim.run(&warm, &mut reports);
        let counted = measure(|| shim.run(&steady, &mut reports));
        assert_eq!(counted.count_total, 0, "{}", scenario.name);
    }
}

#[test]
fn the_whole_exchange_allocates_nothing_in_the_steady_state() {
    for scenario in SCENARIOS {
        let (warm, steady) = twice(scenario, 20_000);
        let (mut engine, commands) = exchange(&[warm.as_slice(), steady.as_slice()].concat(), 1_000);
        let mut out = Output::default();
        let mut filled = 0;
        let mut run = |commands: &[types::Stamped]| {
            for command in commands {
                engine.apply(command, &mut out);
                filled += out.events.len();
                out.clear();
            }
        };
        run(&commands[..warm.len()]);
        let counted = measure(|| run(&commands[warm.len()..]));
        assert_eq!(counted.count_total, 0, "{}", scenario.name);
        assert!(filled > commands.len() / 2 && refusals(&out) == 0);
    }
}

#[test]
fn many_books_allocate_less_and_less() {
    let wide =
        Wide { contracts: 2_000, spread: Spread::Zipf, resting: 10_000, levels: 20, messages: 400_000 };
    let (placed, follow) = wide.make(3);
    let all: Vec<Message> = placed.iter().chain(&follow).copied().collect();
    let commands = Books::commands(wide.contracts, &all);
    let (warm, steady) = commands.split_at(300_000);
    let (mut books, mut reports) = (Books::new(wide.contracts), Reports::new(64));
    books.run(warm, true, &mut reports);
    let counted = measure(|| books.run(steady, true, &mut reports));
    // What is left are books that were never before this large.
    assert!(counted.count_total * 200 < steady.len() as u64, "{} allocations", counted.count_total);
}

#[test]
fn icebergs_allocate_nothing_once_as_many_were_there() {
    let (mut book, mut slab, mut fills) = (Book::default(), Slab::new(), Vec::with_capacity(64));
    let mut round = |first: u64| {
        for id in first..first + 40 {
            let price = i64::try_from(id % 4).unwrap();
            book.rest_iceberg(&mut slab, id, 1, Side::Sell, price, 10, 4);
        }
        for _ in 0..10 {
            book.take(&mut slab, Side::Buy, 4, 40, 2, false, &mut fills);
            fills.clear();
        }
    };
    round(1);
    assert_eq!(measure(|| round(100)).count_total, 0);
    assert!(book.is_empty() && slab.is_empty());
}

/// A contract with orders at so many prices a side, as commands.
fn orders(contracts: u32, each: u32) -> Vec<Command> {
    let mut messages = Vec::new();
    for at in 0..each {
        for contract in 0..contracts {
            let away = i64::from(1 + at / 2);
            let (side, price) = if at % 2 == 0 { (Side::Buy, 100 - away) } else { (Side::Sell, 100 + away) };
            let id = messages.len() as u64 + 1;
            messages.push(Message { kind: Kind::New, side, quantity: 1, id, price, contract });
        }
    }
    Books::commands(contracts, &messages)
}

#[test]
fn a_thin_contract_takes_at_most_256_bytes_and_an_untouched_one_nothing_but_its_place() {
    assert!(size_of::<Book>() + 5 * size_of::<Node>() <= 256);
    let commands = orders(1_000, 5);
    let (mut books, mut reports) = (Books::new(1_000), Reports::new(64));
    let counted = measure(|| books.run(&commands, true, &mut reports));
    // Books and slab have their room already: 96 bytes a book and 32 an order are all there is.
    assert_eq!((counted.bytes_total, books.resting()), (0, 5_000));
}

#[test]
fn a_hot_resting_order_takes_at_most_64_bytes() {
    assert!(size_of::<Node>() <= 64);
    // Ten orders at each of 2,000 prices a side: levels and bitmaps are part of the bill.
    let (mut book, mut slab) = (Book::default(), Slab::new());
    let orders = 40_000;
    let mut rest = || {
        for at in 0..orders {
            let away = i64::try_from(at / 2 % 2_000).unwrap() + 1;
            let (side, price) =
                if at % 2 == 0 { (Side::Buy, 9_000 - away) } else { (Side::Sell, 9_000 + away) };
            book.rest(&mut slab, at + 1, 1, side, price, 1);
        }
    };
    let counted = measure(&mut rest);
    assert_eq!((book.len(), book.check(&slab)), (40_000, Ok(())));
    // A slab that grows moves by doubling, so what counts is what is kept in the end.
    assert!(counted.bytes_current <= 64 * 40_000, "{} bytes", counted.bytes_current);
}
