//! A full disk is met before a command has its place: orders are refused, cancels go on, and all is well again when
//! there is space.

use crate::OPERATOR;
use crate::driven::{Driven, numbers, options};
use journal::SimulatedDisk;
use sequencer::{Inbound, Options, verify_on};
use types::{ClassNo, Command, ContractId, HOUR_NANOS, Hour, KeyNo, Lane, OrderRef, ReportBody, Sender};

const HOUR: Hour = Hour(498_712);

fn without_snapshots() -> Options {
    Options { snapshots: None, ..options() }
}

/// The cancel of an order that key 2 sent.
fn cancel(number: u64, order: u64) -> Inbound {
    let sender = Sender { key: KeyNo(2), lane: Lane::Cancels, number };
    Inbound::sent(sender, Command::Cancel(OrderRef::Number(order)))
}

/// Fills the disk, and sends bids until one is refused. Gives how many were taken.
async fn fill(driven: &mut Driven) -> u64 {
    driven.disk.set_capacity(driven.disk.used());
    let contract = ContractId::new(ClassNo(0), HOUR);
    let mut taken = 0;
    loop {
        let bids = driven.traffic.resting_bids(contract, 1);
        let sent: Vec<u64> = bids.iter().filter_map(|bid| Some(bid.sender()?.number)).collect();
        let before = driven.last();
        let released = driven.send(Lane::Orders, bids).await;
        if released.refused.is_empty() {
            taken += 1;
            continue;
        }
        assert_eq!(numbers(&released.refused), sent);
        assert_eq!((released.commands, driven.last()), (0, before), "it has left no trace");
        assert_eq!((released.sequence, released.output), (before, types::Output::default()));
        return taken;
    }
}

#[tokio::test]
async fn orders_are_refused_cancels_go_on_and_space_helps() {
    let options = without_snapshots();
    let mut driven = Driven::new(1, &options).await;
    let taken = fill(&mut driven).await;
    assert!(taken > 100, "{taken}");
    // What is kept from orders is there for cancels, in whatever company they come.
    let mut cancelled = 0;
    for number in 1..=20 {
        driven.steps.entry.send(Lane::Cancels, vec![cancel(number, number)]).await.unwrap();
        let bid = driven.traffic.resting_bids(ContractId::new(ClassNo(0), HOUR), 1);
        let released = driven.send(Lane::Orders, bid).await;
        assert_eq!((released.commands, released.refused.len()), (1, 1), "number {number}");
        let is_end = |report: &types::Report| matches!(report.body, ReportBody::Cancelled { .. });
        cancelled += released.output.reports.iter().filter(|report| is_end(report)).count();
    }
    assert_eq!(cancelled, 20);

    driven.disk.set_capacity(u64::MAX);
    let bid = driven.traffic.resting_bids(ContractId::new(ClassNo(0), HOUR), 200);
    let released = driven.send(Lane::Orders, bid).await;
    assert_eq!((released.commands, released.refused.len()), (200, 0));
    let digest = driven.digest();
    driven.disk.lose_power();
    let driven = driven.restart(&options).unwrap();
    assert_eq!(driven.digest(), digest);
}

#[tokio::test]
async fn when_nothing_is_left_the_exchange_waits_and_nothing_fails() {
    let options = without_snapshots();
    let mut driven = Driven::new(2, &options).await;
    fill(&mut driven).await;
    // Cancels use up their part, and are refused then too.
    let mut number = 0;
    let refused = loop {
        let chunk: Vec<Inbound> = (1..=20).map(|next| cancel(number + next, 1)).collect();
        number += 20;
        let released = driven.send(Lane::Cancels, chunk).await;
        if !released.refused.is_empty() {
            break released;
        }
    };
    assert_eq!((refused.refused.len(), refused.commands), (20, 0));
    // The exchange's own words use up theirs: one that nobody has sent is not refused, it waits.
    let mut own = 0;
    while driven.steps.writing.journal().room() > 400 {
        driven.steps.entry.send(Lane::Orders, vec![Inbound::disconnected(KeyNo(3))]).await.unwrap();
        match driven.round() {
            Some(released) if released.commands > 0 => own += released.commands,
            _ => break,
        }
    }
    assert!(own > 0);
    driven.steps.entry.send(Lane::Orders, vec![Inbound::disconnected(KeyNo(3))]).await.unwrap();
    let waiting = driven.round().map_or(0, |released| released.commands);
    let before = driven.last();
    driven.disk.set_capacity(u64::MAX);
    while driven.round().is_some() {}
    assert!(waiting > 0 || driven.last() > before, "what waited is carried out");
    let (disk, digest) = (driven.disk.clone(), driven.digest());
    drop(driven);
    assert_eq!(verify_on(disk.mount()).unwrap().digest, digest);
}

#[tokio::test]
async fn the_threads_refuse_and_go_on_too() {
    let options = Options { prepare_ahead: true, ..without_snapshots() };
    let disk = SimulatedDisk::new(3);
    sequencer::init_on(disk.mount(), &options, OPERATOR, 1).unwrap();
    let exchange = sequencer::start_on(disk.mount(), &options).unwrap();
    let mut outlets = exchange.outlets;
    let mut traffic = crate::traffic::Traffic::new(3);
    exchange.entry.send(Lane::Orders, traffic.set_up()).await.unwrap();
    outlets.gateway.recv().await.unwrap();
    disk.set_capacity(0);
    let contract = ContractId::new(ClassNo(0), HOUR);
    let mut taken = 0;
    loop {
        exchange.entry.send(Lane::Orders, traffic.resting_bids(contract, 50)).await.unwrap();
        let released = outlets.gateway.recv().await.unwrap();
        taken += released.commands;
        if !released.refused.is_empty() {
            assert_eq!((released.refused.len(), released.commands), (50, 0));
            break;
        }
    }
    assert!(taken > 50 && taken < 2_000, "{taken}");
    // It comes back by itself.
    disk.set_capacity(u64::MAX);
    loop {
        exchange.entry.send(Lane::Orders, traffic.resting_bids(contract, 50)).await.unwrap();
        if outlets.gateway.recv().await.unwrap().refused.is_empty() {
            break;
        }
    }
    // The feed heard of what was carried out, and of nothing else.
    let feed = collect_feed(&mut outlets.feed);
    assert!(feed.iter().all(|commands| *commands > 0));
    drop(outlets);
    let summary = exchange.handle.stop().await.unwrap();
    assert!(summary.totals.is_ok());
    assert_eq!(verify_on(disk.mount()).unwrap().digest, summary.digest);
}

fn collect_feed(feed: &mut sequencer::Outlet) -> Vec<u32> {
    let mut all = Vec::new();
    while let Ok(released) = feed.try_recv() {
        all.push(released.commands);
    }
    all
}

/// The hour of the tests' contract is one the clock has not come to.
#[test]
fn the_contract_is_open() {
    assert!(u64::from(HOUR.0) * HOUR_NANOS > (options().clock)().0);
}
