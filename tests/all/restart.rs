//! A restart in the middle: nothing acknowledged is lost, and sessions go on by themselves.

use crate::exchange::Exchange;
use crate::proxy::{Proxy, Weather};
use client::{Event, ExchangeInfo, Options, Session};
use std::process::Command;
use types::{ReportBody, Role, TimeInForce};

const GTC: TimeInForce = TimeInForce::Gtc;

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_kill() {
    let mut exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let acme = exchange.participant(&operator, "acme", Role::Provider).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    acme.session.deposit_capacity(contract, 50, 1).await.unwrap();
    for price in 20_000..20_010 {
        acme.session.sell(contract, GTC, price, 2).await.unwrap();
    }
    lab.session.buy(contract, GTC, 20_002, 7).await.unwrap();
    let before = (acme.session.account().await.unwrap(), lab.session.account().await.unwrap());

    exchange.kill();
    let exchange = exchange.restart();
    // Ports are new, so these are new sessions.
    let acme_again = Session::connect(&exchange.info, &acme.key).await.unwrap();
    let lab_again = Session::connect(&exchange.info, &lab.key).await.unwrap();
    let after = (acme_again.account().await.unwrap(), lab_again.account().await.unwrap());
    assert_eq!(after, before);
    // The book is whole too: the next bid trades with the oldest of the best.
    let feed = exchange.subscriber(&lab.key).await;
    let best = feed.book(contract).unwrap().orders().next().unwrap();
    assert_eq!((best.price, best.units), (20_002, 1));
    assert_eq!(feed.counters().gaps, 0);
}

#[tokio::test]
async fn all_reports_can_be_read_again_after_a_restart() {
    let mut exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    for price in 1..=20 {
        lab.session.buy(contract, GTC, price, 1).await.unwrap();
    }
    exchange.kill();
    let exchange = exchange.restart();
    let options = Options { resume_after: Some(0), ..Options::default() };
    let (session, mut told) = Session::open(&exchange.info, &lab.key, options).await.unwrap();
    let last = session.welcome().last_report;
    let mut reports = Vec::new();
    while reports.len() < usize::try_from(last).unwrap() {
        for event in &told.next().await.unwrap().events {
            let Event::Report { report, .. } = event else { panic!("a report, not {event:?}") };
            reports.push(*report);
        }
    }
    let numbers: Vec<u64> = reports.iter().map(|report| report.number).collect();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
    let accepted = |report: &&types::Report| matches!(report.body, ReportBody::Accepted { .. });
    assert_eq!(reports.iter().filter(accepted).count(), 20);
}

#[tokio::test]
async fn a_stop_says_the_digest_that_verify_finds() {
    let mut exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    lab.session.buy(contract, GTC, 20_000, 3).await.unwrap();
    let stopped = exchange.stop();
    assert_eq!(stopped["conserved"], true);
    let data = exchange.data();
    let verify = Command::new(env!("CARGO_BIN_EXE_cuex"))
        .args(["journal", "verify", "--json"])
        .arg(&data)
        .output()
        .unwrap();
    let verified: serde_json::Value = serde_json::from_slice(&verify.stdout).unwrap();
    assert_eq!(verified["ok"], true);
    assert_eq!(verified["digest"], stopped["digest"]);
    assert_eq!(verified["last_sequence"], stopped["sequence"]);
    assert_eq!(verified["records"], stopped["sequence"]);
    let exchange = exchange.restart();
    assert_eq!(Some(exchange.recovered), stopped["sequence"].as_u64());
}

/// Sessions that live through a restart need the exchange at its old addresses.
#[tokio::test]
async fn a_session_goes_on_through_a_restart_by_itself() {
    let mut exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let proxy = Proxy::start(exchange.info.gateway, Weather::CALM, 0).await;
    let info = ExchangeInfo { gateway: proxy.address, ..exchange.info };
    // The direct session would be superseded anyway: it is the same key.
    lab.session.close().await;
    let session = Session::connect(&info, &lab.key).await.unwrap();
    let mut told = session.reports();
    for price in 1..=5 {
        session.buy(contract, GTC, price, 1).await.unwrap();
    }
    exchange.kill();
    let exchange = exchange.restart();
    proxy.towards(exchange.info.gateway);
    for price in 6..=10 {
        session.buy(contract, GTC, price, 1).await.unwrap();
    }
    assert!(session.reconnects() >= 1);
    let state = session.account().await.unwrap();
    assert_eq!(state.orders.iter().map(|order| order.terms.price).collect::<Vec<_>>().len(), 10);
    let mut numbers = Vec::new();
    while numbers.len() < 10 {
        for event in &told.next().await.unwrap().events {
            if let Event::Report { report, .. } = event {
                numbers.push(report.number);
            }
        }
    }
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
}
