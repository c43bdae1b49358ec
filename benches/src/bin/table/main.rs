//! Prints the tables of docs/performance.md as they stand there: `cargo run --release -p benches --bin table`.
//!
//! Nanoseconds of processor time per message, reports pushed, the least of some rounds. All contenders of a line
//! take turns in the same process, each on a new book, so that their ratios hold whatever the machine's mood.
//! `--quick` does a fiftieth of everything, once; `--hot`, `--contracts`, `--large`, `--tail`,
//! `--exchange`, `--blocks`, `--closing`, `--memory`, `--snapshots` and `--recovery` print one part only.
//! `--resting-market DIR` prints nothing and writes the market that `--recovery` brings back, so that the program itself
//! can be started on it.
#![allow(clippy::print_stdout)]

mod blocks;
mod closing;
mod exchange;
mod hot;
mod line;
mod memory;
mod recovery;
mod snapshots;
mod tail;
mod wide;

/// How much is done.
#[derive(Clone, Copy)]
struct Effort {
    /// Flows are so many times smaller.
    scale: u32,
    /// How often the quick contenders run; the slow ones run once.
    rounds: usize,
}

/// An argument and what it prints.
type Part = (&'static str, fn(Effort));

const PARTS: [Part; 10] = [
    ("--hot", hot::print),
    ("--contracts", wide::print_contracts),
    ("--large", wide::print_large),
    ("--tail", tail::print),
    ("--exchange", exchange::print),
    ("--blocks", blocks::print),
    ("--memory", memory::print),
    ("--snapshots", snapshots::print),
    ("--recovery", recovery::print),
    ("--closing", closing::print),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if memory::measured_itself(&arguments) || recovery::written_market(&arguments) {
        return;
    }
    let mut effort = Effort { scale: 1, rounds: 4 };
    let mut wanted = Vec::new();
    for argument in &arguments {
        match PARTS.iter().find(|(name, _)| name == argument) {
            Some(part) => wanted.push(*part),
            None if argument == "--quick" => effort = Effort { scale: 50, rounds: 1 },
            None => {
                println!("unknown argument {argument}: --quick, {}", PARTS.map(|(name, _)| name).join(", "));
                std::process::exit(2);
            }
        }
    }
    let parts = if wanted.is_empty() { PARTS.to_vec() } else { wanted };
    parts.iter().for_each(|(_, print)| print(effort));
}
