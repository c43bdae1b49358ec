//! What was recorded of a session, sent again: it is noise to everybody but that session.

use super::honest::{market, metric};
use crate::exchange::Exchange;
use crate::proxy::{Proxy, Weather};
use client::{ExchangeInfo, Session};
use rand::seq::SliceRandom;
use rand::{SeedableRng, rngs::StdRng};
use std::net::UdpSocket;
use types::{Role, TimeInForce};

const ORDERS: usize = 30;

#[tokio::test]
async fn a_recorded_session_sent_again_does_nothing() {
    let mut exchange = Exchange::start();
    let (contract, lab, mut honest, _) = market(&exchange).await;
    let operator = exchange.operator().await;
    let victim = exchange.participant(&operator, "victim", Role::Broker).await;
    victim.session.close().await;
    let proxy = Proxy::start(exchange.info.gateway, Weather::CALM, 0).await;
    let info = ExchangeInfo { gateway: proxy.address, ..exchange.info };
    let session = Session::connect(&info, &victim.key).await.unwrap();
    for price in (100..).take(ORDERS) {
        session.buy(contract, TimeInForce::Gtc, price, 1).await.unwrap();
    }
    let before = session.account().await.unwrap();
    assert_eq!(before.orders.len(), ORDERS);
    let quiet = honest.pace().await;

    // Once while the session is open, and once when it is over; in order, and in any order; from another port, to both.
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..2 {
        let mut recorded = proxy.seen.client_sent();
        assert!(recorded.len() > ORDERS, "the session was recorded");
        for _ in 0..3 {
            for datagram in &recorded {
                for address in [exchange.info.gateway, exchange.info.feed] {
                    // A full socket buffer drops it, which is as well.
                    let _ = socket.send_to(datagram, address);
                }
            }
            honest.goes_on().await;
            recorded.shuffle(&mut random);
        }
        session.close().await;
    }
    let pace = honest.pace().await;
    eprintln!("an honest round meanwhile: {:.1} times a quiet one", pace.div_duration_f64(quiet));

    let again = Session::connect(&exchange.info, &victim.key).await.unwrap();
    let after = again.account().await.unwrap();
    assert_eq!(
        (&after.orders, &after.cash, after.last_report),
        (&before.orders, &before.cash, before.last_report)
    );
    let rounds = honest.stop(&lab, &exchange).await;
    let count = |lane: &str| metric(&exchange, &format!("cuex_gateway_commands_total{{lane=\"{lane}\"}}"));
    assert_eq!(
        count("cancels"),
        f64::from(u32::try_from(rounds).unwrap()),
        "only honest cancels came through"
    );
    assert_eq!(exchange.stop()["conserved"], true);
}
