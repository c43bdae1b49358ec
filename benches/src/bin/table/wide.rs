//! Many books, and books with many orders or levels: ours with and without a look ahead, and the two of others
//! that can do them in a bearable time.

use crate::Effort;
use crate::line::{Line, head};
use benches::bare::{self, Bare};
use benches::books::{Books, Command};
use benches::clock::nanos_each;
use benches::flow::Message;
use benches::peers::{Contender, Matchcore, RustOb};
use benches::reports::{RING, Reports};
use benches::wide::{MIDDLE, Spread, Wide};

const WHO: [&str; 6] =
    ["dispatch and push", "bare slab and ladder", "cuex", "the same, looking ahead", "matchcore", "rust_ob"];
const AHEAD: usize = 3;
const MATCHCORE: usize = 4;
const RUST_OB: usize = 5;

/// The bare ladder starts so far below the middle.
const BELOW: i64 = 1 << 17;

const ABOUT: &str = "Own ids; ns per message. In brackets: times that of cuex looking ahead.";

pub(crate) fn print_contracts(effort: Effort) {
    columns("More contracts: about five orders each, over 20 levels a side", "contracts");
    let sizes = [
        (1, Spread::Uniform),
        (1_000, Spread::Uniform),
        (1_000, Spread::Zipf),
        (201_600, Spread::Uniform),
        (201_600, Spread::Zipf),
    ];
    for (contracts, spread) in sizes {
        let contracts = (contracts / effort.scale).max(1);
        let messages = 2_000_000 / effort.scale;
        let wide = Wide { contracts, spread, resting: contracts * 5, levels: 20, messages };
        measure(&format!("{contracts} {}", format!("{spread:?}").to_lowercase()), wide, effort.rounds.min(3));
    }
}

pub(crate) fn print_large(effort: Effort) {
    let wide = |resting: u32, levels: u32| {
        let (resting, levels) = (resting / effort.scale, (levels / effort.scale).max(10));
        let messages = 1_000_000 / effort.scale;
        Wide { contracts: 1, spread: Spread::Uniform, resting, levels, messages }
    };
    let rounds = effort.rounds.min(2);
    columns("More orders: one book, 2,000 levels a side", "orders");
    for resting in [1_000, 10_000, 100_000, 1_000_000] {
        let wide = wide(resting, 2_000);
        measure(&wide.resting.to_string(), wide, rounds);
    }
    columns("More levels: one book, 100,000 orders; in the last line 1,000,000", "levels a side");
    for levels in [10, 100, 1_000, 10_000, 100_000] {
        let wide = wide(100_000, levels);
        measure(&wide.levels.to_string(), wide, rounds);
    }
    let wide = wide(1_000_000, 100_000);
    measure(&wide.levels.to_string(), wide, rounds);
}

fn columns(title: &str, first: &str) {
    let columns: Vec<&str> = [first].into_iter().chain(WHO).collect();
    head(title, ABOUT, &columns);
}

fn measure(name: &str, wide: Wide, rounds: usize) {
    let (placed, follow) = wide.make(1);
    let all: Vec<Message> = placed.iter().chain(&follow).copied().collect();
    let commands = Books::commands(wide.contracts, &all);
    let (place, then) = commands.split_at(placed.len());
    let mut line = Line::new(name, WHO.len());
    for round in 0..rounds {
        for who in 0..WHO.len() {
            let may = match who {
                // A ladder for each of many books would be another floor.
                1 => wide.contracts == 1,
                RUST_OB => round == 0,
                _ => true,
            };
            if !may {
                continue;
            }
            let mut reports = Reports::new(RING);
            let nanos = match who {
                0 => nanos_each(follow.len(), || bare::dispatch(&follow, &mut reports)),
                1 => time_bare(place, then),
                2 | AHEAD => time_books(wide.contracts, place, then, who == AHEAD, &mut reports),
                MATCHCORE => {
                    time(Matchcore::new(wide.contracts, all.len() + 1), &placed, &follow, &mut reports)
                }
                _ => time(RustOb::new(wide.contracts), &placed, &follow, &mut reports),
            };
            line.ran(who, nanos);
        }
    }
    line.print(AHEAD, MATCHCORE);
}

fn time_bare(place: &[Command], then: &[Command]) -> f64 {
    let mut bare = Bare::new(MIDDLE - BELOW);
    bare.run(place);
    nanos_each(then.len(), || bare.run(then))
}

fn time_books(
    contracts: u32,
    place: &[Command],
    then: &[Command],
    ahead: bool,
    reports: &mut Reports,
) -> f64 {
    let mut books = Books::new(contracts);
    books.run(place, true, reports);
    nanos_each(then.len(), || books.run(then, ahead, reports))
}

fn time(mut contender: impl Contender, placed: &[Message], follow: &[Message], reports: &mut Reports) -> f64 {
    contender.run(placed, reports);
    nanos_each(follow.len(), || contender.run(follow, reports))
}
