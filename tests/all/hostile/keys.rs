//! Keys that open nothing, or nothing any more, and commands that a key may not give.

use super::honest::{market, metric, metric_reaches};
use super::raw::turned_away;
use crate::exchange::Exchange;
use client::{CommandError, PrivateKey, Session, SessionError};
use protocol::{CloseCode, market_data, order_entry};
use std::time::{SystemTime, UNIX_EPOCH};
use types::{ClassSpec, Command, KeyNo, NewOrder, OrderRef, RejectCode, Rights, Role, Side, Timestamp, Why};

/// So many nanoseconds from now.
fn in_nanos(nanos: u64) -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_nanos()).unwrap() + nanos)
}

/// How gateway and feed turn a key away. The feed may learn of a key a moment later.
async fn both_turn_away(exchange: &Exchange, key: &PrivateKey, expected: CloseCode) {
    let info = &exchange.info;
    assert_eq!(turned_away(info, info.gateway, key, order_entry::ALPN).await, expected);
    while turned_away(info, info.feed, key, market_data::ALPN).await != expected {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_key_that_is_unknown_revoked_expired_or_without_rights_opens_nothing() {
    let exchange = Exchange::start();
    let (_, lab, mut honest, mallory) = market(&exchange).await;
    let operator = exchange.operator().await;
    let [trading, revoked, expiring] = [(); 3].map(|()| PrivateKey::generate());
    let register = async |key: &PrivateKey, rights, expires| {
        operator.register_key(mallory.account, key.public(), rights, expires, Why::NONE).await.unwrap()
    };
    register(&trading, Rights::TRADE, Timestamp::MAX).await;
    let number = register(&revoked, Rights::READ, Timestamp::MAX).await;
    let open = Session::connect(&exchange.info, &revoked).await.unwrap();
    operator.revoke_key(number, Why::NONE).await.unwrap();
    let ended = open.ended().await;
    assert!(matches!(ended, SessionError::Closed { code: CloseCode::KeyRevoked, .. }), "{ended}");
    register(&expiring, Rights::READ, in_nanos(2_000_000_000)).await;
    let ended = match Session::connect(&exchange.info, &expiring).await {
        Ok(session) => session.ended().await,
        // A machine that takes two seconds from the one to the other.
        Err(error) => error,
    };
    assert!(matches!(ended, SessionError::Closed { code: CloseCode::UnknownKey, .. }), "{ended}");

    both_turn_away(&exchange, &PrivateKey::generate(), CloseCode::UnknownKey).await;
    both_turn_away(&exchange, &expiring, CloseCode::UnknownKey).await;
    both_turn_away(&exchange, &revoked, CloseCode::KeyRevoked).await;
    both_turn_away(&exchange, &trading, CloseCode::NotAllowed).await;
    honest.goes_on().await;
    let closed = |code: &str| metric(&exchange, &format!("cuex_gateway_closed_total{{code=\"{code}\"}}"));
    let counts = [CloseCode::UnknownKey, CloseCode::KeyRevoked, CloseCode::NotAllowed]
        .map(|code| closed(&code.to_string()));
    assert_eq!(
        counts,
        [3.0, 2.0, 1.0],
        "a session that expired, two strangers; a session, a caller; a caller"
    );
    honest.stop(&lab, &exchange).await;
}

#[tokio::test]
async fn what_a_key_sends_after_it_was_revoked_does_nothing() {
    let exchange = Exchange::start();
    let (contract, lab, honest, mallory) = market(&exchange).await;
    let operator = exchange.operator().await;
    let watcher = PrivateKey::generate();
    operator
        .register_key(mallory.account, watcher.public(), Rights::READ, Timestamp::MAX, Why::NONE)
        .await
        .unwrap();
    let session = Session::connect(&exchange.info, &mallory.key).await.unwrap();
    let key = session.welcome().key;
    let burst = tokio::spawn({
        let session = session.clone();
        async move {
            let order = NewOrder::limit(contract, Side::Buy, 1, 1);
            // Until the session ends.
            while session.submit(Command::NewOrder(order)).await.is_ok() {}
        }
    });
    // In the middle of it.
    metric_reaches(&exchange, "cuex_gateway_commands_total{lane=\"orders\"}", 500.0).await;
    let revoked = operator.revoke_key(key, Why::NONE).await.unwrap();
    burst.await.unwrap();
    let ended = session.ended().await;
    assert!(matches!(ended, SessionError::Closed { code: CloseCode::KeyRevoked, .. }), "{ended}");
    let state = Session::connect(&exchange.info, &watcher).await.unwrap().account().await.unwrap();
    assert!(!state.orders.is_empty() && state.sequence > revoked.sequence);
    // The id of an order is its command's place in the total order.
    assert!(state.orders.iter().all(|open| open.order < revoked.sequence), "an order after the revocation");
    honest.stop(&lab, &exchange).await;
}

#[tokio::test]
async fn nobody_acts_for_another() {
    let mut exchange = Exchange::start();
    let (contract, lab, honest, mallory) = market(&exchange).await;
    let operator = exchange.operator().await;
    let victim = exchange.participant(&operator, "victim", Role::Broker).await;
    victim.session.buy(contract, types::TimeInForce::Gtc, 50, 3).await.unwrap();
    let before = victim.session.account().await.unwrap();
    let directory = operator.accounts().await.unwrap();
    let analyst = PrivateKey::generate();
    operator
        .register_key(mallory.account, analyst.public(), Rights::READ, Timestamp::MAX, Why::NONE)
        .await
        .unwrap();

    let session = Session::connect(&exchange.info, &mallory.key).await.unwrap();
    let reader = Session::connect(&exchange.info, &analyst).await.unwrap();
    let own = PrivateKey::generate().public();
    let currency = "USD".parse().unwrap();
    let orders = [
        Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1, 1)),
        Command::Replace { order: OrderRef::Number(1), price: 1, units: 1 },
        Command::Cancel(OrderRef::Number(1)),
        Command::DepositCapacity { contract, units: 1, external: 9 },
    ];
    let desk = [
        Command::DepositCash { account: mallory.account, currency, amount: 1, external: 9, why: Why::NONE },
        Command::DepositCash { account: victim.account, currency, amount: 1, external: 9, why: Why::NONE },
        Command::RegisterKey {
            account: victim.account,
            public: own,
            rights: Role::Broker.rights(),
            expires: Timestamp::MAX,
            why: Why::NONE,
        },
        Command::RevokeKey { key: victim.session.welcome().key, why: Why::NONE },
        Command::RevokeKey { key: KeyNo(1), why: Why::NONE },
        Command::OpenAccount { name: "sybil".parse().unwrap(), role: Role::Operator, why: Why::NONE },
        Command::DefineClass { spec: Box::new(ClassSpec::example()), why: Why::NONE },
    ];
    let mut refused = 0.0;
    for (session, commands) in
        [(&session, &desk[..]), (&session, &orders[3..]), (&reader, &desk), (&reader, &orders)]
    {
        for command in commands {
            let error = session.request(command.clone()).await.unwrap_err();
            assert_eq!(error.code(), Some(RejectCode::NotAllowed), "{command:?}: {error}");
            refused += 1.0;
        }
        let error = session.accounts().await.unwrap_err();
        assert_eq!(error.code(), Some(RejectCode::NotAllowed), "{error}");
    }
    // What only the exchange itself says has no words.
    for command in [Command::Clock, Command::Continue, Command::Genesis { operator: own, seed: 0 }] {
        let error = session.submit(command).await.unwrap_err();
        assert!(matches!(error, CommandError::NotOnTheWire(_)), "{error}");
    }
    assert!(metric(&exchange, "cuex_commands_total") > refused, "they are in the journal");
    assert_eq!(victim.session.account().await.unwrap().orders, before.orders);
    assert_eq!(victim.session.account().await.unwrap().cash, before.cash);
    let after = operator.accounts().await.unwrap();
    assert_eq!(after.accounts, directory.accounts);
    assert_eq!(after.keys.len(), directory.keys.len() + 1, "the analyst's, and no other");
    assert!(after.keys.iter().all(|key| !key.revoked));
    honest.stop(&lab, &exchange).await;
    assert_eq!(exchange.stop()["conserved"], true);
}
