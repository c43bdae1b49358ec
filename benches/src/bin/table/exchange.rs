//! The exchange around the book: accounts, reservations, reports and market events, beside the book alone.

use crate::Effort;
use crate::line::{Line, head};
use benches::books::Books;
use benches::clock::nanos_each;
use benches::exchange::exchange;
use benches::flow::SCENARIOS;
use benches::reports::{RING, Reports};
use types::Output;

const ACCOUNTS: u32 = 10_000;

pub(crate) fn print(effort: Effort) {
    let (orders, accounts) = (200_000 / effort.scale, ACCOUNTS / effort.scale);
    let about = format!(
        "`Engine::apply`, the thing that is run, with {accounts} accounts and {orders} new orders a scenario; ns per \
         command, cancels and replaces by id and slot. In brackets: times that of the book alone by its own ids."
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
            let (mut engine, mut out) = (ready.clone(), Output::default());
            let mut run = || {
                for command in &stamped {
                    engine.apply(command, &mut out);
                    out.clear();
                }
            };
            line.ran(1, nanos_each(stamped.len(), &mut run));
        }
        line.print(0, 1);
    }
}
