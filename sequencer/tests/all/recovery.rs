//! A restart finds the exchange as it was.

use crate::traffic::{Traffic, seed};
use crate::{OPERATOR, assert_gapless, options, run_to_the_end};
use sequencer::Options;
use std::sync::atomic::{AtomicU64, Ordering};
use types::{Account, HOUR_NANOS, Lane, StateEvent, Timestamp};

#[tokio::test]
async fn restarts_in_the_middle_lose_nothing() {
    static NOW: AtomicU64 = AtomicU64::new(498_710 * HOUR_NANOS);
    let clock = || Timestamp(NOW.load(Ordering::SeqCst));
    let options = Options { clock, ..options() };
    let mut traffic = Traffic::new(seed());
    let directory = tempfile::tempdir().unwrap();
    sequencer::init(directory.path(), &options, OPERATOR).unwrap();
    let mut chunks = vec![(Lane::Orders, traffic.set_up())];
    let mut before = sequencer::verify(directory.path()).unwrap();
    let mut reports = Vec::new();
    let mut last = 1;
    for run in 0..5 {
        let exchange = sequencer::start(directory.path(), &options).unwrap();
        let recovery = &exchange.recovery;
        assert_eq!((recovery.sequence, recovery.commands), (last, last), "run {run}");
        assert_eq!(recovery.reports, reports);
        assert_eq!(recovery.torn_tail, None);

        let (summary, released) = run_to_the_end(exchange, std::mem::take(&mut chunks)).await;
        assert_gapless(&released, last);
        reports.extend(released.iter().flat_map(|batch| batch.output.reports.iter().copied()));
        last = summary.sequence;
        let verified = sequencer::verify(directory.path()).unwrap();
        assert_eq!((verified.digest, verified.last_sequence), (summary.digest, last));
        assert_eq!(verified.records, last);
        assert_eq!(verified.totals, summary.totals);
        assert_ne!(verified.digest, before.digest);
        before = verified;
        for _ in 0..40 {
            NOW.fetch_add(HOUR_NANOS / 20, Ordering::SeqCst);
            chunks.push(traffic.chunk(clock()));
        }
    }
}

#[tokio::test]
async fn the_mirrors_start_from_the_whole_state() {
    let mut traffic = Traffic::new(1);
    let directory = tempfile::tempdir().unwrap();
    sequencer::init(directory.path(), &options(), OPERATOR).unwrap();
    let exchange = sequencer::start(directory.path(), &options()).unwrap();
    run_to_the_end(exchange, vec![(Lane::Orders, traffic.set_up())]).await;
    let exchange = sequencer::start(directory.path(), &options()).unwrap();
    let names: Vec<String> = exchange
        .recovery
        .state
        .iter()
        .filter_map(|event| match event {
            StateEvent::Account(Account { name, .. }) => Some(name.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["operator", "trader-2", "trader-3", "trader-4", "trader-5"]);
    exchange.handle.stop().await.unwrap();
}
