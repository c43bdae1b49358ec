//! Worlds of many seeds hold the promises; worlds that break one on purpose are found out.
#![allow(missing_docs, clippy::print_stdout, reason = "what the worlds came to is read with --nocapture")]

use faults::{Break, Plan, run};

/// How many steps a world lives before its faults stop.
const STEPS: u32 = 2_500;
/// How many seeds the default run tries.
const SEEDS: u64 = 400;
/// The same with `CUEX_LONG`.
const SEEDS_LONG: u64 = 20_000;
/// So many worlds break a promise; one of them at least must be found out.
const WORLDS_BROKEN: u64 = 40;

/// Seeds that found something once, one a line, each with what it was.
const REGRESSIONS: &str = include_str!("regressions.txt");

fn plan() -> Plan {
    Plan::steps(number("CUEX_STEPS").and_then(|steps| steps.try_into().ok()).unwrap_or(STEPS))
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn many_worlds_hold_every_promise() {
    let usual = if std::env::var_os("CUEX_LONG").is_some() { SEEDS_LONG } else { SEEDS };
    let (from, seeds) = (number("CUEX_FROM").unwrap_or(0), number("CUEX_SEEDS").unwrap_or(usual));
    let mut all = faults::Counts::default();
    for seed in from..from + seeds {
        match run(seed, &plan()) {
            Ok(counts) => all += counts,
            Err(found) => panic!("{found}"),
        }
    }
    println!("{seeds} worlds: {all:?}");
    if seeds >= SEEDS {
        assert!(all.commands > 40 * seeds, "the worlds do too little: {all:?}");
        let met =
            [all.broken_off, all.failures, all.refused, all.resynchronised, all.superseded, all.snapshots];
        assert!(
            met.iter().chain([&all.rotted, &all.by_successors, &all.barred]).all(|times| *times > 20),
            "something hardly ever happens: {all:?}"
        );
        // A gateway that has looked lets nobody say anything with a key that has expired: it takes a command on its way.
        assert!(all.expired > 5, "keys hardly ever expire in the middle of something: {all:?}");
    }
}

#[test]
fn seeds_that_found_something_once_find_nothing_now() {
    for line in REGRESSIONS.lines().filter(|line| !line.starts_with('#')) {
        let seed = line.split_whitespace().next().and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| panic!("a line begins with its seed: {line}"));
        if let Err(found) = run(seed, &plan()) {
            panic!("{line}\n{found}");
        }
    }
}

/// For a seed that is asked for: `CUEX_SEED=7 cargo test -p faults one_seed -- --nocapture`.
#[test]
fn one_seed() {
    let seed = number("CUEX_SEED").unwrap_or(1);
    match run(seed, &plan()) {
        Ok(counts) => println!("seed {seed}: {counts:#?}"),
        Err(found) => panic!("{found}"),
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    let worlds = |from: u64| -> Vec<_> { (from..from + 10).map(|seed| run(seed, &plan())).collect() };
    assert_eq!(worlds(0), worlds(0));
    assert_ne!(worlds(0), worlds(10));
}

/// Worlds that break a promise are found out, for what they do.
fn is_found_out(promise: Break, as_one_of: &[&str]) {
    let found = (0..WORLDS_BROKEN).filter_map(|seed| run(seed, &plan().breaking(promise)).err());
    let found: Vec<_> = found.collect();
    let first = found.first().unwrap_or_else(|| panic!("{promise:?} is not found out"));
    println!(
        "{promise:?}: {} of {WORLDS_BROKEN} worlds, first seed {}: {}",
        found.len(),
        first.seed,
        first.what
    );
    for found in &found {
        let is_expected = as_one_of.iter().any(|what| found.what.contains(what));
        assert!(is_expected, "seed {}, {promise:?}: {}", found.seed, found.what);
    }
}

#[test]
fn a_journal_that_is_not_synced_is_found_out() {
    is_found_out(Break::NoSync, &["LOST", "corrupt", "passed over", "holds no journal"]);
}

#[test]
fn releasing_before_the_sync_is_found_out() {
    is_found_out(Break::ReleaseBeforeSync, &["LOST", "corrupt", "passed over"]);
}

#[test]
fn a_batch_cut_off_the_journal_is_found_out() {
    is_found_out(Break::LastBatchCut, &["LOST", "corrupt"]);
}

#[test]
fn a_gateway_that_forgets_numbers_is_found_out() {
    is_found_out(Break::GatewayForgetsNumbers, &["refused", "outcome", "came to its end", "another client"]);
}

#[test]
fn a_mirror_that_misses_a_batch_is_found_out() {
    is_found_out(Break::MirrorMissesBatch, &["mirror", "report", "panic", "came to its end"]);
}

#[test]
fn a_lost_report_is_found_out() {
    is_found_out(Break::ReportLost, &["protocol: report", "came last, but", "came to its end"]);
}

#[test]
fn a_command_carried_out_twice_is_found_out() {
    let ways = [
        "never asked",
        "another client",
        "as it must",
        "came to",
        "outcome",
        "not told",
        "asked",
        "protocol",
    ];
    is_found_out(Break::CommandSentAgain, &ways);
}

#[test]
fn damage_that_is_passed_over_is_found_out() {
    is_found_out(Break::RotPassedOver, &["ROT"]);
}
