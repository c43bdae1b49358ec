//! `libcuex_challenge.so` driven through its C interface, against a naive book and on the classic defects.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test fails by panicking, and its helpers too")]

mod defects;
mod library;
mod naive;

use cuex_challenge::Report;
use cuex_challenge::abi::{Cancel, Message, Modify, NewOrder, Transport};
use library::{Ask, Engine, Queue};
use naive::{Naive, Told};

#[test]
fn reports_are_those_of_a_naive_book_by_every_way_in_and_out() {
    for seed in 1..4 {
        let asks = stream(seed, 20_000);
        let mut naive = Naive::default();
        asks.iter().for_each(|&ask| naive.ask(ask));
        assert!(naive.told.iter().filter(|told| told.trade.is_some()).count() > 1_000);
        for (through, in_batches) in
            [(Queue::Harness, false), (Queue::Harness, true), (Queue::Own, false), (Queue::Own, true)]
        {
            let mut engine = Engine::start(through);
            if in_batches {
                engine.ask_in_batches(&asks)
            } else {
                engine.ask(&asks)
            }
            let told: Vec<Told> = engine.reports().iter().map(Told::of).collect();
            for (at, (is, should)) in told.iter().zip(&naive.told).enumerate() {
                assert_eq!(is, should, "report {at}, seed {seed}");
            }
            assert_eq!(told.len(), naive.told.len(), "seed {seed}");
            assert_eq!(engine.best(), naive.best(), "seed {seed}");
            for order in &naive.orders {
                let level = naive
                    .orders
                    .iter()
                    .filter(|other| (other.side, other.price) == (order.side, order.price));
                let depth: u64 = level.map(|order| u64::from(order.units)).sum();
                assert_eq!(engine.depth_at(order.price, order.side), depth, "seed {seed}");
            }
        }
    }
}

#[test]
fn the_structures_have_the_sizes_of_the_interface() {
    let sizes = [size_of::<NewOrder>(), size_of::<Cancel>(), size_of::<Modify>(), size_of::<Report>()];
    assert_eq!(sizes, [32, 16, 32, 64]);
    assert_eq!((size_of::<Transport>(), size_of::<Message>()), (40, 40));
}

/// A stream with every kind of message, ids that come again, and prices that jump.
fn stream(seed: u64, count: usize) -> Vec<Ask> {
    let mut state = seed;
    let mut random = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut live = vec![7];
    let one = |at: usize| {
        let far = if at % 5_000 < 4_000 { 0 } else { 1_000_000 };
        let price = i64::try_from(1_000 + far + random(30)).unwrap();
        let side = u8::from(random(2) == 1);
        let units = u32::try_from(1 + random(50)).unwrap();
        let known = live[random(live.len())];
        match random(10) {
            0..=4 => {
                // Most ids are dense; a few are far out.
                let id = 1_000 + at as u64 + if random(50) == 0 { 1 << 40 } else { 0 };
                live.push(id);
                Ask::New { id, side, price, units }
            }
            5 => Ask::Ioc { id: (1 << 30) + at as u64, side, price, units },
            6 => Ask::Modify { id: known, side, price, units },
            _ => Ask::Cancel { id: known },
        }
    };
    (0..count).map(one).collect()
}
