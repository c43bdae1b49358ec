//! Orders of every kind end to end: what their owner is told, and what everybody sees.

use crate::exchange::{Exchange, PATIENCE, Participant, feed_until};
use crate::trading::{fills, market};
use client::{Event, FeedSession, Reports};
use std::time::{SystemTime, UNIX_EPOCH};
use types::{
    CancelReason, Command, ContractId, MassCancel, NewOrder, OpenOrder, OrderKind, RejectCode, Report,
    ReportBody, Role, Scope, SelfTrade, Side, TimeInForce, Timestamp, Units, Why,
};

fn bid(contract: ContractId, units: Units, price: i64) -> NewOrder {
    NewOrder::limit(contract, Side::Buy, units, price)
}

fn ask(contract: ContractId, units: Units, price: i64) -> NewOrder {
    NewOrder::limit(contract, Side::Sell, units, price)
}

/// Places it, and gives all that came of it at once.
async fn place(who: &Participant, order: NewOrder) -> Vec<ReportBody> {
    let reports = who.session.execute(Command::NewOrder(order)).await.unwrap();
    reports.iter().map(|report| report.body).collect()
}

/// All reports up to the last one that is waited for.
async fn told(reports: &mut Reports, is_last: impl Fn(&ReportBody) -> bool) -> Vec<Report> {
    let waiting = async {
        let mut told = Vec::new();
        loop {
            let batch = reports.next().await.expect("the session goes on");
            for event in &batch.events {
                let Event::Report { report, .. } = event else { continue };
                told.push(*report);
                if is_last(&report.body) {
                    return told;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it is told in time")
}

async fn open_orders(who: &Participant) -> Vec<OpenOrder> {
    who.session.account().await.unwrap().orders
}

/// Waits until the contract's book shows these orders, units each, bids first.
async fn shows(feed: &mut FeedSession, contract: ContractId, units: &[Units]) {
    let shown = |feed: &FeedSession| -> Vec<Units> {
        feed.book(contract).map_or(Vec::new(), |book| book.orders().map(|order| order.units).collect())
    };
    if shown(feed) != units {
        feed_until(feed, |feed, _| shown(feed) == units).await;
    }
}

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

#[tokio::test]
async fn a_market_order_takes_what_its_protection_allows_and_never_rests() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    for price in [20_000, 20_100, 20_200] {
        place(&provider, ask(contract, 5, price)).await;
    }
    let order = NewOrder { kind: OrderKind::Market, ..bid(contract, 20, 20_150) };
    let reports = broker.session.execute(Command::NewOrder(order)).await.unwrap();
    assert_eq!(fills(&reports), [(20_000, 5, 15), (20_100, 5, 10)]);
    let ReportBody::Cancelled { units: 10, left: 0, reason, .. } = reports[3].body else {
        panic!("{reports:?}")
    };
    assert_eq!(reason, CancelReason::Market);
    assert!(open_orders(&broker).await.is_empty());
    let unprotected = broker.session.place(NewOrder { price: 0, ..order }).await.unwrap_err();
    assert_eq!(unprotected.code(), Some(RejectCode::NoProtection));
}

#[tokio::test]
async fn an_order_good_till_a_moment_ends_then_by_itself() {
    let exchange = Exchange::start();
    let (_, broker, contract) = market(&exchange).await;
    let mut reports = broker.session.reports();
    let passed = NewOrder { time_in_force: TimeInForce::Gtd(Timestamp(1)), ..bid(contract, 5, 20_000) };
    let late = broker.session.place(passed).await.unwrap_err();
    assert_eq!(late.code(), Some(RejectCode::ExpiryPassed));
    // A moment shortly ahead; on a machine so slow that it has passed already, one farther ahead.
    let mut ahead = 500_000_000;
    let (placed, until) = loop {
        let until = Timestamp(now() + ahead);
        let order = NewOrder { time_in_force: TimeInForce::Gtd(until), ..bid(contract, 5, 20_000) };
        match broker.session.place(order).await {
            Ok(placed) => break (placed, until),
            Err(error) => assert_eq!(error.code(), Some(RejectCode::ExpiryPassed)),
        }
        ahead *= 2;
    };
    let told = told(&mut reports, |body| matches!(body, ReportBody::Cancelled { .. })).await;
    let ended = told[told.len() - 1];
    assert!(ended.time >= until && ended.answers.is_none(), "{ended:?}");
    let (order, reason) = (placed.order, CancelReason::Expired);
    let body = ReportBody::Cancelled { order, contract, side: Side::Buy, units: 5, left: 0, reason };
    assert_eq!(ended.body, body);
    let state = broker.session.account().await.unwrap();
    assert_eq!((state.orders.len(), state.cash_in("USD".parse().unwrap()).1), (0, 0));
}

#[tokio::test]
async fn a_post_only_order_is_refused_rather_than_traded() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    place(&provider, ask(contract, 5, 20_000)).await;
    let refused = broker.session.place(NewOrder { post_only: true, ..bid(contract, 5, 20_100) }).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.to_string(), RejectCode::WouldTrade.sentence(20_000));
    let rests = place(&broker, NewOrder { post_only: true, ..bid(contract, 5, 19_999) }).await;
    assert!(matches!(rests[..], [ReportBody::Accepted { .. }]), "{rests:?}");
    let ends = NewOrder { post_only: true, time_in_force: TimeInForce::Ioc, ..bid(contract, 5, 19_999) };
    let error = broker.session.place(ends).await.unwrap_err();
    assert_eq!(error.code(), Some(RejectCode::TermsConflict));
}

#[tokio::test]
async fn of_an_iceberg_everybody_sees_one_clip_and_its_owner_all() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    let mut feed = exchange.subscriber(&broker.key).await;
    place(&provider, NewOrder { shown: 10, ..ask(contract, 45, 20_000) }).await;
    place(&provider, ask(contract, 3, 20_000)).await;
    shows(&mut feed, contract, &[10, 3]).await;
    let own = open_orders(&provider).await;
    assert_eq!(own.iter().map(|open| (open.left, open.shown)).collect::<Vec<_>>(), [(45, 10), (3, 3)]);

    // Ten use the clip up; the next one queues behind the others, also within one sweep.
    let reports = broker.session.execute(Command::NewOrder(bid(contract, 11, 20_000))).await.unwrap();
    assert_eq!(fills(&reports), [(20_000, 10, 1), (20_000, 1, 0)]);
    shows(&mut feed, contract, &[2, 10]).await;
    let reports = broker.session.execute(Command::NewOrder(bid(contract, 16, 20_000))).await.unwrap();
    assert_eq!(fills(&reports), [(20_000, 2, 14), (20_000, 10, 4), (20_000, 4, 0)]);
    shows(&mut feed, contract, &[6]).await;
    let own = open_orders(&provider).await;
    assert_eq!(own.iter().map(|open| (open.left, open.shown)).collect::<Vec<_>>(), [(21, 6)]);
    // A late subscriber is shown the same.
    let mut late = exchange.subscriber(&provider.key).await;
    shows(&mut late, contract, &[6]).await;
}

#[tokio::test]
async fn a_stop_sleeps_unseen_until_anothers_trade_wakes_it() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    let operator = exchange.operator().await;
    let other = exchange.participant(&operator, "desk", Role::Broker).await;
    let mut reports = broker.session.reports();
    let mut feed = exchange.subscriber(&broker.key).await;
    let stop = NewOrder { trigger: Some(20_100), ..bid(contract, 4, 20_200) };
    let stop = broker.session.place(stop).await.unwrap();
    for price in [20_000, 20_100, 20_200] {
        place(&provider, ask(contract, 3, price)).await;
    }
    shows(&mut feed, contract, &[3, 3, 3]).await;
    let asleep = open_orders(&broker).await;
    assert_eq!((asleep[0].order, asleep[0].shown, asleep[0].terms.trigger), (stop.order, 0, Some(20_100)));

    place(&other, bid(contract, 3, 20_000)).await;
    assert_eq!(open_orders(&broker).await, asleep, "20,000 is below its trigger");
    place(&other, bid(contract, 2, 20_100)).await;
    let told = told(&mut reports, |body| matches!(body, ReportBody::Filled { left: 0, .. })).await;
    let [accepted, woken, ..] = told[..] else { panic!("{told:?}") };
    assert!(matches!(accepted.body, ReportBody::Accepted { .. }), "{accepted:?}");
    let ReportBody::Triggered { order, left: 4, side: Side::Buy, .. } = woken.body else {
        panic!("{woken:?}")
    };
    assert_eq!((order, woken.answers), (stop.order, None));
    assert_eq!(fills(&told), [(20_100, 1, 3), (20_200, 3, 0)]);
    assert!(matches!(told[2].body, ReportBody::Filled { maker: false, .. }), "{told:?}");
    shows(&mut feed, contract, &[]).await;
    assert_eq!(broker.session.account().await.unwrap().units_of(contract), (4, 0));
}

#[tokio::test]
async fn a_mass_cancel_ends_one_side_and_says_when_it_is_done() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    broker.session.execute(Command::NewOrder(bid(contract, 1, 19_000))).await.unwrap();
    let operator = exchange.operator().await;
    operator
        .deposit_cash(provider.account, "USD".parse().unwrap(), 1_000_000_000, 1, Why::NONE)
        .await
        .unwrap();
    for units in 1..=30 {
        place(&provider, ask(contract, units % 3 + 1, 20_000)).await;
    }
    place(&provider, bid(contract, 2, 18_000)).await;
    place(&provider, NewOrder { trigger: Some(19_500), ..ask(contract, 1, 19_000) }).await;
    let mut feed = exchange.subscriber(&broker.key).await;
    let asked = MassCancel { scope: Scope::Contract(contract), side: Some(Side::Sell) };
    let reports = provider.session.execute(Command::MassCancel(asked)).await.unwrap();
    let (first, rest) = reports.split_first().unwrap();
    let (last, ends) = rest.split_last().unwrap();
    assert_eq!(first.body, ReportBody::MassCancelAccepted(asked));
    assert_eq!((last.body, last.answers), (ReportBody::MassCancelDone { orders: 31 }, first.answers));
    let is_end = |report: &Report| {
        let reason = CancelReason::Mass;
        report.answers.is_none()
            && matches!(report.body, ReportBody::Cancelled { side: Side::Sell, left: 0, reason: why, .. } if why == reason)
    };
    assert!(ends.len() == 31 && ends.iter().all(is_end), "{ends:?}");
    let left = open_orders(&provider).await;
    assert_eq!(left.iter().map(|open| open.terms.price).collect::<Vec<_>>(), [18_000]);
    assert_eq!(provider.session.account().await.unwrap().units_of(contract), (100, 0));
    shows(&mut feed, contract, &[1, 2]).await;
}

#[tokio::test]
async fn orders_of_one_account_that_meet_lose_what_they_have_in_common() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    let operator = exchange.operator().await;
    operator
        .deposit_cash(provider.account, "USD".parse().unwrap(), 1_000_000_000, 1, Why::NONE)
        .await
        .unwrap();
    let own = provider.session.place(NewOrder { shown: 6, ..ask(contract, 10, 20_000) }).await.unwrap();
    let incoming = NewOrder { self_trade: SelfTrade::Decrement, ..bid(contract, 8, 20_000) };
    let reports = place(&provider, incoming).await;
    let ends: Vec<(u64, Units, Units)> = reports
        .iter()
        .filter_map(|body| match *body {
            ReportBody::Cancelled { order, units, left, reason: CancelReason::SelfTrade, .. } => {
                Some((order, units, left))
            }
            _ => None,
        })
        .collect();
    // Six shown units go on both sides, then two of the next clip.
    let ReportBody::Accepted { order, .. } = reports[0] else { panic!("{reports:?}") };
    assert_eq!(ends[..2], [(own.order, 6, 4), (order, 6, 2)]);
    assert_eq!(ends[2..], [(own.order, 2, 2), (order, 2, 0)]);
    let open = open_orders(&provider).await;
    assert_eq!(
        open.iter().map(|open| (open.terms.units, open.left, open.shown)).collect::<Vec<_>>(),
        [(2, 2, 2)]
    );
    let state = provider.session.account().await.unwrap();
    assert_eq!(
        (state.units_of(contract), state.cash_in("USD".parse().unwrap())),
        ((98, 2), (1_000_000_000, 0))
    );
    let mut feed = exchange.subscriber(&broker.key).await;
    shows(&mut feed, contract, &[2]).await;
}

#[tokio::test]
async fn a_restart_finds_every_kind_as_it_was() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    let until = TimeInForce::Gtd(Timestamp(now() + 3 * types::HOUR_NANOS));
    place(&provider, NewOrder { shown: 10, time_in_force: until, ..ask(contract, 45, 20_000) }).await;
    place(&broker, NewOrder { trigger: Some(21_000), min_units: 4, ..bid(contract, 4, 21_000) }).await;
    place(&broker, bid(contract, 13, 20_000)).await;
    place(
        &broker,
        NewOrder { post_only: true, self_trade: SelfTrade::CancelBoth, ..bid(contract, 3, 19_000) },
    )
    .await;
    let before = [open_orders(&provider).await, open_orders(&broker).await];
    assert_eq!(before.each_ref().map(Vec::len), [1, 2]);
    assert_eq!((before[0][0].left, before[0][0].shown), (32, 7));
    let exchange = exchange.restart();
    let mut after = Vec::new();
    for who in [&provider, &broker] {
        let session = client::Session::connect(&exchange.info, &who.key).await.unwrap();
        after.push(session.account().await.unwrap().orders);
    }
    assert_eq!(after, before);
    let mut feed = exchange.subscriber(&broker.key).await;
    shows(&mut feed, contract, &[3, 7]).await;
}
