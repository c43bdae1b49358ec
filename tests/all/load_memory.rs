//! The memory of an exchange under load stays as it is, while snapshots are made and old segments of the journal go.

use crate::exchange::{Exchange, PATIENCE};
use crate::load::{assert_clean, load};
use sequencer::{Inbound, Options};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use transport::PrivateKey;
use types::{Command, KeyNo, Lane, Role, Sender, Timestamp, Why};

/// How many times as much memory as in the middle of the run there may be at its end. What is flat comes to 1.00 here, an
/// exchange that keeps every report for good to 1.6 and more.
const GROWTH_MAX: f64 = 1.1;
/// Segments are as long as the shortest there can be.
const SEGMENT_BYTES: u64 = 2 << 20;
/// How many commands of some 66 bytes fill several segments.
const OLD_COMMANDS: u64 = 160_000;
/// More than the day for which segments are kept.
const AGE: Duration = Duration::from_hours(48);

/// The clock of an exchange that ran two days ago.
fn old_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - AGE;
    Timestamp(u64::try_from(since.as_nanos()).unwrap())
}

/// Makes an exchange in `data` whose last command is two days old, and gives its segments.
async fn make_old(data: &Path) -> Vec<PathBuf> {
    let operator = PrivateKey::generate();
    let options =
        Options { segment_bytes: SEGMENT_BYTES, snapshots: None, clock: old_clock, ..Options::default() };
    sequencer::init(data, &options, operator.public()).unwrap();
    operator.save(&data.join("operator.key")).unwrap();
    PrivateKey::generate().save(&data.join("server.key")).unwrap();
    let mut exchange = sequencer::start(data, &options).unwrap();
    drop(exchange.outlets.feed);
    let drained = tokio::spawn(async move { while exchange.outlets.gateway.recv().await.is_some() {} });
    let name = "acme".parse().unwrap();
    // The first opens the account, and all others are rejected, which takes a record as well.
    let inbound = |number| {
        let sender = Sender { key: KeyNo(1), lane: Lane::Orders, number };
        Inbound::sent(sender, Command::OpenAccount { name, role: Role::Broker, why: Why::NONE })
    };
    exchange.entry.send(Lane::Orders, (1..=OLD_COMMANDS).map(inbound).collect()).await.unwrap();
    exchange.handle.stop().await.unwrap();
    drained.await.unwrap();
    segments(data)
}

/// The journal's segments, oldest first.
fn segments(data: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(data).unwrap().map(|file| file.unwrap().path());
    let mut segments: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "seg")).collect();
    segments.sort();
    segments
}

#[tokio::test]
async fn memory_is_flat_under_load_while_snapshots_are_made_and_old_segments_go() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let old = make_old(&data).await;
    assert!(old.len() >= 4, "{old:?}");
    let config = directory.path().join("cuex.toml");
    std::fs::write(&config, "[journal]\nkeep_days = 1\n").unwrap();
    let mut exchange = Exchange::start_on(directory, &["--config", config.to_str().unwrap()]);
    assert!(old[0].exists(), "nothing is deleted before there is a snapshot of what came after it");

    let run_for = if std::env::var_os("CUEX_LONG").is_some() { "60s" } else { "8s" };
    let arguments =
        ["--in-flight", "256", "--sessions", "4", "--watch", "one", "--for", run_for, "--warm-up", "1s"];
    let report = load(&exchange, &arguments);
    assert_clean(&report);
    let growth = report["exchange_memory_growth"].as_f64().unwrap();
    println!("memory {}, growth {growth:.3}", report["exchange_memory"]);
    assert!(growth < GROWTH_MAX, "{growth}: {}", report["timeline"]);

    // The last of the old ones is followed by what is new, and kept.
    let gone = &old[..old.len() - 1];
    let began = Instant::now();
    while gone.iter().any(|segment| segment.exists()) {
        assert!(began.elapsed() < PATIENCE, "old segments are deleted: {:?}", segments(&data));
        tokio::task::yield_now().await;
    }
    assert_eq!(exchange.stop()["conserved"], true);
}
