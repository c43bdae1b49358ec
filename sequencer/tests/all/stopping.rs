//! An orderly stop carries out and tells of all that was taken in.

use crate::{OPERATOR, collect, options, sent};
use journal::SimulatedDisk;
use sequencer::{Options, Stopped};
use types::{KeyNo, Lane};

#[tokio::test]
async fn all_that_was_taken_in_is_released_before_the_end() {
    let disk = SimulatedDisk::new(1);
    sequencer::init_on(disk.mount(), &options(), OPERATOR, 1).unwrap();
    let options = Options { in_flight_orders: 32, in_flight_cancels: 8, outlet_commands: 1, ..options() };
    let exchange = sequencer::start_on(disk.mount(), &options).unwrap();
    let released = collect(exchange.outlets);
    let senders = [Lane::Orders, Lane::Orders, Lane::Orders, Lane::Cancels].map(|lane| {
        let entry = exchange.entry.clone();
        tokio::spawn(async move {
            let mut taken = 0u64;
            while entry.send(lane, vec![sent(lane, taken + 1); 3]).await == Ok(()) {
                taken += 3;
            }
            taken
        })
    });
    while exchange.handle.counters().commands < 500 {
        tokio::task::yield_now().await;
    }
    let entry = exchange.entry.clone();
    let summary = exchange.handle.stop().await.unwrap();
    let mut taken = 0;
    for sender in senders {
        taken += sender.await.unwrap();
    }
    let told: u64 = released.await.unwrap().iter().map(|batch| u64::from(batch.commands)).sum();
    assert_eq!((told, summary.sequence), (taken, taken + 1));
    assert_eq!(summary.counters.commands, taken);
    assert_eq!(entry.send(Lane::Orders, vec![sent(Lane::Orders, 1)]).await, Err(Stopped));
}

#[tokio::test]
async fn an_outlet_that_is_dropped_holds_up_nobody() {
    let disk = SimulatedDisk::new(2);
    sequencer::init_on(disk.mount(), &options(), OPERATOR, 1).unwrap();
    let options = Options { outlet_commands: 1, ..options() };
    let mut exchange = sequencer::start_on(disk.mount(), &options).unwrap();
    drop(exchange.outlets.feed);
    for number in 1..=20 {
        exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, number)]).await.unwrap();
        let released = exchange.outlets.gateway.recv().await.unwrap();
        assert_eq!(released.output.reports[0].answers.unwrap().key, KeyNo(1));
    }
    drop(exchange.outlets.gateway);
    exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, 21)]).await.unwrap();
    assert_eq!(exchange.handle.stop().await.unwrap().sequence, 22);
}

#[tokio::test]
async fn a_dropped_handle_stops_the_exchange() {
    let disk = SimulatedDisk::new(3);
    sequencer::init_on(disk.mount(), &options(), OPERATOR, 1).unwrap();
    let exchange = sequencer::start_on(disk.mount(), &options()).unwrap();
    let released = collect(exchange.outlets);
    drop(exchange.handle);
    assert!(released.await.unwrap().is_empty());
    // The outlets end when the thread does, which closes the lanes last of all.
    while exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, 1)]).await.is_ok() {}
    sequencer::start_on(disk.mount(), &options()).unwrap().handle.stop().await.unwrap();
}
