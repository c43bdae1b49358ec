//! The book's own time for single messages: its spread.

use crate::Effort;
use crate::line::head;
use benches::books::{Books, Command};
use benches::flow::SCENARIOS;
use benches::peers::{Contender, Shim};
use benches::reports::{RING, Reports};
use benches::wide::{Spread, Wide};
use std::time::Instant;

pub(crate) fn print(effort: Effort) {
    let about = format!(
        "ns for one message, by the wall clock, reading which is part of each and takes {} here. Whatever else the \
         machine does shows in the last columns.",
        clock_nanos()
    );
    head("Single messages", &about, &["flow", "p50", "p99", "p99.9", "p99.99", "most"]);
    for scenario in SCENARIOS {
        let messages = scenario.messages(1_000_000 / effort.scale);
        let (mut shim, mut reports) = (Shim::default(), Reports::new(RING));
        let times = times(&messages, |sequence, message| shim.message(sequence, message, &mut reports));
        line(&format!("{}, client ids", scenario.name), times);
    }
    let thin = 201_600 / effort.scale;
    let messages = 1_000_000 / effort.scale;
    let spread = Spread::Uniform;
    let many = Wide { contracts: thin, spread, resting: thin * 5, levels: 20, messages };
    wide("201,600 contracts, five orders each", many);
    // Few orders over many contracts: books grow and shrink past the border between their forms all the time.
    let border = Wide { contracts: 1_000, spread: Spread::Zipf, resting: 8_000, levels: 20, messages };
    wide("1,000 contracts, Zipf, eight orders each", border);
    let large = Wide { contracts: 1, spread, resting: messages, levels: 100_000, messages };
    wide("one book, 1,000,000 orders, 100,000 levels a side", large);
}

fn wide(name: &str, wide: Wide) {
    let (placed, follow) = wide.make(1);
    let all: Vec<_> = placed.iter().chain(&follow).copied().collect();
    let commands = Books::commands(wide.contracts, &all);
    let (place, then) = commands.split_at(placed.len());
    let (mut books, mut reports) = (Books::new(wide.contracts), Reports::new(RING));
    books.run(place, true, &mut reports);
    let times = times(then, |sequence, command: &Command| {
        books.apply(sequence, command, &mut reports);
    });
    line(name, times);
}

/// How long each took, the shortest first.
fn times<T>(messages: &[T], mut handle: impl FnMut(u64, &T)) -> Vec<u64> {
    let mut times = Vec::with_capacity(messages.len());
    let mut before = Instant::now();
    for (sequence, message) in messages.iter().enumerate() {
        handle(sequence as u64, message);
        let now = Instant::now();
        times.push(u64::try_from((now - before).as_nanos()).unwrap_or(u64::MAX));
        before = now;
    }
    times.sort_unstable();
    times
}

fn line(name: &str, times: Vec<u64>) {
    let at = |share: usize| times.get((times.len() - 1) * share / 10_000).copied().unwrap_or(0);
    let (p50, p99, p999, p9999) = (at(5_000), at(9_900), at(9_990), at(9_999));
    println!("| {name} | {p50} | {p99} | {p999} | {p9999} | {} |", at(10_000));
}

/// What reading the clock takes at the least.
fn clock_nanos() -> u64 {
    times(&[(); 10_000], |_, ()| ())[0]
}
