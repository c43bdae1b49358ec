//! What a running exchange promises: durable before told, one order, cancels first, bounded, time forwards.

use crate::gated_disk::gated;
use crate::traffic::{Traffic, seed};
use crate::{OPERATOR, assert_gapless, collect, options, run_to_the_end, sent};
use engine::Engine;
use journal::{RealDisk, SimulatedDisk};
use sequencer::{Options, Released};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use types::{
    AccountId, ClassNo, Command, ContractId, HOUR_NANOS, Lane, Output, RejectCode, ReportBody, Sender,
    Stamped, Timestamp,
};

fn dump(directory: &Path) -> Vec<Stamped> {
    let mut commands = Vec::new();
    sequencer::dump(directory, |stamped| {
        commands.push(stamped.clone());
        ControlFlow::Continue(())
    })
    .unwrap();
    commands
}

/// What the exchange told is what a fresh engine tells of the commands in the journal, batch by batch.
fn assert_told_as_journaled(released: &[Arc<Released>], journaled: &[Stamped]) {
    let mut engine = Engine::new();
    let mut commands = journaled.iter();
    engine.apply(commands.next().unwrap(), &mut Output::default());
    for batch in released {
        let mut output = Output::default();
        for command in commands.by_ref().take(batch.commands.try_into().unwrap()) {
            assert_eq!(command.time, batch.time);
            engine.apply(command, &mut output);
        }
        assert_eq!((engine.last_sequence(), &output), (batch.sequence, &batch.output));
    }
    assert_eq!(commands.next(), None, "all that is journaled was released");
}

#[tokio::test]
async fn random_commands_are_told_as_journaled_and_no_order_passes_a_gate() {
    static NOW: AtomicI64 = AtomicI64::new(0);
    let clock = || Timestamp(NOW.load(Ordering::SeqCst).try_into().unwrap());
    NOW.store((498_710 * HOUR_NANOS).try_into().unwrap(), Ordering::SeqCst);
    let mut traffic = Traffic::new(seed());
    let directory = tempfile::tempdir().unwrap();
    let options = Options { clock, in_flight_orders: 64, in_flight_cancels: 64, ..options() };
    sequencer::init(directory.path(), &options, OPERATOR).unwrap();
    let exchange = sequencer::start(directory.path(), &options).unwrap();
    let released = collect(exchange.outlets);
    exchange.entry.send(Lane::Orders, traffic.set_up()).await.unwrap();
    for _ in 0..300 {
        NOW.fetch_add(traffic.clock_step(), Ordering::SeqCst);
        let (lane, chunk) = traffic.chunk(clock());
        exchange.entry.send(lane, chunk).await.unwrap();
    }
    let summary = exchange.handle.stop().await.unwrap();
    let released = released.await.unwrap();

    assert_gapless(&released, 1);
    let journaled = dump(directory.path());
    assert_told_as_journaled(&released, &journaled);
    assert_eq!(summary.counters.commands, summary.sequence - 1);
    assert!(summary.totals.is_ok(), "{:?}", summary.totals);
    assert!(released.iter().any(|batch| !batch.output.events.is_empty()), "the market moved");

    let mut engine = Engine::new();
    for stamped in &journaled {
        let is_due = engine.next_deadline().is_some_and(|deadline| stamped.time >= deadline);
        assert!(!is_due || stamped.command == Command::Clock, "the clock comes before {stamped:?}");
        engine.apply(stamped, &mut Output::default());
    }
    assert!(journaled.iter().any(|stamped| stamped.command == Command::Clock));
    assert_eq!(engine.digest(), summary.digest);
}

#[tokio::test]
async fn what_is_released_is_durable() {
    let disk = SimulatedDisk::new(1);
    sequencer::init_on(disk.mount(), &options(), OPERATOR, 1).unwrap();
    let mut exchange = sequencer::start_on(disk.mount(), &options()).unwrap();
    for number in 1..=50 {
        exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, number)]).await.unwrap();
        let released = exchange.outlets.gateway.recv().await.unwrap();
        exchange.outlets.feed.recv().await.unwrap();
        // What the power would leave behind if it failed now.
        let left = SimulatedDisk::new(2);
        let segment = "00000000000000000001.seg";
        left.put(segment, disk.durable(segment).unwrap());
        let mut reader = journal::Reader::open_on(left.mount()).unwrap();
        while reader.next_batch().unwrap().is_some() {}
        assert_eq!(reader.summary().last_sequence(), released.sequence);
    }
    exchange.handle.stop().await.unwrap();
}

#[tokio::test]
async fn what_comes_during_a_sync_goes_together_and_cancels_first() {
    let directory = tempfile::tempdir().unwrap();
    sequencer::init(directory.path(), &options(), OPERATOR).unwrap();
    let (disk, mut gate) = gated(Arc::new(RealDisk::new(directory.path())));
    let exchange = sequencer::start_on(disk, &options()).unwrap();
    let released = collect(exchange.outlets);

    gate.shut();
    exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, 1)]).await.unwrap();
    gate.sync_waits().await;
    for round in 1..=20 {
        for number in 25 * round - 23..=25 * round + 1 {
            exchange.entry.send(Lane::Orders, vec![sent(Lane::Orders, number)]).await.unwrap();
        }
        exchange.entry.send(Lane::Cancels, vec![sent(Lane::Cancels, round)]).await.unwrap();
    }
    gate.open();
    let summary = exchange.handle.stop().await.unwrap();

    // One on the disk, one ready to follow, and one of all the rest.
    assert!((2..=3).contains(&summary.counters.batches), "{:?}", summary.counters);
    assert_eq!(summary.counters.commands, 521);
    assert!(summary.counters.records_per_sync() >= 173);
    let senders: Vec<Sender> = dump(directory.path()).iter().filter_map(|stamped| stamped.sender).collect();
    let mut rest = &senders[..];
    for batch in released.await.unwrap() {
        let (now, later) = rest.split_at(batch.commands.try_into().unwrap());
        assert!(now.is_sorted_by_key(|sender| sender.lane == Lane::Orders), "cancels stand before orders");
        rest = later;
    }
    let place = |lane, number| {
        senders.iter().position(|sender| sender.lane == lane && sender.number == number).unwrap()
    };
    let overtook = |round: &u64| place(Lane::Cancels, *round) < place(Lane::Orders, 25 * round + 1);
    assert!((1..=20).any(|round| overtook(&round)), "a cancel overtakes orders sent before it");
}

#[tokio::test]
async fn a_full_lane_holds_back_until_a_release() {
    let disk = SimulatedDisk::new(3);
    let options = Options { in_flight_orders: 4, in_flight_cancels: 1, ..options() };
    sequencer::init_on(disk.mount(), &options, OPERATOR, 1).unwrap();
    let (disk, mut gate) = gated(disk.mount());
    let mut exchange = sequencer::start_on(disk, &options).unwrap();
    gate.shut();
    let chunk = |numbers: std::ops::RangeInclusive<u64>| numbers.map(|n| sent(Lane::Orders, n)).collect();
    exchange.entry.send(Lane::Orders, chunk(1..=3)).await.unwrap();
    gate.sync_waits().await;
    let entry = exchange.entry.clone();
    let waiting = tokio::spawn(async move { entry.send(Lane::Orders, chunk(4..=5)).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    assert_eq!(exchange.entry.in_flight(Lane::Orders), 4, "the first in line claims what there is");
    assert!(exchange.outlets.gateway.try_recv().is_err(), "nothing is told before the sync");

    gate.let_one_go();
    assert_eq!(exchange.outlets.gateway.recv().await.unwrap().commands, 3);
    waiting.await.unwrap().unwrap();
    gate.open();
    assert_eq!(exchange.outlets.gateway.recv().await.unwrap().commands, 2);
    exchange.handle.stop().await.unwrap();
}

#[tokio::test]
async fn stamps_never_go_back_when_the_clock_does() {
    static NOW: AtomicU64 = AtomicU64::new(1_000);
    let options = Options { clock: || Timestamp(NOW.load(Ordering::SeqCst)), ..options() };
    let disk = SimulatedDisk::new(4);
    sequencer::init_on(disk.mount(), &options, OPERATOR, 1).unwrap();
    let steps = [(1_500, 1_500), (1_200, 1_500), (1_700, 1_700), (0, 1_700)];
    for (last, (clock, stamp)) in (1..).zip(steps) {
        NOW.store(clock, Ordering::SeqCst);
        // Also across a restart.
        let exchange = sequencer::start_on(disk.mount(), &options).unwrap();
        let (_, released) =
            run_to_the_end(exchange, vec![(Lane::Orders, vec![sent(Lane::Orders, clock)])]).await;
        assert_gapless(&released, last);
        assert_eq!(released.last().unwrap().time, Timestamp(stamp));
    }
}

#[tokio::test]
async fn the_clock_wakes_an_idle_exchange_and_pending_work_goes_on_by_itself() {
    static NOW: AtomicU64 = AtomicU64::new(498_710 * HOUR_NANOS);
    let options = Options { clock: || Timestamp(NOW.load(Ordering::SeqCst)), ..options() };
    let directory = tempfile::tempdir().unwrap();
    sequencer::init(directory.path(), &options, OPERATOR).unwrap();
    let mut exchange = sequencer::start(directory.path(), &options).unwrap();
    let mut traffic = Traffic::new(1);
    exchange.entry.send(Lane::Orders, traffic.set_up()).await.unwrap();
    let contract = ContractId::new(ClassNo(0), Timestamp(NOW.load(Ordering::SeqCst)).hour().plus(1));
    // More resting orders than one command's budget of pending work ends.
    let orders = u64::from(engine::WORK_PER_COMMAND) * 3;
    exchange.entry.send(Lane::Orders, traffic.resting_bids(contract, orders)).await.unwrap();
    let mut last = 0;
    while last < exchange_set_up_length() + orders {
        last = exchange.outlets.gateway.recv().await.unwrap().sequence;
        exchange.outlets.feed.recv().await.unwrap();
    }

    NOW.fetch_add(HOUR_NANOS, Ordering::SeqCst);
    let mut ended = 0;
    while ended < orders {
        let released = exchange.outlets.gateway.recv().await.unwrap();
        exchange.outlets.feed.recv().await.unwrap();
        let is_end = |body: &ReportBody| matches!(body, ReportBody::Cancelled { .. });
        ended += u64::try_from(released.output.reports.iter().filter(|it| is_end(&it.body)).count()).unwrap();
    }
    let late = traffic.resting_bids(contract, 1);
    exchange.entry.send(Lane::Orders, late).await.unwrap();
    let refused = loop {
        let released = exchange.outlets.gateway.recv().await.unwrap();
        exchange.outlets.feed.recv().await.unwrap();
        if let Some(report) = released.output.reports.first() {
            break *report;
        }
    };
    assert_eq!(refused.account, AccountId(2));
    assert!(matches!(refused.body, ReportBody::Rejected { code: RejectCode::GateClosed, .. }), "{refused:?}");
    exchange.handle.stop().await.unwrap();
    let own: Vec<Command> =
        dump(directory.path()).into_iter().filter(|it| it.sender.is_none()).map(|it| it.command).collect();
    assert_eq!(own[1], Command::Clock);
    assert!(own[2..].contains(&Command::Continue), "{own:?}");
}

/// How many commands there are with the genesis when the market is set up.
fn exchange_set_up_length() -> u64 {
    1 + u64::try_from(Traffic::new(0).set_up().len()).unwrap()
}
