//! Orders end to end: a trade between two accounts, partial fills, replace, a cancel race, refusals.

use crate::exchange::{Exchange, Participant, feed_until};
use client::{CommandError, FeedEvent, SessionError};
use protocol::CloseCode;
use types::{
    Command, ContractId, NewOrder, OrderRef, RejectCode, Report, ReportBody, Rights, Role, Side, TimeInForce,
    Timestamp, Units, Why,
};

const GTC: TimeInForce = TimeInForce::Gtc;

/// A provider with 100 units of one contract, and a broker with 1,000 dollars.
pub(crate) async fn market(exchange: &Exchange) -> (Participant, Participant, ContractId) {
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let provider = exchange.participant(&operator, "acme", Role::Provider).await;
    let broker = exchange.participant(&operator, "lab", Role::Broker).await;
    provider.session.deposit_capacity(contract, 100, 1).await.unwrap();
    (provider, broker, contract)
}

fn buy(contract: ContractId, time_in_force: TimeInForce, price: i64, units: Units) -> Command {
    Command::NewOrder(NewOrder { time_in_force, ..NewOrder::limit(contract, Side::Buy, units, price) })
}

/// Price, units and what was left, fill by fill.
pub(crate) fn fills(reports: &[Report]) -> Vec<(i64, Units, Units)> {
    let fill = |report: &Report| match report.body {
        ReportBody::Filled { price, units, left, .. } => Some((price, units, left)),
        _ => None,
    };
    reports.iter().filter_map(fill).collect()
}

#[tokio::test]
async fn two_accounts_trade_and_both_are_told() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    let mut told = provider.session.reports();
    let ask = provider.session.sell(contract, GTC, 20_000, 10).await.unwrap();
    let reports = broker.session.execute(buy(contract, GTC, 21_000, 4)).await.unwrap();
    assert_eq!(fills(&reports), [(20_000, 4, 0)]);

    // The maker hears of it without having asked.
    let fill = loop {
        let batch = told.next().await.unwrap();
        let report = batch.events.iter().find_map(|event| match event {
            client::Event::Report { report, .. } if matches!(report.body, ReportBody::Filled { .. }) => {
                Some(*report)
            }
            _ => None,
        });
        if let Some(report) = report {
            break report;
        }
    };
    assert_eq!(fill.answers, None);
    assert_eq!(fills(&[fill]), [(20_000, 4, 6)]);

    // 4 units at 2.0000 for one hour are 8 dollars, and each side pays 0.1 %.
    let bought = broker.session.account().await.unwrap();
    assert_eq!(bought.units_of(contract), (4, 0));
    assert_eq!(bought.cash_in("USD".parse().unwrap()), (1_000_000_000 - 8_008_000, 0));
    let sold = provider.session.account().await.unwrap();
    assert_eq!(sold.units_of(contract), (90, 6));
    assert_eq!(sold.cash_in("USD".parse().unwrap()), (7_992_000, 0));
    assert_eq!(
        sold.orders.iter().map(|order| (order.order, order.left)).collect::<Vec<_>>(),
        [(ask.order, 6)]
    );
}

#[tokio::test]
async fn a_sweep_fills_in_price_time_order_and_the_rest_rests() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    for (price, units) in [(20_100, 3), (20_000, 2), (20_000, 1), (20_300, 9)] {
        provider.session.sell(contract, GTC, price, units).await.unwrap();
    }
    let reports = broker.session.execute(buy(contract, GTC, 20_200, 8)).await.unwrap();
    assert_eq!(fills(&reports), [(20_000, 2, 6), (20_000, 1, 5), (20_100, 3, 2)]);
    let state = broker.session.account().await.unwrap();
    assert_eq!(
        state.orders.iter().map(|order| (order.terms.price, order.left)).collect::<Vec<_>>(),
        [(20_200, 2)]
    );
    // What is reserved is the rest at its limit with its fee: 2 x 2.02 and 0.1 % of it.
    assert_eq!(state.cash_in("USD".parse().unwrap()).1, 4_044_040);
}

#[tokio::test]
async fn immediate_and_fill_or_kill_orders_never_rest() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    provider.session.sell(contract, GTC, 20_000, 5).await.unwrap();
    let killed = broker.session.execute(buy(contract, TimeInForce::Fok, 20_000, 6)).await.unwrap();
    assert_eq!(fills(&killed), []);
    let part = broker.session.execute(buy(contract, TimeInForce::Ioc, 20_000, 6)).await.unwrap();
    assert_eq!(fills(&part), [(20_000, 5, 1)]);
    assert!(matches!(part.last().unwrap().body, ReportBody::Cancelled { units: 1, .. }));
    let state = broker.session.account().await.unwrap();
    assert!(state.orders.is_empty());
    assert_eq!(state.cash_in("USD".parse().unwrap()).1, 0);
}

#[tokio::test]
async fn a_replaced_order_moves_and_can_trade() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    provider.session.sell(contract, GTC, 21_000, 5).await.unwrap();
    let bid = broker.session.buy(contract, GTC, 20_000, 5).await.unwrap();
    let bid = broker.session.replace(bid, 20_500, 8).await.unwrap();
    let reports = broker
        .session
        .execute(Command::Replace { order: bid.into(), price: 21_000, units: 8 })
        .await
        .unwrap();
    assert_eq!(fills(&reports), [(21_000, 5, 3)]);
    // The total counts what is filled: 5 or less is refused, and the order stays as it was.
    let state = broker.session.account().await.unwrap();
    let open = state.orders[0];
    let refused = broker.session.replace(OrderRef::Number(open.number), 21_000, 5).await.unwrap_err();
    assert_eq!(refused.code(), Some(RejectCode::AlreadyFilled));
    assert_eq!(broker.session.account().await.unwrap().orders, state.orders);
}

#[tokio::test]
async fn of_a_cancel_and_a_fill_exactly_one_wins() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    let (mut cancelled, mut filled) = (0, 0);
    for _ in 0..40 {
        let ask = provider.session.sell(contract, GTC, 20_000, 1).await.unwrap();
        let (cancel, take) = tokio::join!(
            provider.session.cancel(ask),
            broker.session.execute(buy(contract, TimeInForce::Ioc, 20_000, 1))
        );
        let traded = fills(&take.unwrap()).len();
        match cancel {
            Ok(_) => cancelled += 1,
            Err(error) => assert_eq!(error.code(), Some(RejectCode::UnknownOrder)),
        }
        filled += traded;
    }
    assert_eq!(cancelled + filled, 40);
    let (bought, sold) = (broker.session.account().await.unwrap(), provider.session.account().await.unwrap());
    assert_eq!(bought.units_of(contract).0 as usize, filled);
    assert_eq!(sold.units_of(contract), (100 - u32::try_from(filled).unwrap(), 0));
}

#[tokio::test]
async fn an_order_can_be_cancelled_before_it_is_acknowledged() {
    let exchange = Exchange::start();
    let (_, broker, contract) = market(&exchange).await;
    let mut told = broker.session.reports();
    let number = broker.session.submit(buy(contract, GTC, 20_000, 1)).await.unwrap();
    // The lanes are two streams: a cancel that overtakes its order finds nothing, and is sent again.
    loop {
        match broker.session.cancel(OrderRef::Number(number)).await {
            Ok(_) => break,
            Err(error) => assert_eq!(error.code(), Some(RejectCode::UnknownOrder)),
        }
    }
    drop(told.next().await);
    assert!(broker.session.account().await.unwrap().orders.is_empty());
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let provider = exchange.participant(&operator, "acme", Role::Provider).await;
    let broker = exchange.participant(&operator, "lab", Role::Broker).await;
    let before = broker.session.account().await.unwrap();
    let other_class = ContractId(contract.0 + (7 << 21));
    let past = ContractId(contract.0 - 24);
    let far = ContractId(contract.0 + 20 * 24);
    for (command, code) in [
        (buy(contract, GTC, 0, 1), RejectCode::PriceOutOfRange),
        (buy(contract, GTC, 1, 0), RejectCode::UnitsOutOfRange),
        (buy(other_class, GTC, 1, 1), RejectCode::UnknownClass),
        (buy(past, GTC, 1, 1), RejectCode::GateClosed),
        (buy(far, GTC, 1, 1), RejectCode::BeyondHorizon),
        (buy(contract, GTC, 1_000_000_000, 1_000_000), RejectCode::NotEnoughCash),
        (Command::DepositCapacity { contract, units: 1, external: 1 }, RejectCode::NotAllowed),
        (
            Command::DefineClass { spec: Box::new(types::ClassSpec::example()), why: Why::NONE },
            RejectCode::NotAllowed,
        ),
        (Command::Cancel(OrderRef::Id { order: 5, slot: 0 }), RejectCode::UnknownOrder),
        (Command::Cancel(OrderRef::Number(77)), RejectCode::UnknownOrder),
    ] {
        let error = broker.session.request(command.clone()).await.unwrap_err();
        assert_eq!(error.code(), Some(code), "{command:?}");
    }
    let after = broker.session.account().await.unwrap();
    assert_eq!((after.cash, after.holdings, after.orders), (before.cash, before.holdings, before.orders));
    let error = provider.session.sell(contract, GTC, 1, 1).await.unwrap_err();
    assert_eq!(error.code(), Some(RejectCode::NotEnoughUnits));
    let twice = operator.define_class(types::ClassSpec::example(), Why::NONE).await.unwrap_err();
    assert_eq!(twice.code(), Some(RejectCode::ClassListed));
}

#[tokio::test]
async fn anothers_order_is_as_unknown_as_none() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    let ask = provider.session.sell(contract, GTC, 20_000, 1).await.unwrap();
    let foreign = broker.session.cancel(ask).await.unwrap_err();
    assert!(matches!(foreign, CommandError::Rejected { code: RejectCode::UnknownOrder, value: 0 }));
    assert_eq!(provider.session.account().await.unwrap().orders.len(), 1);
}

#[tokio::test]
async fn a_deposit_sent_twice_is_one_deposit() {
    let exchange = Exchange::start();
    let operator = exchange.operator().await;
    exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let usd = "USD".parse().unwrap();
    let again = operator.deposit_cash(lab.account, usd, 1_000_000_000, 1, Why::NONE).await.unwrap();
    assert!(matches!(again.body, ReportBody::CashCredited { amount: 0, .. }));
    let differs = operator.deposit_cash(lab.account, usd, 5, 1, Why::NONE).await.unwrap_err();
    assert_eq!(differs.code(), Some(RejectCode::DepositDiffers));
    assert_eq!(lab.session.account().await.unwrap().cash_in(usd), (1_000_000_000, 0));
}

#[tokio::test]
async fn a_revoked_key_is_out_at_once_and_an_unknown_one_never_in() {
    let exchange = Exchange::start();
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let spare = client::PrivateKey::generate();
    operator
        .register_key(lab.account, spare.public(), Rights::READ, Timestamp::MAX, Why::NONE)
        .await
        .unwrap();
    let reader = client::Session::connect(&exchange.info, &spare).await.unwrap();
    let error = reader.buy(contract, GTC, 1, 1).await.unwrap_err();
    assert_eq!(error.code(), Some(RejectCode::NotAllowed));

    operator.revoke_key(lab.session.welcome().key, Why::NONE).await.unwrap();
    let ended = lab.session.ended().await;
    assert!(matches!(ended, SessionError::Closed { code: CloseCode::KeyRevoked, .. }), "{ended}");
    let stranger = client::PrivateKey::generate();
    let error = client::Session::connect(&exchange.info, &stranger).await.unwrap_err();
    assert!(matches!(error, SessionError::Closed { code: CloseCode::UnknownKey, .. }), "{error}");
    // The other key of the account still reads.
    assert_eq!(reader.account().await.unwrap().account, lab.account);
}

#[tokio::test]
async fn two_subscribers_rebuild_the_same_book() {
    let exchange = Exchange::start();
    let (provider, broker, contract) = market(&exchange).await;
    let mut early = exchange.subscriber(&provider.key).await;
    for price in [20_000, 20_100, 20_200, 20_000] {
        provider.session.sell(contract, GTC, price, 5).await.unwrap();
    }
    broker.session.execute(buy(contract, GTC, 20_100, 7)).await.unwrap();
    let mut late = exchange.subscriber(&broker.key).await;
    let bid = broker.session.buy(contract, GTC, 19_000, 3).await.unwrap();
    let is_bid = |feed: &client::FeedSession, _: &FeedEvent| {
        feed.book(contract).is_some_and(|book| book.best(Side::Buy).is_some())
    };
    feed_until(&mut early, is_bid).await;
    feed_until(&mut late, is_bid).await;
    let (one, other) = (early.book(contract).unwrap(), late.book(contract).unwrap());
    assert_eq!(one.digest(), other.digest());
    assert_eq!(one.orders().collect::<Vec<_>>(), other.orders().collect::<Vec<_>>());
    assert_eq!(one.orders().next().unwrap().order, bid.order);
    assert_eq!(one.last_price(), 20_000);
    assert_eq!((early.counters().gaps, late.counters().gaps), (0, 0));
}
