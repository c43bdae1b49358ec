//! The five scenarios on one book, with reports pushed: floors, ours by client ids and by its own, and others.

use crate::Effort;
use crate::line::{Line, head};
use benches::bare::{self, Bare};
use benches::books::{Books, Command};
use benches::clock::nanos_each;
use benches::flow::{Message, SCENARIOS};
use benches::peers::{Contender, Lobster, Matchcore, OrderbookRs, RustOb, Shim};
use benches::reports::{RING, Reports, Trade};

/// The columns of the table. Those from [`MATCHCORE`] on are books of others.
const WHO: [&str; 9] = [
    "dispatch and push",
    "bare slab and ladder",
    "cuex, client ids",
    "cuex, own ids",
    "the same, looking ahead",
    "matchcore 0.4.0",
    "rust_ob 2.5.3",
    "lobster 0.7.0",
    "orderbook-rs 0.15.3",
];
const SHIM: usize = 2;
const MATCHCORE: usize = 5;
/// From here on a contender takes microseconds a message, and gets a tenth of the orders, once.
const SLOW: usize = 7;

/// A scenario's messages, and what is needed beside them.
struct Flow {
    messages: Vec<Message>,
    /// For those who name orders by slot.
    commands: Vec<Command>,
    /// The same with a tenth of the orders.
    few: Vec<Message>,
}

pub(crate) fn print(effort: Effort) {
    let orders = 1_000_000 / effort.scale;
    let about = format!(
        "{orders} new orders a scenario; ns per message. The last two ran with a tenth of the orders. In brackets: \
         times that of cuex by client ids."
    );
    let columns: Vec<&str> = ["scenario"].into_iter().chain(WHO).collect();
    head("One book, five scenarios", &about, &columns);
    let mut worst = [0.0_f64; WHO.len()];
    let mut notes = Vec::new();
    for scenario in SCENARIOS {
        let messages = scenario.messages(orders);
        let commands = Books::commands(1, &messages);
        let flow = Flow { messages, commands, few: scenario.messages(orders / 10) };
        let line = measure(scenario.name, &flow, effort.rounds);
        line.print(SHIM, MATCHCORE);
        for (who, worst) in worst.iter_mut().enumerate() {
            *worst = worst.max(line.nanos(who).unwrap_or(0.0));
        }
        notes.push(note(scenario.name, &flow));
    }
    let mut line = Line::new("**worst of five**", WHO.len());
    worst.iter().enumerate().for_each(|(who, &nanos)| line.ran(who, nanos));
    line.print(SHIM, MATCHCORE);

    let columns = ["scenario", "messages", "trades", "most orders resting", "trades unlike ours"];
    head("What was traded", "Trades compared on a tenth of the orders.", &columns);
    notes.iter().for_each(|note| println!("{note}"));
}

fn measure(name: &str, flow: &Flow, rounds: usize) -> Line {
    let mut line = Line::new(name, WHO.len());
    for round in 0..rounds {
        for who in (0..WHO.len()).filter(|&who| who < SLOW || round == 0) {
            line.ran(who, run(who, flow));
        }
    }
    line
}

fn run(who: usize, flow: &Flow) -> f64 {
    let Flow { messages, commands, few } = flow;
    let mut reports = Reports::new(RING);
    match who {
        0 => nanos_each(messages.len(), || bare::dispatch(messages, &mut reports)),
        1 => {
            let mut bare = Bare::new(0);
            nanos_each(commands.len(), || bare.run(commands))
        }
        SHIM => time(Shim::default(), messages, &mut reports),
        3 | 4 => {
            let mut books = Books::new(1);
            nanos_each(commands.len(), || books.run(commands, who == 4, &mut reports))
        }
        MATCHCORE => time(Matchcore::new(1, messages.len() + 1), messages, &mut reports),
        6 => time(RustOb::new(1), messages, &mut reports),
        SLOW => time(Lobster::new(1, 1 << 16), few, &mut reports),
        _ => time(OrderbookRs::new(1), few, &mut reports),
    }
}

fn time(mut contender: impl Contender, messages: &[Message], reports: &mut Reports) -> f64 {
    nanos_each(messages.len(), || contender.run(messages, reports))
}

/// The flow in numbers, and who trades otherwise.
fn note(name: &str, flow: &Flow) -> String {
    let few = &flow.few;
    let ours = trades(Shim::default(), few);
    let theirs = [
        ("matchcore", trades(Matchcore::new(1, few.len() + 1), few)),
        ("rust_ob", trades(RustOb::new(1), few)),
        ("lobster", trades(Lobster::new(1, 1 << 16), few)),
        ("orderbook-rs", trades(OrderbookRs::new(1), few)),
    ];
    let unlike = theirs.iter().filter(|(_, theirs)| *theirs != ours).map(|(name, theirs)| {
        let same = ours.iter().zip(theirs).take_while(|(ours, theirs)| ours == theirs).count();
        format!("{name} from the {}. on", same + 1)
    });
    let unlike: Vec<String> = unlike.collect();
    let unlike = if unlike.is_empty() { "nobody's".to_owned() } else { unlike.join(", ") };
    let mut books = Books::new(1);
    let (mut reports, mut most) = (Reports::new(flow.messages.len() * 4), 0);
    for (command, sequence) in flow.commands.iter().zip(0..) {
        books.apply(sequence, command, &mut reports);
        most = most.max(books.resting());
    }
    format!("| {name} | {} | {} | {most} | {unlike} |", flow.messages.len(), reports.trades().len())
}

fn trades(mut contender: impl Contender, messages: &[Message]) -> Vec<Trade> {
    let mut reports = Reports::new(messages.len() * 4);
    contender.run(messages, &mut reports);
    reports.trades()
}
