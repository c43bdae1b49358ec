//! How fast a start is: the journal replayed, compared with the engine alone on the same commands in the same run; and
//! a market of a million resting orders brought back from its snapshot.

use crate::Effort;
use crate::line::head;
use benches::clock::{nanos_each, nanos_each_beside};
use benches::exchange::exchange;
use benches::flow::SCENARIOS;
use benches::resting::resting;
use engine::{Engine, RULES_VERSION};
use journal::{Journal, RealDisk, Snapshots};
use sequencer::{Options, Took, encode, open_on, snapshot};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use types::{Output, Stamped};

const ACCOUNTS: u32 = 10_000;
/// How many commands a batch has.
const BATCH: usize = 256;
/// How many orders rest in the market that is brought back.
const RESTING: u32 = 1_000_000;
/// The argument by which that market is written into a directory.
const WRITTEN: &str = "--resting-market";

pub(crate) fn print(effort: Effort) {
    print_replay(effort);
    print_resting(effort);
}

/// Writes the market with very many resting orders into the directory that is named, if one is. There is no key in it:
/// `cuex key new DIR/server` makes what `cuex serve` needs besides. True if that was asked for.
pub(crate) fn written_market(arguments: &[String]) -> bool {
    let [asked, directory] = arguments else { return false };
    if asked == WRITTEN {
        write(Path::new(directory), &resting(RESTING), &[]);
    }
    asked == WRITTEN
}

fn print_replay(effort: Effort) {
    let (orders, accounts) = (1_000_000 / effort.scale, ACCOUNTS / effort.scale);
    let about = format!(
        "A journal of {orders} new orders a scenario and what follows them, in batches of {BATCH}: ns of processor time \
         per command, the least of some rounds, for the engine alone and for the two threads of a start, which go on side \
         by side. So where two cores are free a replay is as fast as the slower of the two; the rate is that. Everything \
         else of a start is counted in."
    );
    head(
        "Replay",
        &about,
        &["scenario", "engine alone", "read and checked", "applied", "of the engine's rate"],
    );
    for scenario in SCENARIOS {
        let (ready, commands) = exchange(&scenario.messages(orders), accounts);
        let directory = tempfile::tempdir().expect("a directory for the journal");
        write(directory.path(), &ready, &commands);
        let [mut alone, mut read, mut applied] = [f64::INFINITY; 3];
        for _ in 0..effort.rounds {
            let engine = ready.clone();
            alone = alone.min(nanos_each(commands.len(), || apply_all(engine, &commands)));
            let mut took = Took::default();
            let (reading, beside) = nanos_each_beside(commands.len(), || took = start(directory.path()));
            assert!(took.total > Duration::ZERO, "a start takes time");
            (read, applied) = (read.min(reading), applied.min(beside));
        }
        let percent = 100.0 * alone / read.max(applied);
        println!("| {} | {alone:.0} | {read:.0} | {applied:.0} | {percent:.0} % |", scenario.name);
    }
}

fn print_resting(effort: Effort) {
    let engine = resting(RESTING / effort.scale);
    let directory = tempfile::tempdir().expect("a directory for the journal");
    write(directory.path(), &engine, &[]);
    let orders = engine.open_orders();
    drop(engine);
    let took = (0..effort.rounds).map(|_| start(directory.path())).min_by_key(|took| took.total);
    let took = took.unwrap_or_default();
    let about = format!(
        "{orders} resting orders brought back from a snapshot; wall clock, the fastest of some rounds."
    );
    head("Recovery", &about, &["part", "ms"]);
    for (part, time) in [
        ("snapshot read and checked", took.snapshot),
        ("engine restored", took.restore),
        ("state put out for the mirrors", took.state),
        ("in all", took.total),
    ] {
        println!("| {part} | {} |", time.as_millis());
    }
}

fn apply_all(mut engine: Engine, commands: &[Stamped]) {
    let mut out = Output::default();
    for batch in commands.chunks(BATCH) {
        engine.apply_all(batch, &mut out);
        out.clear();
    }
}

/// What a start takes.
fn start(directory: &Path) -> Took {
    let steps = open_on(Arc::new(RealDisk::new(directory)), &Options::default());
    steps.expect("what was written just now is sound").recovery.took
}

/// A directory in which a snapshot of `engine` stands, and then these commands.
fn write(directory: &Path, engine: &Engine, commands: &[Stamped]) {
    let first_sequence = engine.last_sequence() + 1;
    let options = journal::Options { first_sequence, ..journal::Options::new(RULES_VERSION) };
    let opened = Journal::open(directory, &options, |_| Ok::<(), std::io::Error>(()));
    let (mut journal, _) = opened.expect("an empty directory");
    let mut snapshots = Snapshots::new(Arc::new(RealDisk::new(directory)));
    let mut writer = snapshots.begin(RULES_VERSION, journal.end()).expect("space for a snapshot");
    snapshot::write(engine, [].iter(), |piece| writer.write(piece)).expect("space for a snapshot");
    writer.finish().expect("space for a snapshot");
    let mut records = Vec::new();
    for batch in commands.chunks(BATCH) {
        records.clear();
        batch.iter().for_each(|stamped| encode(stamped, &mut records));
        let count = u32::try_from(batch.len()).expect("a short batch");
        journal.append(journal.next_sequence(), count, &records).expect("space for a journal");
    }
}
