//! The book's criterion benches: the five scenarios by client ids and by its own, with the floors below and a peer
//! beside it, many thin books, and one large book. `cargo bench -p benches --bench book`; once each, not measured:
//! `cargo test -p benches --bench book`.

#![allow(missing_docs, reason = "criterion's macros make a function")]

use benches::bare::{self, Bare};
use benches::books::Books;
use benches::flow::{Message, SCENARIOS};
use benches::peers::{Contender, Matchcore, Shim};
use benches::reports::{RING, Reports};
use benches::wide::{Spread, Wide};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn scenarios(criterion: &mut Criterion) {
    for scenario in SCENARIOS {
        let messages = scenario.messages(50_000);
        let commands = Books::commands(1, &messages);
        let mut reports = Reports::new(RING);
        let mut group = criterion.benchmark_group(scenario.name);
        group.throughput(Throughput::Elements(messages.len() as u64)).sample_size(10);
        group.bench_function("dispatch and push", |bencher| {
            bencher.iter(|| bare::dispatch(&messages, &mut reports));
        });
        group.bench_function("bare slab and ladder", |bencher| {
            bencher.iter_batched_ref(|| Bare::new(0), |bare| bare.run(&commands), BatchSize::PerIteration);
        });
        group.bench_function("client ids", |bencher| {
            let run = |shim: &mut Shim| shim.run(&messages, &mut reports);
            bencher.iter_batched_ref(Shim::default, run, BatchSize::PerIteration);
        });
        group.bench_function("own ids", |bencher| {
            let run = |books: &mut Books| books.run(&commands, false, &mut reports);
            bencher.iter_batched_ref(|| Books::new(1), run, BatchSize::PerIteration);
        });
        group.bench_function("matchcore", |bencher| {
            let run = |peer: &mut Matchcore| peer.run(&messages, &mut reports);
            let ready = || Matchcore::new(1, messages.len() + 1);
            bencher.iter_batched_ref(ready, run, BatchSize::PerIteration);
        });
        group.finish();
    }
}

fn sizes(criterion: &mut Criterion) {
    let thin =
        Wide { contracts: 20_000, spread: Spread::Uniform, resting: 100_000, levels: 20, messages: 100_000 };
    let large = Wide { contracts: 1, levels: 2_000, ..thin };
    for (name, wide) in [("thin", thin), ("large", large)] {
        let (placed, follow) = wide.make(1);
        let all: Vec<Message> = placed.iter().chain(&follow).copied().collect();
        let commands = Books::commands(wide.contracts, &all);
        let (place, then) = commands.split_at(placed.len());
        let mut reports = Reports::new(RING);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(then.len() as u64)).sample_size(10);
        for (name, ahead) in [("as they come", false), ("looking ahead", true)] {
            group.bench_function(name, |bencher| {
                let ready = || {
                    let mut books = Books::new(wide.contracts);
                    books.run(place, true, &mut Reports::new(1));
                    books
                };
                let run = |books: &mut Books| books.run(then, ahead, &mut reports);
                bencher.iter_batched_ref(ready, run, BatchSize::PerIteration);
            });
        }
        group.finish();
    }
}

criterion_group!(all, scenarios, sizes);
criterion_main!(all);
