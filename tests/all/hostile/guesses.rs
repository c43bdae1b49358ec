//! Guessing at the orders of others: whatever is named, the answer is that of an order there never was.

use super::honest::market;
use crate::exchange::Exchange;
use client::{CommandError, Session};
use types::{Command, OrderRef, RejectCode, Role, TimeInForce};

/// What is said to a cancel and to a replace of this order.
async fn answers(session: &Session, order: OrderRef) -> [(RejectCode, i64); 2] {
    let mut said = Vec::new();
    for command in [Command::Cancel(order), Command::Replace { order, price: 1, units: 9 }] {
        let error = session.request(command).await.unwrap_err();
        let CommandError::Rejected { code, value } = error else { panic!("{order:?}: {error}") };
        said.push((code, value));
    }
    said.try_into().unwrap()
}

#[tokio::test]
async fn an_order_of_another_is_as_unknown_as_one_there_never_was() {
    let mut exchange = Exchange::start();
    let (contract, lab, honest, mallory) = market(&exchange).await;
    let operator = exchange.operator().await;
    let victim = exchange.participant(&operator, "victim", Role::Provider).await;
    victim.session.deposit_capacity(contract, 50, 1).await.unwrap();
    let mut theirs = Vec::new();
    for price in 200..210 {
        theirs.push(victim.session.sell(contract, TimeInForce::Gtc, price, 1).await.unwrap());
    }
    let before = victim.session.account().await.unwrap();
    let session = Session::connect(&exchange.info, &mallory.key).await.unwrap();
    let own = session.buy(contract, TimeInForce::Gtc, 50, 1).await.unwrap();
    session.cancel(own).await.unwrap();

    let never = OrderRef::Id { order: u64::MAX, slot: u32::MAX };
    let unknown = answers(&session, never).await;
    assert_eq!(unknown, [(RejectCode::UnknownOrder, 0); 2]);
    let mut named: Vec<OrderRef> = vec![own.into(), OrderRef::Number(1), OrderRef::Number(7_777)];
    named.extend(theirs.iter().map(|&placed| OrderRef::from(placed)));
    // The right id and another's slot, the right slot and another id, and all ids around.
    let slots = || theirs.iter().map(|placed| placed.slot);
    named.extend(slots().map(|slot| OrderRef::Id { order: theirs[0].order, slot }));
    named.extend(slots().map(|slot| OrderRef::Id { order: own.order, slot }));
    let around = theirs[0].order.saturating_sub(20)..theirs[9].order + 20;
    named.extend(around.map(|id| OrderRef::Id { order: id, slot: theirs[3].slot }));
    for order in named {
        assert_eq!(answers(&session, order).await, unknown, "{order:?}");
    }

    let after = victim.session.account().await.unwrap();
    assert_eq!((after.orders, after.last_report), (before.orders, before.last_report));
    assert!(session.account().await.unwrap().orders.is_empty());
    honest.stop(&lab, &exchange).await;
    assert_eq!(exchange.stop()["conserved"], true);
}
