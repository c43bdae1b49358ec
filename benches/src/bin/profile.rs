//! `profile`: what each step of an order's way costs, from the output of `perf script -F comm,ip,sym` on the standard
//! input. Every sample counts for the first of the steps below whose function is on its stack; the argument is the
//! processor time of one order in microseconds, both ends together, as `cuex load` tells it.
#![allow(clippy::print_stdout, reason = "a table is printed")]

use std::collections::BTreeMap;
use std::io::{self, BufRead};

/// Threads that do one thing only.
const THREADS: [(&str, &str); 3] = [
    ("journal-prepare", "journal: the next segment"),
    ("snapshots", "snapshots: the same commands in an engine of their own"),
    ("load-feed", "load: the feed's watcher"),
];

/// A piece of a function's name, and the step it stands for. The first that is met counts, so inner steps come first.
const STEPS: [(&str, &str); 22] = [
    ("blake3", "journal: hash chain"),
    ("crc32c", "journal: checksum"),
    ("fdatasync", "journal: sync"),
    ("pwrite", "journal: write"),
    ("encode_frame", "journal: frame"),
    ("Engine::apply_all", "sequencer: apply"),
    ("Core::stamp", "sequencer: gather, stamp, encode records"),
    ("Sequencing::stamp", "sequencer: gather, stamp, encode records"),
    ("ConnectionDriver", "QUIC: packets, crypto, sending"),
    ("EndpointDriver", "QUIC: receiving"),
    ("encode_report", "gateway: encode reports"),
    ("Desk::release", "gateway: mirror, store, deliver"),
    ("Desk::commands", "gateway: decode, check"),
    ("Hub::release", "feed: books, encode"),
    ("ledger::Ledger::take", "load: ledger, trader"),
    ("client::driver::State::take", "client: decode, machine"),
    ("Session::run", "load: make and say commands"),
    ("FrameReader", "streams read"),
    ("Outbox", "streams written"),
    ("epoll_wait", "waiting and waking"),
    ("schedule", "waiting and waking"),
    ("futex", "waiting and waking"),
];

fn main() -> io::Result<()> {
    let whole: f64 = std::env::args().nth(1).and_then(|time| time.parse().ok()).unwrap_or(0.0);
    let (mut counts, mut all) = (BTreeMap::<String, u32>::new(), 0);
    let (mut thread, mut stack) = (String::new(), String::new());
    for line in io::stdin().lock().lines().chain([Ok(String::new())]) {
        let line = line?;
        if line.is_empty() {
            if !stack.is_empty() {
                *counts.entry(step(&thread, &stack)).or_default() += 1;
                all += 1;
            }
            stack.clear();
        } else if line.starts_with(char::is_whitespace) {
            stack.push_str(&line);
        } else {
            thread = line.trim().to_owned();
        }
    }
    let mut counts: Vec<(String, u32)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    println!("| step | share | µs an order |\n|---|---|---|");
    for (step, count) in counts {
        let share = f64::from(count) / f64::from(all);
        println!("| {step} | {:.1} % | {:.3} |", 100.0 * share, whole * share);
    }
    Ok(())
}

/// Which step a sample is part of.
fn step(thread: &str, stack: &str) -> String {
    if let Some((_, step)) = THREADS.iter().find(|(name, _)| *name == thread) {
        return (*step).to_owned();
    }
    let step = STEPS.iter().find(|(function, _)| stack.contains(function)).map(|(_, step)| *step);
    match (thread, step) {
        // What the engine does is inlined into the thread that runs it.
        ("sequencer", None) => "exchange, sequencer: apply".to_owned(),
        ("sequencer" | "journal", Some("waiting and waking") | None) => {
            format!("exchange, {thread}: waiting and waking")
        }
        ("load", step) => format!("load end, {}", step.unwrap_or("rest")),
        (_, step) => format!("exchange, {}", step.unwrap_or("rest")),
    }
}
