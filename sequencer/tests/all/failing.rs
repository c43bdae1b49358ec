//! A write or sync that fails ends the exchange, and tells nobody of what it did not make durable.

use crate::gated_disk::{Keeper, gated};
use crate::{OPERATOR, collect, options, run_to_the_end, sent};
use journal::SimulatedDisk;
use sequencer::{Counters, Entry, Exchange, Failure, Handle, Options, Released, Stopped};
use std::sync::Arc;
use tokio::task::JoinHandle;
use types::Lane;

/// A disk with an exchange on it whose sequence is 2.
async fn used_disk(seed: u64) -> SimulatedDisk {
    let disk = SimulatedDisk::new(seed);
    sequencer::init_on(disk.mount(), &options(), OPERATOR, 1).unwrap();
    let exchange = sequencer::start_on(disk.mount(), &options()).unwrap();
    run_to_the_end(exchange, vec![(Lane::Orders, vec![sent(Lane::Orders, 1)])]).await;
    disk
}

/// What must be true of an exchange that has failed.
async fn assert_over(exchange: Running) {
    let failure = exchange.handle.failed().await;
    assert!(matches!(failure, Failure::Journal(journal::AppendError::Failed(_))), "{failure}");
    for lane in [Lane::Orders, Lane::Cancels] {
        assert_eq!(exchange.entry.send(lane, vec![sent(lane, 9)]).await, Err(Stopped));
    }
    assert!(exchange.released.await.unwrap().is_empty(), "nobody is told");
    assert_eq!(exchange.handle.counters(), Counters::default());
    assert_eq!(exchange.handle.stop().await.unwrap_err().to_string(), failure.to_string());
}

struct Running {
    entry: Entry,
    handle: Handle,
    released: JoinHandle<Vec<Arc<Released>>>,
    gate: Keeper,
}

fn run(disk: &SimulatedDisk, options: &Options) -> Running {
    let (gated, gate) = gated(disk.mount());
    let Exchange { entry, outlets, handle, .. } = sequencer::start_on(gated, options).unwrap();
    Running { entry, handle, released: collect(outlets), gate }
}

#[tokio::test]
async fn a_failed_write_releases_nothing_and_ends_the_exchange() {
    let disk = used_disk(1).await;
    let exchange = run(&disk, &options());
    exchange.gate.fail_writes();
    exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, 2)]).await.unwrap();
    assert_over(exchange).await;
    disk.lose_power();
    let exchange = sequencer::start_on(disk.mount(), &options()).unwrap();
    assert_eq!(exchange.recovery.sequence, 2);
    exchange.handle.stop().await.unwrap();
}

#[tokio::test]
async fn a_failed_sync_releases_nothing_and_ends_the_exchange() {
    for seed in 0..8 {
        let disk = used_disk(seed).await;
        // A lane for one command: whoever comes second waits when the first fails.
        let mut exchange = run(&disk, &Options { in_flight_orders: 1, ..options() });
        exchange.gate.shut();
        exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, 2)]).await.unwrap();
        exchange.gate.sync_waits().await;
        let entry = exchange.entry.clone();
        let second = vec![sent(Lane::Orders, 3)];
        let waiting = tokio::spawn(async move { entry.send(Lane::Orders, second).await });
        tokio::task::yield_now().await;
        exchange.gate.fail_one();
        assert_eq!(waiting.await.unwrap(), Err(Stopped));
        assert_over(exchange).await;

        // What was not told may be there after the power fails, or not.
        disk.lose_power();
        let exchange = sequencer::start_on(disk.mount(), &options()).unwrap();
        assert!((2..=3).contains(&exchange.recovery.sequence));
        exchange.handle.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_sync_that_fails_while_commands_wait_releases_none_of_them() {
    let disk = used_disk(2).await;
    let mut exchange = run(&disk, &options());
    exchange.gate.shut();
    exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, 2)]).await.unwrap();
    exchange.gate.sync_waits().await;
    exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, 3)]).await.unwrap();
    exchange.entry.send(Lane::Cancels, vec![sent(Lane::Cancels, 1)]).await.unwrap();
    exchange.gate.fail_one();
    assert_over(exchange).await;
}
