//! The exchange around the book: accounts, reservations, reports and market events, beside the book alone.

use crate::Effort;
use crate::line::{Line, head};
use benches::books::Books;
use benches::clock::{each, nanos_each, nanos_of};
use benches::exchange::exchange;
use benches::flow::SCENARIOS;
use benches::reports::{RING, Reports};
use engine::Engine;
use types::{Output, Stamped};

const ACCOUNTS: u32 = 10_000;
/// How many commands a batch has, as many as the book alone is given.
const BATCH: usize = 256;

pub(crate) fn print(effort: Effort) {
    let (orders, accounts) = (200_000 / effort.scale, ACCOUNTS / effort.scale);
    let about = format!(
        "`Engine::apply_all`, the thing that is run, on batches of {BATCH} with {accounts} accounts and {orders} new \
         orders a scenario; ns per command, cancels and replaces by id and slot. In brackets: times that of the book \
         alone by its own ids."
    );
    head("The whole exchange", &about, &["scenario", "book alone", "exchange"]);
    for scenario in SCENARIOS {
        let messages = scenario.messages(orders);
        let commands = Books::commands(1, &messages);
        let (ready, stamped) = exchange(&messages, accounts);
        let mut line = Line::new(scenario.name, 2);
        for _ in 0..effort.rounds {
            let (mut books, mut reports) = (Books::new(1), Reports::new(RING));
            line.ran(0, nanos_each(commands.len(), || books.run(&commands, false, &mut reports)));
            line.ran(1, time_exchange(ready.clone(), &stamped));
        }
        line.print(0, 1);
    }
}

/// Each batch lies in the cache when it is applied, as it does when the sequencer has just stamped it.
fn time_exchange(mut engine: Engine, stamped: &[Stamped]) -> f64 {
    let (mut coming, mut out) = (Vec::with_capacity(BATCH), Output::default());
    let mut nanos = 0;
    for batch in stamped.chunks(BATCH) {
        coming.clear();
        coming.extend_from_slice(batch);
        nanos += nanos_of(|| engine.apply_all(&coming, &mut out));
        out.clear();
    }
    each(nanos, stamped.len())
}
