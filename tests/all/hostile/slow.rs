//! Who takes time and gives nothing: handshakes left open, connections that say nothing, and sessions that write or
//! read slowly. Each is ended by its rule, and what it cost is given back.

use super::honest::{Honest, market, memory, metric, metric_reaches};
use super::raw::{ACCEPTS, Raw, bid, command, hello};
use crate::exchange::{Exchange, PATIENCE};
use client::{ExchangeInfo, PrivateKey, Session};
use protocol::CloseCode;
use protocol::order_entry::{self, ClientMessage, ServerMessage};
use std::collections::HashSet;
use std::net::UdpSocket;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use transport::{client_endpoint, connect};
use types::{Command, Lane, NewOrder, Side, TimeInForce};

/// Handshakes begun and left open at once.
const HANDSHAKES: usize = 1_000;
/// Connections of one key that never say hello: as many as it may have.
const SILENT: usize = 4;
/// The memory of the exchange afterwards is at most so many times what it was before.
const MEMORY_FACTOR: u64 = 3;
/// The same after handshakes, which are many and small: what is free again the allocator keeps for the next ones.
const HANDSHAKES_FACTOR: u64 = 12;

/// The first datagrams of so many connections to the gateway, none of which is ever answered.
async fn first_datagrams(info: &ExchangeInfo, count: usize) -> Vec<Vec<u8>> {
    let deaf = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = deaf.local_addr().unwrap();
    let endpoint = client_endpoint("127.0.0.1:0".parse().unwrap()).unwrap();
    let key = PrivateKey::generate();
    let mut calls = JoinSet::new();
    let (mut first, mut ids) = (Vec::new(), HashSet::new());
    let mut datagram = [0; 2_048];
    while first.len() < count {
        if calls.len() < count {
            let (endpoint, key, server) = (endpoint.clone(), key.clone(), info.key);
            calls.spawn(async move {
                let _ = connect(&endpoint, address, server, &key, order_entry::ALPN, ACCEPTS).await;
            });
        }
        let Ok(Ok((length, _))) = timeout(Duration::from_millis(100), deaf.recv_from(&mut datagram)).await
        else {
            continue;
        };
        // The id that the connection is known by stands behind the version.
        let id = datagram[6..6 + usize::from(datagram[5])].to_vec();
        if datagram[0] & 0xf0 == 0xc0 && ids.insert(id) {
            first.push(datagram[..length].to_vec());
        }
    }
    calls.abort_all();
    first
}

/// Leaves handshakes and connections open until the exchange has given all of them up, for the so many-th time. Gives
/// the memory it takes then.
async fn leave_open(exchange: &Exchange, honest: &mut Honest, key: &PrivateKey, time: usize) -> u64 {
    let gateway = exchange.info.gateway;
    let first = first_datagrams(&exchange.info, HANDSHAKES).await;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for some in first.chunks(100) {
        for datagram in some {
            socket.send_to(datagram, gateway).unwrap();
        }
        honest.goes_on().await;
    }
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(Raw::call(gateway, &exchange.info, key, order_entry::ALPN).await);
    }
    for raw in &silent {
        raw.is_closed(CloseCode::Silent).await;
    }
    let count = |each: usize| f64::from(u32::try_from(each * time).unwrap());
    metric_reaches(exchange, "cuex_gateway_handshakes_failed_total", count(HANDSHAKES)).await;
    let closed = metric(exchange, "cuex_gateway_closed_total{code=\"Silent\"}");
    assert_eq!(closed, count(SILENT));
    assert_eq!(metric(exchange, "cuex_gateway_sessions"), 1.0, "the honest one is still there");
    memory(exchange)
}

#[tokio::test]
async fn handshakes_left_open_by_the_thousand_are_given_up_and_cost_nothing_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("cuex.toml");
    std::fs::write(&config, "[gateway]\nhello_s = 2\n").unwrap();
    let mut exchange = Exchange::start_with(&["--init", "--config", config.to_str().unwrap()]);
    let (_, lab, mut honest, mallory) = market(&exchange).await;
    let (quiet, before) = (honest.pace().await, memory(&exchange));
    let mut after = Vec::new();
    for time in 1..=3 {
        after.push(leave_open(&exchange, &mut honest, &mallory.key, time).await);
    }
    let pace = honest.pace().await;
    eprintln!("memory before, and after each time: {before} {after:?} bytes");
    eprintln!("an honest round meanwhile: {:.1} times a quiet one", pace.div_duration_f64(quiet));
    assert!(after.iter().all(|bytes| *bytes < HANDSHAKES_FACTOR * before), "{before}, {after:?}");
    // While the first ones fade away the second ones come; from then on there is nothing new to pay for.
    assert!(20 * after[2] < 27 * after[1], "it costs memory each time: {before}, {after:?}");
    // Who wants to come in is let in.
    exchange.session(&mallory.key).await.account().await.unwrap();
    honest.stop(&lab, &exchange).await;
    assert_eq!(exchange.stop()["conserved"], true);
}

#[tokio::test]
async fn who_writes_slowly_holds_up_only_itself() {
    let exchange = Exchange::start();
    let (contract, lab, mut honest, mallory) = market(&exchange).await;
    let quiet = honest.pace().await;
    let mut raw = Raw::call(exchange.info.gateway, &exchange.info, &mallory.key, order_entry::ALPN).await;
    raw.greet(&hello()).await;
    let mut lane = raw.lane(Lane::Orders, &[]).await;
    // A byte at a time, each in a packet of its own.
    for (at, byte) in [command(1, bid(contract)), command(2, bid(contract))].concat().into_iter().enumerate()
    {
        lane.write_all(&[byte]).await.unwrap();
        if at % 8 == 0 {
            honest.goes_on().await;
        }
    }
    let told = raw.told(2).await;
    assert!(told.iter().all(|message| matches!(message, ServerMessage::Report(_))), "{told:?}");
    let pace = honest.pace().await;
    eprintln!("an honest round meanwhile: {:.1} times a quiet one", pace.div_duration_f64(quiet));
    honest.stop(&lab, &exchange).await;
}

#[tokio::test]
async fn who_does_not_read_is_cut_before_it_costs_memory() {
    let mut exchange = Exchange::start();
    let (contract, lab, mut honest, mallory) = market(&exchange).await;
    let (quiet, before) = (honest.pace().await, memory(&exchange));
    let mut raw = Raw::call(exchange.info.gateway, &exchange.info, &mallory.key, order_entry::ALPN).await;
    raw.greet(&hello()).await;
    let mut lane = raw.lane(Lane::Orders, &[]).await;
    // Each makes two reports, none of which is ever read.
    let order = NewOrder { time_in_force: TimeInForce::Ioc, ..NewOrder::limit(contract, Side::Buy, 1, 1) };
    let mut sent = 0;
    let flood = async {
        loop {
            let mut bytes = Vec::new();
            (0..500).for_each(|_| {
                sent += 1;
                let message = ClientMessage::Command { number: sent, command: Command::NewOrder(order) };
                message.encode(&mut bytes).unwrap();
            });
            if lane.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    timeout(PATIENCE, flood).await.expect("who does not read is cut");
    raw.is_closed(CloseCode::TooSlow).await;
    let pace = honest.pace().await;
    assert_eq!(metric(&exchange, "cuex_gateway_closed_total{code=\"TooSlow\"}"), 1.0);
    drop(raw);
    let after = memory(&exchange);
    eprintln!("cut after {sent} orders; memory before and after: {before} {after} bytes");
    eprintln!("an honest round meanwhile: {:.1} times a quiet one", pace.div_duration_f64(quiet));
    assert!(after < MEMORY_FACTOR * before, "{after} bytes, {before} before");
    // It may come back, and is told where it stands.
    let again = Session::connect(&exchange.info, &mallory.key).await.unwrap();
    assert!(again.welcome().taken[0] <= sent);
    assert_eq!(again.account().await.unwrap().orders, []);
    honest.stop(&lab, &exchange).await;
    assert_eq!(exchange.stop()["conserved"], true);
}
