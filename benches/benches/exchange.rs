//! The exchange around the book: `Engine::apply_all` with accounts, reservations, reports and market events, and the
//! book alone on the same flow; and singles with blocks at rest beside them. `cargo bench -p benches --bench exchange`;
//! once each, not measured: `cargo test -p benches --bench exchange`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a bench fails by panicking")]

use benches::blocks::{BlockMarket, Waiting};
use benches::books::Books;
use benches::exchange::exchange;
use benches::flow::SCENARIOS;
use benches::reports::{RING, Reports};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use engine::Engine;
use types::Output;

/// New orders of one flow.
const ORDERS: u32 = 50_000;
/// Accounts they come from, each with a key of its own.
const ACCOUNTS: u32 = 10_000;
/// How many commands a batch has.
const BATCH: usize = 256;

fn scenarios(criterion: &mut Criterion) {
    for scenario in SCENARIOS {
        let messages = scenario.messages(ORDERS);
        let (ready, stamped) = exchange(&messages, ACCOUNTS);
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
                for batch in stamped.chunks(BATCH) {
                    engine.apply_all(batch, &mut out);
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

/// The same singles with and without blocks at rest in their slots.
fn blocks(criterion: &mut Criterion) {
    const COMMANDS: u32 = 20_000;
    let mut group = criterion.benchmark_group("exchange, singles of one class");
    group.throughput(Throughput::Elements(u64::from(COMMANDS))).sample_size(10);
    for (name, waiting) in [("no blocks", Waiting::Nothing), ("10,000 blocks at rest", Waiting::Blocks)] {
        let market = BlockMarket::new(waiting, 10_000, COMMANDS);
        let stamped = market.stamped();
        let mut out = Output::default();
        group.bench_function(name, |bencher| {
            let run = |engine: &mut Engine| {
                for batch in stamped.chunks(BATCH) {
                    engine.apply_all(batch, &mut out);
                    out.clear();
                }
            };
            bencher.iter_batched_ref(|| market.engine.clone(), run, BatchSize::PerIteration);
        });
        assert!(market.engine.audit().is_ok());
    }
    group.finish();
}

criterion_group!(all, scenarios, blocks);
criterion_main!(all);
