//! `cargo run -p fuzz`: longer runs of the targets, one input again, and inputs to keep.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program for a terminal")]

use clap::Parser;
use fuzz::{Corpus, Options, TARGETS, Target, fuzz, retry, target};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The longest input that is kept.
const KEPT_BYTES_MAX: usize = 2_048;

/// Tries what comes from outside, mutated, and looks at what must hold.
///
/// Example: cargo run -p fuzz -- journal --seconds 600
#[derive(Debug, Parser)]
struct Arguments {
    /// The targets; all of them if none is named.
    #[arg(value_parser = known)]
    targets: Vec<&'static Target>,
    /// For how long, each.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What decides the mutations; by chance if not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Try this file only.
    #[arg(long)]
    input: Option<PathBuf>,
    /// Keep so many of the inputs found in the corpus, from the shortest to the longest.
    #[arg(long, default_value_t = 0)]
    keep: usize,
    /// List the targets.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if arguments.list {
        TARGETS.iter().for_each(|target| println!("{:<18} {}", target.name, target.holds));
        return ExitCode::SUCCESS;
    }
    if arguments.targets.is_empty() {
        arguments.targets = TARGETS.iter().collect();
    }
    // All of them are tried, also after one has failed.
    let failed = arguments.targets.iter().filter(|target| !attempt(target, &arguments)).count();
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn known(name: &str) -> Result<&'static Target, String> {
    target(name).ok_or_else(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!("there is no such target: expected {}", names.join(", "))
    })
}

/// Tries one target and says what came of it; true if all held.
fn attempt(target: &'static Target, arguments: &Arguments) -> bool {
    if let Some(file) = &arguments.input {
        let outcome = retry(target, file);
        match &outcome {
            Ok(_) => println!("{}: all holds", target.name),
            Err(failure) => eprintln!("{failure}"),
        }
        return outcome.is_ok();
    }
    let seed = arguments.seed.unwrap_or_else(rand::random);
    let corpus = Corpus::of(target.name);
    match fuzz(target, &corpus, &Options { time: Duration::from_secs(arguments.seconds), seed }) {
        Ok(mut summary) => {
            let (inputs, traces) = (summary.inputs, summary.traces);
            println!("{:<18} {inputs:>9} inputs, {traces:>5} traces, seed {seed}", target.name);
            summary.found.retain(|input| input.len() <= KEPT_BYTES_MAX);
            summary.found.sort_by_key(Vec::len);
            let step = summary.found.len().div_ceil(arguments.keep.max(1)).max(1);
            for input in summary.found.iter().step_by(step).take(arguments.keep) {
                if let Err(error) = corpus.save(input) {
                    eprintln!("an input cannot be kept: {error}");
                }
            }
            true
        }
        Err(failure) => {
            eprintln!("{failure}");
            false
        }
    }
}
